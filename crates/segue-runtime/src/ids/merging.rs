//! Many runs as one, in the order of hashes.

use std::io;
use std::sync::Arc;

use segue_core::SeenId;
use segue_xdm::Timestamp;

use super::header::Extent;
use super::run::{Run, RunReader};

/// Runs that are merged at once, at least. With more, each hash has more runs to be asked; with
/// fewer, each id is written more often.
const MERGED_MIN: usize = 4;

/// The ids of several runs, each once, without those that have ended.
pub(crate) struct Merge {
    /// The next id of each run.
    heads: Vec<(SeenId, RunReader)>,
    now: Timestamp,
}

impl Merge {
    pub(crate) fn of(runs: &[Arc<Run>], now: Timestamp) -> io::Result<Merge> {
        let mut merge = Merge { heads: Vec::with_capacity(runs.len()), now };
        for run in runs {
            let mut reader = RunReader::new(Arc::clone(run));
            merge.heads.extend(reader.next()?.map(|id| (id, reader)));
        }
        Ok(merge)
    }

    /// The next id.
    pub(crate) fn next(&mut self) -> io::Result<Option<SeenId>> {
        while let Some(least) = self.heads.iter().map(|(id, _)| *id).min() {
            self.pass(least)?;
            if least.until > self.now {
                return Ok(Some(least));
            }
        }
        Ok(None)
    }

    /// Goes on to what is behind an id, in whatever run it is.
    fn pass(&mut self, passed: SeenId) -> io::Result<()> {
        let mut failed = Ok(());
        self.heads.retain_mut(|(id, reader)| {
            if *id != passed {
                return true;
            }
            match reader.next() {
                Ok(next) => next.is_some_and(|next| {
                    *id = next;
                    true
                }),
                Err(error) => {
                    failed = Err(error);
                    false
                }
            }
        });
        failed
    }
}

/// Where the runs begin that are to be merged next, up to the newest, if any are: there are some,
/// and the oldest is no larger than the others together. So what is large is seldom written
/// again, and the number of runs grows with the logarithm of that of ids.
pub(super) fn next_merge(extents: &[Extent]) -> Option<usize> {
    let mut newer = 0;
    for (place, extent) in extents.iter().enumerate().rev() {
        if extents.len() - place >= MERGED_MIN && extent.ids <= newer {
            return Some(place);
        }
        newer += extent.ids;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Merges until nothing is left to merge; the sizes of the runs, and how often an id was
    /// written on average.
    fn grown(sizes: impl Iterator<Item = u64>) -> (Vec<u64>, f64) {
        let extent = |ids| Extent { ids, first: 0, last: 0, ends: Timestamp::MIN };
        let (mut extents, mut written) = (Vec::new(), 0);
        for ids in sizes {
            extents.push(extent(ids));
            written += ids;
            while let Some(begin) = next_merge(&extents) {
                let ids = extents.drain(begin..).map(|one| one.ids).sum();
                extents.push(extent(ids));
                written += ids;
            }
        }
        let sizes: Vec<u64> = extents.iter().map(|one| one.ids).collect();
        let all: u64 = sizes.iter().sum();
        (sizes, written as f64 / all as f64)
    }

    #[test]
    fn there_are_few_runs_and_few_writes() {
        for sizes in [&[1][..], &[3, 1, 4, 1, 5, 9, 2, 6], &[1, 100, 1, 1, 30]] {
            let (runs, writes) = grown(sizes.iter().cycle().copied().take(4000));
            assert!(runs.len() < 16, "{runs:?}");
            assert!(writes < 12.0, "{writes}");
        }
    }
}
