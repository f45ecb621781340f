//! What was measured: second by second, and all in all.

use anyhow::{bail, ensure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::{Ceilings, Pace, Revival, Usage};

const NANOS_PER_MS: f64 = 1e6;
/// Latencies that are told apart: up to ten minutes, to three digits.
const LATENCY_MAX_NANOS: u64 = 600_000_000_000;
const DIGITS: u8 = 3;
/// How far behind a rate may be at the end and count as sustained: longer than the pauses of a
/// server that keeps up.
const BEHIND_SECONDS_MAX: f64 = 1.0;

/// A histogram of latencies in nanoseconds.
pub(crate) fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_max(LATENCY_MAX_NANOS, DIGITS).expect("the bounds are sound")
}

/// A quantile in milliseconds; none when nothing was measured.
pub(crate) fn milliseconds(latencies: &Histogram<u64>, quantile: f64) -> Option<f64> {
    let value = latencies.value_at_quantile(quantile) as f64 / NANOS_PER_MS;
    (!latencies.is_empty()).then_some((value * 1000.0).round() / 1000.0)
}

/// One second of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Second {
    /// Since the beginning.
    pub(crate) at: f64,
    pub(crate) events_per_second: f64,
    pub(crate) messages_per_second: f64,
    /// From the request to the message in the hub.
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    /// CPUs that the server kept busy.
    pub(crate) cpus: f64,
    pub(crate) memory_bytes: u64,
}

/// What was counted while it was measured.
pub(crate) struct Totals {
    pub(crate) seconds: f64,
    pub(crate) events: u64,
    pub(crate) messages: u64,
    /// Of the whole run, from the start of the server on.
    pub(crate) activations: Activations,
    pub(crate) refused_busy: u64,
    pub(crate) to_answer: Histogram<u64>,
    pub(crate) to_hub: Histogram<u64>,
    pub(crate) server: Usage,
    pub(crate) disk_bytes: u64,
    pub(crate) bench: BenchUsage,
    /// Events of the rate that were due and never sent, or refused as busy to the end.
    pub(crate) events_never_sent: u64,
    /// Whether somebody ended it before its time.
    pub(crate) ended_early: bool,
}

/// What the measuring itself has used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BenchUsage {
    /// The whole process.
    pub(crate) all: Usage,
    /// The thread that sends.
    pub(crate) sender_cpu_seconds: f64,
    /// The thread that reads the hub.
    pub(crate) reader_cpu_seconds: f64,
}

impl BenchUsage {
    /// What was used since an earlier look.
    pub(crate) fn since(self, before: BenchUsage) -> BenchUsage {
        BenchUsage {
            all: self.all.since(before.all),
            sender_cpu_seconds: self.sender_cpu_seconds - before.sender_cpu_seconds,
            reader_cpu_seconds: self.reader_cpu_seconds - before.reader_cpu_seconds,
        }
    }
}

/// Whether every activation arrived, and arrived once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Activations {
    /// That the server made.
    pub(crate) made: u64,
    /// Messages in the hub.
    pub(crate) messages: u64,
    /// Different activations among these.
    pub(crate) arrived: u64,
}

impl Activations {
    /// Whether none was lost and none came twice.
    pub(crate) fn are_complete(self) -> bool {
        self.made == self.arrived && self.arrived == self.messages
    }
}

impl Default for Totals {
    fn default() -> Totals {
        Totals {
            seconds: 0.0,
            events: 0,
            messages: 0,
            activations: Activations::default(),
            refused_busy: 0,
            to_answer: new_histogram(),
            to_hub: new_histogram(),
            server: Usage::default(),
            disk_bytes: 0,
            bench: BenchUsage::default(),
            events_never_sent: 0,
            ended_early: false,
        }
    }
}

/// A whole run.
pub(crate) struct Figures {
    pub(crate) settings: Value,
    pub(crate) pace: Pace,
    pub(crate) totals: Totals,
    pub(crate) ceilings: Ceilings,
    pub(crate) seconds: Vec<Second>,
    /// What became of the dead destination, if there was one.
    pub(crate) revival: Option<Revival>,
}

