//! What running scenarios found.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Value, json};

/// What running the scenarios of one file found. Prints as text, one paragraph a failed step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// One for each scenario, in the file's order.
    pub scenarios: Vec<ScenarioReport>,
}

/// What running one scenario found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScenarioReport {
    /// The scenario's name.
    pub name: String,
    /// How many steps it has; all of them ran.
    pub steps: usize,
    /// The expectations that did not hold, in order.
    pub failures: Vec<Failure>,
}

/// An expectation that did not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Which step, counted from 1.
    pub step: usize,
    /// The step's time, as it was written.
    pub at: String,
    /// What should have been so.
    pub expected: String,
    /// What was so.
    pub found: String,
    /// The state that it follows from, in one paragraph.
    pub why: String,
}

impl Report {
    /// Whether every expectation of every scenario held.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.scenarios.iter().all(|scenario| scenario.failures.is_empty())
    }

    /// The report as an object: `{file, passed, scenarios: [{name, steps, failures: [{step, at,
    /// expected, found, why}]}]}`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let scenarios: Vec<Value> = self.scenarios.iter().map(ScenarioReport::to_value).collect();
        let file = self.path.display().to_string();
        json!({"file": file, "passed": self.passed(), "scenarios": scenarios})
    }
}

impl ScenarioReport {
    fn to_value(&self) -> Value {
        let failures: Vec<Value> = self
            .failures
            .iter()
            .map(|failure| {
                json!({
                    "step": failure.step,
                    "at": failure.at,
                    "expected": failure.expected,
                    "found": failure.found,
                    "why": failure.why,
                })
            })
            .collect();
        json!({"name": self.name, "steps": self.steps, "failures": failures})
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.path.display())?;
        for scenario in &self.scenarios {
            let verdict = if scenario.failures.is_empty() { "ok    " } else { "FAILED" };
            writeln!(f, "  {verdict} {} ({} steps)", scenario.name, scenario.steps)?;
            for failure in &scenario.failures {
                writeln!(f, "    step {} at {}", failure.step, failure.at)?;
                write_part(f, "expected", &failure.expected)?;
                write_part(f, "found", &failure.found)?;
                write_part(f, "why", &failure.why)?;
            }
        }
        Ok(())
    }
}

/// One part of a failure; lines after the first are indented below it.
fn write_part(f: &mut fmt::Formatter<'_>, name: &str, text: &str) -> fmt::Result {
    let text = text.replace('\n', "\n                ");
    writeln!(f, "      {name:<8}  {text}")
}
