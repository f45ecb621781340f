//! Which spans are recorded, and where they go.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use segue_core::TraceContext;
use uuid::Uuid;

use crate::span::{Span, SpanKind};

/// Takes spans that have ended. It must not wait: what it has no room for, it drops.
pub trait SpanSink: Send + Sync {
    /// A span that has ended.
    fn take(&self, span: Span);
}

/// Records spans, or none. Clones are the same one.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Recording>>);

struct Recording {
    sink: Box<dyn SpanSink>,
    /// Of the requests that bring no trace, the part that begins one; out of `u64::MAX`.
    threshold: u64,
}

impl Tracer {
    /// Records what senders want recorded, and so much of the rest: 0.0 nothing, 1.0 all.
    #[must_use]
    pub fn new(sink: Box<dyn SpanSink>, ratio: f64) -> Tracer {
        let threshold = (ratio.clamp(0.0, 1.0) * u64::MAX as f64) as u64;
        Tracer(Some(Arc::new(Recording { sink, threshold })))
    }

    /// Whether anything is recorded.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins the span of a request, in its sender's trace or a new one; `None` when it is not to
    /// be recorded.
    #[must_use]
    pub fn begin_request(
        &self,
        sender: Option<TraceContext>,
        name: impl Into<Cow<'static, str>>,
    ) -> Option<Span> {
        let recording = self.0.as_ref()?;
        if sender.is_some() {
            return self.begin_in(sender, name, SpanKind::Server);
        }
        let context = new_trace();
        let chance = (context.trace >> 64) as u64;
        let is_sampled = chance <= recording.threshold && recording.threshold > 0;
        is_sampled.then(|| Span::begin(context, None, name.into(), SpanKind::Server))
    }

    /// Begins a span under another one; `None` when it is not to be recorded.
    #[must_use]
    pub fn begin_in(
        &self,
        parent: Option<TraceContext>,
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
    ) -> Option<Span> {
        let parent = parent.filter(|parent| self.is_on() && parent.is_sampled)?;
        let context = TraceContext { span: new_span_id(), ..parent };
        Some(Span::begin(context, Some(parent.span), name.into(), kind))
    }

    /// Begins a span to which others have led, in a trace of its own; `None` when none of them is
    /// recorded.
    #[must_use]
    pub fn begin_linked(
        &self,
        links: &[TraceContext],
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
    ) -> Option<Span> {
        let is_recorded = self.is_on() && links.iter().any(|link| link.is_sampled);
        is_recorded.then(|| {
            let mut span = Span::begin(new_trace(), None, name.into(), kind);
            span.links = links.to_vec();
            span
        })
    }

    /// The same as [`Tracer::begin_in`] for a span whose id is given.
    #[must_use]
    pub fn begin_as(
        &self,
        context: TraceContext,
        parent: TraceContext,
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
    ) -> Option<Span> {
        let is_recorded = self.is_on() && context.is_sampled;
        is_recorded.then(|| Span::begin(context, Some(parent.span), name.into(), kind))
    }

    /// Records a span that ends now.
    pub fn end(&self, mut span: Span) {
        span.end();
        self.record(span);
    }

    /// Records a span that has ended.
    pub fn record(&self, span: Span) {
        if let Some(recording) = &self.0 {
            recording.sink.take(span);
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Tracer(on)" } else { "Tracer(off)" })
    }
}

/// The first span of a new trace.
fn new_trace() -> TraceContext {
    TraceContext { trace: Uuid::new_v4().as_u128(), span: new_span_id(), is_sampled: true }
}

fn new_span_id() -> u64 {
    Uuid::new_v4().as_u64_pair().0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttributeValue, MemorySink};

    const SENDER: TraceContext = TraceContext { trace: 7, span: 8, is_sampled: true };

    #[test]
    fn a_sender_decides_and_of_the_rest_a_part_is_recorded() {
        let recorded = |ratio: f64, sender: Option<TraceContext>| {
            let tracer = Tracer::new(Box::new(MemorySink::default()), ratio);
            (0..1000).filter(|_| tracer.begin_request(sender, "request").is_some()).count()
        };
        assert_eq!(recorded(0.0, Some(SENDER)), 1000);
        assert_eq!(recorded(1.0, Some(TraceContext { is_sampled: false, ..SENDER })), 0);
        assert_eq!((recorded(0.0, None), recorded(1.0, None)), (0, 1000));
        assert!((300..700).contains(&recorded(0.5, None)));
        assert!(Tracer::default().begin_request(Some(SENDER), "request").is_none());
    }

    #[test]
    fn a_span_to_which_others_have_led_begins_a_trace_if_one_of_them_is_recorded() {
        let tracer = Tracer::new(Box::new(MemorySink::default()), 0.0);
        let begin = |links: &[TraceContext]| tracer.begin_linked(links, "all", SpanKind::Consumer);
        let unsampled = TraceContext { is_sampled: false, ..SENDER };
        let span = begin(&[unsampled, SENDER]).unwrap();
        assert_eq!((span.parent, &span.links[..]), (None, &[unsampled, SENDER][..]));
        assert!(span.context.is_sampled && span.context.trace != SENDER.trace);
        assert!(begin(&[unsampled]).is_none() && begin(&[]).is_none());
        assert!(Tracer::default().begin_linked(&[SENDER], "all", SpanKind::Consumer).is_none());
    }

    #[test]
    fn spans_of_a_trace_hang_together() {
        let sink = MemorySink::default();
        let tracer = Tracer::new(Box::new(sink.clone()), 0.0);
        let request = tracer.begin_request(Some(SENDER), "request").unwrap();
        let part = tracer.begin_in(Some(request.context), "part", SpanKind::Internal).unwrap();
        assert_eq!((request.context.trace, request.parent), (SENDER.trace, Some(SENDER.span)));
        assert_eq!((part.context.trace, part.parent), (7, Some(request.context.span)));
        assert_ne!(part.context.span, request.context.span);
        tracer.end(part.with("messages", 3_u64));
        let spans = sink.spans();
        assert_eq!(spans[0].attributes, [("messages", AttributeValue::Number(3))]);
        assert!(spans[0].end >= spans[0].start);
    }
}
