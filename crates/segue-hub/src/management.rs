//! `$management`: describes hubs and partitions.
//!
//! Maps have string keys; `partition_ids` must be an AMQP array, which is what the Rust and Go
//! SDKs insist on, and each field has the type that some SDK insists on.

use segue_amqp::codec::{Array, Map, Value};
use segue_log::Partition;

use crate::auth::Claim;
use crate::control::{Request, Response};
use crate::event_hub::EventHub;
use crate::peer::Peer;
use crate::refusal::Refusal;

const EVENT_HUB: &str = "com.microsoft:eventhub";
const PARTITION: &str = "com.microsoft:partition";

/// The year 1, in milliseconds since the Unix epoch: .NET's "never".
const NEVER_MS: i64 = -62_135_596_800_000;

/// Answers a request to `$management`.
pub(crate) fn answer(request: &Request, peer: &Peer) -> Response {
    match read(request, peer) {
        Ok(description) => Response::success(200, "OK", Value::Map(description)),
        Err(refusal) => Response::failure(&refusal),
    }
}

fn read(request: &Request, peer: &Peer) -> Result<Map, Refusal> {
    let operation = request.required("operation")?;
    if operation != "READ" {
        let text = format!("The operation '{operation}' is not known; expected 'READ'.");
        return Err(Refusal::invalid_argument(text));
    }
    let name = request.required("name")?;
    peer.grants.check(Claim::Any, &format!("{name}/$management"), peer.now_ms)?;
    let hub = peer.hub.find(name).ok_or_else(|| Refusal::not_found(name))?;
    match request.required("type")? {
        EVENT_HUB => Ok(describe_hub(&hub)),
        PARTITION => {
            let id = request.required("partition")?;
            let partition =
                hub.partition_index(id).and_then(|index| hub.log().partition(index).cloned());
            let refusal = || Refusal::no_such_partition(hub.partition_count());
            Ok(describe_partition(&hub, id, &partition.ok_or_else(refusal)?))
        }
        other => Err(Refusal::invalid_argument(format!(
            "The type '{other}' is not known; expected '{EVENT_HUB}' or '{PARTITION}'."
        ))),
    }
}

fn describe_hub(hub: &EventHub) -> Map {
    let ids = (0..hub.partition_count()).map(|index| index.to_string());
    Map::new()
        .with_string("name", hub.name())
        .with_string("type", EVENT_HUB)
        .with_string("created_at", Value::Timestamp(hub.created_at_ms()))
        .with_string("partition_count", i32::from(hub.partition_count()))
        .with_string("partition_ids", Value::Array(Array::strings(ids)))
        .with_string("georeplication_factor", 1)
}

fn describe_partition(hub: &EventHub, id: &str, partition: &Partition) -> Map {
    let (start, end) = (partition.start_offset(), partition.end_offset());
    // An empty partition's first and last numbers are both -1; one that retention has emptied
    // keeps counting.
    let first = if end == 0 { -1 } else { sequence_number(start) };
    let last = if end == 0 { -1 } else { sequence_number(end) - 1 };
    let last_time_ms = partition.last_time_ms().unwrap_or(NEVER_MS);
    Map::new()
        .with_string("name", hub.name())
        .with_string("type", PARTITION)
        .with_string("partition", id)
        .with_string("begin_sequence_number", first)
        .with_string("last_enqueued_sequence_number", last)
        .with_string("last_enqueued_sequence_number_epoch", -1)
        .with_string("last_enqueued_offset", last.to_string())
        .with_string("last_enqueued_time_utc", Value::Timestamp(last_time_ms))
        .with_string("is_partition_empty", start == end)
}

fn sequence_number(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}
