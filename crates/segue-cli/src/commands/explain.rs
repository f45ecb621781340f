//! `segue explain`: why somebody is in an audience, or why not, and what would change it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use segue_xdm::Identity;
use serde_json::Value;

use crate::api::{self, Client, Server};
use crate::definition_files;
use crate::terminal::{self, Format};

/// Explain why a profile is in an audience, or why it is not
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue explain --profile ECID:42 --audience sports-fan
  segue explain --profile email:kim@example.com --audience sports-fan -o json
  segue explain --profile ECID:42 --audience sports-fan --event visit.json  # what would change")]
pub(crate) struct Explain {
    /// NAMESPACE:ID, any of the profile's identities
    #[arg(long)]
    profile: Identity,
    /// The audience's id
    #[arg(long)]
    audience: String,
    /// A file with an event, or some: tell what they would change. Nothing is sent
    #[arg(long)]
    event: Option<PathBuf>,
    /// How to print
    #[arg(short, long, default_value = "table")]
    output: Format,
    #[command(flatten)]
    server: Server,
}

impl Explain {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let (namespace, id) = (self.profile.namespace(), self.profile.id());
        let path = api::path(&["profiles", namespace, id, "explain", &self.audience])?;
        let client = Client::new(self.server);
        let Some(event) = &self.event else {
            let explained = client.get(&path).await?;
            return terminal::document(self.output, &explained, paragraph);
        };
        let explained = client.post(&path, &events(event)?).await?;
        terminal::document(self.output, &explained, |both| {
            let part = |key: &str| both.get(key).map(paragraph).unwrap_or_default();
            let (before, after) = (part("before"), part("after"));
            if before == after {
                return format!("now: {before}\n\nafterwards: the same");
            }
            format!("now: {before}\n\nafterwards: {after}")
        })
    }
}

/// The events of a file: JSON, one a line or all in one document, or YAML.
fn events(file: &Path) -> anyhow::Result<Value> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let documents =
        definition_files::lines_or_yaml(&text).with_context(|| format!("in {}", file.display()))?;
    let flat = documents.into_iter().flat_map(|document| match document {
        Value::Array(events) => events,
        event => vec![event],
    });
    Ok(flat.collect())
}

fn paragraph(explained: &Value) -> String {
    explained.get("paragraph").and_then(Value::as_str).unwrap_or_default().to_owned()
}
