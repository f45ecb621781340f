//! Sockets: the listener, and a task per connection that moves bytes and watches the clock.
//!
//! ```text
//!            ┌─────────────── one task per connection ───────────────┐
//!  socket ──▶│ FrameBuffer ─▶ Connection::receive ─▶ output ─▶ write │──▶ socket
//!            │      wake-ups: durable, new events, displaced, time   │
//!            └───────────────────────────────────────────────────────┘
//! ```
//! All that one read brings is answered with one write. Receivers get more only when everything
//! before it has been written, so a slow client holds at most a turn's bytes per link.

use std::future::poll_fn;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::time::Duration;

use segue_amqp::frame::{FrameBuffer, HEARTBEAT};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

use crate::config::HubConfig;
use crate::connection::{Connection, FRAME_BYTES_MAX, IDLE_TIMEOUT_MS};
use crate::error::HubError;
use crate::hub::Hub;
use crate::machine::now_ms;
use crate::refusal::Refusal;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// The Python SDK reads TCP_MAXSEG and sets what it read, which Linux refuses above this; on the
/// loopback interface it would be 32768.
#[cfg(target_os = "linux")]
const SEGMENT_BYTES_MAX: u32 = 32_767;
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
/// How often retention looks at partitions that nobody writes to.
const RETENTION_INTERVAL: Duration = Duration::from_secs(60);
/// Pause after the system had no socket to give, as when all file descriptors are used.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Takes an address for [`Hub::serve`].
///
/// # Errors
/// [`HubError::Exposed`] if others could reach it while a key that everybody knows opens it;
/// [`HubError::Bind`] if it cannot be had.
pub fn bind(address: SocketAddr, config: &HubConfig) -> Result<StdListener, HubError> {
    if !address.ip().is_loopback() && !config.requires_secret() {
        return Err(HubError::Exposed { address });
    }
    let listen = || -> std::io::Result<StdListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_mss(SEGMENT_BYTES_MAX)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    listen().map_err(|source| HubError::Bind { address, source })
}

impl Hub {
    /// Serves clients on a listener from [`bind`] until the handle is shut down or dropped. Needs
    /// a tokio runtime.
    ///
    /// # Errors
    /// [`HubError::Listener`] when the runtime does not take the listener.
    pub async fn serve(&self, listener: StdListener) -> Result<ServerHandle, HubError> {
        let adopt = || -> std::io::Result<(TcpListener, SocketAddr)> {
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, local_addr) = adopt().map_err(HubError::Listener)?;
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(accept(self.clone(), listener, stopped));
        Ok(ServerHandle { local_addr, stop, task })
    }
}

/// A running server. Dropping it stops it, too, without waiting.
pub struct ServerHandle {
    local_addr: SocketAddr,
    /// Dropping it is the signal.
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl ServerHandle {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops accepting, settles what was received, closes every connection, and returns when all
    /// are gone.
    pub async fn shutdown(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the hub's server broke off");
        }
    }
}

/// Completes when the handle is gone.
async fn stop_requested(stopped: &mut watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}

async fn accept(hub: Hub, listener: TcpListener, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    let mut retention = tokio::time::interval(RETENTION_INTERVAL);
    retention.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let signal = stopped.clone();
    let stop = stop_requested(&mut stopped);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    let connection = Driver::new(stream, &hub, signal.clone());
                    connections.spawn(async move {
                        if let Err(error) = connection.run().await {
                            tracing::debug!(%client, %error, "connection lost");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = retention.tick() => {
                let hub = hub.clone();
                connections.spawn_blocking(move || hub.retain());
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// A connection and its socket.
struct Driver {
    stream: TcpStream,
    connection: Connection,
    input: FrameBuffer,
    /// What is being written, and how much of it has been.
    writing: Vec<u8>,
    written: usize,
    last_read: Instant,
    last_write: Instant,
    stopped: watch::Receiver<()>,
}

impl Driver {
    fn new(stream: TcpStream, hub: &Hub, stopped: watch::Receiver<()>) -> Driver {
        let now = Instant::now();
        Driver {
            stream,
            connection: Connection::new(hub.clone()),
            input: FrameBuffer::new(FRAME_BYTES_MAX),
            writing: Vec::new(),
            written: 0,
            last_read: now,
            last_write: now,
            stopped,
        }
    }

    /// Serves the client until either side closes or the connection breaks.
    async fn run(mut self) -> std::io::Result<()> {
        self.stream.set_nodelay(true)?;
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
            let (mut reader, mut writer) = self.stream.split();
            tokio::select! {
                read = reader.read_buf(self.input.input()), if is_reading => {
                    if read? == 0 {
                        return Ok(());
                    }
                    self.last_read = Instant::now();
                    self.connection.receive(&mut self.input, now_ms());
                }
                // Cut off at `written`, which never passes the end.
                written = writer.write(self.writing.get(self.written..).unwrap_or_default()),
                    if is_writing =>
                {
                    self.written += written?;
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
        self.stream.write_all(rest).await?;
        self.stream.write_all(self.connection.output()).await
    }

    /// Ends the stream, then reads what is still on its way: closing a socket with unread bytes
    /// would reset it, and the client might never see the last frames.
    async fn hang_up(&mut self) -> std::io::Result<()> {
        self.stream.shutdown().await?;
        while self.stream.read_buf(self.input.input()).await? > 0 {
            self.input.input().clear();
        }
        Ok(())
    }
}
