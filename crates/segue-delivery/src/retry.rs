//! When to try again: exponential pauses with jitter, or later if the destination asks for it.
//!
//! This is the only place where it is decided. It reads no clock and sleeps nowhere; a seed makes
//! the jitter the same again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// Longest pause that a destination may ask for: one that asks for days is looked at again before.
pub const ASKED_PAUSE_MAX: Duration = Duration::from_secs(60 * 60);

/// How pauses grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryOptions {
    /// The first pause; the next ones double. Each is lengthened by a random part of itself.
    pub first_pause: Duration,
    /// What they double up to.
    pub longest_pause: Duration,
    /// Makes the random parts the same again, for tests.
    pub seed: Option<u64>,
}

impl Default for RetryOptions {
    /// From half a second, which a restart of a server takes, up to a minute.
    fn default() -> RetryOptions {
        RetryOptions {
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(60),
            seed: None,
        }
    }
}

/// The pauses between the attempts at one thing.
#[derive(Debug)]
pub(crate) struct Retry {
    options: RetryOptions,
    pauses: ExponentialBackoff,
}

impl Retry {
    pub(crate) fn new(options: RetryOptions) -> Retry {
        Retry { options, pauses: pauses(options) }
    }

    /// The pause to make now; no shorter than `asked` for by the destination.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let own = self.pauses.next().unwrap_or(self.options.longest_pause);
        own.max(asked.unwrap_or_default().min(ASKED_PAUSE_MAX))
    }

    /// It worked: the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        self.pauses = pauses(self.options);
    }
}

fn pauses(options: RetryOptions) -> ExponentialBackoff {
    let builder = ExponentialBuilder::new()
        .with_min_delay(options.first_pause)
        .with_max_delay(options.longest_pause)
        .without_max_times()
        .with_jitter();
    match options.seed {
        Some(seed) => builder.with_jitter_seed(seed),
        None => builder,
    }
    .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn retry(seed: u64) -> Retry {
        let (first_pause, longest_pause) = (SECOND, SECOND * 8);
        Retry::new(RetryOptions { first_pause, longest_pause, seed: Some(seed) })
    }

    #[test]
    fn pauses_double_up_to_the_longest_each_with_a_random_part() {
        let mut retry = retry(7);
        let pauses: Vec<Duration> = (0..9).map(|_| retry.next(None)).collect();
        for (pause, base) in pauses.iter().zip([1, 2, 4, 8, 8, 8, 8, 8, 8]) {
            let base = SECOND * base;
            assert!((base..=base * 2).contains(pause), "{pauses:?}");
        }
        assert!(pauses[3..].windows(2).any(|pair| pair[0] != pair[1]), "{pauses:?}");
    }

    #[test]
    fn a_seed_gives_the_same_pauses_and_others_give_others() {
        let pauses = |seed| (0..5).map(|_| retry(seed).next(None)).collect::<Vec<_>>();
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }

    #[test]
    fn success_starts_over() {
        let mut retry = retry(1);
        let first = retry.next(None);
        retry.next(None);
        retry.reset();
        assert_eq!(retry.next(None), first);
    }

    #[test]
    fn what_the_destination_asks_for_is_kept_within_reason() {
        assert_eq!(retry(1).next(Some(SECOND * 30)), SECOND * 30);
        assert!(retry(1).next(Some(Duration::ZERO)) >= SECOND);
        assert_eq!(retry(1).next(Some(Duration::MAX)), ASKED_PAUSE_MAX);
    }
}
