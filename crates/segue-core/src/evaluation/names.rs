//! Numbers for names that occur in every profile's state, so that a state holds the number.
//!
//! Invariant: a name keeps its number for the life of the data, and numbers are given in the order
//! in which names were first seen in the log; so a replay gives the same ones.

use std::collections::BTreeMap;

use std::sync::Arc;

use super::moments::AudienceNumber;
use crate::membership::AudienceKey;

/// What the names of audiences begin with; those of traces begin otherwise.
pub(super) const AUDIENCE: &str = "audience ";

/// Names, numbered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Names {
    numbers: BTreeMap<String, u32>,
    /// The audiences among them, also those that are gone.
    audiences: BTreeMap<AudienceNumber, Arc<AudienceKey>>,
    /// Those that are not stored yet.
    new: Vec<String>,
}

impl Names {
    /// Gives a name a number, unless it has one.
    pub(crate) fn give(&mut self, name: &str) {
        if !self.numbers.contains_key(name) {
            let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
            self.restore(name.to_owned(), number);
            self.new.push(name.to_owned());
        }
    }

    /// The number that a name has.
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The audience with this id.
    pub(crate) fn audience(&self, id: &str) -> Option<&Arc<AudienceKey>> {
        self.audience_of(self.find(&format!("{AUDIENCE}{id}"))?)
    }

    /// The audience with this number.
    pub(crate) fn audience_of(&self, number: AudienceNumber) -> Option<&Arc<AudienceKey>> {
        self.audiences.get(&number)
    }

    /// The names that got a number since the last call.
    pub(crate) fn take_new(&mut self) -> Vec<String> {
        std::mem::take(&mut self.new)
    }

    /// Puts back what was stored.
    pub(crate) fn restore(&mut self, name: String, number: u32) {
        if let Some(id) = name.strip_prefix(AUDIENCE) {
            let key = AudienceKey { number, id: id.to_owned() };
            self.audiences.insert(number, Arc::new(key));
        }
        self.numbers.insert(name, number);
    }
}
