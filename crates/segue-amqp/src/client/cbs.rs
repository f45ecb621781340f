//! Claims-based security: a token for each hub, put before its links are attached and renewed
//! for as long as the connection lives.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep, sleep_until};

use super::connection::{Authentication, Shared};
use super::error::ClientError;
use super::request::Requests;
use crate::codec::{Map, Value};
use crate::message::{Body, Message};

const NODE: &str = "$cbs";

/// Pause after a token could not be renewed; the old one has minutes left.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// The tokens that the peer holds of us.
pub(super) struct Tokens {
    authentication: Authentication,
    state: Mutex<State>,
    /// Tells of a token that was put for the first time.
    added: Notify,
}

struct State {
    requests: Requests,
    /// Hubs that a token was put for.
    hubs: BTreeSet<String>,
    /// When the first of the tokens is to be renewed.
    renew_at: Option<Instant>,
}

impl Tokens {
    pub(super) fn new(authentication: Authentication) -> Tokens {
        let state = State { requests: Requests::new(NODE), hubs: BTreeSet::new(), renew_at: None };
        Tokens { authentication, state: Mutex::new(state), added: Notify::new() }
    }

    /// Makes sure that the peer holds a token for `hub`.
    pub(super) async fn ensure(&self, shared: &Shared, hub: &str) -> Result<(), ClientError> {
        if self.authentication == Authentication::Plain {
            return Ok(());
        }
        let mut state = self.state.lock().await;
        if !state.hubs.contains(hub) {
            let renew_in = put_token(&mut state.requests, shared, hub).await?;
            state.renew_at = Some(earlier(state.renew_at, renew_in));
            state.hubs.insert(hub.to_owned());
            self.added.notify_one();
        }
        Ok(())
    }

    async fn renew(&self, shared: &Shared) -> Result<(), ClientError> {
        let state = &mut *self.state.lock().await;
        let mut renew_at = None;
        for hub in &state.hubs {
            let renew_in = put_token(&mut state.requests, shared, hub).await?;
            renew_at = Some(earlier(renew_at, renew_in));
        }
        state.renew_at = renew_at;
        Ok(())
    }

    /// Waits until tokens are to be renewed.
    async fn due(&self) {
        loop {
            let renew_at = self.state.lock().await.renew_at;
            tokio::select! {
                () = sleep_until(renew_at.unwrap_or_else(Instant::now)), if renew_at.is_some() => {
                    return;
                }
                () = self.added.notified() => {}
            }
        }
    }
}

fn earlier(renew_at: Option<Instant>, renew_in: Duration) -> Instant {
    let next = Instant::now() + renew_in;
    renew_at.map_or(next, |other| other.min(next))
}

/// Keeps the tokens of a connection valid for as long as anything made from it is in use: the
/// service drops the links of whoever lets one expire, busy or not.
pub(super) async fn keep_valid(connection: Weak<Shared>, tokens: Arc<Tokens>) {
    loop {
        tokens.due().await;
        let Some(shared) = connection.upgrade().filter(|shared| !shared.commands.is_closed())
        else {
            return;
        };
        if let Err(error) = tokens.renew(&shared).await {
            tracing::warn!(%error, "a token could not be renewed");
            drop(shared);
            sleep(RETRY_INTERVAL).await;
        }
    }
}

/// Puts a token for `hub`; when to put the next one.
async fn put_token(
    requests: &mut Requests,
    shared: &Shared,
    hub: &str,
) -> Result<Duration, ClientError> {
    let audience = shared.namespace.audience(hub);
    let token = shared.namespace.credential().token(&shared.namespace, &audience).await?;
    let expiry_ms = i64::try_from(token.expiry.as_millis()).unwrap_or(i64::MAX);
    let request = Message {
        application_properties: Map::new()
            .with_string("operation", "put-token")
            .with_string("type", token.kind)
            .with_string("name", audience)
            .with_string("expiration", Value::Timestamp(expiry_ms)),
        body: Body::Value(Value::String(token.text)),
        ..Message::default()
    };
    let answer = requests.call(&shared.commands, request).await?;
    match answer.status {
        200..300 => Ok(token.renew_in),
        401 | 403 => Err(ClientError::Unauthorized {
            who: shared.namespace.credential().to_string(),
            description: answer.description,
        }),
        status => Err(ClientError::Request {
            operation: "putting a token",
            status,
            description: answer.description,
        }),
    }
}
