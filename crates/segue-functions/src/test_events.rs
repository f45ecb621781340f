//! Events and triggers for the unit tests of this crate.

use bytes::Bytes;
use segue_amqp::client::Namespace;
use segue_amqp::sas::ConnectionString;

use crate::function_spec::{Cardinality, DataType, EventHubTrigger};
use crate::hub::{HubAddress, HubEvent, Position};

pub(crate) fn event(sequence_number: i64, body: &[u8]) -> HubEvent {
    HubEvent {
        position: Position { sequence_number, offset: sequence_number.to_string() },
        enqueued_time_ms: 1_767_261_600_123,
        partition_key: None,
        content_type: None,
        properties: serde_json::Map::new(),
        system_properties: serde_json::Map::new(),
        body: Bytes::copy_from_slice(body),
    }
}

pub(crate) fn trigger(cardinality: Cardinality, data_type: DataType) -> EventHubTrigger {
    EventHubTrigger {
        binding: "messages".to_owned(),
        connection: "HUB".to_owned(),
        event_hub: "activations".to_owned(),
        consumer_group: "$Default".to_owned(),
        cardinality,
        data_type,
    }
}

pub(crate) fn hub() -> HubAddress {
    let connection = "Endpoint=sb://localhost;SharedAccessKeyName=RootManageSharedAccessKey;\
                      SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;";
    HubAddress {
        connection: Namespace::from(&ConnectionString::parse(connection).unwrap()),
        event_hub: "activations".to_owned(),
    }
}
