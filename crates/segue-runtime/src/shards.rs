//! The threads that apply inputs to profiles: the engine's own, and others that help it.
//!
//! ```text
//! engine   whose? whose? whose? ─┬─ shard ── shard ─┬─ whose? whose? …
//! shard 1                        └─ shard ── shard ─┘
//! ```
//!
//! Where few profiles are concerned the engine's thread does it alone.

use rayon_core::{ThreadPool, ThreadPoolBuilder};
use segue_core::{InTurn, Workers};

/// Shards for each thread: some take longer than others, and a thread may have to wait for a CPU.
const SHARDS_PER_THREAD: usize = 4;
/// Profiles, or inputs, of a shard at least: tens of microseconds, about what it takes to wake a
/// thread.
const SHARD_MIN: usize = 16;

/// The threads that apply inputs to profiles.
pub(crate) struct Shards(Option<ThreadPool>);

impl Shards {
    /// The thread at hand alone.
    pub(crate) fn alone() -> Shards {
        Shards(None)
    }

    /// So many threads, of which the one at hand is the first. It must outlive them.
    pub(crate) fn start(threads: usize) -> Shards {
        if threads < 2 {
            return Shards::alone();
        }
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .use_current_thread()
            .thread_name(|number| format!("shard {number}"));
        match pool.build() {
            Ok(pool) => Shards(Some(pool)),
            Err(error) => {
                tracing::warn!(%error, "could not start threads for profiles: going on with one");
                Shards::alone()
            }
        }
    }
}

impl Workers for Shards {
    fn shards(&self, things: usize) -> usize {
        let threads = self.0.as_ref().map_or(1, ThreadPool::current_num_threads);
        match threads {
            1 => 1,
            several => (things / SHARD_MIN).clamp(1, several * SHARDS_PER_THREAD),
        }
    }

    fn each<T: Send>(&self, items: &mut [T], work: impl Fn(&mut T) + Sync) {
        match &self.0 {
            Some(pool) if items.len() > 1 => pool.scope(|scope| {
                for item in items {
                    scope.spawn(|_| work(item));
                }
            }),
            _ => InTurn.each(items, work),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_done_once_whoever_does_it() {
        for threads in [1, 2, 5] {
            let shards = Shards::start(threads);
            let mut items: Vec<u32> = (0..1000).collect();
            let mut chunks: Vec<&mut [u32]> =
                items.chunks_mut(1000 / shards.shards(1000)).collect();
            shards.each(&mut chunks, |chunk| chunk.iter_mut().for_each(|item| *item *= 2));
            assert!(items.iter().copied().eq((0..1000).map(|item| item * 2)), "{threads} threads");
        }
    }

    #[test]
    fn few_things_are_not_handed_over() {
        let shards = Shards::start(2);
        assert_eq!([0, 1, 31, 32, 10_000].map(|things| shards.shards(things)), [1, 1, 1, 2, 8]);
        assert_eq!(Shards::start(1).shards(10_000), 1);
    }
}
