//! What identity services answer: tokens and refusals.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::error::CredentialError;
use super::http::Answer;
use crate::client::credential::{now, renewal};

/// A token as given out.
pub(super) struct AccessToken {
    pub(super) text: String,
    /// Its last moment, since the Unix epoch.
    pub(super) expiry: Duration,
    /// When to ask for the next one.
    pub(super) renew_at: Instant,
}

impl AccessToken {
    /// Reads `access_token` and `expires_in` (seconds), or `expires_on` (since the Unix epoch);
    /// some services write numbers as text.
    pub(super) fn read(answer: &Answer) -> Result<AccessToken, CredentialError> {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if !answer.status.is_success() {
            return Err(refused(answer, &body));
        }
        let seconds = |name: &str| {
            let value = body.get(name)?;
            let seconds = value.as_u64().or_else(|| value.as_str()?.parse().ok());
            seconds.map(Duration::from_secs)
        };
        let left = seconds("expires_in")
            .or_else(|| seconds("expires_on").map(|at| at.saturating_sub(now())));
        let (Some(text), Some(left)) = (body.get("access_token").and_then(Value::as_str), left)
        else {
            let problem = "its answer lacks access_token or expires_in".to_owned();
            return Err(CredentialError::Unreachable { host: answer.host.clone(), problem });
        };
        Ok(AccessToken {
            text: text.to_owned(),
            expiry: now() + left,
            renew_at: Instant::now() + renewal(left),
        })
    }
}

fn refused(answer: &Answer, body: &Value) -> CredentialError {
    let said = ["error_description", "message", "error"]
        .iter()
        .find_map(|name| body.get(name).and_then(Value::as_str).map(str::to_owned));
    CredentialError::Refused {
        host: answer.host.clone(),
        status: answer.status.as_u16(),
        description: said.unwrap_or_else(|| "no reason given".to_owned()),
    }
}
