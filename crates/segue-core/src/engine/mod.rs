//! The whole system as one deterministic state machine.
//!
//! ```text
//!              ┌ due timers, in the order of (time, profile id), each at its own moment
//! input, now ──┤
//!              └ the input: duplicate? whose? ─ link, regroup ─ process ─▶ changes, activations
//! ```
//!
//! Invariants:
//! - no clock, no I/O, no randomness: the same settings and the same (position, now, input)
//!   sequence give the same states and the same activations, byte for byte;
//! - logical time never goes back;
//! - between two inputs every membership is what evaluating its definition gives, as of the
//!   last input or any moment up to [`Engine::next_wake`]; of a profile that has yet to follow a
//!   definition, what it gave before.

mod backfill;
mod backlog;
mod batch;
mod checkpoint;
mod comparing;
mod definitions;
mod dirty;
mod dry_run;
mod entry;
mod erasing;
mod estimating;
mod explaining;
mod horizon;
mod jobs;
mod linking;
mod memory;
mod outcome;
mod profiles;
mod read_ahead;
mod seen;
mod shards;
mod tallies;
mod timers;
mod trial;
mod view;
mod walk;

use std::sync::Arc;

use jiff::tz::TimeZone;
use segue_pql::EventFact;
use segue_xdm::{Event, Identity, Record, Timestamp};

use crate::archive::{Archive, Events, MemoryArchive};
use crate::evaluation::{EvaluationMode, TRACE_EVENTS_MAX};
use crate::identity::{IDENTITIES_PER_PROFILE_MAX, IdentityGraph};
use crate::ids::{ProfileId, event_id_hash};
use crate::input::Input;
use crate::process::{Context, ProfileInput, What, process};
use crate::profile::ProfileState;
use crate::program::Program;
use crate::workers::{InTurn, Workers};
use backlog::Backlog;
pub use backlog::JOBS_KEPT_MAX;
use batch::{Batch, Given};
use checkpoint::DeltaUnderway;
pub use checkpoint::{Delta, RestoreError};
pub use comparing::{AudienceMoves, Comparison, MOVES_SHOWN_MAX, Move};
use dirty::{Dirty, Part};
pub use dry_run::DryRun;
use entry::Entry;
pub use erasing::Erased;
pub use estimating::{ESTIMATE_SAMPLE_MAX, Estimate, Estimation, Sampled};
pub use explaining::Explanation;
pub use horizon::HistoryLimits;
use horizon::Horizon;
pub use jobs::{Job, JobKind, JobState};
use linking::Joined;
use outcome::Done;
pub use outcome::{MembershipChange, Outcome};
use profiles::Profiles;
use read_ahead::ReadAhead;
pub use seen::SeenId;
use seen::{IDS_HELD_MAX, Seen};
pub use tallies::AudienceTally;
use tallies::Tallies;
use timers::Timers;
pub use view::{GraphView, ProfileView};

/// How long an event's `_id` is remembered when nothing else is set: 7 days.
pub const DEDUPLICATION_WINDOW_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What is fixed for the life of a log: a replay under other settings may give other results.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where days begin for `today` and its kin.
    pub time_zone: TimeZone,
    /// How long, in logical time, a repeated `_id` is recognised.
    pub deduplication_window_ms: i64,
    /// Identities that one profile may have; no fewer than one input may name.
    pub identities_per_profile_max: usize,
    /// How memberships are brought up to date.
    pub evaluation: EvaluationMode,
    /// How much of the inputs can be read again.
    pub history: HistoryLimits,
    /// Events that a profile keeps for one test of events, beyond which its history is read.
    pub trace_events_max: usize,
    /// `_id`s that are held in memory; older ones are asked for.
    pub ids_held_max: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            time_zone: TimeZone::UTC,
            deduplication_window_ms: DEDUPLICATION_WINDOW_MS,
            identities_per_profile_max: IDENTITIES_PER_PROFILE_MAX,
            evaluation: EvaluationMode::default(),
            history: HistoryLimits::default(),
            trace_events_max: TRACE_EVENTS_MAX,
            ids_held_max: IDS_HELD_MAX,
        }
    }
}

/// The whole system as one deterministic state machine.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    archive: Arc<dyn Archive>,
    program: Program,
    graph: IdentityGraph,
    profiles: Profiles,
    timers: Timers,
    tallies: Tallies,
    /// What profiles have yet to follow of the definitions.
    backlog: Backlog,
    /// Hashes of the `_id`s seen within the window.
    seen: Seen,
    /// How far back events can be read.
    horizon: Horizon,
    /// Logical time: that of the last input.
    now: Timestamp,
    /// Log position of the last input.
    applied: Option<u64>,
    /// The inputs that are being applied; nothing between two calls.
    batch: Batch,
    /// What the checkpoint does not hold yet.
    dirty: Dirty,
    /// What is being encoded for it.
    underway: Option<DeltaUnderway>,
    /// The first thing that the archive gave and that makes no sense.
    damage: Option<RestoreError>,
}

