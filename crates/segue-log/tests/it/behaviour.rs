//! Appending, reading, waiting, limits and refusals.

use std::io::ErrorKind;
use std::sync::mpsc;
use std::time::Duration;

use segue_log::simulation::SimulatedDisk;
use segue_log::{
    Log, LogError, LogOptions, MAX_APPEND_BYTES, MAX_PAYLOAD_BYTES, MAX_QUEUED_BYTES, Retention,
};

use crate::{append, first, options, payloads, read_all};

/// Longer than anything here takes; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn partitions_are_apart_and_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let three = LogOptions { partitions: 3, ..LogOptions::default() };
    let log = Log::open(dir.path(), three.clone()).unwrap();
    for partition in log.partitions() {
        let number = partition.number();
        partition.append(i64::from(number), &[&number.to_le_bytes()]).unwrap().wait().unwrap();
    }
    drop(log);

    let log = Log::open(dir.path(), three).unwrap();
    assert_eq!(log.partition_count(), 3);
    assert!(log.partition(3).is_none());
    for partition in log.partitions() {
        let records = read_all(partition);
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].payload, partition.number().to_le_bytes());
        assert_eq!(partition.last_time_ms(), Some(i64::from(partition.number())));
    }
}

#[test]
fn partitions_may_grow_but_never_vanish() {
    let dir = tempfile::tempdir().unwrap();
    let with = |partitions| LogOptions { partitions, ..LogOptions::default() };
    drop(Log::open(dir.path(), with(2)).unwrap());
    drop(Log::open(dir.path(), with(4)).unwrap());
    let error = Log::open(dir.path(), with(2)).err().unwrap();
    assert!(matches!(error, LogError::TooFewPartitions { found: 4, asked: 2, .. }), "{error}");
}

#[test]
fn a_second_opener_is_told_who_is_in_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), options(1 << 20)).unwrap();
    let error = Log::open(dir.path(), options(1 << 20)).err().unwrap();
    assert!(matches!(error, LogError::Locked { .. }), "{error}");
    assert!(error.to_string().contains(&dir.path().display().to_string()), "{error}");

    log.close();
    Log::open(dir.path(), options(1 << 20)).unwrap();
}

#[test]
fn a_directory_that_cannot_be_written_is_said_at_open() {
    let disk = SimulatedDisk::default();
    disk.refuse_everything(ErrorKind::PermissionDenied);
    let error = Log::open_on(&disk.host(), "/log".as_ref(), options(1 << 20)).err().unwrap();
    assert!(matches!(error, LogError::NotWritable { .. }), "{error}");
    assert!(error.to_string().contains("make the directory writable"), "{error}");
}

#[test]
fn an_append_is_consecutive_and_its_time_never_goes_back() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), options(1 << 20)).unwrap();
    assert_eq!(first(&log).last_time_ms(), None);
    let later = first(&log).append(20, &[b"a", b"b", b"c"]).unwrap();
    let earlier = first(&log).append(10, &[b"d"]).unwrap();
    assert_eq!((later.first_offset, later.time_ms), (0, 20));
    assert_eq!((earlier.first_offset, earlier.time_ms), (3, 20));
    later.wait().unwrap();
    earlier.wait().unwrap();

    let found: Vec<_> = read_all(first(&log)).into_iter().map(|r| (r.offset, r.time_ms)).collect();
    assert_eq!(found, [(0, 20), (1, 20), (2, 20), (3, 20)]);
    drop(log);
    let log = Log::open(dir.path(), options(1 << 20)).unwrap();
    assert_eq!(first(&log).append(0, &[b"e"]).unwrap().time_ms, 20);
}

