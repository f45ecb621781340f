//! Reading AMQP values from untrusted bytes.
//!
//! A [`Decoder`] walks over a slice. It reads whole [`Value`]s, skips them, or reads fields of an
//! expected type without allocating. After an error its position is meaningless: drop it.
//!
//! Limits, all tested: nesting by [`MAX_DEPTH`]; values per decoder by [`MAX_VALUES`], because an
//! array of nulls takes no bytes per element and so its count cannot be checked against the input.

use super::error::DecodeError;
use super::format;
use super::value::{Array, Map, Value};

/// How deep values may nest. Real clients nest five levels (frame, source, filter, described);
/// the rest is room, and small enough for any thread's stack.
pub const MAX_DEPTH: usize = 16;

/// How many values one decoder reads before it gives up: a hub may have 2,000 partitions and a
/// message some hundred properties; the bound keeps a hostile frame below a few megabytes.
pub const MAX_VALUES: usize = 1 << 16;

/// A reader of values at the front of a slice.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    rest: &'a [u8],
    values_left: usize,
}

impl<'a> Decoder<'a> {
    /// Starts at the first byte of `input`.
    pub fn new(input: &'a [u8]) -> Decoder<'a> {
        Decoder { rest: input, values_left: MAX_VALUES }
    }

    /// The bytes not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads one value of any type.
    ///
    /// # Errors
    /// When the bytes are malformed or exceed [`MAX_DEPTH`] or [`MAX_VALUES`].
    pub fn value(&mut self) -> Result<Value, DecodeError> {
        self.nested_value(0)
    }

    /// Steps over one value of any type and returns its bytes, format code included.
    ///
    /// # Errors
    /// When the value does not fit into the input.
    pub fn skip(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.rest;
        let mut pending = 1_usize;
        while pending > 0 {
            pending -= 1;
            let code = self.byte()?;
            let len = match code >> 4 {
                0x0 if code == format::DESCRIBED => {
                    pending += 2;
                    0
                }
                0x4 => 0,
                0x5 => 1,
                0x6 => 2,
                0x7 => 4,
                0x8 => 8,
                0x9 => 16,
                0xa | 0xc | 0xe => self.byte()?.into(),
                0xb | 0xd | 0xf => self.wide_length()?,
                _ => return Err(DecodeError::UnknownFormat(code)),
            };
            self.take(len)?;
        }
        let len = start.len() - self.rest.len();
        Ok(start.split_at_checked(len).map_or(&[], |(skipped, _)| skipped))
    }

    /// Reads a null if one comes next.
    pub fn null(&mut self) -> bool {
        let is_null = self.rest.first() == Some(&format::NULL);
        if is_null {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        is_null
    }

    /// Reads a boolean.
    ///
    /// # Errors
    /// When something else comes next.
    pub fn boolean(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            format::TRUE => Ok(true),
            format::FALSE => Ok(false),
            format::BOOLEAN => Ok(self.byte()? != 0),
            found => Err(DecodeError::WrongType { expected: "a boolean", found }),
        }
    }

    /// Reads an integer that is not negative, of any width: clients differ in the ones they use.
    ///
    /// # Errors
    /// When something else comes next, or a negative number.
    pub fn unsigned(&mut self) -> Result<u64, DecodeError> {
        let found = self.byte()?;
        let wrong = DecodeError::WrongType { expected: "an unsigned integer", found };
        let signed = match found {
            format::UINT0 | format::ULONG0 => return Ok(0),
            format::UBYTE | format::SMALL_UINT | format::SMALL_ULONG => {
                return Ok(self.byte()?.into());
            }
            format::USHORT => return Ok(u16::from_be_bytes(self.fixed()?).into()),
            format::UINT => return Ok(u32::from_be_bytes(self.fixed()?).into()),
            format::ULONG => return Ok(u64::from_be_bytes(self.fixed()?)),
            format::BYTE | format::SMALL_INT | format::SMALL_LONG => {
                i8::from_be_bytes(self.fixed()?).into()
            }
            format::SHORT => i16::from_be_bytes(self.fixed()?).into(),
            format::INT => i32::from_be_bytes(self.fixed()?).into(),
            format::LONG => i64::from_be_bytes(self.fixed()?),
            _ => return Err(wrong),
        };
        u64::try_from(signed).map_err(|_| wrong)
    }

    /// Reads an unsigned integer of any width that fits into `T`.
    ///
    /// # Errors
    /// When something else comes next, or a larger number.
    pub fn integer<T: TryFrom<u64>>(&mut self) -> Result<T, DecodeError> {
        let found = self.rest.first().copied().unwrap_or_default();
        let wrong = DecodeError::WrongType { expected: "a smaller integer", found };
        T::try_from(self.unsigned()?).map_err(|_| wrong)
    }

    /// Reads the text of a string or a symbol.
    ///
    /// # Errors
    /// When something else comes next, or the text is no UTF-8.
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let len = match self.byte()? {
            format::STRING8 | format::SYMBOL8 => self.byte()?.into(),
            format::STRING32 | format::SYMBOL32 => self.wide_length()?,
            found => {
                return Err(DecodeError::WrongType { expected: "a string", found });
            }
        };
        text(self.take(len)?)
    }

