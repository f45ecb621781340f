//! What somebody who watches sees: metrics, the dashboard over them, and alarms.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::delivering::{Crm, apply, eventually, visit};
use crate::running::Serving;

/// Alarms after a second, looked for every second.
const SETTINGS: &str = "
telemetry:
  alarms: {interval_seconds: 1, destination_down_seconds: 1, destination_backlog_seconds: 1}
";

/// The names of all metrics and their series on a page.
struct Names {
    families: BTreeSet<String>,
    series: BTreeSet<String>,
}

impl Names {
    fn of(page: &str) -> Names {
        let (mut families, mut series) = (BTreeSet::new(), BTreeSet::new());
        for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            families.insert(name.to_owned());
            let suffixes: &[&str] =
                if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            series.extend(suffixes.iter().map(|suffix| format!("{name}{suffix}")));
        }
        Names { families, series }
    }
}

/// The metrics that a text names.
fn named_in(path: &str) -> BTreeSet<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let text = std::fs::read_to_string(file).unwrap();
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.filter(|word| word.starts_with("segue_")).map(str::to_owned).collect()
}

#[test]
fn every_metric_is_explained_and_dashboard_and_rules_use_no_other() {
    let crm = Crm::start();
    let server = Serving::start();
    apply(&server, &crm);
    visit(&server, 0..3, 1);
    let crm_has = r#"segue_delivery_delivered_total{destination="crm"} 3"#;
    eventually(|| server.get("/metrics").contains(crm_has), || server.get("/metrics"));

    let page = server.get("/metrics");
    let names = Names::of(&page);
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(names.series.contains(name), "{name} has no type");
    }
    assert_eq!(named_in("docs/telemetry.md"), names.families);
    for path in ["examples/grafana/dashboards/segue.json", "examples/grafana/rules.yaml"] {
        let used = named_in(path);
        assert!(used.len() >= 5, "{path}: {used:?}");
        assert!(used.is_subset(&names.series), "{path}: {:?}", used.difference(&names.series));
    }
    for line in [
        r#"segue_audience_members{audience="sports-fan"} 3"#,
        r#"segue_audience_entries_total{audience="sports-fan"} 3"#,
        r#"segue_audience_exits_total{audience="sports-fan"} 0"#,
        "segue_input_append_seconds_count 6",
        "segue_input_wait_seconds_count 6",
        "segue_activation_append_seconds_count 6",
        r#"segue_delivery_seconds_count{destination="crm"} 3"#,
        r#"segue_delivery_oldest_seconds{destination="crm"} 0"#,
        "segue_evaluation_lag_seconds 0",
        "segue_audiences 1",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} in {page}");
    }
}

#[test]
fn members_are_known_right_after_a_restart() {
    let crm = Crm::start();
    let mut server = Serving::start_with_settings("telemetry: {audiences_max: 1}");
    apply(&server, &crm);
    let another = "{kind: Audience, id: zeta, name: Zeta, definition: 'CHAIN(xEvent, timestamp, [C0: WHAT(a = \"b\")])'}";
    let file = server.file("another.yaml", another);
    server.succeed(&["apply", "-f", file.to_str().unwrap()]);
    visit(&server, 0..3, 1);
    let checkpoint = || {
        let page = server.get("/metrics");
        let at =
            |name: &str| page.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        at("segue_checkpoint_position ") == at("segue_input_log_head ")
    };
    eventually(checkpoint, || server.get("/metrics"));
    server.kill_and_restart();
    let page = server.get("/metrics");
    assert!(page.contains("segue_audience_members{audience=\"sports-fan\"} 3"), "{page}");
    assert!(page.contains("segue_audiences 2\n") && page.contains("segue_audiences_left_out 1\n"));
    assert!(!page.contains("zeta"), "beyond audiences_max: {page}");
}

#[test]
fn a_destination_that_is_down_alarms_until_it_is_back() {
    let crm = Crm::start();
    let server = Serving::start_with_settings(SETTINGS);
    apply(&server, &crm);
    assert_eq!(server.get("/api/alarms"), "[]");
    crm.answer_with(503);
    visit(&server, 0..20, 1);
    let raised = || -> Vec<(String, String)> {
        let alarms: Value = serde_json::from_str(&server.get("/api/alarms")).unwrap();
        let text = |alarm: &Value, name: &str| alarm[name].as_str().unwrap_or("-").to_owned();
        let alarms = alarms.as_array().unwrap().iter();
        alarms.map(|alarm| (text(alarm, "alarm"), text(alarm, "subject"))).collect()
    };
    let expected = ["destination_down", "destination_backlog"];
    let all = || expected.iter().all(|name| raised().contains(&((*name).into(), "crm".into())));
    eventually(all, || format!("{:?}", raised()));
    let alarms: Value = serde_json::from_str(&server.get("/api/alarms")).unwrap();
    assert!(alarms[0]["detail"].as_str().unwrap().contains("503"), "{alarms}");
    let page = server.get("/metrics");
    assert!(page.contains(r#"segue_alarm{alarm="destination_down",subject="crm"} 1"#), "{page}");
    let oldest = page.lines().find(|line| line.starts_with("segue_delivery_oldest_seconds"));
    assert!(oldest.is_some_and(|line| !line.ends_with(" 0")), "{oldest:?}");

    crm.answer_with(204);
    eventually(|| raised().is_empty(), || format!("{:?}", raised()));
    assert!(!server.get("/metrics").contains("segue_alarm{"));
    let log = std::fs::read_to_string(server.path("log")).unwrap();
    for what in ["alarm raised", "alarm cleared"] {
        let told =
            log.lines().filter(|line| line.contains(what) && line.contains("destination_down"));
        assert_eq!(told.count(), 1, "{what} in {log}");
    }
}
