//! Pauses that double, for whatever is tried again until it works; and the signal that ends them.

use std::time::Duration;

use tokio::sync::watch;

/// Pauses that double from `shortest` to `longest`.
pub(crate) struct Backoff {
    shortest: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(shortest: Duration, longest: Duration) -> Backoff {
        Backoff { shortest, longest, next: shortest }
    }

    /// The pause to make now.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        pause
    }

    /// It worked: the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        self.next = self.shortest;
    }
}

/// The host is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

/// Tells when the host stops. Clones tell the same.
#[derive(Clone)]
pub(crate) struct StopSignal(watch::Receiver<bool>);

impl StopSignal {
    /// The signal, and the sender that gives it.
    pub(crate) fn new() -> (watch::Sender<bool>, StopSignal) {
        let (sender, receiver) = watch::channel(false);
        (sender, StopSignal(receiver))
    }

    pub(crate) fn is_given(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Ends when the signal is given, or when nobody can give it any more.
    pub(crate) async fn given(&self) {
        let _ = self.0.clone().wait_for(|stop| *stop).await;
    }

    /// Ends after `pause`, or early when the signal is given.
    pub(crate) async fn pause(&self, pause: Duration) -> Result<(), Stopped> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.given() => Err(Stopped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(3));
        assert_eq!([(); 3].map(|()| backoff.next().as_secs()), [1, 2, 3]);
        backoff.reset();
        assert_eq!(backoff.next().as_secs(), 1);
    }

    #[tokio::test]
    async fn the_signal_ends_a_pause() {
        let (sender, signal) = StopSignal::new();
        assert!(!signal.is_given());
        sender.send_replace(true);
        assert_eq!(signal.pause(Duration::from_secs(3600)).await, Err(Stopped));
        assert!(signal.is_given());
    }
}
