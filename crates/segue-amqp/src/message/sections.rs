//! Cutting an encoded message into its sections without decoding them.

use super::{PARTITION_KEY, section};
use crate::codec::{DecodeError, Decoder};

/// Why bytes are no message, or no batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// No bytes at all.
    #[error("the message is empty: an event needs at least a body")]
    Empty,
    /// A batch without messages.
    #[error("the batch holds no events")]
    EmptyBatch,
    /// A section that AMQP does not know.
    #[error("0x{0:02x} is no section of a message")]
    UnknownSection(u64),
    /// A section behind one that it must precede.
    #[error("section 0x{0:02x} of the message is out of order or there twice")]
    SectionOrder(u8),
    /// The envelope of a batch may only hold data sections.
    #[error("the body of a batch must be data sections")]
    BatchBody,
    /// A message format that is neither a message nor a batch.
    #[error("message format 0x{0:08x} is not supported: send 0 (one event) or 0x80013700 (batch)")]
    UnknownFormat(u32),
    /// Malformed AMQP values.
    #[error("malformed message: {0}")]
    Malformed(#[from] DecodeError),
}

/// An encoded message, cut. Each slice is a whole section with its descriptor, empty when the
/// message does not have it; one behind the other they are the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sections<'a> {
    /// Durability, priority, time to live.
    pub header: &'a [u8],
    /// Annotations of one hop.
    pub delivery_annotations: &'a [u8],
    /// Annotations of the whole way.
    pub message_annotations: &'a [u8],
    /// Standard properties.
    pub properties: &'a [u8],
    /// The application's own properties.
    pub application_properties: &'a [u8],
    /// All data or sequence sections, or the one value section.
    pub body: &'a [u8],
    /// What was computed over the message, as a signature.
    pub footer: &'a [u8],
    bare: &'a [u8],
}

impl<'a> Sections<'a> {
    /// Cuts `message`. Delivery annotations may also come last, which is where the Event Hubs
    /// client for Python writes them; then they travel with the bare message.
    ///
    /// # Errors
    /// When the bytes are no sequence of sections in the order of the protocol.
    pub fn slice(message: &'a [u8]) -> Result<Sections<'a>, MessageError> {
        if message.is_empty() {
            return Err(MessageError::Empty);
        }
        let mut sections = Sections { bare: message, ..Sections::default() };
        let mut decoder = Decoder::new(message);
        let mut last_rank = None;
        while !decoder.rest().is_empty() {
            let from = decoder.rest();
            let code = decoder.descriptor()?;
            decoder.skip()?;
            let (code, mut rank) = rank(code).ok_or(MessageError::UnknownSection(code))?;
            if code == section::DELIVERY_ANNOTATIONS && last_rank > Some(rank) {
                rank = MISPLACED_RANK;
            }
            if last_rank > Some(rank) || (last_rank == Some(rank) && rank != BODY_RANK) {
                return Err(MessageError::SectionOrder(code));
            }
            last_rank = Some(rank);
            let place = match code {
                section::HEADER => &mut sections.header,
                section::DELIVERY_ANNOTATIONS => &mut sections.delivery_annotations,
                section::MESSAGE_ANNOTATIONS => &mut sections.message_annotations,
                section::PROPERTIES => &mut sections.properties,
                section::APPLICATION_PROPERTIES => &mut sections.application_properties,
                section::FOOTER => &mut sections.footer,
                _ => {
                    // Body sections lie side by side: the slice grows over the next one.
                    let body = sections.body.len() + from.len() - decoder.rest().len();
                    let start = from.len() + sections.body.len();
                    sections.body = slice_back(message, start, body);
                    continue;
                }
            };
            *place = slice_back(message, from.len(), from.len() - decoder.rest().len());
            if rank <= MESSAGE_ANNOTATIONS_RANK {
                sections.bare = decoder.rest();
            }
        }
        Ok(sections)
    }

    /// The bare message: everything behind the message annotations, which nobody on the way may
    /// change.
    pub fn bare(&self) -> &'a [u8] {
        self.bare
    }

    /// The partition key that the sender put into the message annotations.
    ///
    /// # Errors
    /// When the annotations are no map, or the key no string.
    pub fn partition_key(&self) -> Result<Option<&'a str>, DecodeError> {
        text(self.message_annotations, PARTITION_KEY)
    }

    /// The text of one of the application's own properties, found without reading the others.
    ///
    /// # Errors
    /// When the properties are no map, or this one no string.
    pub fn application_property(&self, name: &str) -> Result<Option<&'a str>, DecodeError> {
        text(self.application_properties, name)
    }

    /// The message annotations, to be walked over undecoded.
    pub(super) fn annotations(&self) -> Result<Annotations<'a>, DecodeError> {
        entries(self.message_annotations)
    }
}

/// The map that a section is.
fn entries(section: &[u8]) -> Result<Annotations<'_>, DecodeError> {
    if section.is_empty() {
        return Ok(Annotations { inside: Decoder::new(&[]), left: 0 });
    }
    let mut decoder = Decoder::new(section);
    decoder.descriptor()?;
    if decoder.null() {
        return Ok(Annotations { inside: Decoder::new(&[]), left: 0 });
    }
    let (inside, count) = decoder.map()?;
    Ok(Annotations { inside, left: count / 2 })
}

/// The text that a section's map has under a name.
fn text<'a>(section: &'a [u8], name: &str) -> Result<Option<&'a str>, DecodeError> {
    let mut entries = entries(section)?;
    while let Some(entry) = entries.next_entry()? {
        if entry.name() == Some(name) {
            let mut value = Decoder::new(entry.value);
            return if value.null() { Ok(None) } else { value.text().map(Some) };
        }
    }
    Ok(None)
}

/// The entries of an annotations map, undecoded.
pub(super) struct Annotations<'a> {
    inside: Decoder<'a>,
    left: usize,
}

/// One annotation, undecoded.
pub(super) struct Annotation<'a> {
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
}

impl<'a> Annotations<'a> {
    pub(super) fn next_entry(&mut self) -> Result<Option<Annotation<'a>>, DecodeError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        Ok(Some(Annotation { key: self.inside.skip()?, value: self.inside.skip()? }))
    }
}

impl<'a> Annotation<'a> {
    /// The text of the key; reserved annotations have numbers instead.
    pub(super) fn name(&self) -> Option<&'a str> {
        Decoder::new(self.key).text().ok()
    }
}

const MESSAGE_ANNOTATIONS_RANK: u8 = 2;
const BODY_RANK: u8 = 5;
/// Behind everything else.
const MISPLACED_RANK: u8 = 7;

/// The place of a section among the others.
fn rank(code: u64) -> Option<(u8, u8)> {
    let code = u8::try_from(code).ok()?;
    Some((
        code,
        match code {
            section::HEADER => 0,
            section::DELIVERY_ANNOTATIONS => 1,
            section::MESSAGE_ANNOTATIONS => MESSAGE_ANNOTATIONS_RANK,
            section::PROPERTIES => 3,
            section::APPLICATION_PROPERTIES => 4,
            section::DATA | section::SEQUENCE | section::VALUE => BODY_RANK,
            section::FOOTER => 6,
            _ => return None,
        },
    ))
}

/// `len` bytes of `message` from the place that is `from_end` bytes before its end.
fn slice_back(message: &[u8], from_end: usize, len: usize) -> &[u8] {
    let start = message.len().saturating_sub(from_end);
    message.get(start..start.saturating_add(len)).unwrap_or_default()
}
