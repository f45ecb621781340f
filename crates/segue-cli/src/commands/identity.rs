//! `segue identity`: try out how identities are linked, without a server.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use segue_runtime::simulation;

use crate::definition_files;
use crate::terminal::{self, Format};

const EXAMPLES: &str = "Examples:
  segue identity simulate -f examples/identity/shared-device.yaml
  segue identity simulate -f events.jsonl -o json

A file holds one event a line as JSON, or YAML documents: events and Namespace definitions.
Of an event only identityMap is needed, and a timestamp unless it happens with the one before.";

/// Try out how identities are linked into profiles
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Identity {
    #[command(subcommand)]
    command: IdentityCommand,
}

#[derive(Subcommand, Debug)]
enum IdentityCommand {
    /// Play events, show what each links and cuts, and draw the graph
    #[command(after_help = EXAMPLES)]
    Simulate {
        /// Events, and the namespaces whose rules hold for them
        #[arg(short = 'f', long = "file")]
        file: PathBuf,
        /// How to print
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
}

impl Identity {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let IdentityCommand::Simulate { file, output } = self.command;
        let place = || format!("in {}", file.display());
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let documents = definition_files::lines_or_yaml(&text).with_context(place)?;
        let simulation = simulation::play(documents).with_context(place)?;
        terminal::document(output, &simulation.to_value(), |_| simulation.to_string())
    }
}
