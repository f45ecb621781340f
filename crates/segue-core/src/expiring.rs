//! A map whose entries are gone at a given moment of logical time.

use std::collections::{BTreeMap, BTreeSet};

use segue_xdm::Timestamp;

/// Each key has a value and the moment from which it no longer counts.
#[derive(Debug)]
pub(crate) struct Expiring<K, V> {
    entries: BTreeMap<K, (Timestamp, V)>,
    /// The same entries, the first to go first.
    queue: BTreeSet<(Timestamp, K)>,
}

impl<K: Ord + Copy, V> Expiring<K, V> {
    pub(crate) fn new() -> Expiring<K, V> {
        Expiring { entries: BTreeMap::new(), queue: BTreeSet::new() }
    }

    /// The value and its end.
    pub(crate) fn get(&self, key: K) -> Option<(Timestamp, &V)> {
        self.entries.get(&key).map(|(until, value)| (*until, value))
    }

    pub(crate) fn insert(&mut self, key: K, until: Timestamp, value: V) {
        self.remove(key);
        self.entries.insert(key, (until, value));
        self.queue.insert((until, key));
    }

    pub(crate) fn remove(&mut self, key: K) {
        if let Some((until, _)) = self.entries.remove(&key) {
            self.queue.remove(&(until, key));
        }
    }

    /// Removes what has ended by `now`, and says which.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<K> {
        let mut gone = Vec::new();
        while let Some(&(until, key)) = self.queue.first()
            && until <= now
        {
            self.remove(key);
            gone.push(key);
        }
        gone
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = K> {
        self.entries.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_ends_at_its_last_moment_not_before() {
        let mut map = Expiring::new();
        let at = Timestamp::from_millis;
        map.insert(1, at(10), "a");
        map.insert(2, at(5), "b");
        map.insert(1, at(20), "c");
        assert_eq!(map.expire(at(4)), [0; 0]);
        assert_eq!(map.expire(at(10)), [2]);
        assert_eq!(map.get(1), Some((at(20), &"c")));
        assert_eq!(map.expire(at(20)), [1]);
        assert_eq!(map.keys().count(), 0);
    }
}
