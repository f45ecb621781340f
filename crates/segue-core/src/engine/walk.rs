//! The walk over all profiles, round and round in the order of their ids, that all jobs share.
//!
//! ```text
//! profiles     a   b   c   d   e   f
//! job 1        ├───────────────────▶     began when nobody had been visited
//! job 2                ├───────────▶     began when the walk was at b …
//!              ────────▶                 … and ends there, one lap later
//!                          ↑ cursor
//! ```
//!
//! So a profile is visited once for all that it has to follow, and whether the walk has come by
//! since a job began follows from the cursor: nothing of it is written into the profile.

use crate::codec::{DecodeError, Reader, Writer};
use crate::ids::ProfileId;

/// How far the walk is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Walk {
    /// The profile that was visited last.
    cursor: Option<ProfileId>,
    /// How often the walk began anew.
    lap: u64,
    /// How many profiles were visited.
    pub(super) passed: u64,
}

/// Where the walk was when a job began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Since {
    start: Option<ProfileId>,
    lap: u64,
    pub(super) passed: u64,
}

/// A profile to be visited, and the lap in which it is. In the order in which they are visited.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Stop {
    lap: u64,
    pub(super) profile: ProfileId,
}

impl Walk {
    /// The place where a job begins that is new.
    pub(super) fn here(&self) -> Since {
        Since { start: self.cursor, lap: self.lap, passed: self.passed }
    }

    pub(super) fn cursor(&self) -> Option<ProfileId> {
        self.cursor
    }

    /// The next stop, given the profile that comes after the cursor and the first of all.
    pub(super) fn next(&self, after: Option<ProfileId>, first: Option<ProfileId>) -> Option<Stop> {
        let here = after.map(|profile| Stop { profile, lap: self.lap });
        here.or_else(|| first.map(|profile| Stop { profile, lap: self.lap + 1 }))
    }

    /// Where a profile id comes next: once around, if the walk is there.
    pub(super) fn stop_at(&self, profile: ProfileId) -> Stop {
        let is_ahead = Some(profile) > self.cursor;
        Stop { lap: if is_ahead { self.lap } else { self.lap + 1 }, profile }
    }

    /// Goes on to a stop.
    pub(super) fn go_to(&mut self, stop: Stop) {
        self.reach(stop);
        self.passed += 1;
    }

    /// Goes on to a stop at which nobody is visited.
    pub(super) fn reach(&mut self, stop: Stop) {
        self.cursor = Some(stop.profile);
        self.lap = stop.lap;
    }

    /// Whether the walk has come by a profile since.
    pub(super) fn has_visited(&self, profile: ProfileId, since: &Since) -> bool {
        let is_behind = Some(profile) <= self.cursor;
        let is_ahead_of_start = Some(profile) > since.start;
        if self.lap == since.lap {
            is_ahead_of_start && is_behind
        } else {
            is_ahead_of_start || is_behind
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        self.here().write(writer);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Walk, DecodeError> {
        let Since { start, lap, passed } = Since::read(reader)?;
        Ok(Walk { cursor: start, lap, passed })
    }
}

impl Since {
    /// Whether all profiles were visited, when the next stop of the walk is this one.
    pub(super) fn is_over(&self, next: Option<Stop>) -> bool {
        next.is_none_or(|next| {
            // Where nobody comes after the start, the walk is back at it before it is over.
            let next = (next.lap, Some(next.profile));
            next > (self.lap + 1, self.start)
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.option(self.start, |writer, id| writer.u128(id.as_u128()));
        writer.u64(self.lap);
        writer.u64(self.passed);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Since, DecodeError> {
        Ok(Since {
            start: reader.option(Reader::u128)?.map(ProfileId::from_u128),
            lap: reader.u64()?,
            passed: reader.u64()?,
        })
    }
}
