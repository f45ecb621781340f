//! Numbers for records, so that a record batch is in the topic once however often it is sent: the
//! idempotent producers of Kafka (KIP-98).
//!
//! ```text
//!   producer 7, partition 2:   0 1 2 │ 3 4 │ 5 6 7         all three taken
//!                              0 1 2 │ 3 4 │ 5 6 7         the answer is lost: in doubt
//!                                            5 6 7         sent again, and no others before
//! ```
//! Of each producer and partition, a broker remembers the numbers of the last batches. What it has
//! already, it answers as if it were new; what leaves a gap, it refuses. It compares numbers and
//! never looks at the records. Hence:
//!
//! - a sequence has one batch under way, and is lent to one lane at a time;
//! - the numbers of a batch in doubt go out again with exactly its messages. No others ever get
//!   them: they would be taken for a repetition, and be lost;
//! - where that cannot be, or a broker has lost count, the sequence is let go, and the messages go
//!   out in that of another producer. What arrived before is there twice then.
//!
//! A producer has one sequence a partition, so there are as many producers as batches for one
//! partition are under way or in doubt at the same time. All of this ends with the sender: after a
//! crash, what was in doubt is sent as something new.

use std::collections::BTreeMap;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::sender::OutboundMessage;

/// Sequences of one partition that are kept: more than there are workers, and so batches in doubt
/// that will be sent again.
const SEQUENCES_MAX: usize = 32;

/// Who sends, in the books of the brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Producer {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

/// The records of one producer in one partition.
#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) producer: Producer,
    /// Number of the first record that was not answered.
    pub(super) next: i32,
    /// The messages that have the numbers from there on, as the outbox holds them.
    doubt: Vec<Bytes>,
    /// Whether they were sent more than once.
    is_repeated: bool,
}

impl Sequence {
    fn new(producer: Producer) -> Sequence {
        Sequence { producer, next: 0, doubt: Vec::new(), is_repeated: false }
    }

    /// How many messages must go out again before others may; 0 when nothing is in doubt.
    pub(super) fn in_doubt(&self) -> usize {
        self.doubt.len()
    }

    /// Whether `messages` begin with those in doubt.
    fn is_continued_by(&self, messages: &[&OutboundMessage]) -> bool {
        let first = messages.get(..self.doubt.len()).unwrap_or_default();
        !first.is_empty() && first.iter().map(|message| &message.stored).eq(&self.doubt)
    }

    /// These messages go out now: either those in doubt, or others if none is.
    pub(super) fn send<'a>(&mut self, messages: impl Iterator<Item = &'a OutboundMessage>) {
        self.is_repeated = !self.doubt.is_empty();
        self.doubt = messages.map(|message| message.stored.clone()).collect();
    }

    /// They are in the topic.
    pub(super) fn taken(&mut self) {
        // After the largest number comes 0, as brokers count.
        self.next = self.next.wrapping_add(self.doubt.len() as i32) & i32::MAX;
        self.doubt.clear();
    }

    /// The broker refused them, so their numbers are free. Not so if they went out before, when
    /// the broker may have taken them: then there is no going on.
    pub(super) fn refused(mut self) -> Option<Sequence> {
        self.doubt.clear();
        (!self.is_repeated).then_some(self)
    }
}

/// The producers of one sender.
#[derive(Default)]
pub(super) struct Producers(Mutex<State>);

#[derive(Default)]
struct State {
    is_refused: bool,
    known: Vec<Producer>,
    partitions: BTreeMap<usize, Sequences>,
}

/// The sequences of one partition.
#[derive(Default)]
struct Sequences {
    /// How many producers have one here, or had.
    begun: usize,
    /// Those that are not lent, the newest last.
    free: Vec<Sequence>,
}

impl Producers {
    /// Lends the sequence for messages of a partition: the one in which their answer is missing,
    /// or one that goes on with them. None when there must be one more producer.
    pub(super) fn lend(&self, partition: usize, messages: &[&OutboundMessage]) -> Option<Sequence> {
        let State { known, partitions, .. } = &mut *self.0.lock();
        let Sequences { begun, free } = partitions.entry(partition).or_default();
        let doubted = free.iter().position(|one| one.is_continued_by(messages));
        let found = doubted.or_else(|| free.iter().position(|one| one.in_doubt() == 0));
        if let Some(place) = found {
            return Some(free.remove(place));
        }
        let producer = *known.get(*begun)?;
        *begun += 1;
        Some(Sequence::new(producer))
    }

