//! The ends of links that senders, receivers and requests hold, and how they talk to the session.
//!
//! A [`LinkOut`] or [`LinkIn`] is a number and channels; the state of the link lives in the
//! [`super::session::Session`], which one task owns. Calls travel there as [`Command`]s.
//!
//! ```text
//!  LinkOut ──Send──▶ ┌─────────┐ ◀─▶ socket
//!  LinkIn ──Credit─▶ │ session │
//!         ◀─messages─└─────────┘
//! ```
//!
//! A receiver's queue is bounded by its credit: it holds at most [`CREDIT`] messages, and credit
//! for the ones taken out is granted when the program comes back for more.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::error::ClientError;
use super::{OPERATION_TIMEOUT, SEND_TIMEOUT};
use crate::frame::Attach;

/// Messages that a receiver has the peer send ahead; as many as Microsoft's clients.
pub(super) const CREDIT: u32 = 300;

/// Calls that wait for the connection's task; more of them wait in their callers.
pub(super) const COMMANDS_QUEUED_MAX: usize = 64;

/// Number of a link, unique within its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinkId(pub(super) u64);

/// Where a call's result goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, ClientError>>;

/// Messages of a link, in order; an error is the last thing to come.
pub(super) type Deliveries = mpsc::UnboundedReceiver<Result<Bytes, ClientError>>;

/// What the ends of links ask of the session.
pub(super) enum Command {
    /// Attach a link; the session chooses its name and handle.
    Attach { attach: Box<Attach>, commands: mpsc::Sender<Command>, reply: Reply<Attached> },
    /// Send a message of this format and tell when the peer has settled it.
    Send { link: LinkId, format: u32, message: Bytes, reply: Reply<()> },
    /// Let the peer send this many messages more.
    Credit { link: LinkId, count: u32 },
    /// Detach a link.
    Detach { link: LinkId, reply: Reply<()> },
    /// Close the connection.
    Close { reply: Reply<()> },
}

/// A link that the peer has accepted.
pub(super) struct Attached {
    pub(super) end: LinkEnd,
    /// What it has answered.
    pub(super) answer: Box<Attach>,
    /// Where messages come in; nothing ever does on a link out.
    pub(super) deliveries: Deliveries,
}

/// Sends a command and waits for its result.
pub(super) async fn call<T>(
    commands: &mpsc::Sender<Command>,
    (waited_for, patience): (&'static str, Duration),
    command: impl FnOnce(Reply<T>) -> Command,
) -> Result<T, ClientError> {
    let (reply, result) = oneshot::channel();
    let answered = async {
        commands.send(command(reply)).await.map_err(|_| ClientError::Closed)?;
        result.await.map_err(|_| ClientError::Closed)?
    };
    let late = ClientError::Timeout { waited_for, after: patience };
    timeout(patience, answered).await.map_err(|_| late)?
}

/// This side's end of an attached link, made by the session with it, so that no link outlives a
/// call that was given up. Dropping it detaches the link.
pub(super) struct LinkEnd {
    link: LinkId,
    commands: mpsc::Sender<Command>,
}

impl LinkEnd {
    pub(super) fn new(link: LinkId, commands: mpsc::Sender<Command>) -> LinkEnd {
        LinkEnd { link, commands }
    }

    /// Has the session attach a link and waits for the peer's consent.
    async fn attach(
        commands: &mpsc::Sender<Command>,
        attach: Attach,
    ) -> Result<Attached, ClientError> {
        let waited_for = ("the hub's answer to attaching a link", OPERATION_TIMEOUT);
        let command =
            |reply| Command::Attach { attach: Box::new(attach), commands: commands.clone(), reply };
        call(commands, waited_for, command).await
    }

    /// Detaches the link and waits for the peer to do so, too.
    async fn detach(self) -> Result<(), ClientError> {
        let waited_for = ("the hub's answer to detaching a link", OPERATION_TIMEOUT);
        let link = self.link;
        call(&self.commands, waited_for, |reply| Command::Detach { link, reply }).await
    }
}

impl Drop for LinkEnd {
    /// Detaches without waiting. When the queue is full the link stays attached until its
    /// connection closes, or, if messages come in, until the session finds nobody there to take
    /// them.
    fn drop(&mut self) {
        let (reply, _) = oneshot::channel();
        let _ = self.commands.try_send(Command::Detach { link: self.link, reply });
    }
}

/// The end of a link through which messages go out.
pub(super) struct LinkOut {
    end: LinkEnd,
    answer: Box<Attach>,
}

impl LinkOut {
    pub(super) async fn attach(
        commands: &mpsc::Sender<Command>,
        request: Attach,
    ) -> Result<LinkOut, ClientError> {
        let Attached { end, answer, .. } = LinkEnd::attach(commands, request).await?;
        Ok(LinkOut { end, answer })
    }

    /// Largest message that the peer takes, when it says.
    pub(super) fn max_message_bytes(&self) -> Option<u64> {
        self.answer.max_message_size.filter(|bytes| *bytes > 0)
    }

    /// What the peer has answered to the attach.
    pub(super) fn answer(&self) -> &Attach {
        &self.answer
    }

    /// Sends a message and waits until the peer has accepted it.
    pub(super) async fn send(&self, format: u32, message: Bytes) -> Result<(), ClientError> {
        let waited_for = ("the hub's acceptance of a message", SEND_TIMEOUT);
        let link = self.end.link;
        let command = |reply| Command::Send { link, format, message, reply };
        call(&self.end.commands, waited_for, command).await
    }

    /// Detaches the link and waits for the peer to do so, too.
    pub(super) async fn detach(self) -> Result<(), ClientError> {
        self.end.detach().await
    }
}

/// The end of a link through which messages come in.
pub(super) struct LinkIn {
    end: LinkEnd,
    deliveries: Deliveries,
    /// Messages taken out since credit was last granted.
    taken: u32,
    /// What the link has ended with.
    ended: Option<ClientError>,
}

impl LinkIn {
    pub(super) async fn attach(
        commands: &mpsc::Sender<Command>,
        request: Attach,
    ) -> Result<LinkIn, ClientError> {
        let Attached { end, deliveries, .. } = LinkEnd::attach(commands, request).await?;
        Ok(LinkIn { end, deliveries, taken: 0, ended: None })
    }

    /// The next message. Cancelling the wait loses nothing.
    pub(super) async fn next(&mut self) -> Result<Bytes, ClientError> {
        if self.taken >= CREDIT / 2 {
            let command = Command::Credit { link: self.end.link, count: self.taken };
            // A closed connection has told why through the queue.
            if self.end.commands.send(command).await.is_ok() {
                self.taken = 0;
            }
        }
        let received = self.deliveries.recv().await;
        self.take(received.unwrap_or(Err(ClientError::Closed)))
    }

    /// A message that is here already, if any; an error stays for [`LinkIn::next`].
    pub(super) fn ready(&mut self) -> Option<Bytes> {
        let received = self.deliveries.try_recv().ok()?;
        self.take(received).ok()
    }

    fn take(&mut self, received: Result<Bytes, ClientError>) -> Result<Bytes, ClientError> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        match &received {
            Ok(_) => self.taken += 1,
            Err(error) => self.ended = Some(error.clone()),
        }
        received
    }

    /// Detaches the link and waits for the peer to do so, too.
    pub(super) async fn detach(self) -> Result<(), ClientError> {
        self.end.detach().await
    }
}
