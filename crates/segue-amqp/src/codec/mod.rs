//! The AMQP 1.0 type system: values in memory and on the wire.
//!
//! Every value starts with a *format code*; its high nibble says how long the payload is, which is
//! what lets [`Decoder::skip`] step over a value of any type without understanding it:
//!
//! ```text
//!  0x00            described:  00 <descriptor value> <value>
//!  0x4_            empty       null, true, false, uint0, ulong0, list0
//!  0x5_ 6_ 7_ 8_ 9_  fixed       1, 2, 4, 8, 16 bytes
//!  0xa_ / 0xb_     variable    <length: 1 / 4 bytes> <bytes>
//!  0xc_ / 0xd_     compound    <size: 1 / 4> <count: 1 / 4> <values>        size covers the count
//!  0xe_ / 0xf_     array       <size> <count> <one constructor> <payloads>
//! ```
//!
//! # Promises
//! - Decoding never panics and never allocates by a number read from the wire: nesting is limited
//!   by [`MAX_DEPTH`], the number of values by [`MAX_VALUES`].
//! - [`Value`] keeps the AMQP type (an `int` stays an `int`, a symbol a symbol), so a value that is
//!   decoded and encoded again means exactly the same to the peer. Only the width of the encoding
//!   may change.
//! - Encoding never uses `list0`: the Event Hubs client for Python cannot read it.

mod decode;
mod error;
mod format;
pub mod put;
mod value;

pub use decode::{Decoder, MAX_DEPTH, MAX_VALUES};
pub use error::DecodeError;
pub use value::{Array, Map, Value};
