//! The `_id`s that the engine has given away: a set on the disk that is asked for each event.
//!
//! ```text
//!   engine ─ some 262,144 at once ─▶ run ┐
//!                                    run ├─▶ larger run ─▶ …     until all in it have ended
//!                                    run ┘
//! ```
//! An event that is new has to be looked for among all that came within seven days, and is not
//! there: so what matters is to say no fast. Each run has a filter in memory for that, 10 bits an
//! id; runs are merged, so that there are few to ask.
//!
//! A run is named by the log positions of its ids. That is all there is to recovery: one whose
//! positions lie within another's is in it already. A run may hold ids of inputs that the
//! checkpoint does not have yet; [`SeenId`] says why that is harmless.

mod filter;
mod merging;
mod page;
mod run;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::RwLock;
use segue_core::SeenId;
use segue_log::Storage;
use segue_xdm::Timestamp;

pub(crate) use merging::Merge;
use merging::next_merge;
pub(crate) use page::{decode, encode};
use run::Extent;
pub(crate) use run::{Run, RunWriter};

/// What the names of runs end with, and those of files that are not whole.
const RUN: &str = ".ids";
const UNFINISHED: &str = ".new";

/// The ids that were given away.
pub(crate) struct IdIndex {
    storage: Arc<dyn Storage>,
    directory: PathBuf,
    /// In the order of their positions.
    runs: RwLock<Vec<Arc<Run>>>,
    /// Logical time, in milliseconds since 1970: ids that ended before may be dropped.
    now_ms: AtomicI64,
    /// Whether no more is to be merged.
    is_stopped: AtomicBool,
}

impl IdIndex {
    /// The index in a directory; an empty one begins it.
    pub(crate) fn open(storage: Arc<dyn Storage>, directory: PathBuf) -> io::Result<IdIndex> {
        storage.create_dir(&directory)?;
        let mut runs = Vec::new();
        for name in storage.list(&directory)? {
            let path = directory.join(&name);
            if name.ends_with(UNFINISHED) {
                storage.remove(&path)?;
            } else if name.ends_with(RUN) {
                runs.push(Arc::new(Run::open(&*storage, &path)?));
            }
        }
        runs.sort_by_key(|run| run.extent().first);
        let (within, whole): (Vec<_>, Vec<_>) =
            runs.iter().cloned().partition(|run| runs.iter().any(|other| is_within(run, other)));
        let index = IdIndex {
            storage,
            directory,
            runs: RwLock::new(whole),
            now_ms: AtomicI64::new(i64::MIN),
            is_stopped: AtomicBool::new(false),
        };
        index.remove(&within)?;
        Ok(index)
    }

    /// Until when it counts that the id with this hash was seen before a log position.
    pub(crate) fn seen_until(&self, hash: u128, before: u64) -> io::Result<Option<Timestamp>> {
        let mut until = None;
        for run in &*self.runs.read() {
            until = until.max(run.seen_until(hash, before)?);
        }
        Ok(until)
    }

    /// Puts ids away, durably. May be repeated.
    pub(crate) fn add(&self, ids: &[SeenId]) -> io::Result<()> {
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        let mut sorted = sorted.into_iter();
        let run = self.write("added", ids.len() as u64, || Ok(sorted.next()))?;
        self.replace(&[], run);
        Ok(())
    }

    /// Removes runs that have ended, and merges some others. Tells whether there may be more to do.
    pub(crate) fn tidy(&self) -> io::Result<bool> {
        let now = Timestamp::from_millis(self.now_ms.load(Ordering::Acquire));
        let mut runs = self.runs();
        let ended: Vec<Arc<Run>> = runs.extract_if(.., |run| run.extent().ends <= now).collect();
        self.runs.write().retain(|run| run.extent().ends > now);
        self.remove(&ended)?;
        let extents: Vec<Extent> = runs.iter().map(|run| run.extent()).collect();
        let merged = next_merge(&extents).and_then(|begin| runs.get(begin..));
        let Some(merged) = merged else { return Ok(false) };
        let mut merge = Merge::of(merged, now)?;
        let ids_max = merged.iter().map(|run| run.extent().ids).sum();
        let run =
            self.write("merged", ids_max, || match self.is_stopped.load(Ordering::Relaxed) {
                true => Err(io::ErrorKind::Interrupted.into()),
                false => merge.next(),
            })?;
        self.replace(merged, run);
        self.remove(merged)?;
        Ok(true)
    }

