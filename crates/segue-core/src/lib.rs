//! The heart of Segue: who is who, who belongs where, and what is sent about it.
//!
//! - [`Definition`]: audiences, destinations, namespaces and functions as users write them;
//!   [`Program`]: all of them, fitted together.
//! - [`Engine`]: the whole system as one state machine. An [`Input`] goes in, an [`Outcome`] comes
//!   out: [`MembershipChange`]s and [`Activation`]s.
//! - [`Delta`]: what changed in the engine's state, as keys and values for a store.
//!
//! Invariant: pure and deterministic. There is no clock, no I/O, no thread, no randomness and no
//! map of random order in this crate; "now" comes in with every input.
//!
//! ```
//! use segue_core::{Definition, Engine, Input, Settings};
//! use segue_xdm::{Event, Timestamp};
//! use serde_json::json;
//!
//! let now = Timestamp::parse("2026-01-01T10:00:00Z").unwrap();
//! let mut engine = Engine::new(Settings::default());
//! let sports = r#"CHAIN(xEvent, timestamp, [C0: WHAT(page.equals("Sports", false))])"#;
//! let audience = Definition::from_value(json!({
//!     "kind": "Audience", "id": "sports-fan", "name": "Sports fan", "definition": sports,
//! }));
//! engine.apply(0, now, Input::Define(audience.unwrap()));
//! let event = Event::from_value(
//!     &json!({
//!         "_id": "1", "timestamp": "2026-01-01T10:00:00Z",
//!         "identityMap": {"ECID": [{"id": "42"}]},
//!         "page": "sports",
//!     }),
//!     now,
//! );
//! let outcome = engine.apply(1, now, Input::Event(event.unwrap()));
//! assert_eq!(outcome.changes[0].audience, "sports-fan");
//! assert_eq!(outcome.changes[0].to.as_str(), "realized");
//! ```

mod activation;
mod archive;
mod body;
mod codec;
mod consent;
mod definition;
mod engine;
mod evaluation;
mod expiring;
mod identity;
mod ids;
mod in_order;
mod input;
mod membership;
mod process;
mod profile;
mod program;
mod stamps;
mod trace_context;
mod workers;

pub use activation::{Activation, Reason};
pub use archive::{Archive, ArchiveEntry, MemoryArchive};
pub use codec::DecodeError;
pub use definition::{
    AttributeMerge, Audience, Backfill, Definition, Destination, EXCLUDE_PATTERNS_MAX, Function,
    Kind, KindError, MAPPED_ATTRIBUTES_MAX, MAPPED_AUDIENCES_MAX, MergePolicy, NAME_CHARS_MAX,
    NAMESPACE_PRIORITY_MAX, Namespace, NamespaceType, PATTERN_CHARS_MAX, Pattern, PatternError,
    RANKED_DATASETS_MAX, SELECTED_FIELDS_MAX, StatusModel, TEMPLATE_CHARS_MAX, Triggers,
    connection, variables,
};
pub use engine::{
    AudienceMoves, AudienceTally, Comparison, DEDUPLICATION_WINDOW_MS, Delta, DryRun,
    ESTIMATE_SAMPLE_MAX, Engine, Erased, Estimate, Estimation, Explanation, GraphView,
    HistoryLimits, JOBS_KEPT_MAX, Job, JobKind, JobState, MOVES_SHOWN_MAX, MembershipChange, Move,
    Outcome, ProfileView, RestoreError, Sampled, SeenId, Settings,
};
pub use evaluation::{EvaluationMode, TRACE_EVENTS_MAX};
pub use identity::{IDENTITIES_PER_PROFILE_MAX, Link, MERGED_ID_KEPT_MS};
pub use ids::{ActivationId, IdError, ProfileId};
pub use input::Input;
pub use membership::{Change, EXITED_KEPT_MS, Membership, Status, StatusError};
pub use profile::{Profile, ProfileOutcome};
pub use program::{DefinitionView, Program, publishing_order, sort_for_publishing};
pub use trace_context::TraceContext;
pub use workers::{InTurn, Workers};
