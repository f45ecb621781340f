//! One input, one profile: what changes, and what is sent.
//!
//! Pure: the result depends on the arguments alone. The caller has fired the timers up to `now`
//! before, so that the memberships are those of the moment before the input.

use std::collections::BTreeSet;

use segue_pql::{EventFact, Facts, evaluate};
use segue_xdm::{Event, Identity, Path, Record, Timestamp};
use serde_json::Value;

use crate::activation::{Activation, Happening, Reason};
use crate::archive::Events;
use crate::consent::Before;
use crate::definition::Audience;
use crate::evaluation::{Clock, EvaluationMode, Evaluator, EventView, rebuild_traces};
use crate::ids::ProfileId;
use crate::membership::{Change, Finding};
use crate::profile::{ProfileState, Slot, Stamp};
use crate::program::{Due, Program, Retired};

/// What a profile is looked at with.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) program: &'a Program,
    /// The events, of which some are the profile's.
    pub(crate) events: Events<'a>,
    pub(crate) now: Timestamp,
}

impl<'a> Context<'a> {
    fn clock(&self) -> Clock<'a> {
        Clock { now: self.now, time_zone: self.program.time_zone() }
    }

    fn evaluator(&self) -> Evaluator<'a> {
        Evaluator::new(self.program.compiled(), self.events, self.clock())
    }
}

/// One input as one profile sees it.
pub(crate) struct ProfileInput<'a> {
    pub(crate) profile: ProfileId,
    /// Its identities after the input, and whether the input changed them.
    pub(crate) identities: &'a BTreeSet<Identity>,
    pub(crate) identities_changed: bool,
    /// The profiles that the input made one with this one.
    pub(crate) absorbed: Vec<Absorbed>,
    /// Its attributes before inputs of other profiles came to it or its own left; none when
    /// neither happened.
    pub(crate) attributes_before: Option<Value>,
    pub(crate) what: What<'a>,
}

/// A profile that became one with another.
pub(crate) struct Absorbed {
    pub(crate) state: ProfileState,
    /// As for the profile itself: inputs may have left it for a third one.
    pub(crate) attributes_before: Option<Value>,
}

