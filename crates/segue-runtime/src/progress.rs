//! How far the engine has come, and who waits for it.
//!
//! ```text
//!   input log   0 ─────────────── applied ──────── acknowledged ─────── appended
//!                  in the state │  durable, yet to apply     │  being synced
//! ```
//!
//! A read waits until `applied` has reached what was `acknowledged` when the read came in, so
//! that everybody reads their own writes. The backlog is what is on its way into the log and what
//! is there and not applied, and it is bounded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use event_listener::Event;
use parking_lot::{Condvar, Mutex};
use segue_core::Engine;
use segue_xdm::Timestamp;

use crate::RuntimeError;

/// What the state will have to do with no input of anybody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead {
    /// When a membership will change next.
    pub(crate) next_wake: Option<Timestamp>,
    /// Jobs that run.
    pub(crate) jobs: usize,
}

impl Ahead {
    pub(crate) fn of(engine: &Engine) -> Ahead {
        Ahead { next_wake: engine.next_wake(), jobs: engine.running_jobs() }
    }
}

/// Shared by every thread of one runtime.
#[derive(Debug)]
pub(crate) struct Progress {
    acknowledged: AtomicU64,
    /// Inputs on their way into the log.
    reserved: AtomicU64,
    checkpointed: AtomicU64,
    /// Where the last replay ended or is to end.
    replay_end: AtomicU64,
    /// The number of the last checkpoint that was written.
    written: AtomicU64,
    state: Mutex<State>,
    /// Signalled at every change of `State`.
    applied_changed: Condvar,
    /// Signalled when the next wake-up or the number of jobs changes, and at the end.
    wake_changed: Condvar,
    /// Notified when inputs were applied, and at the end.
    room: Event,
}

#[derive(Debug, Default)]
struct State {
    applied: u64,
    next_wake: Option<Timestamp>,
    /// Jobs that run.
    jobs: usize,
    /// Whether the input log cannot be written.
    blocked: bool,
    /// Why nothing will be applied any more; set once.
    stopped: Option<String>,
}

/// Room for inputs on their way into the log; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation<'a> {
    progress: &'a Progress,
    count: u64,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.progress.reserved.fetch_sub(self.count, Ordering::AcqRel);
    }
}

impl Progress {
    /// Starts at a checkpoint's `applied` position with the log's `head` still to be applied.
    pub(crate) fn new(applied: u64, head: u64, ahead: Ahead) -> Progress {
        let Ahead { next_wake, jobs } = ahead;
        Progress {
            acknowledged: AtomicU64::new(head),
            reserved: AtomicU64::new(0),
            checkpointed: AtomicU64::new(applied),
            replay_end: AtomicU64::new(head),
            written: AtomicU64::new(0),
            state: Mutex::new(State { applied, next_wake, jobs, ..State::default() }),
            applied_changed: Condvar::new(),
            wake_changed: Condvar::new(),
            room: Event::new(),
        }
    }

    /// Position of the last durable checkpoint.
    pub(crate) fn checkpointed(&self) -> u64 {
        self.checkpointed.load(Ordering::Acquire)
    }

    /// The checkpoint of this number, at `position`, is durable.
    pub(crate) fn set_checkpointed(&self, number: u64, position: u64) {
        self.checkpointed.store(position, Ordering::Release);
        self.written.store(number, Ordering::Release);
    }

    /// Where the last replay ended, or is to end.
    pub(crate) fn replay_end(&self) -> u64 {
        self.replay_end.load(Ordering::Acquire)
    }

    /// The inputs before `end` are applied again.
    pub(crate) fn replay_to(&self, end: u64) {
        self.replay_end.store(end, Ordering::Release);
    }

    /// The number of the last checkpoint that was written; 0 when none was.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// Position after the last input that the state holds.
    pub(crate) fn applied(&self) -> u64 {
        self.state.lock().applied
    }

