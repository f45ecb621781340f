//! A member is to exit in a second; the process is killed before that, and started after it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use segue_core::{Input, Status};
use segue_runtime::{Runtime, SystemClock};
use segue_xdm::{Identity, Timestamp};

use crate::process::Process;
use crate::{oracle, world};

/// How late an exit may be, the start of the runtime included.
const LATE_MAX: Duration = Duration::from_millis(250);

pub(crate) fn run() -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (number, visitor) = a_visit_of_home();
    let mut process = Process::start(path, 0);
    process.say(&format!("{number} {}\n", number + 1));
    process.wait_for(&format!("ack {number} {}", number + 1));
    let acknowledged = Instant::now();
    drop(process);
    assert!(acknowledged.elapsed() < Duration::from_secs(1), "too slow to test anything");
    // tidy: sleep because the window must run out while no process is there.
    thread::sleep(Duration::from_secs(1));

    let opened = Instant::now();
    let (hub, runtime) = world::open(path, Arc::new(SystemClock));
    while status(&runtime, &visitor) != Some(Status::Exited) {
        assert!(opened.elapsed() < Duration::from_secs(10), "never exited");
        thread::yield_now();
    }
    let late = opened.elapsed();
    assert!(late < LATE_MAX, "exited {late:?} after the start");
    drop((runtime, hub));

    let exits = oracle::judge(path, &[number].into()).exits_by_timer;
    assert_eq!(exits, 1);
    format!("exited once, {} ms after the start", late.as_millis())
}

/// The number of an input that makes its visitor a member of `recent`.
fn a_visit_of_home() -> (u64, Identity) {
    let visits = (0..).map(|number| (number, world::input(number, Timestamp::from_millis(0))));
    let mut visits = visits.filter_map(|(number, input)| match input {
        Input::Event(event) if event.body.to_value().to_string().contains("Home") => {
            Some((number, event.identities[0].clone()))
        }
        _ => None,
    });
    visits.next().unwrap()
}

fn status(runtime: &Runtime, visitor: &Identity) -> Option<Status> {
    let profile = runtime.profile(visitor).unwrap()?;
    profile.memberships.get("recent").map(|membership| membership.status)
}
