//! The task that owns a connection: it reads, writes, keeps the peer awake and notices its death.
//!
//! Reading never waits for writing, so that two sides that both have much to say cannot block each
//! other; calls wait while too much is unwritten.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::error::ClientError;
use super::handshake::{IDLE_TIMEOUT_MS, Opened};
use super::link::{COMMANDS_QUEUED_MAX, Command};
use super::session::Session;
use crate::frame::{FrameBuffer, HEARTBEAT};
use crate::stream::write_or_flush;

/// A peer is given up after twice the silence that it was told to avoid.
const SILENCE_MAX: Duration = Duration::from_millis(2 * IDLE_TIMEOUT_MS as u64);

/// The shortest interval between heartbeats, whatever the peer asks for.
const HEARTBEAT_INTERVAL_MIN: Duration = Duration::from_millis(20);

/// The longest one, for peers that ask for none: it keeps load balancers on the way from
/// forgetting the connection (Azure's do after four minutes).
const HEARTBEAT_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// How long the peer may take to answer a close, and to take what explains one.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection as its task sees it.
pub(super) struct Driver<R, W> {
    reader: R,
    writer: W,
    frames: FrameBuffer,
    session: Session,
    /// True while the stream may keep back some of what was written.
    unflushed: bool,
    heartbeat_interval: Duration,
    /// When the next heartbeat is due, unless something else is written before.
    heartbeat_at: Instant,
    /// When the peer counts as dead, unless it is heard of before.
    dead_at: Instant,
    silence_max: Duration,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Driver<R, W> {
    pub(super) fn new(reader: R, writer: W, opened: Opened) -> Driver<R, W> {
        let half = |idle_ms: u32| Duration::from_millis(u64::from(idle_ms) / 2);
        let interval = opened
            .open
            .idle_timeout_ms
            .filter(|idle| *idle > 0)
            .map_or(HEARTBEAT_INTERVAL_MAX, |idle| {
                half(idle).clamp(HEARTBEAT_INTERVAL_MIN, HEARTBEAT_INTERVAL_MAX)
            });
        let now = Instant::now();
        Driver {
            reader,
            writer,
            session: Session::new(&opened),
            frames: opened.frames,
            unflushed: false,
            heartbeat_interval: interval,
            heartbeat_at: now + interval,
            dead_at: now + SILENCE_MAX,
            silence_max: SILENCE_MAX,
        }
    }

    /// Runs until both sides have closed, or the connection breaks; then ends every wait.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let result = self.drive(&mut commands).await;
        // What is still to be written may tell the peer why we go; nobody waits for it longer.
        let _ = timeout(CLOSE_TIMEOUT, self.flush()).await;
        let error = result.err().unwrap_or(ClientError::Closed);
        if !matches!(error, ClientError::Closed) {
            tracing::debug!(%error, "amqp connection ended");
        }
        // Calls that come too late find the queue closed; those in it are told why.
        commands.close();
        while let Some(command) = commands.recv().await {
            self.session.execute(command);
        }
        self.session.end(&error);
    }

    async fn drive(&mut self, commands: &mut mpsc::Receiver<Command>) -> Result<(), ClientError> {
        self.receive()?;
        while !self.session.is_closed() {
            self.session.pump();
            self.step(commands).await?;
        }
        Ok(())
    }

    /// Waits for one thing to happen, and acts on it.
    async fn step(&mut self, commands: &mut mpsc::Receiver<Command>) -> Result<(), ClientError> {
        let takes_commands = self.session.wire().has_room() && !self.session.is_closing();
        let unwritten = self.session.wire().unwritten();
        tokio::select! {
            read = self.reader.read_buf(self.frames.input()) => {
                if read? == 0 {
                    return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
                }
                self.dead_at = Instant::now() + self.silence_max;
                self.receive()
            }
            written = write_or_flush(&mut self.writer, unwritten),
                if !unwritten.is_empty() || self.unflushed =>
            {
                let written = written?;
                self.unflushed = written > 0;
                self.session.wire().wrote(written);
                self.heartbeat_at = Instant::now() + self.heartbeat_interval;
                Ok(())
            }
            command = commands.recv(), if takes_commands => {
                self.execute(command, commands);
                Ok(())
            }
            () = sleep_until(self.heartbeat_at) => {
                self.heartbeat_at = Instant::now() + self.heartbeat_interval;
                if self.session.wire().unwritten().is_empty() {
                    self.session.wire().out().extend(HEARTBEAT);
                }
                Ok(())
            }
            () = sleep_until(self.dead_at) => {
                let waited_for = "a sign of life from the hub";
                Err(ClientError::Timeout { waited_for, after: self.silence_max })
            }
        }
    }