    /// Takes a sequence back.
    pub(super) fn take_back(&self, partition: usize, sequence: Sequence) {
        let mut state = self.0.lock();
        let free = &mut state.partitions.entry(partition).or_default().free;
        if free.len() >= SEQUENCES_MAX {
            free.remove(0);
        }
        free.push(sequence);
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
    use segue_xdm::Timestamp;

    use super::*;

    const FIRST: Producer = Producer { id: 7, epoch: 0 };
    const SECOND: Producer = Producer { id: 8, epoch: 0 };

    fn messages(texts: &[&'static str]) -> Vec<OutboundMessage> {
        let message = |text: &&'static str| OutboundMessage {
            offset: 0,
            at: Timestamp::from_millis(0),
            stored: Bytes::from_static(text.as_bytes()),
            profile: "p".to_owned(),
            properties: Vec::new(),
            payload: Bytes::new(),
        };
        texts.iter().map(message).collect()
    }

    fn known(producers: &[Producer]) -> Producers {
        let known = Producers::default();
        producers.iter().for_each(|producer| known.add(*producer));
        known
    }

    fn lend(producers: &Producers, partition: usize, texts: &[&'static str]) -> Option<Sequence> {
        producers.lend(partition, &messages(texts).iter().collect::<Vec<_>>())
    }

    #[test]
    fn numbers_go_on_with_what_was_taken_and_come_round_to_0() {
        let mut sequence = Sequence::new(FIRST);
        sequence.send(messages(&["a", "b"]).iter());
        assert_eq!((sequence.next, sequence.in_doubt()), (0, 2));
        sequence.taken();
        assert_eq!((sequence.next, sequence.in_doubt()), (2, 0));
        for (last, count, next) in [
            (i32::MAX - 2, ["a", "b"].as_slice(), i32::MAX),
            (i32::MAX - 2, &["a", "b", "c"], 0),
            (i32::MAX, &["a"], 0),
            (i32::MAX, &["a", "b", "c"], 2),
        ] {
            sequence.next = last;
            sequence.send(messages(count).iter());
            sequence.taken();
            assert_eq!(sequence.next, next, "{last} + {}", count.len());
        }
    }

    #[test]
    fn numbers_of_what_was_refused_are_free_unless_it_may_be_there_from_before() {
        let mut sequence = Sequence::new(FIRST);
        sequence.send(messages(&["a", "b"]).iter());
        let mut sequence = sequence.refused().unwrap();
        assert_eq!((sequence.next, sequence.in_doubt()), (0, 0));
        sequence.send(messages(&["a"]).iter());
        sequence.send(messages(&["a"]).iter());
        assert!(sequence.refused().is_none(), "its answer was missing once");
    }

    #[test]
    fn what_is_in_doubt_gets_its_own_numbers_again_and_everything_else_others() {
        let producers = known(&[FIRST, SECOND]);
        let mut doubted = lend(&producers, 0, &["a", "b", "c"]).unwrap();
        doubted.next = 5;
        doubted.send(messages(&["a", "b"]).iter());
        producers.take_back(0, doubted);
        // Fewer, others, and those of another partition.
        for (partition, texts) in [(0, ["a"].as_slice()), (0, &["b", "a"]), (1, &["a", "b"])] {
            let other = lend(&producers, partition, texts).unwrap();
            assert_eq!((other.next, other.in_doubt()), (0, 0), "{texts:?}");
            producers.take_back(partition, other);
        }
        let again = lend(&producers, 0, &["a", "b", "c"]).unwrap();
        assert_eq!((again.producer, again.next, again.in_doubt()), (FIRST, 5, 2));
    }

    #[test]
    fn a_producer_begins_a_partition_once() {
        let producers = known(&[FIRST]);
        let mut lent = lend(&producers, 0, &["a"]).unwrap();
        assert!(lend(&producers, 0, &["b"]).is_none(), "the only one is lent");
        assert_eq!(lend(&producers, 1, &["b"]).unwrap().producer, FIRST);
        lent.send(messages(&["a"]).iter());
        lent.taken();
        producers.take_back(0, lent);
        assert_eq!(lend(&producers, 0, &["b"]).unwrap().next, 1);
        // The one that was lent is let go: it must not begin at 0 again.
        assert!(lend(&producers, 0, &["b"]).is_none());
        producers.add(SECOND);
        assert_eq!(lend(&producers, 0, &["b"]).unwrap().producer, SECOND);
    }

    #[test]
    fn batches_in_doubt_that_nobody_sends_again_do_not_pile_up() {
        let producers = known(&vec![FIRST; SEQUENCES_MAX * 2]);
        for _ in 0..SEQUENCES_MAX * 2 {
            let mut sequence = lend(&producers, 0, &["b"]).unwrap();
            sequence.send(messages(&["a"]).iter());
            producers.take_back(0, sequence);
        }
        assert_eq!(producers.0.lock().partitions[&0].free.len(), SEQUENCES_MAX);
    }
}
