//! The connection of `type: kinesis`.

use serde_json::{Map, Value, json};

use crate::definition::keys::Keys;
use crate::definition::variables::Secret;

/// A data stream of Amazon Kinesis.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kinesis {
    /// The region, such as `eu-central-1`.
    pub region: String,
    /// The stream's name.
    pub stream: String,
    /// Another address than the region's own.
    pub endpoint: Option<String>,
    /// Who sends; from the surroundings when absent.
    pub credentials: Option<KinesisCredentials>,
}

/// An access key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KinesisCredentials {
    /// The key's id.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: Secret,
    /// What belongs to a key that is only lent.
    pub session_token: Option<Secret>,
}

const CREDENTIAL_KEYS: [&str; 3] = ["access_key_id", "secret_access_key", "session_token"];

impl Kinesis {
    pub(super) const KEYS: &'static [&'static str] =
        &["region", "stream", "endpoint", "credentials"];

    pub(super) fn read(keys: &mut Keys<'_>) -> Option<Kinesis> {
        keys.require("region", "the region, such as eu-central-1");
        let region = keys.name("region").map(str::to_owned);
        keys.require("stream", "the stream's name");
        let stream = keys.name("stream").map(str::to_owned);
        let endpoint = keys.address("endpoint").map(str::to_owned);
        let credentials = match keys.section("credentials", &CREDENTIAL_KEYS) {
            Some(mut credentials) => KinesisCredentials::read(&mut credentials).map(Some),
            None => Some(None),
        };
        Some(Kinesis { region: region?, stream: stream?, endpoint, credentials: credentials? })
    }

    pub(super) fn to_value(&self) -> Value {
        let mut fields = Map::from_iter([
            ("region".to_owned(), json!(self.region)),
            ("stream".to_owned(), json!(self.stream)),
        ]);
        if let Some(endpoint) = &self.endpoint {
            fields.insert("endpoint".to_owned(), json!(endpoint));
        }
        if let Some(credentials) = &self.credentials {
            fields.insert("credentials".to_owned(), credentials.to_value());
        }
        Value::Object(fields)
    }
}

impl KinesisCredentials {
    fn read(keys: &mut Keys<'_>) -> Option<KinesisCredentials> {
        keys.require("access_key_id", "the id of the access key");
        let access_key_id = keys.text("access_key_id").map(str::to_owned);
        keys.require("secret_access_key", "${NAME}, the environment variable that holds the key");
        let secret_access_key = keys.secret("secret_access_key");
        let session_token = keys.secret("session_token");
        Some(KinesisCredentials {
            access_key_id: access_key_id?,
            secret_access_key: secret_access_key?,
            session_token,
        })
    }

    fn to_value(&self) -> Value {
        let secret = self.secret_access_key.to_string();
        let mut value = json!({"access_key_id": self.access_key_id, "secret_access_key": secret});
        if let (Some(token), Some(fields)) = (&self.session_token, value.as_object_mut()) {
            fields.insert("session_token".to_owned(), json!(token.to_string()));
        }
        value
    }
}
