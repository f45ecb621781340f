//! `segue apply`: definitions as files, to a running server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use serde_json::Value;

use crate::api::{self, Client, Refusal, Server};
use crate::definition_files::{self, Document};
use crate::terminal;

/// Pause between two looks at a job.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Create or update audiences, destinations and other definitions from files
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue apply -f definitions.yaml
  segue apply -f audiences/ -f destinations/
  ACTIVATIONS_CONNECTION=… segue apply -f destination.yaml    # fills in ${ACTIVATIONS_CONNECTION}
  segue apply --dry-run -f definitions.yaml                   # checks, changes nothing
  segue apply --no-wait -f definitions.yaml                   # leaves the backfill to itself")]
pub(crate) struct Apply {
    /// Files or folders of YAML documents
    #[arg(short = 'f', long = "file", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// Check against the server and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not wait until existing profiles have followed the changes
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    server: Server,
}

impl Apply {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let documents = definition_files::read(&self.files)?;
        let path = if self.dry_run { "/api/definitions?dry-run=true" } else { "/api/definitions" };
        let definitions = documents.iter().map(|document| document.value.clone()).collect();
        let client = Client::new(self.server);
        let answer = client.post(path, &Value::Array(definitions)).await;
        let answer = answer.map_err(|error| in_files(error, &documents))?;
        let results = answer.get("definitions").and_then(Value::as_array);
        for result in results.into_iter().flatten() {
            let text = |key: &str| result.get(key).and_then(Value::as_str).unwrap_or_default();
            terminal::line(format!("{} {} {}", text("kind"), text("id"), text("result")));
        }
        let jobs = results.into_iter().flatten().filter_map(|result| result.get("job")?.as_u64());
        match jobs.max() {
            Some(last) if !self.no_wait => wait_for(&client, last).await,
            _ => Ok(()),
        }
    }
}

/// Shows how far a job is until it has ended. All jobs share one walk over the profiles, so that
/// the last one ends last.
async fn wait_for(client: &Client, job: u64) -> anyhow::Result<()> {
    let path = api::path(&["jobs", &job.to_string()])?;
    let bar = terminal::count_progress("profiles");
    loop {
        let shown = match client.get(&path).await {
            Ok(shown) => shown,
            // One that ended long ago is forgotten.
            Err(error) if error.downcast_ref().is_some_and(Refusal::is_not_found) => break,
            Err(error) => return Err(error),
        };
        let number = |key: &str| shown.get(key).and_then(Value::as_u64).unwrap_or_default();
        bar.set_length(number("total"));
        bar.set_position(number("visited"));
        if shown.get("state").and_then(Value::as_str) != Some("running") {
            break;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    bar.finish_and_clear();
    Ok(())
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
