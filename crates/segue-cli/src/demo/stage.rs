//! The stage: a system, its definitions and the sample function, started together and fresh.

use std::sync::Arc;

use anyhow::Context;
use segue_functions::{DEFAULT_INSPECTOR_PORT, FunctionHost, HostOptions};
use segue_server::LiveFeed;
use segue_xdm::Identity;
use serde_json::Value;
use tempfile::TempDir;

use super::Options;
use super::debugger::Breakpoint;
use super::inbox::Inbox;
use super::sample_app::SampleApp;
use crate::api::Client;
use crate::commands::profile::profile_path;
use crate::definition_files;
use crate::settings::{Listen, Settings};
use crate::system::System;
use crate::terminal;

/// The hub of the demo, and the setting by which the sample app finds it.
const HUB: &str = "activations";
const CONNECTION_SETTING: &str = "ACTIVATIONS_CONNECTION";
/// What the demo knows about the shop's visitors.
const DEFINITIONS: &str = include_str!("../../../../examples/shop/definitions.yaml");

/// Everything that a play needs.
pub(super) struct Stage {
    system: System,
    host: FunctionHost,
    inbox: Arc<Inbox>,
    api: Client,
    app: SampleApp,
    inspector: String,
    /// The demo's data: new for each one, gone with it.
    _data: TempDir,
}

/// Where a person clicks, reads and attaches.
pub(super) struct Addresses {
    pub(super) shop: String,
    pub(super) hub: String,
    pub(super) inspector: String,
    pub(super) handler: String,
}

impl Stage {
    /// Starts everything. Returns when the function listens.
    pub(super) async fn set(options: Options) -> anyhow::Result<Self> {
        let app = SampleApp::find(options.app)?;
        app.install().await?;

        let data = TempDir::with_prefix("segue-demo-").context("cannot make a data directory")?;
        let settings = Settings {
            data_dir: data.path().to_owned(),
            listen: Listen { http: options.http, amqp: options.amqp, amqps: None },
            ..Settings::default()
        };
        let feed = LiveFeed::new();
        let system = System::start(&settings, true, feed.clone()).await?;
        let api = Client::at(system.http_url());
        let definitions = Value::Array(definition_files::parse(DEFINITIONS)?);
        api.post("/api/definitions", &definitions).await?;

        let spinner = terminal::spinner("starting the sample function");
        let inbox = Inbox::new(feed);
        let mut host_options = HostOptions::new(app.dir(), data.path().join("functions"));
        host_options.inspect = Some(DEFAULT_INSPECTOR_PORT);
        host_options.tracer = system.tracer();
        let connection = system.connection_string();
        host_options.settings_override.insert(CONNECTION_SETTING.to_owned(), connection);
        let host = FunctionHost::start(host_options, inbox.clone()).await?;
        host.listening().await;
        let inspector = inbox.inspector().await?;
        spinner.finish_and_clear();
        Ok(Self { system, host, inbox, api, app, inspector, _data: data })
    }

    /// The system's HTTP interface.
    pub(super) fn api(&self) -> &Client {
        &self.api
    }

    /// What the function received.
    pub(super) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Where a debugger attaches.
    pub(super) fn inspector(&self) -> &str {
        &self.inspector
    }

    /// The first statement of the handler.
    pub(super) fn breakpoint(&self) -> anyhow::Result<Breakpoint> {
        self.app.breakpoint()
    }

    /// How many messages the hub has got so far.
    pub(super) fn messages_in_hub(&self) -> usize {
        self.system.messages_in(HUB)
    }

    /// A profile, after everything that was accepted before.
    pub(super) async fn profile(&self, identity: &Identity) -> anyhow::Result<Value> {
        self.api.get(&profile_path(identity)?).await
    }

    /// Where things are.
    pub(super) fn addresses(&self) -> Addresses {
        Addresses {
            shop: format!("{}/shop/", self.system.http_url()),
            hub: format!("{HUB} on amqp://{}", self.system.amqp_address()),
            inspector: self.inspector.clone(),
            handler: self.app.handler().display().to_string(),
        }
    }

    /// Stops everything.
    pub(super) async fn strike(self) -> anyhow::Result<()> {
        self.host.stop().await;
        self.system.stop().await
    }
}
