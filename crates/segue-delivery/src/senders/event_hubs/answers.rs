//! What the hub said of the messages of a batch, however they were sent.

use std::collections::BTreeMap;

use segue_amqp::client::{Advice, ClientError};

use crate::sender::{SendError, Sent, Verdict};

#[derive(Default)]
pub(super) struct Answers {
    /// By their places in the batch.
    verdicts: BTreeMap<usize, Verdict>,
    /// Why some were not answered.
    failures: Vec<ClientError>,
}

impl Answers {
    pub(super) fn settle(&mut self, place: usize, verdict: Verdict) {
        self.verdicts.insert(place, verdict);
    }

    /// Nothing was said of these.
    pub(super) fn fail(&mut self, places: impl Iterator<Item = usize>, error: ClientError) {
        let later = Verdict::Later(in_words(&error));
        self.verdicts.extend(places.map(|place| (place, later.clone())));
        self.failures.push(error);
    }

    /// Whether the hub took all of these.
    pub(super) fn are_taken(&self, mut places: impl Iterator<Item = usize>) -> bool {
        places.all(|place| self.verdicts.get(&place) == Some(&Verdict::Taken))
    }

    /// Whether nothing more can be sent the same way. A link survives that the hub refuses events.
    pub(super) fn end_links(&self) -> bool {
        let is_end = |error| !matches!(error, &ClientError::Refused { place: "events", .. });
        self.failures.iter().any(is_end)
    }

    /// All of it, in the order of the batch.
    pub(super) fn sent(self) -> Sent {
        let is_answer = |verdict: &Verdict| !matches!(verdict, Verdict::Later(_));
        match self.failures.first() {
            Some(error) if !self.verdicts.values().any(is_answer) => Err(unavailable(error)),
            _ => Ok(self.verdicts.into_values().collect()),
        }
    }
}

pub(super) fn unavailable(error: &ClientError) -> SendError {
    let retry_after = match error.advice() {
        Advice::RetryAfter(pause) => Some(pause),
        Advice::Retry | Advice::GiveUp => None,
    };
    SendError::Unavailable { error: in_words(error), retry_after }
}

/// The error, and what to do where it does not say.
fn in_words(error: &ClientError) -> String {
    match error {
        ClientError::Unauthorized { .. } => {
            format!("{error}; check the connection and the secrets that it names")
        }
        _ => error.to_string(),
    }
}
