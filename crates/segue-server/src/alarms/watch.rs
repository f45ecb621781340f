//! The rules: which conditions hold, and since when.

use std::collections::BTreeMap;

use segue_xdm::Timestamp;

use super::reading::{DestinationReading, Reading};
use super::{Alarm, AlarmThresholds};

/// Remembers what one look at a time does not show.
pub(super) struct Watch {
    thresholds: AlarmThresholds,
    /// Since when each condition holds.
    since: BTreeMap<(&'static str, Option<String>), Timestamp>,
    /// What steps of jobs had been taken at the last look.
    steps: Option<u64>,
    /// By destination, messages refused by the last look, and when the last ones were.
    refused: BTreeMap<String, (u64, Option<Timestamp>)>,
}

/// Something that may become an alarm.
struct Condition {
    name: &'static str,
    subject: Option<String>,
    /// How long it must hold.
    hold_seconds: u64,
    detail: String,
}

impl Watch {
    pub(super) fn new(thresholds: AlarmThresholds) -> Watch {
        let (since, refused) = (BTreeMap::new(), BTreeMap::new());
        Watch { thresholds, since, steps: None, refused }
    }

    /// The alarms after another look.
    pub(super) fn look(&mut self, reading: &Reading) -> Vec<Alarm> {
        let mut conditions: Vec<Condition> = troubles(reading).collect();
        conditions.extend(self.evaluation_lag(reading));
        conditions.extend(self.backfill_stalled(reading));
        for destination in &reading.destinations {
            conditions.extend(self.down(destination));
            conditions.extend(self.backlog(destination, reading.now));
            conditions.extend(self.dead_letters(destination, reading.now));
        }
        let key = |condition: &Condition| (condition.name, condition.subject.clone());
        let before = std::mem::take(&mut self.since);
        let mut alarms = Vec::new();
        for condition in conditions {
            let key = key(&condition);
            let since = before.get(&key).copied().unwrap_or(reading.now);
            self.since.insert(key, since);
            let Condition { name, subject, hold_seconds, detail } = condition;
            if seconds(since, reading.now) >= hold_seconds {
                alarms.push(Alarm { name, subject, since, detail });
            }
        }
        alarms
    }

    fn evaluation_lag(&self, reading: &Reading) -> Option<Condition> {
        let seconds = reading.lag.as_secs();
        (seconds >= self.thresholds.evaluation_lag_seconds).then(|| Condition {
            name: "evaluation_lag",
            subject: None,
            hold_seconds: 0,
            detail: format!(
                "memberships are {seconds} s behind what was accepted; send less, or look for what \
                 holds up the engine (segue_inputs_backlog, /ready)"
            ),
        })
    }

    fn backfill_stalled(&mut self, reading: &Reading) -> Option<Condition> {
        let stands = self.steps.replace(reading.steps) == Some(reading.steps);
        (reading.jobs > 0 && stands).then(|| Condition {
            name: "backfill_stalled",
            subject: reading.oldest_job.clone(),
            hold_seconds: self.thresholds.backfill_stalled_seconds,
            detail: format!(
                "profiles do not go on following {} changed definitions; look at /api/jobs, and at \
                 /ready for what is in trouble",
                reading.jobs
            ),
        })
    }

    fn down(&self, destination: &DestinationReading) -> Option<Condition> {
        let error = destination.trouble.as_deref().unwrap_or("it did not answer");
        destination.is_down.then(|| Condition {
            name: "destination_down",
            subject: Some(destination.id.clone()),
            hold_seconds: self.thresholds.destination_down_seconds,
            detail: format!(
                "nothing gets through, {} messages wait: {error}; try `segue destination test {}`",
                destination.backlog, destination.id
            ),
        })
    }

    fn backlog(&self, destination: &DestinationReading, now: Timestamp) -> Option<Condition> {
        let seconds = seconds(destination.waiting_since?, now);
        (seconds >= self.thresholds.destination_backlog_seconds).then(|| Condition {
            name: "destination_backlog",
            subject: Some(destination.id.clone()),
            hold_seconds: 0,
            detail: format!(
                "{} messages wait, the oldest for {seconds} s: {}",
                destination.backlog,
                destination.trouble.as_deref().unwrap_or("the destination takes too few at a time")
            ),
        })
    }

