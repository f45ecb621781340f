//! What an answer means for the messages of its request.
//!
//! | Answer | Means |
//! |---|---|
//! | 2xx | taken |
//! | 408, 425, 429, 5xx, none at all | not now; after `Retry-After`, if it is there |
//! | 3xx, 401, 403, 407 | not now: it is the address or who sends that is wrong, not the message |
//! | other 4xx | refused for good |

use std::error::Error;
use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{LOCATION, RETRY_AFTER};

use crate::sender::SendError;

/// Bytes of an answer's body that are read: enough to tell what is wrong.
const BODY_BYTES_MAX: usize = 2000;

/// The parts of an answer that matter.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    retry_after: Option<Duration>,
    /// Where a redirect points to, as a whole address.
    location: Option<String>,
    /// The beginning of its body.
    body: String,
}

impl Answer {
    /// Reads an answer, if there is one.
    pub(super) async fn read(
        response: reqwest::Result<reqwest::Response>,
    ) -> Result<Answer, SendError> {
        let mut response = response.map_err(|error| SendError::unavailable(in_words(&error)))?;
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after = text(RETRY_AFTER);
        let retry_after = retry_after.and_then(|text| pause(text, jiff::Timestamp::now()));
        let whole = |place: &str| match response.url().join(place) {
            Ok(address) => address.to_string(),
            Err(_) => place.to_owned(),
        };
        let location = text(LOCATION).map(whole);
        let mut body = Vec::new();
        // The status counts, also when the body breaks off.
        while body.len() < BODY_BYTES_MAX
            && let Ok(Some(chunk)) = response.chunk().await
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(BODY_BYTES_MAX);
        let body = String::from_utf8_lossy(&body).trim().to_owned();
        Ok(Answer { status: response.status(), retry_after, location, body })
    }

    /// Whether the messages were taken.
    pub(super) fn verdict(&self) -> Result<(), SendError> {
        if self.status.is_success() {
            return Ok(());
        }
        let advice = match self.status.as_u16() {
            401 | 407 => "; check `auth` and the secrets that it names",
            403 => "; give the one who sends leave to do so",
            300..=399 => {
                "; redirects are not followed: set `url` to the address that takes messages"
            }
            _ => "",
        };
        let error = format!("{self}{advice}");
        match self.status.as_u16() {
            300..=399 | 401 | 403 | 407 | 408 | 425 | 429 | 500.. => {
                Err(SendError::Unavailable { error, retry_after: self.retry_after })
            }
            _ => Err(SendError::Refused { error }),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if let Some(location) = &self.location {
            write!(f, ", to {location}")?;
        }
        if !self.body.is_empty() {
            write!(f, ": {}", self.body)?;
        }
        Ok(())
    }
}

/// `Retry-After`: seconds, or a moment (RFC 9110, 10.2.3).
fn pause(text: &str, now: jiff::Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    // One in the past is no pause at all.
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

/// The whole body of an answer, if it has no more bytes than this.
pub(in crate::senders) async fn body(
    mut response: reqwest::Response,
    bytes_max: usize,
) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| in_words(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > bytes_max {
            return Err(format!("the answer is over {bytes_max} bytes"));
        }
    }
    Ok(body)
}

/// An error with its causes, which say more than it does, and without the address, which the
/// definition has.
pub(in crate::senders) fn in_words(error: &reqwest::Error) -> String {
    let mut words = if error.is_timeout() { "no answer in time" } else { "no answer" }.to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !words.contains(&said) {
            words = format!("{words}: {said}");
        }
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_a_number_of_seconds_or_a_moment() {
        let now: jiff::Timestamp = "2026-01-01T10:00:00Z".parse().unwrap();
        let seconds = |text: &str| pause(text, now).map(|pause| pause.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Thu, 01 Jan 2026 10:00:30 GMT"), Some(30));
        assert_eq!(seconds("Thu, 01 Jan 2026 09:00:00 GMT"), Some(0));
        assert_eq!(seconds("soon"), None);
    }

    #[test]
    fn each_status_has_its_meaning() {
        let meaning = |status: u16| {
            let status = StatusCode::from_u16(status).unwrap();
            let retry_after = Some(Duration::from_secs(3));
            match (Answer { status, retry_after, location: None, body: String::new() }).verdict() {
                Ok(()) => "taken",
                Err(SendError::Unavailable { retry_after: Some(_), .. }) => "later",
                Err(SendError::Unavailable { .. }) => "later, but not when it says",
                Err(SendError::Refused { .. }) => "refused",
            }
        };
        for status in [200, 202, 204] {
            assert_eq!(meaning(status), "taken");
        }
        for status in [301, 308, 401, 403, 407, 408, 425, 429, 500, 502, 503, 504, 599] {
            assert_eq!(meaning(status), "later", "{status}");
        }
        for status in [400, 404, 409, 410, 413, 415, 422] {
            assert_eq!(meaning(status), "refused", "{status}");
        }
    }
}
