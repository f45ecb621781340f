//! The `_id`s that the engine has given away: a set on the disk that is asked for each event.
//!
//! ```text
//!   engine ─ some 262,144 at once ─▶ run ┐
//!                                    run ├─▶ larger run ─▶ …     until all in it have ended
//!                                    run ┘
//! ```
//! An event that is new has to be looked for among all that came within seven days, and is not
//! there: so what matters is to say no fast. Each run has a filter for that, 10 bits an id. Runs
//! are merged, so that there are few to ask. The filters of the newest, which are small, are in
//! memory, as many as may be; those of the others are asked in their files, where a page is read
//! for each id. So filters take no more memory for more ids.
//!
//! A run is named by the log positions of its ids. That is all there is to recovery: one whose
//! positions lie within another's is in it already. A run may hold ids of inputs that the
//! checkpoint does not have yet; [`SeenId`] says why that is harmless.

mod filter;
mod header;
mod merging;
mod page;
mod page_file;
mod run;
mod run_writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::RwLock;
use segue_core::SeenId;
use segue_log::Storage;
use segue_xdm::Timestamp;

use filter::Filter;
use header::Extent;
pub(crate) use merging::Merge;
use merging::next_merge;
pub(crate) use page::{decode, encode};
pub(crate) use run::Run;
pub(crate) use run_writer::RunWriter;

/// What the names of runs end with, and those of files that are not whole.
const RUN: &str = ".ids";
const UNFINISHED: &str = ".new";

/// The ids that were given away.
pub(crate) struct IdIndex {
    storage: Arc<dyn Storage>,
    directory: PathBuf,
    /// In the order of their positions.
    runs: RwLock<Vec<AskedRun>>,
    /// How many bytes of filters may be in memory.
    filter_memory_max: u64,
    /// Logical time, in milliseconds since 1970: ids that ended before may be dropped.
    now_ms: AtomicI64,
    /// Whether no more is to be merged.
    is_stopped: AtomicBool,
}

/// A run, and its filter if that is in memory.
struct AskedRun {
    run: Arc<Run>,
    filter: Option<Filter>,
}

impl AskedRun {
    fn new(run: Arc<Run>) -> AskedRun {
        AskedRun { run, filter: None }
    }

    fn may_hold(&self, hash: u128) -> io::Result<bool> {
        match &self.filter {
            Some(filter) => Ok(filter.may_hold(hash)),
            None => self.run.may_hold(hash),
        }
    }
}

