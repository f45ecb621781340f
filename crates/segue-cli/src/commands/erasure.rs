//! Erasing a profile, and the receipt of that.

use std::time::Duration;

use anyhow::Context;
use segue_xdm::Identity;
use serde_json::Value;

use super::profile::profile_path;
use crate::api::{self, Client};
use crate::terminal::{self, Format};

/// Pause between two looks at the receipt.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The stages of an erasure: the state, the checkpoint, the input log, the activation logs.
const STAGES: u64 = 4;

/// How a profile is erased.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// It exits its audiences first.
    pub(super) exit: bool,
    /// Nobody waits for it.
    pub(super) no_wait: bool,
}

/// Erases a profile; shows the receipt when nothing is left of it, or its id at once.
pub(super) async fn delete(
    client: &Client,
    identity: &Identity,
    Manner { exit, no_wait }: Manner,
    output: Format,
) -> anyhow::Result<()> {
    let query = if exit { "?exit=true" } else { "" };
    let mut receipt = client.delete(&format!("{}{query}", profile_path(identity)?)).await?;
    let id = receipt.get("id").and_then(Value::as_u64).context("the receipt has no id")?;
    if no_wait {
        return terminal::document(output, &receipt, |_| id.to_string());
    }
    let bar = terminal::count_progress("stages");
    bar.set_length(STAGES);
    let path = receipt_path(id)?;
    let mut is_told = false;
    while text(&receipt, "state") == "running" {
        bar.set_position(stage(&receipt));
        let waiting = waiting(&receipt);
        if waiting > 0 && !std::mem::replace(&mut is_told, true) {
            bar.suspend(|| {
                terminal::note(format!(
                    "{waiting} messages must be delivered first; \
                     `segue profile receipt {id}` tells when they are"
                ))
            });
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        receipt = client.get(&path).await?;
    }
    bar.finish_and_clear();
    terminal::document(output, &receipt, as_text)
}

/// Shows a receipt.
pub(super) async fn show(client: &Client, id: u64, output: Format) -> anyhow::Result<()> {
    terminal::document(output, &client.get(&receipt_path(id)?).await?, as_text)
}

fn receipt_path(id: u64) -> anyhow::Result<String> {
    api::path(&["erasures", &id.to_string()])
}

/// How many stages are done; the first one was when the receipt was given.
fn stage(receipt: &Value) -> u64 {
    let is_rewritten = text(receipt, "checkpoint") == "rewritten";
    let is_in_logs = receipt.pointer("/logs/log:input").is_some();
    1 + u64::from(is_rewritten) + u64::from(is_in_logs)
}

/// Messages that are yet to be delivered.
fn waiting(receipt: &Value) -> u64 {
    let logs = receipt.get("logs").and_then(Value::as_object);
    let counts = logs.into_iter().flatten().filter_map(|(_, log)| log.get("waiting")?.as_u64());
    counts.sum()
}

fn as_text(receipt: &Value) -> String {
    let id = receipt.get("id").and_then(Value::as_u64).unwrap_or_default();
    let mut lines = vec![format!("erasure {id} is {}", text(receipt, "state"))];
    if receipt.get("found").and_then(Value::as_bool) == Some(false) {
        lines.push("nobody had the identity; what named it was erased".to_owned());
    }
    lines.push(format!("asked      {}", text(receipt, "askedAt")));
    if let Some(at) = receipt.get("completedAt").and_then(Value::as_str) {
        lines.push(format!("complete   {at}"));
    }
    lines.push(format!("checkpoint {}", text(receipt, "checkpoint")));
    lines.push(String::new());
    let logs = receipt.get("logs").and_then(Value::as_object);
    let row = |(log, counts): (&String, &Value)| {
        let count = |key: &str| counts.get(key).and_then(Value::as_u64).unwrap_or_default();
        let counts = ["erased", "waiting", "shared"].map(|key| count(key).to_string());
        [log.clone()].into_iter().chain(counts).collect()
    };
    let rows: Vec<Vec<String>> = logs.into_iter().flatten().map(row).collect();
    lines.push(terminal::table(&["LOG", "ERASED", "TO BE DELIVERED FIRST", "KEPT: SHARED"], &rows));
    lines.join("\n")
}

fn text<'a>(receipt: &'a Value, key: &str) -> &'a str {
    receipt.get(key).and_then(Value::as_str).unwrap_or_default()
}
