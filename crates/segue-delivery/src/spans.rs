//! What is recorded of attempts to deliver: for each trace in a batch one span, under the first of
//! its messages and linked to all of them.

use std::sync::Arc;

use segue_core::TraceContext;
use segue_telemetry::{Span, SpanKind, Tracer};

use crate::message::activation_id;
use crate::sender::{OutboundMessage, Sent, Verdict};

/// The spans of one attempt.
pub(crate) struct AttemptSpans(Vec<Span>);

impl AttemptSpans {
    /// Begins them, where messages belong to traces that are recorded.
    pub(crate) fn begin(
        tracer: &Tracer,
        destination: &str,
        batch: &[OutboundMessage],
    ) -> AttemptSpans {
        let mut spans: Vec<Span> = Vec::new();
        if tracer.is_on() {
            for message in batch.iter().filter_map(cause_of) {
                match spans.iter_mut().find(|span| span.context.trace == message.trace) {
                    Some(span) => span.links.push(message),
                    None => {
                        let name = format!("deliver {destination}");
                        let span = tracer.begin_in(Some(message), name, SpanKind::Client);
                        spans.extend(span.map(|span| {
                            let mut span = span
                                .with("segue.destination", destination)
                                .with("messaging.batch.message_count", batch.len());
                            span.links.push(message);
                            span
                        }));
                    }
                }
            }
        }
        AttemptSpans(spans)
    }

    /// Records them, with what the destination said.
    pub(crate) fn end(self, tracer: &Tracer, sent: &Sent) {
        let error: Option<Arc<str>> = match sent {
            Err(error) => Some(error.to_string().into()),
            Ok(verdicts) => verdicts.iter().find_map(|verdict| match verdict {
                Verdict::Taken => None,
                Verdict::Refused(error) | Verdict::Later(error) => Some(error.as_str().into()),
            }),
        };
        for mut span in self.0 {
            span.error = error.as_deref().map(str::to_owned);
            tracer.end(span);
        }
    }
}

/// A message's place in the trace of what caused it; `None` where nothing has one, and the message
/// has begun a trace of its own, which nobody records here.
fn cause_of(message: &OutboundMessage) -> Option<TraceContext> {
    let property = message.properties.iter().find(|(name, _)| name == "traceparent");
    let context = property.and_then(|(_, value)| TraceContext::parse(value))?;
    let own = activation_id(&message.stored).map(|id| id.as_u128());
    Some(context).filter(|context| context.is_sampled && Some(context.trace) != own)
}
