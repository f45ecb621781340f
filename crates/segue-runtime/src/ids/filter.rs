//! Tells most hashes that are not in a run from those that are, without looking at its ids.
//!
//! A Bloom filter in blocks of one cache line: all that is asked of a hash lies in one block, so to
//! ask takes one access to memory (Putze, Sanders and Singler, "Cache-, Hash- and Space-Efficient
//! Bloom Filters", 2007). Its pages are the same in memory and in the file of the run, where one of
//! them is read for a hash. Blocks are in the order of hashes, as ids are: so a filter is written
//! page by page while ids come, however large it becomes.

use super::page::{self, CONTENT_BYTES, PAGE_BYTES};

/// Bits for each hash.
const BITS_PER_HASH: u64 = 10;

/// Bits that are set for each hash: about the optimum for so many bits, 10 × ln 2.
const PROBES: u32 = 7;

const BLOCK_BYTES: usize = 64;
const BLOCK_BITS: u64 = 8 * BLOCK_BYTES as u64;

/// Bits that choose one of a block's.
const PROBE_BITS: u32 = 9;

/// Blocks in a page.
const PAGE_BLOCKS: u64 = (CONTENT_BYTES / BLOCK_BYTES) as u64;

/// How many pages a filter for so many hashes has: one at least.
pub(super) fn pages_for(hashes: u64) -> u64 {
    hashes.div_ceil(PAGE_BLOCKS * BLOCK_BITS / BITS_PER_HASH).max(1)
}

/// The page of so many that a hash belongs to.
pub(super) fn page_of(hash: u128, pages: u64) -> u64 {
    block_of(hash, pages) / PAGE_BLOCKS
}

/// What the page of a hash, of so many, says: "no" or "maybe". Some 1 in 80 hashes that were never
/// added get a "maybe".
pub(super) fn may_hold(content: &[u8], hash: u128, pages: u64) -> bool {
    let mut probes = probes(hash, pages);
    probes.all(|(byte, bit)| content.get(byte).is_some_and(|byte| byte & bit != 0))
}

/// Which block of a filter with so many pages a hash belongs to, by its high half.
fn block_of(hash: u128, pages: u64) -> u64 {
    let blocks = u128::from(pages) * u128::from(PAGE_BLOCKS);
    (((hash >> 64) * blocks) >> 64) as u64
}

/// The bytes of its page and the bits of these that belong to a hash, by its low half.
fn probes(hash: u128, pages: u64) -> impl Iterator<Item = (usize, u8)> {
    let block = (block_of(hash, pages) % PAGE_BLOCKS) as usize * BLOCK_BYTES;
    (0..PROBES).map(move |probe| {
        let place = (hash as u64 >> (probe * PROBE_BITS)) % BLOCK_BITS;
        (block + place as usize / 8, 1 << (place % 8))
    })
}

/// The pages of a filter, in memory.
pub(super) struct Filter(Vec<u8>);

impl Filter {
    /// Of pages that are what was written.
    pub(super) fn new(pages: Vec<u8>) -> Filter {
        Filter(pages)
    }

    pub(super) fn may_hold(&self, hash: u128) -> bool {
        let pages = (self.0.len() / PAGE_BYTES) as u64;
        let begin = page_of(hash, pages) as usize * PAGE_BYTES;
        self.0.get(begin..).is_some_and(|page| may_hold(page, hash, pages))
    }
}

/// Makes the pages of a filter, one after the other.
pub(super) struct FilterWriter {
    pages: u64,
    /// Pages that are made.
    made: u64,
    /// The next one.
    content: [u8; CONTENT_BYTES],
}

impl FilterWriter {
    /// Of a filter with so many pages.
    pub(super) fn new(pages: u64) -> FilterWriter {
        FilterWriter { pages, made: 0, content: [0; CONTENT_BYTES] }
    }

    /// Adds a hash that is no less than those before. Appends the pages that lie before its own.
    pub(super) fn add(&mut self, hash: u128, bytes: &mut Vec<u8>) {
        self.make(page_of(hash, self.pages), bytes);
        for (byte, bit) in probes(hash, self.pages) {
            self.content.get_mut(byte).into_iter().for_each(|byte| *byte |= bit);
        }
    }

    /// Whether there are pages that were not appended.
    pub(super) fn is_left(&self) -> bool {
        self.made < self.pages
    }

    /// Appends the page that comes next.
    pub(super) fn end_page(&mut self, bytes: &mut Vec<u8>) {
        self.make(self.made + 1, bytes);
    }

    /// Appends pages until so many are made.
    fn make(&mut self, count: u64, bytes: &mut Vec<u8>) {
        while self.made < count {
            page::write(&self.content, bytes);
            self.content.fill(0);
            self.made += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random: SplitMix64, twice.
    fn hash(number: u64) -> u128 {
        let mix = |number: u64| {
            let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        u128::from(mix(2 * number)) << 64 | u128::from(mix(2 * number + 1))
    }

    #[test]
    fn knows_what_was_added_and_little_else() {
        let count = 20_000;
        let mut added: Vec<u128> = (0..count).map(hash).collect();
        added.sort_unstable();
        let (mut writer, mut bytes) = (FilterWriter::new(pages_for(count)), Vec::new());
        added.iter().for_each(|hash| writer.add(*hash, &mut bytes));
        while writer.is_left() {
            writer.end_page(&mut bytes);
        }
        assert_eq!(bytes.len() as u64, pages_for(count) * PAGE_BYTES as u64);
        let filter = Filter::new(bytes);
        assert!(added.iter().all(|hash| filter.may_hold(*hash)));
        let maybes = (count..2 * count).filter(|number| filter.may_hold(hash(*number))).count();
        assert!(maybes < 400, "{maybes} of {count}");
    }
}
