//! Trigger metadata (binding data): what a handler can ask about its events beside their bodies,
//! under the names that Azure gives it. `context.triggerMetadata` shows it in camel case.
//!
//! Always `PartitionContext`; with cardinality one `PartitionKey`, `Offset`, `SequenceNumber`,
//! `EnqueuedTimeUtc`, `Properties`, `SystemProperties`; with cardinality many the same names with
//! `Array` behind them, each array as long as the batch.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::clock::utc;
use crate::function_spec::Cardinality;
use crate::hub::{HubAddress, HubEvent};
use crate::typed_data::TypedData;

/// Where the events come from.
pub(crate) struct PartitionContext<'a> {
    pub(crate) hub: &'a HubAddress,
    pub(crate) consumer_group: &'a str,
    pub(crate) partition: &'a str,
}

/// The metadata of `events`; with cardinality one there is exactly one.
pub(crate) fn trigger_metadata(
    cardinality: Cardinality,
    source: &PartitionContext<'_>,
    events: &[HubEvent],
) -> BTreeMap<String, TypedData> {
    let mut metadata = match cardinality {
        Cardinality::Many => of_batch(events),
        Cardinality::One => events.first().map(of_event).unwrap_or_default(),
    };
    let partition_context = json!({
        "FullyQualifiedNamespace": source.hub.namespace(),
        "EventHubName": source.hub.event_hub,
        "ConsumerGroup": source.consumer_group,
        "PartitionId": source.partition,
    });
    metadata.insert("PartitionContext".to_owned(), TypedData::json(partition_context));
    metadata
}

fn of_batch(events: &[HubEvent]) -> BTreeMap<String, TypedData> {
    let texts = |text: fn(&HubEvent) -> String| TypedData::CollectionString {
        string: events.iter().map(text).collect(),
    };
    let values = |value: fn(&HubEvent) -> Value| {
        TypedData::json(Value::Array(events.iter().map(value).collect()))
    };
    let sequence_numbers = events.iter().map(|event| event.position.sequence_number).collect();
    named([
        ("PartitionKeyArray", texts(partition_key)),
        ("OffsetArray", texts(numeric_offset)),
        ("OffsetStringArray", texts(|event| event.position.offset.clone())),
        ("SequenceNumberArray", TypedData::CollectionSint64 { sint64: sequence_numbers }),
        ("EnqueuedTimeUtcArray", values(|event| utc(event.enqueued_time_ms).into())),
        ("PropertiesArray", values(|event| event.properties.clone().into())),
        ("SystemPropertiesArray", values(|event| system_properties(event).into())),
    ])
}

fn of_event(event: &HubEvent) -> BTreeMap<String, TypedData> {
    let mut metadata = body_properties(event);
    metadata.extend(named([
        ("PartitionKey", TypedData::String(partition_key(event))),
        ("Offset", TypedData::String(numeric_offset(event))),
        ("OffsetString", TypedData::String(event.position.offset.clone())),
        ("SequenceNumber", TypedData::json(event.position.sequence_number)),
        ("EnqueuedTimeUtc", TypedData::json(utc(event.enqueued_time_ms))),
        ("Properties", TypedData::json(event.properties.clone())),
        ("SystemProperties", TypedData::json(system_properties(event))),
    ]));
    metadata
}

fn named<const N: usize>(entries: [(&str, TypedData); N]) -> BTreeMap<String, TypedData> {
    entries.into_iter().map(|(name, data)| (name.to_owned(), data)).collect()
}

/// A single event that is a JSON object lends its top-level properties, arrays excepted.
fn body_properties(event: &HubEvent) -> BTreeMap<String, TypedData> {
    let Ok(object) = serde_json::from_slice::<Map<String, Value>>(&event.body) else {
        return BTreeMap::new();
    };
    let entries = object.into_iter().filter(|(_, value)| !value.is_array());
    entries
        .map(|(name, value)| match value {
            Value::String(text) => (name, TypedData::String(text)),
            other => (name, TypedData::json(other)),
        })
        .collect()
}

/// A missing key is an empty one, so that the array keeps its alignment.
fn partition_key(event: &HubEvent) -> String {
    event.partition_key.clone().unwrap_or_default()
}

/// Handlers of some languages take the offset as a number. One that is none (geo-replicated
/// namespaces) reads as -1 here and is found under `OffsetString`; so does the extension since
/// 6.5.2.
fn numeric_offset(event: &HubEvent) -> String {
    let offset = &event.position.offset;
    if offset.parse::<i64>().is_ok() { offset.clone() } else { "-1".to_owned() }
}

fn system_properties(event: &HubEvent) -> Map<String, Value> {
    let mut properties = event.system_properties.clone();
    properties.insert("SequenceNumber".to_owned(), event.position.sequence_number.into());
    properties.insert("Offset".to_owned(), numeric_offset(event).into());
    properties.insert("OffsetString".to_owned(), event.position.offset.clone().into());
    properties.insert("PartitionKey".to_owned(), event.partition_key.clone().into());
    properties.insert("EnqueuedTimeUtc".to_owned(), utc(event.enqueued_time_ms).into());
    properties
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_events::{event, hub};

    fn metadata(cardinality: Cardinality, events: &[HubEvent]) -> String {
        let hub = hub();
        let source = PartitionContext { hub: &hub, consumer_group: "$Default", partition: "0" };
        let metadata = trigger_metadata(cardinality, &source, events);
        serde_json::to_string_pretty(&metadata).unwrap()
    }

    #[test]
    fn many_events() {
        let mut first = event(5, b"1");
        first.partition_key = Some("key".to_owned());
        first.properties.insert("Kind".to_owned(), "a".into());
        let mut second = event(6, b"");
        second.position.offset = "geo:1".to_owned();
        insta::assert_snapshot!(metadata(Cardinality::Many, &[first, second]));
    }

    #[test]
    fn one_event_lends_its_own_properties_but_never_hides_those_of_the_hub() {
        let event = event(5, br#"{"id": "7", "n": 1, "list": [1], "Offset": "mine"}"#);
        insta::assert_snapshot!(metadata(Cardinality::One, &[event]));
    }
}
