//! What is known of numbering events, across connections: whether the hub offers it, and where each
//! producer stands (`senders/sequence.rs`).

use std::collections::BTreeMap;

use parking_lot::Mutex;
use segue_amqp::client::NumberedSender;
use segue_amqp::message::ProducerIdentity;

use super::super::sequence::{Sequence, Sequences};
use crate::sender::OutboundMessage;

/// Who numbers events of one partition.
pub(super) struct Producer {
    pub(super) identity: ProducerIdentity,
    /// While there is one.
    pub(super) link: Option<Link>,
}

/// A link of a producer.
pub(super) struct Link {
    /// The number of the connection that it was made of.
    pub(super) connection: u64,
    pub(super) sender: NumberedSender,
}

impl Link {
    /// A new producer, and the numbers that it begins with.
    pub(super) fn begin(self) -> Sequence<Producer> {
        let last = self.sender.last();
        let producer = Producer { identity: last.producer, link: Some(self) };
        Sequence::new(producer, last.after(1).sequence)
    }
}

#[derive(Default)]
pub(super) struct Numbers(Mutex<State>);

#[derive(Default)]
struct State {
    is_offered: bool,
    is_declined: bool,
    /// Whether it was told that events go without numbers.
    is_told: bool,
    connections: u64,
    partitions: BTreeMap<u16, Sequences<Producer>>,
}

impl Numbers {
    /// A number for a new connection. The links of earlier ones are let go.
    pub(super) fn connect(&self) -> u64 {
        let state = &mut *self.0.lock();
        let sequences = state.partitions.values_mut().flat_map(Sequences::iter_mut);
        sequences.for_each(|sequence| sequence.producer.link = None);
        state.connections += 1;
        state.connections
    }

    /// Lends the sequence for events of a partition: the one in which their answer is missing, or
    /// one that goes on with them. None when there must be one more producer.
    pub(super) fn lend(
        &self,
        partition: u16,
        messages: &[&OutboundMessage],
    ) -> Option<Sequence<Producer>> {
        self.0.lock().partitions.entry(partition).or_default().lend(messages)
    }

    /// Takes a sequence back. What is in doubt may wait for long, and needs no link meanwhile.
    pub(super) fn take_back(&self, partition: u16, mut sequence: Sequence<Producer>) {
        if sequence.in_doubt() > 0 {
            sequence.producer.link = None;
        }
        self.0.lock().partitions.entry(partition).or_default().take_back(sequence);
    }

    /// Whether the hub has ever offered it.
    pub(super) fn is_offered(&self) -> bool {
        self.0.lock().is_offered
    }

    /// The hub offers it.
    pub(super) fn offer(&self) {
        self.0.lock().is_offered = true;
    }

    /// Whether nothing is to be numbered any more.
    pub(super) fn is_declined(&self) -> bool {
        self.0.lock().is_declined
    }

    /// Nothing is to be numbered any more.
    pub(super) fn decline(&self, event_hub: &str, why: &str) {
        self.0.lock().is_declined = true;
        self.tell(event_hub, why);
    }

    /// Says once that events go without numbers.
    pub(super) fn tell(&self, event_hub: &str, why: &str) {
        let is_known = std::mem::replace(&mut self.0.lock().is_told, true);
        if !is_known {
            tracing::warn!(
                event_hub,
                why,
                "no idempotent producer: what is sent again may be twice"
            );
        }
    }
}