    /// Reads bytes.
    ///
    /// # Errors
    /// When something else comes next.
    pub fn binary(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = match self.byte()? {
            format::BINARY8 => self.byte()?.into(),
            format::BINARY32 => self.wide_length()?,
            found => {
                return Err(DecodeError::WrongType { expected: "binary", found });
            }
        };
        self.take(len)
    }

    /// Enters a described value and returns its descriptor when that is a number; the value that
    /// it describes comes next.
    ///
    /// # Errors
    /// When something else comes next.
    pub fn descriptor(&mut self) -> Result<u64, DecodeError> {
        match self.byte()? {
            format::DESCRIBED => self.unsigned(),
            found => Err(DecodeError::WrongType { expected: "a described value", found }),
        }
    }

    /// Enters a list: a decoder over its elements, and their number.
    ///
    /// # Errors
    /// When something else comes next.
    pub fn list(&mut self) -> Result<(Decoder<'a>, usize), DecodeError> {
        match self.byte()? {
            format::LIST0 => Ok((self.inside(&[]), 0)),
            format::LIST8 => self.narrow_compound(),
            format::LIST32 => self.wide_compound(),
            found => Err(DecodeError::WrongType { expected: "a list", found }),
        }
    }

    /// Enters a map: a decoder over its keys and values, and the number of both together.
    ///
    /// # Errors
    /// When something else comes next, or a key without a value.
    pub fn map(&mut self) -> Result<(Decoder<'a>, usize), DecodeError> {
        let (inside, count) = match self.byte()? {
            format::MAP8 => self.narrow_compound()?,
            format::MAP32 => self.wide_compound()?,
            found => {
                return Err(DecodeError::WrongType { expected: "a map", found });
            }
        };
        if count.is_multiple_of(2) { Ok((inside, count)) } else { Err(DecodeError::OddMap(count)) }
    }

    /// Reads a map into memory; null is the empty map.
    ///
    /// # Errors
    /// When something else comes next.
    pub fn entries(&mut self) -> Result<Map, DecodeError> {
        let found = self.rest.first().copied().unwrap_or_default();
        match self.value()? {
            Value::Null => Ok(Map::new()),
            Value::Map(map) => Ok(map),
            _ => Err(DecodeError::WrongType { expected: "a map", found }),
        }
    }

    fn nested_value(&mut self, depth: usize) -> Result<Value, DecodeError> {
        let code = self.byte()?;
        self.payload(code, depth)
    }

    /// Reads what follows `code`.
    fn payload(&mut self, code: u8, depth: usize) -> Result<Value, DecodeError> {
        if depth >= MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        self.values_left = self.values_left.checked_sub(1).ok_or(DecodeError::TooManyValues)?;
        Ok(match code {
            format::DESCRIBED => {
                let descriptor = self.nested_value(depth + 1)?;
                Value::Described(Box::new((descriptor, self.nested_value(depth + 1)?)))
            }
            format::NULL => Value::Null,
            format::TRUE => Value::Bool(true),
            format::FALSE => Value::Bool(false),
            format::BOOLEAN => Value::Bool(self.byte()? != 0),
            format::UINT0 => Value::Uint(0),
            format::SMALL_UINT => Value::Uint(self.byte()?.into()),
            format::UINT => Value::Uint(u32::from_be_bytes(self.fixed()?)),
            format::ULONG0 => Value::Ulong(0),
            format::SMALL_ULONG => Value::Ulong(self.byte()?.into()),
            format::ULONG => Value::Ulong(u64::from_be_bytes(self.fixed()?)),
            format::UBYTE => Value::Ubyte(self.byte()?),
            format::USHORT => Value::Ushort(u16::from_be_bytes(self.fixed()?)),
            format::BYTE => Value::Byte(i8::from_be_bytes(self.fixed()?)),
            format::SHORT => Value::Short(i16::from_be_bytes(self.fixed()?)),
            format::SMALL_INT => Value::Int(i8::from_be_bytes(self.fixed()?).into()),
            format::INT => Value::Int(i32::from_be_bytes(self.fixed()?)),
            format::SMALL_LONG => Value::Long(i8::from_be_bytes(self.fixed()?).into()),
            format::LONG => Value::Long(i64::from_be_bytes(self.fixed()?)),
            format::FLOAT => Value::Float(f32::from_be_bytes(self.fixed()?)),
            format::DOUBLE => Value::Double(f64::from_be_bytes(self.fixed()?)),
            format::CHAR => Value::Char(u32::from_be_bytes(self.fixed()?)),
            format::TIMESTAMP => Value::Timestamp(i64::from_be_bytes(self.fixed()?)),
            format::DECIMAL32 => Value::Decimal32(self.fixed()?),
            format::DECIMAL64 => Value::Decimal64(self.fixed()?),
            format::DECIMAL128 => Value::Decimal128(self.fixed()?),
            format::UUID => Value::Uuid(self.fixed()?),
            format::BINARY8 => Value::Binary(self.narrow_bytes()?.to_vec()),
            format::BINARY32 => Value::Binary(self.wide_bytes()?.to_vec()),
            format::STRING8 => Value::String(text(self.narrow_bytes()?)?.to_owned()),
            format::STRING32 => Value::String(text(self.wide_bytes()?)?.to_owned()),
            format::SYMBOL8 => Value::Symbol(text(self.narrow_bytes()?)?.to_owned()),
            format::SYMBOL32 => Value::Symbol(text(self.wide_bytes()?)?.to_owned()),
            format::LIST0 => Value::List(Vec::new()),
            format::LIST8 => Value::List(self.items(false, depth)?),
            format::LIST32 => Value::List(self.items(true, depth)?),
            format::MAP8 => Value::Map(pairs(self.items(false, depth)?)?),
            format::MAP32 => Value::Map(pairs(self.items(true, depth)?)?),
            format::ARRAY8 => Value::Array(self.array(false, depth)?),
            format::ARRAY32 => Value::Array(self.array(true, depth)?),
            _ => return Err(DecodeError::UnknownFormat(code)),
        })
    }

