//! A task per connection: it moves bytes and watches the clock.
//!
//! ```text
//!            ┌─────────────── one task per connection ───────────────┐
//!  stream ──▶│ FrameBuffer ─▶ Connection::receive ─▶ output ─▶ write │──▶ stream
//!            │      wake-ups: durable, new events, displaced, time   │
//!            └───────────────────────────────────────────────────────┘
//! ```
//! All that one read brings is answered with one write. Receivers get more only when everything
//! before it has been written, so a slow client holds at most a turn's bytes per link.

use std::future::poll_fn;
use std::time::Duration;

use segue_amqp::frame::{FrameBuffer, HEARTBEAT};
use segue_amqp::stream::{ByteStream, write_or_flush};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::connection::{Connection, FRAME_BYTES_MAX, IDLE_TIMEOUT_MS};
use crate::hub::Hub;
use crate::machine::now_ms;
use crate::refusal::Refusal;

/// Replies that may wait for a client that does not read; then its requests are not read either.
const OUTPUT_BYTES_MAX: usize = 4 << 20;
/// A heartbeat goes out at least this often, for the sake of what lies between.
const HEARTBEAT_MAX: Duration = Duration::from_secs(60);
/// A client is given up after twice the time that it was told.
const SILENCE_MAX: Duration = Duration::from_millis(2 * IDLE_TIMEOUT_MS as u64);
/// How long a shutdown waits for the disk and for slow clients before it drops them.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);
/// How long a closed connection waits for the client to hang up.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(1);

/// Completes when the handle is gone.
pub(crate) async fn stop_requested(stopped: &mut watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}

/// A connection and the stream that carries it.
pub(crate) struct Driver<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    connection: Connection,
    input: FrameBuffer,
    /// What is being written, and how much of it has been.
    writing: Vec<u8>,
    written: usize,
    /// True while the stream may keep back some of what was written.
    unflushed: bool,
    last_read: Instant,
    last_write: Instant,
    stopped: watch::Receiver<()>,
}

impl<S: ByteStream> Driver<S> {
    pub(crate) fn new(stream: S, hub: &Hub, stopped: watch::Receiver<()>) -> Driver<S> {
        let now = Instant::now();
        let (reader, writer) = tokio::io::split(stream);
        Driver {
            reader,
            writer,
            connection: Connection::new(hub.clone()),
            input: FrameBuffer::new(FRAME_BYTES_MAX),
            writing: Vec::new(),
            written: 0,
            unflushed: false,
            last_read: now,
            last_write: now,
            stopped,
        }
    }

    /// Serves the client until either side closes or the connection breaks.
    pub(crate) async fn run(mut self) -> std::io::Result<()> {
        let mailbox = self.connection.mailbox();
        let mut stopped = self.stopped.clone();
        let stop = stop_requested(&mut stopped);
        tokio::pin!(stop);
        while self.gather_output() {
            let wake_up = self.next_wake_up();
            let is_writing = self.written < self.writing.len();
            let is_reading = !self.connection.is_closed()
                && !self.connection.is_saturated()
                && self.connection.output().len() < OUTPUT_BYTES_MAX;
            // Cut off at `written`, which never passes the end.
            let unwritten = self.writing.get(self.written..).unwrap_or_default();
            tokio::select! {
                read = self.reader.read_buf(self.input.input()), if is_reading => {
                    if read? == 0 {
                        return Ok(());
                    }
                    self.last_read = Instant::now();
                    self.connection.receive(&mut self.input, now_ms());
                }
                written = write_or_flush(&mut self.writer, unwritten),
                    if is_writing || self.unflushed =>
                {
                    let written = written?;
                    self.unflushed = written > 0;
                    self.written += written;
                    self.last_write = Instant::now();
                }
                () = poll_fn(|context| self.connection.poll_progress(context)) => {}
                () = mailbox.filled() => self.connection.displace_receivers(),
                () = tokio::time::sleep_until(wake_up) => self.watch_the_clock(),
                () = &mut stop => {
                    let goodbye = tokio::time::timeout(SHUTDOWN_PATIENCE, self.say_goodbye());
                    goodbye.await.unwrap_or(Ok(()))?;
                    break;
                }
            }
        }
        let _ = tokio::time::timeout(FAREWELL_PATIENCE, self.hang_up()).await;
        Ok(())
    }

    /// Makes the next output ready to be written; false when the connection is over.
    fn gather_output(&mut self) -> bool {
        if self.written < self.writing.len() {
            return true;
        }
        self.connection.pump(now_ms());
        self.writing.clear();
        self.written = 0;
        std::mem::swap(&mut self.writing, self.connection.output());
        !self.writing.is_empty() || !self.connection.is_closed()
    }

    /// When to look at the clock next: for a heartbeat, a silent client, or a token's end.
    fn next_wake_up(&self) -> Instant {
        let due = (self.last_write + self.heartbeat()).min(self.last_read + SILENCE_MAX);
        match self.connection.next_expiry_ms() {
            Some(at_ms) => {
                let left_ms = u64::try_from(at_ms.saturating_sub(now_ms())).unwrap_or(0);
                // Far ends are looked at again with the next heartbeat.
                due.min(Instant::now() + Duration::from_millis(left_ms).min(HEARTBEAT_MAX))
            }
            None => due,
        }
    }

    /// Half of the silence that the client tolerates.
    fn heartbeat(&self) -> Duration {
        let tolerated = self.connection.client_idle_timeout_ms();
        tolerated.map_or(HEARTBEAT_MAX, |timeout| {
            Duration::from_millis(u64::from(timeout / 2)).min(HEARTBEAT_MAX)
        })
    }

    fn watch_the_clock(&mut self) {
        let now = Instant::now();
        self.connection.expire(now_ms());
        if now >= self.last_read + SILENCE_MAX {
            self.connection.close(Some(&Refusal::idle()));
        } else if now >= self.last_write + self.heartbeat() {
            if self.connection.is_open() {
                self.connection.output().extend_from_slice(&HEARTBEAT);
            }
            self.last_write = now;
        }
    }

    /// Settles what was received, closes the connection, and writes all of it.
    async fn say_goodbye(&mut self) -> std::io::Result<()> {
        poll_fn(|context| self.connection.poll_settled(context)).await;
        self.connection.close(Some(&Refusal::shutting_down()));
        let rest = self.writing.get(self.written..).unwrap_or_default();
        self.writer.write_all(rest).await?;
        self.writer.write_all(self.connection.output()).await
    }

    /// Ends the stream, then reads what is still on its way: closing a socket with unread bytes
    /// would reset it, and the client might never see the last frames.
    async fn hang_up(&mut self) -> std::io::Result<()> {
        self.writer.shutdown().await?;
        while self.reader.read_buf(self.input.input()).await? > 0 {
            self.input.input().clear();
        }
        Ok(())
    }
}
