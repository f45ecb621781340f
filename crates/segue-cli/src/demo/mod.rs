//! The demo: the module's scenario on this machine, with the real parts at both ends.
//!
//! ```text
//! Visitor ──HTTP──▶ System ──AMQP──▶ FunctionHost ──▶ the sample function ──log──▶ Inbox
//!                                        ▲
//!                                     Debugger (one breakpoint, before the first message)
//! ```
//!
//! | Module | Holds |
//! |---|---|
//! | `stage` | everything started and wired, and the sample app found or unpacked |
//! | `visitor` | what the shop's pages send |
//! | `inbox` | what the function received |
//! | `debugger` | the breakpoint |
//! | `journey` | the script: who does what, and how many messages must come of it |
//! | `promises` | the verdicts |
//! | `console` | the words, for people and for programs |

mod console;
mod debugger;
mod inbox;
mod journey;
mod promises;
mod sample_app;
mod stage;
mod visitor;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::bail;

use crate::system;
use console::Console;
use stage::Stage;

/// Where things are, and what to run.
pub(crate) struct Options {
    /// The function app; the sample when `None`.
    pub(crate) app: Option<PathBuf>,
    /// Address of shop, ingest and API.
    pub(crate) http: SocketAddr,
    /// Address of the event hubs.
    pub(crate) amqp: SocketAddr,
}

/// Plays the visitor and gives the verdicts; then ends (`once`), or stays up to click through.
pub(crate) async fn run(options: Options, once: bool, json: bool) -> anyhow::Result<()> {
    let console = Console::new(json);
    let stage = Stage::set(options).await?;
    let play = journey::play(&stage, &console).await?;
    let broken = console.verdicts(&play.verdicts());
    if !once {
        console.invitation(&stage.addresses());
        system::stop_signal().await?;
    }
    stage.strike().await?;
    if broken > 0 {
        bail!("{broken} of the five promises did not hold; see above");
    }
    Ok(())
}
