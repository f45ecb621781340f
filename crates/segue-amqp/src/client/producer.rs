//! Sending through faults: links and connections come back, what failed is sent again.
//!
//! ```text
//!  send ─▶ batch ─▶ link? ─no─▶ connect, attach
//!            ▲        │ yes
//!            │        ▼
//!   wait as  │      accepted ─▶ the next batch
//!   advised ─┴────── failed, may be tried again
//! ```
//!
//! # Promises
//! - Events leave in order. The next batch is sent only when the one before has been accepted, so
//!   the *first* arrivals of a partition key's events are in order, whatever happens.
//! - An event is sent again only when nobody has said what became of it, or when the hub has said
//!   that it was not taken. Only the former can lead to repeats, and they are counted.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::SEND_TIMEOUT;
use super::advice::Advice;
use super::connection::Connection;
use super::error::ClientError;
use super::namespace::Namespace;
use super::sender::{EventData, Sender};
use crate::frame::condition;

/// How long and how often to try. The defaults are those of Microsoft's clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often one batch is tried before its error is returned.
    pub attempts_max: u32,
    /// How long connecting may take, and then how long the hub may take to accept a batch.
    pub attempt_timeout: Duration,
    /// Pause before the second attempt; it doubles with each that follows.
    pub first_pause: Duration,
    /// The longest pause, unless the hub asks for a longer one.
    pub pause_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            attempts_max: 4,
            attempt_timeout: SEND_TIMEOUT,
            first_pause: Duration::from_millis(800),
            pause_max: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// The pause after an attempt, counted from 1; none when it was the last.
    fn pause(&self, attempt: u32, advice: Advice) -> Option<Duration> {
        let asked = match advice {
            Advice::GiveUp => return None,
            Advice::Retry => Duration::ZERO,
            Advice::RetryAfter(wait) => wait,
        };
        let doubled = self.first_pause.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        (attempt < self.attempts_max).then(|| doubled.min(self.pause_max).max(asked))
    }
}

/// What became of events that were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// How many the hub has accepted, from the first one on.
    pub accepted: usize,
    /// How many of the accepted ones were sent before with an outcome that nobody knows: these may
    /// be there twice.
    pub repeated: usize,
    /// How many behind the accepted ones may have arrived or not.
    pub in_doubt: usize,
}

/// Why events could not be sent, and what had become of them by then.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct SendError {
    /// What the last attempt failed with.
    pub error: ClientError,
    /// What had been done.
    pub receipt: Receipt,
}

/// Sends events to a hub, or to one partition, over connections that may be lost.
pub struct Producer {
    namespace: Namespace,
    hub: String,
    partition: Option<String>,
    policy: RetryPolicy,
    /// The link, while there is one.
    sender: Option<Sender>,
}

impl Producer {
    /// A producer to `hub`; with `partition` to that one, else the hub chooses, by key or in turn.
    /// It connects when it has something to send.
    pub fn new(
        namespace: impl Into<Namespace>,
        hub: &str,
        partition: Option<&str>,
        policy: RetryPolicy,
    ) -> Producer {
        Producer {
            namespace: namespace.into(),
            hub: hub.to_owned(),
            partition: partition.map(str::to_owned),
            policy,
            sender: None,
        }
    }

    /// Sends events with one partition key, or none, in as many batches as they need.
    ///
    /// When the wait is cancelled, any of them may have been sent or not.
    ///
    /// # Errors
    /// When an event is larger than the hub takes, when trying again cannot help, or after the
    /// last attempt; the error says how many events had been accepted.
    pub async fn send(
        &mut self,
        events: &[EventData],
        partition_key: Option<&str>,
    ) -> Result<Receipt, SendError> {
        let mut receipt = Receipt::default();
        let mut attempt = 1;
        loop {
            let rest = events.get(receipt.accepted..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(receipt);
            }
            match self.attempt(rest, partition_key, &mut receipt).await {
                Ok(()) => attempt = 1,
                Err(Failure { error, advice }) => {
                    let Some(pause) = self.policy.pause(attempt, advice) else {
                        return Err(SendError { error, receipt });
                    };
                    tracing::debug!(%error, hub = self.hub, attempt, "events are sent again");
                    sleep(pause).await;
                    attempt += 1;
                }
            }
        }
    }

    /// Tries to send the first batch of `events`.
    async fn attempt(
        &mut self,
        events: &[EventData],
        partition_key: Option<&str>,
        receipt: &mut Receipt,
    ) -> Result<(), Failure> {
        let patience = self.policy.attempt_timeout;
        let waited_for = "the hub's acceptance of a batch";
        let late = || ClientError::Timeout { waited_for, after: patience };
        let sender = match &self.sender {
            Some(sender) => sender,
            None => {
                let attached = timeout(patience, self.attach()).await.map_err(|_| late())??;
                self.sender.insert(attached)
            }
        };
        let (batch, len) = sender.batch_of(events, partition_key)?;
        let sent = timeout(patience, sender.send(batch)).await.unwrap_or_else(|_| Err(late()));
        match sent {
            Ok(()) => {
                receipt.accepted += len;
                receipt.repeated += receipt.in_doubt.min(len);
                receipt.in_doubt = receipt.in_doubt.saturating_sub(len);
                Ok(())
            }
            Err(error) => {
                if error.leaves_in_doubt() {
                    receipt.in_doubt = receipt.in_doubt.max(len);
                }
                Err(self.lost(error))
            }
        }
    }

    /// Lets go of a link that has failed, and decides what to do. A link survives that the hub
    /// refuses a batch.
    fn lost(&mut self, error: ClientError) -> Failure {
        if let ClientError::Refused { place: "events", .. } = error {
            return error.into();
        }
        self.sender = None;
        match error.condition() {
            // The token ran out, as after a night's sleep of the machine, or the right is gone:
            // then attaching again fails for good.
            Some(condition::UNAUTHORIZED_ACCESS) => Failure { advice: Advice::Retry, error },
            _ => error.into(),
        }
    }

    async fn attach(&self) -> Result<Sender, ClientError> {
        let connection = Connection::connect(&self.namespace).await?;
        connection.sender(&self.hub, self.partition.as_deref()).await
    }
}

/// Why an attempt failed, and what to do now.
struct Failure {
    error: ClientError,
    advice: Advice,
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        Failure { advice: error.advice(), error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_are_as_long_as_the_hub_asks() {
        let policy = RetryPolicy { attempts_max: 9, ..RetryPolicy::default() };
        let pause = |attempt, advice| policy.pause(attempt, advice).map(|pause| pause.as_millis());
        assert_eq!(pause(1, Advice::Retry), Some(800));
        assert_eq!(pause(2, Advice::Retry), Some(1600));
        assert_eq!(pause(8, Advice::Retry), Some(60_000));
        assert_eq!(pause(9, Advice::Retry), None);
        assert_eq!(pause(1, Advice::RetryAfter(Duration::from_secs(4))), Some(4000));
        assert_eq!(pause(1, Advice::GiveUp), None);
    }
}
