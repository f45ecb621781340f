//! Which partition a key belongs to: the same as with Kafka's own clients in Java, so that records
//! of a profile lie together, whoever writes them.
//!
//! The hash is MurmurHash2 by Austin Appleby with the seed that Kafka chose, over unsigned numbers
//! where Java has signed ones (`Utils.murmur2` and `BuiltInPartitioner` of `kafka-clients`).

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;

/// The partition of a key, of `count`, which is not 0.
pub(super) fn partition_of(key: &[u8], count: usize) -> usize {
    // Java takes the sign away, so as to divide a number that is not negative.
    let positive = murmur2(key) & (u32::MAX >> 1);
    positive as usize % count
}

fn murmur2(bytes: &[u8]) -> u32 {
    // Java's length is 32 bits wide, too.
    let mut hash = SEED ^ bytes.len() as u32;
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        word ^= word >> 24;
        hash = hash.wrapping_mul(MULTIPLIER) ^ word.wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        let rest = rest.iter().rev().fold(0, |rest, byte| (rest << 8) | u32::from(*byte));
        hash = (hash ^ rest).wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of `UtilsTest.testMurmur2` in Kafka.
    #[test]
    fn hashes_are_those_of_kafka() {
        let expected = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (text, hash) in expected {
            assert_eq!(murmur2(text.as_bytes()).cast_signed(), hash, "{text}");
        }
    }

    #[test]
    fn a_key_always_has_the_same_partition_of_those_that_are_there() {
        let (hash, count) = (973_932_308_u32.wrapping_neg() & 0x7fff_ffff, 7);
        assert_eq!(partition_of(b"21", count), hash as usize % count);
        assert!((0..100_u32).all(|key| partition_of(&key.to_le_bytes(), 3) < 3));
    }
}
