//! Why an app cannot start. Every message says what, where and what to do.

use std::path::PathBuf;

use segue_log::LogError;

/// An app that cannot be started. Whatever can heal by itself (a hub that is not there yet, a
/// worker that crashes) is no such error: it is observed, and tried again.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The directory holds no app.
    #[error(
        "{} is not an Azure Functions app (it has no host.json): name the app's directory",
        dir.display()
    )]
    NoApp {
        /// The directory.
        dir: PathBuf,
    },
    /// A file of the app, or of the host's own data, cannot be read or written.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of the app, or of the host's own data, does not say what it should.
    #[error("{}: {message}", path.display())]
    InvalidFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        message: String,
    },
    /// The app is written for another runtime.
    #[error("FUNCTIONS_WORKER_RUNTIME is \"{runtime}\": only \"node\" apps run here at the moment")]
    UnsupportedRuntime {
        /// The setting's value.
        runtime: String,
    },
    /// The app's npm packages are not installed.
    #[error(
        "the package {package} is not installed: run `npm install` in {}", dir.display()
    )]
    PackagesMissing {
        /// The first package that is missing.
        package: String,
        /// The app's directory.
        dir: PathBuf,
    },
    /// There is no Node, or none that is new enough.
    #[error("{message}: install Node 20 or newer, or name its executable")]
    NoNode {
        /// What was looked for and found.
        message: String,
    },
    /// The worker process did not come up.
    #[error("the Node worker did not start: {message}")]
    Worker {
        /// What happened.
        message: String,
    },
    /// Files of the app failed to load.
    #[error("the app in {} failed to load:\n{details}", dir.display())]
    Load {
        /// The app's directory.
        dir: PathBuf,
        /// File, error and stack of each failure.
        details: String,
    },
    /// The app loads, and has no function.
    #[error("no functions found in {}: {hint}", dir.display())]
    NoFunctions {
        /// The app's directory.
        dir: PathBuf,
        /// Where functions were looked for.
        hint: String,
    },
    /// A function's definition is wrong.
    #[error("function {function}: {message}")]
    Function {
        /// Its name.
        function: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// The log of dead letters cannot be opened.
    #[error("dead letters: {0}")]
    DeadLetters(#[from] LogError),
}
