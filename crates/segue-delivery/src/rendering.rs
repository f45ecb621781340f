//! What is sent of an activation: its body, the fields selected of it, or what a template makes.
//!
//! ```text
//!  stored ─▶ body ─▶ fields selected ─▶ template? ─ no ─▶ the body, or {"body", "properties"}
//!    └────▶ properties ───────────────────┘ └───── yes ─▶ its text
//! ```
//! Where a destination has no place for properties beside the payload (lines of a file, items of
//! an array), the payload is one JSON object that holds both, or what the template makes, which
//! must be JSON then.
//!
//! A template prints every value as JSON, so that it needs no quotes or escapes:
//! `{"who": {{ body.identityMap.email[0].id }}, "why": {{ reasons }}}`. `| safe` prints a text as
//! it is. A field that is not there is an error, unless `| default(…)` says what to print.

use bytes::Bytes;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, escape_formatter};
use segue_amqp::message::{Body, Message, PARTITION_KEY};
use segue_core::Destination;
use segue_xdm::{Path, Timestamp};
use serde_json::{Value, json};

use crate::sender::{OutboundMessage, PayloadForm};

/// Steps that a template may take for one message: far more than printing a body of 1 MiB takes,
/// and far less than a second.
const TEMPLATE_STEPS_MAX: u64 = 1_000_000;

/// What is said of a value that is to be printed and is not there.
const NOT_THERE: &str = "what it prints is not there; add `| default(…)` or `if … else …`";

/// Name of the one template in its environment.
const TEMPLATE: &str = "template";

/// How the messages of one destination are made.
#[derive(Debug)]
pub(crate) struct Rendering {
    fields: Vec<Path>,
    template: Option<Environment<'static>>,
    form: PayloadForm,
}

/// Why a message cannot be made of an activation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderError {
    #[error("the outbox holds something that is no activation: {0}")]
    Foreign(String),
    #[error("the template cannot be filled in: {0}")]
    Template(String),
    #[error("the template made something that is not JSON, as it must be here: {0}")]
    NotJson(serde_json::Error),
}

impl Rendering {
    /// # Errors
    /// What is wrong with the template.
    pub(crate) fn new(destination: &Destination, form: PayloadForm) -> Result<Rendering, String> {
        let template = destination.template.as_deref().map(compile).transpose()?;
        Ok(Rendering { fields: destination.fields.iter().cloned().collect(), template, form })
    }

    /// The message of an activation in the outbox.
    pub(crate) fn message(
        &self,
        offset: u64,
        time_ms: i64,
        stored: Bytes,
    ) -> Result<OutboundMessage, RenderError> {
        let foreign = |problem: &str| RenderError::Foreign(problem.to_owned());
        let message = Message::decode(&stored).map_err(|error| foreign(&error.to_string()))?;
        let profile = message.message_annotations.get(PARTITION_KEY);
        let profile = profile.and_then(|key| key.as_str()).unwrap_or_default().to_owned();
        let properties = message.application_properties.iter().filter_map(|(name, value)| {
            Some((name.as_str()?.to_owned(), value.as_str()?.to_owned()))
        });
        let properties: Vec<(String, String)> = properties.collect();
        let Body::Data(body) = message.body else {
            return Err(foreign("it has no body"));
        };
        let at = Timestamp::from_millis(time_ms);
        let body = self.select(body).map_err(|error| foreign(&error.to_string()))?;
        let payload = match &self.template {
            Some(template) => self.fill_in(template, &body, &properties, at)?,
            None => self.as_is(body, &properties),
        };
        Ok(OutboundMessage { offset, stored, at, profile, properties, payload })
    }

    /// The selected fields of a body.
    fn select(&self, body: Bytes) -> serde_json::Result<Bytes> {
        if self.fields.is_empty() {
            return Ok(body);
        }
        let whole: Value = serde_json::from_slice(&body)?;
        let mut selected = json!({});
        for field in &self.fields {
            if let Some(value) = field.get(&whole) {
                field.set(&mut selected, value.clone());
            }
        }
        Ok(selected.to_string().into())
    }

    fn as_is(&self, body: Bytes, properties: &[(String, String)]) -> Bytes {
        match self.form {
            PayloadForm::Body => body,
            PayloadForm::JsonLine => {
                let properties: Value =
                    properties.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
                // The body is JSON on one line already, and need not be read to be put in.
                let parts = [b"{\"body\":", &*body, b",\"properties\":"].concat();
                [parts, properties.to_string().into_bytes(), b"}".to_vec()].concat().into()
            }
        }
    }

