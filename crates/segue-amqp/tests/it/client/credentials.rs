//! Identities of Entra ID, against a mock of the services that give out tokens: requests are held
//! against what Microsoft documents, answers are as documented.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::KeyPair as _;
use ring::signature::{RSA_PSS_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use segue_amqp::client::{ClientError, CredentialError, Entra};
use segue_amqp::codec::Value;
use segue_amqp::message::{Body, Message};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::peer::{Script, connected};
use super::token_server::{Asked, TokenServer};

const PEM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/entra-client.pem");
const SCOPE: &str = "https://eventhubs.azure.net/.default";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// As the identity platform answers.
const TOKEN: (u16, &str) = (
    200,
    r#"{"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": "one"}"#,
);

fn identity(variables: &[(&str, &str)]) -> Entra {
    let found = |name: &str| variables.iter().find(|(key, _)| *key == name);
    Entra::from_variables(|name| found(name).map(|(_, value)| (*value).to_owned())).unwrap()
}

/// Attaches a sender with the identity; what the hub got at `$cbs`.
async fn put_token(identity: Entra) -> Result<Message, ClientError> {
    let script = Script { credential: Some(identity.into()), ..Script::default() };
    let (connection, mut peer) = connected(script).await;
    let attach = async { connection.sender("hub", None).await.map(drop) };
    let serve = async {
        let request = peer.accept_token(202).await;
        peer.accept_sender(1).await;
        request
    };
    tokio::pin!(attach);
    tokio::select! {
        failed = &mut attach => Err(failed.unwrap_err()),
        request = serve => Ok(request),
    }
}

async fn asked_for(server: &TokenServer, variables: &[(&str, &str)]) -> Result<Asked, ClientError> {
    let request = put_token(identity(variables)).await?;
    assert_eq!(request.application_properties.get("type"), Some(&Value::from("jwt")));
    assert_eq!(request.body, Body::Value(Value::from("one")));
    let [asked] = server.asked().try_into().unwrap();
    Ok(asked)
}

#[tokio::test]
async fn a_client_secret_is_exchanged_for_a_token() {
    let server = TokenServer::start(&[TOKEN]).await;
    let asked = asked_for(
        &server,
        &[
            ("AZURE_AUTHORITY_HOST", &format!("{}/", server.url)),
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_CLIENT_SECRET", "s&cret="),
        ],
    )
    .await
    .unwrap();
    asked.check(
        "POST /tenant/oauth2/v2.0/token",
        &[
            ("client_id", "client"),
            ("scope", SCOPE),
            ("grant_type", "client_credentials"),
            ("client_secret", "s&cret="),
        ],
    );
}

#[tokio::test]
async fn a_certificate_signs_an_assertion() {
    let server = TokenServer::start(&[TOKEN]).await;
    let asked = asked_for(
        &server,
        &[
            ("AZURE_AUTHORITY_HOST", &server.url),
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_CLIENT_CERTIFICATE_PATH", PEM),
        ],
    )
    .await
    .unwrap();
    let assertion = asked.fields["client_assertion"].clone();
    asked.check(
        "POST /tenant/oauth2/v2.0/token",
        &[
            ("client_id", "client"),
            ("scope", SCOPE),
            ("grant_type", "client_credentials"),
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", &assertion),
        ],
    );

    let pem = std::fs::read(PEM).unwrap();
    let certificate = CertificateDer::from_pem_slice(&pem).unwrap();
    let PrivateKeyDer::Pkcs8(key) = PrivateKeyDer::from_pem_slice(&pem).unwrap() else { panic!() };
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap();
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.public_key())
        .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
        .unwrap();
    let part = |part: &str| -> Json {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let (header, claims) = signed.split_once('.').unwrap();
    let (header, claims) = (part(header), part(claims));
    assert_eq!(header["alg"], "PS256");
    assert_eq!(header["x5t#S256"], URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate)));
    assert_eq!(claims["aud"], format!("{}/tenant/oauth2/v2.0/token", server.url));
    assert_eq!((&claims["iss"], &claims["sub"]), (&"client".into(), &"client".into()));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["nbf"].as_u64().unwrap(), 600);
    assert!(claims["jti"].as_str().unwrap().len() > 20);
}

#[tokio::test]
async fn a_workload_identity_hands_on_its_federated_token() {
    let server = TokenServer::start(&[TOKEN]).await;
    let file = std::env::temp_dir().join(format!("segue-federated-{}", std::process::id()));
    std::fs::write(&file, "federated\n").unwrap();
    let asked = asked_for(
        &server,
        &[
            ("AZURE_AUTHORITY_HOST", &server.url),
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
        ],
    )
    .await
    .unwrap();
    asked.check(
        "POST /tenant/oauth2/v2.0/token",
        &[
            ("client_id", "client"),
            ("scope", SCOPE),
            ("grant_type", "client_credentials"),
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", "federated"),
        ],
    );
    std::fs::remove_file(file).unwrap();
}

