//! Numbers and distributions from a seed.
//!
//! Written out (SplitMix64, Steele et al. 2014; the distributions by their textbook inverses) and
//! not taken from a crate, so that a seed gives the same stream for as long as this file stays as
//! it is: figures of two years are comparable only on the same events.

use std::f64::consts::TAU;

/// A generator of numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The generator of one thing under a seed: what does not change about it can be drawn again
    /// at any time, and need not be remembered.
    #[must_use]
    pub fn of(seed: u64, kind: &str, number: u64) -> Random {
        let kind = xxhash_rust::xxh3::xxh3_64_with_seed(kind.as_bytes(), seed);
        let mut random = Random(kind ^ number.rotate_left(32));
        random.next_u64();
        random
    }

    /// Any number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        const SCALE: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.next_u64() >> 11) as f64 * SCALE
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        (self.unit() * end as f64) as u64
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of these, each as likely as the others; the default of an empty list.
    pub fn one_of<T: Copy + Default>(&mut self, choices: &[T]) -> T {
        choices.get(self.below(choices.len() as u64) as usize).copied().unwrap_or_default()
    }

    /// A waiting time with this mean, of what happens at any moment alike.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// A number whose logarithm is normal: half of them are below `median`, and `spread` is the
    /// standard deviation of the logarithm.
    pub fn log_normal(&mut self, median: f64, spread: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        median * (spread * radius * (TAU * self.unit()).cos()).exp()
    }
}

/// Ranks whose frequency falls as a power: rank `r`, from 0, is drawn in proportion to
/// `(r + 1)^-exponent`.
#[derive(Clone, Debug)]
pub struct Zipf {
    /// The sum of the frequencies up to and with each rank.
    cumulative: Vec<f64>,
}

impl Zipf {
    /// The distribution over this many ranks.
    #[must_use]
    pub fn new(ranks: usize, exponent: f64) -> Zipf {
        let mut sum = 0.0;
        let mut add = |rank: usize| {
            sum += (rank as f64).powf(-exponent);
            sum
        };
        Zipf { cumulative: (1..=ranks).map(&mut add).collect() }
    }

    /// A rank.
    pub fn sample(&self, random: &mut Random) -> usize {
        let total = self.cumulative.last().copied().unwrap_or_default();
        let drawn = random.unit() * total;
        self.cumulative.partition_point(|sum| *sum <= drawn)
    }
}
