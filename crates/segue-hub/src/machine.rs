//! What the hubs run on: the disk under their logs, and the clock that stamps what is published.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use segue_log::Host;

/// The machine under the hubs. The default is the real one; simulations bring another.
#[derive(Clone)]
pub struct Machine {
    /// Where the logs are, and who writes them.
    pub host: Host,
    /// The wall clock, in milliseconds since the Unix epoch.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl Default for Machine {
    fn default() -> Machine {
        Machine { host: Host::default(), clock: Arc::new(now_ms) }
    }
}

impl Machine {
    pub(crate) fn now_ms(&self) -> i64 {
        (self.clock)()
    }
}

/// The real wall clock, in milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    unix_ms(SystemTime::now())
}

pub(crate) fn unix_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
