//! Runs a case through both evaluations, and compares all that they do.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use segue_core::{Engine, EvaluationMode, Settings};

use crate::inputs::{Case, identities, inputs};

/// Traces that are soon too short, so that what happens then is tried too.
const TRACE_EVENTS_MAX: usize = 2;

fn settings(evaluation: EvaluationMode) -> Settings {
    Settings { evaluation, trace_events_max: TRACE_EVENTS_MAX, ..Settings::default() }
}

/// Whether both evaluations do the same with a case.
pub(crate) fn check(case: &Case) -> Result<(), TestCaseError> {
    let mut reference = Engine::new(settings(EvaluationMode::Reference));
    let mut incremental = Engine::new(settings(EvaluationMode::Incremental));
    let mut stored = std::collections::BTreeMap::new();
    for (position, (now, input)) in (0..).zip(inputs(case)) {
        let wanted = reference.apply(position, now, input.clone());
        let found = incremental.apply(position, now, input.clone());
        prop_assert_eq!(&found.changes, &wanted.changes, "after input {}: {:?}", position, input);
        prop_assert_eq!(&found, &wanted, "after input {}: {:?}", position, input);
        for identity in identities() {
            let views = [reference.profile(&identity), incremental.profile(&identity)];
            let [wanted, found] = views.map(|view| view.map(|view| (view.id, view.memberships)));
            prop_assert_eq!(found, wanted, "after input {}: {:?}", position, input);
        }
        for (key, value) in incremental.take_dirty().writes {
            match value {
                Some(value) => drop(stored.insert(key, value)),
                None => drop(stored.remove(&key)),
            }
        }
        if position == case.restart as u64 {
            let entries = stored.clone();
            let settings = settings(EvaluationMode::Incremental);
            incremental = Engine::restore(settings, incremental.archive(), entries).unwrap();
        }
    }
    Ok(())
}
