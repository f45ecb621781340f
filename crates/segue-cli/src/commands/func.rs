//! `segue func`: Azure Functions apps on this machine.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use segue_functions::{FunctionEvent, FunctionHost, FunctionObserver, HostOptions};

use crate::otlp::Export;
use crate::settings::Telemetry;
use crate::{system, terminal};

/// Run Azure Functions apps on this machine
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  segue func start examples/functions/log-activations --inspect")]
pub(crate) struct Func {
    #[command(subcommand)]
    command: FuncCommand,
}

#[derive(Subcommand, Debug)]
enum FuncCommand {
    Start(Start),
}

/// Run an app against the event hubs that its settings name
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue func start
  segue func start examples/functions/log-activations --inspect
  segue func start --break-on-start       # nothing is delivered before a debugger attaches

Settings come from the environment, then from local.settings.json. Checkpoints and dead letters are
kept in DIR/.segue; delete it to read the hubs from the start again. Spans of the runs go to the
collector that OTEL_EXPORTER_OTLP_ENDPOINT names.")]
struct Start {
    /// The app: the folder with its host.json
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Let a debugger attach, on this port
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true,
        default_missing_value = DEFAULT_PORT_TEXT)]
    inspect: Option<u16>,
    /// Load and deliver nothing before a debugger has attached
    #[arg(long)]
    break_on_start: bool,
    /// As Azure: checkpoint whether a function succeeds or fails, and keep no dead letters
    #[arg(long)]
    azure_semantics: bool,
    /// Where checkpoints and dead letters are kept, instead of DIR/.segue
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// The port of [`segue_functions::DEFAULT_INSPECTOR_PORT`], as clap wants it.
const DEFAULT_PORT_TEXT: &str = "9229";

impl Func {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let FuncCommand::Start(start) = self.command;
        let data = start.data.unwrap_or_else(|| start.dir.join(".segue"));
        let mut options = HostOptions::new(start.dir, data);
        options.inspect = start.inspect;
        options.break_on_start = start.break_on_start;
        options.azure_semantics = start.azure_semantics;
        let export = Export::start(&Telemetry::default())?;
        options.tracer = export.tracer.clone();
        let host = FunctionHost::start(options, Arc::new(Console)).await?;
        system::stop_signal().await?;
        host.stop().await;
        export.stop().await
    }
}

/// Prints what happens, each line with its time, as Azure's own tools do.
struct Console;

impl FunctionObserver for Console {
    fn observe(&self, event: &FunctionEvent) {
        let now = jiff::Timestamp::now();
        terminal::line(format!("[{now:.3}] {event}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inspectors_default_port_is_the_hosts() {
        assert_eq!(DEFAULT_PORT_TEXT, segue_functions::DEFAULT_INSPECTOR_PORT.to_string());
    }
}
