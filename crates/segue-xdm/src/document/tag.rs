//! What a value's first byte says.

pub(super) const NULL: u8 = 0;
pub(super) const FALSE: u8 = 1;
pub(super) const TRUE: u8 = 2;
pub(super) const INTEGER: u8 = 3;
pub(super) const UNSIGNED: u8 = 4;
pub(super) const DOUBLE: u8 = 5;
pub(super) const TEXT: u8 = 6;
pub(super) const ARRAY: u8 = 7;
pub(super) const OBJECT: u8 = 8;
