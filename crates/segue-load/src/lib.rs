//! What a web shop sends, and the audiences that it asks for, from a seed: for measuring.
//!
//! - [`stream::Stream`]: arrivals of a web shop, calibrated on published data sets.
//! - [`template::Template`]: an event of it, to be sent often, at the times of a [`clock::Clock`].
//! - [`audience::audiences`]: definitions in PQL, as many as wanted.
//!
//! Invariant: a seed gives the same bytes on every machine and for ever; a test holds it.
//!
//! ```
//! use segue_load::stream::{Settings, Stream};
//!
//! let arrivals: Vec<_> = Stream::new(Settings::default()).take(3).collect();
//! assert!(arrivals[0].body.contains("identityMap"));
//! ```

pub mod audience;
pub mod body;
pub mod catalogue;
pub mod clock;
pub mod random;
pub mod stream;
pub mod template;
pub mod visitor;