    /// Acts on every frame that has come in completely.
    fn receive(&mut self) -> Result<(), ClientError> {
        while let Some(frame) = self.frames.next_frame()? {
            self.session.receive(frame)?;
        }
        Ok(())
    }

    /// Executes a call and those that wait behind it, so that their frames leave together. When
    /// every handle is gone, closes.
    fn execute(&mut self, first: Option<Command>, commands: &mut mpsc::Receiver<Command>) {
        match first {
            None => self.close(),
            Some(first) => {
                self.execute_one(first);
                for _ in 0..COMMANDS_QUEUED_MAX {
                    let Ok(command) = commands.try_recv() else {
                        break;
                    };
                    self.execute_one(command);
                }
            }
        }
    }

    fn execute_one(&mut self, command: Command) {
        let closes = matches!(command, Command::Close { .. });
        self.session.execute(command);
        if closes {
            self.close();
        }
    }

    /// Begins to close; a peer that does not answer in time counts as dead.
    fn close(&mut self) {
        self.session.close(None);
        self.silence_max = CLOSE_TIMEOUT;
        self.dead_at = Instant::now() + CLOSE_TIMEOUT;
    }

    async fn flush(&mut self) -> Result<(), ClientError> {
        loop {
            let unwritten = self.session.wire().unwritten();
            if unwritten.is_empty() {
                return Ok(self.writer.shutdown().await?);
            }
            let written = self.writer.write(unwritten).await?;
            if written == 0 {
                return Ok(());
            }
            self.session.wire().wrote(written);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};
    use tokio::sync::{mpsc, oneshot};
    use tokio::time::Instant;

    use super::{Command, Driver, SILENCE_MAX};
    use crate::client::ClientError;
    use crate::client::handshake::Opened;
    use crate::frame::{Begin, Close, FrameBuffer, HEARTBEAT, Open};

    fn opened(idle_timeout_ms: u32) -> Opened {
        Opened {
            open: Open { idle_timeout_ms: Some(idle_timeout_ms), ..Open::default() },
            begin: Begin::default(),
            frames: FrameBuffer::new(512),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_peer_is_kept_awake_at_half_of_its_patience() {
        let (own, mut peer) = duplex(1024);
        let (reader, writer) = tokio::io::split(own);
        let (_commands, queue) = mpsc::channel(1);
        let started = Instant::now();
        tokio::spawn(Driver::new(reader, writer, opened(10_000)).run(queue));
        for beat in 1..=3 {
            let mut bytes = [0; 8];
            peer.read_exact(&mut bytes).await.unwrap();
            assert_eq!(bytes, HEARTBEAT);
            assert_eq!(started.elapsed().as_secs(), 5 * beat);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_given_up() {
        let (own, _peer) = duplex(1024);
        let (reader, writer) = tokio::io::split(own);
        let (commands, queue) = mpsc::channel(1);
        let started = Instant::now();
        let driver = tokio::spawn(Driver::new(reader, writer, opened(240_000)).run(queue));
        driver.await.unwrap();
        assert_eq!(started.elapsed(), SILENCE_MAX);
        assert!(commands.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_answer_a_close_is_left_alone() {
        let (own, mut peer) = duplex(1024);
        let (reader, writer) = tokio::io::split(own);
        let (commands, queue) = mpsc::channel(1);
        tokio::spawn(Driver::new(reader, writer, opened(240_000)).run(queue));
        let (reply, closed) = oneshot::channel();
        commands.send(Command::Close { reply }).await.ok().unwrap();
        assert!(matches!(closed.await.unwrap(), Ok::<(), ClientError>(())));
        let (mut expected, mut sent) = (Vec::new(), Vec::new());
        Close::default().encode(0, &mut expected);
        peer.read_to_end(&mut sent).await.unwrap();
        assert_eq!(sent, expected);
    }
}