impl IdIndex {
    /// The index in a directory; an empty one begins it. So many bytes of filters may be in memory.
    pub(crate) fn open(
        storage: Arc<dyn Storage>,
        directory: PathBuf,
        filter_memory_max: usize,
    ) -> io::Result<IdIndex> {
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
            runs: RwLock::new(whole.into_iter().map(AskedRun::new).collect()),
            filter_memory_max: filter_memory_max as u64,
            now_ms: AtomicI64::new(i64::MIN),
            is_stopped: AtomicBool::new(false),
        };
        index.remove(&within)?;
        index.hold_filters()?;
        Ok(index)
    }

    /// Until when it counts that the id with this hash was seen before a log position.
    pub(crate) fn seen_until(&self, hash: u128, before: u64) -> io::Result<Option<Timestamp>> {
        let mut until = None;
        for asked in &*self.runs.read() {
            if asked.may_hold(hash)? {
                until = until.max(asked.run.seen_until(hash, before)?);
            }
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
        self.hold_filters()
    }

    /// Removes runs that have ended, and merges some others. Tells whether there may be more to do.
    pub(crate) fn tidy(&self) -> io::Result<bool> {
        let now = Timestamp::from_millis(self.now_ms.load(Ordering::Acquire));
        let mut runs = self.runs();
        let ended: Vec<Arc<Run>> = runs.extract_if(.., |run| run.extent().ends <= now).collect();
        self.runs.write().retain(|asked| asked.run.extent().ends > now);
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
        self.hold_filters()?;
        Ok(true)
    }

    /// The newest id, by its log position, and when the last of its run ends.
    pub(crate) fn newest(&self) -> Option<(u64, Timestamp)> {
        let runs = self.runs.read();
        let extents = runs.iter().map(|asked| asked.run.extent());
        extents.map(|extent| (extent.last, extent.ends)).max()
    }

    /// The runs as they are, for whoever reads all. Their files stay what they are meanwhile.
    pub(crate) fn runs(&self) -> Vec<Arc<Run>> {
        self.runs.read().iter().map(|asked| Arc::clone(&asked.run)).collect()
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
        runs.retain(|asked| !is_old(&asked.run) && asked.run.path() != new.path());
        let place = runs.partition_point(|asked| asked.run.extent().first < new.extent().first);
        runs.insert(place, AskedRun::new(new));
    }

    /// Holds the filters of the newest runs in memory, as many as may be, and no others.
    fn hold_filters(&self) -> io::Result<()> {
        let mut left = self.filter_memory_max;
        let mut missing = Vec::new();
        for asked in self.runs.write().iter_mut().rev() {
            match left.checked_sub(asked.run.filter_bytes()) {
                Some(rest) => {
                    left = rest;
                    missing.extend(asked.filter.is_none().then(|| Arc::clone(&asked.run)));
                }
                None => asked.filter = None,
            }
        }
        for run in missing {
            let filter = run.filter()?;
            let mut runs = self.runs.write();
            if let Some(asked) = runs.iter_mut().find(|asked| Arc::ptr_eq(&asked.run, &run)) {
                asked.filter = Some(filter);
            }
        }
        Ok(())
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

    use super::page::PAGE_BYTES;
    use super::*;

    const DIRECTORY: &str = "/data/ids";

    /// Memory for every filter.
    const PLENTY: usize = usize::MAX;

    fn open(disk: &SimulatedDisk, filter_memory_max: usize) -> IdIndex {
        IdIndex::open(disk.host().storage, DIRECTORY.into(), filter_memory_max).unwrap()
    }

    /// The id of the event at a position; positions that differ by `HASHES` have the same.
    fn id(position: u64) -> SeenId {
        let until = Timestamp::from_millis(position as i64 + 1000);
        SeenId { hash: u128::from(position % HASHES) << 121, position, until }
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
        fn nothing_is_lost_or_made_up(
            steps in steps(),
            survives in any::<u64>(),
            memory in prop_oneof![Just(0), 0..20 * PAGE_BYTES, Just(PLENTY)],
        ) {
            let disk = SimulatedDisk::default();
            let mut model = Model::default();
            let (mut index, mut next, mut now) = (open(&disk, memory), 0, 0);
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
                    index = open(&disk, memory);
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
        let index = open(&disk, PLENTY);
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
    fn filters_take_no_more_memory_than_they_may() {
        let disk = SimulatedDisk::default();
        let memory = 6 * PAGE_BYTES;
        let check = |index: &IdIndex| {
            let filters =
                |asked: &AskedRun| asked.filter.as_ref().map(|_| asked.run.filter_bytes());
            let held: Vec<u64> = index.runs.read().iter().filter_map(filters).collect();
            assert!(held.iter().sum::<u64>() <= memory as u64, "{held:?}");
            held.len()
        };
        let index = open(&disk, memory);
        let mut held = Vec::new();
        for begin in (0..64_000).step_by(1000) {
            index.add(&(begin..begin + 1000).map(id).collect::<Vec<_>>()).unwrap();
            held.push(check(&index));
            while index.tidy().unwrap() {}
            held.push(check(&index));
        }
        assert!(held.contains(&3) && held.contains(&0), "{held:?}");
        check(&open(&disk, memory));
    }

    #[test]
    fn damage_is_found() {
        let disk = SimulatedDisk::default();
        open(&disk, PLENTY).add(&(0..300).map(id).collect::<Vec<_>>()).unwrap();
        let [path] = &disk.paths()[..] else { panic!("one run") };
        let bytes = disk.get(path);
        for place in (0..bytes.len()).step_by(97) {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            disk.put(path, &damaged);
            for memory in [0, PLENTY] {
                let index = IdIndex::open(disk.host().storage, DIRECTORY.into(), memory);
                let looked = index.and_then(|index| {
                    let mut hashes = (0..300).map(|position| id(position).hash);
                    hashes.try_for_each(|hash| index.seen_until(hash, 300).map(drop))
                });
                let error = looked.expect_err("the damage must be found");
                assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{place}: {error}");
            }
        }
    }
}
