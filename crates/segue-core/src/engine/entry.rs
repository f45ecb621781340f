//! The engine's state as keys and values, for any store that keeps keys in order.
//!
//! ```text
//! key                               value (see codec)
//! h                                 how far back events can be read (see horizon)
//! m                                 applied position? | now | program version | bytes of inputs
//! n name                            its number in the states of profiles
//! d kind id                         definition with version, times and mappings
//! i namespace:id                    profile id
//! r profile id (absorbed)           until | surviving profile id
//! s position                        `_id`s of events, those that came from there on (see seen)
//! s hash of an event's _id          until; as versions before 26 November 2026 wrote it
//! w                                 how far the walk of the jobs is
//! j position                        the job that a definition at this log position began
//! a id                              how many profiles are in the audience
//! p profile id 0                    attributes
//! p profile id 1                    memberships, change number, next wake-up
//! p profile id 2 block              events
//! p profile id 3 position           one record
//! p profile id 4                    identities and links
//! t profile id                      when it is looked at next, or earlier than that; of each
//!                                   profile that there is
//! ```
//!
//! Profile ids, hashes and positions in keys are big endian, so that all of a profile lies
//! together and its events lie in the order of their arrival. What a start reads is everything
//! but the entries `i` and `p`, which are read when they are needed.

use segue_xdm::Identity;

use crate::codec::DecodeError;
use crate::definition::Kind;
use crate::ids::ProfileId;
use crate::profile::Slot;

/// What one key stands for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Entry {
    Meta,
    Horizon,
    Name(String),
    Definition(Kind, String),
    Identity(Identity),
    Merged(ProfileId),
    Seen(u64),
    SeenOnce(u128),
    Walk,
    Job(u64),
    Members(String),
    Profile(ProfileId, Slot),
    Group(ProfileId),
    Timer(ProfileId),
}

impl Entry {
    pub(super) fn to_key(&self) -> Vec<u8> {
        let key = |tag: u8, parts: &[&[u8]]| [&[tag], parts.concat().as_slice()].concat();
        match self {
            Entry::Meta => key(b'm', &[]),
            Entry::Horizon => key(b'h', &[]),
            Entry::Name(name) => key(b'n', &[name.as_bytes()]),
            Entry::Definition(kind, id) => key(b'd', &[&[kind_tag(*kind)], id.as_bytes()]),
            Entry::Identity(identity) => key(b'i', &[identity.as_str().as_bytes()]),
            Entry::Merged(id) => key(b'r', &[&id.as_u128().to_be_bytes()]),
            Entry::Seen(position) => key(b's', &[&position.to_be_bytes()]),
            Entry::SeenOnce(hash) => key(b's', &[&hash.to_be_bytes()]),
            Entry::Walk => key(b'w', &[]),
            Entry::Job(id) => key(b'j', &[&id.to_be_bytes()]),
            Entry::Members(audience) => key(b'a', &[audience.as_bytes()]),
            Entry::Group(id) => key(b'p', &[&id.as_u128().to_be_bytes(), &[4]]),
            Entry::Timer(id) => key(b't', &[&id.as_u128().to_be_bytes()]),
            Entry::Profile(id, slot) => {
                let id = id.as_u128().to_be_bytes();
                match slot {
                    Slot::Attributes => key(b'p', &[&id, &[0]]),
                    Slot::Audiences => key(b'p', &[&id, &[1]]),
                    Slot::Events(block) => key(b'p', &[&id, &[2], &block.to_be_bytes()]),
                    Slot::Record(position) => key(b'p', &[&id, &[3], &position.to_be_bytes()]),
                }
            }
        }
    }

    /// What the keys of all entries of a profile begin with, and of no other's.
    pub(super) fn prefix_of(profile: ProfileId) -> Vec<u8> {
        [&b"p"[..], &profile.as_u128().to_be_bytes()].concat()
    }

    pub(super) fn from_key(key: &[u8]) -> Result<Entry, DecodeError> {
        let entry = match key {
            [b'm'] => Some(Entry::Meta),
            [b'h'] => Some(Entry::Horizon),
            [b'n', name @ ..] => read_text(name).map(Entry::Name),
            [b'd', tag, id @ ..] => read_definition(*tag, id),
            [b'i', text @ ..] => read_identity(text).map(Entry::Identity),
            [b'r', id @ ..] => number(id).map(|id| Entry::Merged(ProfileId::from_u128(id))),
            [b's', part @ ..] => read_seen(part),
            [b'w'] => Some(Entry::Walk),
            [b'j', id @ ..] => read_position(id).map(Entry::Job),
            [b'a', id @ ..] => read_text(id).map(Entry::Members),
            [b'p', rest @ ..] => read_profile(rest),
            [b't', id @ ..] => number(id).map(|id| Entry::Timer(ProfileId::from_u128(id))),
            _ => None,
        };
        entry.ok_or_else(|| DecodeError::invalid("key", format!("{key:?} stands for nothing")))
    }
}

fn kind_tag(kind: Kind) -> u8 {
    match kind {
        Kind::Namespace => b'n',
        Kind::MergePolicy => b'm',
        Kind::Audience => b'a',
        Kind::Destination => b'd',
        Kind::Function => b'f',
    }
}

fn read_text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

fn read_definition(tag: u8, id: &[u8]) -> Option<Entry> {
    let kind = Kind::ALL.into_iter().find(|kind| kind_tag(*kind) == tag)?;
    Some(Entry::Definition(kind, read_text(id)?))
}

fn read_identity(text: &[u8]) -> Option<Identity> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn read_profile(rest: &[u8]) -> Option<Entry> {
    let (id, slot) = rest.split_first_chunk::<16>()?;
    let id = ProfileId::from_u128(u128::from_be_bytes(*id));
    let slot = match slot {
        [4] => return Some(Entry::Group(id)),
        [0] => Slot::Attributes,
        [1] => Slot::Audiences,
        [2, block @ ..] => Slot::Events(read_position(block)?),
        [3, position @ ..] => Slot::Record(read_position(position)?),
        _ => return None,
    };
    Some(Entry::Profile(id, slot))
}

fn read_seen(part: &[u8]) -> Option<Entry> {
    read_position(part).map(Entry::Seen).or_else(|| number(part).map(Entry::SeenOnce))
}

fn read_position(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

fn number(bytes: &[u8]) -> Option<u128> {
    bytes.try_into().ok().map(u128::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_reads_back() {
        let profile = ProfileId::from_u128(7);
        let entries = [
            Entry::Meta,
            Entry::Horizon,
            Entry::Definition(Kind::Audience, "sports fan".to_owned()),
            Entry::Identity(Identity::new("Email", "a:b@x")),
            Entry::Merged(profile),
            Entry::Seen(300),
            Entry::SeenOnce(u128::MAX),
            Entry::Walk,
            Entry::Job(300),
            Entry::Members("sports fan".to_owned()),
            Entry::Profile(profile, Slot::Attributes),
            Entry::Profile(profile, Slot::Audiences),
            Entry::Profile(profile, Slot::Events(300)),
            Entry::Profile(profile, Slot::Record(300)),
            Entry::Group(profile),
            Entry::Timer(profile),
        ];
        for entry in entries {
            assert_eq!(Entry::from_key(&entry.to_key()).unwrap(), entry);
        }
        assert!(Entry::from_key(b"p123").is_err());
        assert!(Entry::from_key(b"").is_err());
    }
}
