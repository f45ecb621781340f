//! A page of a run: what is read at once to find an id.
//!
//! ```text
//! 127 × ( hash u128 | position u64 | until, ms since 1970, i64 ) | zeros | crc32c u32
//! ```
//! Little endian, in the order of hash and position.

use segue_core::SeenId;
use segue_xdm::Timestamp;

/// Bytes of a page: what disks and page caches deal in.
pub(super) const PAGE_BYTES: usize = 4096;

/// Ids in a page, but for the last.
pub(super) const PAGE_IDS: usize = (PAGE_BYTES - CRC_BYTES) / ID_BYTES;

/// Bytes of an id.
const ID_BYTES: usize = 32;
const CRC_BYTES: usize = 4;

/// Appends a page that holds these ids.
pub(super) fn write(ids: &[SeenId], bytes: &mut Vec<u8>) {
    let begin = bytes.len();
    ids.iter().for_each(|id| bytes.extend_from_slice(&encode(id)));
    seal(begin, bytes);
}

/// The bytes of an id.
pub(crate) fn encode(id: &SeenId) -> [u8; ID_BYTES] {
    let mut bytes = [0; ID_BYTES];
    let (hash, rest) = bytes.split_at_mut(size_of::<u128>());
    let (position, until) = rest.split_at_mut(size_of::<u64>());
    hash.copy_from_slice(&id.hash.to_le_bytes());
    position.copy_from_slice(&id.position.to_le_bytes());
    until.copy_from_slice(&id.until.as_millis().to_le_bytes());
    bytes
}

/// The id that has these bytes; none if they are too few or too many.
pub(crate) fn decode(bytes: &[u8]) -> Option<SeenId> {
    let (hash, rest) = bytes.split_first_chunk()?;
    let (position, until) = rest.split_first_chunk()?;
    Some(SeenId {
        hash: u128::from_le_bytes(*hash),
        position: u64::from_le_bytes(*position),
        until: Timestamp::from_millis(i64::from_le_bytes(until.try_into().ok()?)),
    })
}

/// Ends a page that began there: fills it up, and writes its checksum.
pub(super) fn seal(begin: usize, bytes: &mut Vec<u8>) {
    bytes.resize(begin + PAGE_BYTES - CRC_BYTES, 0);
    let crc = crc32c::crc32c(bytes.get(begin..).unwrap_or_default());
    bytes.extend_from_slice(&crc.to_le_bytes());
}

/// What is in a page, zeros included; none if it is not what was written.
pub(super) fn content(page: &[u8]) -> Option<&[u8]> {
    let (content, crc) = page.split_last_chunk::<CRC_BYTES>()?;
    (crc32c::crc32c(content) == u32::from_le_bytes(*crc)).then_some(content)
}

/// The first ids of a page, so many.
pub(super) fn ids(content: &[u8], count: usize) -> impl Iterator<Item = SeenId> {
    content.chunks_exact(ID_BYTES).take(count).filter_map(decode)
}
