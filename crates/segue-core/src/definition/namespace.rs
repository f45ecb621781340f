//! A namespace: what kind of identity its ids are, and the rules that hold for linking them.

use segue_xdm::Violation;
use serde_json::{Value, json};

use super::keys::Keys;
use super::pattern::Pattern;

/// The lowest priority; the highest is 1. A company has a dozen namespaces, not a thousand.
pub const NAMESPACE_PRIORITY_MAX: u32 = 999;
/// Patterns of ids to ignore: each is tried on every id of the namespace that comes in.
pub const EXCLUDE_PATTERNS_MAX: usize = 20;

const KEYS: [&str; 6] = ["kind", "code", "type", "unique", "priority", "exclude"];
const TYPES: [(&str, NamespaceType); 6] = [
    ("person", NamespaceType::Person),
    ("device", NamespaceType::Device),
    ("cookie", NamespaceType::Cookie),
    ("phone", NamespaceType::Phone),
    ("partner", NamespaceType::Partner),
    ("non_people", NamespaceType::NonPeople),
];

/// A namespace's definition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Namespace {
    /// Its code, in lower case: codes compare case-insensitively.
    pub code: String,
    /// What its ids identify.
    pub namespace_type: NamespaceType,
    /// Whether a profile has at most one id of it.
    pub unique: bool,
    /// Which of several identities decides: 1 before 2; none after all that have one.
    pub priority: Option<u32>,
    /// Ids that identify nobody, such as `null` or a test account.
    pub exclude: Vec<Pattern>,
}

/// What the ids of a namespace identify.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NamespaceType {
    /// A person, such as an e-mail address or a customer number.
    Person,
    /// A telephone number.
    Phone,
    /// A device, such as a telephone's advertising id.
    Device,
    /// A browser.
    Cookie,
    /// Something that is no person, such as a product.
    NonPeople,
    /// A partner's own id.
    Partner,
}

impl NamespaceType {
    /// How near its ids are to a person: 0 is one. The nearer one decides whose an input is, and
    /// the farthest leave first when a profile has too many (the reference, 5.3 and 5.4).
    pub(crate) const fn layer(self) -> u32 {
        match self {
            NamespaceType::Person | NamespaceType::Phone => 0,
            NamespaceType::Device => 1,
            NamespaceType::Cookie => 2,
            NamespaceType::NonPeople => 3,
            NamespaceType::Partner => 4,
        }
    }
}

impl Namespace {
    pub(super) const KNOWN_KEYS: &'static [&'static str] = &KEYS;

    pub(super) fn read(keys: &mut Keys<'_>) -> Option<Namespace> {
        keys.require("code", "the namespace's code, such as Email");
        let code = keys.name("code");
        keys.require("type", "what an id of it identifies, such as person or cookie");
        let namespace_type = keys.choice("type", &TYPES);
        let unique = keys.flag("unique", false);
        let priority = keys.number("priority", NAMESPACE_PRIORITY_MAX);
        let mut exclude = Vec::new();
        let sources = keys.texts("exclude", EXCLUDE_PATTERNS_MAX).unwrap_or_default();
        for source in sources.into_iter().take(EXCLUDE_PATTERNS_MAX) {
            match Pattern::new(source) {
                Ok(pattern) => exclude.push(pattern),
                Err(error) => keys.refuse("exclude", "pattern", error.to_string()),
            }
        }
        if code.is_some_and(|code| code.contains(':')) {
            keys.refuse("code", "format", "a namespace code holds no colon; leave it out");
        }
        let code = code?.to_lowercase();
        Some(Namespace { code, namespace_type: namespace_type?, unique, priority, exclude })
    }

    pub(super) fn to_value(&self) -> Value {
        let namespace_type = TYPES.iter().find(|(_, meaning)| *meaning == self.namespace_type);
        let mut value = json!({
            "kind": "Namespace",
            "code": self.code,
            "type": namespace_type.map(|(word, _)| *word),
            "unique": self.unique,
            "exclude": self.exclude.iter().map(Pattern::source).collect::<Vec<_>>(),
        });
        if let (Some(priority), Value::Object(fields)) = (self.priority, &mut value) {
            fields.insert("priority".to_owned(), priority.into());
        }
        value
    }

    /// Whether an id of this namespace identifies nobody.
    #[must_use]
    pub fn excludes(&self, id: &str) -> bool {
        self.exclude.iter().any(|pattern| pattern.matches(id))
    }

    /// That the priorities of two namespaces contradict what their ids identify: a device or a
    /// cookie before a person.
    pub(crate) fn check_priority(&self, other: &Namespace) -> Option<Violation> {
        let (own, others) = (self.priority?, other.priority?);
        let (own_layer, other_layer) = (self.namespace_type.layer(), other.namespace_type.layer());
        let (near, near_priority, far, far_priority) = if own_layer < other_layer {
            (&self.code, own, &other.code, others)
        } else {
            (&other.code, others, &self.code, own)
        };
        if own_layer == other_layer || near_priority < far_priority {
            return None;
        }
        let message = format!(
            "`{far}` (priority {far_priority}) would come before `{near}` (priority \
             {near_priority}), which is nearer to a person; give `{near}` the smaller number"
        );
        Some(Violation::new("/priority", "priority", message))
    }
}
