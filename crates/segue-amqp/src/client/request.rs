//! Requests and their replies over a pair of links: how `$cbs` and `$management` are asked.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::OPERATION_TIMEOUT;
use super::error::ClientError;
use super::link::{Command, LinkIn, LinkOut};
use crate::codec::Value;
use crate::frame::{Attach, Role, SettleMode, Source, Target};
use crate::message::{Body, MESSAGE_FORMAT, Message};

/// Requests to one node, one after the other. The links are attached with the first one, and anew
/// after they have failed.
pub(super) struct Requests {
    node: &'static str,
    links: Option<Links>,
    next_id: u64,
}

struct Links {
    out: LinkOut,
    replies: LinkIn,
}

/// What the node answered.
pub(super) struct Answer {
    /// In the manner of HTTP.
    pub(super) status: i64,
    pub(super) description: String,
    pub(super) body: Body,
}

impl Requests {
    pub(super) fn new(node: &'static str) -> Requests {
        Requests { node, links: None, next_id: 0 }
    }

    /// Sends `request` and waits for the answer to it. When the wait is cancelled, the answer is
    /// recognised and dropped by the next request.
    pub(super) async fn call(
        &mut self,
        commands: &mpsc::Sender<Command>,
        mut request: Message,
    ) -> Result<Answer, ClientError> {
        let id = Value::String(format!("segue-{}", self.next_id));
        self.next_id += 1;
        request.properties.message_id = id.clone();
        request.properties.reply_to = Some(self.node.to_owned());
        let links = match &mut self.links {
            Some(links) => links,
            none => none.insert(Links::attach(commands, self.node).await?),
        };
        let result = links.ask(&request, &id, OPERATION_TIMEOUT).await;
        if result.is_err() {
            self.links = None;
        }
        result
    }
}

impl Links {
    async fn attach(
        commands: &mpsc::Sender<Command>,
        node: &'static str,
    ) -> Result<Links, ClientError> {
        let request = Attach {
            source: Some(Source::at(node)),
            target: Some(Target::at(node)),
            ..Attach::new(node, 0, Role::Sender)
        };
        let replies = Attach {
            settle_mode: SettleMode::Settled,
            initial_delivery_count: None,
            role: Role::Receiver,
            ..request.clone()
        };
        Ok(Links {
            out: LinkOut::attach(commands, request).await?,
            replies: LinkIn::attach(commands, replies).await?,
        })
    }

    async fn ask(
        &mut self,
        request: &Message,
        id: &Value,
        patience: Duration,
    ) -> Result<Answer, ClientError> {
        self.out.send(MESSAGE_FORMAT, request.encode().into()).await?;
        let answered = async {
            loop {
                let reply = Message::decode(&self.replies.next().await?)?;
                if reply.properties.correlation_id == *id {
                    return Ok(Answer::of(reply));
                }
            }
        };
        let waited_for = "the hub's answer to a request";
        let late = ClientError::Timeout { waited_for, after: patience };
        timeout(patience, answered).await.map_err(|_| late)?
    }
}

impl Answer {
    fn of(reply: Message) -> Answer {
        let property = |name: &str| reply.application_properties.get(name);
        Answer {
            status: property("status-code").and_then(Value::as_i64).unwrap_or_default(),
            description: property("status-description")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            body: reply.body,
        }
    }
}
