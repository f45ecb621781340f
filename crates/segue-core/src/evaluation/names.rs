//! Numbers for names that occur in every profile's state, so that a state holds the number.
//!
//! Invariant: a name keeps its number for the life of the data, and numbers are given in the order
//! in which names were first seen in the log; so a replay gives the same ones.

use std::collections::BTreeMap;

/// Names, numbered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Names {
    numbers: BTreeMap<String, u32>,
}

impl Names {
    /// The number of a name, and whether it was given just now.
    pub(crate) fn number(&mut self, name: &str) -> (u32, bool) {
        if let Some(number) = self.numbers.get(name) {
            return (*number, false);
        }
        let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        self.numbers.insert(name.to_owned(), number);
        (number, true)
    }

    /// The number that a name has.
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// Puts back what was stored.
    pub(crate) fn restore(&mut self, name: String, number: u32) {
        self.numbers.insert(name, number);
    }
}
