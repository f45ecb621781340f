//! Does what was found hold what was expected?

use serde_json::{Map, Value};

/// The first place where `found` does not hold what is `expected`, in words; `None` when it does.
/// Objects are compared as subsets, everything else exactly; numbers by value.
pub(super) fn difference(expected: &Value, found: &Value) -> Option<String> {
    difference_at("", expected, found)
}

fn difference_at(path: &str, expected: &Value, found: &Value) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            expected.iter().find_map(|(key, expected)| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match found.get(key) {
                    None => Some(format!("{path} is missing, expected {expected}")),
                    Some(found) => difference_at(&path, expected, found),
                }
            })
        }
        (Value::Array(wanted), Value::Array(items)) if wanted.len() == items.len() => {
            let mut pairs = wanted.iter().zip(items).enumerate();
            pairs.find_map(|(index, (wanted, item))| {
                difference_at(&format!("{path}[{index}]"), wanted, item)
            })
        }
        (Value::Number(wanted), Value::Number(number)) if wanted.as_f64() == number.as_f64() => {
            None
        }
        _ if expected == found => None,
        _ if path.is_empty() => Some(format!("found {found}, expected {expected}")),
        _ => Some(format!("{path} is {found}, expected {expected}")),
    }
}

/// An identity map as bodies hold it: codes in lower case, each id in an object. Scenarios may
/// write `{ECID: ["1"]}` for it.
pub(super) fn normal_identity_map(map: &Value) -> Value {
    let Value::Object(namespaces) = map else {
        return map.clone();
    };
    let in_object = |item: &Value| match item {
        Value::String(id) => serde_json::json!({"id": id}),
        other => other.clone(),
    };
    let normal: Map<String, Value> = namespaces
        .iter()
        .map(|(code, items)| {
            let items = match items {
                Value::Array(items) => Value::Array(items.iter().map(in_object).collect()),
                other => other.clone(),
            };
            (code.to_lowercase(), items)
        })
        .collect();
    Value::Object(normal)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_subsets_and_lists_are_exact() {
        let found = json!({"a": {"b": 1, "c": [1, {"d": 2, "e": 3}]}, "f": null});
        for held in [
            json!({}),
            json!({"a": {"b": 1.0}}),
            json!({"a": {"c": [1, {"d": 2}]}}),
            json!({"f": null}),
        ] {
            assert_eq!(difference(&held, &found), None);
        }
        let missing = difference(&json!({"a": {"x": 1}}), &found).unwrap();
        assert_eq!(missing, "a.x is missing, expected 1");
        let other = difference(&json!({"a": {"c": [1, {"d": 9}]}}), &found).unwrap();
        assert_eq!(other, "a.c[1].d is 2, expected 9");
        assert!(difference(&json!({"a": {"c": [1]}}), &found).is_some());
    }

    #[test]
    fn identity_maps_may_be_written_short() {
        let short = json!({"ECID": ["1"], "email": [{"id": "a@x"}]});
        let long = json!({"ecid": [{"id": "1"}], "email": [{"id": "a@x"}]});
        assert_eq!(normal_identity_map(&short), long);
    }
}
