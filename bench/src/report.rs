//! What is printed and written of the figures.

use segue_bench::measurement::Measurement;
use segue_bench::roll::Rolled;
use segue_bench::side_by_side::SideBySide;
use segue_load::stream::Arrival;
use serde_json::{Value, json};

/// Goals of `process`: docs/performance.md.
const GOAL_EVENTS_PER_CPU_SECOND: f64 = 500_000.0;
const GOAL_AUDIENCES: usize = 500;
const GOAL_RATIO: f64 = 3.0;

/// A series of measurements, by what they have in common.
pub(crate) type Series<'a> = [(&'a str, Vec<Measurement>)];

/// The line above the rows.
pub(crate) const HEAD: &str = "audiences  refused    events  events/CPU-s  ns to process  \
                               ns in engine  ns to read  changes  B/profile  B/history";

/// One measurement as a line.
pub(crate) fn row(found: &Measurement) -> String {
    format!(
        "{:9} {:8} {:9} {:13.0} {:14.0} {:13.0} {:11.0} {:8} {:10.0} {:10.0}",
        found.audiences + found.refused,
        found.refused,
        found.measured,
        found.events_per_cpu_second(),
        found.process_ns(),
        found.whole_ns(),
        found.read_ns(),
        found.changes,
        found.bytes_per_profile,
        found.history_bytes_per_profile(),
    )
}

/// The line above the rows of `shards`.
pub(crate) const SHARDS_HEAD: &str = "threads    events   events/s  events/CPU-s  changes";

/// What so many threads made of the inputs, as a line.
pub(crate) fn shards_row(found: &SideBySide) -> String {
    format!(
        "{:7} {:9} {:10.0} {:13.0} {:8}",
        found.threads,
        found.measured,
        found.per_second(),
        found.per_cpu_second(),
        found.changes,
    )
}

/// What was reached of the goals, as far as these series tell.
pub(crate) fn goals(series: &Series<'_>) -> String {
    let mut lines = vec!["goals".to_owned()];
    let at = |found: &[Measurement], count: usize| {
        found.iter().find(|found| found.audiences + found.refused == count).copied()
    };
    for (title, found) in series {
        if let Some(found) = at(found, GOAL_AUDIENCES) {
            let rate = found.events_per_cpu_second();
            let what = format!("events/CPU-s at {GOAL_AUDIENCES}");
            lines.push(format!("{rate:9.0} {what}, of {GOAL_EVENTS_PER_CPU_SECOND}: {title}"));
        }
    }
    if let Some((title, found)) = series.last()
        && let (Some(few), Some(many)) = (at(found, 100), at(found, 10_000))
    {
        let ratio = many.process_ns() / few.process_ns();
        lines.push(format!(
            "{ratio:9.2} times the cost at 10,000 as at 100, of {GOAL_RATIO}: {title}"
        ));
    }
    lines.join("\n")
}

/// Everything, as a JSON document.
pub(crate) fn json(arrivals: &[Arrival], series: &Series<'_>) -> String {
    let bytes: usize = arrivals.iter().map(|arrival| arrival.body.len()).sum();
    let series = series.iter().map(|(title, found)| {
        json!({"title": title, "measurements": found.iter().map(measurement).collect::<Value>()})
    });
    let document = json!({
        "stream": {"bytes": bytes, "inputs": arrivals.len()},
        "series": series.collect::<Value>(),
    });
    format!("{document:#}\n")
}

fn measurement(found: &Measurement) -> Value {
    json!({
        "audiences": found.audiences,
        "audiences_refused": found.refused,
        "bytes_per_profile": found.bytes_per_profile.round(),
        "bytes_beside_profiles": found.state.other_bytes,
        "bytes_of_history_per_profile": found.history_bytes_per_profile().round(),
        "changes": found.changes,
        "events_per_cpu_second": found.events_per_cpu_second().round(),
        "measured": found.measured,
        "process_ns": found.process_ns().round(),
        "profiles": found.state.profiles,
        "publish_seconds": found.publishing.as_secs_f64(),
        "read_ns": found.read_ns().round(),
        "engine_ns": found.whole_ns().round(),
        "warm_up": found.warm_up,
    })
}

/// What the rivals' job took, as one line of JSON.
pub(crate) fn rolled(rolled: &Rolled) -> Value {
    json!({"events": rolled.events, "process_seconds": rolled.processing.as_secs_f64()})
}
