//! Where an event hub is, and who sends, with the secrets filled in.

use segue_amqp::client::{Entra, Namespace, SharedKey};
use segue_amqp::sas::ConnectionString;
use segue_core::connection::{EventHubs, EventHubsAccess, EventHubsTransport};
use segue_core::variables::{Lookup, Secret};

use crate::senders::OpenError;

/// The namespace of a connection.
pub(super) fn namespace(
    event_hubs: &EventHubs,
    lookup: Lookup<'_>,
) -> Result<Namespace, OpenError> {
    let mut namespace = match &event_hubs.access {
        EventHubsAccess::ConnectionString(secret) => {
            Namespace::from(&connection_string(secret, &event_hubs.event_hub, lookup)?)
        }
        EventHubsAccess::SharedKey { namespace, key_name, key } => {
            Namespace::new(namespace, SharedKey::new(key_name, key.reveal(lookup)?))
        }
        EventHubsAccess::Default { namespace } => {
            let identity = Entra::from_variables(lookup);
            let identity = identity.map_err(|error| OpenError::Connection(error.to_string()))?;
            Namespace::new(namespace, identity)
        }
    };
    if event_hubs.transport == EventHubsTransport::WebSockets {
        namespace = namespace.over_websocket();
    }
    let Some(file) = &event_hubs.ca_file else { return Ok(namespace) };
    let unusable = |problem: String| OpenError::Certificate { file: file.clone(), problem };
    let pem = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
    namespace.trusting(&pem).map_err(|error| unusable(error.to_string()))
}

/// A connection string that may send to this hub, as far as it says.
fn connection_string(
    secret: &Secret,
    event_hub: &str,
    lookup: Lookup<'_>,
) -> Result<ConnectionString, OpenError> {
    let wrong = |problem: String| OpenError::Connection(format!("{secret}: {problem}"));
    let parsed = ConnectionString::parse(&secret.reveal(lookup)?);
    let parsed = parsed.map_err(|error| wrong(error.to_string()))?;
    match parsed.entity_path() {
        Some(only) if !only.eq_ignore_ascii_case(event_hub) => Err(wrong(format!(
            "it is for the event hub {only} alone (EntityPath), but event_hub says {event_hub}"
        ))),
        _ => Ok(parsed),
    }
}

#[cfg(test)]
mod tests {
    use segue_core::Definition;
    use segue_core::connection::Connection;
    use serde_json::{Value, json};

    use super::*;

    const STRING: &str = "Endpoint=sb://mine.example/;SharedAccessKeyName=send;SharedAccessKey=k3y";

    /// The namespace of a connection, or why there is none.
    fn opened(connection: Value, variables: &[(&str, &str)]) -> String {
        let value = json!({
            "kind": "Destination", "id": "d", "type": "azure-event-hubs", "connection": connection,
        });
        let Ok(Definition::Destination(destination)) = Definition::from_value(value) else {
            panic!("a destination")
        };
        let Connection::EventHubs(event_hubs) = destination.connection else { panic!("outside") };
        let lookup = |wanted: &str| {
            let found = variables.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| (*value).to_owned())
        };
        match namespace(&event_hubs, &lookup) {
            Ok(namespace) => format!("{namespace:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_way_in_leads_to_a_namespace_or_says_what_is_wrong() {
        let by_string = json!({"event_hub": "h", "connection_string": "${C}"});
        let by_key = json!({
            "event_hub": "h", "namespace": "mine.example", "sas_key_name": "send",
            "sas_key": "${K}", "transport": "websockets",
        });
        let by_identity =
            json!({"event_hub": "h", "namespace": "mine.example", "credential": "default"});
        let trusting = json!({"event_hub": "h", "connection_string": "${C}", "ca_file": "/no.pem"});
        let application =
            [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "s3cret")];
        let all = [
            opened(by_string.clone(), &[("C", STRING)]),
            opened(by_string.clone(), &[("C", &format!("{STRING};EntityPath=H"))]),
            opened(by_key.clone(), &[("K", "k3y")]),
            opened(by_identity, &application),
            opened(by_string.clone(), &[]),
            opened(by_string.clone(), &[("C", "k3y")]),
            opened(by_string, &[("C", &format!("{STRING};EntityPath=other"))]),
            opened(by_key, &[]),
            opened(trusting, &[("C", STRING)]),
        ]
        .join("\n");
        assert!(!all.contains("k3y") && !all.contains("s3cret"), "{all}");
        insta::assert_snapshot!(all, @r#"
        Namespace { host: "mine.example", port: 5671, plain: false, websocket: false, credential: SharedKey(SharedKey { policy: "send", .. }), .. }
        Namespace { host: "mine.example", port: 5671, plain: false, websocket: false, credential: SharedKey(SharedKey { policy: "send", .. }), .. }
        Namespace { host: "mine.example", port: 443, plain: false, websocket: true, credential: SharedKey(SharedKey { policy: "send", .. }), .. }
        Namespace { host: "mine.example", port: 5671, plain: false, websocket: false, credential: Entra(Entra(the Entra ID application c or managed identity)), .. }
        ${C} is not set: export the environment variable C where Segue runs, and start it again
        ${C}: part 1 of the connection string is not of the form name=value
        ${C}: it is for the event hub other alone (EntityPath), but event_hub says h
        ${K} is not set: export the environment variable K where Segue runs, and start it again
        cannot use /no.pem: No such file or directory (os error 2)
        "#);
    }
}
