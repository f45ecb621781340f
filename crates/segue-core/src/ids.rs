//! Ids that a replay gives again: hashes of what brought the thing into being.
//!
//! ```text
//! profile     xxh3-128( 'p' | log position of the creating input, u64 LE )
//!             xxh3-128( 'p' | that position, u64 LE | its number, u64 LE )   of a further profile
//! activation  xxh3-128( 'a' | profile id, u128 LE | change number, u64 LE | destination id )
//! definition  xxh3-128( 'd' | what the definition is named by )          when it brings no id
//! ```
//!
//! All print as 32 hexadecimal digits grouped like a UUID. Nothing secret hangs on them; 128 bits
//! keep accidental collisions out of reach.

use std::fmt;
use std::str::FromStr;

use xxhash_rust::xxh3::xxh3_128;

/// A profile's id: stable for life, through merges of other profiles into it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProfileId(u128);

/// An activation's id: one id never has two contents.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ActivationId(u128);

/// The text is not an id of 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no id; write 32 hexadecimal digits such as 0123abcd-0123-abcd-0123-0123456789ab")]
pub struct IdError(String);

impl ProfileId {
    /// The id of a profile that the input at this log position creates. An input creates more
    /// than one when links are cut; they are numbered from 0.
    pub(crate) fn created_by(position: u64, number: u64) -> ProfileId {
        let (position, further) = (position.to_le_bytes(), number.to_le_bytes());
        let further = if number == 0 { &[][..] } else { &further };
        ProfileId(hash(b'p', &[&position, further]))
    }

    /// The id as a number, as it is stored.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// The id that was stored as this number.
    #[must_use]
    pub const fn from_u128(number: u128) -> ProfileId {
        ProfileId(number)
    }
}

impl ActivationId {
    /// The id of the message that a profile's change causes for a destination.
    pub(crate) fn of(profile: ProfileId, change_number: u64, destination: &str) -> ActivationId {
        let profile = profile.0.to_le_bytes();
        let number = change_number.to_le_bytes();
        ActivationId(hash(b'a', &[&profile, &number, destination.as_bytes()]))
    }

    /// The id as a number.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// The id that was stored as this number.
    #[must_use]
    pub const fn from_u128(number: u128) -> ActivationId {
        ActivationId(number)
    }

    /// The trace that the message begins when nothing that is traced caused it.
    pub(crate) fn own_trace(self) -> u128 {
        self.0.max(1)
    }
}

/// The id of a definition that brings none: the same name gives the same id, so that publishing
/// a file twice does not make two of it.
pub(crate) fn derived_definition_id(named_by: &str) -> String {
    ProfileId(hash(b'd', &[named_by.as_bytes()])).to_string()
}

/// What deduplication keeps of an event's `_id`.
pub(crate) fn event_id_hash(event_id: &str) -> u128 {
    xxh3_128(event_id.as_bytes())
}

fn hash(what: u8, parts: &[&[u8]]) -> u128 {
    let mut bytes = vec![what];
    for part in parts {
        bytes.extend_from_slice(part);
    }
    xxh3_128(&bytes)
}

fn write_grouped(number: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let group = |shift: u32, digits: u32| (number >> shift) & ((1_u128 << (digits * 4)) - 1);
    let (a, b, c) = (group(96, 8), group(80, 4), group(64, 4));
    let (d, e) = (group(48, 4), group(0, 12));
    write!(f, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
}

fn parse_grouped(text: &str) -> Result<u128, IdError> {
    let digits: String = text.chars().filter(|character| *character != '-').collect();
    let plain = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| plain);
    number.ok_or_else(|| IdError(text.to_owned()))
}

impl fmt::Display for ProfileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_grouped(self.0, f)
    }
}

impl fmt::Display for ActivationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_grouped(self.0, f)
    }
}

impl FromStr for ProfileId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<ProfileId, IdError> {
        parse_grouped(text).map(ProfileId)
    }
}

impl FromStr for ActivationId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<ActivationId, IdError> {
        parse_grouped(text).map(ActivationId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_grouped_and_parses_back() {
        let id = ProfileId(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
        assert_eq!(id.to_string(), "01234567-89ab-cdef-0011-223344556677");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("01234567".parse::<ProfileId>().is_err());
        assert!("+1234567-89ab-cdef-0011-223344556677".parse::<ActivationId>().is_err());
    }

    #[test]
    fn depends_on_each_part() {
        let profile = ProfileId::created_by(7, 0);
        let id = ActivationId::of(profile, 1, "hub");
        assert_ne!(id, ActivationId::of(profile, 2, "hub"));
        assert_ne!(id, ActivationId::of(profile, 1, "other"));
        assert_ne!(id, ActivationId::of(ProfileId::created_by(8, 0), 1, "hub"));
        assert_eq!(id, ActivationId::of(ProfileId::created_by(7, 0), 1, "hub"));
        assert_ne!(profile, ProfileId::created_by(7, 1));
    }
}
