//! A plain model of attributes: all records, written one over the other.

use std::collections::BTreeMap;

use segue_xdm::Timestamp;
use serde_json::{Value, json};

/// A record as far as merging goes by it.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) dataset: Option<String>,
    pub(crate) timestamp: Timestamp,
    pub(crate) position: u64,
    pub(crate) attributes: Value,
}

/// The attributes that records make when these datasets come first.
pub(crate) fn merged(mut records: Vec<Written>, precedence: &[String]) -> Value {
    records.sort_by_key(|record| (record.timestamp, record.position));
    let mut by_rank: BTreeMap<usize, Value> = BTreeMap::new();
    for record in records {
        let listed = precedence.iter().position(|one| Some(one) == record.dataset.as_ref());
        let said = by_rank.entry(listed.unwrap_or(precedence.len())).or_insert(json!({}));
        upsert(said, &record.attributes);
    }
    let mut merged = json!({});
    for mut said in by_rank.into_values().rev() {
        drop_empty(&mut said);
        upsert(&mut merged, &said);
    }
    merged
}

/// Writes a record over attributes, field by field; `null` removes, an empty object does nothing.
fn upsert(attributes: &mut Value, record: &Value) {
    for (key, value) in record.as_object().unwrap() {
        let fields = attributes.as_object_mut().unwrap();
        match value {
            Value::Null => drop(fields.remove(key)),
            Value::Object(_) if says_nothing(value) => {}
            Value::Object(_) => {
                let inner = fields.entry(key).or_insert(json!({}));
                if !inner.is_object() {
                    *inner = json!({});
                }
                upsert(inner, value);
            }
            value => drop(fields.insert(key.clone(), value.clone())),
        }
    }
}

fn says_nothing(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| fields.values().all(says_nothing))
}

fn drop_empty(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.values_mut().for_each(drop_empty);
        fields.retain(|_, value| !says_nothing(value));
    }
}
