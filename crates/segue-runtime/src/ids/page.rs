//! A page of a run: what is read at once, and has a checksum.
//!
//! ```text
//! content | zeros | crc32c u32
//! ```
//! A page of ids holds 127 of them, but for the last, in the order of hash and position:
//! ```text
//! 127 × ( hash u128 | position u64 | until, ms since 1970, i64 )
//! ```
//! One of fences holds 511 numbers, u64, but for the last. Little endian.

use segue_core::SeenId;
use segue_xdm::Timestamp;

/// Bytes of a page: what disks and page caches deal in.
pub(super) const PAGE_BYTES: usize = 4096;

/// Bytes of what a page holds.
pub(super) const CONTENT_BYTES: usize = PAGE_BYTES - CRC_BYTES;

/// Ids in a page, but for the last.
pub(super) const PAGE_IDS: usize = CONTENT_BYTES / ID_BYTES;

/// Fences in a page, but for the last.
pub(super) const PAGE_FENCES: usize = CONTENT_BYTES / size_of::<u64>();

/// Bytes of an id.
const ID_BYTES: usize = 32;
const CRC_BYTES: usize = 4;

/// Appends a page with this content; what does not fit into it is left out.
pub(super) fn write(content: &[u8], bytes: &mut Vec<u8>) {
    let begin = bytes.len();
    bytes.extend_from_slice(content.get(..CONTENT_BYTES).unwrap_or(content));
    bytes.resize(begin + CONTENT_BYTES, 0);
    let crc = crc32c::crc32c(bytes.get(begin..).unwrap_or_default());
    bytes.extend_from_slice(&crc.to_le_bytes());
}

/// What is in a page, zeros included; none if it is not what was written.
pub(super) fn content(page: &[u8]) -> Option<&[u8]> {
    let (content, crc) = page.split_last_chunk::<CRC_BYTES>()?;
    (crc32c::crc32c(content) == u32::from_le_bytes(*crc)).then_some(content)
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

/// The fences of a page that is full of them.
pub(super) fn fences(page: &[u8]) -> impl Iterator<Item = u64> {
    let (fences, _) = page.as_chunks();
    fences.iter().take(PAGE_FENCES).map(|fence| u64::from_le_bytes(*fence))
}

/// The first ids of a page, so many.
pub(super) fn ids(content: &[u8], count: usize) -> impl Iterator<Item = SeenId> {
    content.chunks_exact(ID_BYTES).take(count).filter_map(decode)
}