/// Numbers as text: so answer the services of machines.
const MACHINE_TOKEN: (u16, &str) = (
    200,
    r#"{"access_token": "one", "expires_in": "3599", "resource": "https://eventhubs.azure.net",
        "token_type": "Bearer"}"#,
);

#[tokio::test]
async fn a_virtual_machine_asks_its_metadata_service() {
    let server = TokenServer::start(&[MACHINE_TOKEN]).await;
    let asked =
        asked_for(&server, &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", &server.url)]).await.unwrap();
    asked.check(
        "GET /metadata/identity/oauth2/token",
        &[("api-version", "2018-02-01"), ("resource", "https://eventhubs.azure.net")],
    );
    assert_eq!(asked.headers["metadata"], "true");
}

#[tokio::test]
async fn app_service_is_asked_with_its_header() {
    let server = TokenServer::start(&[(
        200,
        r#"{"access_token": "one", "expires_on": "4102444800", "token_type": "Bearer"}"#,
    )])
    .await;
    let asked = asked_for(
        &server,
        &[
            ("IDENTITY_ENDPOINT", &format!("{}/msi/token", server.url)),
            ("IDENTITY_HEADER", "secret"),
            ("AZURE_CLIENT_ID", "client"),
        ],
    )
    .await
    .unwrap();
    asked.check(
        "GET /msi/token",
        &[
            ("api-version", "2019-08-01"),
            ("resource", "https://eventhubs.azure.net"),
            ("client_id", "client"),
        ],
    );
    assert_eq!(asked.headers["x-identity-header"], "secret");
}

#[tokio::test]
async fn a_refusal_is_believed_and_quoted() {
    let server = TokenServer::start(&[(
        401,
        r#"{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid secret."}"#,
    )])
    .await;
    let refused = asked_for(
        &server,
        &[
            ("AZURE_AUTHORITY_HOST", &server.url),
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_CLIENT_SECRET", "wrong"),
        ],
    )
    .await;
    let error = refused.unwrap_err();
    assert!(error.to_string().contains("AADSTS7000215: Invalid secret."), "{error}");
    assert!(!error.is_retryable());
    assert_eq!(server.asked().len(), 1, "the machine's identity was not tried");
}

#[tokio::test]
async fn an_identity_service_in_trouble_is_asked_again() {
    let server = TokenServer::start(&[(503, "")]).await;
    let variables: [(&str, &str); 1] = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", &server.url)];
    assert!(asked_for(&server, &variables).await.unwrap_err().is_retryable());
}

#[tokio::test]
async fn nothing_there_is_said() {
    let nobody = "http://127.0.0.1:1";
    let error = put_token(identity(&[("AZURE_POD_IDENTITY_AUTHORITY_HOST", nobody)])).await;
    let error = error.unwrap_err();
    assert!(matches!(&error, ClientError::Credential(CredentialError::NotThere(_))), "{error}");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_new_token_is_put_before_the_old_one_ends() {
    let server = TokenServer::start(&[
        (200, r#"{"expires_in": 2, "access_token": "one"}"#),
        (200, r#"{"expires_in": 3600, "access_token": "two"}"#),
    ])
    .await;
    let identity = identity(&[("AZURE_POD_IDENTITY_AUTHORITY_HOST", &server.url)]);
    let script = Script { credential: Some(identity.into()), ..Script::default() };
    let (connection, mut peer) = connected(script).await;
    let begun = tokio::time::Instant::now();
    let attach = tokio::spawn(async move { connection.sender("hub", None).await });
    let first = peer.accept_token(202).await;
    assert_eq!(first.body, Body::Value(Value::from("one")));
    peer.accept_sender(1).await;
    let _sender = attach.await.unwrap().unwrap();
    let second = peer.request().await;
    assert_eq!(second.body, Body::Value(Value::from("two")));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn secrets_travel_protected_only() {
    let set = |name: &str| match name {
        "AZURE_AUTHORITY_HOST" => Some("http://login.example".to_owned()),
        "AZURE_TENANT_ID" | "AZURE_CLIENT_ID" | "AZURE_CLIENT_SECRET" => Some("x".to_owned()),
        _ => None,
    };
    let error = Entra::from_variables(set).unwrap_err().to_string();
    assert!(error.contains("https://"), "{error}");
}

#[test]
fn a_secret_without_its_tenant_is_named() {
    let set = |name: &str| (name == "AZURE_CLIENT_SECRET").then(|| "hunter2".to_owned());
    let error = Entra::from_variables(set).unwrap_err().to_string();
    assert!(error.contains("AZURE_TENANT_ID") && !error.contains("hunter2"), "{error}");
}