    fn fill_in(
        &self,
        template: &Environment<'_>,
        body: &Bytes,
        properties: &[(String, String)],
        at: Timestamp,
    ) -> Result<Bytes, RenderError> {
        let foreign = |error: serde_json::Error| RenderError::Foreign(error.to_string());
        let body: Value = serde_json::from_slice(body).map_err(foreign)?;
        let property = |wanted: &str| {
            let found = properties.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let reasons: Vec<&str> = property("segue-reason").split(',').collect();
        let changes: Value = serde_json::from_str(property("segue-changes")).map_err(foreign)?;
        let context = json!({
            "body": body,
            "id": property("segue-activation-id"),
            "profile": property("segue-profile-id"),
            "reasons": reasons,
            "changes": changes,
            "cause": property("segue-cause"),
            "at": at.to_string(),
        });
        let context = minijinja::Value::from(Serde(context));
        let made = template.get_template(TEMPLATE).and_then(|template| template.render(context));
        let made = made.map_err(|error| RenderError::Template(in_words(&error)))?;
        match self.form {
            PayloadForm::Body => Ok(made.into()),
            PayloadForm::JsonLine => {
                let value: Value = serde_json::from_str(&made).map_err(RenderError::NotJson)?;
                Ok(value.to_string().into())
            }
        }
    }
}

fn compile(source: &str) -> Result<Environment<'static>, String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Json);
    // A way that leads nowhere may be asked for and tested, but not printed.
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_formatter(|out, state, value| match value.is_undefined() {
        true => Err(Error::new(ErrorKind::UndefinedError, NOT_THERE)),
        false => escape_formatter(out, state, value),
    });
    environment.set_fuel(Some(TEMPLATE_STEPS_MAX));
    let added = environment.add_template_owned(TEMPLATE, source.to_owned());
    added.map_err(|error| in_words(&error))?;
    Ok(environment)
}

/// The error with its line, without the name that every template has.
fn in_words(error: &minijinja::Error) -> String {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("line {line}: {detail}"),
        None => detail,
    }
}

#[cfg(test)]
mod tests {
    use segue_core::{Activation, ActivationId, Change, Definition, ProfileId, Reason, Status};

    use super::*;
    use crate::message::encode;

    const BODY: &str = r#"{"identityMap":{"email":[{"id":"a\"b@x.com"}]},"person":{"age":7}}"#;

    fn rendering(keys: Value, form: PayloadForm) -> Result<Rendering, String> {
        let mut value = json!({"kind": "Destination", "id": "d", "type": "stdout"});
        for (key, of_key) in keys.as_object().unwrap() {
            value[key] = of_key.clone();
        }
        let Ok(Definition::Destination(destination)) = Definition::from_value(value) else {
            panic!("a destination")
        };
        Rendering::new(&destination, form)
    }

    fn message(rendering: &Rendering) -> Result<OutboundMessage, RenderError> {
        let activation = Activation {
            id: ActivationId::from_u128(1),
            destination: "d".to_owned(),
            profile: ProfileId::from_u128(2),
            at: Timestamp::from_millis(1_767_261_600_000),
            body: BODY.as_bytes().to_vec(),
            reasons: vec![Reason::Identity, Reason::Membership],
            changes: vec![Change { audience: "fans".into(), from: None, to: Status::Realized }],
            cause: "event 1".to_owned(),
            definition_version: 3,
            trace: None,
        };
        rendering.message(5, activation.at.as_millis(), encode(&activation).into())
    }

    fn payload(keys: Value, form: PayloadForm) -> String {
        match message(&rendering(keys, form).unwrap()) {
            Ok(message) => String::from_utf8(message.payload.to_vec()).unwrap(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn without_fields_and_template_it_is_the_body_as_it_is() {
        assert_eq!(payload(json!({}), PayloadForm::Body), BODY);
        let line: Value = serde_json::from_str(&payload(json!({}), PayloadForm::JsonLine)).unwrap();
        assert_eq!(line["body"], serde_json::from_str::<Value>(BODY).unwrap());
        assert_eq!(line["properties"]["segue-reason"], "identity,membership");
        assert_eq!(line["properties"].as_object().unwrap().len(), 7);
    }

    #[test]
    fn fields_are_selected_and_missing_ones_passed_over() {
        let fields = json!({"fields": ["person.age", "person.name", "nothing"]});
        assert_eq!(payload(fields, PayloadForm::Body), r#"{"person":{"age":7}}"#);
    }

    #[test]
    fn a_template_prints_json_and_knows_everything() {
        let template = r#"
            {"who": {{ body.identityMap.email[0].id }}, "age": {{ body.person.age + 1 }},
             "in": [{% for one in changes %}{{ one.audience }}{% endfor %}],
             "why": {{ reasons }}, "all": {{ [id, profile, cause, at] }},
             "tel": {{ body.phone.numbers[0] | default(none) }}}"#;
        let made = payload(json!({"template": template}), PayloadForm::JsonLine);
        let id = |number: u32| format!("00000000-0000-0000-0000-{number:012}");
        let expected = json!({
            "who": "a\"b@x.com", "age": 8, "in": ["fans"], "why": ["identity", "membership"],
            "all": [id(1), id(2), "event 1", "2026-01-01T10:00:00Z"], "tel": null,
        });
        assert_eq!(serde_json::from_str::<Value>(&made).unwrap(), expected);
        assert!(!made.contains('\n'));
        let text = json!({"template": "age {{ body.person.age }}, {{ cause | safe }}"});
        assert_eq!(payload(text, PayloadForm::Body), "age 7, event 1");
    }

    #[test]
    fn what_goes_wrong_is_said() {
        let said = |template: &str, form| payload(json!({"template": template}), form);
        let errors = [
            rendering(json!({"template": "\n{{ body"}), PayloadForm::Body).unwrap_err(),
            said("{{ body.phone }}", PayloadForm::Body),
            said("hello", PayloadForm::JsonLine),
            said(
                "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
                PayloadForm::Body,
            ),
        ];
        insta::assert_snapshot!(errors.join("\n"), @r"
        line 2: unexpected end of input, expected end of variable block
        the template cannot be filled in: line 1: what it prints is not there; add `| default(…)` or `if … else …`
        the template made something that is not JSON, as it must be here: expected value at line 1 column 1
        the template cannot be filled in: line 1: engine ran out of fuel
        ");
    }
}
