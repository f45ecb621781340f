//! Driving one batch until it is done with: attempts, retries, dead letters.
//!
//! ```text
//!            ┌──────────── pause ◀── may try again ──┐
//!            ▼                                       │
//!   pending ─▶ invoke ─▶ send outputs ─▶ all done?  no: count the attempt, durably
//!                                         │ yes      │ was the last one
//!                                         ▼          ▼
//!                                    checkpoint ◀─ dead letters, durably
//! ```
//!
//! What counts: an attempt that the function failed (it threw, timed out or named failed events)
//! counts against its retry policy; one that ended with the worker counts against
//! [`MAX_WORKER_LOSSES`], and only for the invocation that ended it. An attempt that the host's
//! own end interrupted does not count.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::backoff::Stopped;
use crate::checkpoint::{Attempts, Redrive};
use crate::dead_letters::{Circumstances, DeadLetterReason};
use crate::hub::{HubEvent, Position};
use crate::listener::hub_backoff;
use crate::observer::{FunctionEvent, Run, RunOutcome};
use crate::output::InvocationResponse;
use crate::partition::{PartitionLoop, store_backoff};
use crate::payload::trigger_input;
use crate::spans;
use crate::trigger_metadata::{PartitionContext, trigger_metadata};
use crate::worker::{ErrorDetails, InputData, Invocation, InvokeError, RetryContext, TraceContext};

/// After taking this many workers down, a batch is not tried again.
const MAX_WORKER_LOSSES: u32 = 3;

/// One invocation that has ended.
struct Attempt {
    invocation_id: String,
    logs: Vec<String>,
    failure: Option<Failure>,
}

/// Why an attempt did not do all of its events.
struct Failure {
    /// Sequence numbers of the events that are not done.
    failed: BTreeSet<i64>,
    error: ErrorDetails,
    reason: DeadLetterReason,
    /// False for bystanders: the worker ended because of somebody else.
    counts: bool,
}

impl Failure {
    fn of_all(events: &[HubEvent], reason: DeadLetterReason, error: ErrorDetails) -> Failure {
        let failed = events.iter().map(|event| event.position.sequence_number).collect();
        Failure { failed, error, reason, counts: true }
    }
}

impl PartitionLoop {
    /// Drives `events` until each has succeeded or is a dead letter. `end` is the last event that
    /// the batch reaches to, done ones included.
    pub(crate) async fn drive(
        &mut self,
        events: Vec<HubEvent>,
        end: &Position,
        mut attempts: Attempts,
    ) -> Result<(), Stopped> {
        let mut pending = events;
        let mut last_error = None;
        while !pending.is_empty() {
            let attempt = self.attempt(&pending, &attempts, last_error.take()).await?;
            let Some(failure) = attempt.failure else { return Ok(()) };
            pending.retain(|event| failure.failed.contains(&event.position.sequence_number));
            if failure.counts {
                attempts.count(&attempt.invocation_id, failure.reason);
                self.remember(&pending, end, &attempts);
                self.save().await?;
                let Some(pause) = self.pause_before_retry(&attempts, failure.reason) else {
                    return self.give_up(&pending, &attempts, failure, &attempt.logs).await;
                };
                self.announce_retry(pending.len(), &attempts, pause);
                self.around.stop.pause(pause).await?;
            }
            last_error = Some(failure.error);
        }
        Ok(())
    }

    /// One invocation, from the call to what came of it.
    async fn attempt(
        &self,
        events: &[HubEvent],
        attempts: &Attempts,
        last_error: Option<ErrorDetails>,
    ) -> Result<Attempt, Stopped> {
        let run = self.describe_run(events, attempts.next());
        let span = spans::begin(&self.around.tracer, &self.listener, &run, events);
        let trace_context = spans::continued(span.as_ref(), events);
        let invocation = self.invocation(events, &run, attempts, last_error, trace_context);
        let observer = &self.around.observer;
        observer.observe(&FunctionEvent::RunStarted(run.clone()));
        let started = Instant::now();
        let reply = self.around.runtime.invoke(&invocation, self.listener.timeout).await;
        let failure = self.judge(reply.result, events).await?;
        let outcome = outcome(failure.as_ref(), events.len());
        if let Some(span) = span {
            spans::end(&self.around.tracer, span, &outcome);
        }
        let duration = started.elapsed();
        observer.observe(&FunctionEvent::RunFinished { run, duration, outcome });
        Ok(Attempt { invocation_id: invocation.invocation_id, logs: reply.logs, failure })
    }

