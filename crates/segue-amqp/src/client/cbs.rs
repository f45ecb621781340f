//! Claims-based security: a token for each hub, put before its links are attached and renewed
//! while they are used.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connection::{Authentication, Shared};
use super::error::ClientError;
use super::request::Requests;
use crate::codec::{Map, Value};
use crate::message::{Body, Message};
use crate::sas;

const NODE: &str = "$cbs";

/// How long a token is valid.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// Age at which a token is replaced: early enough for clocks that differ and hubs that are slow.
const TOKEN_AGE_MAX: Duration = Duration::from_secs(1800);

/// The tokens that the peer holds of us.
pub(super) struct Tokens {
    authentication: Authentication,
    state: Mutex<State>,
}

struct State {
    requests: Requests,
    /// When each hub's token is to be replaced.
    renew_at: HashMap<String, Instant>,
}

impl Tokens {
    pub(super) fn new(authentication: Authentication) -> Tokens {
        let state = State {
            requests: Requests::new(NODE),
            renew_at: HashMap::new(),
        };
        Tokens {
            authentication,
            state: Mutex::new(state),
        }
    }

    /// Makes sure that the peer holds a valid token for `hub`, and says how long it will do.
    pub(super) async fn ensure(&self, shared: &Shared, hub: &str) -> Result<Instant, ClientError> {
        let now = Instant::now();
        if self.authentication == Authentication::Plain {
            return Ok(now + TOKEN_AGE_MAX);
        }
        let mut state = self.state.lock().await;
        if let Some(renew_at) = state.renew_at.get(hub).filter(|renew_at| **renew_at > now) {
            return Ok(*renew_at);
        }
        put_token(&mut state.requests, shared, hub).await?;
        state.renew_at.insert(hub.to_owned(), now + TOKEN_AGE_MAX);
        Ok(now + TOKEN_AGE_MAX)
    }
}

/// A token for `hub`, and its last second since the Unix epoch.
pub(super) fn sign(shared: &Shared, hub: &str) -> (String, Duration) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let expiry = now + TOKEN_LIFETIME;
    let (target, audience) = (&shared.target, shared.target.audience(hub));
    (
        sas::sign(&audience, target.policy(), target.key(), expiry.as_secs()),
        expiry,
    )
}

async fn put_token(requests: &mut Requests, shared: &Shared, hub: &str) -> Result<(), ClientError> {
    let (token, expiry) = sign(shared, hub);
    let expiry_ms = i64::try_from(expiry.as_millis()).unwrap_or(i64::MAX);
    let request = Message {
        application_properties: Map::new()
            .with_string("operation", "put-token")
            .with_string("type", "servicebus.windows.net:sastoken")
            .with_string("name", shared.target.audience(hub))
            .with_string("expiration", Value::Timestamp(expiry_ms)),
        body: Body::Value(Value::String(token)),
        ..Message::default()
    };
    let answer = requests.call(&shared.commands, request).await?;
    match answer.status {
        200..300 => Ok(()),
        401 | 403 => Err(ClientError::Unauthorized {
            policy: shared.target.policy().to_owned(),
            description: answer.description,
        }),
        status => Err(ClientError::Request {
            operation: "putting a token",
            status,
            description: answer.description,
        }),
    }
}
