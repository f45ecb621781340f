//! `segue bench`: what this machine bears.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use segue_amqp::sas::ConnectionString;
use segue_load::audience::{Touched, audiences};
use serde_json::{Value, json};

use crate::api::Client;
use crate::bench::{
    Batches, Cast, Ceilings, DeadDestination, HUB, Listener, Load, Pace, Plan, Run, Sender,
    Sending, SentTimes, Subject, Worker, draw, publish, table,
};
use crate::system::stop_signal;
use crate::terminal::{self, Format};

/// Measure what this machine bears: rate, latency to the hub, CPU, memory and disk
#[derive(Args, Debug)]
#[command(after_help = "\
Starts a server of its own in a directory of its own, sends a web shop's events from a seed, and
reads the hub as a consumer would. With --rate it sends at that rate whatever the answers, and
what is late counts from when it was due; without, as fast as answered. When more than a second's
events of that rate are still to be sent at the end, the rate was not sustained: the report says how
many, and the command fails.

Ctrl-C ends the measuring early, and the report is of what was measured by then; a second one ends
the command without a report.

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
        let nothing = "before anything was measured";
        let (cast, ceilings) = unless_stopped(nothing, self.prepare(&data)).await?;
        let mut run = unless_stopped(nothing, Run::begin(cast, self.plan())).await?;
        tokio::select! {
            watched = run.watch() => watched?,
            stopped = stop_signal() => {
                stopped?;
                run.end_early();
                terminal::note("ended early: the report follows when the last messages are there");
            }
        }
        let finished = run.finish(self.settings(), ceilings);
        let figures = unless_stopped("before the last messages were there", finished).await?;
        let report = figures.to_value();
        if let Some(file) = &self.report {
            std::fs::write(file, serde_json::to_string_pretty(&report)? + "\n")
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        if let Some(file) = &self.picture {
            draw(&figures, file)?;
        }
        terminal::document(self.output, &report, table)?;
        figures.check()
    }

    async fn prepare(&self, data: &Path) -> anyhow::Result<(Cast, Ceilings)> {
        let load =
            Load { seed: self.seed, profiles: self.profiles as usize, batch: self.batch as usize };
        let bar = terminal::count_progress("events made");
        let batches = Arc::new(tokio::task::block_in_place(|| Batches::new(load, &bar))?);
        let subject = Subject::start(&data.join("server")).await?;
        let connections = usize::from(self.connections);
        let sender_thread = Worker::start("bench-sender", 1)?;
        let spinner = terminal::spinner("measuring what the machine can do at most");
        let ceilings = Ceilings::measure(&batches, data, &sender_thread, connections).await?;
        spinner.set_message("publishing audiences");
        let audiences = audiences(self.audiences, Touched::First(self.touched), self.seed);
        let dead = self.dead_destination.then(DeadDestination::new).transpose()?;
        publish(&Client::at(subject.url.clone()), &audiences, dead.as_ref()).await?;
        let sent = Arc::new(SentTimes::new(batches.size()));
        let target = ConnectionString::parse(&subject.connection_string())?;
        let listener = Listener::start(target, HUB, Arc::clone(&sent), dead.is_some()).await?;
        let sending = Arc::new(Sending::new());
        let sender = Sender { url: subject.url.clone(), batches, sent, sending };
        spinner.set_message("sending the attributes of persons");
        sender_thread.run(sender.clone().send_records()).await?;
        let bar = terminal::count_progress("visitors sent");
        sender_thread.run(sender.clone().send_visitors(self.visitors, bar)).await?;
        Ok((Cast { subject, sender, sender_thread, listener, dead, spinner }, ceilings))
    }

    fn plan(&self) -> Plan {
        Plan {
            pace: self.rate.map_or(Pace::AsAnswered, Pace::EventsPerSecond),
            connections: self.connections.into(),
            warm_up: Duration::from_secs(self.warm_up),
            time: Duration::from_secs(self.seconds),
        }
    }

    fn settings(&self) -> Value {
        json!({
            "eventsPerSecond": self.rate,
            "seconds": self.seconds,
            "warmUp": self.warm_up,
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

/// Does something, unless somebody asks the process to end meanwhile.
async fn unless_stopped<T>(
    when: &str,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    tokio::select! {
        done = work => done,
        stopped = stop_signal() => {
            stopped?;
            bail!("ended {when}")
        }
    }
}
