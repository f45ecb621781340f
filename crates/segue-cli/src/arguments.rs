//! The command line: one variant a command; each command's own arguments are in its file.

use clap::{Parser, Subcommand};

use crate::commands::{
    apply, audience, backup, bench, completions, dead_letters, demo, destination, diff, explain,
    func, get, hub, identity, profile, send, serve, tail, test,
};

/// Turns customer events into audience activations, in real time
#[derive(Parser, Debug)]
#[command(name = "segue", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Examples:
  segue demo                           # the whole chain on this machine, played and checked
  segue serve                          # the system, on 127.0.0.1:8080 (HTTP) and :5672 (AMQP)
  segue apply -f definitions.yaml      # audiences and destinations from files
  segue test tests/scenarios           # audiences tested on a logical clock, without a server

SEGUE_LOG sets what is logged to standard error: error, warn (default), info, debug, trace.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    Hub(hub::Hub),
    Func(func::Func),
    Apply(apply::Apply),
    Diff(diff::Diff),
    Get(get::Get),
    Delete(get::Delete),
    Audience(audience::Audience),
    Destination(destination::Destination),
    DeadLetters(dead_letters::DeadLetters),
    Explain(explain::Explain),
    Test(test::Test),
    Profile(profile::Profile),
    Identity(identity::Identity),
    Send(send::Send),
    Tail(tail::Tail),
    Export(backup::Export),
    Import(backup::Import),
    Bench(bench::Bench),
    Completions(completions::Completions),
}

impl Command {
    /// Runs the command to its end.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Demo(command) => command.run().await,
            Self::Serve(command) => command.run().await,
            Self::Hub(command) => command.run().await,
            Self::Func(command) => command.run().await,
            Self::Apply(command) => command.run().await,
            Self::Diff(command) => command.run().await,
            Self::Get(command) => command.run().await,
            Self::Delete(command) => command.run().await,
            Self::Audience(command) => command.run().await,
            Self::Destination(command) => command.run().await,
            Self::DeadLetters(command) => command.run().await,
            Self::Explain(command) => command.run().await,
            Self::Test(command) => command.run(),
            Self::Profile(command) => command.run().await,
            Self::Identity(command) => command.run(),
            Self::Send(command) => command.run().await,
            Self::Tail(command) => command.run().await,
            Self::Export(command) => command.run().await,
            Self::Import(command) => command.run().await,
            Self::Bench(command) => command.run().await,
            Self::Completions(command) => {
                command.run();
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
