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

/// The threads that apply inputs to profiles: those of a runtime, and of whoever measures them.
#[derive(Debug)]
pub struct Shards(Option<ThreadPool>);

impl Shards {
    /// The thread at hand alone.
    #[must_use]
    pub fn alone() -> Shards {
        Shards(None)
    }

    /// So many threads, of which the one at hand is the first. It must outlive them, and can have
    /// others once only; a second time, or where they cannot be started, it goes on alone.
    #[must_use]
    pub fn start(threads: usize) -> Shards {
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

    /// Does something with so many threads, from one of its own: a thread can have helpers once.
    fn with<T: Send>(threads: usize, work: impl Fn(Shards) -> T + Sync) -> T {
        std::thread::scope(|scope| scope.spawn(|| work(Shards::start(threads))).join().unwrap())
    }

    #[test]
    fn everything_is_done_once_whoever_does_it() {
        for threads in [1, 2, 5] {
            let items = with(threads, |shards| {
                let mut items: Vec<u32> = (0..1000).collect();
                let mut chunks: Vec<&mut [u32]> =
                    items.chunks_mut(1000 / shards.shards(1000)).collect();
                shards.each(&mut chunks, |chunk| chunk.iter_mut().for_each(|item| *item *= 2));
                items
            });
            assert!(items.into_iter().eq((0..1000).map(|item| item * 2)), "{threads} threads");
        }
    }

    #[test]
    fn few_things_are_not_handed_over() {
        let parted = |shards: Shards| [0, 1, 31, 32, 10_000].map(|things| shards.shards(things));
        assert_eq!(with(2, parted), [1, 1, 1, 2, 8]);
        assert_eq!(with(1, parted), [1; 5]);
    }
}
