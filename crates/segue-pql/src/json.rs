//! Definitions as `pql/json`: the same trees, for programs.
//!
//! ```text
//! Expression ──writer──▶ JSON ──reader──▶ syntax tree ──check──▶ text ──parse──▶ Expression
//! ```
//!
//! | `nodeType` | Keys |
//! |---|---|
//! | `fnApply` | `fnName`, `params`: operators, functions and methods, the receiver first |
//! | `fieldLookup` | `fieldName`, `object` |
//! | `itemLookup` | `index`, `object` |
//! | `literal` | `literalType`, `value`: `XDMObject` with the value `profile` is the profile |
//! | `parameterReference` | `position`: 1, the profile |
//! | `varRef` | `varName` |
//! | `select`, `forall` | `variables`: of `varDecl` with `varName`, `from`, `where` |
//! | `lambda` | `varName`, `body` |
//! | `let` | `varName`, `value`, `body` |
//! | `moment` | `value`: `now`, `today`, `yesterday`, `tomorrow`, a date or a timestamp |
//! | `occurs` | `moment`, `occurrence`, `negated` |
//! | `chain` | `steps`: of `label`, `what`, `when`, `within`, `count` |
//!
//! The first of each row is as Adobe has it, as far as Adobe publishes it; `lambda` and those below
//! are Segue's own. Going through JSON loses nothing but how the definition was laid out.

mod occurrences;
mod reader;
mod writer;

use serde_json::{Map, Value};

pub use reader::from_json;
pub use writer::to_json;

/// An object of these keys. It takes the values that it is made of, where `json!` would copy them:
/// at each level of a tree once more.
pub(crate) fn object<'a>(keys: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let keys = keys.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Object(keys.collect::<Map<String, Value>>())
}
