//! Who wants to watch: the live view.

use segue_core::{Activation, Input, Job, MembershipChange, ProfileId};
use segue_xdm::Timestamp;

/// Is told what happens, as it happens, in the order of the input log.
///
/// It is called on the engine's thread, so it must be quick and must not block; whoever is slow
/// loses events, not the engine time. It is a view, not a log: after a crash it may see the
/// inputs since the last checkpoint again.
pub trait Observer: Send + Sync {
    /// Whether anybody watches at the moment; while nobody does, nothing is observed.
    fn is_watching(&self) -> bool {
        true
    }

    /// Something has happened, and whatever it wrote is durable.
    fn observe(&self, event: &LiveEvent<'_>);
}

/// Nobody watches.
impl Observer for () {
    fn is_watching(&self) -> bool {
        false
    }

    fn observe(&self, _: &LiveEvent<'_>) {}
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum LiveEvent<'a> {
    /// An input was applied.
    Input {
        /// Its position in the input log.
        position: u64,
        /// Its logical time.
        at: Timestamp,
        /// The input.
        input: &'a Input,
        /// An event with an `_id` that was seen before: it had no effect.
        duplicate: bool,
        /// The profile that it is about.
        profile: Option<ProfileId>,
    },
    /// A membership changed.
    Change(&'a MembershipChange),
    /// An activation went out.
    Activation(&'a Activation),
    /// Jobs came further; told of now and then, and when the last one has ended.
    Progress {
        /// Jobs that run.
        running: usize,
        /// How far the one is that will end last.
        last: &'a Job,
    },
}
