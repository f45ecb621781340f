//! The command `segue`: reads its arguments, wires the rooms together, and prints.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage.

mod api;
mod arguments;
mod bench;
mod commands;
mod definition_files;
mod demo;
mod hub_ports;
mod otlp;
mod settings;
mod system;
mod terminal;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = arguments::Cli::parse();
    let filter = EnvFilter::try_from_env("SEGUE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    segue_delivery::install_tls();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::note(format!("error: cannot start threads: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli.command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::note(format!("error: {}", in_words(&error)));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes, leaving out a cause that the error before it has quoted.
fn in_words(error: &anyhow::Error) -> String {
    let mut words = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !words.contains(&cause) {
            let joint = if words.is_empty() { "" } else { ": " };
            words = words + joint + &cause;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    #[test]
    fn a_quoted_cause_is_not_said_twice() {
        let error = anyhow!("disk full").context("cannot write: disk full").context("in x.yaml");
        assert_eq!(super::in_words(&error), "in x.yaml: cannot write: disk full");
    }
}
