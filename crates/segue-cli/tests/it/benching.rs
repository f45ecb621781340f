//! `segue bench` measures a server of its own, and leaves nothing behind.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

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
    assert!(number("/ceilings/appendEventsPerSecond") > 0.0);
    assert!(number("/ceilings/parseEventsPerSecond") > 0.0);
    assert!(number("/ceilings/httpEventsPerSecond") > 0.0);
    assert_eq!(figures["endedEarly"], Value::Bool(false));
    assert_eq!(figures["rateSustained"], Value::Bool(true));
    let of_threads = number("/bench/senderCpuSeconds") + number("/bench/readerCpuSeconds");
    // They are looked at one after the other.
    assert!(number("/bench/cpuSeconds") + 0.05 >= of_threads, "{figures}");
    assert!(!cfg!(target_os = "linux") || number("/bench/memoryBytes") > 0.0, "{figures}");
    let written: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(written, figures);
    assert_eq!(figures["deadDestination"], Value::Null);
    let picture = std::fs::read_to_string(picture).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("by HTTP alone"));
}

#[test]
fn ctrl_c_ends_a_run_early_and_the_report_is_of_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let mut bench = segue()
        .args(["bench", "--seconds", "600", "--warm-up", "0", "--rate", "500", "--batch", "10"])
        .args(["--profiles", "100", "--audiences", "8", "--report"])
        .arg(&report)
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut notes = BufReader::new(bench.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(notes.any(|note| note.starts_with("measuring for 600 s")));
    // tidy: sleep because something has to be measured before it is ended.
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(
        Command::new("kill").args(["-INT", &bench.id().to_string()]).status().unwrap().success()
    );
    let rest: Vec<String> = notes.collect();
    let output = bench.wait_with_output().unwrap();
    assert!(output.status.success(), "{rest:?}");
    assert!(rest.iter().any(|note| note.starts_with("ended early")), "{rest:?}");
    assert!(printed(&output).contains("ended early, after"), "{}", printed(&output));
    let figures: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let number = |pointer: &str| figures.pointer(pointer).unwrap().as_f64().unwrap();
    assert_eq!(figures["endedEarly"], Value::Bool(true));
    assert!((1.0..600.0).contains(&number("/seconds")), "{figures}");
    assert!(number("/events") > 0.0, "{figures}");
    assert_eq!(number("/activations/arrived"), number("/activations/made"));
}

#[test]
fn a_rate_that_is_not_sustained_ends_in_time_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    // A hundred gigabytes a second.
    let output = segue()
        .args(["bench", "--seconds", "2", "--warm-up", "0", "--rate", "100000000"])
        .args(["--profiles", "100", "--audiences", "8", "--report"])
        .arg(&report)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = said(&output);
    assert!(said.contains("100000000 events a second were not sustained"), "{said}");
    let figures: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let number = |pointer: &str| figures.pointer(pointer).unwrap().as_f64().unwrap();
    assert_eq!(figures["rateSustained"], Value::Bool(false));
    assert!(number("/events") > 0.0, "{figures}");
    assert!((190e6..200e6).contains(&number("/eventsNeverSent")), "{figures}");
    assert!(number("/seconds") < 60.0, "{figures}");
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
