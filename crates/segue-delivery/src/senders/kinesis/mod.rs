//! `type: kinesis`: records in a data stream of Amazon Kinesis.
//!
//! ```text
//!   a worker's batch    a1 a2 b1 a3 b2 c1        letters: profiles, the partition keys
//!     1st PutRecords    a1    b1       c1        answered
//!     2nd                  a2       b2           answered
//!     3rd                        a3
//! ```
//! Kinesis may take one record of a call and refuse the next one with the same key, and promises
//! no order within a call. So there is one record of a profile in a call, and the next one goes
//! after that one was answered; of other profiles, hundreds share the call. The alternative,
//! `PutRecord` with `SequenceNumberForOrdering`, is a call for each record, and orders no more
//! than what one sender sends one after the other anyway.
//!
//! | Module | Holds |
//! |---|---|
//! | `answer` | what an answer means |
//! | `api` | signed calls |
//! | `keys` | who signs |
//! | `lender` | keys that the surroundings lend |

mod answer;
mod api;
mod keys;
mod lender;

use std::collections::{BTreeMap, VecDeque};

use reqwest::Url;
use segue_core::connection::Kinesis;
use segue_core::variables::Lookup;
use segue_xdm::Violation;

use self::api::Api;
use super::OpenError;
use super::records::RecordSender;
use crate::sender::{OutboundMessage, PayloadForm, SendError, Sent, Terms, Verdict};

/// Kinesis's own limit of a stream's name.
const STREAM_CHARS_MAX: usize = 128;

/// Bytes of a record, with its key, which is the id of a profile.
const RECORD_BYTES_MAX: usize = 1 << 20;
const KEY_BYTES_MAX: usize = 256;

/// What is wrong with a connection that only shows when it is used.
pub(super) fn check(kinesis: &Kinesis) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut refuse = |pointer: &str, message: String| {
        violations.push(Violation::new(pointer, "format", message));
    };
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let (stream, region) = (&kinesis.stream, &kinesis.region);
    if stream.len() > STREAM_CHARS_MAX || !stream.chars().all(is_legal) {
        let message = format!(
            "found `{stream}`; a stream's name has letters, digits, `.`, `_` and `-`, at most \
             {STREAM_CHARS_MAX}"
        );
        refuse("/connection/stream", message);
    }
    if !region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        let message = format!("found `{region}`; write a region such as eu-central-1");
        refuse("/connection/region", message);
    }
    if let Some(Err(error)) = kinesis.endpoint.as_ref().map(|endpoint| Url::parse(endpoint)) {
        refuse("/connection/endpoint", format!("it is no address: {error}"));
    }
    violations
}

/// Records for one stream.
pub(super) struct KinesisSender {
    api: Api,
}

impl KinesisSender {
    /// Looks up the secrets.
    pub(super) fn open(kinesis: &Kinesis, lookup: Lookup<'_>) -> Result<KinesisSender, OpenError> {
        Ok(KinesisSender { api: Api::open(kinesis, lookup)? })
    }

    /// Puts records of different profiles into the stream.
    async fn put(&self, records: &[&OutboundMessage]) -> Sent {
        match (self.api.put_records(records).await, records) {
            (Err(SendError::Refused { error }), [_]) => Ok(vec![Verdict::Refused(error)]),
            // One of several is to blame. As each is of another profile, none waits for another.
            (Err(SendError::Refused { .. }), several) => {
                let mut verdicts = Vec::with_capacity(several.len());
                for record in several {
                    verdicts.push(match self.api.put_records(&[record]).await {
                        Ok(answered) => answered.into_iter().next().unwrap_or(Verdict::Taken),
                        Err(SendError::Refused { error }) => Verdict::Refused(error),
                        Err(error) => Verdict::Later(error.to_string()),
                    });
                }
                Ok(verdicts)
            }
            (sent, _) => sent,
        }
    }
}

impl RecordSender for KinesisSender {
    const TERMS: Terms = Terms {
        messages: 500,
        // A call may hold 5 MiB, keys and all.
        batch_bytes: 4 << 20,
        message_bytes: RECORD_BYTES_MAX - KEY_BYTES_MAX,
        in_flight: 4,
        payload: PayloadForm::JsonLine,
    };

    async fn deliver(&self, batch: &[OutboundMessage]) -> Sent {
        // Of each profile, the places of its messages in the batch.
        let mut waiting: BTreeMap<&str, VecDeque<usize>> = BTreeMap::new();
        for (place, message) in batch.iter().enumerate() {
            waiting.entry(&message.profile).or_default().push_back(place);
        }
        let mut verdicts: BTreeMap<usize, Verdict> = BTreeMap::new();
        while !waiting.is_empty() {
            let firsts: Vec<&OutboundMessage> =
                waiting.values().filter_map(|places| batch.get(*places.front()?)).collect();
            let answered = match self.put(&firsts).await {
                Ok(answered) => answered,
                Err(error) if verdicts.is_empty() => return Err(error),
                // Whoever still waits had a record in that call.
                Err(error) => vec![Verdict::Later(error.to_string()); firsts.len()],
            };
            for (message, verdict) in firsts.iter().zip(answered) {
                let Some(places) = waiting.get_mut(message.profile.as_str()) else { continue };
                let count = match verdict {
                    Verdict::Later(_) => places.len(),
                    Verdict::Taken | Verdict::Refused(_) => 1,
                };
                verdicts.extend(places.drain(..count).map(|place| (place, verdict.clone())));
            }
            waiting.retain(|_, places| !places.is_empty());
        }
        Ok(verdicts.into_values().collect())
    }

    fn head(&self, message: &OutboundMessage) -> String {
        let (stream, url) = (self.api.stream(), self.api.url());
        format!("PutRecords to stream {stream} at {url}\npartition key: {}", message.profile)
    }
}

/// Where AWS is in this part of the world.
fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}
