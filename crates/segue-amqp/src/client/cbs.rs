//! Claims-based security: a token for each hub, put before its links are attached and renewed
//! for as long as the connection lives.

use std::collections::BTreeSet;
use std::sync::Weak;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Mutex;
use tokio::time::sleep;

use super::connection::{Authentication, Shared};
use super::credential::Credential;
use super::error::ClientError;
use super::request::Requests;
use crate::codec::{Map, Value};
use crate::message::{Body, Message};
use crate::sas;

const NODE: &str = "$cbs";

/// How long a token is valid.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// How often tokens are renewed: three attempts may fail before one expires.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(900);

/// The tokens that the peer holds of us.
pub(super) struct Tokens {
    authentication: Authentication,
    state: Mutex<State>,
}

struct State {
    requests: Requests,
    /// Hubs that a token was put for.
    hubs: BTreeSet<String>,
}

impl Tokens {
    pub(super) fn new(authentication: Authentication) -> Tokens {
        let state = State { requests: Requests::new(NODE), hubs: BTreeSet::new() };
        Tokens { authentication, state: Mutex::new(state) }
    }

    /// Makes sure that the peer holds a token for `hub`.
    pub(super) async fn ensure(&self, shared: &Shared, hub: &str) -> Result<(), ClientError> {
        if self.authentication == Authentication::Plain {
            return Ok(());
        }
        let mut state = self.state.lock().await;
        if !state.hubs.contains(hub) {
            put_token(&mut state.requests, shared, hub).await?;
            state.hubs.insert(hub.to_owned());
        }
        Ok(())
    }

    async fn renew(&self, shared: &Shared) -> Result<(), ClientError> {
        let State { requests, hubs } = &mut *self.state.lock().await;
        for hub in hubs.iter() {
            put_token(requests, shared, hub).await?;
        }
        Ok(())
    }
}

/// Keeps the tokens of a connection valid for as long as anything made from it is in use: the
/// service drops the links of whoever lets one expire, busy or not.
pub(super) async fn keep_valid(connection: Weak<Shared>) {
    loop {
        sleep(RENEWAL_INTERVAL).await;
        let Some(shared) = connection.upgrade() else {
            return;
        };
        if let Err(error) = shared.tokens.renew(&shared).await {
            tracing::warn!(%error, "a token could not be renewed");
        }
    }
}

/// A token for `hub`, and its last second since the Unix epoch.
pub(super) fn sign(shared: &Shared, hub: &str) -> (String, Duration) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let expiry = now + TOKEN_LIFETIME;
    let audience = shared.namespace.audience(hub);
    let Credential::SharedKey(key) = shared.namespace.credential();
    (sas::sign(&audience, key.policy(), key.key(), expiry.as_secs()), expiry)
}

async fn put_token(requests: &mut Requests, shared: &Shared, hub: &str) -> Result<(), ClientError> {
    let (token, expiry) = sign(shared, hub);
    let expiry_ms = i64::try_from(expiry.as_millis()).unwrap_or(i64::MAX);
    let request = Message {
        application_properties: Map::new()
            .with_string("operation", "put-token")
            .with_string("type", "servicebus.windows.net:sastoken")
            .with_string("name", shared.namespace.audience(hub))
            .with_string("expiration", Value::Timestamp(expiry_ms)),
        body: Body::Value(Value::String(token)),
        ..Message::default()
    };
    let answer = requests.call(&shared.commands, request).await?;
    match answer.status {
        200..300 => Ok(()),
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
