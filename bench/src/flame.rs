//! Where the time goes: samples of the measured loop, as a flame graph.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use pprof::ProfilerGuardBuilder;
use pprof::flamegraph::Options;
use segue_load::audience::Touched;

use crate::{Load, report};

/// Samples a second of CPU time: as many as Linux usually gives, and no round number, so as not to
/// beat with what repeats.
const FREQUENCY: i32 = 199;
/// What takes less is not drawn: nobody could point at it.
const MIN_WIDTH_PERCENT: f64 = 1.0;
/// Unwinding through these may need a lock that the interrupted code holds.
const NOT_UNWOUND: [&str; 4] = ["libc", "libgcc", "pthread", "vdso"];

#[derive(Args, Debug)]
pub(crate) struct Flame {
    /// How many audiences
    #[arg(long, default_value_t = 500)]
    audiences: usize,
    #[command(flatten)]
    load: Load,
    /// Where to draw it
    #[arg(long, default_value = "bench/reports/process.svg")]
    file: PathBuf,
}

/// Measures once, and draws what was sampled meanwhile.
pub(crate) fn draw(arguments: &Flame) -> Result<()> {
    let arrivals = arguments.load.arrivals();
    let guard = ProfilerGuardBuilder::default()
        .frequency(FREQUENCY)
        .blocklist(&NOT_UNWOUND)
        .build()
        .context("cannot sample this process")?;
    let found = arguments.load.measure(&arrivals, arguments.audiences, Touched::All)?;
    let samples = guard.report().build().context("cannot read the samples")?;
    let file = File::create(&arguments.file)
        .with_context(|| format!("cannot write {}", arguments.file.display()))?;
    let mut options = Options::default();
    "segue-bench, by CPU time".clone_into(&mut options.title);
    options.min_width = MIN_WIDTH_PERCENT;
    samples.flamegraph_with_options(file, &mut options).context("cannot draw the samples")?;
    println!("{}\n{}", report::HEAD, report::row(&found));
    Ok(())
}
