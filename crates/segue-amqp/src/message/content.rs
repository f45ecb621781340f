//! Messages as programs write and read them.

use bytes::Bytes;

use super::section;
use super::sections::{MessageError, Sections};
use crate::codec::{DecodeError, Decoder, Map, Value, put};
use crate::frame::fields::{Fields, put_text};

/// A message with its content in memory. Header, delivery annotations and footer are left out: no
/// program here has a use for them, and the broker passes them on undecoded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// Annotations, keys usually symbols.
    pub message_annotations: Map,
    /// Standard properties.
    pub properties: Properties,
    /// The application's own properties, keys strings.
    pub application_properties: Map,
    /// The content.
    pub body: Body,
}

/// The content of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body {
    /// No body section.
    #[default]
    Empty,
    /// Bytes; those of several data sections are joined.
    Data(Bytes),
    /// Lists, one per sequence section.
    Sequence(Vec<Value>),
    /// One value of any type.
    Value(Value),
}

/// Standard properties (AMQP 1.0, part 3, section 3.2.4). Ids keep their type, so that a reply can
/// echo exactly what the request had.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties {
    /// Name of the message: ulong, uuid, binary or string.
    pub message_id: Value,
    /// Identity of the user who made it.
    pub user_id: Option<Vec<u8>>,
    /// Node that it is meant for.
    pub to: Option<String>,
    /// Subject.
    pub subject: Option<String>,
    /// Node to send replies to.
    pub reply_to: Option<String>,
    /// Name of the message that this one answers.
    pub correlation_id: Value,
    /// MIME type of the body.
    pub content_type: Option<String>,
    /// Encoding of the body.
    pub content_encoding: Option<String>,
    /// When it expires, a timestamp.
    pub absolute_expiry_time: Value,
    /// When it was made, a timestamp.
    pub creation_time: Value,
    /// Group that it belongs to.
    pub group_id: Option<String>,
    /// Its place in the group.
    pub group_sequence: Option<u32>,
    /// Group to send replies to.
    pub reply_to_group_id: Option<String>,
}

impl Message {
    /// Encodes the message; sections without content are left out.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_map_section(&mut out, section::MESSAGE_ANNOTATIONS, &self.message_annotations);
        if self.properties != Properties::default() {
            self.properties.put(&mut out);
        }
        put_map_section(&mut out, section::APPLICATION_PROPERTIES, &self.application_properties);
        match &self.body {
            Body::Empty => {}
            Body::Data(bytes) => {
                put::descriptor(&mut out, section::DATA);
                put::binary(&mut out, bytes);
            }
            Body::Sequence(lists) => {
                for list in lists {
                    put::descriptor(&mut out, section::SEQUENCE);
                    put::value(&mut out, list);
                }
            }
            Body::Value(value) => {
                put::descriptor(&mut out, section::VALUE);
                put::value(&mut out, value);
            }
        }
        out
    }

    /// Reads an encoded message; a body of one data section shares its bytes.
    ///
    /// # Errors
    /// When the bytes are no message.
    pub fn decode(encoded: &Bytes) -> Result<Message, MessageError> {
        let sections = Sections::slice(encoded)?;
        Ok(Message {
            message_annotations: map_of(sections.message_annotations)?,
            properties: Properties::decode(sections.properties)?,
            application_properties: map_of(sections.application_properties)?,
            body: Body::decode(encoded, sections.body)?,
        })
    }
}

impl Body {
    /// Reads all body sections with one decoder, so that its limit on values holds for them
    /// together.
    fn decode(encoded: &Bytes, sections: &[u8]) -> Result<Body, MessageError> {
        let mixed = MessageError::SectionOrder(section::VALUE);
        let mut decoder = Decoder::new(sections);
        let (mut data, mut lists, mut value) = (Vec::new(), Vec::new(), None);
        while !decoder.rest().is_empty() {
            let code = decoder.descriptor()?;
            if code == u64::from(section::DATA) {
                data.push(decoder.binary()?);
            } else if code == u64::from(section::SEQUENCE) {
                lists.push(decoder.value()?);
            } else if value.replace(decoder.value()?).is_some() {
                return Err(mixed);
            }
        }
        match (data.as_slice(), lists.is_empty(), value) {
            ([], true, None) => Ok(Body::Empty),
            ([only], true, None) => Ok(Body::Data(encoded.slice_ref(only))),
            (_, true, None) => Ok(Body::Data(data.concat().into())),
            ([], false, None) => Ok(Body::Sequence(lists)),
            ([], true, Some(value)) => Ok(Body::Value(value)),
            _ => Err(mixed),
        }
    }
}

impl Properties {
    fn put(&self, out: &mut Vec<u8>) {
        put::descriptor(out, section::PROPERTIES);
        put::list(out, 13, |out| {
            put::value(out, &self.message_id);
            put::optional(out, self.user_id.as_deref(), put::binary);
            put_text(out, self.to.as_deref());
            put_text(out, self.subject.as_deref());
            put_text(out, self.reply_to.as_deref());
            put::value(out, &self.correlation_id);
            put::optional(out, self.content_type.as_deref(), put::symbol);
            put::optional(out, self.content_encoding.as_deref(), put::symbol);
            put::value(out, &self.absolute_expiry_time);
            put::value(out, &self.creation_time);
            put_text(out, self.group_id.as_deref());
            put::optional(out, self.group_sequence, put::uint);
            put_text(out, self.reply_to_group_id.as_deref());
        });
    }

    fn decode(section: &[u8]) -> Result<Properties, DecodeError> {
        if section.is_empty() {
            return Ok(Properties::default());
        }
        let mut decoder = Decoder::new(section);
        decoder.descriptor()?;
        let mut fields = Fields::enter(&mut decoder)?;
        Ok(Properties {
            message_id: fields.value()?,
            user_id: fields.optional(Decoder::binary)?.map(<[u8]>::to_vec),
            to: fields.text()?,
            subject: fields.text()?,
            reply_to: fields.text()?,
            correlation_id: fields.value()?,
            content_type: fields.text()?,
            content_encoding: fields.text()?,
            absolute_expiry_time: fields.value()?,
            creation_time: fields.value()?,
            group_id: fields.text()?,
            group_sequence: fields.integer()?,
            reply_to_group_id: fields.text()?,
        })
    }
}

fn put_map_section(out: &mut Vec<u8>, code: u8, map: &Map) {
    if !map.is_empty() {
        put::descriptor(out, code);
        put::entries(out, map);
    }
}

fn map_of(section: &[u8]) -> Result<Map, DecodeError> {
    if section.is_empty() {
        return Ok(Map::new());
    }
    let mut decoder = Decoder::new(section);
    decoder.descriptor()?;
    decoder.entries()
}
