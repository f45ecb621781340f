//! `segue bench`: what this machine bears.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use indicatif::ProgressBar;
use segue_amqp::sas::ConnectionString;
use segue_load::audience::{Touched, audiences};
use serde_json::{Value, json};

use crate::api::Client;
use crate::bench::{
    Activations, Batches, Ceilings, DeadDestination, Figures, HUB, Listener, Load, Pace, Second,
    Sender, Sending, SentTimes, Subject, Totals, Usage, draw, milliseconds, publish, table,
};
use crate::terminal::{self, Format};

/// How long nothing must arrive for the hub to count as quiet.
const QUIET: Duration = Duration::from_secs(2);

/// How often that is looked for.
const QUIET_LOOKS_MAX: usize = 5;

/// How often activations are counted until none is on its way, and how long is waited in between.
const COUNTS_MAX: usize = 300;
const COUNT_AGAIN: Duration = Duration::from_millis(100);

/// Measure what this machine bears: rate, latency to the hub, CPU, memory and disk
#[derive(Args, Debug)]
#[command(after_help = "\
Starts a server of its own in a directory of its own, sends a web shop's events from a seed, and
reads the hub as a consumer would. With --rate it sends at that rate whatever the answers, and
what is late counts from when it was due; without, as fast as answered.

With --dead-destination the same audiences are also mapped to a second destination, which refuses
every connection. It comes to life when all else is measured, and its backlog must arrive complete
and in order. Run it with and without, at one --rate, to see what that costs the other one.

Examples:
  segue bench
  segue bench --rate 10000 --seconds 60
  segue bench --visitors 1000000 --audiences 500 --batch 100
  segue bench --report report.json --picture report.svg")]
pub(crate) struct Bench {
    /// Seconds to measure
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Seconds before, which do not count
    #[arg(long, default_value_t = 5)]
    warm_up: u64,
    /// Events a second; as fast as they are answered when left out
    #[arg(long)]
    rate: Option<f64>,
    /// Events in one request
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
    batch: u32,
    /// Connections that send
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// Persons who may come, by a Zipf law
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    profiles: u32,
    /// Profiles that are there before: visitors who came once
    #[arg(long, default_value_t = 0)]
    visitors: u64,
    /// Audiences
    #[arg(long, default_value_t = 500)]
    audiences: usize,
    /// Audiences that the events can concern; the others look for what never comes
    #[arg(long, default_value_t = 100)]
    touched: usize,
    /// Have a second destination that is dead until everything is measured
    #[arg(long)]
    dead_destination: bool,
    /// What events and audiences are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep the server's data in this directory, which must be empty
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Draw the run as SVG
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// How to print the figures
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

impl Bench {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let kept = self.data.clone();
        let temporary = tempfile::tempdir()?;
        let data = kept.unwrap_or_else(|| temporary.path().to_owned());
        std::fs::create_dir_all(&data)?;
        let figures = self.measure(&data).await?;
        let report = figures.to_value();
        if let Some(file) = &self.report {
            std::fs::write(file, serde_json::to_string_pretty(&report)? + "\n")
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        if let Some(file) = &self.picture {
            draw(&figures.seconds, file)?;
        }
        terminal::document(self.output, &report, table)?;
        let activations = figures.totals.activations;
        ensure!(activations.are_complete(), "activations are missing or doubled: {activations:?}");
        if let Some(revival) = figures.revival {
            let is_complete = revival.is_complete();
            ensure!(is_complete, "the backlog is incomplete or out of order: {revival:?}");
        }
        Ok(())
    }

    async fn measure(&self, data: &Path) -> anyhow::Result<Figures> {
        let load =
            Load { seed: self.seed, profiles: self.profiles as usize, batch: self.batch as usize };
        let bar = terminal::count_progress("events made");
        let batches = Arc::new(tokio::task::block_in_place(|| Batches::new(load, &bar))?);
        let subject = Subject::start(&data.join("server")).await?;
        let http = reqwest::Client::new();
        let connections = usize::from(self.connections);
        let spinner = terminal::spinner("measuring what the machine can do at most");
        let ceilings = Ceilings::measure(&batches, data, &http, &subject.url, connections).await?;
        spinner.set_message("publishing audiences");
        let audiences = audiences(self.audiences, Touched::First(self.touched), self.seed);
        let dead = self.dead_destination.then(DeadDestination::new).transpose()?;
        publish(&Client::at(subject.url.clone()), &audiences, dead.as_ref()).await?;
        let sent = Arc::new(SentTimes::new());
        let target = ConnectionString::parse(&subject.connection_string())?;
        let listener = Listener::start(&target, HUB, Arc::clone(&sent)).await?;
        let sending = Arc::new(Sending::new());
        let url = subject.url.clone();
        let sender = Sender { url, http, batches, sent, sending: Arc::clone(&sending) };
        spinner.set_message("sending the attributes of persons");
        sender.send_records().await?;
        sender.send_visitors(self.visitors, &terminal::count_progress("visitors sent")).await?;
        let run = Run { subject, sending, listener, spinner, dead };
        run.go(&sender, self, ceilings).await
    }

