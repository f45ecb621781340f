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

const ID_BYTES: usize = 32;
const CRC_BYTES: usize = 4;

/// Appends a page that holds these ids.
pub(super) fn write(ids: &[SeenId], bytes: &mut Vec<u8>) {
    let begin = bytes.len();
    for id in ids {
        bytes.extend_from_slice(&id.hash.to_le_bytes());
        bytes.extend_from_slice(&id.position.to_le_bytes());
        bytes.extend_from_slice(&id.until.as_millis().to_le_bytes());
    }
    seal(begin, bytes);
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
    let (ids, _) = content.as_chunks::<ID_BYTES>();
    ids.iter().take(count).filter_map(|bytes| {
        let (hash, rest) = bytes.split_first_chunk()?;
        let (position, until) = rest.split_first_chunk()?;
        Some(SeenId {
            hash: u128::from_le_bytes(*hash),
            position: u64::from_le_bytes(*position),
            until: Timestamp::from_millis(i64::from_le_bytes(until.try_into().ok()?)),
        })
    })
}
