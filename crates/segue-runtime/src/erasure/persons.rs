//! Who is being erased, and how to recognise what is hers.

use std::collections::{BTreeSet, HashMap};

use segue_core::{Erased, ProfileId};
use segue_xdm::Identity;

use super::receipt::Receipt;
use crate::activation_log::LogEnds;

/// One person who is being erased: what the ledger knows of her, and what has been done.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Person {
    pub(crate) receipt: Receipt,
    pub(crate) erased: Erased,
    /// Where the activation logs ended when she was gone from the state: nothing behind it is
    /// about her, but about whoever came with her identities later. None before that is known.
    pub(crate) ends: Option<LogEnds>,
}

/// Persons who are being erased at the same time, numbered from 0.
#[derive(Debug)]
pub struct Persons {
    persons: Vec<Person>,
    by_profile: HashMap<ProfileId, Vec<usize>>,
    by_identity: HashMap<Identity, Vec<usize>>,
}

impl Persons {
    pub(super) fn new(persons: Vec<Person>) -> Persons {
        let mut by_profile: HashMap<ProfileId, Vec<usize>> = HashMap::new();
        let mut by_identity: HashMap<Identity, Vec<usize>> = HashMap::new();
        for (number, person) in persons.iter().enumerate() {
            for profile in &person.erased.profiles {
                by_profile.entry(*profile).or_default().push(number);
            }
            for identity in &person.erased.identities {
                by_identity.entry(identity.clone()).or_default().push(number);
            }
        }
        Persons { persons, by_profile, by_identity }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.persons.len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.persons.is_empty()
    }

    /// The end of what can be about any of them in a partition of an activation log; 0 when the
    /// log is done.
    #[must_use]
    pub fn end_in(&self, log: &str, partition: u16) -> u64 {
        let ends = (0..self.len()).map(|number| self.end_of(number, log, partition));
        ends.max().unwrap_or_default()
    }

    /// The persons whom the message at an offset of an activation log is about, or whom it names.
    pub fn in_message<'a>(
        &'a self,
        (log, partition, offset): (&'a str, u16, u64),
        profile: Option<ProfileId>,
        names: &'a [Identity],
    ) -> impl Iterator<Item = usize> + 'a {
        let found = self.found(profile, names);
        found.into_iter().filter(move |number| offset < self.end_of(*number, log, partition))
    }

    /// The persons whom a letter outside the activation logs is about; or whom it names, if it was
    /// written before she was erased: a later one may be about whoever came with her identities.
    pub fn in_letter<'a>(
        &'a self,
        time_ms: i64,
        profile: Option<ProfileId>,
        names: &'a [Identity],
    ) -> impl Iterator<Item = usize> + 'a {
        let is_hers = move |number: &usize| {
            self.persons.get(*number).is_some_and(|Person { receipt, erased, .. }| {
                let is_about = profile.is_some_and(|profile| erased.profiles.contains(&profile));
                is_about || time_ms <= receipt.asked_at.as_millis()
            })
        };
        self.found(profile, names).into_iter().filter(is_hers)
    }

    fn found(&self, profile: Option<ProfileId>, names: &[Identity]) -> BTreeSet<usize> {
        let about = profile.and_then(|profile| self.by_profile.get(&profile));
        about.into_iter().flatten().copied().chain(self.naming(names)).collect()
    }

    /// The persons whom these identities name.
    pub(super) fn naming<'a>(&'a self, names: &'a [Identity]) -> impl Iterator<Item = usize> + 'a {
        names.iter().filter_map(|name| self.by_identity.get(name)).flatten().copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Person> {
        self.persons.iter()
    }

    pub(super) fn get(&self, number: usize) -> Option<&Person> {
        self.persons.get(number)
    }

    pub(super) fn into_persons(self) -> Vec<Person> {
        self.persons
    }

    /// Where what can be about one of them ends.
    fn end_of(&self, number: usize, log: &str, partition: u16) -> u64 {
        let Some(Person { receipt, ends, .. }) = self.persons.get(number) else {
            return 0;
        };
        let is_done = receipt.logs.get(log).is_some_and(|log| log.waiting == 0);
        let ends = ends.as_ref().filter(|_| !is_done).and_then(|ends| ends.get(log));
        ends.and_then(|ends| ends.get(usize::from(partition))).copied().unwrap_or_default()
    }
}
