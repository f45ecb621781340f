//! The moments at which a profile's audiences have to be looked at again, if nothing comes in
//! before.

use segue_xdm::Timestamp;

use crate::codec::{DecodeError, Reader, Writer};

/// The number of an audience: the same for the life of the data.
pub(crate) type AudienceNumber = u32;

/// One moment for each audience that has one, by audience.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Moments(Vec<(AudienceNumber, Timestamp)>);

impl Moments {
    /// Notes when an audience has to be looked at again; `None`: when something comes in.
    pub(crate) fn set(&mut self, audience: AudienceNumber, moment: Option<Timestamp>) {
        match (self.0.binary_search_by_key(&audience, |(known, _)| *known), moment) {
            (Ok(at), None) => drop(self.0.remove(at)),
            (Ok(at), Some(moment)) => {
                self.0.splice(at..=at, [(audience, moment)]);
            }
            (Err(_), None) => {}
            (Err(at), Some(moment)) => self.0.insert(at, (audience, moment)),
        }
    }

    /// The audiences whose moment has come.
    pub(crate) fn due(&self, now: Timestamp) -> impl Iterator<Item = AudienceNumber> {
        self.0.iter().filter(move |(_, moment)| *moment <= now).map(|(audience, _)| *audience)
    }

    /// Takes out the audiences whose moment has come.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Vec<AudienceNumber> {
        let due = self.0.extract_if(.., |(_, moment)| *moment <= now);
        due.map(|(audience, _)| audience).collect()
    }

    /// The first moment of all.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.0.iter().map(|(_, moment)| *moment).min()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.count(self.0.len());
        for (audience, moment) in &self.0 {
            writer.u64((*audience).into());
            writer.timestamp(*moment);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Moments, DecodeError> {
        let read_one = |reader: &mut Reader<'_>| {
            let audience = reader.u64()?;
            let audience = u32::try_from(audience).map_err(|error| reader.invalid(error))?;
            Ok((audience, reader.timestamp()?))
        };
        reader.list(read_one).map(Moments)
    }
}
