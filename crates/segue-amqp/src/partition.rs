//! Which partition a key belongs to.
//!
//! Event Hubs hashes the key's UTF-8 bytes with Bob Jenkins' lookup3 (`hashlittle2`, seeds 0 and
//! 0), folds the two halves to 16 signed bits and takes the remainder. The reference is the .NET
//! SDK's `PartitionResolver`, a port of the service's code. Python's *buffered* producer computes
//! something else and disagrees with the service; it is no reference.

const BLOCK_BYTES: usize = 12;

/// The partition of `key` in a hub of `partition_count` partitions; 0 in a hub without any.
pub fn partition_for_key(key: &str, partition_count: u16) -> u16 {
    let hash = i32::from(key_hash(key.as_bytes()));
    let partition = hash.checked_rem(partition_count.into()).unwrap_or_default();
    // The remainder is at most 16 bits in magnitude: the hash has no more.
    u16::try_from(partition.unsigned_abs()).unwrap_or_default()
}

/// The 16-bit hash that the service derives from a key.
fn key_hash(key: &[u8]) -> i16 {
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let start = 0xdead_beef_u32.wrapping_add(length);
    let mut state = [start; 3];
    let mut rest = key;
    while let Some((block, behind)) =
        rest.split_first_chunk::<BLOCK_BYTES>().filter(|(_, behind)| !behind.is_empty())
    {
        state = mix(add(state, block));
        rest = behind;
    }
    if !rest.is_empty() {
        let mut block = [0; BLOCK_BYTES];
        block.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
        state = finish(add(state, &block));
    }
    let [_, b, c] = state;
    let [low, high, ..] = (c ^ b).to_le_bytes();
    i16::from_le_bytes([low, high])
}

/// Adds a block to the state as three little-endian words.
fn add([a, b, c]: [u32; 3], block: &[u8; BLOCK_BYTES]) -> [u32; 3] {
    let [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3] = *block;
    [
        a.wrapping_add(u32::from_le_bytes([a0, a1, a2, a3])),
        b.wrapping_add(u32::from_le_bytes([b0, b1, b2, b3])),
        c.wrapping_add(u32::from_le_bytes([c0, c1, c2, c3])),
    ]
}

/// `mix()` of lookup3: between blocks.
fn mix([mut a, mut b, mut c]: [u32; 3]) -> [u32; 3] {
    a = a.wrapping_sub(c) ^ c.rotate_left(4);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(6);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(8);
    b = b.wrapping_add(a);
    a = a.wrapping_sub(c) ^ c.rotate_left(16);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(19);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(4);
    b = b.wrapping_add(a);
    [a, b, c]
}

/// `final()` of lookup3: after the last block.
fn finish([mut a, mut b, mut c]: [u32; 3]) -> [u32; 3] {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    c = (c ^ b).wrapping_sub(b.rotate_left(24));
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::{key_hash, partition_for_key};

    #[test]
    fn hashes_are_those_of_the_sdks() {
        let published = [
            ("7", -15263),
            ("7149583486996073602", 12977),
            ("FWfAT", -22341),
            ("sOdeEAsyQoEuEFPGerWO", -6503),
            ("!c*_!I@1^c", 15372),
            ("p4*!jioeO/z-!-;w:dh", -3104),
            ("$0cb", 26269),
            ("-4189260826195535198", 453),
        ];
        for (key, hash) in published {
            assert_eq!(key_hash(key.as_bytes()), hash, "{key}");
        }
    }

    #[test]
    fn partitions_are_those_of_the_sdks() {
        let measured = [
            ("a", -16220, 28),
            ("b", 15112, 8),
            ("pk1", 13741, 13),
            ("123456789012", 21621, 21),
            ("1234567890123", 7770, 26),
            ("user-000042", 18164, 20),
            ("device-1", 26788, 4),
            ("éà", -13374, 30),
        ];
        for (key, hash, partition_of_32) in measured {
            assert_eq!(key_hash(key.as_bytes()), hash, "{key}");
            assert_eq!(partition_for_key(key, 32), partition_of_32, "{key}");
        }
    }

    #[test]
    fn the_empty_key_goes_to_the_first_partition() {
        assert_eq!(partition_for_key("", 32), 0);
    }

    #[test]
    fn a_hub_without_partitions_does_not_divide_by_zero() {
        assert_eq!(partition_for_key("a", 0), 0);
    }
}
