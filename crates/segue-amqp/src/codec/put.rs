//! Writing AMQP values at the end of a buffer.
//!
//! Lists and maps always take their 32-bit form, whose sizes are filled in afterwards; the Event
//! Hubs client for Python refuses `list0`, and one form is enough. Numbers that frames are full of
//! (`uint`, `ulong`) and short texts take their narrow forms.

use super::format;
use super::value::{Array, Map, Value};

/// Where a 32-bit map has its count: behind the format code and the size.
const MAP32_COUNT_OFFSET: usize = 5;

/// Null.
pub fn null(out: &mut Vec<u8>) {
    out.push(format::NULL);
}

/// A boolean.
pub fn boolean(out: &mut Vec<u8>, truth: bool) {
    out.push(if truth { format::TRUE } else { format::FALSE });
}

/// An unsigned byte.
pub fn ubyte(out: &mut Vec<u8>, number: u8) {
    out.extend([format::UBYTE, number]);
}

/// An unsigned 16-bit number.
pub fn ushort(out: &mut Vec<u8>, number: u16) {
    out.push(format::USHORT);
    out.extend(number.to_be_bytes());
}

/// An unsigned 32-bit number, in its narrowest form.
pub fn uint(out: &mut Vec<u8>, number: u32) {
    match u8::try_from(number) {
        Ok(0) => out.push(format::UINT0),
        Ok(small) => out.extend([format::SMALL_UINT, small]),
        Err(_) => {
            out.push(format::UINT);
            out.extend(number.to_be_bytes());
        }
    }
}

/// An unsigned 64-bit number, in its narrowest form.
pub fn ulong(out: &mut Vec<u8>, number: u64) {
    match u8::try_from(number) {
        Ok(0) => out.push(format::ULONG0),
        Ok(small) => out.extend([format::SMALL_ULONG, small]),
        Err(_) => {
            out.push(format::ULONG);
            out.extend(number.to_be_bytes());
        }
    }
}

/// A signed 32-bit number.
pub fn int(out: &mut Vec<u8>, number: i32) {
    out.push(format::INT);
    out.extend(number.to_be_bytes());
}

/// A signed 64-bit number.
pub fn long(out: &mut Vec<u8>, number: i64) {
    out.push(format::LONG);
    out.extend(number.to_be_bytes());
}

/// A timestamp in milliseconds since the Unix epoch.
pub fn timestamp(out: &mut Vec<u8>, time_ms: i64) {
    out.push(format::TIMESTAMP);
    out.extend(time_ms.to_be_bytes());
}

/// A string.
pub fn string(out: &mut Vec<u8>, text: &str) {
    variable(out, format::STRING8, format::STRING32, text.as_bytes());
}

/// A symbol.
pub fn symbol(out: &mut Vec<u8>, name: &str) {
    variable(out, format::SYMBOL8, format::SYMBOL32, name.as_bytes());
}

/// Bytes.
pub fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    variable(out, format::BINARY8, format::BINARY32, bytes);
}

/// The descriptor of a performative or section: always the two-byte form, which the Event Hubs
/// client for Python relies on. The described value must follow.
pub fn descriptor(out: &mut Vec<u8>, code: u8) {
    out.extend([format::DESCRIBED, format::SMALL_ULONG, code]);
}

/// `write(value)`, or null where there is none.
pub fn optional<T>(out: &mut Vec<u8>, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        Some(value) => write(out, value),
        None => null(out),
    }
}

/// A list of `count` values, which `write` must write.
pub fn list(out: &mut Vec<u8>, count: u32, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(format::LIST32);
    sized(out, count, write);
}

/// A map of `pairs` keys and values, which `write` must write.
pub fn map(out: &mut Vec<u8>, pairs: u32, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(format::MAP32);
    sized(out, pairs.saturating_mul(2), write);
}

/// A map whose number of pairs is known only after `write` has written them.
pub(crate) fn counted_map<E>(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<u32, E>,
) -> Result<(), E> {
    let start = out.len();
    let mut pairs = Ok(0);
    map(out, 0, |out| pairs = write(out));
    let count = pairs?.saturating_mul(2);
    patch(out, start + MAP32_COUNT_OFFSET, count);
    Ok(())
}

/// The entries of a map.
pub fn entries(out: &mut Vec<u8>, entries: &Map) {
    map(out, length(entries.len()), |out| {
        for (key, item) in entries.iter() {
            value(out, key);
            value(out, item);
        }
    });
}

/// An array of symbols, or null where there is none: capabilities.
pub fn symbols(out: &mut Vec<u8>, names: &[String]) {
    if names.is_empty() {
        return null(out);
    }
    array(out, &Array::symbols(names));
}

