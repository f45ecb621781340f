//! Sockets: the listeners, and who is let through to a connection's task.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::config::HubConfig;
use crate::driver::{Driver, stop_requested};
use crate::error::HubError;
use crate::hub::Hub;
use crate::transport::{self, ServerTls};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// The Python SDK reads TCP_MAXSEG and sets what it read, which Linux refuses above this; on the
/// loopback interface it would be 32768.
#[cfg(target_os = "linux")]
const SEGMENT_BYTES_MAX: u32 = 32_767;
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
    /// Serves clients on a listener from [`bind`] until the handle is shut down or dropped; AMQP
    /// and AMQP in WebSockets alike. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`HubError::Listener`] when the runtime does not take the listener.
    pub async fn serve(&self, listener: StdListener) -> Result<ServerHandle, HubError> {
        self.serve_on(listener, None)
    }

    /// As [`Hub::serve`], over TLS.
    ///
    /// # Errors
    /// As [`Hub::serve`].
    pub async fn serve_tls(
        &self,
        listener: StdListener,
        tls: &ServerTls,
    ) -> Result<ServerHandle, HubError> {
        self.serve_on(listener, Some(tls.clone()))
    }

    fn serve_on(
        &self,
        listener: StdListener,
        tls: Option<ServerTls>,
    ) -> Result<ServerHandle, HubError> {
        let adopt = || -> std::io::Result<(TcpListener, SocketAddr)> {
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, local_addr) = adopt().map_err(HubError::Listener)?;
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(accept(self.clone(), listener, tls, stopped));
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

async fn accept(
    hub: Hub,
    listener: TcpListener,
    tls: Option<ServerTls>,
    mut stopped: watch::Receiver<()>,
) {
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
                    let connection = serve_client(stream, tls.clone(), hub.clone(), signal.clone());
                    connections.spawn(async move {
                        if let Err(error) = connection.await {
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

async fn serve_client(
    stream: TcpStream,
    tls: Option<ServerTls>,
    hub: Hub,
    stopped: watch::Receiver<()>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stop = stopped.clone();
    let stream = tokio::select! {
        opened = transport::open(stream, tls.as_ref()) => opened?,
        () = stop_requested(&mut stop) => return Ok(()),
    };
    Driver::new(stream, &hub, stopped).run().await
}
