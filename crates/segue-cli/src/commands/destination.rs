//! `segue destination`: whether a destination takes messages.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::api::{self, Client, Server};
use crate::definition_files;
use crate::terminal::{self, Format};

/// Try destinations
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  segue destination test crm")]
pub(crate) struct Destination {
    #[command(subcommand)]
    command: DestinationCommand,
}

#[derive(Subcommand, Debug)]
enum DestinationCommand {
    Test(Test),
}

impl Destination {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let DestinationCommand::Test(test) = self.command;
        test.run().await
    }
}

/// Send one sample message, and show the request and the answer
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue destination test crm                     # one that is defined
  segue destination test -f destinations.yaml    # those of a file, before they are applied

The server sends the message, with its own environment. The sample is of a profile that does not
exist, with the ids 0; secrets are shown by their names. Exit code 1 if it was not taken.")]
struct Test {
    /// The destination
    #[arg(required_unless_present = "files", conflicts_with = "files")]
    id: Option<String>,
    /// Files or folders of YAML documents; what is no destination in them is passed over
    #[arg(short = 'f', long = "file", num_args = 1..)]
    files: Vec<PathBuf>,
    /// How to print
    #[arg(short, long, default_value = "table")]
    output: Format,
    #[command(flatten)]
    server: Server,
}

impl Test {
    async fn run(self) -> anyhow::Result<()> {
        let client = Client::new(self.server);
        let mut shown = Vec::new();
        if let Some(id) = &self.id {
            let answer = client.act(&path(id)?).await?;
            shown.push(labelled(id, answer));
        } else {
            let documents = definition_files::read(&self.files)?;
            for document in documents {
                let text = |key: &str| document.value.get(key).and_then(Value::as_str);
                if text("kind") != Some("Destination") {
                    continue;
                }
                let id = text("id").unwrap_or("unnamed");
                let answer = client.post(&path(id)?, &document.value).await;
                shown.push(labelled(id, answer.with_context(|| document.to_string())?));
            }
            if shown.is_empty() {
                bail!("no destinations found: name a file that holds some");
            }
        }
        let is_taken = |one: &Value| one.get("taken").and_then(Value::as_bool) == Some(true);
        let failed = shown.iter().filter(|one| !is_taken(one)).count();
        let of = shown.len();
        terminal::document(self.output, &Value::Array(shown), as_text)?;
        if failed > 0 {
            bail!("not taken: {failed} of {of}; the answer is shown above");
        }
        Ok(())
    }
}

fn path(id: &str) -> anyhow::Result<String> {
    api::path(&["destinations", id, "test"])
}

/// The answer with the destination's id in it.
fn labelled(id: &str, mut answer: Value) -> Value {
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("destination".to_owned(), id.into());
    }
    answer
}

fn as_text(tests: &Value) -> String {
    let text = |one: &Value, key: &str| {
        one.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let all = tests.as_array().into_iter().flatten().map(|one| {
        let (id, request, answer) =
            (text(one, "destination"), text(one, "request"), text(one, "answer"));
        format!("destination {id}\n\n{request}\n\nanswer: {answer}")
    });
    all.collect::<Vec<_>>().join("\n\n")
}
