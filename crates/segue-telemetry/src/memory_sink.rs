//! Spans in memory, for tests that look at what was recorded.

use std::sync::{Arc, Mutex, PoisonError};

use crate::span::Span;
use crate::tracer::SpanSink;

/// Keeps all spans in memory. Clones are the same one.
#[derive(Clone, Default, Debug)]
pub struct MemorySink(Arc<Mutex<Vec<Span>>>);

impl MemorySink {
    /// The spans that have ended by now, in the order in which they did.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl SpanSink for MemorySink {
    fn take(&self, span: Span) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(span);
    }
}
