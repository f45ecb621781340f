//! Who numbers the records of a topic: a sequence (`senders/sequence.rs`) a producer and partition.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::super::sequence::{Sequence, Sequences};
use crate::sender::OutboundMessage;

/// Who sends, in the books of the brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Producer {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

/// The producers of one sender.
#[derive(Default)]
pub(super) struct Producers(Mutex<State>);

#[derive(Default)]
struct State {
    is_refused: bool,
    known: Vec<Producer>,
    partitions: BTreeMap<usize, Partition>,
}

/// The sequences of one partition.
#[derive(Default)]
struct Partition {
    /// How many producers have one here, or had.
    begun: usize,
    free: Sequences<Producer>,
}

impl Producers {
    /// Lends the sequence for messages of a partition: the one in which their answer is missing,
    /// or one that goes on with them. None when there must be one more producer.
    pub(super) fn lend(
        &self,
        partition: usize,
        messages: &[&OutboundMessage],
    ) -> Option<Sequence<Producer>> {
        let State { known, partitions, .. } = &mut *self.0.lock();
        let Partition { begun, free } = partitions.entry(partition).or_default();
        if let Some(sequence) = free.lend(messages) {
            return Some(sequence);
        }
        let producer = *known.get(*begun)?;
        *begun += 1;
        Some(Sequence::new(producer, 0))
    }

    /// Takes a sequence back.
    pub(super) fn take_back(&self, partition: usize, sequence: Sequence<Producer>) {
        self.0.lock().partitions.entry(partition).or_default().free.take_back(sequence);
    }

    pub(super) fn add(&self, producer: Producer) {
        self.0.lock().known.push(producer);
    }

    /// The service has no producers, or none for the one who signs in.
    pub(super) fn refuse(&self, topic: &str, why: &str) {
        let is_known = std::mem::replace(&mut self.0.lock().is_refused, true);
        if !is_known {
            tracing::warn!(topic, why, "no idempotent producer: what is sent again may be twice");
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        self.0.lock().is_refused
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sequence::tests::message;
    use super::*;

    const FIRST: Producer = Producer { id: 7, epoch: 0 };
    const SECOND: Producer = Producer { id: 8, epoch: 0 };

    fn lend(
        producers: &Producers,
        partition: usize,
        text: &'static str,
    ) -> Option<Sequence<Producer>> {
        producers.lend(partition, &[&message(text)])
    }

    #[test]
    fn a_producer_begins_a_partition_once() {
        let producers = Producers::default();
        producers.add(FIRST);
        let mut lent = lend(&producers, 0, "a").unwrap();
        assert!(lend(&producers, 0, "b").is_none(), "the only one is lent");
        assert_eq!(lend(&producers, 1, "b").unwrap().producer, FIRST);
        lent.send([message("a")].iter());
        lent.taken();
        producers.take_back(0, lent);
        assert_eq!(lend(&producers, 0, "b").unwrap().next, 1);
        // The one that was lent is let go: it must not begin at 0 again.
        assert!(lend(&producers, 0, "b").is_none());
        producers.add(SECOND);
        assert_eq!(lend(&producers, 0, "b").unwrap().producer, SECOND);
    }
}