    /// Position after the last input whose durability was reported to its sender.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Acquire)
    }

    /// Inputs up to `end` (exclusive) are durable and about to be acknowledged.
    pub(crate) fn acknowledge(&self, end: u64) {
        self.acknowledged.fetch_max(end, Ordering::AcqRel);
    }

    /// Makes room for `count` inputs in a log that ends at `head`, or refuses when more than
    /// `limit` would be waiting; alone, any number may. Between being durable and being told so, an
    /// input counts twice.
    pub(crate) fn reserve(
        &self,
        count: u64,
        head: u64,
        limit: u64,
    ) -> Result<Reservation<'_>, RuntimeError> {
        let in_log = head.saturating_sub(self.applied());
        self.reserved
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |reserved| {
                let before = in_log.checked_add(reserved)?;
                let waiting = before.checked_add(count)?;
                (before == 0 || waiting <= limit).then_some(reserved + count)
            })
            .map(|_| Reservation { progress: self, count })
            .map_err(|reserved| RuntimeError::Busy {
                reason: format!("{} inputs wait to be applied, and {limit} may", in_log + reserved),
            })
    }

    /// Resolves when less than half of `limit` inputs wait in a log, or nothing will be applied any
    /// more. `head` says where the log ends.
    pub(crate) async fn room(&self, limit: u64, head: impl Fn() -> u64) {
        loop {
            // Listening before looking, so that no notification falls in between.
            let listener = self.room.listen();
            if self.backlog(head()) <= limit / 2 || self.check_running().is_err() {
                return;
            }
            listener.await;
        }
    }

    /// Number of inputs that are in a log that ends at `head`, or on their way into it, and not
    /// applied yet.
    pub(crate) fn backlog(&self, head: u64) -> u64 {
        head.saturating_sub(self.applied()) + self.reserved.load(Ordering::Acquire)
    }

    /// Notes whether the input log can be written; tells the timer, which will find out when it
    /// can again. Gives what was noted before.
    pub(crate) fn set_blocked(&self, blocked: bool) -> bool {
        let was_blocked = std::mem::replace(&mut self.state.lock().blocked, blocked);
        if blocked && !was_blocked {
            self.wake_changed.notify_all();
        }
        was_blocked
    }

    /// Whether the input log cannot be written.
    pub(crate) fn is_blocked(&self) -> bool {
        self.state.lock().blocked
    }

    /// The engine has applied everything before `applied`.
    pub(crate) fn advance(&self, applied: u64, ahead: Ahead) {
        let Ahead { next_wake, jobs } = ahead;
        let mut state = self.state.lock();
        state.applied = applied;
        if state.next_wake != next_wake || state.jobs != jobs {
            state.next_wake = next_wake;
            state.jobs = jobs;
            self.wake_changed.notify_all();
        }
        self.applied_changed.notify_all();
        drop(state);
        self.room.notify(usize::MAX);
    }

    /// Nothing more will be applied; the first reason given stays.
    pub(crate) fn stop(&self, reason: &str) {
        let mut state = self.state.lock();
        state.stopped.get_or_insert_with(|| reason.to_owned());
        self.applied_changed.notify_all();
        self.wake_changed.notify_all();
        drop(state);
        self.room.notify(usize::MAX);
    }

    /// When a membership will change next without any input.
    pub(crate) fn next_wake(&self) -> Option<Timestamp> {
        self.state.lock().next_wake
    }

    /// Jobs that run.
    pub(crate) fn jobs(&self) -> usize {
        self.state.lock().jobs
    }

    /// Waits until a job runs; false when the runtime stops.
    pub(crate) fn wait_jobs(&self) -> bool {
        let mut state = self.state.lock();
        while state.stopped.is_none() && state.jobs == 0 {
            self.wake_changed.wait(&mut state);
        }
        state.stopped.is_none()
    }

    /// Fails if the runtime has stopped.
    pub(crate) fn check_running(&self) -> Result<(), RuntimeError> {
        match &self.state.lock().stopped {
            None => Ok(()),
            Some(reason) => Err(RuntimeError::Stopped { reason: reason.clone() }),
        }
    }

    /// Waits for `time`, or until the runtime stops; tells whether it has.
    pub(crate) fn wait_stopped(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut state = self.state.lock();
        while state.stopped.is_none() {
            if self.wake_changed.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.stopped.is_some()
    }

    /// Waits until everything before `position` is applied.
    pub(crate) fn wait_applied(
        &self,
        position: u64,
        timeout: Duration,
    ) -> Result<(), RuntimeError> {
        self.wait_until(timeout, |state| (state.applied < position).then_some(position))
    }

    /// Waits until every wake-up that is due at `now` has fired.
    pub(crate) fn wait_fired(&self, now: Timestamp, timeout: Duration) -> Result<(), RuntimeError> {
        let is_due = |wake| wake <= now;
        // What is missing is a tick, behind everything that is applied.
        self.wait_until(timeout, |state| {
            state.next_wake.is_some_and(is_due).then_some(state.applied + 1)
        })
    }

    /// Waits until no position is `missing`.
    fn wait_until(
        &self,
        timeout: Duration,
        missing: impl Fn(&State) -> Option<u64>,
    ) -> Result<(), RuntimeError> {
        let deadline = Instant::now() + timeout;
        let mut state = self.state.lock();
        loop {
            if let Some(reason) = &state.stopped {
                return Err(RuntimeError::Stopped { reason: reason.clone() });
            }
            let Some(position) = missing(&state) else {
                return Ok(());
            };
            if self.applied_changed.wait_until(&mut state, deadline).timed_out() {
                return Err(RuntimeError::NotCaughtUp { applied: state.applied, position });
            }
        }
    }

    /// Waits until the next wake-up is no longer `known`, the input log cannot be written, the
    /// runtime stops, or `timeout` (none: for ever) is over; false when the runtime has stopped.
    pub(crate) fn wait_wake(&self, known: Option<Timestamp>, timeout: Option<Duration>) -> bool {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut state = self.state.lock();
        while state.stopped.is_none() && state.next_wake == known && !state.blocked {
            match deadline {
                None => self.wake_changed.wait(&mut state),
                Some(deadline) => {
                    if self.wake_changed.wait_until(&mut state, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        state.stopped.is_none()
    }
}
