//! Apps for tests: written into a temporary directory, with the npm packages of the examples.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use segue_functions::{FunctionHost, HostOptions, StartError};

use crate::hubs::MemoryHubs;
use crate::recorder::Recorder;

pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/functions").join(name)
}

/// `node_modules` of the v4 example; installed by the first test that needs it.
pub(crate) fn node_modules() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let dir = example("log-activations");
        let modules = dir.join("node_modules");
        if !modules.join("@azure/functions/package.json").exists() {
            let arguments = ["ci", "--no-audit", "--no-fund"];
            let output = Command::new("npm").args(arguments).current_dir(&dir).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        modules.canonicalize().unwrap()
    })
}

/// A temporary app and data directory.
pub(crate) struct TestApp {
    dir: tempfile::TempDir,
    pub(crate) options: HostOptions,
}

impl TestApp {
    /// An app without functions: host.json, settings, packages.
    pub(crate) fn empty() -> TestApp {
        let dir = tempfile::tempdir().unwrap();
        let app_dir = dir.path().join("app");
        std::fs::create_dir(&app_dir).unwrap();
        std::os::unix::fs::symlink(node_modules(), app_dir.join("node_modules")).unwrap();
        let options = HostOptions::new(app_dir, dir.path().join("data"));
        let app = TestApp { dir, options };
        app.write("host.json", r#"{"version": "2.0"}"#);
        app.write(
            "package.json",
            r#"{"main": "src/*.js", "dependencies": {"@azure/functions": "^4.16.5"}}"#,
        );
        app.write(
            "local.settings.json",
            r#"{"IsEncrypted": false, "Values": {"FUNCTIONS_WORKER_RUNTIME": "node",
                "HUB": "Endpoint=sb://localhost;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"}}"#,
        );
        app
    }

    /// A v4 app with one function, `fn`, on the hub `in`: `options` are those of `app.eventHub`
    /// beside connection and hub, `handler` is its handler.
    pub(crate) fn v4(options: &str, handler: &str) -> TestApp {
        let app = TestApp::empty();
        app.write(
            "src/fn.js",
            &format!(
                "const {{ app, output }} = require('@azure/functions');\n\
                 app.eventHub('fn', {{ connection: 'HUB', eventHubName: 'in', {options}\n\
                 handler: {handler} }});"
            ),
        );
        app
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.options.app_dir.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) async fn start(&self, hubs: &MemoryHubs) -> (FunctionHost, Arc<Recorder>) {
        let (result, recorder) = self.try_start(hubs).await;
        let host = result.unwrap_or_else(|error| panic!("{error}"));
        host.listening().await;
        (host, recorder)
    }

    pub(crate) async fn try_start(
        &self,
        hubs: &MemoryHubs,
    ) -> (Result<FunctionHost, StartError>, Arc<Recorder>) {
        start(self.options.clone(), hubs).await
    }

    /// What its checkpoint file says about partition 0 of the hub `in`.
    pub(crate) fn checkpoint(&self) -> serde_json::Value {
        let file = self.dir.path().join("data/checkpoints/fn.json");
        let content: serde_json::Value =
            serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        content["sources"]["localhost/in/$Default"]["0"].clone()
    }
}

pub(crate) async fn start(
    options: HostOptions,
    hubs: &MemoryHubs,
) -> (Result<FunctionHost, StartError>, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let observer = Arc::clone(&recorder);
    let host = FunctionHost::start_with(options, Arc::new(hubs.clone()), observer).await;
    (host, recorder)
}

/// Ends a host without any order, and returns when nothing of it is left.
pub(crate) async fn kill(host: FunctionHost, recorder: &Arc<Recorder>) {
    drop(host);
    while Arc::strong_count(recorder) > 1 {
        tokio::task::yield_now().await;
    }
}

/// The examples, with a data directory of their own and what their settings name.
pub(crate) fn example_options(name: &str, data_dir: &Path) -> HostOptions {
    node_modules();
    let connection = "Endpoint=sb://localhost;SharedAccessKeyName=n;SharedAccessKey=k";
    let settings = [("ACTIVATIONS_HUB", "in"), ("ACTIVATIONS_CONNECTION", connection)];
    let settings_override: BTreeMap<_, _> =
        settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    HostOptions { settings_override, ..HostOptions::new(example(name), data_dir) }
}
