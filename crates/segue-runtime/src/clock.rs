//! Where "now" comes from. The core has no clock: every moment it sees was written into the input
//! log first, and this is the only place where that moment is read from the machine.

use std::time::{SystemTime, UNIX_EPOCH};

use segue_xdm::Timestamp;

/// A source of wall-clock time. It may jump either way: the input log keeps logical time from
/// going back, and the timer looks at it again at least every
/// [`CLOCK_RECHECK`](crate::CLOCK_RECHECK).
pub trait Clock: Send + Sync {
    /// The present moment, in milliseconds since the Unix epoch.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}
