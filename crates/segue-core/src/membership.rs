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

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use segue_xdm::Timestamp;

use crate::codec::{DecodeError, Reader, Writer};

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

/// All memberships of one profile, by audience id.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Memberships(BTreeMap<String, Membership>);

impl Memberships {
    pub(crate) fn as_map(&self) -> &BTreeMap<String, Membership> {
        &self.0
    }

    pub(crate) fn is_member(&self, audience: &str) -> bool {
        self.0.get(audience).is_some_and(|membership| membership.status.is_member())
    }

    /// Brings one membership up to date with a finding, by the table in the module's head.
    pub(crate) fn settle(
        &mut self,
        audience: &str,
        now: Timestamp,
        finding: &Finding,
    ) -> Option<Change> {
        let held = self.0.get_mut(audience);
        let from = held.as_ref().map(|membership| membership.status);
        let last_qualification =
            held.as_ref().map_or(now, |membership| membership.last_qualification);
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
        match held {
            Some(held) => *held = membership,
            None => drop(self.0.insert(audience.to_owned(), membership)),
        }
        (from != Some(to)).then(|| Change { audience: audience.to_owned(), from, to })
    }

    /// Takes in the memberships of a profile that became one with this one. A membership that
    /// either side holds is held; both held it, or one of them as existing: existing.
    pub(crate) fn absorb(&mut self, other: Memberships) {
        for (audience, theirs) in other.0 {
            let joined = match self.0.remove(&audience) {
                None => theirs,
                Some(ours) => join(ours, theirs),
            };
            self.0.insert(audience, joined);
        }
    }

    /// Drops what exited long ago.
    pub(crate) fn drop_expired(&mut self, now: Timestamp) {
        self.0.retain(|_, membership| membership.dropped_at().is_none_or(|at| at > now));
    }

    /// When the next exited membership will be dropped.
    pub(crate) fn next_drop(&self) -> Option<Timestamp> {
        self.0.values().filter_map(Membership::dropped_at).min()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.count(self.0.len());
        for (audience, membership) in &self.0 {
            writer.text(audience);
            writer.u8(match membership.status {
                Status::Realized => 0,
                Status::Existing => 1,
                Status::Exited => 2,
            });
            writer.timestamp(membership.last_qualification);
            writer.option(membership.exited_at, Writer::timestamp);
            writer.u64(membership.version);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Memberships, DecodeError> {
        let read_one = |reader: &mut Reader<'_>| {
            let audience = reader.text()?.to_owned();
            let status = match reader.u8()? {
                0 => Status::Realized,
                1 => Status::Existing,
                2 => Status::Exited,
                other => return Err(reader.invalid(format!("{other} is no status"))),
            };
            let membership = Membership {
                status,
                last_qualification: reader.timestamp()?,
                exited_at: reader.option(Reader::timestamp)?,
                version: reader.u64()?,
            };
            if membership.exited_at.is_some() == status.is_member() {
                return Err(reader.invalid("the status and the moment of exit contradict"));
            }
            Ok((audience, membership))
        };
        reader.list(read_one).map(Memberships)
    }
}

/// One membership out of two of the same audience.
fn join(ours: Membership, theirs: Membership) -> Membership {
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
        let mut memberships = Memberships::default();
        if let Some(status) = from {
            let membership = Membership {
                status,
                last_qualification: Timestamp::from_millis(0),
                exited_at: (!status.is_member()).then_some(Timestamp::from_millis(0)),
                version: 1,
            };
            memberships.0.insert("a".to_owned(), membership);
        }
        let finding = Finding { is_true, is_relevant, version: 1 };
        let change = memberships.settle("a", now, &finding);
        let after = memberships.0.get("a").map(|membership| membership.status);
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
