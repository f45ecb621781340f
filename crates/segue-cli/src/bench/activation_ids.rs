//! Which activations have arrived, eight bytes for each: an hour at the highest rate has millions.

use segue_core::ActivationId;

/// Ids that lie beside each other. Room for more is made so many at a time, so that no message
/// waits until all of them have been moved.
const BLOCK: usize = 1 << 16;

/// The ids that arrived, as they came.
#[derive(Default)]
pub(super) struct ActivationIds(Vec<Vec<u64>>);

impl ActivationIds {
    /// Adds one, of which half is kept: the ids are hashes, and of 30 million not two have the
    /// same half (in 41,000 such runs, one would count one too few).
    pub(super) fn add(&mut self, id: ActivationId) {
        let half = id.as_u128() as u64;
        match self.0.last_mut() {
            Some(block) if block.len() < BLOCK => block.push(half),
            _ => {
                let mut block = Vec::with_capacity(BLOCK);
                block.push(half);
                self.0.push(block);
            }
        }
    }

    /// All of them, in any order.
    pub(super) fn all(&self) -> Vec<u64> {
        self.0.concat()
    }
}

/// How many different ones there are.
pub(super) fn different(mut ids: Vec<u64>) -> u64 {
    ids.sort_unstable();
    ids.dedup();
    ids.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_twice_counts_once_however_far_apart() {
        let mut ids = ActivationIds::default();
        let number = 3 * BLOCK as u128;
        let hashes = (0..number).map(|id| id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for id in hashes.clone().chain(hashes.take(10)) {
            ids.add(ActivationId::from_u128(id));
        }
        assert_eq!(ids.all().len() as u128, number + 10);
        assert_eq!(u128::from(different(ids.all())), number);
    }
}
