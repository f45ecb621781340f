//! A run: warming up, measuring second by second, and counting what has arrived in the end.

use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::ProgressBar;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until, timeout_at};

use super::{
    Activations, BenchUsage, Ceilings, DeadDestination, Figures, Listener, Pace, Second, Sender,
    Subject, Totals, Usage, Worker, milliseconds,
};
use crate::terminal;

/// How long nothing must arrive for the hub to count as quiet.
const QUIET: Duration = Duration::from_secs(2);

/// How often that is looked for.
const QUIET_LOOKS_MAX: usize = 5;

/// How often activations are counted until none is on its way, and how long is waited in between.
const COUNTS_MAX: usize = 300;
const COUNT_AGAIN: Duration = Duration::from_millis(100);

/// How requests are sent, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) pace: Pace,
    pub(crate) connections: usize,
    /// What does not count.
    pub(crate) warm_up: Duration,
    /// What is measured.
    pub(crate) time: Duration,
}

/// All that takes part in a run.
pub(crate) struct Cast {
    pub(crate) subject: Subject,
    pub(crate) sender: Sender,
    pub(crate) sender_thread: Worker,
    pub(crate) listener: Listener,
    pub(crate) dead: Option<DeadDestination>,
    pub(crate) spinner: ProgressBar,
}

/// A run that is measured.
pub(crate) struct Run {
    cast: Cast,
    plan: Plan,
    /// Sends, and returns how many events of the pace were never sent.
    sending: JoinHandle<anyhow::Result<u64>>,
    /// What it has returned.
    never_sent: Option<u64>,
    start: Look,
    seconds: Vec<Second>,
    totals: Totals,
}

impl Run {
    /// Begins to send, and returns when it is warm.
    pub(crate) async fn begin(cast: Cast, plan: Plan) -> anyhow::Result<Run> {
        let start = Instant::now();
        let warm = start + plan.warm_up;
        let sender = cast.sender.clone();
        let sending = sender.run(plan.connections, plan.pace, start, warm + plan.time);
        let sending = cast.sender_thread.spawn(sending);
        cast.spinner.set_message("warming up");
        sleep_until(warm.into()).await;
        drop((cast.sender.sending.take_latencies(), cast.listener.take_latencies()));
        let start = cast.look();
        let note = format!("measuring for {} s; Ctrl-C ends it early", plan.time.as_secs());
        cast.spinner.suspend(|| terminal::note(note));
        let (seconds, totals) = (Vec::new(), Totals::default());
        Ok(Run { cast, plan, sending, never_sent: None, start, seconds, totals })
    }

    /// Looks once a second until it is time, and shows what it sees. It may be cancelled.
    ///
    /// # Errors
    /// Sending failed.
    pub(crate) async fn watch(&mut self) -> anyhow::Result<()> {
        let mut before = self.start;
        while self.start.at.elapsed() < self.plan.time {
            self.wait_until(Instant::now() + Duration::from_secs(1)).await?;
            let now = self.cast.look();
            let to_hub = self.cast.listener.take_latencies();
            let took = now.at.duration_since(before.at).as_secs_f64();
            let per_second = |now: u64, before: u64| (now - before) as f64 / took;
            let second = Second {
                at: self.start.at.elapsed().as_secs_f64(),
                events_per_second: per_second(now.events, before.events),
                messages_per_second: per_second(now.messages, before.messages),
                p50_ms: milliseconds(&to_hub, 0.5),
                p99_ms: milliseconds(&to_hub, 0.99),
                cpus: now.server.since(before.server).cpu_seconds / took,
                memory_bytes: now.server.memory_bytes,
            };
            self.cast.spinner.set_message(second.in_words());
            self.seconds.push(second);
            self.totals.to_hub.add(to_hub)?;
            self.totals.to_answer.add(self.cast.sender.sending.take_latencies())?;
            before = now;
        }
        Ok(())
    }

