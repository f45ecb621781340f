//! A report for people.

use serde_json::Value;

use crate::terminal;

/// The figures of a report, in a table.
pub(crate) fn table(report: &Value) -> String {
    let report = Report(report);
    let rows = report.ended_early().into_iter().chain(report.rows());
    let rows = rows.chain(report.never_sent()).chain(report.revival());
    let rows: Vec<Vec<String>> = rows.map(|(name, value)| vec![name.to_owned(), value]).collect();
    terminal::table(&["MEASURED", "VALUE"], &rows)
}

/// A row: what was measured, and the value.
type Row = (&'static str, String);

/// What a report says, in words; a dash where it says nothing.
struct Report<'a>(&'a Value);

impl Report<'_> {
    fn rows(&self) -> [Row; 13] {
        let of_activations = ["made", "arrived", "messages"];
        let of_activations = of_activations.map(|name| self.count(&format!("/activations/{name}")));
        let micros_of = [
            "server/cpuMicrosPerEvent",
            "bench/senderMicrosPerEvent",
            "bench/readerMicrosPerEvent",
        ];
        let micros = micros_of.map(|name| self.word(&format!("/{name}"), 1, " µs"));
        [
            ("events a second, acknowledged", self.count("/eventsPerSecond")),
            ("messages a second, in the hub", self.count("/messagesPerSecond")),
            ("activations made, arrived, messages", of_activations.join(", ")),
            ("request to answer", self.latency("toAnswerMs")),
            ("request to message in the hub", self.latency("toHubMs")),
            ("requests refused as too busy", self.count("/requestsRefusedBusy")),
            ("events a CPU-second of the server", self.count("/server/eventsPerCpuSecond")),
            ("CPU time an event of server, sender, reader", micros.join(", ")),
            ("memory of the server", self.megabytes("/server/memoryBytes")),
            ("disk of the server", self.megabytes("/server/diskBytes")),
            ("at most, by syncing each request", self.count("/ceilings/appendEventsPerSecond")),
            ("at most, by reading events on one CPU", self.count("/ceilings/parseEventsPerSecond")),
            ("at most, by HTTP alone", self.count("/ceilings/httpEventsPerSecond")),
        ]
    }

    fn ended_early(&self) -> Option<Row> {
        let is_early = self.0.get("endedEarly").and_then(Value::as_bool).unwrap_or_default();
        let after =
            || format!("{} of {} s", self.count("/seconds"), self.count("/settings/seconds"));
        is_early.then(|| ("ended early, after", after()))
    }

    /// Only where there is a rate.
    fn never_sent(&self) -> Option<Row> {
        let is_sustained = self.0.get("rateSustained").and_then(Value::as_bool);
        is_sustained.map(|_| ("events of the rate never sent", self.count("/eventsNeverSent")))
    }

    fn revival(&self) -> Option<Row> {
        let revival = Report(self.0.get("deadDestination").filter(|revival| revival.is_object())?);
        let value = format!(
            "{} in {}, the first after {}; {} missing, {} out of order",
            revival.count("/backlog"),
            revival.word("/secondsToArrive", 1, " s"),
            revival.word("/secondsToFirst", 1, " s"),
            revival.count("/missing"),
            revival.count("/outOfOrder"),
        );
        Some(("backlog of the dead destination", value))
    }

    fn latency(&self, name: &str) -> String {
        let quantiles = ["p50", "p99", "p99.9", "max"].map(|quantile| {
            format!("{quantile} {}", self.word(&format!("/{name}/{quantile}"), 1, " ms"))
        });
        quantiles.join(", ")
    }

    fn megabytes(&self, pointer: &str) -> String {
        self.number(pointer).map_or("–".to_owned(), |bytes| format!("{:.0} MB", bytes / 1e6))
    }

    fn count(&self, pointer: &str) -> String {
        self.word(pointer, 0, "")
    }

    fn word(&self, pointer: &str, digits: usize, unit: &str) -> String {
        self.number(pointer).map_or("–".to_owned(), |value| format!("{value:.digits$}{unit}"))
    }

    fn number(&self, pointer: &str) -> Option<f64> {
        self.0.pointer(pointer).and_then(Value::as_f64)
    }
}