impl Engine {
    /// An engine that has seen nothing, and keeps all events in memory.
    #[must_use]
    pub fn new(settings: Settings) -> Engine {
        Engine::with_archive(settings, Arc::new(MemoryArchive::default()))
    }

    /// An engine that has seen nothing, and reads events back from this archive.
    #[must_use]
    pub fn with_archive(settings: Settings, archive: Arc<dyn Archive>) -> Engine {
        Engine {
            archive,
            program: Program::new(&settings),
            graph: IdentityGraph::new(settings.identities_per_profile_max),
            settings,
            profiles: Profiles::default(),
            timers: Timers::default(),
            tallies: Tallies::default(),
            backlog: Backlog::default(),
            seen: Seen::default(),
            horizon: Horizon::default(),
            now: Timestamp::MIN,
            applied: None,
            batch: Batch::default(),
            dirty: Dirty::default(),
            underway: None,
            damage: None,
        }
    }

    /// Applies the input at a log position, after the timers that are due by `now`. Positions
    /// must ascend; a `now` before that of an earlier input counts as that one.
    pub fn apply(&mut self, position: u64, now: Timestamp, input: Input) -> Outcome {
        self.apply_all(vec![(position, now, input)], &InTurn).pop().unwrap_or_default()
    }

    /// Applies inputs one after the other, each as [`apply`](Engine::apply) does and with the same
    /// outcome; what they do to different profiles is done side by side.
    pub fn apply_all(
        &mut self,
        inputs: Vec<(u64, Timestamp, Input)>,
        workers: &impl Workers,
    ) -> Vec<Outcome> {
        self.read_ahead(&inputs, workers);
        let inputs = inputs.into_iter();
        let applied =
            inputs.map(|(position, now, input)| self.begin_input(position, now, input, workers));
        let mut outcomes: Vec<Outcome> = applied.collect();
        self.settle_all(workers);
        self.batch.end(&mut outcomes);
        outcomes
    }

    /// Applies an input as far as it concerns more than one profile. What it does to its own may
    /// wait, until that is settled.
    fn begin_input(
        &mut self,
        position: u64,
        now: Timestamp,
        input: Input,
        workers: &impl Workers,
    ) -> Outcome {
        let now = now.max(self.now);
        let mut outcome = Outcome::default();
        self.batch.begin_input(now, self.horizon.from());
        self.fire_due(now);
        if !matches!(input, Input::Event(_) | Input::Record(_) | Input::Tick) {
            self.settle_all(workers);
            self.batch.ahead = ReadAhead::default();
        }
        self.now = now;
        self.applied = Some(position);
        self.dirty.insert(Entry::Meta);
        self.expire(now);
        if self.horizon.pass(position, now, input.weight(), self.settings.history) {
            self.dirty.insert(Entry::Horizon);
            self.batch.read_from(self.horizon.from());
        }
        match input {
            Input::Event(event) => self.take_event(position, event, &mut outcome),
            Input::Record(record) => self.take_record(position, record, &mut outcome),
            Input::Tick => {}
            Input::Define(definition) => self.define(definition, &mut outcome),
            Input::Remove(kind, id) => self.remove(kind, &id, &mut outcome),
            Input::Forget(identity) => self.forget(identity, &mut outcome),
            Input::Exit(identity) => {
                self.exit(&identity);
                self.forget(identity, &mut outcome);
            }
            Input::Advance(through) => self.walk(through),
        }
        outcome
    }

