//! A map whose entries are gone at a given moment of logical time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;

use segue_xdm::Timestamp;

/// Each key has a value and the moment from which it no longer counts.
#[derive(Debug)]
pub(crate) struct Expiring<K, V> {
    entries: HashMap<K, (Timestamp, V)>,
    /// The same entries, the first to go first; with some that were removed or end later.
    queue: BinaryHeap<Reverse<(Timestamp, K)>>,
}

impl<K: Ord + Copy + Hash, V> Expiring<K, V> {
    pub(crate) fn new() -> Expiring<K, V> {
        Expiring { entries: HashMap::new(), queue: BinaryHeap::new() }
    }

    /// The value and its end.
    pub(crate) fn get(&self, key: K) -> Option<(Timestamp, &V)> {
        self.entries.get(&key).map(|(until, value)| (*until, value))
    }

    pub(crate) fn insert(&mut self, key: K, until: Timestamp, value: V) {
        self.entries.insert(key, (until, value));
        self.queue.push(Reverse((until, key)));
    }

    pub(crate) fn remove(&mut self, key: K) {
        self.entries.remove(&key);
    }

    /// Removes what has ended by `now`, and says which.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<K> {
        let mut gone = Vec::new();
        while let Some(Reverse((until, key))) = self.queue.peek().copied()
            && until <= now
        {
            self.queue.pop();
            if self.entries.get(&key).is_some_and(|(found, _)| *found == until) {
                self.entries.remove(&key);
                gone.push(key);
            }
        }
        gone
    }

    /// The keys, in no order.
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
        map.insert(3, at(5), "d");
        map.remove(3);
        assert_eq!(map.expire(at(4)), [0; 0]);
        assert_eq!(map.expire(at(10)), [2]);
        assert_eq!(map.get(1), Some((at(20), &"c")));
        assert_eq!(map.expire(at(20)), [1]);
        assert_eq!(map.keys().count(), 0);
    }
}