    /// The newest id, by its log position, and when the last of its run ends.
    pub(crate) fn newest(&self) -> Option<(u64, Timestamp)> {
        let runs = self.runs.read();
        let extents = runs.iter().map(|run| run.extent());
        extents.map(|extent| (extent.last, extent.ends)).max()
    }

    /// The runs as they are, for whoever reads all. Their files stay what they are meanwhile.
    pub(crate) fn runs(&self) -> Vec<Arc<Run>> {
        self.runs.read().clone()
    }

    /// Logical time is this, and the checkpoint has come so far.
    pub(crate) fn set_now(&self, now: Timestamp) {
        self.now_ms.store(now.as_millis(), Ordering::Release);
    }

    /// Gives up the merge under way, and any other one.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Writes a run of ids that come in their order.
    fn write(
        &self,
        name: &str,
        ids_max: u64,
        mut next: impl FnMut() -> io::Result<Option<SeenId>>,
    ) -> io::Result<Arc<Run>> {
        let mut writer = self.begin_run(name, ids_max)?;
        while let Some(id) = next()? {
            writer.add(id)?;
        }
        self.end_run(writer)
    }

    /// Begins a run of so many ids at most, under a name of its own.
    pub(crate) fn begin_run(&self, name: &str, ids_max: u64) -> io::Result<RunWriter> {
        let unfinished = self.directory.join(format!("{name}{UNFINISHED}"));
        RunWriter::create(&*self.storage, &unfinished, ids_max)
    }

    /// Makes a run durable. Nobody asks it yet.
    pub(crate) fn end_run(&self, writer: RunWriter) -> io::Result<Arc<Run>> {
        let path_of = |extent: Extent| {
            self.directory.join(format!("{:016x}-{:016x}{RUN}", extent.first, extent.last))
        };
        let run = writer.finish(&*self.storage, path_of)?;
        self.storage.sync_dir(&self.directory)?;
        Ok(Arc::new(run))
    }

    /// Asks this run from now on, and no longer those.
    fn replace(&self, old: &[Arc<Run>], new: Arc<Run>) {
        let mut runs = self.runs.write();
        let is_old = |run: &Arc<Run>| old.iter().any(|old| Arc::ptr_eq(old, run));
        // One of the same name has just been written over.
        runs.retain(|run| !is_old(run) && run.path() != new.path());
        let place = runs.partition_point(|run| run.extent().first < new.extent().first);
        runs.insert(place, new);
    }

    /// Removes files. One that comes back after a crash is found to be of no use.
    fn remove(&self, runs: &[Arc<Run>]) -> io::Result<()> {
        let kept = self.runs();
        let is_gone = |run: &&Arc<Run>| kept.iter().all(|kept| kept.path() != run.path());
        runs.iter().filter(is_gone).try_for_each(|run| self.storage.remove(run.path()))
    }
}

