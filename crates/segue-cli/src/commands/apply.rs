//! `segue apply`: definitions as files, to a running server.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use serde_json::Value;

use crate::api::{Client, Refusal, Server};
use crate::definition_files::{self, Document};
use crate::terminal;

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
        let definitions = documents.iter().map(|document| document.value.clone()).collect();
        let answer = Client::new(self.server).post(path, &Value::Array(definitions)).await;
        let answer = answer.map_err(|error| in_files(error, &documents))?;
        let results = answer.get("definitions").and_then(Value::as_array);
        for result in results.into_iter().flatten() {
            let text = |key: &str| result.get(key).and_then(Value::as_str).unwrap_or_default();
            terminal::line(format!("{} {} {}", text("kind"), text("id"), text("result")));
        }
        Ok(())
    }
}

/// A refusal with the place of each definition, which the server knows by its index only.
pub(super) fn in_files(error: anyhow::Error, documents: &[Document]) -> anyhow::Error {
    let Some(refusal) = error.downcast_ref::<Refusal>() else {
        return error;
    };
    let located: Option<Vec<String>> = refusal
        .violations()
        .map(|(pointer, message)| {
            let (index, key) = split_index(pointer)?;
            let document = documents.get(index)?;
            let joint = if key.is_empty() { "" } else { ", " };
            Some(format!("\n  {document}{joint}{key}: {message}"))
        })
        .collect();
    match located {
        Some(lines) if !lines.is_empty() => {
            anyhow!("{}: nothing was changed{}", refusal.title(), lines.concat())
        }
        _ => error,
    }
}

/// `/1/connection/type` as `(1, "connection.type")`.
fn split_index(pointer: &str) -> Option<(usize, String)> {
    let inner = pointer.strip_prefix('/')?;
    let (index, key) = inner.split_once('/').unwrap_or((inner, ""));
    Some((index.parse().ok()?, key.replace('/', ".")))
}
