//! The traces of inputs on their way through the engine: an activation continues the trace of the
//! input that caused it, and what is recorded of both.

use segue_core::{Activation, Input, TraceContext};
use segue_telemetry::{Span, SpanKind, Tracer};

/// The trace of one input, and what its activations name as their cause.
pub(crate) struct InputTrace {
    context: TraceContext,
    cause: String,
}

impl InputTrace {
    /// The trace of a stored input; most have none.
    pub(crate) fn of(stored: &[u8], input: &Input) -> Option<InputTrace> {
        let context = Input::trace(stored)?;
        let cause = match input {
            Input::Event(event) => event.id.clone(),
            _ => "record".to_owned(),
        };
        Some(InputTrace { context, cause })
    }

    /// Has an activation continue the trace, if this input caused it: timers that were due before
    /// it did not, and neither did definitions.
    pub(crate) fn mark(&self, activation: &mut Activation) {
        if activation.cause == self.cause {
            activation.trace = Some(self.context);
        }
    }
}

/// What is recorded of inputs that are applied together: a span a request.
#[derive(Default)]
pub(crate) struct ApplySpans(Vec<(TraceContext, Span, usize)>);

impl ApplySpans {
    /// An input is about to be applied, with others.
    pub(crate) fn begin(&mut self, tracer: &Tracer, trace: &InputTrace) {
        let context = trace.context;
        match self.0.last_mut().filter(|(last, ..)| *last == context) {
            Some((_, _, inputs)) => *inputs += 1,
            None => {
                let span = tracer.begin_in(Some(context), "apply", SpanKind::Internal);
                self.0.extend(span.map(|span| (context, span, 1)));
            }
        }
    }

    /// All were applied.
    pub(crate) fn end(self, tracer: &Tracer) {
        for (_, span, inputs) in self.0 {
            tracer.end(span.with("segue.inputs", inputs));
        }
    }
}

/// Begins the spans of activations that are about to be appended to their logs, each with the id
/// that its message names.
pub(crate) fn publish_spans<'a>(
    tracer: &Tracer,
    activations: impl Iterator<Item = &'a Activation>,
) -> Vec<Span> {
    if !tracer.is_on() {
        return Vec::new();
    }
    let begin = |activation: &Activation| {
        let (context, cause) = (activation.trace_context(), activation.trace?);
        let name = format!("publish {}", activation.destination);
        let span = tracer.begin_as(context, cause, name, SpanKind::Producer)?;
        let span = span.with("messaging.message.id", activation.id.to_string().as_str());
        Some(span.with("segue.destination", activation.destination.as_str()))
    };
    activations.filter_map(begin).collect()
}
