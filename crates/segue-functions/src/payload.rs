//! What a function's trigger input is, by cardinality and `dataType`.
//!
//! | cardinality | dataType      | sent as            | a v4 handler gets                     |
//! |-------------|---------------|--------------------|---------------------------------------|
//! | one         | unset, string | `string`           | the parsed JSON, else the text        |
//! | one         | binary        | `bytes`            | a Buffer                              |
//! | many        | unset         | `json`: one array  | an array of parsed JSON, else text    |
//! | many        | string        | `collectionString` | the same; v3 handlers get the texts   |
//! | many        | binary        | `collectionBytes`  | an array of Buffers                   |
//!
//! Unlike in Azure, one event that is not JSON does not fail the batch (it becomes a string), and
//! an empty event keeps its place, so that bodies and metadata stay aligned.

use serde::de::IgnoredAny;

use crate::function_spec::{Cardinality, DataType, EventHubTrigger};
use crate::hub::HubEvent;
use crate::typed_data::{Base64, TypedData};

/// The value of the trigger's binding. With cardinality one, `events` holds exactly one.
pub(crate) fn trigger_input(trigger: &EventHubTrigger, events: &[HubEvent]) -> TypedData {
    let bodies = events.iter().map(|event| event.body.as_ref());
    match (trigger.cardinality, trigger.data_type) {
        (Cardinality::One, data_type) => {
            let body: &[u8] = bodies.into_iter().next().unwrap_or_default();
            match data_type {
                DataType::Binary => TypedData::Bytes(Base64(body.to_vec())),
                DataType::Unset | DataType::String => TypedData::String(text(body)),
            }
        }
        (Cardinality::Many, DataType::Unset) => TypedData::Json(json_array(bodies)),
        (Cardinality::Many, DataType::String) => {
            TypedData::CollectionString { string: bodies.map(text).collect() }
        }
        (Cardinality::Many, DataType::Binary) => {
            TypedData::CollectionBytes { bytes: bodies.map(|body| Base64(body.to_vec())).collect() }
        }
    }
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

/// The bodies as they are, not parsed and written again: numbers keep their digits.
fn json_array<'a>(bodies: impl Iterator<Item = &'a [u8]>) -> String {
    let mut array = String::from("[");
    for body in bodies {
        if array.len() > 1 {
            array.push(',');
        }
        match std::str::from_utf8(body) {
            Ok(json) if serde_json::from_str::<IgnoredAny>(json).is_ok() => array.push_str(json),
            _ => array.push_str(&serde_json::Value::String(text(body)).to_string()),
        }
    }
    array.push(']');
    array
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_events::{event, trigger};

    #[track_caller]
    fn check(cardinality: Cardinality, data_type: DataType, bodies: &[&[u8]], expected: &str) {
        let events: Vec<_> = bodies.iter().map(|body| event(0, body)).collect();
        let input = trigger_input(&trigger(cardinality, data_type), &events);
        assert_eq!(serde_json::to_string(&input).unwrap(), expected);
    }

    #[test]
    fn one() {
        use Cardinality::One;
        check(One, DataType::Unset, &[br#"{"a":1}"#], r#"{"string":"{\"a\":1}"}"#);
        check(One, DataType::String, &[b"plain"], r#"{"string":"plain"}"#);
        check(One, DataType::Unset, &[b""], r#"{"string":""}"#);
        check(One, DataType::Binary, &[b"\x00\xff"], r#"{"bytes":"AP8="}"#);
    }

    #[test]
    fn many_without_a_type_is_json_and_what_is_none_becomes_text() {
        let bodies: [&[u8]; 5] = [br#"{"n":1.10}"#, b"plain", b"", b"\xff", b"\xef\xbb\xbf1"];
        let json = "[{\"n\":1.10},\"plain\",\"\",\"\u{fffd}\",\"\u{feff}1\"]";
        let expected = serde_json::json!({"json": json}).to_string();
        check(Cardinality::Many, DataType::Unset, &bodies, &expected);
    }

    #[test]
    fn many_of_a_type_keep_their_places() {
        use Cardinality::Many;
        let bodies: [&[u8]; 3] = [b"1", b"", b"x"];
        check(Many, DataType::String, &bodies, r#"{"collectionString":{"string":["1","","x"]}}"#);
        check(
            Many,
            DataType::Binary,
            &bodies,
            r#"{"collectionBytes":{"bytes":["MQ==","","eA=="]}}"#,
        );
    }
}
