//! Prometheus' text format.
//!
//! ```text
//! # HELP segue_delivery_backlog Messages that wait for the destination.
//! # TYPE segue_delivery_backlog gauge
//! segue_delivery_backlog{destination="crm"} 3
//! ```

use std::fmt::{Display, Write};

use segue_telemetry::{BOUNDS_SECONDS, HistogramView};

/// The page that is being written. Writing to a string cannot fail.
#[derive(Default)]
pub(super) struct Page(String);

/// What kind of numbers a family has.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// All numbers of one name.
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'a str,
}

impl Page {
    pub(super) fn finish(self) -> String {
        self.0
    }

    /// Begins a family, with its whole name.
    pub(super) fn family<'a>(&'a mut self, name: &'a str, kind: Kind, help: &str) -> Family<'a> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Family { text: &mut self.0, name }
    }

    /// A counter without labels, without `segue_` before and `_total` behind its name.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(&format!("segue_{name}_total"), Kind::Counter, help).sample(&[], value);
    }

    /// A gauge without labels, without `segue_` before its name.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(&format!("segue_{name}"), Kind::Gauge, help).sample(&[], value);
    }

    /// A histogram without labels, without `segue_` before its name.
    pub(super) fn histogram(&mut self, name: &str, help: &str, view: &HistogramView) {
        self.family(&format!("segue_{name}"), Kind::Histogram, help).histogram(&[], view);
    }
}

impl Family<'_> {
    /// One number.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.line("", labels, None, value);
    }

    /// The numbers of one histogram.
    pub(super) fn histogram(&mut self, labels: &[(&str, &str)], view: &HistogramView) {
        for (bound, count) in BOUNDS_SECONDS.iter().zip(view.at_most) {
            self.line("_bucket", labels, Some(&bound.to_string()), count);
        }
        self.line("_bucket", labels, Some("+Inf"), view.count);
        self.line("_sum", labels, None, view.sum.as_secs_f64());
        self.line("_count", labels, None, view.count);
    }

    fn line(
        &mut self,
        suffix: &str,
        labels: &[(&str, &str)],
        at_most: Option<&str>,
        value: impl Display,
    ) {
        let _ = write!(self.text, "{}{suffix}", self.name);
        let mut separator = '{';
        for (name, value) in labels.iter().copied().chain(at_most.map(|bound| ("le", bound))) {
            let _ = write!(self.text, "{separator}{name}=\"");
            value.chars().for_each(|char| self.push(char));
            self.text.push('"');
            separator = ',';
        }
        let end = if separator == ',' { "}" } else { "" };
        let _ = writeln!(self.text, "{end} {value}");
    }

    /// A character of a label's value, as the format wants it.
    fn push(&mut self, char: char) {
        match char {
            '\n' => self.text.push_str("\\n"),
            '\\' | '"' => self.text.extend(['\\', char]),
            other => self.text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use segue_telemetry::Histogram;
    use std::time::Duration;

    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut page = Page::default();
        let mut family = page.family("a", Kind::Gauge, "A.");
        family.sample(&[("b", "x\"\\\ny"), ("c", "")], 1.5);
        let expected = "# HELP a A.\n# TYPE a gauge\na{b=\"x\\\"\\\\\\ny\",c=\"\"} 1.5\n";
        assert_eq!(page.finish(), expected);
    }

    #[test]
    fn a_histogram_counts_up_to_each_bound() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_millis(2));
        let mut page = Page::default();
        page.histogram("wait_seconds", "A wait.", &histogram.view());
        let text = page.finish();
        for line in [
            "segue_wait_seconds_bucket{le=\"0.001\"} 0",
            "segue_wait_seconds_bucket{le=\"0.0025\"} 1",
            "segue_wait_seconds_bucket{le=\"1800\"} 1",
            "segue_wait_seconds_bucket{le=\"+Inf\"} 1",
            "segue_wait_seconds_sum 0.002",
            "segue_wait_seconds_count 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
