//! What must hold for any JSON object as an event. The fuzzer includes this file, so it needs
//! nothing but the crate.
//!
//! Nothing panics, and reading single fields of the event's text finds what the reference
//! interpreter finds in its document.

use segue_core::{Definition, Engine, EvaluationMode, Input, Settings};
use segue_xdm::{Event, Timestamp};
use serde_json::{Value, json};

/// One for each way in which fields are read: alone, by path, by position, of items, whole.
const DEFINITIONS: [&str; 10] = [
    "select e from xEvent where e.a = 1",
    "select e from xEvent where e.a.equals(\"X\", false)",
    "select e from xEvent where e.a != \"x\"",
    "select e from xEvent where e.a.b in [\"x\", 2, true]",
    "select e from xEvent where e.a[1] >= 0.5",
    "select e from xEvent where e.a[0].b.exists()",
    "select e from xEvent where e.a.exists(b = \"x\")",
    "select e from xEvent where e.a.exists(b > 1 and c.startsWith(\"x\"))",
    "xEvent.sum(a.b) > 2",
    "xEvent[not (a.b = 1) or b.contains(\"x\")].count() >= 2",
];

/// Holds the property for these bytes.
pub(crate) fn holds(input: &[u8]) {
    let Ok(Value::Object(mut body)) = serde_json::from_slice(input) else {
        return;
    };
    let now = Timestamp::from_millis(1_767_225_600_000);
    body.insert("timestamp".to_owned(), json!(now.to_string()));
    body.insert("identityMap".to_owned(), json!({"ecid": [{"id": "1"}]}));
    let mut engines = [EvaluationMode::Incremental, EvaluationMode::Reference]
        .map(|evaluation| Engine::new(Settings { evaluation, ..Settings::default() }));
    for (position, source) in (0..).zip(DEFINITIONS) {
        let definition = json!({"kind": "Audience", "id": source, "definition": source});
        let definition = Definition::from_value(definition).expect("the definitions are sound");
        for engine in &mut engines {
            engine.apply(position, now, Input::Define(definition.clone()));
        }
    }
    for position in 100..102 {
        body.insert("_id".to_owned(), json!(position.to_string()));
        let event = Event::from_value(&Value::Object(body.clone()), now);
        let event = event.expect("the event has what an event needs");
        let [found, wanted] = engines
            .each_mut()
            .map(|engine| engine.apply(position, now, Input::Event(event.clone())));
        assert_eq!(found, wanted, "{body:?}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values in which the names of the definitions occur at all depths.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-2..3i64).prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-2.0..3.0f64).prop_map(Value::from),
            "[xX\"\\\\é]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[abc]", inner, 0..3)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn fields_are_read_as_the_document_has_them(value in value()) {
            holds(value.to_string().as_bytes());
        }
    }
}
