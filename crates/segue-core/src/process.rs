//! One input, one profile: what changes, and what is sent.
//!
//! Pure: the result depends on the arguments alone. The caller has fired the timers up to `now`
//! before, so that the memberships are those of the moment before the input.

use std::collections::BTreeSet;

use segue_pql::{EventFact, Facts, evaluate, next_flip};
use segue_xdm::{Event, Identity, Path, Record, Timestamp};
use serde_json::Value;

use crate::activation::{Activation, Happening, Reason, Written};
use crate::definition::Audience;
use crate::ids::ProfileId;
use crate::membership::{Change, Finding};
use crate::profile::{ProfileState, Slot, Stamp};
use crate::program::Program;

/// One input as one profile sees it.
pub(crate) struct ProfileInput<'a> {
    pub(crate) profile: ProfileId,
    /// Its identities after the input, and whether the input changed them.
    pub(crate) identities: &'a BTreeSet<Identity>,
    pub(crate) identities_changed: bool,
    /// The profiles that the input made one with this one.
    pub(crate) absorbed: Vec<ProfileState>,
    /// Its attributes before inputs of other profiles came to it or its own left; none when
    /// neither happened.
    pub(crate) before: Option<Value>,
    pub(crate) what: What<'a>,
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
    /// A window closes, a day begins, an exited membership has been kept long enough.
    Timer,
    /// An audience was published or edited.
    Published,
    /// An audience is being removed.
    Removed,
    /// A destination mapped audiences and wants their current members.
    Mapped { destination: &'a str, audiences: &'a BTreeSet<String> },
}

impl<'a> What<'a> {
    pub(crate) fn cause(&self) -> &'a str {
        match self {
            What::Event(_, event) => &event.id,
            What::Regrouped(cause) => cause,
            What::Record(..) => "record",
            What::Timer => "timer",
            What::Published | What::Removed | What::Mapped { .. } => "definition",
        }
    }

    /// The reason that a change of status stands for.
    fn change_reason(&self) -> Reason {
        match self {
            What::Published => Reason::Backfill,
            _ => Reason::Membership,
        }
    }

    fn newly_mapped(&self) -> Option<(&'a str, &'a BTreeSet<String>)> {
        match self {
            What::Mapped { destination, audiences } => Some((destination, audiences)),
            _ => None,
        }
    }

    /// Whether the input is relevant to an audience: an event that satisfies one of its
    /// predicates, a record that wrote an attribute that it reads.
    fn is_relevant_to(&self, audience: &Audience, written: &[Path]) -> bool {
        match self {
            What::Event(_, event) => audience.expression.matches_event(&event.body),
            What::Record(..) => audience.reads_any_of(written),
            _ => false,
        }
    }
}

/// What an input did to one profile.
pub(crate) struct Effects {
    /// An event's `_id`, or `record`, `timer` or `definition`.
    pub(crate) cause: String,
    pub(crate) changes: Vec<Change>,
    pub(crate) activations: Vec<Activation>,
    /// The slots whose bytes are other ones now.
    pub(crate) touched: BTreeSet<Slot>,
}

/// Applies one input to one profile at `now`.
pub(crate) fn process(
    program: &Program,
    state: &mut ProfileState,
    now: Timestamp,
    input: ProfileInput<'_>,
) -> Effects {
    let ProfileInput { profile, identities, identities_changed, absorbed, before, what } = input;
    let mut touched = BTreeSet::from([Slot::Audiences]);
    let may_write = matches!(what, What::Record(..)) || !absorbed.is_empty();
    let before = before.or_else(|| may_write.then(|| state.attributes.as_value().clone()));
    for other in absorbed {
        touched.extend(other.slots());
        absorb(state, other);
    }
    let paths = take_in(state, what, &mut touched);
    let written = before.map(|before| Written { before, paths });
    let written_paths = written.as_ref().map_or(&[][..], |written| &written.paths);
    let changes =
        settle(program, state, now, |audience| what.is_relevant_to(audience, written_paths));
    state.change_number += 1;
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
        attributes_written: written,
        newly_mapped: what.newly_mapped(),
    };
    let activations = happening.activations();
    Effects { cause: what.cause().to_owned(), changes, activations, touched }
}

/// Adds what came in to what is known; gives the attributes that were written.
fn take_in(state: &mut ProfileState, what: What<'_>, touched: &mut BTreeSet<Slot>) -> Vec<Path> {
    match what {
        What::Event(arrival, event) => {
            state.history.add(arrival, event);
            touched.insert(Slot::Event(arrival));
            Vec::new()
        }
        What::Record(stamp, record) => {
            state.history.add_record(stamp, record);
            touched.extend([Slot::Attributes, Slot::Record(stamp.1)]);
            state.attributes.write(&record.attributes, stamp)
        }
        _ => Vec::new(),
    }
}

/// Takes in everything of a profile that became one with this one.
fn absorb(state: &mut ProfileState, other: ProfileState) {
    state.history.absorb(other.history);
    state.attributes.absorb(other.attributes);
    state.memberships.absorb(other.memberships);
}

/// Evaluates every audience, each after those that it is made of, and brings the memberships up
/// to date; also finds the profile's next wake-up.
fn settle(
    program: &Program,
    state: &mut ProfileState,
    now: Timestamp,
    is_relevant: impl Fn(&Audience) -> bool,
) -> Vec<Change> {
    let events: Vec<&EventFact> = state.history.events().collect();
    let memberships = &mut state.memberships;
    memberships.drop_expired(now);
    let mut changes = Vec::new();
    let mut next_wake: Option<Timestamp> = None;
    for (audience, published, counts) in program.audiences() {
        let is_member = |id: &str| memberships.is_member(id);
        let facts = Facts {
            attributes: state.attributes.as_value(),
            events: &events,
            is_member: &is_member,
            now,
            time_zone: program.time_zone(),
        };
        let is_true = counts && evaluate(&audience.expression, &facts);
        let flip = next_flip(&audience.expression, &facts).filter(|_| counts);
        next_wake = next_wake.into_iter().chain(flip).min();
        let finding = Finding {
            is_true,
            is_relevant: is_true && is_relevant(audience),
            version: published.version,
        };
        changes.extend(memberships.settle(&audience.id, now, &finding));
    }
    let wakes = next_wake.into_iter().chain(memberships.next_drop());
    // A wake-up must lie ahead, or it would fire for ever: time ends at `Timestamp::MAX`.
    state.next_wake = wakes.filter(|wake| *wake > now).min();
    changes
}
