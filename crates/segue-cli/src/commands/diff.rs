//! `segue diff`: what `segue apply` would change, and whom it would move.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::apply::in_files;
use crate::api::{Client, Server};
use crate::definition_files;
use crate::terminal::{self, Format};

/// Show what applying files would change, and which profiles it would move
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue diff -f definitions.yaml
  segue diff -f audiences/ -f destinations/
  segue diff -f definitions.yaml -o json     # with the definitions, before and after

Nothing is changed. Of each audience the number of profiles that would enter, leave and stay is
exact, and up to ten of them are shown with reasons.")]
pub(crate) struct Diff {
    /// Files or folders of YAML documents
    #[arg(short = 'f', long = "file", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// How to print
    #[arg(short, long, default_value = "table")]
    output: Format,
    #[command(flatten)]
    server: Server,
}

impl Diff {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let documents = definition_files::read(&self.files)?;
        let definitions = documents.iter().map(|document| document.value.clone()).collect();
        let bar = terminal::count_progress("profiles");
        let progress = |looked_at, of| {
            bar.set_length(of);
            bar.set_position(looked_at);
        };
        let client = Client::new(self.server);
        let path = "/api/definitions?diff";
        let answer = client.post_survey(path, &Value::Array(definitions), progress).await;
        bar.finish_and_clear();
        let answer = answer.map_err(|error| in_files(error, &documents))?;
        terminal::document(self.output, &answer, as_text)
    }
}

fn as_text(answer: &Value) -> String {
    let list = |key: &str| answer.get(key).and_then(Value::as_array).into_iter().flatten();
    let mut text: Vec<String> = list("definitions").map(definition_as_text).collect();
    let looked_at = answer.get("lookedAt").and_then(Value::as_u64).unwrap_or_default();
    let rows: Vec<Vec<String>> = list("audiences").map(moves_as_row).collect();
    if rows.is_empty() {
        text.push("no profile would move".to_owned());
    } else {
        let heading = ["AUDIENCE", "ENTER", "LEAVE", "STAY"];
        text.push(format!("of {looked_at} profiles\n{}", terminal::table(&heading, &rows)));
    }
    text.extend(list("audiences").filter_map(examples_as_text));
    text.join("\n\n")
}

/// The definition's name, what becomes of it, and its lines that differ.
fn definition_as_text(definition: &Value) -> String {
    let text = |key: &str| definition.get(key).and_then(Value::as_str).unwrap_or_default();
    let head = format!("{} {} {}", text("kind"), text("id"), text("result"));
    if text("result") == "unchanged" {
        return head;
    }
    let yaml = |key: &str| match definition.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(value) => serde_saphyr::to_string(value).unwrap_or_else(|_| value.to_string()),
    };
    format!("{head}\n{}", line_diff(&yaml("before"), &yaml("after")))
}

fn moves_as_row(moves: &Value) -> Vec<String> {
    let number = |key: &str| moves.get(key).and_then(Value::as_u64).unwrap_or_default();
    let id = moves.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let numbers = ["entering", "leaving", "staying"].map(|key| number(key).to_string());
    [id].into_iter().chain(numbers).collect()
}

fn examples_as_text(moves: &Value) -> Option<String> {
    let examples = moves.get("examples")?.as_array().filter(|examples| !examples.is_empty())?;
    let id = moves.get("id").and_then(Value::as_str).unwrap_or_default();
    let shown = examples.iter().map(|example| {
        let text = |key: &str| example.get(key).and_then(Value::as_str).unwrap_or_default();
        let identities = example.get("identities").and_then(Value::as_array).into_iter().flatten();
        let identity = identities.filter_map(Value::as_str).next().unwrap_or(text("profileId"));
        format!("\n  {identity} {}: {}", text("change"), text("reason"))
    });
    Some(format!("{id}:{}", shown.collect::<String>()))
}

/// The lines of two texts, those that are in only one of them marked `-` and `+`. Finds the
/// longest common run of lines; definitions are short.
fn line_diff(before: &str, after: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) =
        (before.lines().collect(), after.lines().collect());
    // By positions in both: how many lines from there on are in common, in order.
    let mut common = vec![vec![0_usize; after.len() + 1]; before.len() + 1];
    let at = |common: &[Vec<usize>], old: usize, new: usize| {
        common.get(old).and_then(|row| row.get(new)).copied().unwrap_or_default()
    };
    for (old, old_line) in before.iter().enumerate().rev() {
        for (new, new_line) in after.iter().enumerate().rev() {
            let count = if old_line == new_line {
                at(&common, old + 1, new + 1) + 1
            } else {
                at(&common, old + 1, new).max(at(&common, old, new + 1))
            };
            if let Some(cell) = common.get_mut(old).and_then(|row| row.get_mut(new)) {
                *cell = count;
            }
        }
    }
    let (mut old, mut new, mut lines) = (0, 0, Vec::new());
    loop {
        let (mark, line) = match (before.get(old), after.get(new)) {
            (None, None) => return lines.join("\n"),
            (Some(one), Some(other)) if one == other => (' ', *one),
            (Some(one), _) if at(&common, old + 1, new) >= at(&common, old, new + 1) => ('-', *one),
            (Some(one), None) => ('-', *one),
            (_, Some(other)) => ('+', *other),
        };
        old += usize::from(mark != '+');
        new += usize::from(mark != '-');
        lines.push(format!("{mark} {line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::line_diff;

    #[test]
    fn lines_in_only_one_text_are_marked() {
        assert_eq!(line_diff("a\nb\nc\n", "a\nx\nc\n"), "  a\n- b\n+ x\n  c");
        assert_eq!(line_diff("", "a\nb\n"), "+ a\n+ b");
        assert_eq!(line_diff("a\nb\n", ""), "- a\n- b");
        assert_eq!(line_diff("a\nb\nc\n", "c\nd\n"), "- a\n- b\n  c\n+ d");
    }
}
