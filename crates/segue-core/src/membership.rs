//! Memberships: in which audiences a profile is, was, and since when.
//!
//! ```text
//!                 the definition
//! held            becomes true   is true, and the   becomes false
//!                                input is relevant
//! none, exited    realized
//! realized                       existing           exited
//! existing                       existing           exited
//! ```
//!
//! An irrelevant input moves nothing. What exited stays for [`EXITED_KEPT_MS`], then it is gone.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use segue_xdm::Timestamp;

use crate::codec::{DecodeError, Reader, Writer};
use crate::evaluation::AudienceNumber;

/// How long an exited membership stays in profile and payload: 30 days, as in XDM.
pub const EXITED_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// How a profile stands to an audience.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Status {
    /// It entered, and has not qualified again since.
    Realized,
    /// It has qualified again since it entered.
    Existing,
    /// It was a member and is no longer.
    Exited,
}

impl Status {
    /// The word for it in payloads.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Realized => "realized",
            Status::Existing => "existing",
            Status::Exited => "exited",
        }
    }

    /// Whether a profile of this status is in the audience.
    #[must_use]
    pub const fn is_member(self) -> bool {
        !matches!(self, Status::Exited)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The word is no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no status; write realized, existing or exited")]
pub struct StatusError(String);

impl FromStr for Status {
    type Err = StatusError;

    fn from_str(text: &str) -> Result<Status, StatusError> {
        [Status::Realized, Status::Existing, Status::Exited]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| StatusError(text.to_owned()))
    }
}

/// One profile's standing to one audience.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    /// How it stands.
    pub status: Status,
    /// When it last qualified: at the entry, and at every relevant input since.
    pub last_qualification: Timestamp,
    /// When it left; `Some` exactly when the status is [`Status::Exited`].
    pub exited_at: Option<Timestamp>,
    /// The version of the audience's definition that said so.
    pub version: u64,
}

impl Membership {
    /// When an exited membership is dropped; never while it is held.
    fn dropped_at(&self) -> Option<Timestamp> {
        self.exited_at.map(|exited_at| exited_at.plus_millis(EXITED_KEPT_MS))
    }
}

/// One audience's change of status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The audience's id.
    pub audience: String,
    /// The status before; none at the first entry.
    pub from: Option<Status>,
    /// The status after.
    pub to: Status,
}

impl Change {
    /// Whether the profile is a member now and was none, or the other way round.
    pub(crate) fn enters_or_leaves(&self) -> bool {
        self.from.is_some_and(Status::is_member) != self.to.is_member()
    }
}

/// What one evaluation of one audience found.
pub(crate) struct Finding {
    /// Whether the definition is true now.
    pub(crate) is_true: bool,
    /// Whether the input at hand is relevant to the audience.
    pub(crate) is_relevant: bool,
    /// The version of the definition.
    pub(crate) version: u64,
}

/// An audience as memberships know it: by its number, which is short and stays the same for the
/// life of the data, and by its id, which people and payloads use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AudienceKey {
    pub(crate) number: AudienceNumber,
    pub(crate) id: String,
}

/// All memberships of one profile, by audience number.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Memberships(Vec<(Arc<AudienceKey>, Membership)>);

