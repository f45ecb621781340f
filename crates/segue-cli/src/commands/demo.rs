//! `segue demo`: the module's scenario on this machine.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::demo;

/// Play a visitor through the whole chain on this machine, and check the five promises
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue demo                 # plays, then stays up to click through
  segue demo --once          # plays, and exits 0 only if all five promises held
  segue demo --once --json   # one JSON object a line, for programs")]
pub(crate) struct Demo {
    /// Exit after the play; 0 only if all five promises held
    #[arg(long)]
    once: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// The function app to run, instead of the sample
    #[arg(long, value_name = "DIR")]
    app: Option<PathBuf>,
    /// Address of shop, ingest and API
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Address of the event hubs
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5672")]
    amqp: SocketAddr,
}

impl Demo {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let options = demo::Options { app: self.app, http: self.http, amqp: self.amqp };
        demo::run(options, self.once, self.json).await
    }
}
