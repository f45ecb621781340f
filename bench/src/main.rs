//! `segue-bench`: measures, prints a table, and writes the same as JSON into `bench/reports`.

// A program for the terminal.
#![allow(clippy::print_stdout)]

#[cfg(feature = "flame")]
mod flame;
mod report;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::{Args, Parser, Subcommand};
use mimalloc::MiMalloc;
use segue_bench::job::Job;
use segue_bench::measurement::{Measurement, measure};
use segue_bench::roll;
use segue_bench::side_by_side::{self, SideBySide};
use segue_load::audience::{Touched, audiences};
use segue_load::stream::{Arrival, Settings, Stream};
use segue_xdm::{Timestamp, Violation};

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
    /// Applies the same inputs with one thread and with several, while the machine is quiet
    Shards(Together),
    /// Draws where the time goes
    #[cfg(feature = "flame")]
    Flame(flame::Flame),
    /// The rivals' jobs: `bench/rivals/run` calls these
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

#[derive(Args, Debug)]
struct Together {
    /// How many threads, each number in turn
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2])]
    threads: Vec<usize>,
    /// How many audiences there are
    #[arg(long, default_value_t = 500)]
    audiences: usize,
    /// How often each is measured; the fastest counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[command(flatten)]
    load: Load,
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
    /// Writes a job's events
    Write {
        job: Job,
        /// Where to
        file: PathBuf,
        /// How many
        #[arg(long, default_value_t = 1_000_000)]
        count: usize,
    },
    /// Does a job with Segue, and prints what `process` alone took
    Segue {
        job: Job,
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
        Command::Shards(arguments) => shards(&arguments),
        #[cfg(feature = "flame")]
        Command::Flame(arguments) => flame::draw(&arguments),
        Command::Roll(Roll::Write { job, file, count }) => write_events(job, &file, count),
        Command::Roll(Roll::Segue { job, events, members, seconds }) => {
            roll(job, &events, members, Duration::from_secs_f64(seconds))
        }
    }
}

/// Which audiences the stream concerns.
const SERIES: [(&str, Touched); 2] = [
    ("the audiences touched grow with those that exist", Touched::All),
    ("only the first 100 audiences are ever touched", Touched::First(TOUCHED)),
];

fn process(arguments: &Process) -> Result<()> {
    let arrivals = arguments.load.arrivals();
    let mut series = Vec::new();
    for (title, touched) in SERIES {
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

fn shards(arguments: &Together) -> Result<()> {
    let Together { threads, rounds, load, .. } = arguments;
    let arrivals = load.arrivals();
    for (title, touched) in SERIES {
        println!("{title}\n{}", report::SHARDS_HEAD);
        let audiences = audiences(arguments.audiences, touched, load.seed);
        let mut found: Vec<SideBySide> = Vec::new();
        for _ in 0..*rounds {
            for threads in threads {
                found.push(in_its_own_thread(|| {
                    side_by_side::measure(&arrivals, &audiences, *threads)
                })?);
            }
        }
        for threads in threads {
            let of_these = found.iter().filter(|found| found.threads == *threads);
            let fastest = of_these.min_by_key(|found| found.elapsed);
            fastest.into_iter().for_each(|found| println!("{}", report::shards_row(found)));
        }
        println!();
    }
    Ok(())
}

/// Measures from a thread that has no others yet.
fn in_its_own_thread(
    measure: impl FnOnce() -> Result<SideBySide, Vec<Violation>> + Send,
) -> Result<SideBySide> {
    let measured = thread::scope(|scope| scope.spawn(measure).join());
    let measured = measured.map_err(|_| anyhow!("the measurement panicked"))?;
    measured.map_err(|violations| anyhow!("the stream holds an invalid input: {violations:?}"))
}

fn write_events(job: Job, file: &Path, count: usize) -> Result<()> {
    let cannot_write = || format!("cannot write {}", file.display());
    let mut to = BufWriter::new(File::create(file).with_context(cannot_write)?);
    job.write(count, &mut to).and_then(|()| to.flush()).with_context(cannot_write)
}

fn roll(job: Job, events: &Path, members: Option<PathBuf>, limit: Duration) -> Result<()> {
    let lines = File::open(events).with_context(|| format!("cannot read {}", events.display()))?;
    let mut answers = String::new();
    let mut note = |at: Timestamp, is_member: bool| {
        // Writing into a string cannot fail.
        let _ = writeln!(answers, "{},{}", at.as_millis(), u8::from(is_member));
    };
    let answer = members.is_some().then_some(&mut note as &mut dyn FnMut(Timestamp, bool));
    let rolled = roll::roll(job, BufReader::new(lines), limit, answer)?;
    println!("{}", report::rolled(&rolled));
    members.map_or(Ok(()), |file| write(&file, &answers))
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