    fn settings(&self) -> Value {
        json!({
            "eventsPerSecond": self.rate,
            "batch": self.batch,
            "connections": self.connections,
            "profiles": self.profiles,
            "visitors": self.visitors,
            "audiences": self.audiences,
            "audiencesTouched": self.touched,
            "deadDestination": self.dead_destination,
            "seed": self.seed,
        })
    }
}

/// A run under way.
struct Run {
    subject: Subject,
    sending: Arc<Sending>,
    listener: Arc<Listener>,
    spinner: ProgressBar,
    dead: Option<DeadDestination>,
}

impl Run {
    async fn go(
        self,
        sender: &Sender,
        bench: &Bench,
        ceilings: Ceilings,
    ) -> anyhow::Result<Figures> {
        let pace = bench.rate.map_or(Pace::AsAnswered, Pace::EventsPerSecond);
        let warm = Instant::now() + Duration::from_secs(bench.warm_up);
        let end = warm + Duration::from_secs(bench.seconds);
        let connections = usize::from(bench.connections);
        let task = tokio::spawn({
            let sender = sender.clone();
            async move { sender.run(connections, pace, end).await }
        });
        self.spinner.set_message("warming up");
        tokio::time::sleep_until(warm.into()).await;
        let start = Instant::now();
        let usage = self.subject.usage();
        let (events, messages) = (self.sending.acknowledged(), self.listener.messages());
        drop((self.sending.take_latencies(), self.listener.take_latencies()));
        let mut totals = Totals::default();
        let seconds = self.watch(end, &mut totals).await?;
        task.await??;
        totals.seconds = start.elapsed().as_secs_f64();
        totals.events = self.sending.acknowledged() - events;
        self.wait_until_quiet(&mut totals).await?;
        totals.messages = self.listener.messages() - messages;
        totals.activations = self.count_activations(&sender.http).await?;
        totals.refused_busy = self.sending.refused_busy();
        let used = self.subject.usage();
        totals.usage = used.since(usage);
        totals.disk_bytes = self.subject.disk_bytes();
        self.spinner.finish_and_clear();
        let revival = match self.dead {
            Some(dead) => {
                let backlog = self.subject.activations_for(DeadDestination::ID).await?;
                Some(dead.revive(backlog, &self.listener.arrivals()).await?)
            }
            None => None,
        };
        self.subject.stop().await?;
        Ok(Figures { settings: bench.settings(), totals, ceilings, seconds, revival })
    }

    /// Looks once a second until the end, and shows what it sees.
    async fn watch(&self, end: Instant, totals: &mut Totals) -> anyhow::Result<Vec<Second>> {
        let mut seconds = Vec::new();
        let start = Instant::now();
        let mut before = self.look();
        while Instant::now() < end {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let now = self.look();
            let to_hub = self.listener.take_latencies();
            let took = now.at.duration_since(before.at).as_secs_f64();
            let per_second = |now: u64, before: u64| (now - before) as f64 / took;
            let second = Second {
                at: start.elapsed().as_secs_f64(),
                events_per_second: per_second(now.events, before.events),
                messages_per_second: per_second(now.messages, before.messages),
                p50_ms: milliseconds(&to_hub, 0.5),
                p99_ms: milliseconds(&to_hub, 0.99),
                cpus: now.usage.since(before.usage).cpu_seconds / took,
                memory_bytes: now.usage.memory_bytes,
            };
            self.spinner.set_message(second.in_words());
            seconds.push(second);
            totals.to_hub.add(to_hub)?;
            totals.to_answer.add(self.sending.take_latencies())?;
            before = now;
        }
        Ok(seconds)
    }

    /// Waits until everything that was sent has reached the hub.
    async fn wait_until_quiet(&self, totals: &mut Totals) -> anyhow::Result<()> {
        self.spinner.set_message("waiting for the last messages");
        let mut messages = u64::MAX;
        // Windows may close for as long as anybody waits.
        for _ in 0..QUIET_LOOKS_MAX {
            if messages == self.listener.messages() {
                break;
            }
            messages = self.listener.messages();
            tokio::time::sleep(QUIET).await;
        }
        totals.to_hub.add(self.listener.take_latencies())?;
        totals.to_answer.add(self.sending.take_latencies())?;
        Ok(())
    }

    /// Counts activations where they are made and where they arrive. Windows close all the time, so
    /// it looks again until none is on its way.
    async fn count_activations(&self, http: &reqwest::Client) -> anyhow::Result<Activations> {
        let mut counted = Activations::default();
        for _ in 0..COUNTS_MAX {
            counted = Activations {
                made: self.activations_made(http).await?,
                messages: self.listener.messages(),
                arrived: self.listener.activations(),
            };
            if counted.are_complete() {
                break;
            }
            tokio::time::sleep(COUNT_AGAIN).await;
        }
        Ok(counted)
    }

    /// Activations for the hub.
    async fn activations_made(&self, http: &reqwest::Client) -> anyhow::Result<u64> {
        let made = self.subject.activations(http).await?;
        let for_dead = match &self.dead {
            Some(_) => self.subject.activations_for(DeadDestination::ID).await?,
            None => 0,
        };
        Ok(made.saturating_sub(for_dead))
    }

    fn look(&self) -> Look {
        Look {
            at: Instant::now(),
            events: self.sending.acknowledged(),
            messages: self.listener.messages(),
            usage: self.subject.usage(),
        }
    }
}

/// What there is at one moment.
struct Look {
    at: Instant,
    events: u64,
    messages: u64,
    usage: Usage,
}
