//! `segue get` and `segue delete`: definitions of a running server.

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::api::{self, Client, Server};
use crate::terminal::{self, Format};

/// The kinds of definitions, as users type them.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    #[value(alias = "audience")]
    Audiences,
    #[value(alias = "destination")]
    Destinations,
    #[value(alias = "namespace")]
    Namespaces,
    #[value(alias = "merge-policy")]
    MergePolicies,
    #[value(alias = "function")]
    Functions,
}

impl Kind {
    /// The API's path of all definitions of this kind, or of the one with this id.
    fn path(self, id: Option<&str>) -> anyhow::Result<String> {
        let collection = match self {
            Self::Audiences => "audiences",
            Self::Destinations => "destinations",
            Self::Namespaces => "namespaces",
            Self::MergePolicies => "merge-policies",
            Self::Functions => "functions",
        };
        let segments: Vec<&str> = std::iter::once(collection).chain(id).collect();
        api::path(&segments)
    }
}

/// Show definitions
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue get audiences
  segue get audience sports-fan -o yaml
  segue get destinations -o json")]
pub(crate) struct Get {
    kind: Kind,
    /// One of them; all when left out
    id: Option<String>,
    /// How to print
    #[arg(short, long, default_value = "table")]
    output: Format,
    #[command(flatten)]
    server: Server,
}

impl Get {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let path = self.kind.path(self.id.as_deref())?;
        let value = Client::new(self.server).get(&path).await?;
        terminal::document(self.output, &value, as_table)
    }
}

fn as_table(value: &Value) -> String {
    let one = std::slice::from_ref(value);
    let listed = value.as_array().map_or(one, Vec::as_slice);
    let text = |item: &Value, key: &str| {
        item.get(key).and_then(Value::as_str).unwrap_or_default().trim().to_owned()
    };
    // A namespace's id is its code.
    let id = |item: &Value| text(item, if item.get("id").is_some() { "id" } else { "code" });
    let rows: Vec<Vec<String>> =
        listed.iter().map(|item| vec![text(item, "kind"), id(item), text(item, "name")]).collect();
    terminal::table(&["KIND", "ID", "NAME"], &rows)
}

/// Delete a definition; an audience exits its members
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  segue delete audience sports-fan")]
pub(crate) struct Delete {
    kind: Kind,
    id: String,
    #[command(flatten)]
    server: Server,
}

impl Delete {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        Client::new(self.server).delete(&self.kind.path(Some(&self.id))?).await?;
        terminal::line(format!("{} deleted", self.id));
        Ok(())
    }
}
