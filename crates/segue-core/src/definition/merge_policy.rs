//! The merge policy: which dataset's word counts where several speak of one profile.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::keys::Keys;

/// Datasets that one merge policy ranks: each record looks its own up among them.
pub const RANKED_DATASETS_MAX: usize = 100;

const KEYS: [&str; 4] = ["kind", "id", "attribute_merge", "datasets"];
/// There is one policy, so that it needs no name.
const DEFAULT_ID: &str = "default";
const TIMESTAMP_ORDERED: &str = "timestamp_ordered";
const DATASET_PRECEDENCE: &str = "dataset_precedence";
/// Whether the word says that datasets have an order.
const WORDS: [(&str, bool); 2] = [(TIMESTAMP_ORDERED, false), (DATASET_PRECEDENCE, true)];

/// A merge policy's definition. One is in effect at a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MergePolicy {
    /// Its id; `default` when it was given none.
    pub id: String,
    /// How the values of an attribute are merged.
    pub attribute_merge: AttributeMerge,
}

/// How the values that several datasets give an attribute become one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AttributeMerge {
    /// The newest wins, whatever its dataset.
    TimestampOrdered,
    /// That of the first of these datasets which has one wins, then the newest of all others.
    DatasetPrecedence(Vec<String>),
}

impl MergePolicy {
    pub(super) const KNOWN_KEYS: &'static [&'static str] = &KEYS;

    pub(super) fn read(keys: &mut Keys<'_>) -> Option<MergePolicy> {
        let id = keys.name("id").unwrap_or(DEFAULT_ID).to_owned();
        let datasets = keys.texts("datasets", RANKED_DATASETS_MAX);
        let attribute_merge = if !keys.has("attribute_merge") {
            refuse_datasets(keys);
            AttributeMerge::TimestampOrdered
        } else if keys.choice("attribute_merge", &WORDS)? {
            keys.require("datasets", "a list of dataset ids, the one that counts first in front");
            let datasets = datasets?;
            check_order(&datasets, keys);
            AttributeMerge::DatasetPrecedence(datasets.into_iter().map(str::to_owned).collect())
        } else {
            refuse_datasets(keys);
            AttributeMerge::TimestampOrdered
        };
        Some(MergePolicy { id, attribute_merge })
    }

    pub(super) fn to_value(&self) -> Value {
        match &self.attribute_merge {
            AttributeMerge::TimestampOrdered => json!({
                "kind": "MergePolicy", "id": self.id, "attribute_merge": TIMESTAMP_ORDERED,
            }),
            AttributeMerge::DatasetPrecedence(datasets) => json!({
                "kind": "MergePolicy", "id": self.id, "attribute_merge": DATASET_PRECEDENCE,
                "datasets": datasets,
            }),
        }
    }

    /// The datasets that come first, in this order; those that are not in it come last, the
    /// newest value first.
    pub(crate) fn precedence(&self) -> &[String] {
        match &self.attribute_merge {
            AttributeMerge::TimestampOrdered => &[],
            AttributeMerge::DatasetPrecedence(datasets) => datasets,
        }
    }
}

/// An order of datasets would do nothing in timestamp order.
fn refuse_datasets(keys: &mut Keys<'_>) {
    if keys.has("datasets") {
        let message = format!(
            "datasets have an order under {DATASET_PRECEDENCE} only; \
             write `attribute_merge: {DATASET_PRECEDENCE}`, or leave them out"
        );
        keys.refuse("datasets", "no-effect", message);
    }
}

/// An order names one dataset at least, and each once.
fn check_order(datasets: &[&str], keys: &mut Keys<'_>) {
    if datasets.is_empty() {
        let message = format!("found no dataset; name one, or write {TIMESTAMP_ORDERED}");
        keys.refuse("datasets", "required", message);
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = datasets.iter().find(|dataset| !seen.insert(**dataset)) {
        keys.refuse("datasets", "unique", format!("found `{twice}` twice; name each dataset once"));
    }
}
