//! `$cbs`: where clients put the tokens that authorize them (claims-based security).
//!
//! Clients count on details here: success is exactly 202, and a token for a hub that does not
//! exist is a 404, since that is what makes an SDK say so. A response never carries
//! `error-condition`: with one, the Python SDK forgets the status and with it the reason.

use crate::address;
use crate::auth::Grant;
use crate::control::{Request, Response};
use crate::peer::Peer;
use crate::refusal::Refusal;
use segue_amqp::codec::Value;

const SAS_TOKEN: &str = "servicebus.windows.net:sastoken";
const JSON_WEB_TOKEN: &str = "jwt";

/// Answers a request to `$cbs`.
pub(crate) fn answer(request: &Request, peer: &mut Peer) -> Response {
    match put_token(request, peer) {
        Ok(()) => Response::success(202, "Accepted", Value::Null),
        Err(refusal) => {
            tracing::debug!(%refusal, "token refused");
            Response::failure(&refusal).without_condition()
        }
    }
}

fn put_token(request: &Request, peer: &mut Peer) -> Result<(), Refusal> {
    let operation = request.required("operation")?;
    if operation != "put-token" {
        let text = format!("The operation '{operation}' is not known; expected 'put-token'.");
        return Err(Refusal::invalid_argument(text));
    }
    let token = request.body().as_str().ok_or_else(|| {
        Refusal::invalid_argument("The body must be an amqp-value string: the token.")
    })?;
    let grant = match request.required("type")? {
        SAS_TOKEN => Grant::of_token(peer.hub.config(), token, peer.now_ms)?,
        JSON_WEB_TOKEN => {
            return Err(Refusal::unauthorized(
                "This broker takes shared access signatures only, no Microsoft Entra tokens: \
                 connect with a connection string.",
            ));
        }
        other => {
            let text = format!("The token type '{other}' is not known; expected '{SAS_TOKEN}'.");
            return Err(Refusal::invalid_argument(text));
        }
    };
    let path = address::path(request.required("name")?);
    if !grant.covers(path) {
        let text = format!("InvalidAudience: The token is not for 'sb://localhost/{path}'.");
        return Err(Refusal::unauthorized(text));
    }
    if let Some(hub) = path.split('/').next().filter(|hub| is_event_hub(hub)) {
        peer.hub.find(hub).ok_or_else(|| Refusal::not_found(path))?;
    }
    peer.grants.add(grant, peer.now_ms)
}

/// Not the whole namespace, nor one of its control nodes.
fn is_event_hub(segment: &str) -> bool {
    !segment.is_empty() && !segment.starts_with('$')
}
