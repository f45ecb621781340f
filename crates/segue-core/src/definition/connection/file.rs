//! The connection of `type: file`.

use serde_json::{Value, json};

use crate::definition::keys::Keys;

/// Bytes after which a file is put aside, when the definition does not say: one that tools open.
const ROTATE_BYTES_DEFAULT: u32 = 100 << 20;

/// A file of JSON lines on the server's machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileTarget {
    /// Where it is.
    pub path: String,
    /// A file that would grow past this is put aside and a new one begun.
    pub rotate_bytes: u32,
}

impl FileTarget {
    pub(super) const KEYS: &'static [&'static str] = &["path", "rotate_bytes"];

    pub(super) fn read(keys: &mut Keys<'_>) -> Option<FileTarget> {
        keys.require("path", "the file to write, such as /var/lib/segue/activations.jsonl");
        let path = keys.text("path").map(str::to_owned);
        let rotate_bytes = keys.number("rotate_bytes", u32::MAX).unwrap_or(ROTATE_BYTES_DEFAULT);
        Some(FileTarget { path: path?, rotate_bytes })
    }

    pub(super) fn to_value(&self) -> Value {
        json!({"path": self.path, "rotate_bytes": self.rotate_bytes})
    }
}
