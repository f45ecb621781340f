//! The log against a plain list: random appends, rolls, retention, reopening and torn tails.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use segue_log::{Log, LogOptions, LogRecord, Retention};

use crate::{first, read_all};

const HEADER_BYTES: u64 = 32;
const FRAME_BYTES: u64 = 28;

#[derive(Clone, Debug)]
enum Step {
    Append {
        time_ms: i64,
        sizes: Vec<usize>,
    },
    Reopen,
    /// Erases the records at these thousandths of all.
    Erase(Vec<u64>),
    /// Cuts so many thousandths of the last segment off.
    Tear(u64),
    /// Holds this far (in thousandths of the records), then retains at this time.
    Retain {
        hold: u64,
        now_ms: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let sizes = prop::collection::vec(0..200_usize, 1..4);
    prop_oneof![
        6 => (0..2000_i64, sizes).prop_map(|(time_ms, sizes)| Step::Append { time_ms, sizes }),
        1 => Just(Step::Reopen),
        1 => prop::collection::vec(0..=1000_u64, 1..5).prop_map(Step::Erase),
        1 => (1..=1000_u64).prop_map(Step::Tear),
        1 => (0..=1000_u64, 0..4000_i64).prop_map(|(hold, now_ms)| Step::Retain { hold, now_ms }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn behaves_as_a_list(
        steps in prop::collection::vec(step(), 1..40),
        segment_bytes in 100..1500_u64,
        max_age_ms in prop::option::of(100..1500_u64),
        max_bytes in prop::option::of(500..4000_u64),
    ) {
        let retention = Retention { max_age_ms, max_bytes };
        let options = LogOptions { partitions: 1, segment_bytes, retention };
        let mut world = World::new(options);
        for step in &steps {
            world.take(step);
            world.check();
        }
    }
}

/// The log, and the list that it must equal.
struct World {
    dir: tempfile::TempDir,
    options: LogOptions,
    log: Option<Log>,
    /// All appends ever made that were not torn off, each with its records.
    appends: Vec<Vec<LogRecord>>,
    /// The records that are erased; `appends` has them as they were.
    erased: BTreeSet<u64>,
    /// What the log said at last; it may only grow.
    start_offset: u64,
    /// The time before which no record can be.
    floor_ms: i64,
}

impl World {
    fn new(options: LogOptions) -> World {
        let dir = tempfile::tempdir().unwrap();
        let log = Some(Log::open(dir.path(), options.clone()).unwrap());
        World {
            dir,
            options,
            log,
            appends: Vec::new(),
            erased: BTreeSet::new(),
            start_offset: 0,
            floor_ms: i64::MIN,
        }
    }

    fn log(&self) -> &Log {
        self.log.as_ref().unwrap()
    }

    fn end_offset(&self) -> u64 {
        self.appends.iter().map(|append| append.len() as u64).sum()
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Append { time_ms, sizes } => self.append(*time_ms, sizes),
            Step::Reopen => self.reopen(|_| {}),
            Step::Erase(thousandths) => self.erase(thousandths),
            Step::Tear(thousandths) => self.tear(*thousandths),
            Step::Retain { hold, now_ms } => {
                let offset = self.end_offset() * hold / 1000;
                first(self.log()).hold_from(offset);
                first(self.log()).retain(*now_ms).unwrap();
                let start_offset = first(self.log()).start_offset();
                assert!(start_offset <= offset.max(self.start_offset), "held {offset}");
                self.check_retained(*now_ms, offset);
                first(self.log()).hold_from(u64::MAX);
            }
        }
    }

    fn append(&mut self, time_ms: i64, sizes: &[usize]) {
        let end_offset = self.end_offset();
        self.floor_ms = self.floor_ms.max(time_ms);
        let record = |(offset, size): (u64, &usize)| LogRecord {
            offset,
            time_ms: self.floor_ms,
            payload: vec![offset as u8; *size],
            is_erased: false,
        };
        let records: Vec<LogRecord> = (end_offset..).zip(sizes).map(record).collect();
        let payloads: Vec<&[u8]> = records.iter().map(|r| r.payload.as_slice()).collect();
        let append = first(self.log()).append(time_ms, &payloads).unwrap();
        assert_eq!((append.first_offset, append.time_ms), (end_offset, self.floor_ms));
        append.wait().unwrap();
        self.appends.push(records);
    }

    /// Also asks for one that is not there yet.
    fn erase(&mut self, thousandths: &[u64]) {
        let count = self.end_offset();
        let offsets: Vec<u64> = thousandths.iter().map(|part| count * part / 1000).collect();
        let is_there = |offset: &u64| (self.start_offset..count).contains(offset);
        let there: BTreeSet<u64> = offsets.iter().copied().filter(is_there).collect();
        let expected = there.difference(&self.erased).count() as u64;
        self.erased.extend(there);
        assert_eq!(first(self.log()).erase(&offsets).unwrap(), expected);
        assert_eq!(first(self.log()).erase(&offsets).unwrap(), 0, "erased once");
    }

    fn reopen(&mut self, meanwhile: impl FnOnce(&Path)) {
        self.log = None;
        meanwhile(&self.dir.path().join("00000"));
        self.log = Some(Log::open(self.dir.path(), self.options.clone()).unwrap());
    }

    /// Cuts the last segment, at any byte. A segment cut down to less than a header counts as
    /// never begun; that is only sound for one that has a predecessor.
    fn tear(&mut self, thousandths: u64) {
        let mut kept_bytes = 0;
        let mut segment_offset = 0;
        let start_offset = self.start_offset;
        self.reopen(|dir| {
            let (path, first_offset) = last_segment(dir);
            let length = std::fs::metadata(&path).unwrap().len();
            let least = if first_offset == start_offset { HEADER_BYTES } else { 0 };
            kept_bytes = length.saturating_sub(length * thousandths / 1000 + 1).max(least);
            segment_offset = first_offset;
            let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(kept_bytes).unwrap();
        });

        let (mut position, mut offset) = (HEADER_BYTES, 0);
        self.appends.retain(|append| {
            let is_before = offset < segment_offset;
            offset += append.len() as u64;
            if is_before {
                return true;
            }
            let bytes = append.iter().map(|r| FRAME_BYTES + r.payload.len() as u64).sum::<u64>();
            position += bytes;
            let is_whole = position <= kept_bytes;
            position += FRAME_BYTES; // The mark.
            is_whole
        });
        let end_offset = self.end_offset();
        self.erased.retain(|offset| *offset < end_offset);
        if let Some(last) = self.appends.iter().flatten().next_back() {
            self.floor_ms = last.time_ms;
        } else {
            self.floor_ms = i64::MIN;
        }
    }

    fn check(&mut self) {
        let partition = first(self.log.as_ref().unwrap());
        let start_offset = partition.start_offset();
        assert!(start_offset >= self.start_offset, "what was removed stays removed");
        self.start_offset = start_offset;
        assert_eq!(partition.end_offset(), self.end_offset());
        assert_eq!(partition.last_time_ms(), Some(self.floor_ms).filter(|ms| *ms > i64::MIN));

        let records = self.appends.iter().flatten().filter(|r| r.offset >= start_offset);
        let records: Vec<LogRecord> = records.map(|record| self.as_read(record)).collect();
        assert!(read_all(partition) == records);
        for record in records.iter().step_by(7) {
            let read = partition.reader(record.offset).read(1).unwrap();
            assert!(read.first() == Some(record));
        }
        for time_ms in [i64::MIN, 0, 500, 1000, 1500, self.floor_ms, i64::MAX] {
            let expected = records.iter().find(|record| record.time_ms >= time_ms);
            let expected = expected.map_or(partition.end_offset(), |record| record.offset);
            assert_eq!(partition.offset_at_time(time_ms).unwrap(), expected, "at {time_ms}");
        }
    }

    /// A record as readers see it.
    fn as_read(&self, record: &LogRecord) -> LogRecord {
        match self.erased.contains(&record.offset) {
            true => LogRecord { payload: Vec::new(), is_erased: true, ..*record },
            false => record.clone(),
        }
    }

    /// After retention, every segment that is left but the last is held, or young and needed.
    fn check_retained(&self, now_ms: i64, hold_from: u64) {
        let dir = self.dir.path().join("00000");
        let segments = segments(&dir);
        let [(oldest, _), (_, next_offset), ..] = segments.as_slice() else {
            return;
        };
        let total_bytes: u64 =
            segments.iter().map(|(path, _)| std::fs::metadata(path).unwrap().len()).sum();
        let newest = self.appends.iter().flatten().find(|r| r.offset + 1 == *next_offset).unwrap();
        let Retention { max_age_ms, max_bytes } = self.options.retention;
        let is_expired = max_age_ms.is_some_and(|age| now_ms - newest.time_ms > age as i64);
        // The mark at the very end is not counted.
        let is_excess = max_bytes.is_some_and(|max| total_bytes - FRAME_BYTES > max);
        let is_held = *next_offset > hold_from;
        assert!(is_held || !(is_expired || is_excess), "{} should be gone", oldest.display());
    }
}

fn segments(dir: &Path) -> Vec<(PathBuf, u64)> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = paths
        .map(|path| {
            let offset = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            (path, offset)
        })
        .collect();
    segments.sort();
    segments
}

fn last_segment(dir: &Path) -> (PathBuf, u64) {
    segments(dir).pop().unwrap()
}
