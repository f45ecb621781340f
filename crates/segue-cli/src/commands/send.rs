//! `segue send`: lines of JSON from files or standard input to the ingest API.
//!
//! Sends in batches and in order, and waits when the server asks it to. Where a run breaks off it
//! says after which line, and `--skip` goes on from there; sending a line twice does no harm,
//! since the server drops an event whose `_id` it has seen.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;
use serde_json::Value;

use crate::api::{Client, Refusal, Server};
use crate::terminal;

/// Bytes of one request: a quarter of the server's default limit of 1 MB.
const BATCH_BYTES_MAX: u64 = 256 * 1024;

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
        let mut sending = Sending {
            client: Client::new(self.server.clone()),
            path: if self.records { "/api/records" } else { "/api/events" },
            bar: terminal::byte_progress(total_bytes(&self.files)),
            pace: self.rate.map(Pace::new),
            tally: Tally::default(),
        };
        // Never more at once than a second may have.
        let lines_max = self.batch.min(self.rate.unwrap_or(u32::MAX)) as usize;
        let started = Instant::now();
        for (index, file) in self.files.iter().enumerate() {
            let mut lines = NumberedLines::open(file)?;
            lines.skip(if index == 0 { self.skip } else { 0 })?;
            while let Some(batch) = lines.batch(lines_max)? {
                sending.send(file, batch).await?;
            }
        }
        sending.bar.finish_and_clear();
        let Tally { accepted, refused } = sending.tally;
        let seconds = started.elapsed().as_secs_f64();
        terminal::line(format!("{accepted} accepted, {refused} refused in {seconds:.1} s"));
        if refused > 0 {
            bail!("lines were refused: {refused}; each is named above");
        }
        Ok(())
    }
}

/// A run under way.
struct Sending {
    client: Client,
    path: &'static str,
    bar: ProgressBar,
    pace: Option<Pace>,
    tally: Tally,
}

impl Sending {
    /// Sends the lines of `batch`, in smaller requests if the server says that it is too large.
    async fn send(&mut self, file: &Path, batch: Batch) -> anyhow::Result<()> {
        if let Some(pace) = &mut self.pace {
            pace.wait_for(batch.lines.len()).await;
        }
        self.bar.inc(batch.bytes);
        let mut requests = vec![batch.lines];
        while let Some(mut lines) = requests.pop() {
            let Some(first) = lines.first().map(|line| line.number) else {
                continue;
            };
            match self.post(&lines).await {
                Ok(answer) => self.count(file, &answer, &lines),
                Err(error) if is_too_large(&error) && lines.len() > 1 => {
                    let second_half = lines.split_off(lines.len() / 2);
                    requests.extend([second_half, lines]);
                }
                Err(error) if is_too_large(&error) => {
                    self.refuse(file, first, &format!("the line is too long: {error}"));
                }
                Err(error) => {
                    self.bar.finish_and_clear();
                    let (sent, file) = (first - 1, file.display());
                    let place = format!(
                        "stopped after line {sent} of {file}; go on with --skip {sent}, from this \
                         file on"
                    );
                    return Err(error.context(place));
                }
            }
        }
        Ok(())
    }

    async fn post(&self, lines: &[Line]) -> anyhow::Result<Value> {
        let body: Vec<u8> = lines.iter().flat_map(|line| line.text.iter().copied()).collect();
        let told = Cell::new(false);
        let waiting = |refusal: &Refusal| {
            self.bar.set_message(format!("waiting: {}", refusal.title()));
            if !told.replace(true) {
                self.note(&format!("the server asks to wait: {refusal}"));
            }
        };
        self.client.post_lines(self.path, body.into(), waiting).await
    }

    /// Counts an answer's items, and names each refused line with its violations.
    fn count(&mut self, file: &Path, answer: &Value, lines: &[Line]) {
        for item in answer.get("items").and_then(Value::as_array).into_iter().flatten() {
            if item.get("status").and_then(Value::as_str) != Some("refused") {
                self.tally.accepted += 1;
                continue;
            }
            let index = item.get("index").and_then(Value::as_u64).unwrap_or_default();
            let number = lines.get(index as usize).map_or(0, |line| line.number);
            let violations = item.get("violations").and_then(Value::as_array);
            let said: Vec<String> = violations.into_iter().flatten().map(in_words).collect();
            self.refuse(file, number, &said.join("; "));
        }
        if let Some(last) = lines.last() {
            self.bar.set_message(format!("line {}, {} refused", last.number, self.tally.refused));
        }
    }

