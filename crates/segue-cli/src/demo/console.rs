//! The words of the demo: lines for people, or one JSON object a line for programs.

use serde_json::{Value, json};

use super::promises::{Received, Step, Verdict, status};
use super::stage::Addresses;
use crate::terminal;

/// Prints the play as it goes.
pub(super) struct Console {
    json: bool,
}

impl Console {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Who acts from here on.
    pub(super) fn heading(&self, text: &str) {
        if !self.json {
            terminal::line(format!("\n{text}"));
        }
    }

    /// What the visitor did, what came of it, and why.
    pub(super) fn step(&self, step: &Step, profile: &Value) {
        if self.json {
            return terminal::line(step_object(step, profile).to_string());
        }
        terminal::line(format!("  {:<28} {}", step.action, outcome(step, profile)));
        for message in &step.messages {
            terminal::line(format!("    the function received: {}", message.body));
        }
    }

    /// The verdicts and their sum; gives the number of broken promises.
    pub(super) fn verdicts(&self, verdicts: &[Verdict]) -> usize {
        let held = verdicts.iter().filter(|verdict| verdict.held).count();
        let broken = verdicts.len() - held;
        self.heading("The promises:");
        for (index, verdict) in verdicts.iter().enumerate() {
            let number = index + 1;
            let Verdict { promise, held, evidence } = verdict;
            let word = if *held { "held" } else { "BROKEN" };
            terminal::line(if self.json {
                let held = *held;
                json!({"promise": number, "text": promise, "held": held, "evidence": evidence})
                    .to_string()
            } else {
                format!("  {number} {word}: {promise}\n      {evidence}")
            });
        }
        terminal::line(if self.json {
            json!({"promises": {"held": held, "broken": broken}}).to_string()
        } else {
            format!("\npromises: {held} held, {broken} broken")
        });
        broken
    }

    /// Where to click, now that everything stays up.
    pub(super) fn invitation(&self, addresses: &Addresses) {
        let Addresses { shop, hub, inspector, handler } = addresses;
        if self.json {
            let addresses =
                json!({"shop": shop, "hub": hub, "inspector": inspector, "handler": handler});
            return terminal::line(json!({"running": addresses}).to_string());
        }
        terminal::line(format!(
            "\nIt all stays up. Click through it yourself:
  shop       {shop}
  event hub  {hub}; read it with `segue tail activations --from earliest`
  debugger   {inspector}; open {handler} and attach
Ctrl-C stops."
        ));
    }
}

/// The step as one line of prose: statuses, and what was sent or why nothing was.
fn outcome(step: &Step, profile: &Value) -> String {
    let memberships = profile.get("memberships").and_then(Value::as_object);
    let held: Vec<String> = memberships
        .into_iter()
        .flatten()
        .filter_map(|(audience, membership)| {
            Some(format!("{audience} {}", membership.get("status")?.as_str()?))
        })
        .collect();
    let held = if held.is_empty() { "in no audience".to_owned() } else { held.join(", ") };
    let sent = match step.messages.as_slice() {
        [] => "no message: no mapped audience changed its status".to_owned(),
        messages => messages.iter().map(sent).collect::<Vec<_>>().join("; "),
    };
    format!("{sent}  [{held}]")
}

fn sent(message: &Received) -> String {
    let sports = status(&message.body, "sports-fan").unwrap_or("absent");
    format!("message after {} ms: sports-fan {sports}", message.latency.as_millis())
}

fn step_object(step: &Step, profile: &Value) -> Value {
    let messages: Vec<Value> = step
        .messages
        .iter()
        .map(|message| {
            let milliseconds = u64::try_from(message.latency.as_millis()).unwrap_or(u64::MAX);
            json!({"body": message.body, "latencyMs": milliseconds})
        })
        .collect();
    json!({
        "visitor": step.action,
        "messagesExpected": step.messages_expected,
        "messages": messages,
        "memberships": profile.get("memberships"),
    })
}
