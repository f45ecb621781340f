//! An audience: who belongs to it is said in PQL.

use segue_pql::{Diagnostic, Expression};
use segue_xdm::Path;
use serde_json::{Value, json};

use super::keys::Keys;
use crate::ids::derived_definition_id;

const KEYS: [&str; 5] = ["kind", "id", "name", "format", "definition"];

/// How a definition can be written: as text, or as the tree that it stands for.
const FORMATS: [(&str, Format); 2] = [("pql/text", Format::Text), ("pql/json", Format::Json)];

#[derive(Clone, Copy)]
enum Format {
    Text,
    Json,
}

/// An audience's definition.
#[derive(Clone, Debug)]
pub struct Audience {
    /// Its opaque id.
    pub id: String,
    /// What people call it; the id when it was given none.
    pub name: String,
    /// Who belongs to it.
    pub expression: Expression,
}

impl Audience {
    pub(super) const KNOWN_KEYS: &'static [&'static str] = &KEYS;

    pub(super) fn read(keys: &mut Keys<'_>) -> Option<Audience> {
        let id = keys.name("id");
        let name = keys.name("name");
        keys.require("definition", "a PQL expression such as person.age >= 18");
        let expression = read_expression(keys);
        let id = match (id, name) {
            (Some(id), _) => id.to_owned(),
            (None, Some(name)) => derived_definition_id(&format!("audience {name}")),
            (None, None) => {
                // What is there and cannot be read has been refused already.
                if !keys.has("id") && !keys.has("name") {
                    let message = "the audience has neither name nor id; name it";
                    keys.refuse("name", "required", message);
                }
                return None;
            }
        };
        let name = name.unwrap_or(&id).to_owned();
        Some(Audience { id, name, expression: expression? })
    }

    pub(super) fn to_value(&self) -> Value {
        json!({
            "kind": "Audience",
            "id": self.id,
            "name": self.name,
            "definition": self.expression.source(),
        })
    }

    /// Whether writing any of these attributes is relevant to the audience.
    pub(crate) fn reads_any_of(&self, written: &[Path]) -> bool {
        let read = self.expression.attribute_paths();
        written.iter().any(|written| read.iter().any(|read| read.overlaps(written)))
    }
}

/// A definition in either format; an object is always the tree.
fn read_expression(keys: &mut Keys<'_>) -> Option<Expression> {
    let format = keys.choice("format", &FORMATS).unwrap_or(Format::Text);
    if let Some(tree) = keys.object("definition") {
        return read_tree(tree, keys);
    }
    let source = keys.text("definition")?;
    match format {
        Format::Text => read_text(source, keys),
        Format::Json => match serde_json::from_str(source) {
            Ok(tree) => read_tree(&tree, keys),
            Err(error) => {
                keys.refuse("definition", "pql", format!("found no JSON: {error}"));
                None
            }
        },
    }
}

fn read_text(source: &str, keys: &mut Keys<'_>) -> Option<Expression> {
    let refuse = |diagnostics: Vec<Diagnostic>| {
        for diagnostic in diagnostics {
            keys.refuse("definition", "pql", diagnostic.render(source, "definition"));
        }
    };
    segue_pql::parse(source).map_err(refuse).ok()
}

fn read_tree(tree: &Value, keys: &mut Keys<'_>) -> Option<Expression> {
    let refuse = |diagnostics: Vec<Diagnostic>| {
        for diagnostic in diagnostics {
            keys.refuse("definition", "pql", diagnostic.to_string());
        }
    };
    segue_pql::from_json(tree).map_err(refuse).ok()
}
