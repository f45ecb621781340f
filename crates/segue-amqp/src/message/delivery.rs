//! Handing a stored message to a receiver: the hub's annotations spliced into the sender's bytes.
//!
//! ```text
//!  stored     header   delivery ann.    message annotations          bare message
//!               │        (dropped)             │                          │
//!  delivered  header  [runtime metrics]  annotations + sequence number, bare message
//!             └──────────── prefix, built ──── offset, time ──────────┘   (a slice)
//! ```

use super::sections::{MessageError, Sections};
use super::{
    ENQUEUED_TIME, OFFSET, PRODUCER_EPOCH, PRODUCER_ID, PRODUCER_SEQUENCE_NUMBER, SEQUENCE_NUMBER,
    section,
};
use crate::codec::{DecodeError, put};

/// What the hub knows about a stored message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Number of the message within its partition; its text is the offset.
    pub sequence_number: u64,
    /// When the hub took it, in milliseconds since the Unix epoch.
    pub enqueued_time_ms: i64,
}

/// The end of a partition, told with each delivery to receivers that ask for it
/// (`com.microsoft:enable-receiver-runtime-metric`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuntimeMetrics {
    /// Number of the newest message; its text is the offset.
    pub last_sequence_number: u64,
    /// When the hub took it, in milliseconds since the Unix epoch.
    pub last_enqueued_time_ms: i64,
    /// When this was looked up, in milliseconds since the Unix epoch.
    pub retrieved_time_ms: i64,
}

/// Appends to `prefix` what must precede the bare message that is returned; both together are the
/// message to deliver. Annotations of the sender keep their bytes, except that nobody but the hub
/// may say sequence number, offset and enqueued time, and that the numbers of an idempotent
/// producer are between it and the hub.
///
/// # Errors
/// When `stored` is no message.
pub fn deliver<'a>(
    stored: &'a [u8],
    stamp: &Stamp,
    metrics: Option<&RuntimeMetrics>,
    prefix: &mut Vec<u8>,
) -> Result<&'a [u8], MessageError> {
    let sections = Sections::slice(stored)?;
    prefix.extend_from_slice(sections.header);
    if let Some(metrics) = metrics {
        put_metrics(prefix, metrics);
    }
    put::descriptor(prefix, section::MESSAGE_ANNOTATIONS);
    put::counted_map(prefix, |out| {
        let kept = copy_annotations(&sections, out)?;
        put::symbol(out, SEQUENCE_NUMBER);
        put::long(out, wire_number(stamp.sequence_number));
        put::symbol(out, OFFSET);
        put::string(out, &stamp.sequence_number.to_string());
        put::symbol(out, ENQUEUED_TIME);
        put::timestamp(out, stamp.enqueued_time_ms);
        Ok::<_, DecodeError>(kept + 3)
    })?;
    Ok(sections.bare())
}

/// Copies the sender's annotations and returns their number.
fn copy_annotations(sections: &Sections<'_>, out: &mut Vec<u8>) -> Result<u32, DecodeError> {
    let mut kept = 0;
    let mut entries = sections.annotations()?;
    while let Some(entry) = entries.next_entry()? {
        let is_dropped = matches!(
            entry.name(),
            Some(
                SEQUENCE_NUMBER
                    | OFFSET
                    | ENQUEUED_TIME
                    | PRODUCER_ID
                    | PRODUCER_EPOCH
                    | PRODUCER_SEQUENCE_NUMBER
            )
        );
        if !is_dropped {
            out.extend_from_slice(entry.key);
            out.extend_from_slice(entry.value);
            kept += 1;
        }
    }
    Ok(kept)
}

fn put_metrics(out: &mut Vec<u8>, metrics: &RuntimeMetrics) {
    put::descriptor(out, section::DELIVERY_ANNOTATIONS);
    put::map(out, 4, |out| {
        put::symbol(out, "last_enqueued_sequence_number");
        put::long(out, wire_number(metrics.last_sequence_number));
        put::symbol(out, "last_enqueued_offset");
        put::string(out, &metrics.last_sequence_number.to_string());
        put::symbol(out, "last_enqueued_time_utc");
        put::timestamp(out, metrics.last_enqueued_time_ms);
        put::symbol(out, "runtime_info_retrieval_time_utc");
        put::timestamp(out, metrics.retrieved_time_ms);
    });
}

/// Sequence numbers are signed on the wire; a log never gets near the end of either type.
fn wire_number(sequence_number: u64) -> i64 {
    i64::try_from(sequence_number).unwrap_or(i64::MAX)
}
