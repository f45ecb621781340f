//! Scenario files: what Segue promises, written down as steps and expectations.
//!
//! A scenario drives the [`Engine`](segue_core::Engine) on a logical clock: no server, no disk, no
//! waiting. One YAML document is one scenario:
//!
//! ```yaml
//! kind: Scenario
//! name: red shoes, three hours
//! start: 2026-01-01T10:00:00Z
//! use: [../audiences.yaml]      # files of definitions, seen from this file
//! definitions: [{kind: Audience, …}]
//! steps:                        # in order; timers fire on the way
//!   - {at: 0s, event: {…}}      # or record, define, remove, forget
//!   - {at: 1s, event: {…}, refused: timestamp}
//!   - {at: 3h1s, expect: {"ECID:1": {red-shoes: exited}}}
//!   - {at: 3h1s, profile: {"ECID:1": {identities: {ecid: ["1"]}, same_as: "Email:a@x"}}}
//!   - {at: 3h1s, exported: {hub: [{profile: "ECID:1", statuses: {red-shoes: realized}}]}}
//! ```
//!
//! Objects are compared as subsets, lists and everything else exactly. `expect` and `profile`
//! take `absent` for what must not be there.

mod compare;
mod document;
mod duration;
mod expectation;
mod report;
mod run;
mod step;
mod story;

use std::path::{Path, PathBuf};

pub use report::{Failure, Report, ScenarioReport};

/// A scenario file cannot be run. What a scenario found is in its [`Report`] instead.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file is not YAML.
    #[error("{} is not YAML: {reason}", path.display())]
    Yaml {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        reason: String,
    },
    /// A document is not a scenario, or its definitions do not hold.
    #[error("{}, {place}: {reason}", path.display())]
    Document {
        /// Which file.
        path: PathBuf,
        /// Which scenario and which part of it.
        place: String,
        /// What is wrong and what to write.
        reason: String,
    },
}

/// Runs every scenario of a file.
///
/// # Errors
/// The file, or one that it uses, cannot be read or is not made of scenarios.
pub fn run_file(path: &Path) -> Result<Report, ScenarioError> {
    let scenarios = document::read_file(path)?;
    let mut reports = Vec::new();
    for scenario in scenarios {
        let name = scenario.name.clone();
        let report = run::run(scenario).map_err(|reason| ScenarioError::Document {
            path: path.to_owned(),
            place: format!("scenario `{name}`"),
            reason,
        })?;
        reports.push(report);
    }
    Ok(Report { path: path.to_owned(), scenarios: reports })
}
