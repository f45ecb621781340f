//! SASL: how a connection begins.
//!
//! Event Hubs clients prove who they are later, with a token at `$cbs`; here they say ANONYMOUS
//! (or MSSBCBS, the .NET name for the same; or EXTERNAL) and are let in without any right. Other
//! AMQP clients say PLAIN, with a policy's name and key, and need no token.

use segue_amqp::frame::{SaslCode, SaslInit, SaslMechanisms, SaslOutcome};

use crate::auth::Grant;
use crate::config::HubConfig;

/// What the service offers, in its order.
const MECHANISMS: [&str; 4] = ["MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"];

/// What the service says to those whom it lets in.
const WELCOME: &[u8] = b"Welcome!";

/// Offers the mechanisms.
pub(crate) fn offer(output: &mut Vec<u8>) {
    let mechanisms = MECHANISMS.map(str::to_owned).to_vec();
    SaslMechanisms { mechanisms }.encode(output);
}

/// What comes of a client's choice.
pub(crate) enum Verdict {
    /// Let in; with PLAIN with the key's rights.
    Welcome(Option<Grant>),
    /// Turned away.
    Refused,
}

/// Judges the client's choice.
pub(crate) fn judge(init: &SaslInit, config: &HubConfig) -> Verdict {
    match init.mechanism.as_str() {
        "MSSBCBS" | "ANONYMOUS" | "EXTERNAL" => Verdict::Welcome(None),
        "PLAIN" => match plain(init.initial_response.as_deref().unwrap_or_default(), config) {
            Some(grant) => Verdict::Welcome(Some(grant)),
            None => Verdict::Refused,
        },
        _ => Verdict::Refused,
    }
}

/// `[authorization id] NUL policy NUL key`
fn plain(response: &[u8], config: &HubConfig) -> Option<Grant> {
    let mut parts = std::str::from_utf8(response).ok()?.split('\0');
    let (_, name, key) = (parts.next()?, parts.next()?, parts.next()?);
    Grant::of_key(config, name, key)
}

/// Tells the client the verdict.
pub(crate) fn tell(verdict: &Verdict, output: &mut Vec<u8>) {
    let outcome = match verdict {
        Verdict::Welcome(_) => {
            SaslOutcome { code: SaslCode::Ok, additional_data: Some(WELCOME.to_vec()) }
        }
        Verdict::Refused => SaslOutcome { code: SaslCode::Auth, additional_data: None },
    };
    outcome.encode(output);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{EMULATOR_RULE_KEY, EMULATOR_RULE_NAME};

    #[track_caller]
    fn check(mechanism: &str, response: &str, expected: &str) {
        let init = SaslInit {
            mechanism: mechanism.into(),
            initial_response: Some(response.into()),
            hostname: None,
        };
        let verdict = match judge(&init, &HubConfig::default()) {
            Verdict::Welcome(None) => "in",
            Verdict::Welcome(Some(_)) => "in with rights",
            Verdict::Refused => "refused",
        };
        assert_eq!(verdict, expected, "{mechanism} {response:?}");
    }

    #[test]
    fn verdicts() {
        check("ANONYMOUS", "anybody", "in");
        check("MSSBCBS", "", "in");
        check("EXTERNAL", "", "in");
        check("PLAIN", &format!("\0{EMULATOR_RULE_NAME}\0{EMULATOR_RULE_KEY}"), "in with rights");
        check("PLAIN", &format!("x\0{EMULATOR_RULE_NAME}\0{EMULATOR_RULE_KEY}"), "in with rights");
        check("PLAIN", &format!("\0{EMULATOR_RULE_NAME}\0wrong"), "refused");
        check("PLAIN", "", "refused");
        check("SCRAM-SHA-256", "", "refused");
    }
}
