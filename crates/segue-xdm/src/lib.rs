//! Experience data: what comes into Segue, and the words that every other crate shares.
//!
//! - [`Timestamp`]: a moment, in milliseconds, that can always be printed as RFC 3339.
//! - [`Identity`]: a namespace code and an id, "who this is".
//! - [`Path`]: where a value lies in a body, such as `productListItems[0].name`.
//! - [`Document`]: a JSON value whose fields are found quickly.
//! - [`Event`] and [`Record`]: a validated experience event, a validated upsert of attributes.
//! - [`Violation`]: one broken rule of an input. Validation reports all of them at once.
//!
//! Invariant: a value of one of these types is valid; what was refused never becomes one. The
//! crate has no clock: "now" is handed in.
//!
//! ```
//! use segue_xdm::{Event, Path, Timestamp};
//!
//! let body = serde_json::json!({
//!     "_id": "1",
//!     "timestamp": "2026-01-01T10:00:00+01:00",
//!     "identityMap": {"ECID": [{"id": "42"}]},
//!     "web": {"webPageDetails": {"name": "Sports"}},
//! });
//! let now = Timestamp::parse("2026-01-01T09:00:01Z").unwrap();
//! let event = Event::from_value(&body, now).unwrap();
//! assert_eq!(event.identities[0].to_string(), "ecid:42");
//! assert_eq!(event.timestamp.to_string(), "2026-01-01T09:00:00Z");
//!
//! let page: Path = "web.webPageDetails.name".parse().unwrap();
//! assert_eq!(page.get(&event.body.to_value()).unwrap(), "Sports");
//! ```

mod checks;
mod document;
mod identity;
mod identity_map;
mod input;
mod nearest;
mod path;
mod timestamp;
mod violation;

pub use document::{Document, Fields, Items, JsonReader, Slice, View};
pub use identity::{Identity, IdentityError};
pub use identity_map::{IDENTITIES_PER_INPUT_MAX, IDENTITY_ID_CHARS_MAX, NAMESPACE_CHARS_MAX};
pub use input::{DATASET_ID_CHARS_MAX, EVENT_ID_CHARS_MAX, Event, FUTURE_MAX_MS, Record};
pub use nearest::nearest;
pub use path::{PATH_INDEX_MAX, PATH_SEGMENTS_MAX, Path, PathError, Segment};
pub use timestamp::{Timestamp, TimestampError};
pub use violation::{Violation, child_pointer};
