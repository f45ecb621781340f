//! Evaluation, event by event: at the cost of what an event touches, with what the reference
//! interpreter would find.
//!
//! ```text
//! definitions ─plan─▶ leaves ─compile─▶ Compiled: tests in an index, traces, audiences by rank
//!
//! event ─▶ EventIndex ─▶ tests passed ─▶ Traces of the profile ─▶ audiences concerned ─▶ changes
//!                                                                       │
//!                        Moments: when to look again without an event ◀─┘
//! ```
//!
//! A profile's state holds no events: only [`Traces`], [`Moments`] and memberships. The stored
//! events are read where an audience has no incremental form, and to build traces anew that
//! definitions ask for ([`Renewal`]).

mod compiled;
mod evaluator;
mod event;
mod event_index;
mod extraction;
mod intake;
mod moments;
mod names;
mod rank_set;
mod readers;
mod renewal;
mod trace;
mod trace_bytes;

pub(crate) use compiled::{Compiled, names_of};
pub(crate) use evaluator::{Evaluator, rebuild_traces};
pub(crate) use event::EventView;
pub(crate) use moments::{AudienceNumber, Moments};
pub(crate) use names::Names;
pub(crate) use renewal::Renewal;
pub use trace::TRACE_EVENTS_MAX;
pub(crate) use trace::{Clock, Traces};

/// How memberships are brought up to date. The results are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum EvaluationMode {
    /// Those that an input can have changed, from what was kept of the profile's events.
    #[default]
    Incremental,
    /// All of them, by the reference interpreter, over all of the profile's events.
    Reference,
}
