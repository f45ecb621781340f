//! Messages: sliced, stamped, wrapped, built and read.
//!
//! ```text
//!  ┌────────┬─────────────┬─────────────┬────────────┬─────────────┬─ ─ ─ ─ ─ ─┬────────┐
//!  │ header │  delivery   │   message   │ properties │ application │   body    │ footer │
//!  │        │ annotations │ annotations │            │ properties  │ 1..n data │        │
//!  │   70   │     71      │     72      │     73     │     74      │ 75|76|77  │   78   │
//!  └────────┴─────────────┴─────────────┴────────────┴─────────────┴─ ─ ─ ─ ─ ─┴────────┘
//!             of one hop     x-opt-…      └──────────── the bare message ──────────┘
//! ```
//!
//! Every section is optional and starts with `00 53 <code>`. The broker never decodes a message:
//! it cuts it into [`Sections`], stores the bytes as they came, and [`deliver`]s them with its own
//! annotations spliced in. Programs that want the content use [`Message`].
//!
//! A *batch* (message format [`BATCH_FORMAT`]) is an envelope whose data sections each hold one
//! complete encoded message; [`Publication`] opens either kind.

mod batch;
mod content;
mod delivery;
mod numbers;
mod sections;

pub use batch::{BATCH_FORMAT, BatchBuilder, MESSAGE_FORMAT, Publication};
pub use content::{Body, Message, Properties};
pub use delivery::{RuntimeMetrics, Stamp, deliver};
pub use numbers::{
    EventNumber, IDEMPOTENT_PRODUCER, Numbering, PRODUCER_EPOCH, PRODUCER_ID,
    PRODUCER_SEQUENCE_NUMBER, ProducerIdentity,
};
pub use sections::{MessageError, Sections};

/// Annotation with the key that chose the partition.
pub const PARTITION_KEY: &str = "x-opt-partition-key";
/// Annotation with the event's number within its partition.
pub const SEQUENCE_NUMBER: &str = "x-opt-sequence-number";
/// Annotation with the event's place within its partition: opaque text.
pub const OFFSET: &str = "x-opt-offset";
/// Annotation with the time at which the hub took the event.
pub const ENQUEUED_TIME: &str = "x-opt-enqueued-time";
/// Annotation with the name of the publisher endpoint that was used.
pub const PUBLISHER: &str = "x-opt-publisher-name";

/// Descriptors of sections (AMQP 1.0, part 3, section 3.2).
mod section {
    pub(super) const HEADER: u8 = 0x70;
    pub(super) const DELIVERY_ANNOTATIONS: u8 = 0x71;
    pub(super) const MESSAGE_ANNOTATIONS: u8 = 0x72;
    pub(super) const PROPERTIES: u8 = 0x73;
    pub(super) const APPLICATION_PROPERTIES: u8 = 0x74;
    pub(super) const DATA: u8 = 0x75;
    pub(super) const SEQUENCE: u8 = 0x76;
    pub(super) const VALUE: u8 = 0x77;
    pub(super) const FOOTER: u8 = 0x78;
}
