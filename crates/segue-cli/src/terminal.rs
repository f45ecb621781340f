//! What the commands print: results to standard output, progress and notes to standard error.
//!
//! A closed pipe (`segue tail … | head`) ends the program quietly, as users of other tools expect.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

/// How a command prints data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON document.
    Json,
    /// The same document as YAML.
    Yaml,
    /// Lines for people.
    #[default]
    Table,
}

/// Writes one line to standard output.
pub(crate) fn line(text: impl AsRef<str>) {
    write_or_exit(std::io::stdout().lock(), text.as_ref());
}

/// Writes one line to standard error: what a person wants to know, and a script does not.
pub(crate) fn note(text: impl AsRef<str>) {
    write_or_exit(std::io::stderr().lock(), text.as_ref());
}

fn write_or_exit(mut out: impl Write, text: &str) {
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            // Where this cannot be written either, the exit code says it.
            let _ = writeln!(std::io::stderr(), "error: cannot write the output: {error}");
            std::process::exit(1);
        }
    }
}

/// Prints a document as JSON or YAML, or hands it to `table` for people.
pub(crate) fn document(
    format: Format,
    value: &Value,
    table: impl FnOnce(&Value) -> String,
) -> anyhow::Result<()> {
    let text = match format {
        Format::Json => serde_json::to_string_pretty(value)?,
        Format::Yaml => serde_saphyr::to_string(value)?,
        Format::Table => table(value),
    };
    line(text.trim_end());
    Ok(())
}

/// Lines up cells in columns, two spaces apart, with a heading.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = heading.iter().map(|cell| (*cell).to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&heading).chain(rows).collect();
    let width = |column: usize| {
        all.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..heading.len()).map(|column| width(column).unwrap_or(0)).collect();
    let render = |row: &Vec<String>| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    all.into_iter().map(render).collect::<Vec<_>>().join("\n")
}

/// A progress bar of `total` bytes, hidden when standard error is not a terminal.
pub(crate) fn byte_progress(total: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:32} {bytes}/{total_bytes} {msg} {elapsed} left {eta}");
    let bar = match total {
        0 => ProgressBar::no_length(),
        total => ProgressBar::new(total),
    };
    visible(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
}

/// A progress bar that counts what is named, hidden when standard error is not a terminal.
pub(crate) fn count_progress(what: &str) -> ProgressBar {
    let style = format!("{{bar:32}} {{human_pos}}/{{human_len}} {what} {{elapsed}} left {{eta}}");
    let style = ProgressStyle::with_template(&style);
    visible(ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
}

/// A spinner for work of unknown length, hidden when standard error is not a terminal.
pub(crate) fn spinner(message: impl Into<String>) -> ProgressBar {
    let bar = visible(ProgressBar::new_spinner().with_message(message.into()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn visible(bar: ProgressBar) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_table_lines_up_its_columns() {
        let rows = vec![vec!["sports-fan".to_owned(), "realized".to_owned()]];
        let text = super::table(&["AUDIENCE", "STATUS"], &rows);
        assert_eq!(text, "AUDIENCE    STATUS\nsports-fan  realized");
    }
}