/// An array.
pub fn array(out: &mut Vec<u8>, items: &Array) {
    out.push(format::ARRAY32);
    array_payload(out, items);
}

/// Any value.
pub fn value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => null(out),
        Value::Bool(truth) => boolean(out, *truth),
        Value::Uint(number) => uint(out, *number),
        Value::Ulong(number) => ulong(out, *number),
        Value::Binary(bytes) => binary(out, bytes),
        Value::String(text) => string(out, text),
        Value::Symbol(name) => symbol(out, name),
        other => {
            out.push(other.format_code());
            payload(out, other);
        }
    }
}

/// What follows the widest format code of this value's type.
fn payload(out: &mut Vec<u8>, item: &Value) {
    match item {
        Value::Null => {}
        Value::Bool(truth) => out.push((*truth).into()),
        Value::Ubyte(number) => out.push(*number),
        Value::Ushort(number) => out.extend(number.to_be_bytes()),
        Value::Uint(number) | Value::Char(number) => out.extend(number.to_be_bytes()),
        Value::Ulong(number) => out.extend(number.to_be_bytes()),
        Value::Byte(number) => out.extend(number.to_be_bytes()),
        Value::Short(number) => out.extend(number.to_be_bytes()),
        Value::Int(number) => out.extend(number.to_be_bytes()),
        Value::Long(number) | Value::Timestamp(number) => out.extend(number.to_be_bytes()),
        Value::Float(number) => out.extend(number.to_bits().to_be_bytes()),
        Value::Double(number) => out.extend(number.to_bits().to_be_bytes()),
        Value::Decimal32(bytes) => out.extend(bytes),
        Value::Decimal64(bytes) => out.extend(bytes),
        Value::Decimal128(bytes) | Value::Uuid(bytes) => out.extend(bytes),
        Value::Binary(bytes) => wide(out, bytes),
        Value::String(text) | Value::Symbol(text) => wide(out, text.as_bytes()),
        Value::List(items) => sized(out, length(items.len()), |out| {
            items.iter().for_each(|item| value(out, item));
        }),
        Value::Map(map) => sized(out, length(map.len() * 2), |out| {
            for (key, item) in map.iter() {
                value(out, key);
                value(out, item);
            }
        }),
        Value::Array(array) => array_payload(out, array),
        Value::Described(pair) => {
            value(out, &pair.0);
            value(out, &pair.1);
        }
    }
}

/// Texts and bytes of an array go narrow when all of them fit.
fn array_payload(out: &mut Vec<u8>, array: &Array) {
    sized(out, length(array.items().len()), |out| {
        if let Some(descriptor) = array.descriptor() {
            out.push(format::DESCRIBED);
            value(out, descriptor);
        }
        let narrow = match array.element() {
            format::BINARY32 => Some(format::BINARY8),
            format::STRING32 => Some(format::STRING8),
            format::SYMBOL32 => Some(format::SYMBOL8),
            _ => None,
        };
        let fits = |item: &Value| bytes_of(item).len() <= usize::from(u8::MAX);
        match narrow.filter(|_| array.items().iter().all(fits)) {
            Some(code) => {
                out.push(code);
                for bytes in array.items().iter().map(bytes_of) {
                    out.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
                    out.extend_from_slice(bytes);
                }
            }
            None => {
                out.push(array.element());
                array.items().iter().for_each(|item| payload(out, item));
            }
        }
    });
}

fn bytes_of(item: &Value) -> &[u8] {
    match item {
        Value::Binary(bytes) => bytes,
        Value::String(text) | Value::Symbol(text) => text.as_bytes(),
        _ => &[],
    }
}

fn variable(out: &mut Vec<u8>, narrow: u8, wide_code: u8, bytes: &[u8]) {
    match u8::try_from(bytes.len()) {
        Ok(len) => {
            out.extend([narrow, len]);
            out.extend_from_slice(bytes);
        }
        Err(_) => {
            out.push(wide_code);
            wide(out, bytes);
        }
    }
}

fn wide(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(length(bytes.len()).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Size and count, then what `write` writes; the size is filled in last.
fn sized(out: &mut Vec<u8>, count: u32, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 4]);
    out.extend(count.to_be_bytes());
    write(out);
    let size = length(out.len() - start - 4);
    patch(out, start, size);
}

/// Overwrites the four bytes at `start` with `size`.
pub(crate) fn patch(out: &mut [u8], start: usize, size: u32) {
    let place = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut::<4>);
    *place.expect("the caller reserved these four bytes") = size.to_be_bytes();
}

/// A length as the wire has it.
pub(crate) fn length(len: usize) -> u32 {
    u32::try_from(len).expect("messages are limited to far less than 4 GiB")
}
