//! The circuit breaker of a destination: after some failures in a row it is left alone for a
//! while, then one batch probes whether it is back.
//!
//! ```text
//!            failures in a row, or it asks to wait          the pause is over
//!   closed ────────────────────────────────────▶ open ──────────────────────▶ half open
//!     ▲                                            ▲                            │ one probe
//!     │                                            └─────── it fails ───────────┤
//!     └──────────────────────────────────────────────────── it works ───────────┘
//! ```
//! Pauses grow with each probe that fails. "Now" comes in, so that nothing here waits.

use std::time::{Duration, Instant};

use crate::retry::{Retry, RetryOptions};

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerOptions {
    /// Failures in a row, over all partitions, that open it.
    pub failures: u32,
    /// How long it stays open, growing with each failed probe.
    pub pauses: RetryOptions,
}

impl Default for BreakerOptions {
    /// Five failures in a row: about one in each partition that has something to send.
    fn default() -> BreakerOptions {
        let pauses =
            RetryOptions { first_pause: Duration::from_secs(1), ..RetryOptions::default() };
        BreakerOptions { failures: 5, pauses }
    }
}

/// What a breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// Nothing.
    Open,
    /// One batch, to see whether the destination is back.
    HalfOpen,
}

impl BreakerState {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half_open",
        }
    }
}

/// Whether a batch may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Now.
    Go,
    /// Not before this moment; ask again then.
    At(Instant),
    /// Not before the probe under way has ended.
    AfterProbe,
}

#[derive(Debug)]
pub(crate) struct Breaker {
    options: BreakerOptions,
    pauses: Retry,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen,
}

impl Breaker {
    pub(crate) fn new(options: BreakerOptions) -> Breaker {
        let state = State::Closed { failures: 0 };
        Breaker { options, pauses: Retry::new(options.pauses), state }
    }

    pub(crate) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen => BreakerState::HalfOpen,
        }
    }

    /// Asks to send a batch. Whoever may go must tell how it went.
    pub(crate) fn admit(&mut self, now: Instant) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Go,
            State::Open { until } if now < until => Admission::At(until),
            State::Open { .. } => {
                self.state = State::HalfOpen;
                Admission::Go
            }
            State::HalfOpen => Admission::AfterProbe,
        }
    }

    /// A batch was answered, whatever the answer.
    pub(crate) fn succeeded(&mut self) {
        match self.state {
            // One that was sent before it opened says nothing of now.
            State::Open { .. } => {}
            State::Closed { .. } | State::HalfOpen => {
                self.state = State::Closed { failures: 0 };
                self.pauses.reset();
            }
        }
    }

    /// A batch failed; the destination may have asked to be left alone so long.
    pub(crate) fn failed(&mut self, now: Instant, asked: Option<Duration>) {
        match self.state {
            State::Closed { failures } if asked.is_none() => {
                let failures = failures + 1;
                self.state = State::Closed { failures };
                if failures >= self.options.failures {
                    self.open(now, None);
                }
            }
            State::Closed { .. } | State::HalfOpen => self.open(now, asked),
            State::Open { until } => {
                // Another batch of those that were under way: the longer wish counts.
                let asked = asked.map(|asked| asked.min(crate::retry::ASKED_PAUSE_MAX));
                let asked = asked.and_then(|asked| now.checked_add(asked));
                self.state = State::Open { until: asked.map_or(until, |asked| asked.max(until)) };
            }
        }
    }

    /// A batch was given up before it was answered. If it was the probe, another takes its place.
    pub(crate) fn gave_up(&mut self, now: Instant) {
        if let State::HalfOpen = self.state {
            self.state = State::Open { until: now };
        }
    }

    fn open(&mut self, now: Instant, asked: Option<Duration>) {
        let until = now + self.pauses.next(asked);
        self.state = State::Open { until };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker() -> (Breaker, Instant) {
        let pauses =
            RetryOptions { first_pause: SECOND, longest_pause: SECOND * 60, seed: Some(1) };
        (Breaker::new(BreakerOptions { failures: 3, pauses }), Instant::now())
    }

    /// When it lets the next batch go; the probe goes then.
    fn reopening(breaker: &mut Breaker, now: Instant) -> Instant {
        let Admission::At(until) = breaker.admit(now) else { panic!("not open: {breaker:?}") };
        assert_eq!(breaker.admit(until), Admission::Go);
        until
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_does_not() {
        let (mut breaker, now) = breaker();
        for _ in 0..5 {
            breaker.failed(now, None);
            breaker.failed(now, None);
            breaker.succeeded();
        }
        assert_eq!(breaker.admit(now), Admission::Go);
        (0..3).for_each(|_| breaker.failed(now, None));
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(matches!(breaker.admit(now), Admission::At(until) if until >= now + SECOND));
    }

    #[test]
    fn one_batch_probes_and_the_others_wait_for_it() {
        let (mut breaker, now) = breaker();
        (0..3).for_each(|_| breaker.failed(now, None));
        let later = reopening(&mut breaker, now);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert_eq!(breaker.admit(later), Admission::AfterProbe);
        breaker.succeeded();
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(breaker.admit(later), Admission::Go);
    }

    #[test]
    fn probes_that_fail_come_ever_more_rarely() {
        let (mut breaker, mut now) = breaker();
        (0..3).for_each(|_| breaker.failed(now, None));
        for base in [1, 2, 4, 8] {
            let next = reopening(&mut breaker, now);
            assert!((SECOND * base..=SECOND * base * 2).contains(&(next - now)), "{base}");
            breaker.failed(next, None);
            now = next;
        }
    }

    #[test]
    fn a_busy_destination_is_left_alone_as_long_as_it_asks() {
        let (mut breaker, now) = breaker();
        breaker.failed(now, Some(SECOND * 30));
        assert_eq!(breaker.admit(now), Admission::At(now + SECOND * 30));
        breaker.failed(now, Some(SECOND * 20));
        assert_eq!(breaker.admit(now), Admission::At(now + SECOND * 30));
        breaker.failed(now, Some(SECOND * 40));
        assert_eq!(breaker.admit(now), Admission::At(now + SECOND * 40));
    }

    #[test]
    fn a_probe_that_was_given_up_is_made_again() {
        let (mut breaker, now) = breaker();
        (0..3).for_each(|_| breaker.failed(now, None));
        let later = reopening(&mut breaker, now);
        breaker.gave_up(later);
        assert_eq!(breaker.admit(later), Admission::Go);
    }

    #[test]
    fn what_was_sent_before_it_opened_does_not_close_it() {
        let (mut breaker, now) = breaker();
        (0..3).for_each(|_| breaker.failed(now, None));
        breaker.succeeded();
        breaker.gave_up(now);
        assert_eq!(breaker.state(), BreakerState::Open);
    }
}
