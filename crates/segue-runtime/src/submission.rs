//! Inputs that are appended together, as the log will hold them.

use segue_core::{Input, TraceContext};

/// Inputs to be submitted together, which belong to one trace, if to any. Each is encoded when it
/// is added, so that none of them has to be kept until the last has come.
#[derive(Debug, Default)]
pub struct Submission {
    trace: Option<TraceContext>,
    /// The inputs, one behind the other.
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    /// Index of the first that only the runtime itself appends.
    internal: Option<usize>,
}

impl Submission {
    /// No inputs yet; the activations that they will cause continue the trace.
    #[must_use]
    pub fn new(trace: Option<TraceContext>) -> Submission {
        Submission { trace, ..Submission::default() }
    }

    /// These inputs, of no trace.
    #[must_use]
    pub fn of(inputs: &[Input]) -> Submission {
        let mut submission = Submission::default();
        inputs.iter().for_each(|input| submission.push(input));
        submission
    }

    /// Adds an input, after those that are there.
    pub fn push(&mut self, input: &Input) {
        let internal =
            matches!(input, Input::Tick | Input::Define(_) | Input::Remove(..) | Input::Advance(_));
        if internal {
            self.internal.get_or_insert(self.ends.len());
        }
        input.encode_onto(&mut self.bytes, self.trace);
        self.ends.push(self.bytes.len());
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Index of the first that only the runtime itself appends.
    pub(crate) fn internal(&self) -> Option<usize> {
        self.internal
    }

    /// The records of the log.
    pub(crate) fn payloads(&self) -> Vec<&[u8]> {
        let mut start = 0;
        let payload = |end: &usize| self.bytes.get(std::mem::replace(&mut start, *end)..*end);
        self.ends.iter().filter_map(payload).collect()
    }
}
