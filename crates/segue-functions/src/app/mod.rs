//! An Azure Functions app as it lies on disk: settings, host.json, npm packages. What its
//! functions are, only the worker can tell, by loading it.

pub(crate) mod host_json;
mod identity;
mod relaxed_json;
pub(crate) mod settings;
pub(crate) mod time_span;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::host_json::HostJson;
use self::settings::Settings;
use crate::error::StartError;

pub(crate) struct App {
    pub(crate) dir: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) host_json: HostJson,
}

impl App {
    /// Reads the app in `dir` and checks that it can run here.
    pub(crate) fn load(
        dir: &Path,
        overrides: &BTreeMap<String, String>,
    ) -> Result<App, StartError> {
        let dir = dir
            .canonicalize()
            .map_err(|source| StartError::Unreadable { path: dir.to_owned(), source })?;
        // What is not UTF-8 cannot be meant for a setting.
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let settings = Settings::load(&dir, environment, overrides)?;
        let host_json = HostJson::load(&dir, &settings)?;
        if let Some(runtime) = settings.get("FUNCTIONS_WORKER_RUNTIME")
            && runtime != "node"
        {
            return Err(StartError::UnsupportedRuntime { runtime: runtime.to_owned() });
        }
        check_packages(&dir)?;
        Ok(App { dir, settings, host_json })
    }

    /// Flags for Node from the setting that Azure's tools use for them.
    pub(crate) fn node_arguments(&self) -> Vec<String> {
        let arguments = self.settings.get("languageWorkers:node:arguments").unwrap_or_default();
        arguments.split_whitespace().map(str::to_owned).collect()
    }

    /// Why a function that could run is not to, if so.
    pub(crate) fn excluded(&self, function: &str, disabled: bool) -> Option<&'static str> {
        let setting = self.settings.get(&format!("AzureWebJobs.{function}.Disabled"));
        let is_true = |value: &str| value == "1" || value.eq_ignore_ascii_case("true");
        if disabled || setting.is_some_and(is_true) {
            return Some("disabled");
        }
        let allowed = self.host_json.allowed_functions.as_ref();
        let is_left_out = allowed.is_some_and(|names| names.iter().all(|name| name != function));
        is_left_out.then_some("not among \"functions\" in host.json")
    }
}

/// Every dependency must be found as Node finds it: in a `node_modules` here or further up.
fn check_packages(dir: &Path) -> Result<(), StartError> {
    let path = dir.join("package.json");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(StartError::Unreadable { path, source }),
    };
    let package: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| StartError::InvalidFile { path, message: error.to_string() })?;
    let uses_plug_n_play = dir.ancestors().any(|dir| dir.join(".pnp.cjs").exists());
    let Some(dependencies) = package.get("dependencies").and_then(Value::as_object) else {
        return Ok(());
    };
    let is_installed = |name: &str| {
        dir.ancestors().any(|dir| dir.join("node_modules").join(name).join("package.json").exists())
    };
    match dependencies.keys().find(|name| !uses_plug_n_play && !is_installed(name)) {
        Some(package) => {
            Err(StartError::PackagesMissing { package: package.clone(), dir: dir.to_owned() })
        }
        None => Ok(()),
    }
}
