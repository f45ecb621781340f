//! Sets of audiences, gone through in the order of their ranks while more are added behind.

use super::compiled::Rank;

/// Some ranks, ready to be put into sets at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranks(Vec<(u32, u64)>);

impl Ranks {
    /// Adds a rank; ranks come in ascending order.
    pub(super) fn push(&mut self, rank: Rank) {
        let (place, bit) = (rank / 64, 1 << (rank % 64));
        match self.0.last_mut() {
            Some((last, word)) if *last == place => *word |= bit,
            _ => self.0.push((place, bit)),
        }
    }
}

/// A set of ranks: a bit for each.
#[derive(Debug, Default)]
pub(super) struct RankSet(Vec<u64>);

impl RankSet {
    /// An empty set for this many ranks.
    pub(super) fn new(count: Rank) -> RankSet {
        RankSet(vec![0; (count as usize).div_ceil(64)])
    }

    pub(super) fn insert(&mut self, rank: Rank) {
        if let Some(word) = self.0.get_mut(rank as usize / 64) {
            *word |= 1 << (rank % 64);
        }
    }

    pub(super) fn insert_all(&mut self, ranks: &Ranks) {
        for (place, bits) in &ranks.0 {
            if let Some(word) = self.0.get_mut(*place as usize) {
                *word |= bits;
            }
        }
    }

    pub(super) fn contains(&self, rank: Rank) -> bool {
        self.0.get(rank as usize / 64).is_some_and(|word| word & (1 << (rank % 64)) != 0)
    }

    /// The first rank from `from` on.
    pub(super) fn next(&self, from: Rank) -> Option<Rank> {
        let (first, bit) = (from as usize / 64, from % 64);
        let mut words = self.0.iter().enumerate().skip(first);
        words.find_map(|(place, word)| {
            let word = if place == first { word & (u64::MAX << bit) } else { *word };
            (word != 0).then(|| place as Rank * 64 + word.trailing_zeros())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_come_in_order() {
        let mut set = RankSet::new(200);
        let mut ranks = Ranks::default();
        [63, 64, 64, 130].into_iter().for_each(|rank| ranks.push(rank));
        set.insert_all(&ranks);
        [3, 199, 200, 256].into_iter().for_each(|rank| set.insert(rank));
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(rank) = set.next(from) {
            found.push(rank);
            from = rank + 1;
        }
        assert_eq!(found, [3, 63, 64, 130, 199, 200]);
        assert!(set.contains(64) && !set.contains(65) && !set.contains(1000));
    }
}
