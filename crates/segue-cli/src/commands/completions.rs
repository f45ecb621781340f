//! `segue completions`: a completion script for the user's shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::terminal;

/// Print a completion script for a shell
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  segue completions bash > /etc/bash_completion.d/segue")]
pub(crate) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) {
        let mut script = Vec::new();
        let mut command = crate::arguments::Cli::command();
        clap_complete::generate(self.shell, &mut command, "segue", &mut script);
        terminal::line(String::from_utf8_lossy(&script).trim_end());
    }
}
