//! The bytes of everything that is stored: inputs in the log, state in the checkpoint.
//!
//! ```text
//! value     version: u8 | fields
//! u8, bool  one byte
//! u64       1 to 10 bytes: seven bits each, low ones first, the top bit set on all but the last
//! i64       the u64 whose last bit is the sign; a timestamp is the i64 of its milliseconds
//! i128      the same, in 1 to 19 bytes
//! u128      16 bytes, little endian
//! bytes     length: u64 | that many bytes;   text is UTF-8, a tree is the bytes of its document
//! option    0, or 1 | the value
//! list      count: u64 | the items
//! ```
//!
//! Each kind of value has a version of its own in its first byte; a reader refuses one that it
//! does not know rather than guess.

use segue_xdm::{Document, Identity, Timestamp};
use serde_json::Value;

/// Stored bytes cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end early.
    #[error("the stored {what} ends early; the file is damaged, restore it from a copy")]
    Truncated {
        /// What was being read.
        what: &'static str,
    },
    /// Another version of Segue wrote this.
    #[error("the stored {what} has version {found}, this version of Segue reads {known}")]
    Version {
        /// What was being read.
        what: &'static str,
        /// The version found.
        found: u8,
        /// The version that can be read.
        known: u8,
    },
    /// The bytes have the right length and make no sense.
    #[error("the stored {what} cannot be read: {reason}")]
    Invalid {
        /// What was being read.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl DecodeError {
    /// Bytes of `what` that make no sense, because of `reason`.
    pub(crate) fn invalid(what: &'static str, reason: impl ToString) -> DecodeError {
        let reason = reason.to_string();
        DecodeError::Invalid { what, reason }
    }
}

