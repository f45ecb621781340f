//! Who wants to watch deliveries: the live view.

use segue_core::{ActivationId, ProfileId};

/// Is told what becomes of each message, by the workers: it must be quick and must not block.
pub trait DeliveryObserver: Send + Sync {
    /// A message was taken, or became a dead letter.
    fn observe(&self, event: &DeliveryEvent<'_>);
}

/// Nobody watches.
impl DeliveryObserver for () {
    fn observe(&self, _: &DeliveryEvent<'_>) {}
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryEvent<'a> {
    /// Where it went.
    pub destination: &'a str,
    /// The activation that it tells of.
    pub activation: Option<ActivationId>,
    /// The profile that it is about.
    pub profile: Option<ProfileId>,
    /// Why it was refused for good; none if it was taken.
    pub error: Option<&'a str>,
}
