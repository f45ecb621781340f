//! How large the record batches of a topic may be. It does not say so (`max.message.bytes`), but it
//! refuses what is larger.
//!
//! After each batch of several messages that is too large, the next ones have half its bytes at
//! most. So this ends between half of what the topic takes and all of it, and a single message that
//! is too large does not bring it down further.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sender::OutboundMessage;

/// What refusals have taught so far, in bytes as `weight` counts them.
pub(super) struct Limit(AtomicUsize);

impl Default for Limit {
    fn default() -> Limit {
        Limit(AtomicUsize::new(usize::MAX))
    }
}

impl Limit {
    /// How many of the first messages fit into one record batch; at least one is tried.
    pub(super) fn fitting<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a OutboundMessage>,
    ) -> usize {
        let most = self.0.load(Ordering::Relaxed);
        let sums = messages.into_iter().scan(0_usize, |sum, message| {
            *sum = sum.saturating_add(weight(message));
            Some(*sum)
        });
        sums.take_while(|sum| *sum <= most).count().max(1)
    }

    /// These together were too large.
    pub(super) fn learn<'a>(&self, refused: impl IntoIterator<Item = &'a OutboundMessage>) {
        let bytes: usize = refused.into_iter().map(weight).sum();
        self.0.fetch_min(bytes / 2, Ordering::Relaxed);
    }
}

/// What a message adds to a batch, but for some bytes of lengths.
fn weight(message: &OutboundMessage) -> usize {
    let properties = message.properties.iter();
    let properties: usize = properties.map(|(name, value)| name.len() + value.len()).sum();
    message.profile.len() + properties + message.payload.len()
}