impl Memberships {
    /// The memberships with their audiences' ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Membership)> {
        self.0.iter().map(|(key, membership)| (key.id.as_str(), membership))
    }

    /// The membership in the audience with this id.
    pub(crate) fn get(&self, audience: &str) -> Option<&Membership> {
        self.iter().find(|(id, _)| *id == audience).map(|(_, membership)| membership)
    }

    pub(crate) fn is_member(&self, audience: &str) -> bool {
        self.get(audience).is_some_and(|membership| membership.status.is_member())
    }

    /// The same, by the audience's number.
    pub(crate) fn is_member_of(&self, audience: AudienceNumber) -> bool {
        let found = self.place(audience).ok().and_then(|place| self.0.get(place));
        found.is_some_and(|(_, membership)| membership.status.is_member())
    }

    pub(crate) fn is_member_of_any(&self, audiences: &BTreeSet<String>) -> bool {
        self.held_ids().any(|audience| audiences.contains(audience))
    }

    /// The audiences that the profile is in.
    pub(crate) fn held(&self) -> impl Iterator<Item = AudienceNumber> {
        let held = self.0.iter().filter(|(_, membership)| membership.status.is_member());
        held.map(|(key, _)| key.number)
    }

    /// The ids of these audiences.
    pub(crate) fn held_ids(&self) -> impl Iterator<Item = &str> {
        let held = self.iter().filter(|(_, membership)| membership.status.is_member());
        held.map(|(id, _)| id)
    }

    /// The same, with the version of the definition that each is by.
    pub(crate) fn held_keys(&self) -> Vec<(Option<Arc<AudienceKey>>, u64)> {
        let held = self.0.iter().filter(|(_, membership)| membership.status.is_member());
        held.map(|(key, membership)| (Some(Arc::clone(key)), membership.version)).collect()
    }

    fn place(&self, audience: AudienceNumber) -> Result<usize, usize> {
        self.0.binary_search_by_key(&audience, |(key, _)| key.number)
    }

    /// Brings one membership up to date with a finding, by the table in the module's head.
    pub(crate) fn settle(
        &mut self,
        audience: &Arc<AudienceKey>,
        now: Timestamp,
        finding: &Finding,
    ) -> Option<Change> {
        let place = self.place(audience.number);
        let held = place.ok().and_then(|place| self.0.get(place)).map(|(_, held)| held);
        let from = held.map(|membership| membership.status);
        let last_qualification = held.map_or(now, |membership| membership.last_qualification);
        let (to, last_qualification) = match (from.is_some_and(Status::is_member), finding) {
            (false, Finding { is_true: true, .. }) => (Status::Realized, now),
            (true, Finding { is_true: true, is_relevant: true, .. }) => (Status::Existing, now),
            (true, Finding { is_true: false, .. }) => (Status::Exited, last_qualification),
            _ => return None,
        };
        let membership = Membership {
            status: to,
            last_qualification,
            exited_at: (to == Status::Exited).then_some(now),
            version: finding.version,
        };
        match place {
            Ok(place) => {
                self.0.get_mut(place).into_iter().for_each(|held| held.1 = membership.clone())
            }
            Err(place) => self.0.insert(place, (audience.clone(), membership)),
        }
        (from != Some(to)).then(|| Change { audience: audience.id.clone(), from, to })
    }

    /// Takes in the memberships of a profile that became one with this one. A membership that
    /// either side holds is held; both held it, or one of them as existing: existing.
    pub(crate) fn absorb(&mut self, other: Memberships) {
        for (audience, theirs) in other.0 {
            match self.place(audience.number) {
                Err(place) => self.0.insert(place, (audience, theirs)),
                Ok(place) => {
                    let ours = self.0.get_mut(place);
                    ours.into_iter().for_each(|(_, ours)| *ours = join(ours, &theirs));
                }
            }
        }
    }

    /// Drops what exited long ago.
    pub(crate) fn drop_expired(&mut self, now: Timestamp) {
        self.0.retain(|(_, membership)| membership.dropped_at().is_none_or(|at| at > now));
    }

    /// When the next exited membership will be dropped.
    pub(crate) fn next_drop(&self) -> Option<Timestamp> {
        self.0.iter().filter_map(|(_, membership)| membership.dropped_at()).min()
    }

    /// About how many bytes they take in memory.
    pub(crate) fn weight(&self) -> usize {
        self.0.capacity() * size_of::<(Arc<AudienceKey>, Membership)>()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.count(self.0.len());
        for (audience, membership) in &self.0 {
            writer.u64(audience.number.into());
            writer.u8(match membership.status {
                Status::Realized => 0,
                Status::Existing => 1,
                Status::Exited => 2,
            });
            writer.timestamp(membership.last_qualification);
            if let Some(exited_at) = membership.exited_at {
                writer.timestamp(exited_at);
            }
            writer.u64(membership.version);
        }
    }

    /// Reads memberships back; the audiences' ids have yet to be [named](Memberships::name).
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Memberships, DecodeError> {
        let read_one = |reader: &mut Reader<'_>| {
            let number = reader.u64()?;
            let number = u32::try_from(number).map_err(|error| reader.invalid(error))?;
            let status = match reader.u8()? {
                0 => Status::Realized,
                1 => Status::Existing,
                2 => Status::Exited,
                other => return Err(reader.invalid(format!("{other} is no status"))),
            };
            let last_qualification = reader.timestamp()?;
            let is_exited = status == Status::Exited;
            let exited_at = is_exited.then(|| reader.timestamp()).transpose()?;
            let version = reader.u64()?;
            let key = AudienceKey { number, id: String::new() };
            let membership = Membership { status, last_qualification, exited_at, version };
            Ok((Arc::new(key), membership))
        };
        reader.list(read_one).map(Memberships)
    }

    /// Puts the audiences' ids in place, which a store does not hold.
    pub(crate) fn name<'a>(
        &mut self,
        key_of: impl Fn(AudienceNumber) -> Option<&'a Arc<AudienceKey>>,
    ) {
        for (key, _) in &mut self.0 {
            if let Some(named) = key_of(key.number) {
                key.clone_from(named);
            }
        }
    }
}