    async fn judge(
        &self,
        result: Result<InvocationResponse, InvokeError>,
        events: &[HubEvent],
    ) -> Result<Option<Failure>, Stopped> {
        let failure = match result {
            Ok(response) => return self.take_response(&response, events).await,
            Err(InvokeError::Handler(error)) => {
                Failure::of_all(events, DeadLetterReason::Failed, error)
            }
            Err(InvokeError::TimedOut(limit)) => {
                let error = ErrorDetails::new(format!("it ran longer than {limit:?}"));
                Failure::of_all(events, DeadLetterReason::TimedOut, error)
            }
            // The host ended it, for no fault of the function.
            Err(InvokeError::WorkerLost { .. }) if self.around.stop.is_given() => {
                return Err(Stopped);
            }
            Err(InvokeError::WorkerLost { reason, blamed }) => {
                let error = ErrorDetails::new(format!("the worker ended: {reason}"));
                let failure = Failure::of_all(events, DeadLetterReason::WorkerLost, error);
                Failure { counts: blamed, ..failure }
            }
        };
        Ok(Some(failure))
    }

    /// Sends the outputs, and finds the events that the function reports as failed.
    async fn take_response(
        &self,
        response: &InvocationResponse,
        events: &[HubEvent],
    ) -> Result<Option<Failure>, Stopped> {
        let listener = &self.listener;
        let failed = |error: ErrorDetails| {
            Ok(Some(Failure::of_all(events, DeadLetterReason::Failed, error)))
        };
        for (output, bodies) in response.events_for(&listener.spec) {
            let Some(hub) = listener.outputs.get(output) else { continue };
            let mut backoff = hub_backoff();
            while let Err(error) = self.around.hubs.send(hub, bodies.clone()).await {
                if !error.retryable {
                    let message = format!("output {output} to {hub}: {}", error.message);
                    return failed(ErrorDetails::new(message));
                }
                listener.wait_for_hub(&self.around, hub, error, &mut backoff).await?;
            }
        }
        if self.around.azure_semantics {
            return Ok(None);
        }
        match response.failed_events(&listener.spec, events) {
            Ok(named) if named.is_empty() => Ok(None),
            Ok(named) => {
                let error = ErrorDetails::new("the function reported the event as failed");
                let failure = Failure::of_all(events, DeadLetterReason::Failed, error);
                Ok(Some(Failure { failed: named, ..failure }))
            }
            Err(message) => failed(ErrorDetails::new(message)),
        }
    }

    fn describe_run(&self, events: &[HubEvent], attempt: u32) -> Run {
        let number = |event: Option<&HubEvent>| event.map_or(0, |e| e.position.sequence_number);
        Run {
            function: self.listener.spec.name.clone(),
            invocation_id: uuid::Uuid::new_v4().to_string(),
            event_hub: self.listener.hub.to_string(),
            partition: self.partition.clone(),
            first_sequence_number: number(events.first()),
            last_sequence_number: number(events.last()),
            events: events.len(),
            attempt,
        }
    }

    fn invocation(
        &self,
        events: &[HubEvent],
        run: &Run,
        attempts: &Attempts,
        last_error: Option<ErrorDetails>,
        trace_context: TraceContext,
    ) -> Invocation {
        let listener = &self.listener;
        let source = PartitionContext {
            hub: &listener.hub,
            consumer_group: &listener.trigger.consumer_group,
            partition: &self.partition,
        };
        let max_retries = listener.retry.as_ref().map(|retry| retry.max_retries);
        Invocation {
            function_id: listener.spec.function_id.clone(),
            invocation_id: run.invocation_id.clone(),
            input_data: vec![InputData {
                name: listener.trigger.binding.clone(),
                data: trigger_input(&listener.trigger, events),
            }],
            trigger_metadata: trigger_metadata(listener.trigger.cardinality, &source, events),
            trace_context,
            retry_context: (attempts.next() > 1).then(|| RetryContext {
                retry_count: attempts.next() - 1,
                max_retry_count: max_retries.map_or(0, |most| most.map_or(-1, i64::from)),
                exception: last_error.unwrap_or_default(),
            }),
        }
    }

