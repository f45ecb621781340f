//! `segue dead-letters`: messages that a destination refused for good.

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::api::{self, Client, Server};
use crate::terminal::{self, Format};

/// List, show, replay and drop what destinations refused for good
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue dead-letters list --destination crm
  segue dead-letters show 17
  segue dead-letters replay 17 18
  segue dead-letters replay --all --destination crm
  segue dead-letters drop 17

What functions failed for good is in DIR/.segue of their app.")]
pub(crate) struct DeadLetters {
    #[command(subcommand)]
    command: DeadLettersCommand,
}

#[derive(Subcommand, Debug)]
enum DeadLettersCommand {
    List(List),
    Show(Show),
    Replay(Chosen),
    Drop(Chosen),
}

impl DeadLetters {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.command {
            DeadLettersCommand::List(list) => list.run().await,
            DeadLettersCommand::Show(show) => show.run().await,
            DeadLettersCommand::Replay(chosen) => chosen.run(Act::Replay).await,
            DeadLettersCommand::Drop(chosen) => chosen.run(Act::Drop).await,
        }
    }
}

/// List them, the oldest first
#[derive(Args, Debug)]
struct List {
    /// Only those of this destination
    #[arg(long, value_name = "ID")]
    destination: Option<String>,
    /// How to print
    #[arg(short, long, default_value = "table")]
    output: Format,
    #[command(flatten)]
    server: Server,
}

/// Show one, with its error, properties and body
#[derive(Args, Debug)]
struct Show {
    id: u64,
    /// How to print
    #[arg(short, long, default_value = "yaml")]
    output: Format,
    #[command(flatten)]
    server: Server,
}

/// Do it with those named, or with all
#[derive(Args, Debug)]
struct Chosen {
    /// The dead letters
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<u64>,
    /// All of them, or all of one destination
    #[arg(long)]
    all: bool,
    /// With --all: only those of this destination
    #[arg(long, value_name = "ID", requires = "all")]
    destination: Option<String>,
    #[command(flatten)]
    server: Server,
}

#[derive(Clone, Copy)]
enum Act {
    Replay,
    Drop,
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let client = Client::new(self.server);
        let letters = all(&client, self.destination.as_deref()).await?;
        terminal::document(self.output, &Value::Array(letters), |letters| {
            let keys = ["id", "destination", "at", "profile", "error"];
            let row = |letter: &Value| keys.map(|key| cell(letter, key)).to_vec();
            let rows: Vec<Vec<String>> =
                letters.as_array().into_iter().flatten().map(row).collect();
            terminal::table(&["ID", "DESTINATION", "AT", "PROFILE", "ERROR"], &rows)
        })
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<()> {
        let letter = Client::new(self.server).get(&path(self.id, &[])?).await?;
        terminal::document(self.output, &letter, |letter| {
            let keys = ["id", "destination", "at", "profile", "activation", "error", "body"];
            let rows: Vec<Vec<String>> =
                keys.iter().map(|key| vec![(*key).to_owned(), cell(letter, key)]).collect();
            terminal::table(&["", ""], &rows).trim_start().to_owned()
        })
    }
}

impl Chosen {
    async fn run(self, act: Act) -> anyhow::Result<()> {
        let client = Client::new(self.server);
        let ids = if self.all {
            let letters = all(&client, self.destination.as_deref()).await?;
            letters.iter().filter_map(|letter| letter.get("id")?.as_u64()).collect()
        } else {
            self.ids
        };
        let mut failed = 0;
        for id in &ids {
            let done = match act {
                Act::Replay => client.act(&path(*id, &["replay"])?).await,
                Act::Drop => client.delete(&path(*id, &[])?).await,
            };
            match (done, act) {
                (Ok(_), Act::Replay) => terminal::line(format!("{id} replayed")),
                (Ok(_), Act::Drop) => terminal::line(format!("{id} dropped")),
                (Err(error), _) => {
                    failed += 1;
                    terminal::note(format!("{id}: {error}"));
                }
            }
        }
        if failed > 0 {
            bail!("failed: {failed} of {}", ids.len());
        }
        Ok(())
    }
}

/// Every dead letter, page by page.
async fn all(client: &Client, destination: Option<&str>) -> anyhow::Result<Vec<Value>> {
    let (mut letters, mut from) = (Vec::new(), json!(0));
    loop {
        let mut parameters = vec![("from", from.to_string())];
        parameters.extend(destination.map(|id| ("destination", id.to_owned())));
        let path = api::path(&["dead-letters"])?;
        let mut page = client.get(&api::with_parameters(&path, &parameters)?).await?;
        if let Some(Value::Array(found)) = page.get_mut("deadLetters").map(Value::take) {
            letters.extend(found);
        }
        match page.get_mut("next").map(Value::take) {
            None | Some(Value::Null) => return Ok(letters),
            Some(next) => from = next,
        }
    }
}

fn path(id: u64, more: &[&str]) -> anyhow::Result<String> {
    let id = id.to_string();
    api::path(&[&["dead-letters", id.as_str()], more].concat())
}

fn cell(letter: &Value, key: &str) -> String {
    match letter.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.lines().next().unwrap_or_default().to_owned(),
        Some(other) => other.to_string(),
    }
}
