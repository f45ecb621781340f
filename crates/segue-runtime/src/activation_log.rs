//! Where activations go: the logs on the far side of the engine, as the runtime sees them.

use std::collections::{BTreeMap, HashSet};

use segue_core::connection::Connection;
use segue_core::{Activation, ActivationId, Definition, Destination};
use segue_xdm::Violation;
use thiserror::Error;

use crate::backup::{Delivered, ExportedLog};
use crate::erasure::{LogErasure, Persons};

/// The end of every activation log: its name, and per partition the offset after its last record.
pub type LogEnds = BTreeMap<String, Vec<u64>>;

/// What was erased for one person, by the name of the log.
pub type LogErasures = BTreeMap<String, LogErasure>;

/// An activation and the log that its destination pointed to when it was caused.
#[derive(Clone, Debug)]
pub struct Routed {
    /// Name of the log, as [`log_of`] its destination has it.
    pub log: String,
    /// What to append to it.
    pub activation: Activation,
}

/// What the name of a log begins with that is no event hub, whose names have no colon.
pub const OUTBOX: &str = "outbox:";

/// The name of the log that holds a destination's activations: its event hub, or the outbox of
/// a destination outside.
#[must_use]
pub fn log_of(destination: &Destination) -> String {
    match &destination.connection {
        Connection::EmbeddedHub { event_hub } => event_hub.clone(),
        _ => format!("{OUTBOX}{}", destination.id),
    }
}

/// The logs that hold the activations, one per event hub and one per destination outside.
///
/// The runtime appends each activation exactly once. It stores [`ActivationLog::ends`] with every
/// checkpoint, and after a crash leaves out what [`ActivationLog::ids_since`] finds behind them.
pub trait ActivationLog: Send + Sync {
    /// Whether a definition can be served; asked before it is accepted.
    ///
    /// # Errors
    /// What is wrong with it, with pointers into the definition.
    fn check(&self, definition: &Definition) -> Result<(), Vec<Violation>>;

    /// Makes what a definition needs, such as an event hub that does not exist yet.
    ///
    /// # Errors
    /// When it cannot be made.
    fn prepare(&self, definition: &Definition) -> Result<(), ActivationLogError>;

    /// Begins to append activations, those of one profile in the order given. Nothing else is
    /// appended by the runtime until it has waited for them.
    fn append(&self, activations: &[Routed]) -> Appending;

    /// Where every log ends.
    fn ends(&self) -> LogEnds;

    /// The ids of all activations at or after `ends`; a log that `ends` does not name counts from
    /// its beginning.
    ///
    /// # Errors
    /// When a log cannot be read, or ends before `ends`: it lost activations.
    fn ids_since(&self, ends: &LogEnds) -> Result<HashSet<ActivationId>, ActivationLogError>;

    /// Retention must keep everything at or after `ends`.
    fn hold_from(&self, ends: &LogEnds);

    /// Erases the messages that are about persons, durably, but for those that are yet to be
    /// delivered. Tells for each person, by her number, what came of it in each log that can hold
    /// such messages and is not done yet. May be repeated.
    ///
    /// # Errors
    /// When a log cannot be read or written; some messages may be erased then.
    fn erase(&self, persons: &Persons) -> Result<Vec<LogErasures>, ActivationLogError>;

    /// How far activations have been delivered, for an export: first the cursors, then what was
    /// refused for good, so that nothing is missing from both.
    fn export_delivered(&self) -> Delivered;

    /// The logs up to `ends`, for an export; those that `ends` does not name began later.
    fn export_logs(&self, ends: &LogEnds) -> Vec<ExportedLog>;

    /// These are all destinations now: told once everything that the last run left is applied,
    /// and then after each change of definitions, when the activations before it are durable.
    fn follow(&self, _destinations: &[Destination]) {}
}

/// Activations on their way into their logs.
#[must_use = "activations are durable only once they were waited for"]
pub struct Appending(Box<dyn FnOnce() -> Result<(), ActivationLogError> + Send>);

impl Appending {
    /// What is waited for by calling this.
    pub fn new(
        wait: impl FnOnce() -> Result<(), ActivationLogError> + Send + 'static,
    ) -> Appending {
        Appending(Box::new(wait))
    }

    /// What has ended already.
    pub fn ended(outcome: Result<(), ActivationLogError>) -> Appending {
        Appending::new(move || outcome)
    }

    /// Both. One that fails does not keep the other from being waited for: whoever looks afterwards
    /// sees everything that will ever be there.
    pub fn and(self, other: Appending) -> Appending {
        Appending::new(move || {
            let outcome = self.wait();
            outcome.and(other.wait())
        })
    }

    /// Blocks until all of them are durable.
    ///
    /// # Errors
    /// When not all of them are known to be durable; some may be.
    pub fn wait(self) -> Result<(), ActivationLogError> {
        (self.0)()
    }
}

/// An activation log cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ActivationLogError {
    /// Which log, what happened, what to do.
    pub message: String,
}

impl ActivationLogError {
    /// An error with this message.
    pub fn new(message: impl Into<String>) -> ActivationLogError {
        ActivationLogError { message: message.into() }
    }
}
