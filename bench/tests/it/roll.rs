//! The rivals' job, done by Segue, answers what counting answers.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use segue_bench::roll::{AT_LEAST, events, roll};
use serde_json::Value;

#[test]
fn a_member_is_who_had_enough_events_within_the_window() {
    let lines = events(3_000);
    let mut windows: HashMap<String, VecDeque<i64>> = HashMap::new();
    let mut expected = Vec::new();
    for line in lines.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let ts = event["ts"].as_i64().unwrap();
        let window = windows.entry(event["id"].as_str().unwrap().to_owned()).or_default();
        window.push_back(ts);
        while window[0] <= ts - 60_000 {
            window.pop_front();
        }
        expected.push((ts, window.len() as u64 >= AT_LEAST));
    }
    let mut found = Vec::new();
    let mut note = |ts: i64, is_member: bool| found.push((ts, is_member));
    assert_eq!(roll(&lines, Duration::MAX, Some(&mut note)).unwrap().events, 3_000);
    assert_eq!(found, expected);
}
