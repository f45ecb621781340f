//! `segue bench` measures a server of its own, and leaves nothing behind.

use serde_json::Value;

use crate::running::{printed, said, segue};

#[test]
fn a_short_run_is_measured_from_request_to_message() {
    let folder = tempfile::tempdir().unwrap();
    let (report, picture) = (folder.path().join("report.json"), folder.path().join("picture.svg"));
    let output = segue()
        .args(["bench", "--seconds", "1", "--warm-up", "0", "--rate", "500", "--batch", "10"])
        .args(["--profiles", "100", "--audiences", "8", "-o", "json", "--report"])
        .arg(&report)
        .arg("--picture")
        .arg(&picture)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let figures: Value = serde_json::from_str(&printed(&output)).unwrap();
    let number = |pointer: &str| figures.pointer(pointer).unwrap().as_f64().unwrap();
    assert_eq!(number("/events") % 10.0, 0.0);
    assert!((10.0..=500.0).contains(&number("/events")), "{figures}");
    assert!(number("/messages") > 0.0, "{figures}");
    assert!(number("/toHubMs/count") <= number("/messages"));
    assert!(number("/toHubMs/p50") <= number("/toHubMs/max"));
    assert!(number("/toAnswerMs/p50") > 0.0);
    assert_eq!(number("/requestsRefusedBusy"), 0.0);
    assert!(number("/ceilings/parseEventsPerSecond") > 0.0);
    let written: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(written, figures);
    assert_eq!(figures["deadDestination"], Value::Null);
    assert!(std::fs::read_to_string(picture).unwrap().starts_with("<svg"));
}

#[test]
fn what_waits_for_a_dead_destination_arrives_when_it_comes_to_life() {
    let folder = tempfile::tempdir().unwrap();
    let output = segue()
        .args(["bench", "--seconds", "1", "--warm-up", "0", "--rate", "1000", "--batch", "10"])
        .args(["--profiles", "100", "--audiences", "40", "--dead-destination", "-o", "json"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let figures: Value = serde_json::from_str(&printed(&output)).unwrap();
    let number = |pointer: &str| figures.pointer(pointer).unwrap().as_f64().unwrap();
    // The hub has them all meanwhile, and the dead destination has as many afterwards.
    assert!(number("/messages") > 100.0, "{figures}");
    assert_eq!(number("/activations/arrived"), number("/activations/made"));
    assert!(number("/deadDestination/backlog") >= number("/activations/made"), "{figures}");
    assert!(number("/deadDestination/arrived") >= number("/deadDestination/backlog"), "{figures}");
    assert_eq!(number("/deadDestination/missing"), 0.0);
    assert_eq!(number("/deadDestination/outOfOrder"), 0.0);
    assert!(number("/deadDestination/secondsToFirst") > 0.0);
    assert!(
        number("/deadDestination/secondsToFirst") <= number("/deadDestination/secondsToArrive")
    );
}
