//! The receipt of an erasure: what was asked, what was done, and when.
//!
//! ```text
//! {"id": 4711, "state": "complete", "found": true,
//!  "subject": {"salt": "c0ffee…", "sha256": "5e88…"},
//!  "askedAt": "2026-01-01T10:00:00.000Z", "completedAt": "2026-01-01T10:00:02.100Z",
//!  "checkpoint": "rewritten",
//!  "logs": {"log:input": {"erased": 12, "shared": 0, "waiting": 0},
//!           "activations": {"erased": 3, "shared": 0, "waiting": 0}}}
//! ```
//! It says whom it is about only to those who know it already: `sha256` is that of the salt, as
//! it stands there, followed by the identity as `namespace:id`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use segue_xdm::{Identity, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What an erasure came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// Its id: the log position at which it was asked for.
    pub id: u64,
    /// Whom it is about, for those who know.
    pub subject: Subject,
    /// Whether a profile had the identity.
    pub found: bool,
    /// When it was asked for; from then on the state knows nothing of her.
    pub asked_at: Timestamp,
    /// When the last trace was gone; none while it goes on.
    pub completed_at: Option<Timestamp>,
    /// Whether the checkpoint's store was written anew.
    pub is_store_rewritten: bool,
    /// What was erased, by the name of the log. Logs come in as they are done.
    pub logs: BTreeMap<String, LogErasure>,
}

/// What was erased from one log. After a crash in the middle of erasing, records that were erased
/// right before it are not counted.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct LogErasure {
    /// Records erased.
    pub erased: u64,
    /// Inputs that name her but belong to somebody else's profile, and stay.
    pub shared: u64,
    /// Messages that are yet to be delivered, and are erased then.
    pub waiting: u64,
}

/// An identity that only those recognise who know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject {
    salt: String,
    sha256: String,
}

impl Subject {
    /// Hides an identity behind a salt of its own.
    pub(super) fn new(identity: &Identity) -> Subject {
        let salt = Uuid::new_v4().simple().to_string();
        Subject { sha256: hash(&salt, identity), salt }
    }

    /// Whether this is the identity.
    #[must_use]
    pub fn is(&self, identity: &Identity) -> bool {
        self.sha256 == hash(&self.salt, identity)
    }
}

fn hash(salt: &str, identity: &Identity) -> String {
    let digest = Sha256::digest(format!("{salt}{identity}"));
    digest.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl Receipt {
    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.completed_at.is_some()
    }

    /// The receipt as JSON, as drawn above.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let log = |(name, log): (&String, &LogErasure)| {
            let LogErasure { erased, shared, waiting } = log;
            let counts = json!({"erased": erased, "shared": shared, "waiting": waiting});
            (name.clone(), counts)
        };
        json!({
            "id": self.id,
            "state": if self.is_complete() { "complete" } else { "running" },
            "found": self.found,
            "subject": {"salt": self.subject.salt, "sha256": self.subject.sha256},
            "askedAt": self.asked_at.to_string(),
            "completedAt": self.completed_at.map(|at| at.to_string()),
            "checkpoint": if self.is_store_rewritten { "rewritten" } else { "waiting" },
            "logs": self.logs.iter().map(log).collect::<serde_json::Map<_, _>>(),
        })
    }

    /// Reads a receipt back; none if it is not one.
    pub(super) fn from_value(value: &Value) -> Option<Receipt> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let time = |value: &Value| Timestamp::parse(value.as_str()?).ok();
        let log = |(name, log): (&String, &Value)| {
            let count = |key: &str| log.get(key)?.as_u64();
            let (erased, shared) = (count("erased")?, count("shared")?);
            Some((name.clone(), LogErasure { erased, shared, waiting: count("waiting")? }))
        };
        let subject = value.get("subject")?;
        Some(Receipt {
            id: value.get("id")?.as_u64()?,
            subject: Subject {
                salt: text(subject.get("salt")?)?,
                sha256: text(subject.get("sha256")?)?,
            },
            found: value.get("found")?.as_bool()?,
            asked_at: time(value.get("askedAt")?)?,
            completed_at: match value.get("completedAt")? {
                Value::Null => None,
                at => Some(time(at)?),
            },
            is_store_rewritten: value.get("checkpoint")?.as_str()? == "rewritten",
            logs: value.get("logs")?.as_object()?.iter().map(log).collect::<Option<_>>()?,
        })
    }
}