impl Figures {
    /// Whether the server did what was asked for.
    ///
    /// # Errors
    /// It lost or doubled something, or could not keep up with the rate.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let Totals { activations, events_never_sent, .. } = self.totals;
        ensure!(activations.are_complete(), "activations are missing or doubled: {activations:?}");
        if let Some(revival) = self.revival {
            let is_complete = revival.is_complete();
            ensure!(is_complete, "the backlog is incomplete or out of order: {revival:?}");
        }
        if let (Pace::EventsPerSecond(rate), Some(false)) = (self.pace, self.is_sustained()) {
            bail!(
                "{rate:.0} events a second were not sustained: {events_never_sent} of them, those \
                 of {:.1} seconds, were never sent",
                events_never_sent as f64 / rate
            );
        }
        Ok(())
    }

    /// Whether the rate was kept up with, if there was one.
    fn is_sustained(&self) -> Option<bool> {
        match self.pace {
            Pace::AsAnswered => None,
            Pace::EventsPerSecond(rate) => {
                Some(self.totals.events_never_sent as f64 / rate <= BEHIND_SECONDS_MAX)
            }
        }
    }

    pub(crate) fn to_value(&self) -> Value {
        let Totals { seconds, events, messages, server, disk_bytes, bench, .. } = self.totals;
        let per_second = |count: u64| (count as f64 / seconds).round();
        let per_cpu_second = events as f64 / server.cpu_seconds.max(f64::MIN_POSITIVE);
        let micros_per_event =
            |cpu_seconds: f64| hundredths(cpu_seconds / events.max(1) as f64 * 1e6);
        json!({
            "settings": self.settings,
            "machine": {
                "cpus": std::thread::available_parallelism().map_or(0, usize::from),
                "architecture": std::env::consts::ARCH,
            },
            "endedEarly": self.totals.ended_early,
            "rateSustained": self.is_sustained(),
            "eventsNeverSent": self.totals.events_never_sent,
            "seconds": seconds.round(),
            "events": events,
            "eventsPerSecond": per_second(events),
            "messages": messages,
            "messagesPerSecond": per_second(messages),
            "activations": {
                "made": self.totals.activations.made,
                "messages": self.totals.activations.messages,
                "arrived": self.totals.activations.arrived,
            },
            "deadDestination": self.revival.map(Revival::to_value),
            "requestsRefusedBusy": self.totals.refused_busy,
            "toAnswerMs": quantiles(&self.totals.to_answer),
            "toHubMs": quantiles(&self.totals.to_hub),
            "server": {
                "cpuSeconds": hundredths(server.cpu_seconds),
                "cpuMicrosPerEvent": micros_per_event(server.cpu_seconds),
                "eventsPerCpuSecond": per_cpu_second.round(),
                "memoryBytes": server.memory_bytes,
                "diskBytes": disk_bytes,
            },
            "bench": {
                "cpuSeconds": hundredths(bench.all.cpu_seconds),
                "senderCpuSeconds": hundredths(bench.sender_cpu_seconds),
                "senderMicrosPerEvent": micros_per_event(bench.sender_cpu_seconds),
                "readerCpuSeconds": hundredths(bench.reader_cpu_seconds),
                "readerMicrosPerEvent": micros_per_event(bench.reader_cpu_seconds),
                "memoryBytes": bench.all.memory_bytes,
            },
            "ceilings": self.ceilings.to_value(),
            "series": self.seconds.iter().copied().map(Second::to_value).collect::<Value>(),
        })
    }
}

impl Second {
    fn to_value(self) -> Value {
        json!({
            "second": self.at.round(),
            "eventsPerSecond": self.events_per_second.round(),
            "messagesPerSecond": self.messages_per_second.round(),
            "toHubP50Ms": self.p50_ms,
            "toHubP99Ms": self.p99_ms,
            "serverCpus": self.cpus,
            "memoryBytes": self.memory_bytes,
        })
    }

    /// In a line, for people who watch.
    pub(crate) fn in_words(self) -> String {
        let ms = |value: Option<f64>| value.map_or("–".to_owned(), |ms| format!("{ms:.1} ms"));
        format!(
            "{:>8.0} events/s  {:>7.0} messages/s  to the hub p50 {} p99 {}  {:.1} CPUs  {} MB",
            self.events_per_second,
            self.messages_per_second,
            ms(self.p50_ms),
            ms(self.p99_ms),
            self.cpus,
            self.memory_bytes / 1_000_000,
        )
    }
}

/// To the digits that the system tells times in.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn quantiles(latencies: &Histogram<u64>) -> Value {
    json!({
        "count": latencies.len(),
        "p50": milliseconds(latencies, 0.5),
        "p99": milliseconds(latencies, 0.99),
        "p99.9": milliseconds(latencies, 0.999),
        "max": milliseconds(latencies, 1.0),
    })
}