    fn refuse(&mut self, file: &Path, number: u64, why: &str) {
        self.tally.refused += 1;
        self.note(&format!("{}:{number}: {why}", file.display()));
    }

    fn note(&self, text: &str) {
        self.bar.suspend(|| terminal::note(text));
    }
}

fn is_too_large(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refusal>().is_some_and(Refusal::is_too_large)
}

/// A violation for people. Where the server names a line it is one of the request, and left out.
fn in_words(violation: &Value) -> String {
    let text = |key: &str| violation.get(key).and_then(Value::as_str).unwrap_or_default();
    let (pointer, message) = (text("pointer"), text("message"));
    let inner = message.strip_prefix("line ").and_then(|rest| rest.split_once(", "));
    match inner {
        Some((_, inner)) if text("rule") == "syntax" => inner.to_owned(),
        _ if pointer.is_empty() => message.to_owned(),
        _ => format!("{pointer}: {message}"),
    }
}

/// How fast lines may go out.
struct Pace {
    lines_per_second: f64,
    /// When the next line may go.
    next: Instant,
}

impl Pace {
    fn new(lines_per_second: u32) -> Self {
        Self { lines_per_second: f64::from(lines_per_second), next: Instant::now() }
    }

    /// Waits until so many lines may go.
    async fn wait_for(&mut self, lines: usize) {
        tokio::time::sleep_until(self.next.into()).await;
        let pause = Duration::from_secs_f64(lines as f64 / self.lines_per_second);
        self.next = Instant::now() + pause;
    }
}

/// A run of lines, ready to be one request.
#[derive(Debug, Default)]
struct Batch {
    lines: Vec<Line>,
    /// Bytes read from the file for it, blank lines included.
    bytes: u64,
}

/// A line, whatever it holds: the server says what is wrong with it.
#[derive(Debug, PartialEq)]
struct Line {
    /// Its number in the file, from 1.
    number: u64,
    /// Its bytes, with a line feed at their end.
    text: Vec<u8>,
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
        for _ in 0..lines {
            self.next()?;
        }
        Ok(())
    }

    /// The next lines, up to `lines_max` of them or a request's bytes, if there are any; blank
    /// ones are left out.
    fn batch(&mut self, lines_max: usize) -> anyhow::Result<Option<Batch>> {
        let mut batch = Batch::default();
        while batch.lines.len() < lines_max && batch.bytes < BATCH_BYTES_MAX {
            let Some(line) = self.next()? else {
                break;
            };
            batch.bytes += line.text.len() as u64;
            if !line.text.trim_ascii().is_empty() {
                batch.lines.push(line);
            }
        }
        Ok((batch.bytes > 0).then_some(batch))
    }

    fn next(&mut self) -> anyhow::Result<Option<Line>> {
        let mut text = Vec::new();
        if self.input.read_until(b'\n', &mut text)? == 0 {
            return Ok(None);
        }
        if !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        self.number += 1;
        Ok(Some(Line { number: self.number, text }))
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

    fn batches(text: &'static str, lines_max: usize) -> Vec<Vec<Line>> {
        let input: Box<dyn BufRead> = Box::new(BufReader::new(text.as_bytes()));
        let mut lines = NumberedLines { input, number: 0 };
        std::iter::from_fn(|| lines.batch(lines_max).unwrap()).map(|batch| batch.lines).collect()
    }

    fn line(number: u64, text: &str) -> Line {
        Line { number, text: text.into() }
    }

    #[test]
    fn blank_lines_are_left_out_and_numbers_kept() {
        let expected = vec![vec![line(1, "{}\n"), line(3, "{}\n")], vec![line(4, "{}\n")]];
        assert_eq!(batches("{}\n\n{}\n{}", 2), expected);
        assert_eq!(batches("", 2), Vec::<Vec<Line>>::new());
    }
}
