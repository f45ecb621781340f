//! The module's script: who does what, and how many messages must come of it.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use serde_json::Value;

use super::console::Console;
use super::debugger::Debugger;
use super::promises::{Pause, Play, Received, Step};
use super::stage::Stage;
use super::visitor::Visitor;

/// How long after the last message the debugger may still be waited for.
const PAUSE_PATIENCE: Duration = Duration::from_secs(5);

/// What a visitor does.
enum Action {
    Opens(&'static str),
    LogsIn { email: &'static str, phone: &'static str },
}

/// The anonymous visitor: the pages, and how many messages each must cause.
const ANONYMOUS: [(Action, usize); 6] = [
    (Action::Opens("Home"), 0),
    (Action::Opens("Sports"), 1),
    (Action::Opens("Equipment"), 0),
    (Action::Opens("Sports"), 1),
    (Action::Opens("Sports"), 0),
    (Action::Opens("Sports"), 0),
];

/// The one who logs in, in a new window.
const KNOWN: [(Action, usize); 4] = [
    (Action::LogsIn { email: "ada@example.com", phone: "+44 20 7946 0018" }, 0),
    (Action::Opens("Home"), 0),
    (Action::Opens("Sports"), 1),
    (Action::Opens("Sports"), 1),
];

/// Plays the whole script.
pub(super) async fn play(stage: &Stage, console: &Console) -> anyhow::Result<Play> {
    let pause = debug_the_first_message(stage).await;
    console.heading("A visitor nobody knows:");
    let anonymous = act(stage, console, &ANONYMOUS).await?;
    console.heading("A new window, in which somebody logs in:");
    let known = act(stage, console, &KNOWN).await?;
    let pause = match pause {
        Ok(pause) => tokio::time::timeout(PAUSE_PATIENCE, pause)
            .await
            .unwrap_or_else(|_| Ok(Err(anyhow!("nothing paused at the breakpoint"))))?,
        Err(error) => Err(error),
    };
    Ok(Play { anonymous, known, pause: pause.map_err(|error| format!("{error:#}")) })
}

/// Sets a breakpoint in the handler, before there is any message; the task ends with its pause.
async fn debug_the_first_message(
    stage: &Stage,
) -> anyhow::Result<tokio::task::JoinHandle<anyhow::Result<Pause>>> {
    let debugger = Debugger::attach(stage.inspector(), stage.breakpoint()?).await?;
    Ok(tokio::spawn(debugger.observe_pause()))
}

async fn act(
    stage: &Stage,
    console: &Console,
    script: &[(Action, usize)],
) -> anyhow::Result<Vec<Step>> {
    let mut visitor = Visitor::new();
    let mut steps = Vec::new();
    for (action, messages_expected) in script {
        let seen = stage.messages_in_hub();
        let clicked = Instant::now();
        let action = match action {
            Action::Opens(page) => {
                visitor.visits(stage.api(), page).await?;
                format!("opens {page}")
            }
            Action::LogsIn { email, phone } => {
                visitor.logs_in(stage.api(), email, phone).await?;
                format!("logs in as {email}")
            }
        };
        // The profile is read behind the event, and what the event sent is in the hub by then.
        let profile = stage.profile(&visitor.identity()).await?;
        let messages = received(stage, seen, clicked).await?;
        let step = Step { action, messages_expected: *messages_expected, messages };
        console.step(&step, &profile);
        steps.push(step);
    }
    Ok(steps)
}

/// What the function received of the messages that the hub has got since it held `seen`.
async fn received(stage: &Stage, seen: usize, clicked: Instant) -> anyhow::Result<Vec<Received>> {
    let arrived = stage.inbox().received(seen, stage.messages_in_hub()).await?;
    let received = |(body, at): (Value, Instant)| Received { body, latency: at - clicked };
    Ok(arrived.into_iter().map(received).collect())
}
