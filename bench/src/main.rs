//! `segue-bench`: measures, prints a table, and writes the same as JSON into `bench/reports`.

// A program for the terminal.
#![allow(clippy::print_stdout)]

#[cfg(feature = "flame")]
mod flame;
mod report;

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::{Args, Parser, Subcommand};
use mimalloc::MiMalloc;
use segue_bench::audience::{Touched, audiences};
use segue_bench::measurement::{Measurement, measure};
use segue_bench::roll;
use segue_bench::stream::{Arrival, Settings, Stream};

/// As in `segue` itself.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The audiences that exist in the series where the audiences touched stay the same, and are
/// touched.
const TOUCHED: usize = 100;

/// Measures what an event costs
#[derive(Parser, Debug)]
enum Command {
    /// Processes the stream with more and more audiences
    Process(Process),
    /// Draws where the time goes
    #[cfg(feature = "flame")]
    Flame(flame::Flame),
    /// The rivals' job: `bench/rivals/run` calls these
    #[command(subcommand)]
    Roll(Roll),
}

#[derive(Args, Debug)]
struct Process {
    /// How many audiences to measure with, each number in turn
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 500, 4_000, 10_000])]
    audiences: Vec<usize>,
    #[command(flatten)]
    load: Load,
    /// Where to write the figures as JSON
    #[arg(long, default_value = "bench/reports/process.json")]
    report: PathBuf,
}

/// What is sent, and for how long.
#[derive(Args, Debug)]
struct Load {
    /// Inputs in the stream; half of them warm up
    #[arg(long, default_value_t = 100_000)]
    events: usize,
    /// Seconds of CPU time at most, once to warm up and once to measure, for each number
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// What stream and audiences are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Persons who may come
    #[arg(long, default_value_t = 100_000)]
    persons: usize,
}

impl Load {
    fn arrivals(&self) -> Vec<Arrival> {
        let &Load { seed, persons, events, .. } = self;
        Stream::new(Settings { seed, persons, ..Settings::default() }).take(events).collect()
    }

    fn measure(&self, arrivals: &[Arrival], count: usize, touched: Touched) -> Result<Measurement> {
        let limit = Duration::from_secs_f64(self.seconds);
        let audiences = audiences(count, touched, self.seed);
        measure(arrivals, &audiences, limit)
            .map_err(|violations| anyhow!("the stream holds an invalid input: {violations:?}"))
    }
}

#[derive(Subcommand, Debug)]
enum Roll {
    /// Writes the job's events
    Events {
        /// How many
        #[arg(long, default_value_t = 2_000_000)]
        count: usize,
        /// Where to
        file: PathBuf,
    },
    /// Does the job with Segue, and prints what `process` alone took
    Segue {
        /// The job's events
        events: PathBuf,
        /// Where to write who was a member after each event
        members: Option<PathBuf>,
        /// Seconds of CPU time at most; the events behind are left
        #[arg(long, default_value_t = 30.0)]
        seconds: f64,
    },
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Process(arguments) => process(&arguments),
        #[cfg(feature = "flame")]
        Command::Flame(arguments) => flame::draw(&arguments),
        Command::Roll(Roll::Events { count, file }) => write(&file, &roll::events(count)),
        Command::Roll(Roll::Segue { events, members, seconds }) => {
            let lines = fs::read_to_string(&events)
                .with_context(|| format!("cannot read {}", events.display()))?;
            let mut answers = String::new();
            let mut note = |ts: i64, is_member: bool| {
                // Writing into a string cannot fail.
                let _ = writeln!(answers, "{ts},{}", u8::from(is_member));
            };
            let answer = members.is_some().then_some(&mut note as &mut dyn FnMut(i64, bool));
            let rolled = roll::roll(&lines, Duration::from_secs_f64(seconds), answer)?;
            println!("{}", report::rolled(&rolled));
            members.map_or(Ok(()), |file| write(&file, &answers))
        }
    }
}

fn process(arguments: &Process) -> Result<()> {
    let arrivals = arguments.load.arrivals();
    let mut series = Vec::new();
    for (title, touched) in [
        ("the audiences touched grow with those that exist", Touched::All),
        ("only the first 100 audiences are ever touched", Touched::First(TOUCHED)),
    ] {
        println!("{title}\n{}", report::HEAD);
        let mut found = Vec::new();
        for count in &arguments.audiences {
            let measurement = arguments.load.measure(&arrivals, *count, touched)?;
            println!("{}", report::row(&measurement));
            found.push(measurement);
        }
        println!();
        series.push((title, found));
    }
    println!("{}", report::goals(&series));
    write(&arguments.report, &report::json(&arrivals, &series))
}

fn write(file: &PathBuf, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