#[test]
fn what_is_too_large_or_nothing_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), options(1 << 20)).unwrap();
    let largest = vec![7; MAX_PAYLOAD_BYTES];
    let too_large = vec![7; MAX_PAYLOAD_BYTES + 1];

    let error = first(&log).append(0, &[b"fits", &too_large]).unwrap_err();
    assert!(matches!(error, LogError::TooLarge { limit_bytes: MAX_PAYLOAD_BYTES, .. }), "{error}");
    let error = first(&log).append(0, &[&largest, &largest]).unwrap_err();
    assert!(matches!(error, LogError::TooLarge { limit_bytes: MAX_APPEND_BYTES, .. }), "{error}");
    assert!(matches!(first(&log).append(0, &[]).unwrap_err(), LogError::Empty));

    append(&log, &largest);
    append(&log, b"");
    assert_eq!(payloads(&log), [largest, vec![]]);
}

#[test]
fn a_queue_that_the_disk_cannot_empty_refuses_and_recovers() {
    let disk = SimulatedDisk::default();
    let log = Log::open_on(&disk.host(), "/log".as_ref(), options(1 << 30)).unwrap();
    let large = vec![7; MAX_PAYLOAD_BYTES];
    let stall = disk.stall_syncs();
    let mut accepted = vec![first(&log).append(0, &[b"in flight"]).unwrap()];
    stall.wait_until_stalled();

    let refusal = loop {
        match first(&log).append(0, &[&large]) {
            Ok(append) => accepted.push(append),
            Err(refusal) => break refusal,
        }
    };
    assert!(matches!(refusal, LogError::Busy { .. }), "{refusal}");
    assert_eq!(accepted.len(), 1 + MAX_QUEUED_BYTES / (MAX_PAYLOAD_BYTES + 28));

    drop(stall);
    let offsets: Vec<u64> = accepted.iter().map(|append| append.first_offset).collect();
    accepted.into_iter().for_each(|append| append.wait().unwrap());
    assert_eq!(append(&log, b"again"), offsets.len() as u64);
}

#[test]
fn concurrent_appenders_share_rounds_and_keep_their_order() {
    const THREADS: u64 = 8;
    const EACH: u64 = 200;
    let disk = SimulatedDisk::default();
    let log = Log::open_on(&disk.host(), "/log".as_ref(), options(4 << 10)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = &log;
            scope.spawn(move || {
                for number in 0..EACH {
                    let payload = [thread.to_le_bytes(), number.to_le_bytes()].concat();
                    let offset = append(log, &payload);
                    assert!(offset < first(log).end_offset(), "durable when acknowledged");
                }
            });
        }
    });

    let records = read_all(first(&log));
    assert_eq!(records.len() as u64, THREADS * EACH);
    assert!(records.iter().zip(0..).all(|(record, offset)| record.offset == offset));
    for thread in 0..THREADS {
        let mine = records.iter().filter(|r| r.payload[..8] == thread.to_le_bytes());
        let expected = (0..EACH).map(u64::to_le_bytes);
        assert!(mine.map(|r| r.payload[8..].to_vec()).eq(expected.map(|number| number.to_vec())));
    }
}

#[test]
fn appends_that_wait_for_a_sync_share_the_next_one() {
    let disk = SimulatedDisk::default();
    let log = Log::open_on(&disk.host(), "/log".as_ref(), options(1 << 20)).unwrap();
    let stall = disk.stall_syncs();
    let alone = first(&log).append(0, &[b"first"]).unwrap();
    stall.wait_until_stalled();
    let before = disk.syncs();
    let together: Vec<_> = (0..100).map(|_| first(&log).append(0, &[b"more"]).unwrap()).collect();
    drop(stall);
    alone.wait().unwrap();
    together.into_iter().for_each(|append| append.wait().unwrap());
    assert_eq!(disk.syncs() - before, 2, "one for the first, one for the hundred");
}

#[test]
fn readers_see_nothing_before_it_is_durable() {
    let disk = SimulatedDisk::default();
    let log = Log::open_on(&disk.host(), "/log".as_ref(), options(1 << 20)).unwrap();
    let mut reader = first(&log).reader(0);
    let stall = disk.stall_syncs();
    let append = first(&log).append(0, &[b"later"]).unwrap();
    stall.wait_until_stalled();
    assert_eq!(reader.read(1 << 20).unwrap(), []);
    assert_eq!(first(&log).end_offset(), 0);
    drop(stall);
    append.wait().unwrap();
    assert_eq!(reader.read(1 << 20).unwrap().len(), 1);
}

