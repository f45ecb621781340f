//! What was measured: second by second, and all in all.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::{Ceilings, Revival, Usage};
use crate::terminal;

const NANOS_PER_MS: f64 = 1e6;
/// Latencies that are told apart: up to ten minutes, to three digits.
const LATENCY_MAX_NANOS: u64 = 600_000_000_000;
const DIGITS: u8 = 3;

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
    pub(crate) usage: Usage,
    pub(crate) disk_bytes: u64,
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
            usage: Usage::default(),
            disk_bytes: 0,
        }
    }
}

/// A whole run.
pub(crate) struct Figures {
    pub(crate) settings: Value,
    pub(crate) totals: Totals,
    pub(crate) ceilings: Ceilings,
    pub(crate) seconds: Vec<Second>,
    /// What became of the dead destination, if there was one.
    pub(crate) revival: Option<Revival>,
}

impl Figures {
    pub(crate) fn to_value(&self) -> Value {
        let Totals { seconds, events, messages, refused_busy, usage, disk_bytes, .. } = self.totals;
        let per_second = |count: u64| (count as f64 / seconds).round();
        let per_cpu_second = events as f64 / usage.cpu_seconds.max(f64::MIN_POSITIVE);
        json!({
            "settings": self.settings,
            "machine": {
                "cpus": std::thread::available_parallelism().map_or(0, usize::from),
                "architecture": std::env::consts::ARCH,
            },
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
            "requestsRefusedBusy": refused_busy,
            "toAnswerMs": quantiles(&self.totals.to_answer),
            "toHubMs": quantiles(&self.totals.to_hub),
            "server": {
                "cpuSeconds": usage.cpu_seconds,
                "eventsPerCpuSecond": per_cpu_second.round(),
                "memoryBytes": usage.memory_bytes,
                "diskBytes": disk_bytes,
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

fn quantiles(latencies: &Histogram<u64>) -> Value {
    json!({
        "count": latencies.len(),
        "p50": milliseconds(latencies, 0.5),
        "p99": milliseconds(latencies, 0.99),
        "p99.9": milliseconds(latencies, 0.999),
        "max": milliseconds(latencies, 1.0),
    })
}

/// The figures of a report, for people.
pub(crate) fn table(report: &Value) -> String {
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64);
    let count =
        |pointer: &str| number(pointer).map_or("–".to_owned(), |value| format!("{value:.0}"));
    let latency = |name: &str| {
        let of = |quantile: &str| {
            number(&format!("/{name}/{quantile}"))
                .map_or("–".to_owned(), |ms| format!("{ms:.1} ms"))
        };
        format!("p50 {}, p99 {}, p99.9 {}, max {}", of("p50"), of("p99"), of("p99.9"), of("max"))
    };
    let megabytes = |pointer: &str| {
        number(pointer).map_or("–".to_owned(), |bytes| format!("{:.0} MB", bytes / 1e6))
    };
    let rows = [
        ("events a second, acknowledged", count("/eventsPerSecond")),
        ("messages a second, in the hub", count("/messagesPerSecond")),
        (
            "activations made, arrived, messages",
            ["made", "arrived", "messages"]
                .map(|name| count(&format!("/activations/{name}")))
                .join(", "),
        ),
        ("request to answer", latency("toAnswerMs")),
        ("request to message in the hub", latency("toHubMs")),
        ("requests refused as too busy", count("/requestsRefusedBusy")),
        ("events a CPU-second of the server", count("/server/eventsPerCpuSecond")),
        ("memory of the server", megabytes("/server/memoryBytes")),
        ("disk of the server", megabytes("/server/diskBytes")),
        ("at most, by syncing each request", count("/ceilings/appendEventsPerSecond")),
        ("at most, by reading events on one CPU", count("/ceilings/parseEventsPerSecond")),
        ("at most, by answering requests", count("/ceilings/httpEventsPerSecond")),
    ];
    let revival = report.get("deadDestination").filter(|revival| revival.is_object());
    let revival = revival.map(|_| {
        let count = |name: &str| count(&format!("/deadDestination/{name}"));
        let seconds = |name: &str| {
            number(&format!("/deadDestination/{name}"))
                .map_or("–".to_owned(), |seconds| format!("{seconds:.1} s"))
        };
        let value = format!(
            "{} in {}, the first after {}; {} missing, {} out of order",
            count("backlog"),
            seconds("secondsToArrive"),
            seconds("secondsToFirst"),
            count("missing"),
            count("outOfOrder"),
        );
        ("backlog of the dead destination", value)
    });
    let rows: Vec<Vec<String>> =
        rows.into_iter().chain(revival).map(|(name, value)| vec![name.to_owned(), value]).collect();
    terminal::table(&["MEASURED", "VALUE"], &rows)
}
