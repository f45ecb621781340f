//! Runs one scenario.

use std::collections::BTreeMap;

use segue_core::{Activation, Definition, Engine, Input, Settings, publishing_order};
use segue_xdm::{Event, Record, Timestamp, Violation};
use serde_json::Value;

use super::document::Scenario;
use super::expectation::check_refusal;
use super::report::{Failure, ScenarioReport};
use super::step::{Action, Step};

/// Profiles that follow definitions at a time: a scenario does not watch them, so any number does.
const SLICE: u64 = 1000;

/// A scenario under way.
pub(super) struct World {
    pub(super) engine: Engine,
    /// By destination id, everything that was sent so far.
    pub(super) exported: BTreeMap<String, Vec<Activation>>,
    position: u64,
}

/// What an expectation that does not hold reports.
#[derive(Debug)]
pub(super) struct Mismatch {
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) why: String,
}

/// Runs a scenario to its end. An error says why its definitions do not hold.
pub(super) fn run(scenario: Scenario) -> Result<ScenarioReport, String> {
    let mut world =
        World { engine: Engine::new(Settings::default()), exported: BTreeMap::new(), position: 0 };
    for definition in publishing_order(scenario.definitions) {
        let name = format!("{} `{}`", definition.kind(), definition.id());
        world
            .apply(scenario.start, Input::Define(definition))
            .map_err(|violations| format!("{name}: {}", joined(&violations)))?;
    }
    let steps = scenario.steps.len();
    let mut failures = Vec::new();
    for (index, step) in scenario.steps.into_iter().enumerate() {
        let number = index + 1;
        let at = step.at.clone();
        for mismatch in world.step(number, scenario.start.plus_millis(step.at_ms), step) {
            let Mismatch { expected, found, why } = mismatch;
            failures.push(Failure { step: number, at: at.clone(), expected, found, why });
        }
    }
    Ok(ScenarioReport { name: scenario.name, steps, failures })
}

impl World {
    /// Takes one step at `now`; gives what does not hold.
    fn step(&mut self, number: usize, now: Timestamp, step: Step) -> Vec<Mismatch> {
        let inputs = match step.action {
            Action::Event(body) => event(body, number, now),
            Action::Record(body) => {
                Record::from_value(&body, now).map(|record| vec![Input::Record(record)])
            }
            Action::Define(values) => definitions(values),
            Action::Remove(removals) => {
                Ok(removals.into_iter().map(|(kind, id)| Input::Remove(kind, id)).collect())
            }
            Action::Forget(identity) => Ok(vec![Input::Forget(identity)]),
            Action::Expect(expectation) => {
                self.apply(now, Input::Tick).expect("a tick is never refused");
                return self.check(&expectation);
            }
        };
        let refused = match inputs {
            Err(violations) => violations,
            Ok(inputs) => {
                let results = inputs.into_iter().map(|input| self.apply(now, input));
                results.filter_map(Result::err).flatten().collect()
            }
        };
        check_refusal(step.refused.as_deref(), &refused).into_iter().collect()
    }

    /// Applies an input, and has all profiles follow what it defines; or says why it is refused.
    fn apply(&mut self, now: Timestamp, input: Input) -> Result<(), Vec<Violation>> {
        let applied = self.apply_alone(now, input);
        while let Some(slice) = self.engine.next_slice(SLICE) {
            self.apply_alone(now, slice)?;
        }
        applied
    }

    fn apply_alone(&mut self, now: Timestamp, input: Input) -> Result<(), Vec<Violation>> {
        let outcome = self.engine.apply(self.position, now, input);
        self.position += 1;
        for activation in outcome.activations {
            self.exported.entry(activation.destination.clone()).or_default().push(activation);
        }
        if outcome.refused.is_empty() { Ok(()) } else { Err(outcome.refused) }
    }
}

/// The event of a step, with `_id` and `timestamp` filled in where they are absent.
fn event(mut body: Value, number: usize, now: Timestamp) -> Result<Vec<Input>, Vec<Violation>> {
    if let Value::Object(fields) = &mut body {
        fields.entry("_id").or_insert_with(|| format!("step-{number}").into());
        fields.entry("timestamp").or_insert_with(|| now.to_string().into());
    }
    Event::from_value(&body, now).map(|event| vec![Input::Event(event)])
}

fn definitions(values: Vec<Value>) -> Result<Vec<Input>, Vec<Violation>> {
    let definitions: Vec<Definition> =
        values.into_iter().map(Definition::from_value).collect::<Result<_, _>>()?;
    Ok(publishing_order(definitions).into_iter().map(Input::Define).collect())
}

/// Violations as one text, a line each.
pub(super) fn joined(violations: &[Violation]) -> String {
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