    /// Waits until a moment, or until sending fails.
    async fn wait_until(&mut self, moment: Instant) -> anyhow::Result<()> {
        if self.never_sent.is_none()
            && let Ok(ended) = timeout_at(moment.into(), &mut self.sending).await
        {
            self.never_sent = Some(ended??);
        }
        sleep_until(moment.into()).await;
        Ok(())
    }

    /// Sends nothing more.
    pub(crate) fn end_early(&mut self) {
        self.cast.sender.sending.end_early();
        self.totals.ended_early = true;
    }

    /// Waits for what was sent to arrive, counts it, and ends the server.
    pub(crate) async fn finish(
        mut self,
        settings: Value,
        ceilings: Ceilings,
    ) -> anyhow::Result<Figures> {
        let never_sent = match self.never_sent {
            Some(never_sent) => never_sent,
            None => (&mut self.sending).await??,
        };
        let end = self.cast.look();
        let totals = &mut self.totals;
        totals.events_never_sent = never_sent;
        totals.seconds = end.at.duration_since(self.start.at).as_secs_f64();
        totals.events = end.events - self.start.events;
        self.wait_until_quiet().await?;
        let Run { cast, plan, start, seconds, mut totals, .. } = self;
        let quiet = cast.look();
        totals.messages = quiet.messages - start.messages;
        totals.server = quiet.server.since(start.server);
        totals.bench = quiet.bench.since(start.bench);
        totals.disk_bytes = cast.subject.disk_bytes();
        totals.refused_busy = cast.sender.sending.refused_busy();
        totals.activations = cast.count_activations().await?;
        cast.spinner.finish_and_clear();
        let revival = match cast.dead {
            Some(dead) => {
                let backlog = cast.subject.activations_for(DeadDestination::ID).await?;
                let expected = cast.listener.arrivals().context("nothing was noted")?;
                Some(dead.revive(backlog, &expected).await?)
            }
            None => None,
        };
        cast.subject.stop().await?;
        Ok(Figures { settings, pace: plan.pace, totals, ceilings, seconds, revival })
    }

    /// Waits until everything that was sent has reached the hub.
    async fn wait_until_quiet(&mut self) -> anyhow::Result<()> {
        let Cast { listener, spinner, sender, .. } = &self.cast;
        spinner.set_message("waiting for the last messages");
        let mut messages = u64::MAX;
        // Windows may close for as long as anybody waits.
        for _ in 0..QUIET_LOOKS_MAX {
            if messages == listener.messages() {
                break;
            }
            messages = listener.messages();
            sleep(QUIET).await;
        }
        self.totals.to_hub.add(listener.take_latencies())?;
        self.totals.to_answer.add(sender.sending.take_latencies())?;
        Ok(())
    }
}

impl Cast {
    /// Counts activations where they are made and where they arrive. Windows close all the time, so
    /// it looks again until none is on its way.
    async fn count_activations(&self) -> anyhow::Result<Activations> {
        let mut made = 0;
        for _ in 0..COUNTS_MAX {
            made = self.activations_made().await?;
            if made == self.listener.messages() {
                let counted = Activations { made, ..self.listener.count() };
                if counted.are_complete() {
                    return Ok(counted);
                }
            }
            sleep(COUNT_AGAIN).await;
        }
        Ok(Activations { made, ..self.listener.count() })
    }

    /// Activations for the hub.
    async fn activations_made(&self) -> anyhow::Result<u64> {
        let made = self.subject.activations().await?;
        let for_dead = match &self.dead {
            Some(_) => self.subject.activations_for(DeadDestination::ID).await?,
            None => 0,
        };
        Ok(made.saturating_sub(for_dead))
    }

    fn look(&self) -> Look {
        Look {
            at: Instant::now(),
            events: self.sender.sending.acknowledged(),
            messages: self.listener.messages(),
            server: self.subject.usage(),
            bench: BenchUsage {
                all: Usage::of_process(std::process::id()),
                sender_cpu_seconds: self.sender_thread.cpu_seconds(),
                reader_cpu_seconds: self.listener.cpu_seconds(),
            },
        }
    }
}

/// What there is at one moment.
#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    events: u64,
    messages: u64,
    server: Usage,
    bench: BenchUsage,
}
