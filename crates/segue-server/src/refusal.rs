//! Everything that is wrong with the definitions of one request, as one problem document.
//!
//! `violations` say it in words, with pointers into the body; a mistake in PQL also appears in
//! `diagnostics`, with its place in the source, for editors:
//!
//! ```text
//! "violations":  [{"pointer": "/definition", "rule": "pql", "message": "error[SEG0105]: …"}],
//! "diagnostics": [{"pointer": "/definition", "code": "SEG0105", "start": 12, "end": 17,
//!                  "line": 1, "column": 13, "message": "…", "help": "…"}]
//! ```

use segue_core::Definition;
use segue_runtime::IndexedViolation;
use segue_xdm::Violation;
use serde_json::{Value, json};

use crate::problem::{self, Problem};

/// What was found so far.
#[derive(Default, Debug)]
pub(crate) struct Refusal {
    violations: Vec<Violation>,
    diagnostics: Vec<Value>,
}

impl Refusal {
    /// What the runtime refused; `places` are the pointers of the request's definitions.
    pub(crate) fn of_indexed(places: &[String], violations: Vec<IndexedViolation>) -> Refusal {
        let mut refusal = Refusal::default();
        for IndexedViolation { index, violation } in violations {
            refusal.add_at(places.get(index).map_or("", String::as_str), violation);
        }
        refusal
    }

    pub(crate) fn add(&mut self, violation: Violation) {
        self.add_at("", violation);
    }

    fn add_at(&mut self, place: &str, violation: Violation) {
        let pointer = format!("{place}{}", violation.pointer);
        self.violations.push(Violation { pointer, ..violation });
    }

    /// Reads the definition at `place` in the body; notes what is wrong with it.
    ///
    /// `None` too if something was wrong before.
    pub(crate) fn definition(&mut self, place: &str, value: &Value) -> Option<Definition> {
        match Definition::from_value(value.clone()) {
            Ok(definition) => self.violations.is_empty().then_some(definition),
            Err(violations) => {
                violations.into_iter().for_each(|violation| self.add_at(place, violation));
                self.diagnostics.extend(diagnostics(place, value));
                None
            }
        }
    }

    /// The problem, if anything was found.
    pub(crate) fn or_nothing(self) -> Result<(), Problem> {
        if self.violations.is_empty() { Ok(()) } else { Err(self.into()) }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let mut places: Vec<&str> = Vec::new();
        for Violation { pointer, .. } in &refusal.violations {
            let place = if pointer.is_empty() { "the body" } else { pointer.as_str() };
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let places = places.join(", ");
        let detail = format!("nothing was changed; correct {places} and send it again");
        let problem = Problem::new(&problem::DEFINITION_REFUSED, detail);
        let problem = problem.with_violations(&refusal.violations);
        if refusal.diagnostics.is_empty() {
            return problem;
        }
        problem.with("diagnostics", Value::Array(refusal.diagnostics))
    }
}

/// The mistakes in an audience's PQL, with their places.
fn diagnostics(place: &str, value: &Value) -> Vec<Value> {
    let Some(source) = value.get("definition").and_then(Value::as_str) else {
        return Vec::new();
    };
    let found = segue_pql::parse(source).err().unwrap_or_default();
    let shown = found.iter().map(|diagnostic| {
        json!({
            "pointer": format!("{place}/definition"),
            "code": diagnostic.code,
            "start": diagnostic.span.start,
            "end": diagnostic.span.end,
            "line": diagnostic.line(source),
            "column": diagnostic.column(source),
            "message": diagnostic.message,
            "help": diagnostic.help,
        })
    });
    shown.collect()
}
