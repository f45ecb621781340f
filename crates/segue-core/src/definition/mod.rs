//! Definitions: what users write down, checked whole.
//!
//! A definition is valid by itself when it exists as a value of these types. Whether it fits the
//! others (does the audience that it names exist?) is for the [`Program`](crate::Program) to say.
//! `${NAME}` is filled in before a definition comes here, except where it stands for a secret.

mod audience;
pub mod connection;
mod destination;
mod function;
mod keys;
mod merge_policy;
mod namespace;
mod pattern;
pub mod variables;

use std::fmt;
use std::str::FromStr;

use segue_xdm::{Violation, nearest};
use serde_json::Value;

pub use audience::Audience;
pub use destination::{
    Backfill, Destination, MAPPED_ATTRIBUTES_MAX, MAPPED_AUDIENCES_MAX, SELECTED_FIELDS_MAX,
    StatusModel, TEMPLATE_CHARS_MAX, Triggers,
};
pub use function::Function;
use keys::Keys;
pub use keys::NAME_CHARS_MAX;
pub use merge_policy::{AttributeMerge, MergePolicy, RANKED_DATASETS_MAX};
pub use namespace::{EXCLUDE_PATTERNS_MAX, NAMESPACE_PRIORITY_MAX, Namespace, NamespaceType};
pub use pattern::{PATTERN_CHARS_MAX, Pattern, PatternError};

/// The kinds of definitions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// What an identity's namespace means.
    Namespace,
    /// Which dataset's word counts.
    MergePolicy,
    /// Who belongs to an audience.
    Audience,
    /// What is sent where.
    Destination,
    /// User code that an event hub triggers.
    Function,
}

impl Kind {
    /// All kinds; each may refer to the ones before it.
    pub const ALL: [Kind; 5] =
        [Kind::Namespace, Kind::MergePolicy, Kind::Audience, Kind::Destination, Kind::Function];

    /// The word for it in definitions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Namespace => "Namespace",
            Kind::MergePolicy => "MergePolicy",
            Kind::Audience => "Audience",
            Kind::Destination => "Destination",
            Kind::Function => "Function",
        }
    }

    const fn known_keys(self) -> &'static [&'static str] {
        match self {
            Kind::Namespace => Namespace::KNOWN_KEYS,
            Kind::MergePolicy => MergePolicy::KNOWN_KEYS,
            Kind::Audience => Audience::KNOWN_KEYS,
            Kind::Destination => Destination::KNOWN_KEYS,
            Kind::Function => Function::KNOWN_KEYS,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The word is no kind of definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no kind of definition; \
     write Audience, Destination, MergePolicy, Namespace or Function"
)]
pub struct KindError(String);

impl FromStr for Kind {
    type Err = KindError;

    /// In any letter case.
    fn from_str(text: &str) -> Result<Kind, KindError> {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| KindError(text.to_owned()))
    }
}

/// A definition of any kind.
#[derive(Clone, Debug)]
pub enum Definition {
    /// Who belongs to an audience.
    Audience(Audience),
    /// What is sent where.
    Destination(Destination),
    /// What an identity's namespace means.
    Namespace(Namespace),
    /// Which dataset's word counts.
    MergePolicy(MergePolicy),
    /// User code that an event hub triggers.
    Function(Function),
}

impl Definition {
    /// Reads a definition: an object with `kind` and the keys of that kind.
    ///
    /// # Errors
    /// Everything that is wrong with it at once: unknown keys with the nearest known one, wrong
    /// types, missing keys, limits, syntax errors of PQL with a caret under the place.
    pub fn from_value(value: Value) -> Result<Definition, Vec<Violation>> {
        let Value::Object(fields) = &value else {
            return Err(vec![Violation::wrong_type("", &value, "an object with the key `kind`")]);
        };
        let kind = read_kind(fields.get("kind")).map_err(|violation| vec![violation])?;
        let mut violations = Vec::new();
        let mut keys = Keys::new(fields, "", kind.known_keys(), &mut violations);
        let definition = match kind {
            Kind::Audience => Audience::read(&mut keys).map(Definition::Audience),
            Kind::Destination => Destination::read(&mut keys).map(Definition::Destination),
            Kind::Namespace => Namespace::read(&mut keys).map(Definition::Namespace),
            Kind::MergePolicy => MergePolicy::read(&mut keys).map(Definition::MergePolicy),
            Kind::Function => Function::read(&mut keys).map(Definition::Function),
        };
        definition.filter(|_| violations.is_empty()).ok_or(violations)
    }

    /// The definition as an object, every key written out.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Definition::Audience(audience) => audience.to_value(),
            Definition::Destination(destination) => destination.to_value(),
            Definition::Namespace(namespace) => namespace.to_value(),
            Definition::MergePolicy(policy) => policy.to_value(),
            Definition::Function(function) => function.to_value(),
        }
    }

    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Definition::Audience(_) => Kind::Audience,
            Definition::Destination(_) => Kind::Destination,
            Definition::Namespace(_) => Kind::Namespace,
            Definition::MergePolicy(_) => Kind::MergePolicy,
            Definition::Function(_) => Kind::Function,
        }
    }

    /// Its id; a namespace's is its code.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Definition::Audience(audience) => &audience.id,
            Definition::Destination(destination) => &destination.id,
            Definition::Namespace(namespace) => &namespace.code,
            Definition::MergePolicy(policy) => &policy.id,
            Definition::Function(function) => &function.id,
        }
    }
}

/// The same definition written in different words is the same.
impl PartialEq for Definition {
    fn eq(&self, other: &Definition) -> bool {
        self.to_value() == other.to_value()
    }
}

fn read_kind(kind: Option<&Value>) -> Result<Kind, Violation> {
    let text = match kind {
        Some(Value::String(text)) => text,
        Some(other) => return Err(Violation::wrong_type("/kind", other, "a kind: Audience, …")),
        None => {
            let message = "the key `kind` is missing; \
                           write Audience, Destination, MergePolicy, Namespace or Function";
            return Err(Violation::new("/kind", "required", message));
        }
    };
    let known = Kind::ALL.into_iter().find(|kind| kind.as_str() == text);
    known.ok_or_else(|| {
        let meant = nearest(text, Kind::ALL.map(Kind::as_str));
        let meant = meant.map_or(String::new(), |kind| format!("; did you mean `{kind}`?"));
        Violation::new("/kind", "format", format!("{}{meant}", KindError(text.clone())))
    })
}
