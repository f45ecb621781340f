//! One profile's part of the graph: its identities and the links that hold them together.
//!
//! ```text
//! bytes    count | identity, since: position…                            sorted
//!          count | link: left, right, as places in the list | timestamp | position…
//! ```

use segue_xdm::Identity;

use super::links::Link;
use crate::codec::{DecodeError, Reader, Writer};
use crate::profile::Stamp;

/// The identities and links of one profile.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Group {
    /// Sorted, each with the log position from which on it belongs to somebody.
    pub(crate) identities: Vec<(Identity, u64)>,
    /// Sorted, each with when it was last seen.
    pub(crate) links: Vec<(Link, Stamp)>,
}

impl Group {
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.count(self.identities.len());
        for (identity, since) in &self.identities {
            writer.identity(identity);
            writer.u64(*since);
        }
        writer.count(self.links.len());
        for (Link { left, right }, (timestamp, position)) in &self.links {
            for end in [left, right] {
                let place = self.identities.binary_search_by(|(identity, _)| identity.cmp(end));
                let (Ok(place) | Err(place)) = place;
                writer.count(place);
            }
            writer.timestamp(*timestamp);
            writer.u64(*position);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Group, DecodeError> {
        let identities: Vec<(Identity, u64)> =
            reader.list(|reader| Ok((reader.identity()?, reader.u64()?)))?;
        let links = reader.list(|reader| {
            let mut end = || {
                let place = usize::try_from(reader.u64()?).ok();
                let found = place.and_then(|place| identities.get(place));
                found.map(|(identity, _)| identity.clone()).ok_or_else(|| reader.invalid("no end"))
            };
            let (left, right) = (end()?, end()?);
            Ok((Link { left, right }, (reader.timestamp()?, reader.u64()?)))
        })?;
        Ok(Group { identities, links })
    }
}
