//! Which audiences a write to attributes can concern.
//!
//! ```text
//! loyalty.tier in ["gold"] and …       nobody is in it whose tier is another: a write of the tier
//!                                      concerns it when the tier is gold now, or it has a member
//! not (loyalty.tier in ["gold"])       every write of the tier concerns it
//! ```

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use segue_pql::Key;
use segue_xdm::Path;
use serde_json::Value;

use super::compiled::Rank;
use super::rank_set::{RankSet, Ranks};

/// The audiences that read attributes.
#[derive(Debug, Default)]
pub(super) struct Readers(BTreeMap<Path, PathReaders>);

/// The audiences that read one attribute.
#[derive(Debug, Default)]
struct PathReaders {
    /// Those that any value may concern.
    any: Ranks,
    /// Those that nobody is in who has none of some values, by these.
    wanting: FxHashMap<Key, Ranks>,
}

impl Readers {
    /// An audience reads an attribute, and if it wants values of it, nobody with another is in it.
    pub(super) fn add(&mut self, rank: Rank, path: Path, wanted: Option<&[Key]>) {
        let readers = self.0.entry(path).or_default();
        match wanted {
            None => readers.any.push(rank),
            Some(keys) => {
                for key in keys {
                    readers.wanting.entry(key.clone()).or_default().push(rank);
                }
            }
        }
    }

    /// Adds the audiences that a write to these attributes concerns, except for members of those
    /// that want values.
    pub(super) fn find(&self, written: &[Path], attributes: &Value, found: &mut RankSet) {
        let is_written = |path: &Path| written.iter().any(|written| path.overlaps(written));
        for (path, readers) in self.0.iter().filter(|(path, _)| is_written(path)) {
            found.insert_all(&readers.any);
            let keys = path.get(attributes).map(Key::of_value).unwrap_or_default();
            keys.iter().filter_map(|key| readers.wanting.get(key)).for_each(|ranks| {
                found.insert_all(ranks);
            });
        }
    }
}
