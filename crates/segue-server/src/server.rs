//! Binding an address, serving it, and stopping without cutting an answer short.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::ListenerExt;
use segue_delivery::Delivery;
use segue_runtime::Runtime;
use segue_telemetry::Tracer;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::alarms::{self, AlarmThresholds};
use crate::app::{self, App};
use crate::live::LiveFeed;

/// How long requests that are under way may take to end after a shutdown was asked for.
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(5);

/// As many as Segue is made for: 1.7 MB of text a scrape.
const AUDIENCES_MAX: usize = 10_000;

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Where to listen; a loopback address. Port 0 takes a free one.
    pub addr: SocketAddr,
    /// Whether the demo's shop is served under `/shop/`.
    pub shop: bool,
    /// What it says about itself.
    pub telemetry: TelemetryOptions,
}

/// What a server says about itself.
#[derive(Clone, Debug)]
pub struct TelemetryOptions {
    /// What records spans.
    pub tracer: Tracer,
    /// When an alarm is raised.
    pub alarms: AlarmThresholds,
    /// Audiences that have metrics of their own; the others are left out, by their ids.
    pub audiences_max: usize,
}

impl Default for TelemetryOptions {
    /// No spans, and metrics of as many audiences as Segue is made for.
    fn default() -> TelemetryOptions {
        let (tracer, alarms) = (Tracer::default(), AlarmThresholds::default());
        TelemetryOptions { tracer, alarms, audiences_max: AUDIENCES_MAX }
    }
}

/// Why a server cannot start, or had to stop.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Another program listens there.
    #[error(
        "cannot listen on {addr}: another program does already; stop that one, or choose another \
         address with `listen.http` in segue.yaml or --http (SEG0361)"
    )]
    AddressTaken {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// Other machines could reach it, and nothing would ask them who they are.
    #[error(
        "refusing to listen on {addr}: other machines can reach it, and this version has no \
         authentication yet; set `listen.http` in segue.yaml or --http to an address on 127.0.0.1 \
         (SEG0362)"
    )]
    NotLoopback {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// The address cannot be used.
    #[error(
        "cannot listen on {addr}: {source}; choose another address with `listen.http` in \
         segue.yaml or --http (SEG0363)"
    )]
    Bind {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Accepting connections failed.
    #[error("the HTTP server stopped: {0}")]
    Serve(io::Error),
}

/// The HTTP edge.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Takes the address; answers begin with [`BoundServer::serve`].
    ///
    /// # Errors
    /// When the address is taken, cannot be used, or can be reached from other machines.
    pub async fn bind(
        options: ServerOptions,
        runtime: Runtime,
        delivery: Delivery,
        feed: LiveFeed,
    ) -> Result<BoundServer, ServerError> {
        let ServerOptions { addr, shop, telemetry } = options;
        if !addr.ip().is_loopback() {
            return Err(ServerError::NotLoopback { addr });
        }
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ServerError::AddressTaken { addr },
            _ => ServerError::Bind { addr, source },
        };
        let listener = TcpListener::bind(addr).await.map_err(refused)?;
        let local_addr = listener.local_addr().map_err(refused)?;
        let thresholds = telemetry.alarms;
        let app = App::new(runtime, delivery, telemetry);
        let router = app::router(app.clone(), feed.clone(), shop);
        let (stop, stopped) = watch::channel(false);
        let watching = tokio::spawn(alarms::watch(app, thresholds, stopped));
        Ok(BoundServer { listener, local_addr, router, feed, stop, watching })
    }
}

/// A server that has its address.
#[derive(Debug)]
pub struct BoundServer {
    listener: TcpListener,
    local_addr: SocketAddr,
    router: axum::Router,
    feed: LiveFeed,
    stop: watch::Sender<bool>,
    /// Ends with the server.
    watching: JoinHandle<()>,
}

impl BoundServer {
    /// Where it listens, with the port that it got.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What stops it.
    #[must_use]
    pub fn shutdown_handle(&self) -> ShutdownHandle {
        ShutdownHandle { stop: self.stop.clone() }
    }

    /// Answers requests until it is stopped. Requests under way are answered; live feeds end.
    ///
    /// # Errors
    /// When connections can no longer be accepted.
    pub async fn serve(self) -> Result<(), ServerError> {
        let BoundServer { listener, router, feed, stop, watching, .. } = self;
        // Answers are small and wanted at once: never hold one back for a fuller packet.
        let listener = listener.tap_io(|connection| {
            if let Err(error) = connection.set_nodelay(true) {
                tracing::debug!(%error, "cannot set TCP_NODELAY");
            }
        });
        let stopped = wait_for_stop(stop.subscribe());
        let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
        let overdue = async {
            wait_for_stop(stop.subscribe()).await;
            feed.close();
            tokio::time::sleep(SHUTDOWN_TIME_MAX).await;
        };
        let served = tokio::select! {
            served = serving.into_future() => served.map_err(ServerError::Serve),
            () = overdue => {
                tracing::warn!("some requests did not end in time and were cut off");
                Ok(())
            }
        };
        watching.abort();
        served
    }
}

/// Stops the server that it came from; clones do the same.
#[derive(Clone, Debug)]
pub struct ShutdownHandle {
    stop: watch::Sender<bool>,
}

impl ShutdownHandle {
    /// Asks the server to stop; [`BoundServer::serve`] returns once it has.
    pub fn shutdown(&self) {
        self.stop.send_replace(true);
    }
}

async fn wait_for_stop(mut stop: watch::Receiver<bool>) {
    // The sender lives as long as the server, so an error cannot come before the stop.
    let _ = stop.wait_for(|stop| *stop).await;
}
