//! The moments at which a profile's audiences have to be looked at again, if nothing comes in
//! before.
//!
//! ```text
//! moments   count | moment…       by moment: many audiences wait for the same event to grow old
//! moment    milliseconds since the one before, i128 | audience: u32
//! ```
//!
//! The first moment is counted from the profile's next wake-up, which mostly is that moment.

use segue_xdm::Timestamp;

use crate::codec::{DecodeError, Reader, Writer};

/// The number of an audience: the same for the life of the data.
pub(crate) type AudienceNumber = u32;

const EPOCH: Timestamp = Timestamp::from_millis(0);

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

    /// Writes the moments of a profile that next wakes up then.
    pub(crate) fn write(&self, next_wake: Option<Timestamp>, writer: &mut Writer) {
        let mut by_moment: Vec<_> =
            self.0.iter().map(|(audience, moment)| (*moment, *audience)).collect();
        by_moment.sort_unstable();
        writer.count(by_moment.len());
        let mut before = next_wake.unwrap_or(EPOCH);
        for (moment, audience) in by_moment {
            writer.i128(i128::from(moment.as_millis()) - i128::from(before.as_millis()));
            writer.u64(audience.into());
            before = moment;
        }
    }

    /// Reads the moments of a profile that next wakes up then.
    pub(crate) fn read(
        next_wake: Option<Timestamp>,
        reader: &mut Reader<'_>,
    ) -> Result<Moments, DecodeError> {
        let mut before = next_wake.unwrap_or(EPOCH);
        let mut moments: Vec<(AudienceNumber, Timestamp)> = reader.list(|reader| {
            let millis = i128::from(before.as_millis()).checked_add(reader.i128()?);
            let millis = millis.and_then(|millis| i64::try_from(millis).ok());
            let millis = millis.ok_or_else(|| reader.invalid("a moment lies beyond all time"))?;
            before = Timestamp::from_millis(millis);
            let audience = u32::try_from(reader.u64()?).map_err(|error| reader.invalid(error))?;
            Ok((audience, before))
        })?;
        moments.sort_unstable();
        if moments.windows(2).any(|pair| matches!(pair, [(one, _), (other, _)] if one == other)) {
            return Err(reader.invalid("an audience has two moments"));
        }
        Ok(Moments(moments))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VERSION: u8 = 1;

    fn bytes(moments: &Moments, next_wake: Option<Timestamp>) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        moments.write(next_wake, &mut writer);
        writer.finish()
    }

    fn read(bytes: &[u8], next_wake: Option<Timestamp>) -> Result<Moments, DecodeError> {
        let mut reader = Reader::new("sample", VERSION, bytes)?;
        let moments = Moments::read(next_wake, &mut reader)?;
        reader.finish().map(|()| moments)
    }

    fn timestamp() -> impl Strategy<Value = Timestamp> {
        prop_oneof![0..9_i64, any::<i64>()].prop_map(Timestamp::from_millis)
    }

    proptest! {
        #[test]
        fn moments_read_back_and_what_is_damaged_ends(
            moments in prop::collection::btree_map(any::<u32>(), timestamp(), 0..9),
            next_wake in prop::option::of(timestamp()),
            at in any::<prop::sample::Index>(),
            damage in any::<u8>(),
        ) {
            let moments = Moments(moments.into_iter().collect());
            let mut bytes = bytes(&moments, next_wake);
            prop_assert_eq!(read(&bytes, next_wake).unwrap(), moments);
            let at = at.index(bytes.len());
            prop_assert!(read(&bytes[..at], next_wake).is_err());
            bytes[at] = damage;
            drop(read(&bytes, next_wake));
        }
    }

    #[test]
    fn the_moment_of_the_next_wake_up_takes_a_byte_and_the_audience() {
        let moment = Timestamp::MAX;
        assert_eq!(bytes(&Moments(vec![(7, moment)]), Some(moment)), [VERSION, 1, 0, 7]);
        assert!(read(&[VERSION, 2, 0, 7, 0, 7], None).is_err(), "one audience, two moments");
    }
}
