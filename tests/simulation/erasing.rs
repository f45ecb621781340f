//! What erasing may change on the disk, and what it must: records that are about those who were
//! erased, and nothing else.

use std::collections::BTreeMap;

use segue_core::Input;
use segue_log::{Log, LogRecord};

use crate::process::Process;
use crate::reference::all_records;

/// Every record of every log.
pub(crate) struct Records(BTreeMap<(String, u16), Vec<LogRecord>>);

/// No hub is called so.
const INPUT: &str = ":input";

impl Records {
    pub(crate) fn of(process: &Process) -> Records {
        let mut logs: Vec<(String, Log)> = vec![(INPUT.to_owned(), process.steps.input().clone())];
        let hubs = process.hub.event_hubs().into_iter();
        logs.extend(hubs.map(|hub| (hub.name().to_owned(), hub.log().clone())));
        let records = |(name, log): (String, Log)| {
            let count = log.partition_count();
            let partition = move |number| ((name.clone(), number), all_records(&log, number));
            (0..count).map(partition).collect::<Vec<_>>()
        };
        Records(logs.into_iter().flat_map(records).collect())
    }

    /// Panics unless these are the same but for records that were erased since: each erasure that
    /// was asked for among them, and, if anybody was erased whom the state knew, inputs of hers.
    pub(crate) fn check_erased(&self, before: &Records) {
        let mut erased = 0;
        for (log, records) in &self.0 {
            let known = &before.0[log];
            assert_eq!(records.len(), known.len(), "{log:?}");
            for (record, known) in records.iter().zip(known) {
                let place = (record.offset, record.time_ms);
                assert_eq!(place, (known.offset, known.time_ms), "{log:?}");
                assert!(record.is_erased || record == known, "{log:?}, record {}", record.offset);
                erased += u64::from(record.is_erased);
            }
        }
        let mut asked = 0;
        for (now, before) in self.inputs().zip(before.inputs()) {
            if let Input::Forget(_) = Input::decode(&before.payload).unwrap() {
                assert!(now.is_erased, "the erasure at {} still names somebody", now.offset);
                asked += 1;
            }
        }
        assert!(erased >= asked);
    }

    fn inputs(&self) -> impl Iterator<Item = &LogRecord> {
        self.0[&(INPUT.to_owned(), 0)].iter()
    }
}
