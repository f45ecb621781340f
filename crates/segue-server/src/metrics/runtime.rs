//! The numbers of the runtime.

use segue_runtime::{Counters, ProfilesHeld, Runtime, Stages};

use super::page::Page;

pub(super) fn write(page: &mut Page, runtime: &Runtime) {
    let status = runtime.status();
    page.gauge("input_log_head", "Position after the last durable input.", status.head);
    page.gauge("inputs_applied_position", "Position that the state is at.", status.applied);
    page.gauge("inputs_backlog", "Inputs that wait to be applied.", status.backlog);
    page.gauge("checkpoint_position", "Position of the checkpoint.", status.checkpointed);
    let ProfilesHeld { all, in_memory, bytes } = status.profiles;
    page.gauge("profiles", "Profiles.", all);
    page.gauge("profiles_in_memory", "Profiles that are in memory.", in_memory);
    page.gauge("profile_memory_bytes", "About how much memory profiles take.", bytes);
    page.gauge("jobs_running", "Changes that profiles have yet to follow.", status.jobs);
    let is_ready = status.caught_up && status.problem.is_none();
    page.gauge("ready", "1 once caught up and without trouble.", u64::from(is_ready));
    counters(page, status.counters);
    stages(page, runtime.stages());
}

fn counters(page: &mut Page, counters: Counters) {
    // Taken apart without `..`, so that a new counter cannot be forgotten here.
    let Counters {
        accepted,
        busy,
        applied,
        backfilled,
        slices,
        duplicates,
        changes,
        merges,
        evictions,
        cuts,
        unidentified,
        activations,
        activations_found,
        activation_failures,
        ticks,
        checkpoints,
        checkpoint_failures,
    } = counters;
    let all = [
        ("inputs_accepted", "Inputs acknowledged to their senders.", accepted),
        ("inputs_busy", "Inputs refused because too many waited.", busy),
        ("inputs_applied", "Inputs applied, replayed ones included.", applied),
        ("backfill_profiles", "Profiles that followed changed definitions.", backfilled),
        ("backfill_slices", "Slices of jobs written to the input log.", slices),
        ("events_duplicate", "Events dropped because their _id was seen.", duplicates),
        ("membership_changes", "Changes of membership status.", changes),
        ("profile_merges", "Profiles merged into another.", merges),
        ("identities_evicted", "Identities that had to leave a full profile.", evictions),
        ("identity_links_cut", "Links that newer ones contradict.", cuts),
        ("inputs_unidentified", "Inputs of which all ids are excluded.", unidentified),
        ("activations", "Activations written.", activations),
        ("activations_found", "Activations that a replay found written.", activations_found),
        ("activation_failures", "Failed attempts to write some.", activation_failures),
        ("timer_ticks", "Timer ticks written to the input log.", ticks),
        ("checkpoints", "Checkpoints written.", checkpoints),
        ("checkpoint_failures", "Failed attempts to write one.", checkpoint_failures),
    ];
    for (name, help, value) in all {
        page.counter(name, help, value);
    }
}

fn stages(page: &mut Page, stages: &Stages) {
    let all = [
        ("input_append_seconds", "From a request's inputs until they are durable.", &stages.append),
        ("input_wait_seconds", "From a durable input until it is applied.", &stages.wait),
        (
            "activation_append_seconds",
            "From an activation until it is durable in its log.",
            &stages.activate,
        ),
    ];
    for (name, help, histogram) in all {
        page.histogram(name, help, &histogram.view());
    }
    let help = "How long the oldest input that is not applied has waited.";
    page.gauge("evaluation_lag_seconds", help, stages.lag().as_secs_f64());
}