#[test]
fn a_waiting_reader_is_woken_by_the_append() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), options(1 << 10)).unwrap();
    let (told, read) = mpsc::channel();
    let mut reader = first(&log).reader(0);
    let thread = std::thread::spawn(move || {
        while reader.wait(None) {
            for record in reader.read(1).unwrap() {
                told.send(record.payload).unwrap();
            }
        }
    });
    for number in 0..100_u32 {
        append(&log, &number.to_le_bytes());
        assert_eq!(read.recv_timeout(PATIENCE).unwrap(), number.to_le_bytes());
    }
    log.close();
    thread.join().unwrap();
}

#[test]
fn waiting_ends_when_the_time_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), options(1 << 20)).unwrap();
    let reader = first(&log).reader(0);
    assert!(!reader.wait(Some(Duration::from_millis(5))));
    append(&log, b"now");
    assert!(reader.wait(Some(PATIENCE)));
}

/// Polls by hand: pending first, then woken by the commit, as any executor would see it.
#[test]
fn append_and_ready_are_futures() {
    use std::pin::pin;
    use std::task::{Context, Poll};

    let disk = SimulatedDisk::default();
    let log = Log::open_on(&disk.host(), "/log".as_ref(), options(1 << 20)).unwrap();
    let (woken, wakes) = mpsc::channel();
    let waker = std::sync::Arc::new(Tell(woken)).into();
    let mut context = Context::from_waker(&waker);

    let reader = first(&log).reader(0);
    let mut ready = pin!(reader.ready());
    let stall = disk.stall_syncs();
    let mut append = pin!(first(&log).append(0, &[b"x"]).unwrap());
    assert!(append.as_mut().poll(&mut context).is_pending());
    assert!(ready.as_mut().poll(&mut context).is_pending());
    drop(stall);
    while append.as_mut().poll(&mut context).is_pending() {
        wakes.recv_timeout(PATIENCE).unwrap();
    }
    assert_eq!(ready.as_mut().poll(&mut context), Poll::Ready(true));

    struct Tell(mpsc::Sender<()>);
    impl std::task::Wake for Tell {
        fn wake(self: std::sync::Arc<Self>) {
            let _ = self.0.send(());
        }
    }
}

#[test]
fn a_closed_log_has_kept_everything_and_takes_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), options(1 << 20)).unwrap();
    let partition = first(&log).clone();
    let unwaited = partition.append(0, &[b"kept"]).unwrap();
    log.close();
    unwaited.wait().unwrap();
    assert!(matches!(partition.append(0, &[b"late"]).unwrap_err(), LogError::Closed));
    assert!(!partition.reader(1).wait(None), "nothing will ever come");
    assert_eq!(payloads(&log), [b"kept"]);
}

#[test]
fn retention_never_passes_what_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { max_age_ms: Some(1000), max_bytes: None };
    let log = Log::open(dir.path(), LogOptions { retention, ..options(1 << 20) }).unwrap();
    let partition = first(&log);
    for second in 0..10 {
        partition.append(second * 1000, &[b"record"]).unwrap().wait().unwrap();
    }
    assert_eq!(partition.start_offset(), 8, "at 9 s, the record of 8 s is not over 1 s old");

    partition.hold_from(9);
    partition.retain(1_000_000).unwrap();
    assert_eq!(partition.start_offset(), 9);
    partition.hold_from(u64::MAX);
    partition.retain(1_000_000).unwrap();
    assert_eq!((partition.start_offset(), partition.end_offset()), (10, 10));
    assert_eq!(partition.last_time_ms(), Some(9000));

    append(&log, b"next");
    let error = partition.reader(3).read(1).unwrap_err();
    assert!(matches!(error, LogError::Removed { offset: 3, start_offset: 10 }), "{error}");

    drop(log);
    let log = Log::open(dir.path(), options(1 << 20)).unwrap();
    assert_eq!((first(&log).start_offset(), first(&log).end_offset()), (10, 11));
    assert_eq!(first(&log).last_time_ms(), Some(9000), "time goes on where it was");
}
