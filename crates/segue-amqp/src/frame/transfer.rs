//! Messages on their way: transfers and dispositions.

use super::condition::AmqpError;
use super::fields::{Fields, finish_frame, put_frame, put_map};
use super::link::Role;
use super::performative::{AMQP, code};
use crate::codec::{DecodeError, Decoder, Map, Value, put};

/// Longest delivery tag (AMQP 1.0, part 2, section 2.8.7).
pub const MAX_DELIVERY_TAG_BYTES: usize = 32;

/// More than the frame header and a transfer without delivery state ever take, so that the rest
/// of a frame may be payload.
pub const TRANSFER_OVERHEAD_BYTES: usize = 128;

/// What one delivery is called by its sender; held in place, as every transfer has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryTag {
    len: u8,
    bytes: [u8; MAX_DELIVERY_TAG_BYTES],
}

impl DeliveryTag {
    /// A tag of at most [`MAX_DELIVERY_TAG_BYTES`] bytes, none when there are more.
    pub fn new(tag: &[u8]) -> Option<DeliveryTag> {
        let mut bytes = [0; MAX_DELIVERY_TAG_BYTES];
        bytes.get_mut(..tag.len())?.copy_from_slice(tag);
        Some(DeliveryTag { len: tag.len().try_into().ok()?, bytes })
    }

    /// The bytes of the tag.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl From<u32> for DeliveryTag {
    /// The tag for the delivery of this number.
    fn from(number: u32) -> DeliveryTag {
        let mut bytes = [0; MAX_DELIVERY_TAG_BYTES];
        for (place, byte) in bytes.iter_mut().zip(number.to_be_bytes()) {
            *place = byte;
        }
        DeliveryTag { len: 4, bytes }
    }
}

/// One frame of a delivery. A delivery that needs several has `more` on all but the last, and only
/// the first needs id, tag and format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transfer {
    /// The link, in the sender's numbering.
    pub handle: u32,
    /// Number of the delivery within the session.
    pub delivery_id: Option<u32>,
    /// Name of the delivery.
    pub delivery_tag: Option<DeliveryTag>,
    /// 0 for one message, [`crate::message::BATCH_FORMAT`] for an envelope of several.
    pub message_format: Option<u32>,
    /// True when the sender expects no disposition.
    pub settled: Option<bool>,
    /// More frames of this delivery follow.
    pub more: bool,
    /// True when the receiving end settles only after the sender has.
    pub receiver_settles_second: Option<bool>,
    /// State of the delivery at the sending end.
    pub state: Option<DeliveryState>,
    /// The delivery was begun on an earlier link.
    pub resume: bool,
    /// The delivery is given up; what came of it is void.
    pub aborted: bool,
    /// The sender does not wait for this disposition.
    pub batchable: bool,
}

impl Transfer {
    /// Appends one frame with all of `payload`.
    pub fn encode(&self, channel: u16, payload: &[u8], out: &mut Vec<u8>) {
        let start = self.encode_head(channel, out);
        out.extend_from_slice(payload);
        finish_frame(out, start);
    }

    /// Appends one frame of at most `max_frame_size` bytes with what follows the first `sent`
    /// bytes of the message that `parts` make up together, and returns how many bytes of it have
    /// been sent by then. The delivery is complete when that is its length; until then call it
    /// again. `more` is set accordingly; id, tag and format go with the first frame only.
    ///
    /// Each byte is copied once, from its part into `out`.
    pub fn encode_chunk(
        &self,
        channel: u16,
        max_frame_size: u32,
        parts: &[&[u8]],
        sent: usize,
        out: &mut Vec<u8>,
    ) -> usize {
        let total: usize = parts.iter().map(|part| part.len()).sum();
        let frame = usize::try_from(max_frame_size).unwrap_or(usize::MAX);
        let room = frame.saturating_sub(TRANSFER_OVERHEAD_BYTES).max(1);
        let end = total.min(sent.saturating_add(room));
        let first = sent == 0;
        let head = Transfer {
            handle: self.handle,
            delivery_id: self.delivery_id.filter(|_| first),
            delivery_tag: self.delivery_tag.filter(|_| first),
            message_format: self.message_format.filter(|_| first),
            settled: self.settled,
            more: end < total,
            batchable: self.batchable,
            ..Transfer::default()
        };
        let start = head.encode_head(channel, out);
        let mut offset = 0;
        for part in parts {
            let from = sent.saturating_sub(offset).min(part.len());
            let until = end.saturating_sub(offset).min(part.len());
            out.extend_from_slice(part.get(from..until).unwrap_or_default());
            offset += part.len();
        }
        finish_frame(out, start);
        end
    }