/// What comes in.
#[derive(Clone, Copy)]
pub(crate) enum What<'a> {
    /// An event, at this log position.
    Event(u64, &'a Event),
    /// A record, with the stamp of its fields.
    Record(Stamp, &'a Record),
    /// Identities changed hands, and inputs with them, for this cause.
    Regrouped(&'a str),
    /// A window closes, a day begins, an exited membership has been kept long enough. What the
    /// profile has yet to follow by then is left alone.
    Timer(Option<&'a Due>),
    /// An audience was removed of which the profile is still a member.
    Removed(&'a Retired),
    /// It exits every audience, as it is about to be erased.
    Exit,
    /// Definitions changed that the profile has not followed yet.
    Backfill(&'a Due),
}

impl<'a> What<'a> {
    pub(crate) fn cause(&self) -> &'a str {
        match self {
            What::Event(_, event) => &event.id,
            What::Regrouped(cause) => cause,
            What::Record(..) => "record",
            What::Timer(_) => "timer",
            What::Removed(_) | What::Backfill(_) => "definition",
            What::Exit => "erasure",
        }
    }

    /// The reason that a change of status stands for.
    fn change_reason(&self) -> Reason {
        match self {
            What::Backfill(_) => Reason::Backfill,
            _ => Reason::Membership,
        }
    }

    fn due(&self) -> Option<&'a Due> {
        match self {
            What::Backfill(due) => Some(due),
            _ => None,
        }
    }

    fn retired(&self) -> Option<&'a Retired> {
        match self {
            What::Removed(retired) => Some(retired),
            _ => None,
        }
    }

    /// Whether an audience may change by it, after the memberships that it changed so far. What a
    /// window that closes at the very moment does to other audiences is the timer's to tell.
    fn concerns(&self, audience: &Audience, changes: &[Change]) -> bool {
        let due = match self {
            What::Removed(_) | What::Exit => return false,
            What::Timer(Some(due)) => return !due.audiences.contains(&audience.id),
            What::Backfill(due) if !due.merge => due,
            _ => return true,
        };
        let mut moved = changes.iter().filter(|change| change.enters_or_leaves()).peekable();
        due.audiences.contains(&audience.id)
            || moved.peek().is_some() && {
                let named = audience.expression.audience_references();
                moved.any(|change| named.contains(&change.audience))
            }
    }

    /// Whether there can be something to tell although no membership changes.
    fn may_tell_without_changes(&self) -> bool {
        match self {
            What::Timer(_) | What::Exit => false,
            What::Backfill(due) => due.merge || !due.edits.is_empty(),
            _ => true,
        }
    }

    /// Whether the input may change what consent allows: by itself, whatever it merges.
    fn may_change_consent(&self) -> bool {
        match self {
            What::Record(..) => true,
            What::Backfill(due) => due.merge || !due.edits.is_empty(),
            _ => false,
        }
    }
}

/// What an input did to one profile.
pub(crate) struct Effects {
    pub(crate) changes: Vec<Change>,
    pub(crate) activations: Vec<Activation>,
    /// The slots whose bytes are other ones now; after a backfill the caller looks by itself
    /// whether memberships or what decides them are.
    pub(crate) touched: Vec<Slot>,
}

/// Applies one input to one profile.
pub(crate) fn process(
    context: Context<'_>,
    state: &mut ProfileState,
    input: ProfileInput<'_>,
) -> Effects {
    let Context { program, now, .. } = context;
    let ProfileInput { profile, identities, identities_changed, absorbed, .. } = input;
    let ProfileInput { attributes_before, what, .. } = input;
    let mut touched = Vec::new();
    if !matches!(what, What::Backfill(_)) {
        touched.push(Slot::Audiences);
    }
    let is_merge = !absorbed.is_empty();
    let mut is_moved = attributes_before.is_some();
    let mut before = Vec::new();
    if is_moved || is_merge || what.may_change_consent() {
        before.push(Before::of(state, attributes_before));
    }
    for Absorbed { state: other, attributes_before } in absorbed {
        is_moved |= attributes_before.is_some();
        before.push(Before::of(&other, attributes_before));
        touched.extend(other.slots());
        absorb(context, state, other);
    }
    if let What::Event(arrival, _) = what
        && state.history.begins_block(arrival)
    {
        touched.extend(state.history.drop_unreadable(context.events));
    }
    let written = take_in(state, what, program.precedence(), &mut touched);
    let changes = settle(state, &Settled { context, what, written: &written, is_merge, is_moved });
    if !changes.is_empty() || what.may_tell_without_changes() {
        state.change_number += 1;
    }
    let happening = Happening {
        program,
        profile,
        identities,
        state,
        at: now,
        cause: what.cause(),
        changes: &changes,
        change_reason: what.change_reason(),
        identities_changed,
        before: &before,
        written: &written,
        due: what.due(),
        retired: what.retired(),
    };
    let activations = happening.activations();
    Effects { changes, activations, touched }
}

/// Adds what came in to what is known; gives the attributes that were written.
fn take_in(
    state: &mut ProfileState,
    what: What<'_>,
    precedence: &[String],
    touched: &mut Vec<Slot>,
) -> Vec<Path> {
    match what {
        What::Event(arrival, event) => {
            state.history.add(event, arrival);
            touched.push(Slot::of_event(arrival));
            Vec::new()
        }
        What::Record(stamp, record) => {
            state.history.add_record(record, stamp);
            touched.extend([Slot::Attributes, Slot::Record(stamp.1)]);
            state.attributes.write(record, stamp, precedence)
        }
        What::Backfill(due) if due.merge => {
            state.attributes.merge(precedence);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Takes in everything of a profile that became one with this one.
fn absorb(context: Context<'_>, state: &mut ProfileState, other: ProfileState) {
    let Context { program, .. } = context;
    let compiled = program.compiled();
    state.history.absorb(other.history);
    state.attributes.absorb(other.attributes, program.precedence());
    state.memberships.absorb(other.memberships);
    state.traces.join(other.traces, |trace| compiled.demands(trace), context.clock());
}

/// An input that was taken in, and has yet to change memberships.
struct Settled<'a> {
    context: Context<'a>,
    what: What<'a>,
    /// The attributes that it wrote.
    written: &'a [Path],
    /// Whether it made several profiles one.
    is_merge: bool,
    /// Whether inputs came from other profiles, or left for them.
    is_moved: bool,
}

/// Brings the memberships up to date, and finds the profile's next wake-up.
fn settle(state: &mut ProfileState, input: &Settled<'_>) -> Vec<Change> {
    let Context { program, now, .. } = input.context;
    state.memberships.drop_expired(now);
    let left = match input.what {
        What::Removed(retired) => {
            vec![(program.audience_key(retired.id()), retired.published.version)]
        }
        What::Exit => state.memberships.held_keys(),
        _ => Vec::new(),
    };
    let left = left.into_iter().filter_map(|(key, version)| {
        let finding = Finding { is_true: false, is_relevant: false, version };
        state.memberships.settle(&key?, now, &finding)
    });
    let left: Vec<Change> = left.collect();
    let (changes, next_look) = match program.evaluation() {
        EvaluationMode::Incremental => {
            let changes = settle_concerned(state, input);
            (changes, state.moments.first())
        }
        EvaluationMode::Reference => settle_all(state, input),
    };
    let wakes = next_look.into_iter().chain(state.memberships.next_drop());
    // A wake-up must lie ahead, or it would fire for ever: time ends at `Timestamp::MAX`.
    state.next_wake = wakes.filter(|wake| *wake > now).min();
    left.into_iter().chain(changes).collect()
}

/// Evaluates the audiences that the input can have changed.
fn settle_concerned(state: &mut ProfileState, input: &Settled<'_>) -> Vec<Change> {
    let mut evaluator = input.context.evaluator();
    if state.change_number == 0 {
        evaluator.on_birth();
    }
    match input.what {
        What::Event(arrival, event) => {
            let event = EventView::new(event.timestamp, arrival, &event.body);
            evaluator.on_event(state, &event);
        }
        What::Record(..) => evaluator.on_attributes(state, input.written),
        What::Timer(due) => {
            let waits = |audience: &str| due.is_some_and(|due| due.audiences.contains(audience));
            evaluator.on_time(state, waits);
        }
        What::Backfill(due) => {
            renew_traces(state, input, Some(due));
            match due.merge {
                true => evaluator.on_anything(),
                false => evaluator.on_definitions(state, &due.renewal),
            }
        }
        What::Removed(_) | What::Exit | What::Regrouped(_) => {}
    }
    if input.is_moved {
        renew_traces(state, input, None);
    }
    if input.is_moved || input.is_merge {
        evaluator.on_anything();
    }
    evaluator.settle(state)
}

/// Builds the traces anew that due definitions need, or all.
fn renew_traces(state: &mut ProfileState, input: &Settled<'_>, due: Option<&Due>) {
    let Context { program, events, .. } = input.context;
    let (compiled, clock) = (program.compiled(), input.context.clock());
    let renewal = due.map(|due| &due.renewal);
    let before = match renewal {
        Some(renewal) => renewal.take(compiled, &mut state.traces),
        None => std::mem::take(&mut state.traces),
    };
    let ProfileState { history, traces, .. } = state;
    rebuild_traces(compiled, renewal, (events, history), traces, clock);
    if history.goes_back_beyond(events) {
        let is_left = |arrival| !events.reach(arrival);
        let demands = |trace| compiled.demands(trace);
        traces.inherit(before, is_left, !input.is_moved, demands, clock);
    }
}

/// Whether a membership changes although nothing comes in, in an audience that is not `due`.
pub(crate) fn changes_by_time(context: Context<'_>, state: &ProfileState, due: &Due) -> bool {
    let Context { program, events, now } = context;
    let waits = |audience: &str| due.audiences.contains(audience);
    if program.evaluation() == EvaluationMode::Incremental {
        return context.evaluator().changes_by_time(state, waits);
    }
    let events = state.history.facts(events);
    let facts = Facts {
        attributes: state.attributes.as_value(),
        events: &events.iter().collect::<Vec<&EventFact>>(),
        is_member: &|id| state.memberships.is_member(id),
        now,
        time_zone: program.time_zone(),
    };
    program.audiences().filter(|(audience, _)| !waits(&audience.id)).any(|(audience, _)| {
        evaluate(&audience.expression, &facts).value != state.memberships.is_member(&audience.id)
    })
}

/// Evaluates every audience with the reference interpreter, each after those that it is made of,
/// and settles those that the input can have changed.
fn settle_all(state: &mut ProfileState, input: &Settled<'_>) -> (Vec<Change>, Option<Timestamp>) {
    let Context { program, events, now } = input.context;
    let time_zone = program.time_zone();
    let events = state.history.facts(events);
    let events: Vec<&EventFact> = events.iter().collect();
    let event = match input.what {
        What::Event(_, Event { timestamp, body, .. }) => {
            Some(EventFact { timestamp: *timestamp, body: body.to_value() })
        }
        _ => None,
    };
    let mut changes: Vec<Change> = Vec::new();
    let mut next_look: Option<Timestamp> = None;
    for (audience, published) in program.audiences() {
        let facts = Facts {
            attributes: state.attributes.as_value(),
            events: &events,
            is_member: &|id| state.memberships.is_member(id),
            now,
            time_zone,
        };
        let evaluation = evaluate(&audience.expression, &facts);
        next_look = next_look.into_iter().chain(evaluation.holds_until).min();
        if !input.what.concerns(audience, &changes) {
            continue;
        }
        let is_relevant = match &event {
            Some(event) => audience.expression.matches_event(event, time_zone),
            None => matches!(input.what, What::Record(..)) && audience.reads_any_of(input.written),
        };
        let finding = Finding {
            is_true: evaluation.value,
            is_relevant: evaluation.value && is_relevant,
            version: published.version,
        };
        let key = program.audience_key(&audience.id);
        changes.extend(key.and_then(|key| state.memberships.settle(&key, now, &finding)));
    }
    (changes, next_look)
}
