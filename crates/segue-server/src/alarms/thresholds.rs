//! When an alarm is raised.

use serde::Deserialize;

/// When an alarm is raised: `telemetry.alarms` of the settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlarmThresholds {
    /// Time between two looks.
    pub interval_seconds: u64,
    /// For how long inputs may wait to be applied.
    pub evaluation_lag_seconds: u64,
    /// For how long no profile may follow, while some have to.
    pub backfill_stalled_seconds: u64,
    /// For how long a destination's breaker may let nothing through.
    pub destination_down_seconds: u64,
    /// For how long a message may wait for its destination.
    pub destination_backlog_seconds: u64,
    /// For how long dead letters alarm after the last one came.
    pub dead_letters_seconds: u64,
}

impl Default for AlarmThresholds {
    /// Well above what comes and goes by itself: a restart, a deploy of the receiver.
    fn default() -> AlarmThresholds {
        AlarmThresholds {
            interval_seconds: 5,
            evaluation_lag_seconds: 30,
            backfill_stalled_seconds: 60,
            destination_down_seconds: 60,
            destination_backlog_seconds: 300,
            dead_letters_seconds: 300,
        }
    }
}
