//! What is published before anything is sent: the audiences, and where they are mapped.

use segue_load::audience::Audience;
use serde_json::{Value, json};

use super::DeadDestination;
use crate::api::Client;

/// The embedded hub that everything goes to.
pub(crate) const HUB: &str = "activations";

/// Definitions in one request: as many as its body may hold.
const DEFINITIONS_PER_REQUEST: usize = 500;
/// How many audiences one destination may have (Adobe's guardrail).
const MAPPED_MAX: usize = 250;

/// Publishes audiences, and maps as many of them as can be to the embedded hub; the same ones to
/// the dead destination, if there is one.
///
/// # Errors
/// The server refuses them, or cannot be reached.
pub(crate) async fn publish(
    client: &Client,
    audiences: &[Audience],
    dead: Option<&DeadDestination>,
) -> anyhow::Result<()> {
    let definitions: Vec<Value> = audiences
        .iter()
        .map(|audience| {
            json!({"kind": "Audience", "id": audience.id, "definition": audience.definition})
        })
        .collect();
    for some in definitions.chunks(DEFINITIONS_PER_REQUEST) {
        client.post("/api/definitions", &json!(some)).await?;
    }
    let mapped: Vec<&str> =
        audiences.iter().take(MAPPED_MAX).map(|audience| audience.id.as_str()).collect();
    let embedded = json!({
        "kind": "Destination", "id": "bench", "type": "azure-event-hubs",
        "connection": {"embedded": true, "event_hub": HUB}, "audiences": mapped,
    });
    let dead = dead.map(|dead| dead.definition(&mapped));
    let destinations: Vec<Value> = std::iter::once(embedded).chain(dead).collect();
    client.post("/api/definitions", &json!(destinations)).await?;
    Ok(())
}
