//! The names that an expression's variables are written with, as text and as `pql/json`.

use crate::expression::{ChainStep, Variable};

/// The variables that have names where something is being written.
#[derive(Default)]
pub(crate) struct Names {
    /// The innermost last.
    named: Vec<(Variable, String)>,
    /// How many of them are not labels.
    depth: usize,
}

impl Names {
    pub(crate) fn of(&self, variable: Variable) -> Option<&str> {
        let named = self.named.iter().rev().find(|(named, _)| *named == variable);
        named.map(|(_, name)| name.as_str())
    }

    /// Names the variable of a lambda or a `let`.
    pub(crate) fn bind(&mut self, variable: Variable) -> String {
        self.depth += 1;
        let name = format!("x{}", self.depth);
        self.named.push((variable, name.clone()));
        name
    }

    /// Forgets the innermost variable, which [`bind`](Self::bind) named.
    pub(crate) fn unbind(&mut self) {
        self.depth -= 1;
        self.named.pop();
    }

    /// Names the events of a chain by their labels.
    pub(crate) fn label(&mut self, steps: &[ChainStep]) {
        let labels = steps.iter().zip(0..).map(|(step, place)| (step.event, format!("C{place}")));
        self.named.extend(labels);
    }

    /// Forgets the innermost labels, which [`label`](Self::label) gave to the same steps.
    pub(crate) fn unlabel(&mut self, steps: &[ChainStep]) {
        self.named.truncate(self.named.len() - steps.len());
    }
}
