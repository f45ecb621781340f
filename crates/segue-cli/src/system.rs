//! The whole system in one process: how the rooms meet.
//!
//! ```text
//! HTTP ─▶ Server ─▶ Runtime ─▶ ActivationLogs ─▶ Hub ─▶ AMQP
//!            ▲─────── LiveFeed ◀──┘           └─▶ Delivery ─▶ destinations outside
//! ```

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use segue_delivery::{ActivationLogs, Delivery, DeliveryOptions, EmbeddedHub};
use segue_hub::{EMULATOR_RULE_KEY, EMULATOR_RULE_NAME, Hub};
use segue_runtime::{Runtime, RuntimeOptions};
use segue_server::{
    LiveFeed, Server, ServerError, ServerOptions, ShutdownHandle, TelemetryOptions,
};
use segue_telemetry::Tracer;
use tokio::task::JoinHandle;

use crate::hub_ports::{HubPorts, TakenPorts};
use crate::otlp::Export;
use crate::settings::Settings;

/// A running system.
pub(crate) struct System {
    hub: Hub,
    hub_ports: HubPorts,
    runtime: Runtime,
    delivery: Delivery,
    export: Export,
    http_address: SocketAddr,
    http_shutdown: ShutdownHandle,
    http: JoinHandle<Result<(), ServerError>>,
}

impl System {
    /// Opens everything durable, takes the ports, and serves. `shop` adds the demo's pages.
    pub(crate) async fn start(
        settings: &Settings,
        shop: bool,
        feed: LiveFeed,
    ) -> anyhow::Result<Self> {
        let export = Export::start(&settings.telemetry)?;
        let hub_ports = TakenPorts::take(settings)?;
        let hub = Hub::open(settings.hub_config())?;
        let delivery = Delivery::open(DeliveryOptions {
            observer: Arc::new(feed.clone()),
            tracer: export.tracer.clone(),
            ..DeliveryOptions::new(&settings.data_dir)
        })?;
        let embedded = EmbeddedHub::new(hub.clone());
        let activations = Arc::new(ActivationLogs::new(embedded, delivery.clone()));
        let mut runtime_options = RuntimeOptions::new(&settings.data_dir);
        runtime_options.profile_memory_bytes = settings.limits.profile_memory_bytes;
        runtime_options.id_memory_bytes = settings.limits.id_memory_bytes;
        if let Some(threads) = settings.limits.engine_threads {
            runtime_options.engine_threads = threads.get();
        }
        runtime_options.settings.history = (&settings.limits.history).into();
        runtime_options.tracer = export.tracer.clone();
        let runtime = Runtime::open(runtime_options, activations, Arc::new(feed.clone()))?;
        let telemetry = TelemetryOptions {
            tracer: export.tracer.clone(),
            alarms: settings.telemetry.alarms,
            audiences_max: settings.telemetry.audiences_max,
        };
        let options = ServerOptions { addr: settings.listen.http, shop, telemetry };
        let server = Server::bind(options, runtime.clone(), delivery.clone(), feed).await?;
        let http_address = server.local_addr();
        let http_shutdown = server.shutdown_handle();
        let hub_ports = hub_ports.serve(&hub).await?;
        let http = tokio::spawn(server.serve());
        delivery.start();
        Ok(Self { hub, hub_ports, runtime, delivery, export, http_address, http_shutdown, http })
    }

    /// Where pages and the API are.
    pub(crate) fn http_url(&self) -> String {
        format!("http://{}", self.http_address)
    }

    /// Where the event hubs are.
    pub(crate) fn amqp_address(&self) -> SocketAddr {
        self.hub_ports.amqp_address()
    }

    /// The same with the schemes of all ports, for people.
    pub(crate) fn hub_urls(&self) -> String {
        self.hub_ports.urls()
    }

    /// The names of the event hubs.
    pub(crate) fn event_hubs(&self) -> Vec<String> {
        self.hub.event_hubs().iter().map(|hub| hub.name().to_owned()).collect()
    }

    /// How many messages a hub has got since it was made; 0 when there is no such hub.
    pub(crate) fn messages_in(&self, hub: &str) -> usize {
        let Some(hub) = self.hub.event_hub(hub) else {
            return 0;
        };
        let ends = (0..hub.log().partition_count()).filter_map(|index| hub.log().partition(index));
        ends.map(|partition| usize::try_from(partition.end_offset()).unwrap_or(usize::MAX)).sum()
    }

    /// What a client on this machine connects with, under the default settings.
    pub(crate) fn connection_string(&self) -> String {
        let port = self.amqp_address().port();
        format!(
            "Endpoint=sb://localhost:{port};SharedAccessKeyName={EMULATOR_RULE_NAME};\
             SharedAccessKey={EMULATOR_RULE_KEY};UseDevelopmentEmulator=true;"
        )
    }

    /// What records the spans of everything in this process.
    pub(crate) fn tracer(&self) -> Tracer {
        self.export.tracer.clone()
    }

    /// Stops taking requests, applies what was accepted, and writes the checkpoint.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.http_shutdown.shutdown();
        self.http.await.context("the HTTP server broke off")??;
        let runtime = self.runtime;
        tokio::task::spawn_blocking(move || runtime.shutdown()).await??;
        self.delivery.stop().await;
        self.hub_ports.shutdown().await;
        self.export.stop().await
    }
}

/// Resolves when the user (or the machine) asks the process to end: Ctrl-C or SIGTERM.
pub(crate) async fn stop_signal() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}
