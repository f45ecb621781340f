//! Runs a case through both evaluations, and compares all that they do.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use segue_core::{Engine, EvaluationMode, MemoryArchive, Settings};

use crate::inputs::{Case, identities, inputs};

/// Traces that are soon too short, so that what happens then is tried too.
const TRACE_EVENTS_MAX: usize = 2;

fn settings(evaluation: EvaluationMode) -> Settings {
    Settings { evaluation, trace_events_max: TRACE_EVENTS_MAX, ..Settings::default() }
}

/// Whether both evaluations do the same with a case.
pub(crate) fn check(case: &Case) -> Result<(), TestCaseError> {
    let mut reference = Engine::new(settings(EvaluationMode::Reference));
    let archive = Arc::new(MemoryArchive::default());
    let mut incremental =
        Engine::with_archive(settings(EvaluationMode::Incremental), archive.clone());
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
        archive.write(incremental.take_dirty());
        if position == case.restart as u64 {
            let settings = settings(EvaluationMode::Incremental);
            incremental = Engine::restore(settings, archive.clone()).unwrap();
        } else if position.is_multiple_of(1 + case.restart as u64 % 3) {
            // No profile is in memory then.
            incremental.archived();
            incremental.let_go(0, usize::MAX);
        }
    }
    Ok(())
}