/// Builds the bytes of one value.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Begins a value of this version.
    pub(crate) fn new(version: u8) -> Writer {
        Writer(vec![version])
    }

    /// The same, behind other bytes.
    pub(crate) fn after(bytes: Vec<u8>, version: u8) -> Writer {
        let mut writer = Writer(bytes);
        writer.u8(version);
        writer
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn u8(&mut self, number: u8) {
        self.0.push(number);
    }

    pub(crate) fn bool(&mut self, flag: bool) {
        self.u8(flag.into());
    }

    pub(crate) fn u64(&mut self, number: u64) {
        self.sevens(number.into());
    }

    pub(crate) fn i128(&mut self, number: i128) {
        // Zigzag: small numbers of either sign take few bytes.
        self.sevens(((number << 1) ^ (number >> 127)) as u128);
    }

    fn sevens(&mut self, mut number: u128) {
        while number >= 0x80 {
            self.u8((number as u8) | 0x80);
            number >>= 7;
        }
        self.u8(number as u8);
    }

    pub(crate) fn u128(&mut self, number: u128) {
        self.raw(&number.to_le_bytes());
    }

    pub(crate) fn timestamp(&mut self, timestamp: Timestamp) {
        self.i128(timestamp.as_millis().into());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.raw(bytes);
    }

    /// Bytes whose number the reader knows from elsewhere.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// A tree, as the bytes of its [`Document`]: of JSON text, `serde_json` cannot read back all
    /// that it has written, such as a name that it uses itself.
    pub(crate) fn tree(&mut self, value: &Value) {
        self.bytes(Document::from_value(value).as_bytes());
    }

    pub(crate) fn identity(&mut self, identity: &Identity) {
        self.text(identity.namespace());
        self.text(identity.id());
    }

    pub(crate) fn identities(&mut self, identities: &[Identity]) {
        self.count(identities.len());
        for identity in identities {
            self.identity(identity);
        }
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Writer, T)) {
        self.bool(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// The number of items that follow.
    pub(crate) fn count(&mut self, count: usize) {
        self.u64(count as u64);
    }
}

/// Reads back what a [`Writer`] wrote.
pub(crate) struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Begins to read a `what`, which must have this version.
    pub(crate) fn new(
        what: &'static str,
        known: u8,
        bytes: &'a [u8],
    ) -> Result<Reader<'a>, DecodeError> {
        let mut reader = Reader { what, rest: bytes };
        let found = reader.u8()?;
        if found != known {
            return Err(DecodeError::Version { what, found, known });
        }
        Ok(reader)
    }

    /// Ends the value: nothing may be left over.
    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(self.invalid(format!("{extra} bytes too many"))),
        }
    }

    pub(crate) fn invalid(&self, reason: impl ToString) -> DecodeError {
        DecodeError::invalid(self.what, reason)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let truncated = DecodeError::Truncated { what: self.what };
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.take(N)?;
        Ok(bytes.try_into().expect("exactly N bytes were taken"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.invalid(format!("{other} is neither yes nor no"))),
        }
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        let number = self.sevens()?;
        u64::try_from(number).map_err(|error| self.invalid(error))
    }

    pub(crate) fn i128(&mut self) -> Result<i128, DecodeError> {
        let number = self.sevens()?;
        Ok((number >> 1) as i128 ^ -((number & 1) as i128))
    }

    fn sevens(&mut self) -> Result<u128, DecodeError> {
        let mut number = 0;
        for shift in (0..u128::BITS).step_by(7) {
            let byte = self.u8()?;
            number |= u128::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.invalid("a number has no end"))
    }

    pub(crate) fn u128(&mut self) -> Result<u128, DecodeError> {
        self.array().map(u128::from_le_bytes)
    }

    pub(crate) fn timestamp(&mut self) -> Result<Timestamp, DecodeError> {
        let millis = i64::try_from(self.i128()?).map_err(|error| self.invalid(error))?;
        Ok(Timestamp::from_millis(millis))
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, DecodeError> {
        let length = self.length()?;
        self.text_of(length)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.length()?;
        self.take(length)
    }

    fn length(&mut self) -> Result<usize, DecodeError> {
        let length = self.u64()?;
        usize::try_from(length).map_err(|error| self.invalid(error))
    }

    /// Text of so many bytes.
    pub(crate) fn text_of(&mut self, length: usize) -> Result<&'a str, DecodeError> {
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|error| self.invalid(error))
    }

    pub(crate) fn tree(&mut self) -> Result<Value, DecodeError> {
        self.bytes().map(|bytes| Document::from_stored(bytes).to_value())
    }

    pub(crate) fn identity(&mut self) -> Result<Identity, DecodeError> {
        let namespace = self.text()?;
        Ok(Identity::new(namespace, self.text()?))
    }

    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        self.bool()?.then(|| read(self)).transpose()
    }

    /// A list: its items are read one by one, so that a false count cannot allocate much.
    pub(crate) fn list<T, C: FromIterator<T>>(
        &mut self,
        mut read: impl FnMut(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<C, DecodeError> {
        let count = self.u64()?;
        (0..count).map(|_| read(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_was_written_and_refuses_the_rest() {
        let mut writer = Writer::new(3);
        writer.text("héllo");
        writer.option(Some(7), Writer::u64);
        writer.timestamp(Timestamp::MIN);
        for number in [0, -1, 63, -64, 64, i128::MAX, i128::MIN] {
            writer.i128(number);
        }
        let bytes = writer.finish();

        let mut reader = Reader::new("sample", 3, &bytes).unwrap();
        assert_eq!(reader.text().unwrap(), "héllo");
        assert_eq!(reader.option(Reader::u64).unwrap(), Some(7));
        assert_eq!(reader.timestamp().unwrap(), Timestamp::MIN);
        for number in [0, -1, 63, -64, 64, i128::MAX, i128::MIN] {
            assert_eq!(reader.i128().unwrap(), number);
        }
        reader.finish().unwrap();

        assert!(matches!(
            Reader::new("sample", 4, &bytes),
            Err(DecodeError::Version { found: 3, known: 4, .. })
        ));
        let mut short = Reader::new("sample", 3, &bytes[..5]).unwrap();
        assert!(matches!(short.text(), Err(DecodeError::Truncated { .. })));
        assert!(Reader::new("sample", 3, &bytes).unwrap().finish().is_err());
    }
}
