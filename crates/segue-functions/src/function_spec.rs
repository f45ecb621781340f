//! What a function is, read from its raw bindings: the JSON objects of function.json, or those
//! that `app.eventHub(...)` registers. Names and values compare without regard to case, because
//! languages disagree about it (`"IN"`, `"MANY"`).

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::retry_policy::RetryPolicy;

/// A function as the worker reports it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegisteredFunction {
    pub(crate) name: String,
    pub(crate) function_id: String,
    /// JSON texts.
    pub(crate) raw_bindings: Vec<String>,
    pub(crate) retry_options: Option<Value>,
    #[serde(default)]
    pub(crate) disabled: bool,
}

/// A function, understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FunctionSpec {
    pub(crate) name: String,
    /// What the worker calls it.
    pub(crate) function_id: String,
    pub(crate) trigger: Trigger,
    pub(crate) outputs: Vec<OutputBinding>,
    pub(crate) retry: Option<RetryPolicy>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Trigger {
    EventHub(EventHubTrigger),
    /// A trigger of this type, or a form of it, that does not run here.
    Unsupported {
        kind: String,
        reason: String,
    },
}

impl Trigger {
    /// The binding's type, as written in the app.
    pub(crate) fn kind(&self) -> &str {
        match self {
            Trigger::EventHub(_) => "eventHubTrigger",
            Trigger::Unsupported { kind, .. } => kind,
        }
    }
}

/// `eventHubTrigger`. Hub, group and connection may still hold `%NAME%`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EventHubTrigger {
    pub(crate) binding: String,
    pub(crate) connection: String,
    pub(crate) event_hub: String,
    pub(crate) consumer_group: String,
    pub(crate) cardinality: Cardinality,
    pub(crate) data_type: DataType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cardinality {
    One,
    Many,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataType {
    Unset,
    String,
    Binary,
}

/// An `eventHub` binding with direction out. `$return` is the name of the returned value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutputBinding {
    pub(crate) name: String,
    pub(crate) connection: String,
    pub(crate) event_hub: String,
}

impl FunctionSpec {
    /// Reads a registered function; the error is for people and names the binding.
    pub(crate) fn read(registered: &RegisteredFunction) -> Result<FunctionSpec, String> {
        let bindings = registered
            .raw_bindings
            .iter()
            .map(|raw| Binding::read(raw))
            .collect::<Result<Vec<_>, _>>()?;
        let is_trigger = |binding: &&Binding| binding.kind.to_lowercase().ends_with("trigger");
        let trigger = bindings.iter().find(is_trigger).ok_or("it has no trigger binding")?;
        let mut outputs = Vec::new();
        let mut unsupported_output = None;
        for binding in bindings.iter().filter(|binding| binding.is_output()) {
            if binding.kind.eq_ignore_ascii_case("eventHub") {
                outputs.push(binding.event_hub_output()?);
            } else {
                unsupported_output =
                    Some(format!("output binding {} not supported here", binding.kind));
            }
        }
        let trigger = match (trigger.trigger()?, unsupported_output) {
            (Trigger::EventHub(_), Some(reason)) => {
                Trigger::Unsupported { kind: trigger.kind.clone(), reason }
            }
            (trigger, _) => trigger,
        };
        Ok(FunctionSpec {
            name: registered.name.clone(),
            function_id: registered.function_id.clone(),
            trigger,
            outputs,
            retry: registered.retry_options.as_ref().map(RetryPolicy::parse).transpose()?,
        })
    }
}

/// One raw binding, with its keys in lower case.
struct Binding {
    kind: String,
    name: String,
    fields: Map<String, Value>,
}

impl Binding {
    fn read(raw: &str) -> Result<Binding, String> {
        let object: Map<String, Value> = serde_json::from_str(raw)
            .map_err(|error| format!("a binding is no object: {error}"))?;
        let fields: Map<String, Value> =
            object.into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect();
        let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
        let kind = text("type").ok_or_else(|| format!("a binding has no \"type\": {raw}"))?;
        let name = text("name").ok_or_else(|| format!("a binding has no \"name\": {raw}"))?;
        Ok(Binding { kind, name, fields })
    }

