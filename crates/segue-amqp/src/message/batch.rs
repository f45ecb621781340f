//! Batches: one envelope, several messages, one partition, all or none.
//!
//! ```text
//!  ┌────────────────┬─────────────────────────────┬─────────────┬─────────────┬─ ─
//!  │ header durable │ x-opt-partition-key = "k"   │ data: msg 1 │ data: msg 2 │ …
//!  └────────────────┴─────────────────────────────┴─────────────┴─────────────┴─ ─
//!                     (only with a partition key)    complete encoded messages
//! ```

use super::sections::{MessageError, Sections};
use super::{PARTITION_KEY, section};
use crate::codec::{Decoder, put};

/// Message format of a single message.
pub const MESSAGE_FORMAT: u32 = 0;

/// Message format of a batch envelope, as Event Hubs numbers it.
pub const BATCH_FORMAT: u32 = 0x8001_3700;

/// Descriptor, format code and 32-bit length of a data section.
const DATA_OVERHEAD_BYTES: usize = 8;

/// What one delivery brings to a hub: one message, or those of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication<'a> {
    /// The key that chooses the partition, that of the envelope in a batch.
    pub partition_key: Option<&'a str>,
    /// The encoded messages, as sent; at least one.
    pub messages: Vec<&'a [u8]>,
}

impl<'a> Publication<'a> {
    /// Opens what was delivered with `format` and checks that every message in it can be sliced
    /// and stamped, so that all of them can be taken.
    ///
    /// # Errors
    /// When the format is unknown, or any of the messages malformed.
    pub fn open(format: u32, delivered: &'a [u8]) -> Result<Publication<'a>, MessageError> {
        let envelope = Sections::slice(delivered)?;
        let partition_key = envelope.partition_key()?;
        match format {
            MESSAGE_FORMAT => {
                check_annotations(&envelope)?;
                Ok(Publication { partition_key, messages: vec![delivered] })
            }
            BATCH_FORMAT => {
                Ok(Publication { partition_key, messages: batched_messages(&envelope)? })
            }
            other => Err(MessageError::UnknownFormat(other)),
        }
    }
}

fn batched_messages<'a>(envelope: &Sections<'a>) -> Result<Vec<&'a [u8]>, MessageError> {
    let mut messages = Vec::new();
    let mut body = Decoder::new(envelope.body);
    while !body.rest().is_empty() {
        if body.descriptor()? != u64::from(section::DATA) {
            return Err(MessageError::BatchBody);
        }
        let message = body.binary()?;
        check_annotations(&Sections::slice(message)?)?;
        messages.push(message);
    }
    if messages.is_empty() { Err(MessageError::EmptyBatch) } else { Ok(messages) }
}

/// Walks over the annotations once, so that no delivery can fail on them later.
fn check_annotations(message: &Sections<'_>) -> Result<(), MessageError> {
    let mut entries = message.annotations()?;
    while entries.next_entry()?.is_some() {}
    Ok(())
}

/// Builds the envelope of a batch.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    envelope: Vec<u8>,
    max_bytes: usize,
    len: usize,
}

impl BatchBuilder {
    /// An empty batch that grows to at most `max_bytes` encoded bytes.
    pub fn new(partition_key: Option<&str>, max_bytes: usize) -> BatchBuilder {
        let mut envelope = Vec::new();
        put::descriptor(&mut envelope, section::HEADER);
        put::list(&mut envelope, 5, |out| {
            put::boolean(out, true); // durable
            (0..4).for_each(|_| put::null(out));
        });
        if let Some(key) = partition_key {
            put::descriptor(&mut envelope, section::MESSAGE_ANNOTATIONS);
            put::map(&mut envelope, 1, |out| {
                put::symbol(out, PARTITION_KEY);
                put::string(out, key);
            });
        }
        BatchBuilder { envelope, max_bytes, len: 0 }
    }

    /// Adds an encoded message, or leaves the batch as it is and returns false when it does not
    /// fit any more.
    pub fn try_add(&mut self, message: &[u8]) -> bool {
        let bytes = self.envelope.len() + DATA_OVERHEAD_BYTES + message.len();
        if bytes > self.max_bytes {
            return false;
        }
        put::descriptor(&mut self.envelope, section::DATA);
        put::binary(&mut self.envelope, message);
        self.len += 1;
        true
    }

    /// Number of messages.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True before the first message.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The encoded envelope.
    pub fn finish(self) -> Vec<u8> {
        self.envelope
    }
}
