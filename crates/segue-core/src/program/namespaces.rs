//! The namespaces among the definitions, and what holds between them.

use segue_xdm::Violation;

use super::Program;
use crate::definition::{Definition, Kind, Namespace};

impl Program {
    /// The namespaces that are defined, by code.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &Namespace> {
        self.of_kind(Kind::Namespace).filter_map(|published| match &published.definition {
            Definition::Namespace(namespace) => Some(namespace),
            _ => None,
        })
    }

    /// Whether a namespace would contradict the priority of another.
    pub(super) fn check_priority(&self, namespace: &Namespace) -> Vec<Violation> {
        let others = self.namespaces().filter(|other| other.code != namespace.code);
        others.filter_map(|other| namespace.check_priority(other)).collect()
    }
}
