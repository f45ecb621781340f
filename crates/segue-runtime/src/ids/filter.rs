//! Tells most hashes that are not in a run from those that are, without reading it.
//!
//! A Bloom filter in blocks of one cache line: all that is asked of a hash lies in one block, so to
//! ask takes one access to memory (Putze, Sanders and Singler, "Cache-, Hash- and Space-Efficient
//! Bloom Filters", 2007).

/// Bits of memory for each hash.
const BITS_PER_HASH: u64 = 10;

/// Bits that are set for each hash: about the optimum for so many bits, 10 × ln 2.
const PROBES: u32 = 7;

const BLOCK_BITS: u64 = 512;
const WORDS: usize = 8;

/// Bits that choose one of a block's.
const PROBE_BITS: u32 = 9;

/// Says "no" or "maybe". Some 1 in 80 of those that were never added get a "maybe".
pub(super) struct Filter(Vec<Block>);

#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Block([u64; WORDS]);

impl Filter {
    /// An empty one, for so many hashes.
    pub(super) fn for_hashes(count: u64) -> Filter {
        let blocks = (count * BITS_PER_HASH).div_ceil(BLOCK_BITS).max(1);
        Filter(vec![Block::default(); usize::try_from(blocks).unwrap_or(usize::MAX)])
    }

    pub(super) fn add(&mut self, hash: u128) {
        let block = self.block_of(hash);
        if let Some(Block(words)) = self.0.get_mut(block) {
            for (word, bit) in probes(hash) {
                words.get_mut(word).into_iter().for_each(|word| *word |= bit);
            }
        }
    }

    pub(super) fn may_hold(&self, hash: u128) -> bool {
        let is_set = |Block(words): &Block, (word, bit): (usize, u64)| {
            words.get(word).is_some_and(|word| word & bit != 0)
        };
        let block = self.0.get(self.block_of(hash));
        block.is_some_and(|block| probes(hash).all(|probe| is_set(block, probe)))
    }

    /// Which block a hash belongs to, by its low half.
    fn block_of(&self, hash: u128) -> usize {
        let low = u128::from(hash as u64);
        ((low * self.0.len() as u128) >> 64) as usize
    }

    /// Its words, in their order.
    pub(super) fn words(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|Block(words)| words.iter().copied())
    }

    /// A filter of the bytes of these words; none if they are no blocks, or not whole ones.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Filter> {
        let (words, half_word) = bytes.as_chunks::<8>();
        let (blocks, half_block) = words.as_chunks::<WORDS>();
        let is_whole = !blocks.is_empty() && half_block.is_empty() && half_word.is_empty();
        let blocks = blocks.iter().map(|words| Block(words.map(u64::from_le_bytes)));
        is_whole.then(|| Filter(blocks.collect()))
    }
}

/// The words and bits of a hash in its block, by its high half.
fn probes(hash: u128) -> impl Iterator<Item = (usize, u64)> {
    let high = (hash >> 64) as u64;
    (0..PROBES).map(move |probe| {
        let place = (high >> (probe * PROBE_BITS)) % BLOCK_BITS;
        ((place / 64) as usize % WORDS, 1 << (place % 64))
    })
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
        let mut filter = Filter::for_hashes(count);
        (0..count).for_each(|number| filter.add(hash(number)));
        let bytes: Vec<u8> = filter.words().flat_map(u64::to_le_bytes).collect();
        let filter = Filter::from_bytes(&bytes).unwrap();
        assert!((0..count).all(|number| filter.may_hold(hash(number))));
        let maybes = (count..2 * count).filter(|number| filter.may_hold(hash(*number))).count();
        assert!(maybes < 400, "{maybes} of {count}");
    }
}