    /// The elements of a list or a map, whose format code has been read.
    fn items(&mut self, wide: bool, depth: usize) -> Result<Vec<Value>, DecodeError> {
        self.compound_values(wide, |inside, count| {
            let mut items = Vec::new();
            for _ in 0..count {
                items.push(inside.nested_value(depth + 1)?);
            }
            Ok(items)
        })
    }

    /// An array, whose format code has been read.
    fn array(&mut self, wide: bool, depth: usize) -> Result<Array, DecodeError> {
        self.compound_values(wide, |inside, count| {
            if count == 0 && inside.rest.is_empty() {
                return Ok(Array::decoded(format::NULL, None, Vec::new()));
            }
            let (descriptor, code) = match inside.byte()? {
                format::DESCRIBED => (Some(inside.nested_value(depth + 1)?), inside.byte()?),
                code => (None, code),
            };
            if code == format::DESCRIBED {
                return Err(DecodeError::UnknownFormat(code));
            }
            let mut items = Vec::new();
            for _ in 0..count {
                items.push(inside.payload(code, depth + 1)?);
            }
            Ok(Array::decoded(format::canonical(code), descriptor, items))
        })
    }

    /// Reads the inside of a list, map or array with `read`, which must consume all of it; the
    /// value budget is shared with it.
    fn compound_values<T>(
        &mut self,
        wide: bool,
        read: impl FnOnce(&mut Decoder<'a>, usize) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let (mut inside, count) =
            if wide { self.wide_compound()? } else { self.narrow_compound()? };
        let result = read(&mut inside, count)?;
        self.values_left = inside.values_left;
        if inside.rest.is_empty() { Ok(result) } else { Err(DecodeError::SizeMismatch) }
    }

    fn narrow_compound(&mut self) -> Result<(Decoder<'a>, usize), DecodeError> {
        let bytes = self.narrow_bytes()?;
        let mut inside = self.inside(bytes);
        let count = inside.byte()?;
        Ok((inside, count.into()))
    }

    fn wide_compound(&mut self) -> Result<(Decoder<'a>, usize), DecodeError> {
        let bytes = self.wide_bytes()?;
        let mut inside = self.inside(bytes);
        let count = inside.wide_length()?;
        Ok((inside, count))
    }

    fn inside(&self, bytes: &'a [u8]) -> Decoder<'a> {
        Decoder { rest: bytes, values_left: self.values_left }
    }

    fn narrow_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.byte()?;
        self.take(len.into())
    }

    fn wide_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.wide_length()?;
        self.take(len)
    }

    fn wide_length(&mut self) -> Result<usize, DecodeError> {
        Ok(usize::try_from(u32::from_be_bytes(self.fixed()?)).unwrap_or(usize::MAX))
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        let [byte] = self.fixed()?;
        Ok(byte)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let truncated = DecodeError::Truncated { needed: N, left: self.rest.len() };
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let truncated = DecodeError::Truncated { needed: len, left: self.rest.len() };
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

fn text(bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|_| DecodeError::InvalidText)
}

fn pairs(items: Vec<Value>) -> Result<Map, DecodeError> {
    if !items.len().is_multiple_of(2) {
        return Err(DecodeError::OddMap(items.len()));
    }
    let mut items = items.into_iter();
    Ok(std::iter::from_fn(|| Some((items.next()?, items.next()?))).collect())
}
