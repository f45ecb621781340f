//! The five promises, each judged from what the function received. Pure: no I/O here.

use std::time::Duration;

use serde_json::Value;

/// One message as the sample function received it.
pub(super) struct Received {
    /// The activation's body.
    pub(super) body: Value,
    /// From the visitor's click to the function's log line.
    pub(super) latency: Duration,
}

/// What the visitor did, and the messages that came of it.
pub(super) struct Step {
    /// What the visitor did, in the past tense: "opened Sports".
    pub(super) action: String,
    /// How many messages the module's script says must come of it.
    pub(super) messages_expected: usize,
    /// Those that came.
    pub(super) messages: Vec<Received>,
}

/// What a debugger saw at a breakpoint in the user's handler.
pub(super) struct Pause {
    /// Where it paused: `activation.js:12`.
    pub(super) place: String,
    /// The number of messages that the handler's variable held there.
    pub(super) messages: usize,
}

/// A promise, and whether it held.
pub(super) struct Verdict {
    pub(super) promise: &'static str,
    pub(super) held: bool,
    pub(super) evidence: String,
}

/// The whole play: the anonymous visitor's steps, the known visitor's, and the debugger's pause.
pub(super) struct Play {
    pub(super) anonymous: Vec<Step>,
    pub(super) known: Vec<Step>,
    pub(super) pause: Result<Pause, String>,
}

impl Play {
    /// The five verdicts, in the order of the promises.
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        vec![
            self.real_time(),
            self.mapped_triggers_all_included(),
            self.only_changes(),
            self.full_identity_map(),
            self.debuggable(),
        ]
    }

    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.anonymous.iter().chain(&self.known)
    }

    fn real_time(&self) -> Verdict {
        let mut latencies: Vec<_> =
            self.steps().flat_map(|step| &step.messages).map(|message| message.latency).collect();
        latencies.sort();
        let slowest = latencies.last().copied().unwrap_or(Duration::MAX);
        Verdict {
            promise: "qualifications reach the event hub, and a function, in real time",
            held: slowest < Duration::from_secs(1),
            evidence: format!(
                "{} messages, the slowest {} ms after the click",
                latencies.len(),
                slowest.as_millis()
            ),
        }
    }

    fn mapped_triggers_all_included(&self) -> Verdict {
        let home = self.anonymous.first().map_or(usize::MAX, |step| step.messages.len());
        let first = self.anonymous.iter().flat_map(|step| &step.messages).next();
        let statuses = first.map(|message| {
            [status(&message.body, "sports-fan"), status(&message.body, "homepage-visitors")]
        });
        Verdict {
            promise: "only mapped audiences trigger, and the message holds all of them",
            held: home == 0 && statuses == Some([Some("realized"), Some("existing")]),
            evidence: format!(
                "Home sent {home} messages; Sports sent sports-fan {}, homepage-visitors {}",
                statuses.and_then(|[sports, _]| sports).unwrap_or("not at all"),
                statuses.and_then(|[_, home]| home).unwrap_or("not at all"),
            ),
        }
    }

    fn only_changes(&self) -> Verdict {
        let sent = self.anonymous.iter().flat_map(|step| &step.messages);
        let statuses: Vec<_> =
            sent.filter_map(|message| status(&message.body, "sports-fan")).collect();
        let as_scripted = self.steps().all(|step| step.messages.len() == step.messages_expected);
        Verdict {
            promise: "only a change of status triggers: four qualifications, two messages",
            held: as_scripted && statuses == ["realized", "existing"],
            evidence: format!("sports-fan went out as {}", statuses.join(", then ")),
        }
    }

    fn full_identity_map(&self) -> Verdict {
        let last = self.known.iter().flat_map(|step| &step.messages).last();
        let map = last.and_then(|message| message.body.get("identityMap")?.as_object());
        let namespaces: Vec<&str> =
            map.into_iter().flat_map(|map| map.keys()).map(String::as_str).collect();
        Verdict {
            promise: "for a known profile the message holds the full identity map",
            held: namespaces == ["ecid", "email", "email_lc_sha256", "phone"],
            evidence: format!("after the login it holds {}", namespaces.join(", ")),
        }
    }

    fn debuggable(&self) -> Verdict {
        let evidence = match &self.pause {
            Ok(pause) => {
                format!("paused at {}; messages.length there: {}", pause.place, pause.messages)
            }
            Err(reason) => reason.clone(),
        };
        Verdict {
            promise: "the function runs on this machine, with breakpoints",
            held: self.pause.as_ref().is_ok_and(|pause| pause.messages > 0),
            evidence,
        }
    }
}

/// An audience's status in an activation body.
pub(super) fn status<'a>(body: &'a Value, audience: &str) -> Option<&'a str> {
    body.get("segmentMembership")?.get("ups")?.get(audience)?.get("status")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(sports: &str) -> Received {
        let memberships = json!({
            "sports-fan": {"status": sports},
            "homepage-visitors": {"status": "existing"},
        });
        let namespaces = json!({"ecid": [], "email": [], "email_lc_sha256": [], "phone": []});
        let body = json!({"segmentMembership": {"ups": memberships}, "identityMap": namespaces});
        Received { body, latency: Duration::from_millis(20) }
    }

    fn step(messages: Vec<Received>) -> Step {
        Step { action: "opened a page".into(), messages_expected: messages.len(), messages }
    }

    fn play() -> Play {
        Play {
            anonymous: vec![
                step(vec![]),
                step(vec![message("realized")]),
                step(vec![message("existing")]),
            ],
            known: vec![step(vec![message("realized")])],
            pause: Ok(Pause { place: "activation.js:12".into(), messages: 1 }),
        }
    }

    fn held(play: &Play) -> Vec<bool> {
        play.verdicts().iter().map(|verdict| verdict.held).collect()
    }

    #[test]
    fn a_play_as_scripted_holds_all_five() {
        assert_eq!(held(&play()), [true; 5]);
    }

    #[test]
    fn each_promise_can_break() {
        let mut slow = play();
        slow.anonymous[1].messages[0].latency = Duration::from_secs(2);
        assert_eq!(held(&slow), [false, true, true, true, true]);

        let mut unmapped = play();
        unmapped.anonymous[0] = step(vec![message("realized")]);
        assert_eq!(held(&unmapped), [true, false, false, true, true]);

        let mut chatty = play();
        chatty.known.push(Step { messages_expected: 0, ..step(vec![message("existing")]) });
        assert_eq!(held(&chatty), [true, true, false, true, true]);

        let mut unknown = play();
        unknown.known[0].messages[0].body["identityMap"] = json!({"ecid": []});
        assert_eq!(held(&unknown), [true, true, true, false, true]);

        let mut blind = play();
        blind.pause = Err("no inspector".into());
        assert_eq!(held(&blind), [true, true, true, true, false]);
    }
}
