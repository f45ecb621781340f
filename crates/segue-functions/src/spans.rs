//! What is recorded of function runs, by OpenTelemetry's conventions for messaging.
//!
//! | A run of | is a part of | and is linked to |
//! |---|---|---|
//! | one event | the span that wrote the event | the same |
//! | several | a trace of its own | the span that wrote each of them |
//!
//! A run is recorded when one of its events belongs to a trace that is. The function continues the
//! span of its run, or, when there is none, the trace of its only event.

use segue_core::{ActivationId, TraceContext};
use segue_telemetry::{Span, SpanKind, Tracer};

use crate::hub::HubEvent;
use crate::listener::Listener;
use crate::observer::{Run, RunOutcome};
use crate::worker;

/// Begins the span of a run, if it is to be recorded.
pub(crate) fn begin(
    tracer: &Tracer,
    listener: &Listener,
    run: &Run,
    events: &[HubEvent],
) -> Option<Span> {
    if !tracer.is_on() {
        return None;
    }
    let causes: Vec<TraceContext> = events.iter().filter_map(cause_of).collect();
    let name = format!("process {}", run.function);
    let span = match causes.as_slice() {
        [cause] if events.len() == 1 => {
            let span = tracer.begin_in(Some(*cause), name, SpanKind::Consumer)?;
            Span { links: causes, ..span }
        }
        _ => tracer
            .begin_linked(&causes, name, SpanKind::Consumer)?
            .with("segue.last_sequence_number", run.last_sequence_number)
            .with("messaging.batch.message_count", events.len()),
    };
    let span = span
        .with("messaging.system", "eventhubs")
        .with("messaging.operation.type", "process")
        .with("messaging.destination.name", listener.hub.event_hub.as_str())
        .with("messaging.destination.partition.id", run.partition.as_str())
        .with("messaging.consumer.group.name", listener.trigger.consumer_group.as_str())
        .with("faas.invocation_id", run.invocation_id.as_str())
        .with("segue.function", run.function.as_str())
        .with("segue.sequence_number", run.first_sequence_number)
        .with("segue.attempt", u64::from(run.attempt));
    Some(span)
}

/// Records the span of a run that has ended.
pub(crate) fn end(tracer: &Tracer, span: Span, outcome: &RunOutcome) {
    let (word, error) = match outcome {
        RunOutcome::Succeeded => ("succeeded", None),
        RunOutcome::PartlyFailed { .. } => ("partlyFailed", Some(outcome.to_string())),
        RunOutcome::Failed { error } => {
            ("failed", Some(error.lines().next().unwrap_or_default().to_owned()))
        }
    };
    let mut span = span.with("segue.outcome", word);
    span.error = error;
    tracer.end(span);
}

/// What a function continues.
pub(crate) fn continued(run: Option<&Span>, events: &[HubEvent]) -> worker::TraceContext {
    let own = |name: &str| match events {
        [event] => text(event, name).unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    worker::TraceContext {
        trace_parent: run.map_or_else(|| own("traceparent"), |run| run.context.to_string()),
        trace_state: own("tracestate"),
        ..worker::TraceContext::default()
    }
}

/// The span that wrote an event, if it is recorded. Where nothing that is traced caused a message,
/// Segue has it begin a trace of its own, of which nobody has asked for anything.
fn cause_of(event: &HubEvent) -> Option<TraceContext> {
    let context = TraceContext::parse(text(event, "traceparent")?)?;
    let message: Option<ActivationId> =
        text(event, "segue-activation-id").and_then(|id| id.parse().ok());
    let is_own = message.is_some_and(|message| context.is_begun_by(message));
    (context.is_sampled && !is_own).then_some(context)
}

fn text<'a>(event: &'a HubEvent, property: &str) -> Option<&'a str> {
    event.properties.get(property)?.as_str()
}
