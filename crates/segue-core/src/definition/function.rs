//! A function: user code that an event hub triggers. The engine only keeps its definition.

use serde_json::{Value, json};

use super::keys::Keys;
use crate::ids::derived_definition_id;

const KEYS: [&str; 3] = ["kind", "id", "path"];

/// A function's definition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Function {
    /// Its opaque id.
    pub id: String,
    /// Where its code lies: the folder of an Azure Functions app.
    pub path: String,
}

impl Function {
    pub(super) const KNOWN_KEYS: &'static [&'static str] = &KEYS;

    pub(super) fn read(keys: &mut Keys<'_>) -> Option<Function> {
        let id = keys.name("id").map(str::to_owned);
        keys.require("path", "the folder of an Azure Functions app");
        let path = keys.text("path")?.to_owned();
        let id = id.unwrap_or_else(|| derived_definition_id(&format!("function {path}")));
        Some(Function { id, path })
    }

    pub(super) fn to_value(&self) -> Value {
        json!({"kind": "Function", "id": self.id, "path": self.path})
    }
}
