//! `segue audience`: what an audience would be, before it is applied.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use segue_runtime::checking::{self, Checked};
use serde_json::Value;

use crate::api::{Client, Server};
use crate::definition_files::{self, Document};
use crate::terminal::{self, Format};

/// Check audiences, or count who would be in them
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue audience check -f audiences.yaml         # mistakes, and how each is evaluated; no server
  segue audience estimate -f audiences.yaml      # how many profiles would be members")]
pub(crate) struct Audience {
    #[command(subcommand)]
    command: AudienceCommand,
}

#[derive(Subcommand, Debug)]
enum AudienceCommand {
    Check(Check),
    Estimate(Estimate),
}

impl Audience {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.command {
            AudienceCommand::Check(check) => check.run(),
            AudienceCommand::Estimate(estimate) => estimate.run().await,
        }
    }
}

/// Parse, type-check and plan definitions, without a server
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue audience check -f audiences.yaml
  segue audience check -f audiences/ -o json

For each audience: what events are asked, the parts that its value is made of, what is kept of a
profile's events for each, and which parts read the stored events instead, and why.")]
struct Check {
    /// Files or folders of YAML documents
    #[arg(short = 'f', long = "file", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// How to print
    #[arg(short, long, default_value = "table")]
    output: Format,
}

impl Check {
    fn run(self) -> anyhow::Result<()> {
        let documents = definition_files::read(&self.files)?;
        let values: Vec<Value> = documents.iter().map(|document| document.value.clone()).collect();
        let checked = checking::check(&values);
        let value = checked.iter().map(Checked::to_value).collect();
        terminal::document(self.output, &value, |_| {
            let texts = checked.iter().zip(&documents);
            let texts = texts.map(|(one, document)| checked_as_text(&one.to_value(), document));
            texts.collect::<Vec<_>>().join("\n\n")
        })?;
        let wrong = checked.iter().filter(|one| !one.violations.is_empty()).count();
        if wrong > 0 {
            bail!("definitions with mistakes: {wrong} of {}; each is shown above", checked.len());
        }
        Ok(())
    }
}

fn checked_as_text(checked: &Value, document: &Document) -> String {
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut lines = Vec::new();
    for error in listed(checked, "errors") {
        let key = text(error, "pointer").trim_start_matches('/').replace('/', ".");
        lines.push(format!("{document}, {key}: {}", text(error, "message")));
    }
    if !lines.is_empty() {
        return lines.join("\n");
    }
    let plan = checked.get("plan");
    let is_incremental = plan.and_then(|plan| plan.get("incremental")?.as_bool());
    let verdict = match is_incremental {
        None => "sound",
        Some(true) => "sound, kept up to date event by event",
        Some(false) => "sound, in part evaluated over the stored events",
    };
    lines.push(format!("{} {}: {verdict}", text(checked, "kind"), text(checked, "id")));
    lines.extend(texts(checked, "notes").map(|note| format!("  note: {note}")));
    let Some(plan) = plan else { return lines.join("\n") };
    for (key, heading) in
        [("predicates", "events with"), ("attributes", "attribute"), ("audiences", "audience")]
    {
        lines.extend(texts(plan, key).map(|asked| format!("  asks for {heading} {asked}")));
    }
    for (number, part) in (1..).zip(listed(plan, "parts")) {
        let clause: Vec<String> =
            text(part, "clause").split_whitespace().map(str::to_owned).collect();
        lines.push(format!("  part {number}: {}", clause.join(" ")));
        lines.push(format!("    is {}", text(part, "form")));
        lines.extend(texts(part, "keeps").map(|keep| format!("    keeps {keep}")));
    }
    lines.extend(texts(checked, "places").map(str::to_owned));
    lines.join("\n")
}

fn listed<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn texts<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    listed(value, key).filter_map(Value::as_str)
}

/// Count the profiles that would be in an audience, and show some
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue audience estimate -f audience.yaml
  segue audience estimate -f audiences/ -o json

The count is exact, over the profiles that the server has. Nothing is changed.")]
struct Estimate {
    /// Files or folders of YAML documents; what is no audience in them is passed over
    #[arg(short = 'f', long = "file", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// How to print
    #[arg(short, long, default_value = "table")]
    output: Format,
    #[command(flatten)]
    server: Server,
}

impl Estimate {
    async fn run(self) -> anyhow::Result<()> {
        let mut audiences = definition_files::read(&self.files)?;
        audiences.retain(|document| {
            document.value.get("kind").and_then(Value::as_str).is_none_or(|kind| kind == "Audience")
        });
        if audiences.is_empty() {
            bail!("no audiences found: name a file that holds some, or a folder of such files");
        }
        let client = Client::new(self.server);
        let mut estimates = Vec::with_capacity(audiences.len());
        for audience in &audiences {
            let bar = terminal::count_progress("profiles");
            let progress = |looked_at, of| {
                bar.set_length(of);
                bar.set_position(looked_at);
            };
            let path = "/api/audiences/estimate";
            let estimate = client.post_survey(path, &audience.value, progress).await;
            bar.finish_and_clear();
            estimates.push(estimate.map_err(|error| error.context(audience.to_string()))?);
        }
        terminal::document(self.output, &Value::Array(estimates), estimates_as_text)
    }
}

fn estimates_as_text(estimates: &Value) -> String {
    let estimates = estimates.as_array().map(Vec::as_slice).unwrap_or_default();
    let number =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_u64).unwrap_or_default();
    let name = |value: &Value| {
        value.get("audience").and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let rows: Vec<Vec<String>> = estimates
        .iter()
        .map(|one| {
            let (members, of) = (number(one, "members"), number(one, "of"));
            let share = members as f64 * 100.0 / (of.max(1)) as f64;
            vec![name(one), members.to_string(), of.to_string(), format!("{share:.1} %")]
        })
        .collect();
    let mut text = vec![terminal::table(&["AUDIENCE", "MEMBERS", "OF", "SHARE"], &rows)];
    for one in estimates {
        let members = listed(one, "sample").map(|member| {
            let identities: Vec<&str> = texts(member, "identities").collect();
            format!("\n  {}", identities.join(", "))
        });
        let members: String = members.collect();
        if !members.is_empty() {
            text.push(format!("members of {}, for example{members}", name(one)));
        }
    }
    text.join("\n\n")
}
