//! `segue send`: lines of JSON from files or standard input to the ingest API.
//!
//! Sends in batches and in order, and waits when the server asks it to. Where a run breaks off it
//! says after which line, and `--skip` goes on from there; sending a line twice does no harm,
//! since the server drops an event whose `_id` it has seen.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;
use serde_json::Value;

use crate::api::{Client, Server};
use crate::terminal;

/// Bytes of one request: a quarter of the server's default limit of 1 MB.
const BATCH_BYTES_MAX: usize = 256 * 1024;

/// Send events (or records) from JSONL files to a running server
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue send events.jsonl
  segue send --records profiles.jsonl
  cat events.jsonl | segue send -
  segue send --rate 100 events.jsonl
  segue send --skip 12000 events.jsonl        # go on after a run that stopped at line 12000")]
pub(crate) struct Send {
    /// Files of one JSON object a line; `-` for standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The lines are profile records, not events
    #[arg(long)]
    records: bool,
    /// At most this many lines a second
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Lines in one request
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Skip this many lines of the first file
    #[arg(long, default_value_t = 0)]
    skip: u64,
    #[command(flatten)]
    server: Server,
}

/// What came of the lines.
#[derive(Default)]
struct Tally {
    accepted: u64,
    refused: u64,
}

impl Send {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let client = Client::new(self.server.clone());
        let bar = terminal::byte_progress(total_bytes(&self.files));
        let started = Instant::now();
        let mut tally = Tally::default();
        for (index, file) in self.files.iter().enumerate() {
            let skip = if index == 0 { self.skip } else { 0 };
            self.send_file(&client, file, skip, &bar, &mut tally).await?;
        }
        bar.finish_and_clear();
        let Tally { accepted, refused } = tally;
        let seconds = started.elapsed().as_secs_f64();
        terminal::line(format!("{accepted} accepted, {refused} refused in {seconds:.1} s"));
        if refused > 0 {
            bail!("{refused} lines were refused; each is named above");
        }
        Ok(())
    }

    async fn send_file(
        &self,
        client: &Client,
        file: &Path,
        skip: u64,
        bar: &ProgressBar,
        tally: &mut Tally,
    ) -> anyhow::Result<()> {
        let mut lines = NumberedLines::open(file)?;
        lines.skip(skip)?;
        loop {
            let batch = lines.batch(self.batch as usize)?;
            let Some(last) = batch.numbers.last().copied() else {
                return Ok(());
            };
            let next = self.rate.map(|rate| {
                Instant::now()
                    + Duration::from_secs_f64(batch.numbers.len() as f64 / f64::from(rate))
            });
            let path = if self.records { "/api/records" } else { "/api/events" };
            let before = batch.numbers.first().map_or(0, |first| first - 1);
            let answer = client.post_lines(path, batch.text).await.with_context(|| {
                format!(
                    "stopped after line {before} of {}; go on with --skip {before}",
                    file.display()
                )
            })?;
            tally.add(&answer, &batch.numbers, file, bar);
            bar.inc(batch.bytes);
            bar.set_message(format!("line {last}, {} refused", tally.refused));
            if let Some(next) = next {
                tokio::time::sleep_until(next.into()).await;
            }
        }
    }
}

impl Tally {
    /// Counts an answer's items and names each refused line with its first violation.
    fn add(&mut self, answer: &Value, numbers: &[u64], file: &Path, bar: &ProgressBar) {
        for item in answer.get("items").and_then(Value::as_array).into_iter().flatten() {
            if item.get("status").and_then(Value::as_str) != Some("refused") {
                self.accepted += 1;
                continue;
            }
            self.refused += 1;
            let index = item.get("index").and_then(Value::as_u64).unwrap_or_default();
            let number = numbers.get(index as usize).copied().unwrap_or_default();
            for violation in item.get("violations").and_then(Value::as_array).into_iter().flatten()
            {
                let text = |key: &str| violation.get(key).and_then(Value::as_str).unwrap_or("");
                let (pointer, message) = (text("pointer"), text("message"));
                let said = format!("{}:{number}: {pointer}: {message}", file.display());
                bar.suspend(|| terminal::note(said));
            }
        }
    }
}

/// A run of lines, ready to be one request.
#[derive(Default)]
struct Batch {
    /// The lines, each with its line feed.
    text: String,
    /// The line number in the file of each, from 1.
    numbers: Vec<u64>,
    /// Bytes read from the file for it, blank lines included.
    bytes: u64,
}

/// Lines of a file with their numbers.
struct NumberedLines {
    input: Box<dyn BufRead>,
    /// Lines read so far.
    number: u64,
}

impl NumberedLines {
    fn open(file: &Path) -> anyhow::Result<Self> {
        let input: Box<dyn Read> = if file == Path::new("-") {
            Box::new(std::io::stdin())
        } else {
            let opened = std::fs::File::open(file);
            Box::new(opened.with_context(|| format!("cannot open {}", file.display()))?)
        };
        Ok(Self { input: Box::new(BufReader::new(input)), number: 0 })
    }

    fn skip(&mut self, lines: u64) -> anyhow::Result<()> {
        let mut line = String::new();
        for _ in 0..lines {
            line.clear();
            self.input.read_line(&mut line)?;
            self.number += 1;
        }
        Ok(())
    }

    /// The next lines, up to `lines_max` of them or a request's bytes; blank ones are left out.
    fn batch(&mut self, lines_max: usize) -> anyhow::Result<Batch> {
        let mut batch = Batch::default();
        while batch.numbers.len() < lines_max && batch.text.len() < BATCH_BYTES_MAX {
            let before = batch.text.len();
            let read = self.input.read_line(&mut batch.text)?;
            if read == 0 {
                break;
            }
            self.number += 1;
            batch.bytes += read as u64;
            if batch.text.get(before..).is_some_and(|line| line.trim().is_empty()) {
                batch.text.truncate(before);
            } else {
                batch.numbers.push(self.number);
            }
        }
        Ok(batch)
    }
}

/// The bytes of all files together; 0 when one is standard input or unknown.
fn total_bytes(files: &[PathBuf]) -> u64 {
    let sizes: Option<Vec<u64>> =
        files.iter().map(|file| Some(std::fs::metadata(file).ok()?.len())).collect();
    sizes.map_or(0, |sizes| sizes.into_iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_left_out_and_numbers_kept() {
        let input: Box<dyn BufRead> = Box::new(BufReader::new("{}\n\n{}\n{}".as_bytes()));
        let mut lines = NumberedLines { input, number: 0 };
        let first = lines.batch(2).unwrap();
        assert_eq!((first.text.as_str(), first.numbers), ("{}\n{}\n", vec![1, 3]));
        assert_eq!(lines.batch(2).unwrap().numbers, vec![4]);
        assert!(lines.batch(2).unwrap().numbers.is_empty());
    }
}
