//! The gate that every batch to one destination passes: so many at a time, and none while its
//! breaker is open.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use crate::breaker::{Admission, Breaker, BreakerOptions, BreakerState};

pub(crate) struct Gate {
    breaker: Mutex<Breaker>,
    /// Notified when a probe has ended.
    decided: Notify,
    permits: Semaphore,
}

impl Gate {
    pub(crate) fn new(in_flight: usize, options: BreakerOptions) -> Gate {
        Gate {
            breaker: Mutex::new(Breaker::new(options)),
            decided: Notify::new(),
            permits: Semaphore::new(in_flight),
        }
    }

    pub(crate) fn state(&self) -> BreakerState {
        self.breaker.lock().state()
    }

    /// Waits until a batch may go.
    pub(crate) async fn enter(&self) -> Pass<'_> {
        let permit = self.permits.acquire().await.ok();
        loop {
            // Listening before looking, so that no notification falls in between.
            let decided = self.decided.notified();
            let admission = self.breaker.lock().admit(Instant::now());
            match admission {
                Admission::Go => return Pass { gate: self, _permit: permit, is_told: false },
                Admission::At(until) => tokio::time::sleep_until(until.into()).await,
                Admission::AfterProbe => decided.await,
            }
        }
    }
}

/// Leave to send one batch.
pub(crate) struct Pass<'a> {
    gate: &'a Gate,
    /// None only if the semaphore were closed, which it never is.
    _permit: Option<SemaphorePermit<'a>>,
    is_told: bool,
}

impl Pass<'_> {
    /// The destination answered.
    pub(crate) fn succeeded(self) {
        self.tell(|breaker| breaker.succeeded());
    }

    /// It did not, or asked to be left alone.
    pub(crate) fn failed(self, asked: Option<Duration>) {
        self.tell(|breaker| breaker.failed(Instant::now(), asked));
    }

    fn tell(mut self, tell: impl FnOnce(&mut Breaker)) {
        self.is_told = true;
        tell(&mut self.gate.breaker.lock());
        self.gate.decided.notify_waiters();
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.is_told {
            self.gate.breaker.lock().gave_up(Instant::now());
            self.gate.decided.notify_waiters();
        }
    }
}