    /// An empty text counts as missing.
    fn text(&self, key: &str) -> Option<&str> {
        self.fields.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn required(&self, keys: &[&str], shown: &str) -> Result<String, String> {
        let found = keys.iter().find_map(|key| self.text(key)).map(str::to_owned);
        found.ok_or_else(|| format!("its {} \"{}\" needs \"{shown}\"", self.kind, self.name))
    }

    fn is_output(&self) -> bool {
        self.text("direction").is_some_and(|direction| direction.eq_ignore_ascii_case("out"))
    }

    fn event_hub_output(&self) -> Result<OutputBinding, String> {
        Ok(OutputBinding {
            name: self.name.clone(),
            connection: self.required(&["connection"], "connection")?,
            event_hub: self.required(&["eventhubname", "path"], "eventHubName")?,
        })
    }

    fn trigger(&self) -> Result<Trigger, String> {
        let unsupported =
            |reason: &str| Trigger::Unsupported { kind: self.kind.clone(), reason: reason.into() };
        if !self.kind.eq_ignore_ascii_case("eventHubTrigger") {
            return Ok(unsupported("trigger not supported here"));
        }
        if self.is_deferred() {
            return Ok(unsupported("SDK-type bindings are not supported here"));
        }
        let cardinality = match self.text("cardinality").unwrap_or("one").to_lowercase().as_str() {
            "one" => Cardinality::One,
            "many" => Cardinality::Many,
            other => {
                return Err(format!("\"cardinality\" must be one or many, found \"{other}\""));
            }
        };
        let data_type = match self.text("datatype").unwrap_or("").to_lowercase().as_str() {
            "" | "undefined" => DataType::Unset,
            "string" => DataType::String,
            "binary" | "stream" => DataType::Binary,
            other => {
                return Err(format!(
                    "\"dataType\" must be string, binary or stream, found \"{other}\""
                ));
            }
        };
        Ok(Trigger::EventHub(EventHubTrigger {
            binding: self.name.clone(),
            connection: self.required(&["connection"], "connection")?,
            event_hub: self.required(&["eventhubname", "path"], "eventHubName")?,
            consumer_group: self.text("consumergroup").unwrap_or("$Default").to_owned(),
            cardinality,
            data_type,
        }))
    }

    fn is_deferred(&self) -> bool {
        let marked = self.fields.get("properties").and_then(|p| p.get("supportsDeferredBinding"));
        marked.is_some_and(|mark| mark == "true" || mark == true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(bindings: &[Value]) -> Result<FunctionSpec, String> {
        FunctionSpec::read(&RegisteredFunction {
            name: "f".to_owned(),
            function_id: "f".to_owned(),
            raw_bindings: bindings.iter().map(Value::to_string).collect(),
            retry_options: None,
            disabled: false,
        })
    }

    fn hub_trigger(extra: Value) -> Value {
        let mut binding = json!({"type": "eventHubTrigger", "name": "m", "direction": "in",
            "eventHubName": "%HUB%", "connection": "CONN"});
        let (Some(binding_map), Value::Object(extra)) = (binding.as_object_mut(), extra) else {
            unreachable!()
        };
        binding_map.extend(extra);
        binding
    }

    #[test]
    fn a_binding_as_the_library_writes_it() {
        let spec = read(&[
            hub_trigger(
                json!({"cardinality": "MANY", "consumerGroup": "crm", "DataType": "Binary",
                "properties": {"supportsDeferredBinding": "false"}}),
            ),
            json!({"type": "eventHub", "name": "$return", "direction": "OUT",
                "eventHubName": "out", "connection": "OUT_CONN"}),
        ])
        .unwrap();
        let Trigger::EventHub(trigger) = spec.trigger else { panic!("{:?}", spec.trigger) };
        assert_eq!(trigger.cardinality, Cardinality::Many);
        assert_eq!(trigger.data_type, DataType::Binary);
        assert_eq!(trigger.consumer_group, "crm");
        assert_eq!(spec.outputs.len(), 1);
    }

    #[test]
    fn defaults_and_the_older_name_of_the_hub() {
        let spec = read(&[json!({"type": "EVENTHUBTRIGGER", "name": "m", "direction": "in",
            "path": "hub", "connection": "C", "consumerGroup": "", "dataType": ""})])
        .unwrap();
        let Trigger::EventHub(trigger) = spec.trigger else { panic!("{:?}", spec.trigger) };
        assert_eq!(trigger.event_hub, "hub");
        assert_eq!(trigger.consumer_group, "$Default");
        assert_eq!(trigger.cardinality, Cardinality::One);
        assert_eq!(trigger.data_type, DataType::Unset);
    }

    #[test]
    fn what_does_not_run_here_says_why() {
        let reason = |bindings: &[Value]| match read(bindings).unwrap().trigger {
            Trigger::Unsupported { kind, reason } => format!("{kind}: {reason}"),
            Trigger::EventHub(trigger) => panic!("{trigger:?}"),
        };
        let http = json!({"type": "httpTrigger", "name": "req", "direction": "in"});
        assert_eq!(reason(&[http]), "httpTrigger: trigger not supported here");
        let blob = json!({"type": "blob", "name": "b", "direction": "out"});
        assert_eq!(
            reason(&[hub_trigger(json!({})), blob]),
            "eventHubTrigger: output binding blob not supported here"
        );
        let deferred = hub_trigger(json!({"properties": {"supportsDeferredBinding": "true"}}));
        assert_eq!(
            reason(&[deferred]),
            "eventHubTrigger: SDK-type bindings are not supported here"
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(read(&[]).unwrap_err(), "it has no trigger binding");
        let cardinality = read(&[hub_trigger(json!({"cardinality": "few"}))]).unwrap_err();
        assert!(cardinality.contains("must be one or many"));
        let nameless = json!({"type": "eventHubTrigger", "name": "m", "connection": "C"});
        assert!(read(&[nameless]).unwrap_err().contains("needs \"eventHubName\""));
    }
}
