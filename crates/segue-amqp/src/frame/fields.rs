//! The fields of a described list, read and written in order.

use crate::codec::{DecodeError, Decoder, Map, Value, put};

/// Reads the fields of one composite value; absent ones are null.
pub(crate) struct Fields<'a> {
    inside: Decoder<'a>,
    left: usize,
}

impl<'a> Fields<'a> {
    /// Enters the list that comes next in `decoder`.
    pub(crate) fn enter(decoder: &mut Decoder<'a>) -> Result<Fields<'a>, DecodeError> {
        let (inside, left) = decoder.list()?;
        Ok(Fields { inside, left })
    }

    /// The next field as `read` reads it, or none when it is null or absent.
    pub(crate) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Decoder<'a>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        if self.inside.null() { Ok(None) } else { read(&mut self.inside).map(Some) }
    }

    /// The next field as an integer that fits into `T`.
    pub(crate) fn integer<T: TryFrom<u64>>(&mut self) -> Result<Option<T>, DecodeError> {
        self.optional(Decoder::integer)
    }

    /// The next field as an integer that must be there.
    pub(crate) fn required<T: TryFrom<u64>>(
        &mut self,
        field: &'static str,
    ) -> Result<T, DecodeError> {
        self.integer()?.ok_or(DecodeError::Missing(field))
    }

    /// The next field as a boolean, false when absent.
    pub(crate) fn flag(&mut self) -> Result<bool, DecodeError> {
        Ok(self.optional(Decoder::boolean)?.unwrap_or_default())
    }

    /// The next field as text.
    pub(crate) fn text(&mut self) -> Result<Option<String>, DecodeError> {
        Ok(self.optional(Decoder::text)?.map(str::to_owned))
    }

    /// The next field as a map, empty when absent.
    pub(crate) fn map(&mut self) -> Result<Map, DecodeError> {
        Ok(self.optional(Decoder::entries)?.unwrap_or_default())
    }

    /// The next field, whatever it is.
    pub(crate) fn value(&mut self) -> Result<Value, DecodeError> {
        Ok(self.optional(Decoder::value)?.unwrap_or_default())
    }

    /// The next field as names: an array of symbols, or a single one.
    pub(crate) fn names(&mut self) -> Result<Vec<String>, DecodeError> {
        Ok(match self.value()? {
            Value::Symbol(name) | Value::String(name) => vec![name],
            value => {
                let items = value.as_list().unwrap_or_default();
                items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
            }
        })
    }

    /// Steps over the next field.
    pub(crate) fn skip(&mut self) -> Result<(), DecodeError> {
        self.optional(|inside| inside.skip().map(|_| ()))?;
        Ok(())
    }
}

/// A map field: null when it is empty.
pub(crate) fn put_map(out: &mut Vec<u8>, map: &Map) {
    if map.is_empty() {
        put::null(out);
    } else {
        put::entries(out, map);
    }
}

/// A text field.
pub(crate) fn put_text(out: &mut Vec<u8>, text: Option<&str>) {
    put::optional(out, text, put::string);
}

/// Appends one frame: header, described list of `count` fields that `write` writes, payload.
pub(crate) fn put_frame(
    out: &mut Vec<u8>,
    (frame_type, channel): (u8, u16),
    (code, count): (u8, u32),
    write: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend([0, 0, 0, 0, 2, frame_type]);
    out.extend(channel.to_be_bytes());
    put::descriptor(out, code);
    put::list(out, count, write);
    finish_frame(out, start);
}

/// Fills in the size of the frame that starts at `start` and ends with the buffer.
pub(crate) fn finish_frame(out: &mut [u8], start: usize) {
    let size = put::length(out.len() - start);
    put::patch(out, start, size);
}