/// One membership out of two of the same audience.
fn join(ours: &Membership, theirs: &Membership) -> Membership {
    let last_qualification = ours.last_qualification.max(theirs.last_qualification);
    let version = ours.version.max(theirs.version);
    let (status, exited_at) = match (ours.status, theirs.status) {
        (Status::Exited, Status::Exited) => (Status::Exited, ours.exited_at.max(theirs.exited_at)),
        (held, Status::Exited) | (Status::Exited, held) => (held, None),
        _ => (Status::Existing, None),
    };
    Membership { status, last_qualification, exited_at, version }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(from: Option<Status>, is_true: bool, is_relevant: bool) -> Option<Status> {
        let now = Timestamp::from_millis(1000);
        let key = Arc::new(AudienceKey { number: 7, id: "a".to_owned() });
        let mut memberships = Memberships::default();
        if let Some(status) = from {
            let membership = Membership {
                status,
                last_qualification: Timestamp::from_millis(0),
                exited_at: (!status.is_member()).then_some(Timestamp::from_millis(0)),
                version: 1,
            };
            memberships.0.push((key.clone(), membership));
        }
        let finding = Finding { is_true, is_relevant, version: 1 };
        let change = memberships.settle(&key, now, &finding);
        let after = memberships.get("a").map(|membership| membership.status);
        assert_eq!(change.is_some(), after != from);
        after
    }

    #[test]
    fn follows_the_table() {
        use Status::{Existing, Exited, Realized};
        for relevant in [false, true] {
            assert_eq!(settle(None, true, relevant), Some(Realized));
            assert_eq!(settle(None, false, relevant), None);
            assert_eq!(settle(Some(Exited), true, relevant), Some(Realized));
            assert_eq!(settle(Some(Exited), false, relevant), Some(Exited));
            assert_eq!(settle(Some(Realized), false, relevant), Some(Exited));
            assert_eq!(settle(Some(Existing), false, relevant), Some(Exited));
        }
        assert_eq!(settle(Some(Realized), true, true), Some(Existing));
        assert_eq!(settle(Some(Realized), true, false), Some(Realized));
        assert_eq!(settle(Some(Existing), true, true), Some(Existing));
        assert_eq!(settle(Some(Existing), true, false), Some(Existing));
    }
}
