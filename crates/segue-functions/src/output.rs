//! What a function returns: failures of single events, and events for `eventHub` outputs.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::function_spec::FunctionSpec;
use crate::hub::HubEvent;
use crate::typed_data::TypedData;

/// Name of the output that takes the returned value.
pub(crate) const RETURN_VALUE: &str = "$return";

/// A worker's answer to an invocation that succeeded.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvocationResponse {
    #[serde(default)]
    pub(crate) output_data: Vec<NamedData>,
    pub(crate) return_value: Option<TypedData>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct NamedData {
    pub(crate) name: String,
    pub(crate) data: Option<TypedData>,
}

impl InvocationResponse {
    /// The events for each output of `spec` that got a value, by the output's name.
    pub(crate) fn events_for<'a>(
        &'a self,
        spec: &'a FunctionSpec,
    ) -> impl Iterator<Item = (&'a str, Vec<Bytes>)> {
        spec.outputs.iter().filter_map(|output| {
            let value = if output.name == RETURN_VALUE {
                self.return_value.as_ref()
            } else {
                let named = self.output_data.iter().find(|named| named.name == output.name);
                named.and_then(|named| named.data.as_ref())
            };
            let events = value.map(event_bodies).filter(|events| !events.is_empty())?;
            Some((output.name.as_str(), events))
        })
    }

    /// The sequence numbers of the events that the function reports as failed, by returning
    /// `{"batchItemFailures": [{"itemIdentifier": "<sequence number>"}]}`.
    ///
    /// Honoured when the return value is not an output. An identifier that names no event of the
    /// batch is an error: it must not pass for a success.
    pub(crate) fn failed_events(
        &self,
        spec: &FunctionSpec,
        events: &[HubEvent],
    ) -> Result<BTreeSet<i64>, String> {
        if spec.outputs.iter().any(|output| output.name == RETURN_VALUE) {
            return Ok(BTreeSet::new());
        }
        let Some(TypedData::Json(json)) = &self.return_value else {
            return Ok(BTreeSet::new());
        };
        let returned: Value = serde_json::from_str(json).unwrap_or_default();
        let Some(failures) = returned.get("batchItemFailures") else {
            return Ok(BTreeSet::new());
        };
        let failures = failures.as_array().ok_or("batchItemFailures must be an array")?;
        failures.iter().map(|failure| failed_event(failure, events)).collect()
    }
}

fn failed_event(failure: &Value, events: &[HubEvent]) -> Result<i64, String> {
    let identifier = failure.get("itemIdentifier").unwrap_or(failure);
    let number = identifier.as_i64().or_else(|| identifier.as_str()?.trim().parse().ok());
    let is_here = |number: &i64| events.iter().any(|e| e.position.sequence_number == *number);
    number.filter(is_here).ok_or_else(|| {
        format!(
            "batchItemFailures names {identifier}, which is not the sequence number of an event \
             in this batch"
        )
    })
}

/// An array is one event per element, anything else is one event.
fn event_bodies(data: &TypedData) -> Vec<Bytes> {
    match data {
        TypedData::Json(json) => match serde_json::from_str(json) {
            Ok(Value::Array(elements)) => elements.iter().map(event_body).collect(),
            Ok(Value::Null) => Vec::new(),
            Ok(value) => vec![event_body(&value)],
            Err(_) => vec![json.clone().into()],
        },
        TypedData::String(text) => vec![text.clone().into()],
        TypedData::Bytes(bytes) => vec![bytes.0.clone().into()],
        TypedData::Int(number) | TypedData::Double(number) => vec![number.to_string().into()],
        TypedData::CollectionString { string } => {
            string.iter().map(|text| text.clone().into()).collect()
        }
        TypedData::CollectionBytes { bytes } => {
            bytes.iter().map(|bytes| bytes.0.clone().into()).collect()
        }
        TypedData::CollectionSint64 { sint64 } => {
            sint64.iter().map(|number| number.to_string().into()).collect()
        }
    }
}

/// Text goes as it is, everything else as compact JSON.
fn event_body(value: &Value) -> Bytes {
    match value {
        Value::String(text) => text.clone().into(),
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function_spec::{Cardinality, DataType, OutputBinding, Trigger};
    use crate::test_events::{event, trigger};
    use serde_json::json;

    fn spec(outputs: &[&str]) -> FunctionSpec {
        let output = |name: &&str| OutputBinding {
            name: (*name).to_owned(),
            connection: "C".to_owned(),
            event_hub: "out".to_owned(),
        };
        FunctionSpec {
            name: "f".to_owned(),
            function_id: "f".to_owned(),
            trigger: Trigger::EventHub(trigger(Cardinality::Many, DataType::Unset)),
            outputs: outputs.iter().map(output).collect(),
            retry: None,
        }
    }

    fn response(value: Value) -> InvocationResponse {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn arrays_are_many_events_and_text_stays_text() {
        let response = response(json!({
            "outputData": [{"name": "copies", "data": {"json": r#"[{"b":1,"a":2},"x",3]"#}},
                           {"name": "other", "data": {"string": "ignored"}}],
            "returnValue": {"bytes": "AQI="}
        }));
        let spec = spec(&["copies", "$return", "silent"]);
        let events: Vec<_> = response.events_for(&spec).collect();
        let copies = vec![Bytes::from(r#"{"a":2,"b":1}"#), "x".into(), "3".into()];
        let returned = vec![Bytes::from_static(&[1, 2])];
        assert_eq!(events, [("copies", copies), ("$return", returned)]);
    }

    #[test]
    fn failed_events_are_named_by_sequence_number() {
        let events = [event(7, b"a"), event(8, b"b")];
        let failed = |returned: Value, outputs: &[&str]| {
            let returned = json!({"returnValue": {"json": returned.to_string()}});
            response(returned).failed_events(&spec(outputs), &events)
        };
        let of = |id: Value| json!({"batchItemFailures": [{"itemIdentifier": id}]});
        assert_eq!(failed(of(json!("8")), &[]), Ok(BTreeSet::from([8])));
        assert_eq!(failed(of(json!(7)), &[]), Ok(BTreeSet::from([7])));
        assert_eq!(failed(json!({"batchItemFailures": []}), &[]), Ok(BTreeSet::new()));
        assert_eq!(failed(json!({"other": 1}), &[]), Ok(BTreeSet::new()));
        assert_eq!(failed(of(json!("8")), &["$return"]), Ok(BTreeSet::new()));
        assert!(failed(of(json!("9")), &[]).unwrap_err().contains("names \"9\""));
    }
}
