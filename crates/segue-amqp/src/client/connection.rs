//! A connection and what can be made from it.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::OPERATION_TIMEOUT;
use super::cbs::{self, Tokens};
use super::driver::Driver;
use super::error::ClientError;
use super::handshake;
use super::link::{COMMANDS_QUEUED_MAX, Command, call};
use super::management::{self, HubInfo, PartitionInfo};
use super::namespace::Namespace;
use super::numbered::NumberedSender;
use super::receiver::{Position, Receiver};
use super::request::Requests;
use super::sender::Sender;
use super::transport;
use crate::message::ProducerIdentity;

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authentication {
    /// SASL ANONYMOUS, then a signed token for each hub: the key never travels.
    #[default]
    Token,
    /// SASL PLAIN with policy and key.
    Plain,
}

/// An open connection to a namespace. Clones share it; it closes when the last clone and all that
/// was made from it are gone, or with [`Connection::close`].
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
}

/// What the parts made from one connection share.
pub(super) struct Shared {
    pub(super) namespace: Namespace,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) tokens: Arc<Tokens>,
    pub(super) management: Mutex<Requests>,
    renewal: AbortHandle,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

impl Connection {
    /// Connects with [`Authentication::Token`]. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the namespace is not there, cannot be trusted, or does not speak AMQP. A wrong key
    /// shows only when a sender or receiver is made.
    pub async fn connect(namespace: impl Into<Namespace>) -> Result<Connection, ClientError> {
        Connection::connect_with(namespace, Authentication::Token).await
    }

    /// Connects and proves itself as `authentication` says. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As [`Connection::connect`]; with [`Authentication::Plain`] also when the key is wrong.
    pub async fn connect_with(
        namespace: impl Into<Namespace>,
        authentication: Authentication,
    ) -> Result<Connection, ClientError> {
        let namespace = namespace.into();
        let opening = open(&namespace, authentication);
        let waited_for = "the opening of a connection to the hub";
        let late = ClientError::Timeout { waited_for, after: OPERATION_TIMEOUT };
        let commands = timeout(OPERATION_TIMEOUT, opening).await.map_err(|_| late)??;
        let tokens = Arc::new(Tokens::new(authentication));
        let shared = Arc::new_cyclic(|shared| Shared {
            namespace,
            commands,
            tokens: Arc::clone(&tokens),
            management: Mutex::new(Requests::new(management::NODE)),
            renewal: tokio::spawn(cbs::keep_valid(shared.clone(), tokens)).abort_handle(),
        });
        Ok(Connection { shared })
    }

    /// A sender to `hub`; with `partition` to that one, else the hub chooses, by key or in turn.
    ///
    /// # Errors
    /// When the hub or partition does not exist, or the key may not send to it.
    pub async fn sender(&self, hub: &str, partition: Option<&str>) -> Result<Sender, ClientError> {
        Sender::attach(&self.shared, hub, partition).await
    }

    /// A sender to one partition that numbers its events, so that the hub knows those that come
    /// twice: one that goes on as `producer`, or a new one. None when the hub does not offer it.
    ///
    /// # Errors
    /// As [`Connection::sender`], and when the hub refuses this producer.
    pub async fn numbered_sender(
        &self,
        hub: &str,
        partition: &str,
        producer: Option<ProducerIdentity>,
    ) -> Result<Option<NumberedSender>, ClientError> {
        NumberedSender::attach(&self.shared, hub, partition, producer).await
    }

    /// A receiver of one partition's events from `position` on, on behalf of a consumer group.
    ///
    /// # Errors
    /// When hub, group or partition do not exist, or the key may not receive from it.
    pub async fn receiver(
        &self,
        hub: &str,
        consumer_group: &str,
        partition: &str,
        position: &Position,
    ) -> Result<Receiver, ClientError> {
        Receiver::attach(&self.shared, hub, consumer_group, partition, position).await
    }

    /// What the hub is made of.
    ///
    /// # Errors
    /// When it does not exist, or the key may not know.
    pub async fn hub_info(&self, hub: &str) -> Result<HubInfo, ClientError> {
        management::hub_info(&self.shared, hub).await
    }

    /// What one partition of the hub holds.
    ///
    /// # Errors
    /// When it does not exist, or the key may not know.
    pub async fn partition_info(
        &self,
        hub: &str,
        partition: &str,
    ) -> Result<PartitionInfo, ClientError> {
        management::partition_info(&self.shared, hub, partition).await
    }

    /// Closes the connection with everything made from it, and waits for the peer to agree.
    ///
    /// # Errors
    /// When the connection was broken before.
    pub async fn close(self) -> Result<(), ClientError> {
        let waited_for = ("the hub's agreement to close", OPERATION_TIMEOUT);
        call(&self.shared.commands, waited_for, |reply| Command::Close { reply }).await
    }
}

/// Opens the connection and leaves it to a task of its own.
async fn open(
    namespace: &Namespace,
    authentication: Authentication,
) -> Result<mpsc::Sender<Command>, ClientError> {
    let mut stream = transport::connect(namespace).await?;
    let opened = handshake::open(&mut stream, namespace, authentication).await?;
    let (reader, writer) = tokio::io::split(stream);
    let (commands, queue) = mpsc::channel(COMMANDS_QUEUED_MAX);
    tokio::spawn(Driver::new(reader, writer, opened).run(queue));
    Ok(commands)
}
