//! OAuth 2 client credentials (RFC 6749, 4.4): a token from a token server, kept until shortly
//! before it ends. All who need a new one wait for the same request.

use std::time::{Duration, Instant};

use reqwest::Client;
use segue_core::connection::OAuth2;
use segue_core::variables::Lookup;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::answer::{Answer, body, in_words};
use crate::sender::SendError;
use crate::senders::OpenError;

/// How long a token is used that does not say how long it is good for.
const LIFE_DEFAULT_SECONDS: u64 = 300;

/// Bytes of a token server's answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;

pub(super) struct TokenServer {
    client: Client,
    oauth2: OAuth2,
    client_secret: String,
    token: Mutex<Option<Token>>,
}

struct Token {
    text: String,
    good_until: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl TokenServer {
    pub(super) fn new(
        oauth2: &OAuth2,
        client: Client,
        lookup: Lookup<'_>,
    ) -> Result<TokenServer, OpenError> {
        let client_secret = oauth2.client_secret.reveal(lookup)?;
        let token = Mutex::new(None);
        Ok(TokenServer { client, oauth2: oauth2.clone(), client_secret, token })
    }

    /// The token server's address.
    pub(super) fn url(&self) -> &str {
        &self.oauth2.token_url
    }

    /// A token that is good for a while.
    pub(super) async fn token(&self) -> Result<String, SendError> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| Instant::now() < token.good_until) {
            return Ok(token.text.clone());
        }
        let token = self.fetch().await?;
        Ok(kept.insert(token).text.clone())
    }

    /// The token is no good any more, whatever it said.
    pub(super) async fn forget(&self) {
        *self.token.lock().await = None;
    }

    async fn fetch(&self) -> Result<Token, SendError> {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", &self.oauth2.client_id),
            ("client_secret", &self.client_secret),
        ];
        if let Some(scope) = &self.oauth2.scope {
            form.push(("scope", scope));
        }
        let failed = |problem: String| {
            SendError::unavailable(format!("no token from {}: {problem}", self.url()))
        };
        let response = self.client.post(self.url()).form(&form).send().await;
        let response = response.map_err(|error| failed(in_words(&error)))?;
        if !response.status().is_success() {
            let answer = Answer::read(Ok(response)).await?;
            return Err(failed(answer.to_string()));
        }
        let body = body(response, ANSWER_BYTES_MAX).await.map_err(failed)?;
        // The answer holds a token, so it is not quoted.
        let granted: Granted = serde_json::from_slice(&body)
            .map_err(|_| failed("the answer holds no `access_token`".to_owned()))?;
        let life = Duration::from_secs(granted.expires_in.unwrap_or(LIFE_DEFAULT_SECONDS));
        // A tenth is left for requests that take long, and for clocks that differ.
        let good_until = Instant::now() + life.mul_f64(0.9);
        Ok(Token { text: granted.access_token, good_until })
    }
}
