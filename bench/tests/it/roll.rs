//! The rivals' jobs, done by Segue, answer what counting answers.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use segue_bench::job::Job;
use segue_bench::roll::{AT_LEAST, roll};
use segue_xdm::Timestamp;
use serde_json::Value;

/// Does a job on so many events, and compares it with counting; `key` is the id of an event.
#[track_caller]
fn check(job: Job, count: usize, key: fn(&Value) -> Value, time: fn(&Value) -> Timestamp) {
    let mut lines = Vec::new();
    job.write(count, &mut lines).unwrap();
    let mut windows: HashMap<Value, VecDeque<i64>> = HashMap::new();
    let mut expected = Vec::new();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let event: Value = serde_json::from_slice(line).unwrap();
        let at = time(&event);
        let window = windows.entry(key(&event)).or_default();
        window.push_back(at.as_millis());
        while window[0] <= at.as_millis() - 60_000 {
            window.pop_front();
        }
        expected.push((at, window.len() as u64 >= AT_LEAST));
    }
    let mut found = Vec::new();
    let mut note = |at: Timestamp, is_member: bool| found.push((at, is_member));
    let rolled = roll(job, lines.as_slice(), Duration::MAX, Some(&mut note)).unwrap();
    assert_eq!(rolled.events, count);
    assert_eq!(found, expected);
}

#[test]
fn a_member_is_who_had_enough_tiny_events_within_the_window() {
    let time = |event: &Value| Timestamp::from_millis(event["ts"].as_i64().unwrap());
    check(Job::Tiny, 65_000, |event| event["id"].clone(), time);
}

#[test]
fn a_member_is_who_had_enough_of_the_events_of_segue_bench_within_the_window() {
    let key = |event: &Value| event["identityMap"]["ECID"][0]["id"].clone();
    let time = |event: &Value| Timestamp::parse(event["timestamp"].as_str().unwrap()).unwrap();
    check(Job::Events, 3_000, key, time);
}
