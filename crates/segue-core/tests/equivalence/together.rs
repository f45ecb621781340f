//! Inputs that are applied together against the same ones applied for themselves.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use segue_core::{Engine, HistoryLimits, Input, MemoryArchive, Outcome, Settings, Workers};
use segue_xdm::Timestamp;

use crate::inputs::{Case, identities, inputs};

/// As many events as are kept, about: so few that some are gone.
const HISTORY_BYTES: u64 = 500;

/// Does the last thing first, and each for itself.
struct Backwards;

impl Workers for Backwards {
    fn shards(&self, things: usize) -> usize {
        things
    }

    fn each<T: Send>(&self, items: &mut [T], work: impl Fn(&mut T) + Sync) {
        items.iter_mut().rev().for_each(work);
    }
}

/// An engine, and what its checkpoints were written to.
struct Kept {
    engine: Engine,
    archive: Arc<MemoryArchive>,
}

impl Kept {
    fn new() -> Kept {
        let archive = Arc::new(MemoryArchive::default());
        let history = HistoryLimits { max_bytes: Some(HISTORY_BYTES), ..HistoryLimits::default() };
        let settings = Settings {
            history,
            trace_events_max: 2,
            identities_per_profile_max: 2,
            ..Settings::default()
        };
        Kept { engine: Engine::with_archive(settings, archive.clone()), archive }
    }

    /// Writes a checkpoint, after which nobody is in memory.
    fn put_away(&mut self) {
        self.archive.write(self.engine.take_dirty());
        self.engine.archived();
        self.engine.let_go(0, usize::MAX);
    }
}

/// Whether a case does the same when some of its inputs are applied together.
pub(crate) fn check_together(case: &Case) -> Result<(), TestCaseError> {
    let (mut alone, mut together) = (Kept::new(), Kept::new());
    let inputs: Vec<(u64, Timestamp, Input)> =
        (0..).zip(inputs(case)).map(|(position, (now, input))| (position, now, input)).collect();
    for (number, batch) in inputs.chunks(1 + case.restart % 7).enumerate() {
        let each = batch.iter().cloned();
        let wanted: Vec<Outcome> =
            each.map(|(position, now, input)| alone.engine.apply(position, now, input)).collect();
        let found = together.engine.apply_all(batch.to_vec(), &Backwards);
        prop_assert_eq!(found, wanted, "{:?}", batch);
        prop_assert_eq!(together.engine.next_wake(), alone.engine.next_wake(), "{:?}", batch);
        let tallies =
            [&alone, &together].map(|one| one.engine.audience_tallies().collect::<Vec<_>>());
        prop_assert_eq!(&tallies[0], &tallies[1], "{:?}", batch);
        for identity in identities() {
            let views = [&alone, &together].map(|one| one.engine.profile(&identity));
            prop_assert_eq!(&views[0], &views[1], "{:?}", batch);
            let graphs = [&alone, &together].map(|one| one.engine.graph(&identity));
            prop_assert_eq!(&graphs[0], &graphs[1], "{:?}", batch);
        }
        if number % 2 == case.restart % 2 {
            alone.put_away();
            together.put_away();
        }
    }
    Ok(())
}