    /// The frame without its payload; returns where it starts.
    fn encode_head(&self, channel: u16, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        put_frame(out, (AMQP, channel), (code::TRANSFER, 11), |out| {
            put::uint(out, self.handle);
            put::optional(out, self.delivery_id, put::uint);
            put::optional(out, self.delivery_tag.as_ref(), |out, tag| {
                put::binary(out, tag.as_bytes());
            });
            put::optional(out, self.message_format, put::uint);
            put::optional(out, self.settled, put::boolean);
            put::boolean(out, self.more);
            put::optional(out, self.receiver_settles_second.map(u8::from), put::ubyte);
            put::optional(out, self.state.as_ref(), DeliveryState::put);
            put::boolean(out, self.resume);
            put::boolean(out, self.aborted);
            put::boolean(out, self.batchable);
        });
        start
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Transfer, DecodeError> {
        Ok(Transfer {
            handle: fields.required("handle")?,
            delivery_id: fields.integer()?,
            delivery_tag: fields.optional(|decoder| {
                let tag = decoder.binary()?;
                DeliveryTag::new(tag).ok_or(DecodeError::TooLong {
                    field: "delivery-tag",
                    len: tag.len(),
                    limit: MAX_DELIVERY_TAG_BYTES,
                })
            })?,
            message_format: fields.integer()?,
            settled: fields.optional(Decoder::boolean)?,
            more: fields.flag()?,
            receiver_settles_second: fields.integer::<u8>()?.map(|mode| mode == 1),
            state: fields.optional(DeliveryState::decode)?,
            resume: fields.flag()?,
            aborted: fields.flag()?,
            batchable: fields.flag()?,
        })
    }
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum DeliveryState {
    /// Received up to here; not final.
    Received {
        /// Section of the message.
        section_number: u32,
        /// Bytes of that section.
        section_offset: u64,
    },
    /// Taken.
    Accepted,
    /// Refused, for this reason.
    Rejected(Option<AmqpError>),
    /// Not taken and not changed: it may be sent again.
    Released,
    /// Not taken, and changed.
    Modified {
        /// Counts as a failed attempt.
        delivery_failed: bool,
        /// Not to be sent here again.
        undeliverable_here: bool,
        /// Annotations to merge into the message.
        message_annotations: Map,
    },
    /// Any other state, as those of transactions.
    Other(Value),
}

/// Descriptors of delivery states (AMQP 1.0, part 3, section 3.4).
mod state {
    pub(super) const RECEIVED: u8 = 0x23;
    pub(super) const ACCEPTED: u8 = 0x24;
    pub(super) const REJECTED: u8 = 0x25;
    pub(super) const RELEASED: u8 = 0x26;
    pub(super) const MODIFIED: u8 = 0x27;
}

impl DeliveryState {
    fn put(out: &mut Vec<u8>, state: &DeliveryState) {
        match state {
            DeliveryState::Received { section_number, section_offset } => {
                put::descriptor(out, state::RECEIVED);
                put::list(out, 2, |out| {
                    put::uint(out, *section_number);
                    put::ulong(out, *section_offset);
                });
            }
            DeliveryState::Accepted => {
                put::descriptor(out, state::ACCEPTED);
                put::list(out, 0, |_| {});
            }
            DeliveryState::Rejected(error) => {
                put::descriptor(out, state::REJECTED);
                put::list(out, 1, |out| put::optional(out, error.as_ref(), AmqpError::put));
            }
            DeliveryState::Released => {
                put::descriptor(out, state::RELEASED);
                put::list(out, 0, |_| {});
            }
            DeliveryState::Modified {
                delivery_failed,
                undeliverable_here,
                message_annotations,
            } => {
                put::descriptor(out, state::MODIFIED);
                put::list(out, 3, |out| {
                    put::boolean(out, *delivery_failed);
                    put::boolean(out, *undeliverable_here);
                    put_map(out, message_annotations);
                });
            }
            DeliveryState::Other(value) => put::value(out, value),
        }
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<DeliveryState, DecodeError> {
        let mut inside = decoder.clone();
        let code = inside.descriptor().ok().and_then(|code| u8::try_from(code).ok());
        let Some(code @ state::RECEIVED..=state::MODIFIED) = code else {
            return Ok(DeliveryState::Other(decoder.value()?));
        };
        let mut fields = Fields::enter(&mut inside)?;
        *decoder = inside;
        Ok(match code {
            state::RECEIVED => DeliveryState::Received {
                section_number: fields.required("section-number")?,
                section_offset: fields.required("section-offset")?,
            },
            state::ACCEPTED => DeliveryState::Accepted,
            state::REJECTED => DeliveryState::Rejected(fields.optional(AmqpError::decode)?),
            state::RELEASED => DeliveryState::Released,
            _ => DeliveryState::Modified {
                delivery_failed: fields.flag()?,
                undeliverable_here: fields.flag()?,
                message_annotations: fields.map()?,
            },
        })
    }
}

/// Tells what became of the deliveries `first` to `last`.
#[derive(Clone, Debug, PartialEq)]
pub struct Disposition {
    /// What the sender of this frame is on the links that these deliveries took.
    pub role: Role,
    /// First delivery.
    pub first: u32,
    /// Last delivery; none when it is the first one.
    pub last: Option<u32>,
    /// True when the sender has forgotten them.
    pub settled: bool,
    /// What became of them.
    pub state: Option<DeliveryState>,
    /// The sender does not wait for an answer.
    pub batchable: bool,
}

impl Disposition {
    /// Appends the frame to `out`.
    pub fn encode(&self, channel: u16, out: &mut Vec<u8>) {
        put_frame(out, (AMQP, channel), (code::DISPOSITION, 6), |out| {
            self.role.put(out);
            put::uint(out, self.first);
            put::optional(out, self.last, put::uint);
            put::boolean(out, self.settled);
            put::optional(out, self.state.as_ref(), DeliveryState::put);
            put::boolean(out, self.batchable);
        });
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Disposition, DecodeError> {
        Ok(Disposition {
            role: Role::read(fields)?,
            first: fields.required("first")?,
            last: fields.integer()?,
            settled: fields.flag()?,
            state: fields.optional(DeliveryState::decode)?,
            batchable: fields.flag()?,
        })
    }
}