    fn dead_letters(
        &mut self,
        destination: &DestinationReading,
        now: Timestamp,
    ) -> Option<Condition> {
        let (before, last) = self.refused.entry(destination.id.clone()).or_default();
        if destination.refused > *before {
            (*before, *last) = (destination.refused, Some(now));
        }
        let is_new = |last: Timestamp| seconds(last, now) < self.thresholds.dead_letters_seconds;
        last.is_some_and(is_new).then(|| Condition {
            name: "dead_letters",
            subject: Some(destination.id.clone()),
            hold_seconds: 0,
            detail: format!(
                "it refuses messages for good; `segue dead-letters list --destination {}` tells \
                 why",
                destination.id
            ),
        })
    }
}

fn troubles(reading: &Reading) -> impl Iterator<Item = Condition> {
    reading.troubles.iter().map(|(part, problem)| Condition {
        name: "runtime_trouble",
        subject: Some((*part).to_owned()),
        hold_seconds: 0,
        detail: problem.clone(),
    })
}

fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    let millis = to.as_millis().saturating_sub(from.as_millis());
    u64::try_from(millis / 1000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn quiet() -> Reading {
        Reading {
            now: Timestamp::from_millis(0),
            troubles: Vec::new(),
            lag: Duration::ZERO,
            jobs: 0,
            steps: 0,
            oldest_job: None,
            destinations: vec![DestinationReading {
                id: "crm".to_owned(),
                is_down: false,
                trouble: None,
                waiting_since: None,
                backlog: 0,
                refused: 0,
            }],
        }
    }

    /// What is raised at the end of these looks, each so many seconds after the first; `change`
    /// makes each of a quiet one.
    fn raised(looks: &[u64], change: impl Fn(u64, &mut Reading)) -> Vec<String> {
        let mut watch = Watch::new(AlarmThresholds::default());
        let mut alarms = Vec::new();
        for second in looks {
            let mut reading = quiet();
            reading.now = Timestamp::from_millis(*second as i64 * 1000);
            change(*second, &mut reading);
            alarms = watch.look(&reading);
        }
        let shown = alarms.into_iter().map(|Alarm { name, subject, .. }| match subject {
            Some(subject) => format!("{name} {subject}"),
            None => name.to_owned(),
        });
        shown.collect()
    }

    #[test]
    fn nothing_is_raised_while_all_is_well() {
        assert!(raised(&[0, 1000], |_, _| ()).is_empty());
    }

    #[test]
    fn trouble_is_raised_at_once() {
        let full = |_, reading: &mut Reading| {
            reading.troubles = vec![("input log", "the disk is full".to_owned())];
        };
        assert_eq!(raised(&[0], full), ["runtime_trouble input log"]);
    }

    #[test]
    fn inputs_may_wait_as_long_as_the_threshold_says() {
        let wait =
            |seconds| move |_, reading: &mut Reading| reading.lag = Duration::from_secs(seconds);
        assert!(raised(&[0], wait(29)).is_empty());
        assert_eq!(raised(&[0], wait(30)), ["evaluation_lag"]);
    }

    #[test]
    fn a_backfill_is_stalled_when_no_step_is_taken_for_long() {
        let stalled = |_, reading: &mut Reading| {
            (reading.jobs, reading.steps) = (2, 7);
            reading.oldest_job = Some("fans".to_owned());
        };
        assert!(raised(&[0, 5, 64], stalled).is_empty());
        assert_eq!(raised(&[0, 5, 65], stalled), ["backfill_stalled fans"]);
        let going_on = |second, reading: &mut Reading| {
            stalled(second, reading);
            reading.steps = second;
        };
        assert!(raised(&[0, 5, 65, 130], going_on).is_empty());
    }

    #[test]
    fn a_destination_is_down_when_it_stays_so_and_well_at_once() {
        let down_until = |end| {
            move |second, reading: &mut Reading| reading.destinations[0].is_down = second < end
        };
        assert!(raised(&[0, 59], down_until(1000)).is_empty());
        assert_eq!(raised(&[0, 60], down_until(1000)), ["destination_down crm"]);
        assert!(raised(&[0, 60, 61], down_until(61)).is_empty());
        let flapping = |second: u64, reading: &mut Reading| {
            reading.destinations[0].is_down = second != 50;
        };
        assert!(raised(&[0, 50, 60], flapping).is_empty());
    }

    #[test]
    fn a_message_may_wait_as_long_as_the_threshold_says() {
        let waiting = |_, reading: &mut Reading| {
            reading.destinations[0].waiting_since = Some(Timestamp::from_millis(0));
        };
        assert!(raised(&[299], waiting).is_empty());
        assert_eq!(raised(&[300], waiting), ["destination_backlog crm"]);
    }

    #[test]
    fn dead_letters_alarm_while_they_come_and_for_a_while_after() {
        let refusing = |second: u64, reading: &mut Reading| {
            reading.destinations[0].refused = second.min(10);
        };
        assert_eq!(raised(&[0, 5], refusing), ["dead_letters crm"]);
        assert_eq!(raised(&[0, 5, 10, 309], refusing), ["dead_letters crm"]);
        assert!(raised(&[0, 5, 10, 310], refusing).is_empty());
    }
}
