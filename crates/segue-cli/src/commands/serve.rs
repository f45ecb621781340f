//! `segue serve`: the whole system in one process.

use std::net::SocketAddr;

use clap::Args;
use segue_server::LiveFeed;

use crate::settings::{self, SettingsFlags};
use crate::system::{self, System};
use crate::terminal;

/// Run the whole system in one process
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue serve
  segue serve --data /var/lib/segue
  segue serve -c segue.yaml --http 127.0.0.1:9080")]
pub(crate) struct Serve {
    #[command(flatten)]
    settings: SettingsFlags,
    /// Address of ingest, API and pages, instead of listen.http
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
}

impl Serve {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut settings = self.settings.load(settings::segue_yaml)?;
        if let Some(http) = self.http {
            settings.listen.http = http;
        }
        let system = System::start(&settings, false, LiveFeed::new()).await?;
        terminal::line(format!("data        {}", settings.data_dir.display()));
        terminal::line(format!("HTTP        {}", system.http_url()));
        terminal::line(format!(
            "event hubs  {} on {}",
            system.event_hubs().join(", "),
            system.hub_urls()
        ));
        terminal::line("ready; Ctrl-C stops");
        system::stop_signal().await?;
        system.stop().await
    }
}