    /// What is still to do, and what has been tried; of an older batch, also what lies behind
    /// these events.
    fn remember(&mut self, pending: &[HubEvent], end: &Position, attempts: &Attempts) {
        let older = self.progress.redrive.take().unwrap_or_default();
        let behind = older.pending.into_iter().filter(|number| *number > end.sequence_number);
        let pending = pending.iter().map(|event| event.position.sequence_number);
        self.progress.redrive = Some(Redrive {
            through: older.through.max(end.sequence_number),
            pending: pending.chain(behind).collect(),
            attempts: attempts.clone(),
        });
    }

    /// `None` when there is to be no other attempt.
    fn pause_before_retry(
        &self,
        attempts: &Attempts,
        reason: DeadLetterReason,
    ) -> Option<Duration> {
        match reason {
            // The next worker comes after a pause of its own.
            DeadLetterReason::WorkerLost => {
                (attempts.crashes < MAX_WORKER_LOSSES).then_some(Duration::ZERO)
            }
            DeadLetterReason::Failed | DeadLetterReason::TimedOut => {
                self.listener.retry.as_ref()?.delay_after(attempts.failures, jitter())
            }
        }
    }

    fn announce_retry(&self, events: usize, attempts: &Attempts, retry_in: Duration) {
        self.around.observer.observe(&FunctionEvent::Retrying {
            function: self.listener.spec.name.clone(),
            partition: self.partition.clone(),
            events,
            attempt: attempts.next(),
            retry_in,
        });
    }

    /// The events are kept as dead letters, or passed over when Azure's semantics are asked for.
    async fn give_up(
        &self,
        events: &[HubEvent],
        attempts: &Attempts,
        failure: Failure,
        logs: &[String],
    ) -> Result<(), Stopped> {
        let function = self.listener.spec.name.clone();
        let partition = self.partition.clone();
        let sequence_numbers = events.iter().map(|event| event.position.sequence_number).collect();
        let error = failure.error.to_string();
        let observer = &self.around.observer;
        if self.around.azure_semantics {
            let event = FunctionEvent::Dropped { function, partition, sequence_numbers, error };
            observer.observe(&event);
            return Ok(());
        }
        let circumstances = Circumstances {
            function: &function,
            hub: &self.listener.hub,
            consumer_group: &self.listener.trigger.consumer_group,
            partition: &partition,
            attempts: attempts.next().saturating_sub(1),
            reason: failure.reason,
            error: error.clone(),
            invocation_ids: &attempts.invocation_ids,
            logs,
        };
        let letters: Vec<_> = events.iter().map(|event| circumstances.letter(event)).collect();
        let mut backoff = store_backoff();
        while let Err(error) = self.around.dead_letters.append(&letters).await {
            let message = format!("a dead letter of {function}: {error}");
            self.wait_for_store(message, &mut backoff).await?;
        }
        let event = FunctionEvent::DeadLettered { function, partition, sequence_numbers, error };
        observer.observe(&event);
        Ok(())
    }
}

impl Attempts {
    fn count(&mut self, invocation_id: &str, reason: DeadLetterReason) {
        self.remember(invocation_id);
        match reason {
            DeadLetterReason::WorkerLost => self.crashes = self.crashes.saturating_add(1),
            DeadLetterReason::Failed | DeadLetterReason::TimedOut => {
                self.failures = self.failures.saturating_add(1);
            }
        }
    }
}

fn outcome(failure: Option<&Failure>, events: usize) -> RunOutcome {
    match failure {
        None => RunOutcome::Succeeded,
        Some(failure) if failure.failed.len() < events => {
            RunOutcome::PartlyFailed { sequence_numbers: failure.failed.iter().copied().collect() }
        }
        Some(failure) => RunOutcome::Failed { error: failure.error.to_string() },
    }
}

/// Evenly spread within 0..1.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}
