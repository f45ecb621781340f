//! Numbers for messages, so that a batch is there once however often it is sent: what idempotent
//! producers of Kafka (KIP-98) and of Event Hubs have in common.
//!
//! ```text
//!   producer 7, partition 2:   0 1 2 │ 3 4 │ 5 6 7         all three taken
//!                              0 1 2 │ 3 4 │ 5 6 7         the answer is lost: in doubt
//!                                            5 6 7         sent again, and no others before
//! ```
//! Of each producer and partition, a broker remembers the newest numbers. What it has already, it
//! answers as if it were new; what leaves a gap, it refuses. It compares numbers and never looks at
//! the messages. Hence:
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

use bytes::Bytes;

use crate::sender::OutboundMessage;

/// Sequences of one partition that are kept: more than there are workers, and so batches in doubt
/// that will be sent again.
const SEQUENCES_MAX: usize = 32;

/// The messages of one producer in one partition.
#[derive(Debug)]
pub(super) struct Sequence<P> {
    pub(super) producer: P,
    /// Number of the first message that was not answered.
    pub(super) next: i32,
    /// The messages that have the numbers from there on, as the outbox holds them.
    doubt: Vec<Bytes>,
    /// Whether they were sent more than once.
    is_repeated: bool,
}

impl<P> Sequence<P> {
    pub(super) fn new(producer: P, next: i32) -> Sequence<P> {
        Sequence { producer, next, doubt: Vec::new(), is_repeated: false }
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

    /// They are there.
    pub(super) fn taken(&mut self) {
        // After the largest number comes 0, as brokers count.
        self.next = self.next.wrapping_add(self.doubt.len() as i32) & i32::MAX;
        self.doubt.clear();
    }

    /// The broker refused them, so their numbers are free. Not so if they went out before, when
    /// the broker may have taken them: then there is no going on.
    pub(super) fn refused(mut self) -> Option<Sequence<P>> {
        self.doubt.clear();
        (!self.is_repeated).then_some(self)
    }
}

/// The sequences of one partition that are not lent, the newest last.
#[derive(Debug)]
pub(super) struct Sequences<P>(Vec<Sequence<P>>);

impl<P> Default for Sequences<P> {
    fn default() -> Sequences<P> {
        Sequences(Vec::new())
    }
}

impl<P> Sequences<P> {
    /// Lends the sequence for `messages`: the one in which their answer is missing, or one that
    /// goes on with them. None when there must be one more producer.
    pub(super) fn lend(&mut self, messages: &[&OutboundMessage]) -> Option<Sequence<P>> {
        let Sequences(free) = self;
        let doubted = free.iter().position(|one| one.is_continued_by(messages));
        let found = doubted.or_else(|| free.iter().position(|one| one.in_doubt() == 0));
        found.map(|place| free.remove(place))
    }

    /// All of them.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Sequence<P>> {
        self.0.iter_mut()
    }

    /// Takes a sequence back.
    pub(super) fn take_back(&mut self, sequence: Sequence<P>) {
        let Sequences(free) = self;
        if free.len() >= SEQUENCES_MAX {
            free.remove(0);
        }
        free.push(sequence);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use segue_xdm::Timestamp;

    use super::*;

    const FIRST: i64 = 7;
    const SECOND: i64 = 8;

    /// A message that is stored as this text.
    pub(in crate::senders) fn message(text: &'static str) -> OutboundMessage {
        OutboundMessage {
            offset: 0,
            at: Timestamp::from_millis(0),
            stored: Bytes::from_static(text.as_bytes()),
            profile: "p".to_owned(),
            properties: Vec::new(),
            payload: Bytes::new(),
        }
    }

    fn messages(texts: &[&'static str]) -> Vec<OutboundMessage> {
        texts.iter().copied().map(message).collect()
    }

    fn lend(sequences: &mut Sequences<i64>, texts: &[&'static str]) -> Option<Sequence<i64>> {
        sequences.lend(&messages(texts).iter().collect::<Vec<_>>())
    }

    #[test]
    fn numbers_go_on_with_what_was_taken_and_come_round_to_0() {
        let mut sequence = Sequence::new(FIRST, 0);
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
        let mut sequence = Sequence::new(FIRST, 0);
        sequence.send(messages(&["a", "b"]).iter());
        let mut sequence = sequence.refused().unwrap();
        assert_eq!((sequence.next, sequence.in_doubt()), (0, 0));
        sequence.send(messages(&["a"]).iter());
        sequence.send(messages(&["a"]).iter());
        assert!(sequence.refused().is_none(), "its answer was missing once");
    }

    #[test]
    fn what_is_in_doubt_gets_its_own_numbers_again_and_everything_else_others() {
        let mut sequences = Sequences::default();
        let mut doubted = Sequence::new(FIRST, 5);
        doubted.send(messages(&["a", "b"]).iter());
        sequences.take_back(doubted);
        sequences.take_back(Sequence::new(SECOND, 0));
        // Fewer, and others.
        for texts in [["a"].as_slice(), &["b", "a"]] {
            let other = lend(&mut sequences, texts).unwrap();
            assert_eq!((other.producer, other.next, other.in_doubt()), (SECOND, 0, 0), "{texts:?}");
            sequences.take_back(other);
        }
        let again = lend(&mut sequences, &["a", "b", "c"]).unwrap();
        assert_eq!((again.producer, again.next, again.in_doubt()), (FIRST, 5, 2));
        assert!(lend(&mut sequences, &["a"]).is_some() && lend(&mut sequences, &["a"]).is_none());
    }

    #[test]
    fn batches_in_doubt_that_nobody_sends_again_do_not_pile_up() {
        let mut sequences = Sequences::default();
        for _ in 0..SEQUENCES_MAX * 2 {
            let mut sequence = Sequence::new(FIRST, 0);
            sequence.send(messages(&["a"]).iter());
            sequences.take_back(sequence);
        }
        assert_eq!(sequences.0.len(), SEQUENCES_MAX);
    }
}
