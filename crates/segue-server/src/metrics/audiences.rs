//! The numbers of audiences, and how far profiles have followed definitions.
//!
//! What the engine keeps is read under its lock, for a millisecond at 10,000 audiences; where it
//! cannot be had in time, these numbers are left out once.

use segue_core::Job;
use segue_runtime::Runtime;
use segue_xdm::Timestamp;

use super::page::{Kind, Page};

pub(super) fn write(page: &mut Page, runtime: &Runtime, audiences_max: usize) {
    let mut tallies = runtime.audience_tallies().unwrap_or_default();
    let all = tallies.len();
    // Always the same ones.
    tallies.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    tallies.truncate(audiences_max);
    page.gauge("audiences", "Audiences that are defined.", all);
    let help = "Audiences without numbers of their own, beyond telemetry.audiences_max.";
    page.gauge("audiences_left_out", help, all - tallies.len());
    let help = "Profiles that are in the audience.";
    let mut family = page.family("segue_audience_members", Kind::Gauge, help);
    for (audience, tally) in &tallies {
        family.sample(&[("audience", audience)], tally.members);
    }
    let help = "Times that a profile entered the audience.";
    let mut family = page.family("segue_audience_entries_total", Kind::Counter, help);
    for (audience, tally) in &tallies {
        family.sample(&[("audience", audience)], tally.entries);
    }
    let help = "Times that a profile left the audience.";
    let mut family = page.family("segue_audience_exits_total", Kind::Counter, help);
    for (audience, tally) in &tallies {
        family.sample(&[("audience", audience)], tally.exits);
    }
    let mut jobs = runtime.running_jobs().unwrap_or_default();
    jobs.truncate(audiences_max);
    backfills(page, &jobs, runtime.now());
}

fn backfills(page: &mut Page, jobs: &[Job], now: Timestamp) {
    let help = "Part of the profiles that have followed the definition, while some have not.";
    let mut family = page.family("segue_backfill_progress_ratio", Kind::Gauge, help);
    for job in jobs {
        family.sample(&labels(job), job.visited as f64 / job.total.max(1) as f64);
    }
    let help = "How long ago the definition changed, while profiles have yet to follow.";
    let mut family = page.family("segue_backfill_age_seconds", Kind::Gauge, help);
    for job in jobs {
        let age_ms = now.as_millis().saturating_sub(job.created_at.as_millis());
        family.sample(&labels(job), age_ms as f64 / 1000.0);
    }
}

fn labels(job: &Job) -> [(&'static str, &str); 2] {
    [("kind", job.definition_kind.as_str()), ("definition", &job.definition)]
}