    /// When the engine must be given an input, a tick at least; `None` when nothing is due ever.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.timers.first().map(|(wake, _)| wake)
    }

    /// Logical time: that of the last input.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Log position of the last input.
    #[must_use]
    pub fn applied(&self) -> Option<u64> {
        self.applied
    }

    /// The log position of the first input that may be read again.
    #[must_use]
    pub fn horizon(&self) -> u64 {
        self.horizon.from()
    }

    /// The definitions in effect.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// How many profiles there are.
    #[must_use]
    pub fn profile_count(&self) -> usize {
        self.profiles.len()
    }

    /// The profile with this identity.
    #[must_use]
    pub fn profile(&self, identity: &Identity) -> Option<ProfileView> {
        self.profile_by_id(self.profile_of(identity)?)
    }

    /// The profile with this id, or the one that absorbed it in the last 30 days.
    #[must_use]
    pub fn profile_by_id(&self, id: ProfileId) -> Option<ProfileView> {
        let id = self.graph.resolve(id, self.now);
        let state = self.look_at(id)?;
        Some(ProfileView {
            id,
            identities: self.identities_of(id),
            attributes: state.attributes.as_value().clone(),
            memberships: state
                .memberships
                .iter()
                .map(|(id, membership)| (id.to_owned(), membership.clone()))
                .collect(),
            event_count: state.history.event_count() as u64,
            next_wake: state.next_wake,
            is_up_to_date: self.is_up_to_date(id, &state),
        })
    }

    /// The events of the profile with this identity, ordered by timestamp, then by arrival.
    #[must_use]
    pub fn events(&self, identity: &Identity) -> Vec<EventFact> {
        let profile = self.profile_of(identity);
        let state = profile.and_then(|id| self.look_at(id));
        state.map(|state| state.history.facts(self.events_kept())).unwrap_or_default()
    }

    /// Wakes every profile that is due by `now`, each at its own moment: at once where it may have
    /// a definition to follow, otherwise when it is settled.
    fn fire_due(&mut self, now: Timestamp) {
        if !self.backlog.is_running() {
            return self.note_due(now);
        }
        while let Some((wake, profile)) = self.timers.first()
            && wake <= now
        {
            self.bring_in(profile);
            let due = self.profiles.get(profile).and_then(|state| state.next_wake);
            if due == Some(wake) {
                self.now = wake;
                self.wake(profile);
            } else {
                // A restart found it in the queue where it was before it moved.
                self.queue(profile, due);
            }
        }
    }

    /// Forgets what has ended: ids of merged profiles, `_id`s of events.
    fn expire(&mut self, now: Timestamp) {
        self.dirty.extend(self.seen.expire(now).into_iter().map(Entry::Seen));
        self.dirty.extend(self.graph.expire(now).into_iter().map(Entry::Merged));
    }

    fn take_event(&mut self, position: u64, mut event: Event, outcome: &mut Outcome) {
        let hash = event_id_hash(&event.id);
        if self.has_seen(hash, position) {
            outcome.duplicate = true;
            return;
        }
        let until = self.now.plus_millis(self.settings.deduplication_window_ms);
        self.seen.insert(SeenId { hash, position, until });
        self.archive.keep(position, &event.body);
        let stamp = (event.timestamp, position);
        if let Some(regrouping) = self.link(&mut event.identities, stamp, outcome) {
            self.take(&regrouping, Given::Event(position, event), outcome);
        }
    }

    fn take_record(&mut self, position: u64, mut record: Record, outcome: &mut Outcome) {
        let stamp = (record.timestamp.unwrap_or(self.now), position);
        if let Some(regrouping) = self.link(&mut record.identities, stamp, outcome) {
            self.take(&regrouping, Given::Record(stamp, record), outcome);
        }
    }

    /// Applies one input to one profile, once it has followed all definitions.
    fn advance(&mut self, profile: ProfileId, joined: Joined, what: What<'_>) {
        self.catch_up(profile);
        self.process(profile, joined, what);
    }

    /// Applies one input to one profile as it is.
    fn process(&mut self, profile: ProfileId, joined: Joined, what: What<'_>) {
        debug_assert!(!self.batch.waiting.contains_key(&profile), "{profile} is not settled");
        self.begin(profile);
        let Some(state) = self.profiles.get_mut(profile) else { return };
        let is_merge = !joined.absorbed.is_empty();
        if is_merge {
            self.tallies.remove(&state.memberships);
        }
        let cause = what.cause();
        let input = ProfileInput {
            profile,
            identities: self.graph.identities(profile),
            identities_changed: joined.identities_changed,
            absorbed: joined.absorbed,
            attributes_before: joined.attributes_before,
            what,
        };
        let events = Events::new(&*self.archive, self.horizon.from());
        let context = Context { program: &self.program, events, now: self.now };
        let effects = process(context, state, input);
        let wake = state.next_wake;
        if is_merge {
            self.tallies.add(&state.memberships);
        }
        self.queue(profile, wake);
        self.note(Done::of(self.batch.input(), None, profile, self.now, cause, effects), !is_merge);
    }

    /// Begins a profile, unless there is one with this id.
    fn begin(&mut self, profile: ProfileId) {
        if !self.profiles.is_held(profile) {
            debug_assert!(!self.profiles.contains(profile), "{profile} was not brought in");
            self.profiles.insert(profile, ProfileState::new(self.follows_all()));
            self.dirty.insert(Entry::Timer(profile));
        }
    }

    /// What profiles are looked at with.
    fn context(&self) -> Context<'_> {
        Context { program: &self.program, events: self.events_kept(), now: self.now }
    }

    /// The events that can be read.
    fn events_kept(&self) -> Events<'_> {
        Events::new(&*self.archive, self.horizon.from())
    }

    /// Takes a profile's state out of the engine.
    fn take_out(&mut self, profile: ProfileId) -> Option<ProfileState> {
        let state = self.profiles.remove(profile)?;
        self.tallies.remove(&state.memberships);
        self.timers.set(profile, None, self.now);
        let slots = state.slots().into_iter().map(Part::Slot);
        self.dirty.touch(profile, slots.chain([Part::Group, Part::Timer]));
        Some(state)
    }
}
