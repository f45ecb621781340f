//! Connections of destinations: what is taken, how it comes out, and what is refused.

use segue_core::Definition;
use segue_core::variables::SECRET_KEYS;
use serde_json::{Value, json};

fn destination(type_name: &str, connection: Value) -> Value {
    json!({"kind": "Destination", "id": "d", "type": type_name, "connection": connection})
}

/// The connection as it comes out.
fn written(type_name: &str, connection: Value) -> Value {
    let definition = Definition::from_value(destination(type_name, connection)).unwrap();
    let value = definition.to_value();
    assert_eq!(Definition::from_value(value.clone()).unwrap(), definition, "it can be read again");
    value["connection"].clone()
}

/// The violations of a connection, a line each.
fn violations(type_name: &str, connection: Value) -> String {
    let found = Definition::from_value(destination(type_name, connection)).unwrap_err();
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn every_type_comes_out_as_it_went_in() {
    let all = [
        ("azure-event-hubs", json!({"embedded": true, "event_hub": "h"})),
        (
            "azure-event-hubs",
            json!({
                "event_hub": "h", "connection_string": "${C}", "transport": "websockets",
                "ca_file": "/ca.pem",
            }),
        ),
        (
            "azure-event-hubs",
            json!({
                "event_hub": "h", "namespace": "n", "sas_key_name": "k", "sas_key": "${K}",
                "transport": "amqp",
            }),
        ),
        (
            "azure-event-hubs",
            json!({
                "event_hub": "h", "namespace": "n", "credential": "default", "transport": "amqp",
            }),
        ),
        (
            "kafka",
            json!({
                "brokers": ["a:9092"], "topic": "t",
                "security": {
                    "protocol": "sasl_ssl", "mechanism": "scram-sha-512", "username": "u",
                    "password": "${P}", "ca_file": "/ca.pem",
                },
            }),
        ),
        (
            "http",
            json!({
                "url": "https://example.com/x?y=1", "method": "PUT",
                "headers": {"x-tenant": "a", "X-Api-Key": "${KEY}"}, "ca_file": "/ca.pem",
                "auth": {
                    "oauth2": {
                        "token_url": "https://example.com/token", "client_id": "c",
                        "client_secret": "${S}", "scope": "send",
                    },
                    "mtls": {"certificate_file": "/c.pem", "key_file": "/k.pem"},
                    "hmac": {"secret": "${H}", "header": "x-signature"},
                },
                "batch_size": 100, "batch_bytes": 1000, "timeout_seconds": 5, "in_flight": 2,
            }),
        ),
        (
            "kinesis",
            json!({
                "region": "eu-central-1", "stream": "s", "endpoint": "http://localhost:4566",
                "credentials": {
                    "access_key_id": "a", "secret_access_key": "${S}", "session_token": "${T}",
                },
            }),
        ),
        ("file", json!({"path": "a.jsonl", "rotate_bytes": 1000})),
        ("stdout", json!({})),
    ];
    for (type_name, connection) in all {
        assert_eq!(written(type_name, connection.clone()), connection);
    }
}

#[test]
fn what_is_left_out_is_filled_in() {
    let http = written("http", json!({"url": "http://localhost:1/x"}));
    insta::assert_snapshot!(http, @r#"{"auth":{},"batch_bytes":1048576,"batch_size":1,"headers":{},"in_flight":4,"method":"POST","timeout_seconds":30,"url":"http://localhost:1/x"}"#);
    let event_hubs = json!({"event_hub": "h", "connection_string": "${C}"});
    assert_eq!(written("azure-event-hubs", event_hubs)["transport"], "amqp");
    assert_eq!(written("file", json!({"path": "a"}))["rotate_bytes"], 104_857_600);
    let kafka = written("kafka", json!({"brokers": ["b:1"], "topic": "t"}));
    assert_eq!(kafka["security"], json!({"protocol": "plaintext"}));
    let stdout = Definition::from_value(json!({"kind": "Destination", "type": "stdout"}));
    assert!(stdout.unwrap().id().len() > 8, "an id is derived");
}

#[test]
fn a_secret_is_refused_wherever_it_is_written_out_and_never_repeated() {
    let secret = "hunter2";
    let found = [
        violations("azure-event-hubs", json!({"event_hub": "h", "connection_string": secret})),
        violations(
            "azure-event-hubs",
            json!({"event_hub": "h", "namespace": "n", "sas_key_name": "k", "sas_key": secret}),
        ),
        violations(
            "kafka",
            json!({
                "brokers": ["b:1"], "topic": "t",
                "security": {"protocol": "sasl_ssl", "username": "u", "password": secret},
            }),
        ),
        violations(
            "kinesis",
            json!({
                "region": "r", "stream": "s",
                "credentials": {
                    "access_key_id": "a", "secret_access_key": secret, "session_token": secret,
                },
            }),
        ),
        violations(
            "http",
            json!({
                "url": "https://u:hunter2@example.com",
                "headers": {
                    "Authorization": "Basic hunter2", "x-api-key": secret,
                    "cookie": "a b ${C}", "x-token": "Token ${T}", "x-tenant": "a",
                },
                "auth": {
                    "bearer": secret, "hmac": {"secret": "x${S}"},
                    "oauth2": {"token_url": "https://t/", "client_id": "c", "client_secret": 5},
                },
            }),
        ),
    ]
    .join("\n---\n");
    assert!(!found.contains(secret), "{found}");
    insta::assert_snapshot!(found, @r"
    /connection/connection_string: found a secret written out, which would be kept with the definition; write ${NAME} and set the environment variable NAME where Segue runs (secret)
    ---
    /connection/sas_key: found a secret written out, which would be kept with the definition; write ${NAME} and set the environment variable NAME where Segue runs (secret)
    ---
    /connection/security/password: found a secret written out, which would be kept with the definition; write ${NAME} and set the environment variable NAME where Segue runs (secret)
    ---
    /connection/credentials/secret_access_key: found a secret written out, which would be kept with the definition; write ${NAME} and set the environment variable NAME where Segue runs (secret)
    /connection/credentials/session_token: found a secret written out, which would be kept with the definition; write ${NAME} and set the environment variable NAME where Segue runs (secret)
    ---
    /connection/url: found a name or a password in the address; leave it out and write the header `authorization`, such as Basic ${NAME} (secret)
    /connection/headers/Authorization: found a secret written out, which would be kept with the definition; write ${NAME} and set the environment variable NAME where Segue runs (secret)
    /connection/headers/cookie: found a secret written out, which would be kept with the definition; write ${NAME} and set the environment variable NAME where Segue runs (secret)
    /connection/headers/x-api-key: found a secret written out, which would be kept with the definition; write ${NAME} and set the environment variable NAME where Segue runs (secret)
    /connection/auth/bearer: found a secret written out, which would be kept with the definition; write ${NAME} and set the environment variable NAME where Segue runs (secret)
    /connection/auth/oauth2: `bearer` writes the same header; leave one out (mismatch)
    /connection/auth/oauth2/client_secret: found the number 5; send a string (type)
    /connection/auth/hmac/secret: found a secret written out, which would be kept with the definition; write ${NAME} and set the environment variable NAME where Segue runs (secret)
    ");
}

#[test]
fn what_contradicts_itself_is_refused() {
    let found = [
        violations("azure-event-hubs", json!({"embedded": true, "event_hub": "h", "sas_key": "x"})),
        violations("azure-event-hubs", json!({"event_hub": "h"})),
        violations(
            "azure-event-hubs",
            json!({
                "event_hub": "h", "connection_string": "${C}", "namespace": "n",
                "credential": "defualt",
            }),
        ),
        violations("azure-event-hubs", json!({"namespace": "n", "sas_key_name": "k"})),
        violations(
            "azure-event-hubs",
            json!({
                "event_hub": "h", "namespace": "sb://n:5671/", "credential": "default",
                "transport": "kafka", "ca_file": "",
            }),
        ),
        violations(
            "kafka",
            json!({
                "brokers": [], "topic": "t",
                "security": {"protocol": "ssl", "username": "u"},
            }),
        ),
        violations(
            "http",
            json!({"url": "example.com", "batch_size": 0, "auth": {"bearer": "${A}", "oauth2": {}}}),
        ),
        violations("file", json!({"path": "", "rotate_bytes": -1})),
        violations("stdout", json!({"path": "x"})),
        violations("ftp", json!({})),
        Definition::from_value(json!({"kind": "Destination", "id": "d", "type": "http"}))
            .unwrap_err()[0]
            .to_string(),
    ];
    insta::assert_snapshot!(found.join("\n---\n"), @r"
    /connection/sas_key: the embedded hub needs only {embedded: true, event_hub: activations} (mismatch)
    ---
    /connection/namespace: it does not say where the hub is; write connection_string: ${NAME}, or namespace with sas_key_name and sas_key or with credential: default, or {embedded: true, event_hub: activations} (required)
    ---
    /connection/credential: found `defualt`; did you mean `default`? write one of default (format)
    /connection/namespace: the connection string says it already; leave one out (mismatch)
    /connection/credential: the connection string says it already; leave one out (mismatch)
    ---
    /connection/event_hub: the key `event_hub` is missing; write the event hub's name, such as activations (required)
    /connection/sas_key: the key `sas_key` is missing; write ${NAME}, the environment variable that holds the key (required)
    ---
    /connection/namespace: found `sb://n:5671/`; write the host alone, such as mine.servicebus.windows.net (format)
    /connection/transport: found `kafka`; write one of amqp, websockets (format)
    /connection/ca_file: found an empty text; leave the key out or fill it in (required)
    ---
    /connection/brokers: found no broker; write at least one host:port (required)
    /connection/security/username: it belongs to protocol: sasl_ssl or sasl_plaintext (mismatch)
    ---
    /connection/url: found `example.com`; write an address such as https://example.com/x (format)
    /connection/batch_size: found 0; write a whole number from 1 to 1000 (limit)
    /connection/auth/oauth2: `bearer` writes the same header; leave one out (mismatch)
    /connection/auth/oauth2/token_url: the key `token_url` is missing; write the address of the token server (required)
    /connection/auth/oauth2/client_id: the key `client_id` is missing; write the client's id (required)
    /connection/auth/oauth2/client_secret: the key `client_secret` is missing; write ${NAME}, the environment variable that holds the secret (required)
    ---
    /connection/path: found an empty text; leave the key out or fill it in (required)
    /connection/rotate_bytes: found -1; write a whole number from 1 to 4294967295 (limit)
    ---
    /connection/path: found the unknown key `path`; none is known here; leave it out (unknown-field)
    ---
    /type: found `ftp`; write one of azure-event-hubs, kafka, http, kinesis, file, stdout (format)
    ---
    /connection: the key `connection` is missing; write how the destination is reached, such as {url: …} (required)
    ");
}

#[test]
fn fields_and_templates_are_for_messages_that_leave() {
    let mut embedded = destination("azure-event-hubs", json!({"embedded": true, "event_hub": "h"}));
    embedded["template"] = json!("{{ body }}");
    embedded["fields"] = json!(["segmentMembership"]);
    let refused = Definition::from_value(embedded).unwrap_err();
    let pointers: Vec<&str> = refused.iter().map(|one| one.pointer.as_str()).collect();
    assert_eq!(pointers, ["/fields", "/template"]);

    let mut stdout = destination("stdout", json!({}));
    stdout["template"] = json!("{{ body }}");
    stdout["fields"] = json!(["segmentMembership.ups", "identityMap.email"]);
    stdout["delivery"] = json!({"what the API shows": "is passed over"});
    let value = Definition::from_value(stdout).unwrap().to_value();
    assert_eq!(value["template"], "{{ body }}");
    assert_eq!(value["fields"], json!(["identityMap.email", "segmentMembership.ups"]));
    assert_eq!(value.get("delivery"), None);
}

#[test]
fn whoever_fills_in_variables_knows_every_key_of_a_secret() {
    let keys = [
        "bearer",
        "client_secret",
        "connection_string",
        "password",
        "sas_key",
        "secret",
        "secret_access_key",
        "session_token",
    ];
    assert!(keys.iter().all(|key| SECRET_KEYS.contains(key)));
}
