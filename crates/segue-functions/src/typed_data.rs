//! Typed data: the values that go to a function and come back from it, as the worker's protocol
//! writes them (`workers/node/wire.cjs`): an object with one key that names the type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// The kinds are those of `RpcTypedData` in Azure's worker protocol, which `@azure/functions`
/// converts from and to JavaScript values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TypedData {
    String(String),
    /// Text that is JSON.
    Json(String),
    Bytes(Base64),
    Int(serde_json::Number),
    Double(serde_json::Number),
    CollectionString {
        string: Vec<String>,
    },
    CollectionBytes {
        bytes: Vec<Base64>,
    },
    CollectionSint64 {
        sint64: Vec<i64>,
    },
}

impl TypedData {
    /// JSON text of any value.
    pub(crate) fn json(value: impl Into<serde_json::Value>) -> TypedData {
        TypedData::Json(value.into().to_string())
    }
}

/// Bytes, in base64 on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base64(pub(crate) Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Base64).map_err(serde::de::Error::custom)
    }
}
