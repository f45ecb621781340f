//! The numbered events of one partition on their way: one envelope, and the next one after it was
//! accepted. An envelope whose answer was lost goes out first, as it was.

use segue_amqp::client::ClientError;
use segue_amqp::frame::condition;

use super::super::sequence::Sequence;
use super::event;
use super::in_order::is_about_events;
use super::links::Links;
use super::numbers::{Numbers, Producer};
use crate::sender::OutboundMessage;

/// The hub cannot go on with the numbers of a producer.
const SEQUENCE_FAULTS: [&str; 2] =
    [condition::OUT_OF_ORDER_SEQUENCE, condition::PRODUCER_EPOCH_STOLEN];

pub(super) struct Lane<'a> {
    partition: u16,
    /// The messages, and their places in the batch of the worker.
    messages: Vec<(usize, &'a OutboundMessage)>,
    /// How many of them are there.
    taken: usize,
}

/// Why a lane does not go on.
#[derive(Debug)]
pub(super) enum End {
    /// Its events are to be sent again, later.
    Failed(ClientError),
    /// The hub refuses its events as they are. Without numbers it will tell which, if any.
    Refused(ClientError),
    /// Its events cannot be numbered now.
    WithoutNumbers,
}

impl<'a> Lane<'a> {
    pub(super) fn new(partition: u16) -> Lane<'a> {
        Lane { partition, messages: Vec::new(), taken: 0 }
    }

    pub(super) fn push(&mut self, place: usize, message: &'a OutboundMessage) {
        self.messages.push((place, message));
    }

    /// The places of the messages that are there.
    pub(super) fn taken(&self) -> impl Iterator<Item = usize> {
        self.messages.iter().take(self.taken).map(|(place, _)| *place)
    }

    /// The other messages, with their places.
    pub(super) fn rest(&self) -> impl Iterator<Item = (usize, &'a OutboundMessage)> {
        self.messages.iter().skip(self.taken).copied()
    }

    /// Sends all, unless there is a reason not to.
    pub(super) async fn send(&mut self, links: &Links, numbers: &Numbers) -> Result<(), End> {
        // The hub takes away links that nothing was sent over for long. The numbers allow to try
        // again at once.
        let mut may_lose_link = true;
        while self.taken < self.messages.len() {
            match self.send_next(links, numbers).await {
                Ok(count) => self.taken += count,
                Err(End::Failed(error)) if may_lose_link && is_about_link(&error) => {
                    may_lose_link = false;
                }
                Err(end) => return Err(end),
            }
        }
        Ok(())
    }

    /// Sends the next envelope, and tells how many messages it took along.
    async fn send_next(&self, links: &Links, numbers: &Numbers) -> Result<usize, End> {
        let rest: Vec<&OutboundMessage> = self.rest().map(|(_, message)| message).collect();
        let mut sequence = self.sequence(&rest, links, numbers).await?;
        let Some(link) = &sequence.producer.link else {
            return Err(End::WithoutNumbers);
        };
        let in_doubt = sequence.in_doubt();
        let most = if in_doubt > 0 { in_doubt } else { rest.len() };
        let mut envelope = link.sender.batch(sequence.next);
        let count = rest
            .iter()
            .take(most)
            .take_while(|message| envelope.try_add(&event(message), Some(&message.profile)))
            .count();
        if count == 0 && in_doubt == 0 {
            // A single one is too large: the sequence can go on with others.
            numbers.take_back(self.partition, sequence);
            return Err(End::WithoutNumbers);
        }
        if count < in_doubt {
            // The hub takes less than it did, so the envelope cannot be what it was.
            return Err(End::WithoutNumbers);
        }
        let sent = link.sender.send(envelope).await;
        sequence.send(rest.iter().take(count).copied());
        match sent {
            Ok(()) => {
                sequence.taken();
                numbers.take_back(self.partition, sequence);
                Ok(count)
            }
            Err(error) if ends_sequence(&error) => {
                let partition = self.partition;
                tracing::warn!(partition, %error, "an event hub lost count: begun anew");
                Err(End::Failed(error))
            }
            Err(error) if is_about_events(&error) => {
                let free = sequence.refused();
                free.into_iter().for_each(|free| numbers.take_back(self.partition, free));
                Err(End::Refused(error))
            }
            Err(error) => {
                numbers.take_back(self.partition, sequence);
                Err(End::Failed(error))
            }
        }
    }

    /// The numbers for what is sent next, with a link to send it over.
    async fn sequence(
        &self,
        rest: &[&OutboundMessage],
        links: &Links,
        numbers: &Numbers,
    ) -> Result<Sequence<Producer>, End> {
        let lent = match numbers.lend(self.partition, rest) {
            Some(lent) if lent.producer.link.as_ref().is_some_and(|link| links.have(link)) => {
                return Ok(lent);
            }
            lent => lent,
        };
        let identity = lent.as_ref().map(|lent| lent.producer.identity);
        match (links.numbered(self.partition, identity).await, lent) {
            (Ok(Some(link)), Some(mut lent)) if Some(link.sender.last().producer) == identity => {
                lent.producer.link = Some(link);
                Ok(lent)
            }
            // A new producer, or one that the hub has given another name.
            (Ok(Some(link)), _) => Ok(link.begin()),
            (Ok(None), _) => Err(End::WithoutNumbers),
            (Err(error), Some(lent)) if lent.in_doubt() > 0 && error.is_retryable() => {
                numbers.take_back(self.partition, lent);
                Err(End::Failed(error))
            }
            (Err(error), _) => {
                tracing::debug!(partition = self.partition, %error, "no link for numbered events");
                Err(End::WithoutNumbers)
            }
        }
    }
}

/// Whether the hub has lost count, or another took over.
fn ends_sequence(error: &ClientError) -> bool {
    error.condition().is_some_and(|name| SEQUENCE_FAULTS.contains(&name))
}

/// Whether it may be the link alone that has ended.
fn is_about_link(error: &ClientError) -> bool {
    matches!(error, ClientError::Closed | ClientError::Refused { place: "link", .. })
        && !ends_sequence(error)
}