/// Whether all of a run is in another one.
fn is_within(run: &Arc<Run>, other: &Arc<Run>) -> bool {
    let (inner, outer) = (run.extent(), other.extent());
    let is_inside = outer.first <= inner.first && inner.last <= outer.last;
    !Arc::ptr_eq(run, other) && is_inside
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use segue_log::simulation::SimulatedDisk;

    use super::*;

    const DIRECTORY: &str = "/data/ids";

    fn open(disk: &SimulatedDisk) -> IdIndex {
        IdIndex::open(disk.host().storage, DIRECTORY.into()).unwrap()
    }

    /// The id of the event at a position; positions that differ by `HASHES` have the same.
    fn id(position: u64) -> SeenId {
        let until = Timestamp::from_millis(position as i64 + 1000);
        SeenId { hash: u128::from(position % HASHES) << 80, position, until }
    }

    const HASHES: u64 = 100;

    /// What an index must say: the last moment of an id that counts.
    #[derive(Default)]
    struct Model(BTreeMap<(u128, u64), Timestamp>);

    impl Model {
        fn add(&mut self, ids: &[SeenId]) {
            self.0.extend(ids.iter().map(|id| ((id.hash, id.position), id.until)));
        }

        fn check(&self, index: &IdIndex, before: u64, now: i64) {
            let now = Timestamp::from_millis(now);
            for number in 0..HASHES + 10 {
                let hash = id(number).hash;
                let known = self.0.range((hash, 0)..(hash, before)).map(|(_, until)| *until).max();
                let found = index.seen_until(hash, before).unwrap();
                let counting = |until: Option<Timestamp>| until.filter(|until| *until > now);
                assert_eq!(counting(found), counting(known), "{hash:x} before {before}");
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// So many ids come, and the disk fails after so many changes.
        Add(u64, Option<usize>),
        Tidy(Option<usize>),
        Now(i64),
        Reopen,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let changes = || prop::option::weighted(0.3, 0..12usize);
        prop::collection::vec(
            prop_oneof![
                4 => (1..400u64, changes()).prop_map(|(count, changes)| Step::Add(count, changes)),
                4 => changes().prop_map(Step::Tidy),
                1 => (0..3000i64).prop_map(Step::Now),
                2 => Just(Step::Reopen),
            ],
            1..40,
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn nothing_is_lost_or_made_up(steps in steps(), survives in any::<u64>()) {
            let disk = SimulatedDisk::default();
            let mut model = Model::default();
            let (mut index, mut next, mut now) = (open(&disk), 0, 0);
            for step in steps {
                let failed = match step {
                    Step::Add(count, changes) => {
                        changes.into_iter().for_each(|changes| disk.lose_power_after(changes));
                        let ids: Vec<SeenId> = (next..next + count).map(id).collect();
                        let added = index.add(&ids);
                        if added.is_ok() {
                            model.add(&ids);
                            next += count;
                        }
                        added.is_err()
                    }
                    Step::Tidy(changes) => {
                        changes.into_iter().for_each(|changes| disk.lose_power_after(changes));
                        (0..4).any(|_| index.tidy().is_err())
                    }
                    Step::Now(millis) => {
                        now = now.max(millis);
                        index.set_now(Timestamp::from_millis(now));
                        false
                    }
                    Step::Reopen => true,
                };
                if failed || !disk.has_power() {
                    drop(index);
                    let mut bits = survives;
                    disk.restart(|| {
                        bits = bits.rotate_left(1);
                        bits & 1 == 1
                    });
                    index = open(&disk);
                    index.set_now(Timestamp::from_millis(now));
                }
                // What was being added may be there; it counts behind its own position only.
                model.check(&index, next, now);
            }
        }
    }

    #[test]
    fn runs_become_few_and_those_that_have_ended_go() {
        let disk = SimulatedDisk::default();
        let index = open(&disk);
        for begin in (0..3200).step_by(100) {
            index.add(&(begin..begin + 100).map(id).collect::<Vec<_>>()).unwrap();
            while index.tidy().unwrap() {}
        }
        assert!(index.runs().len() < 8, "{}", index.runs().len());
        index.set_now(id(4000).until);
        while index.tidy().unwrap() {}
        assert_eq!(disk.paths(), Vec::<PathBuf>::new());
    }

    #[test]
    fn damage_is_found() {
        let disk = SimulatedDisk::default();
        open(&disk).add(&(0..300).map(id).collect::<Vec<_>>()).unwrap();
        let [path] = &disk.paths()[..] else { panic!("one run") };
        let bytes = disk.get(path);
        for place in (0..bytes.len()).step_by(97) {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            disk.put(path, &damaged);
            let looked = IdIndex::open(disk.host().storage, DIRECTORY.into()).and_then(|index| {
                (0..300).try_for_each(|position| index.seen_until(id(position).hash, 300).map(drop))
            });
            let error = looked.expect_err("the damage must be found");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{place}: {error}");
        }
    }
}
