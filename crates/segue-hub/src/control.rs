//! Requests to the nodes that answer, `$cbs` and `$management`, and their responses.
//!
//! ```text
//! request    properties.message-id, application-properties {operation, type, name, …}, body
//! response   properties.correlation-id = that id, of the same AMQP type
//!            application-properties {status-code: int, status-description: string}
//!            body: amqp-value
//! ```
//! The description goes out as `statusDescription` too, which is what the Python SDK looks for in
//! management responses.
//! The response goes out on the link of the same session that receives from the same node: what
//! clients write as `reply-to` names nothing that the broker knows.

use bytes::Bytes;
use segue_amqp::codec::{Map, Value};
use segue_amqp::message::{Body, Message, Properties};

use crate::refusal::Refusal;

/// What a client asks of a node.
pub(crate) struct Request {
    id: Value,
    properties: Map,
    body: Value,
}

impl Request {
    /// # Errors
    /// A refusal for bytes that are no message; there is no id to answer to.
    pub(crate) fn parse(message: &Bytes) -> Result<Request, Refusal> {
        let message =
            Message::decode(message).map_err(|error| Refusal::decode_error(format!("{error}.")))?;
        let body = match message.body {
            Body::Value(value) => value,
            _ => Value::Null,
        };
        Ok(Request {
            id: message.properties.message_id,
            properties: message.application_properties,
            body,
        })
    }

    /// An application property that is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.properties.get(name).and_then(Value::as_str)
    }

    /// The same, when the request makes no sense without it.
    ///
    /// # Errors
    /// A refusal that names the property.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| {
            Refusal::invalid_argument(format!("The request has no application property '{name}'."))
        })
    }

    /// The body, null if it is not an amqp-value.
    pub(crate) fn body(&self) -> &Value {
        &self.body
    }

    /// Encodes the response to this request.
    pub(crate) fn respond(&self, response: &Response) -> Vec<u8> {
        let mut properties = Map::new()
            .with_string("status-code", response.status)
            .with_string("status-description", response.description.as_str())
            .with_string("statusDescription", response.description.as_str());
        if let Some(condition) = response.condition {
            properties = properties.with_string("error-condition", Value::symbol(condition));
        }
        let message = Message {
            properties: Properties { correlation_id: self.id.clone(), ..Properties::default() },
            application_properties: properties,
            body: Body::Value(response.body.clone()),
            ..Message::default()
        };
        message.encode()
    }
}

/// What a node answers.
pub(crate) struct Response {
    status: i32,
    description: String,
    condition: Option<&'static str>,
    body: Value,
}

impl Response {
    /// It is done; here is the result.
    pub(crate) fn success(status: i32, description: &str, body: Value) -> Response {
        Response { status, description: description.to_owned(), condition: None, body }
    }

    /// It is not, for this reason.
    pub(crate) fn failure(refusal: &Refusal) -> Response {
        Response {
            status: refusal.status,
            description: refusal.description.clone(),
            condition: Some(refusal.condition),
            body: Value::Null,
        }
    }

    /// The same without the condition.
    pub(crate) fn without_condition(self) -> Response {
        Response { condition: None, ..self }
    }
}
