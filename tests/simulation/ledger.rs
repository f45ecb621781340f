//! What the senders were told, held against what is in the input log.

use std::collections::BTreeMap;

use segue_core::Input;
use segue_log::{LogError, LogRecord};
use segue_runtime::RuntimeError;

/// How a sender's request ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// Everything is in the log, from this position on.
    Accepted(u64),
    /// Nothing is, and never will be.
    Refused,
    /// The process died before it answered, or could not tell.
    Unknown,
}

impl Answer {
    pub(crate) fn of_error(error: &RuntimeError) -> Answer {
        match error {
            RuntimeError::Log(LogError::Unknown { .. }) => Answer::Unknown,
            _ => Answer::Refused,
        }
    }
}

/// Every input that was ever sent.
#[derive(Default)]
pub(crate) struct Ledger {
    /// How often each may be in the log, at least and at most.
    sent: BTreeMap<Vec<u8>, (u64, u64)>,
    accepted: BTreeMap<u64, Vec<u8>>,
    pub(crate) totals: Totals,
}

/// How many inputs ended how.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Totals {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
}

impl Ledger {
    pub(crate) fn note(&mut self, inputs: &[Input], answer: Answer) {
        for (input, index) in inputs.iter().zip(0..) {
            let bytes = input.encode();
            let (least, most) = self.sent.entry(bytes.clone()).or_default();
            match answer {
                Answer::Accepted(first_position) => {
                    (*least, *most) = (*least + 1, *most + 1);
                    let before = self.accepted.insert(first_position + index, bytes);
                    assert_eq!(before, None, "two inputs got position {}", first_position + index);
                    self.totals.accepted += 1;
                }
                Answer::Refused => self.totals.refused += 1,
                Answer::Unknown => {
                    *most += 1;
                    self.totals.unknown += 1;
                }
            }
        }
    }

    /// Panics unless every accepted input is where its sender was told, and no refused one is
    /// anywhere.
    pub(crate) fn check(&self, log: &[LogRecord]) {
        for (position, bytes) in &self.accepted {
            let there = log.get(*position as usize).map(|record| &record.payload);
            let shown = Input::decode(bytes).unwrap();
            assert_eq!(there, Some(bytes), "input {position} was accepted and is lost: {shown:?}");
        }
        let mut found: BTreeMap<&[u8], u64> = BTreeMap::new();
        for record in log {
            *found.entry(&record.payload).or_default() += 1;
        }
        for (bytes, times) in found {
            let input = Input::decode(bytes).unwrap();
            if matches!(input, Input::Tick | Input::Advance(_)) {
                continue;
            }
            let (least, most) = self.sent.get(bytes).copied().unwrap_or_default();
            assert!(
                (least..=most).contains(&times),
                "it is in the log {times} times, and should be {least} to {most} times: {input:?}"
            );
        }
    }
}
