//! What an answer of Kinesis means.
//!
//! | Answer | Means |
//! |---|---|
//! | 200 | each record for itself: taken, or later |
//! | too much at a time | later, after a second |
//! | a call that is malformed, a record that is too large | refused |
//! | no such stream, no leave, a wrong key, anything else | later: it must be mended elsewhere |

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;

use crate::sender::{SendError, Sent, Verdict};

/// A shard's limits are by the second.
const TOO_MUCH_PAUSE: Duration = Duration::from_secs(1);

/// Characters that are quoted of an answer by somebody else than Kinesis.
const MESSAGE_CHARS_MAX: usize = 2000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    records: Vec<RecordAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecordAnswer {
    error_code: Option<String>,
    error_message: Option<String>,
}

/// A call came to nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Failure {
    #[serde(rename = "__type")]
    kind: String,
    #[serde(alias = "Message")]
    message: String,
}

/// What became of each record of a call that was answered.
pub(super) fn verdicts(answer: &[u8], sent: usize) -> Sent {
    let unreadable =
        |problem: String| SendError::unavailable(format!("what answers is not Kinesis: {problem}"));
    let answer: Answer =
        serde_json::from_slice(answer).map_err(|error| unreadable(error.to_string()))?;
    if answer.records.len() != sent {
        let count = answer.records.len();
        return Err(unreadable(format!("{sent} records were sent, it answered for {count}")));
    }
    let failed = answer.records.iter().find_map(RecordAnswer::failure);
    if let Some(error) = failed
        && answer.records.iter().all(|record| record.error_code.is_some())
    {
        return Err(SendError::Unavailable { error, retry_after: Some(TOO_MUCH_PAUSE) });
    }
    let verdict = |record: &RecordAnswer| record.failure().map_or(Verdict::Taken, Verdict::Later);
    Ok(answer.records.iter().map(verdict).collect())
}

impl RecordAnswer {
    /// Only what may pass is said of single records: too much at a time, or a fault of Kinesis.
    fn failure(&self) -> Option<String> {
        let code = self.error_code.as_ref()?;
        Some(format!("{code}: {}", self.error_message.as_deref().unwrap_or("it does not say why")))
    }
}

impl Failure {
    pub(super) fn read(status: StatusCode, answer: &[u8]) -> Failure {
        let read: Failure = serde_json::from_slice(answer).unwrap_or_default();
        // `com.amazonaws.kinesis.v20131202#Name`, from some.
        let kind = read.kind.rsplit('#').next().unwrap_or_default();
        match kind {
            "" => Failure {
                kind: format!("HTTP {status}"),
                message: String::from_utf8_lossy(answer).chars().take(MESSAGE_CHARS_MAX).collect(),
            },
            kind => Failure { kind: kind.to_owned(), message: read.message },
        }
    }

    /// Whether it is the key that is no good, or no good any more.
    pub(super) fn is_about_keys(&self) -> bool {
        matches!(
            &*self.kind,
            "ExpiredTokenException"
                | "IncompleteSignatureException"
                | "InvalidClientTokenId"
                | "InvalidSignatureException"
                | "MissingAuthenticationTokenException"
                | "UnrecognizedClientException"
        )
    }

    pub(super) fn meaning(&self, status: StatusCode) -> SendError {
        let advice = match &*self.kind {
            "ResourceNotFoundException" => "; create the stream, or correct `stream` and `region`",
            "AccessDeniedException" => {
                "; give the one who sends leave to kinesis:PutRecords on the stream"
            }
            _ if self.is_about_keys() => "; check `credentials` and the secrets that it names",
            _ => "",
        };
        let error = format!("{}: {}{advice}", self.kind, self.message);
        let is_too_much = matches!(
            &*self.kind,
            "KMSThrottlingException"
                | "LimitExceededException"
                | "ProvisionedThroughputExceededException"
                | "ThrottlingException"
        );
        match &*self.kind {
            "InvalidArgumentException" | "SerializationException" | "ValidationException" => {
                SendError::Refused { error }
            }
            _ if status == StatusCode::PAYLOAD_TOO_LARGE => SendError::Refused { error },
            _ => {
                SendError::Unavailable { error, retry_after: is_too_much.then_some(TOO_MUCH_PAUSE) }
            }
        }
    }
}
