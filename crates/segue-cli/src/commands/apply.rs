//! `segue apply`: definitions as files, to a running server.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::api::{Client, Server};
use crate::{definition_files, terminal};

/// Create or update audiences, destinations and other definitions from files
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue apply -f definitions.yaml
  segue apply -f audiences/ -f destinations/
  ACTIVATIONS_CONNECTION=… segue apply -f destination.yaml    # fills in ${ACTIVATIONS_CONNECTION}
  segue apply --dry-run -f definitions.yaml                   # checks, changes nothing")]
pub(crate) struct Apply {
    /// Files or folders of YAML documents
    #[arg(short = 'f', long = "file", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// Check against the server and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    server: Server,
}

impl Apply {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let documents = definition_files::read(&self.files)?;
        let path = if self.dry_run { "/api/definitions?dry-run=true" } else { "/api/definitions" };
        let answer = Client::new(self.server).post(path, &Value::Array(documents)).await?;
        let results = answer.get("definitions").and_then(Value::as_array);
        for result in results.into_iter().flatten() {
            let text = |key: &str| result.get(key).and_then(Value::as_str).unwrap_or_default();
            terminal::line(format!("{} {} {}", text("kind"), text("id"), text("result")));
        }
        Ok(())
    }
}
