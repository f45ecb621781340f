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
    let is_own = activation_id(&message.stored).is_some_and(|id| context.is_begun_by(id));
    (context.is_sampled && !is_own).then_some(context)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use segue_core::{Activation, ActivationId, ProfileId};
    use segue_telemetry::MemorySink;
    use segue_xdm::Timestamp;

    use super::*;
    use crate::message::encode;

    fn message(trace: u128, span: u64, is_sampled: bool) -> OutboundMessage {
        let place = TraceContext { trace, span, is_sampled }.to_string();
        OutboundMessage {
            offset: 0,
            stored: Bytes::new(),
            at: Timestamp::from_millis(0),
            profile: "p".to_owned(),
            properties: vec![("traceparent".to_owned(), place)],
            payload: Bytes::new(),
        }
    }

    #[test]
    fn a_batch_has_a_span_for_each_trace_linked_to_its_messages() {
        let sink = MemorySink::default();
        let tracer = Tracer::new(Box::new(sink.clone()), 0.0);
        let batch = [
            message(1, 10, true),
            message(2, 20, true),
            message(1, 11, true),
            message(3, 30, false),
        ];
        let sent: Sent = Ok(vec![Verdict::Taken, Verdict::Later("busy".to_owned())]);
        AttemptSpans::begin(&tracer, "crm", &batch).end(&tracer, &sent);
        let spans = sink.spans();
        let shown: Vec<_> = spans
            .iter()
            .map(|span| {
                let links: Vec<u64> = span.links.iter().map(|link| link.span).collect();
                (span.context.trace, span.parent, links, span.error.as_deref())
            })
            .collect();
        let busy = Some("busy");
        let expected = [(1, Some(10), vec![10, 11], busy), (2, Some(20), vec![20], busy)];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_message_that_nothing_traced_caused_is_not_recorded() {
        let stored = Bytes::from(encode(&Activation {
            id: ActivationId::from_u128(7),
            destination: "crm".to_owned(),
            profile: ProfileId::from_u128(1),
            at: Timestamp::from_millis(0),
            body: Vec::new(),
            reasons: Vec::new(),
            changes: Vec::new(),
            cause: "timer".to_owned(),
            definition_version: 1,
            trace: None,
        }));
        let own = OutboundMessage { stored, ..message(7, 7, true) };
        assert_eq!(cause_of(&own), None);
        assert!(cause_of(&OutboundMessage { stored: Bytes::new(), ..own }).is_some());
    }
}
