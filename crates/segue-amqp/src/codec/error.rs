//! What can be wrong with bytes that should be AMQP values.

use super::decode::{MAX_DEPTH, MAX_VALUES};

/// Why bytes are no AMQP value, or not the one expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input ends inside a value.
    #[error("the value needs {needed} more bytes where only {left} are left")]
    Truncated {
        /// Bytes that the value still needs.
        needed: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// A list, map or array is longer than its own size says, or shorter.
    #[error("the elements of a list, map or array do not fill its size exactly")]
    SizeMismatch,
    /// A map with a key that has no value.
    #[error("a map holds an odd number of values ({0}), so a key has no value")]
    OddMap(usize),
    /// A byte that starts no AMQP type.
    #[error("0x{0:02x} is no AMQP format code")]
    UnknownFormat(u8),
    /// A string or symbol that is no UTF-8.
    #[error("a string is not valid UTF-8")]
    InvalidText,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("values nest deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// More values than [`MAX_VALUES`].
    #[error("more than {MAX_VALUES} values at once")]
    TooManyValues,
    /// A value of another type than the place asks for.
    #[error("expected {expected}, found a value with format code 0x{found:02x}")]
    WrongType {
        /// What the place asks for.
        expected: &'static str,
        /// Format code found.
        found: u8,
    },
    /// A field longer than the protocol allows.
    #[error("{field} has {len} bytes, more than the {limit} allowed")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Its bytes.
        len: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A field that must not be null.
    #[error("{0} is missing")]
    Missing(&'static str),
}
