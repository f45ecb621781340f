//! Embeds the broker in a program of its own and serves it until Ctrl-C or SIGTERM.
//!
//! ```text
//! cargo run -p segue-hub --example hub -- --data DIR [--config FILE.json] [--amqp ADDRESS]
//! ```
//! FILE.json is the official emulator's `Config.json`, or the `hub` part of a `segue.yaml` in JSON.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

use segue_hub::{Hub, HubConfig};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("SEGUE_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let mut config = HubConfig::default();
    let mut data_dir = PathBuf::from("segue-data");
    let mut address = SocketAddr::from(([127, 0, 0, 1], 5672));
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--config" => config = read(&std::fs::read_to_string(value)?)?,
            "--data" => data_dir = value.into(),
            "--amqp" => address = value.parse()?,
            _ => return Err(format!("unknown flag {flag}").into()),
        }
    }

    let listener = segue_hub::bind(address, &config)?;
    let hub = Hub::open(HubConfig { data_dir, ..config })?;
    let server = hub.serve(listener).await?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    server.shutdown().await;
    hub.close();
    Ok(())
}

fn read(text: &str) -> Result<HubConfig, Box<dyn Error>> {
    let mut document: Value = serde_json::from_str(text)?;
    match document.get_mut("hub") {
        Some(hub) => Ok(serde_json::from_value(hub.take())?),
        None => Ok(HubConfig::from_emulator_json(text)?),
    }
}
