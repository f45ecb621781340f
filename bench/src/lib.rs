//! What an event costs: measured on a stream and audiences that come from a seed ([`segue_load`]).
//!
//! - [`subject::Subject`]: the engine that is measured.
//! - [`measurement::measure`]: the CPU time of an event, and the bytes of state of a profile.
//! - [`side_by_side::measure`]: what several threads make of the same inputs.
//! - [`roll`]: what other engines do too, who are in `bench/rivals`; [`job`]: on which events.
//!
//! Invariant: a figure is CPU time of one thread, so that it means the same on a machine that is
//! shared, and never time by the clock, but for the ratios of [`side_by_side`]; and every figure
//! says on how many events it rests.
//!
//! ```
//! use segue_load::stream::{Settings, Stream};
//! use segue_bench::subject::Subject;
//!
//! let mut subject = Subject::default();
//! for arrival in Stream::new(Settings::default()).take(100) {
//!     let input = Subject::read(arrival.kind, arrival.body.as_bytes(), arrival.at).unwrap();
//!     subject.process(arrival.at, input);
//! }
//! assert!(subject.into_state_size().profiles > 0);
//! ```

pub mod job;
pub mod measurement;
pub mod roll;
pub mod side_by_side;
pub mod subject;
