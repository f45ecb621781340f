//! Where the activations of every destination go.

use std::collections::HashMap;

use segue_core::{Activation, Engine};

use crate::RuntimeError;
use crate::activation_log::{Routed, log_of};

/// The log of each destination that there ever was, by its id.
#[derive(Default)]
pub(super) struct Routes(HashMap<String, String>);

impl Routes {
    /// Takes over what the definitions say now. Destinations that are gone stay, for the
    /// activations that their removal causes.
    pub(super) fn learn(&mut self, engine: &Engine) {
        for destination in engine.program().destinations() {
            self.0.insert(destination.id.clone(), log_of(destination));
        }
    }

    /// Sends an activation to the log of its destination.
    pub(super) fn route(&self, activation: Activation) -> Result<Routed, RuntimeError> {
        match self.0.get(&activation.destination) {
            Some(log) => Ok(Routed { log: log.clone(), activation }),
            None => Err(RuntimeError::Stopped {
                reason: format!("activation for unknown destination {}", activation.destination),
            }),
        }
    }
}
