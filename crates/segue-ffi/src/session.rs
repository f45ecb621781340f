//! What the C functions do, in terms of Rust.

use segue_core::{Activation, Definition, Engine, Input, Settings, publishing_order};
use segue_xdm::{Document, Event, Record, Timestamp, Violation};
use serde_json::{Value, json};

/// Where the definitions take effect; inputs come after it.
const DEFINITIONS_POSITION: u64 = 0;

/// What a call gives: the bytes of its result.
pub(crate) type Outcome = Result<Vec<u8>, Invalid>;

/// An engine that C holds: `segue_engine`.
#[derive(Debug)]
pub struct Session {
    /// Taken out while it works: what panicked halfway is not used again.
    engine: Option<Engine>,
}

/// What `segue_encode` can be given: `segue_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputKind {
    Event,
    Record,
    Tick,
}

impl TryFrom<i32> for InputKind {
    type Error = Invalid;

    fn try_from(kind: i32) -> Result<InputKind, Invalid> {
        match kind {
            0 => Ok(InputKind::Event),
            1 => Ok(InputKind::Record),
            2 => Ok(InputKind::Tick),
            _ => Err(Invalid::Kind(kind)),
        }
    }
}

/// Why a call was refused; told to the caller as text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Invalid {
    #[error("`{0}` is NULL")]
    Null(&'static str),
    #[error("`{0}` cannot be that long")]
    TooLong(&'static str),
    #[error("{0} is no segue_kind: use SEGUE_EVENT, SEGUE_RECORD or SEGUE_TICK")]
    Kind(i32),
    #[error("`{name}` is not UTF-8: {source}")]
    Utf8 { name: &'static str, source: std::str::Utf8Error },
    #[error("`{name}` is not JSON: {source}")]
    Json { name: &'static str, source: serde_json::Error },
    #[error("`definitions` is not an array")]
    NoArray,
    #[error("definition {index}: {}", list(violations))]
    Definition { index: usize, violations: Vec<Violation> },
    #[error("{}", list(.0))]
    Rules(Vec<Violation>),
    #[error("`input` was not encoded by segue_encode: {0}")]
    Input(#[from] segue_core::DecodeError),
    #[error("position {position} does not come after {applied}, which was applied already")]
    Position { position: u64, applied: u64 },
    #[error("the engine has panicked before: free it")]
    Unusable,
}

fn list(violations: &[Violation]) -> String {
    let texts = violations.iter().map(Violation::to_string);
    texts.collect::<Vec<_>>().join("\n")
}

impl Session {
    /// An engine with these definitions: a JSON array, in any order.
    pub(crate) fn new(definitions: &[u8], now_ms: i64) -> Result<Session, Invalid> {
        let Value::Array(values) = parse("definitions", definitions)? else {
            return Err(Invalid::NoArray);
        };
        let read = |(index, value)| {
            let invalid = |violations| Invalid::Definition { index, violations };
            Definition::from_value(value).map_err(invalid)
        };
        let definitions =
            values.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        let mut engine = Engine::new(Settings::default());
        let now = Timestamp::from_millis(now_ms);
        for definition in publishing_order(definitions) {
            let outcome = engine.apply(DEFINITIONS_POSITION, now, Input::Define(definition));
            refused(outcome.refused)?;
        }
        Ok(Session { engine: Some(engine) })
    }

    /// Applies an encoded input; returns the activations as a JSON array.
    pub(crate) fn apply(&mut self, position: u64, now_ms: i64, input: &[u8]) -> Outcome {
        let engine = self.engine.as_ref().ok_or(Invalid::Unusable)?;
        let applied = engine.applied().unwrap_or(DEFINITIONS_POSITION);
        if position <= applied {
            return Err(Invalid::Position { position, applied });
        }
        let input = Input::decode(input)?;

        let mut engine = self.engine.take().ok_or(Invalid::Unusable)?;
        let outcome = engine.apply(position, Timestamp::from_millis(now_ms), input);
        self.engine = Some(engine);
        refused(outcome.refused)?;
        let activations = outcome.activations.iter().map(activation_value).collect();
        Ok(Value::Array(activations).to_string().into_bytes())
    }

    /// When the engine must be given an input.
    pub(crate) fn next_wake_ms(&self) -> Option<i64> {
        self.engine.as_ref()?.next_wake().map(Timestamp::as_millis)
    }
}

/// The bytes of an input that arrives at this time; a tick has no JSON.
pub(crate) fn encode(kind: InputKind, json: &[u8], now_ms: i64) -> Outcome {
    let now = Timestamp::from_millis(now_ms);
    let input = match kind {
        InputKind::Event => Event::new(document(json)?, now).map(Input::Event),
        InputKind::Record => Record::new(&document(json)?, now).map(Input::Record),
        InputKind::Tick => Ok(Input::Tick),
    };
    Ok(input.map_err(Invalid::Rules)?.encode())
}

fn document(json: &[u8]) -> Result<Document, Invalid> {
    let json = text("json", json)?;
    Document::from_json(json.as_bytes()).map_err(|source| Invalid::Json { name: "json", source })
}

fn parse(name: &'static str, bytes: &[u8]) -> Result<Value, Invalid> {
    serde_json::from_str(text(name, bytes)?).map_err(|source| Invalid::Json { name, source })
}

fn text<'a>(name: &'static str, bytes: &'a [u8]) -> Result<&'a str, Invalid> {
    std::str::from_utf8(bytes).map_err(|source| Invalid::Utf8 { name, source })
}

fn refused(violations: Vec<Violation>) -> Result<(), Invalid> {
    if violations.is_empty() { Ok(()) } else { Err(Invalid::Rules(violations)) }
}

fn activation_value(activation: &Activation) -> Value {
    json!({
        "id": activation.id.to_string(),
        "destination": activation.destination,
        "profile": activation.profile.to_string(),
        "at": activation.at.to_string(),
        // A string, not an object: its very bytes are what must be sent.
        "body": String::from_utf8_lossy(&activation.body),
        "reasons": activation.reasons_text(),
        "changes": activation.changes_json(),
        "cause": activation.cause,
        "definition_version": activation.definition_version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_panicked_is_not_used_again() {
        let mut session = Session { engine: None };
        let refused = session.apply(1, 0, &Input::Tick.encode());
        assert!(matches!(refused, Err(Invalid::Unusable)));
        assert_eq!(session.next_wake_ms(), None);
    }

    #[test]
    fn a_definition_is_named_by_its_place_in_the_array() {
        let definitions = br#"[{"kind": "Namespace", "code": "A", "type": "person"}, 7]"#;
        let refused = Session::new(definitions, 0).map(drop);
        assert!(matches!(refused, Err(Invalid::Definition { index: 1, .. })), "{refused:?}");
    }
}
