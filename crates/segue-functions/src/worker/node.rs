//! Finding Node, and the worker's script.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::error::StartError;

const OLDEST_MAJOR_VERSION: u32 = 20;

/// The worker's files; they are written next to each other before it starts.
const SCRIPT_FILES: [(&str, &str); 8] = [
    ("worker.cjs", include_str!("../../../../workers/node/worker.cjs")),
    ("wire.cjs", include_str!("../../../../workers/node/wire.cjs")),
    ("core.cjs", include_str!("../../../../workers/node/core.cjs")),
    ("output.cjs", include_str!("../../../../workers/node/output.cjs")),
    ("files.cjs", include_str!("../../../../workers/node/files.cjs")),
    ("app.cjs", include_str!("../../../../workers/node/app.cjs")),
    ("function-json-model.cjs", include_str!("../../../../workers/node/function-json-model.cjs")),
    ("invocation.cjs", include_str!("../../../../workers/node/invocation.cjs")),
];

/// The Node to use: the one given, else the first `node` on the path. Refused below version 20.
pub(crate) async fn find(
    given: Option<&Path>,
    path: Option<&OsStr>,
) -> Result<PathBuf, StartError> {
    let no_node = |message: String| StartError::NoNode { message };
    let executable = match given {
        Some(executable) => executable.to_owned(),
        None => std::env::split_paths(path.unwrap_or_default())
            .map(|dir| dir.join(format!("node{}", std::env::consts::EXE_SUFFIX)))
            .find(|candidate| candidate.is_file())
            .ok_or_else(|| no_node("there is no \"node\" on the PATH".to_owned()))?,
    };
    let output = Command::new(&executable).arg("--version").kill_on_drop(true).output().await;
    let shown = executable.display();
    let output = output.map_err(|error| no_node(format!("{shown} does not run ({error})")))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major = version.strip_prefix('v').and_then(|version| version.split('.').next());
    match major.and_then(|major| major.parse::<u32>().ok()) {
        Some(major) if major >= OLDEST_MAJOR_VERSION => Ok(executable),
        Some(_) => Err(no_node(format!("{shown} is Node {version}, which is too old"))),
        None => Err(no_node(format!("{shown} is not Node (its version reads \"{version}\")"))),
    }
}

/// Writes the worker's script below `data_dir`; answers the file to run.
pub(crate) fn write_script(data_dir: &Path) -> Result<PathBuf, StartError> {
    let dir = data_dir.join("node-worker");
    let write = || {
        std::fs::create_dir_all(&dir)?;
        for (name, content) in SCRIPT_FILES {
            std::fs::write(dir.join(name), content)?;
        }
        dir.join("worker.cjs").canonicalize()
    };
    write().map_err(|source| StartError::Unreadable { path: dir.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_and_a_wrong_node_are_said() {
        let message = |result: Result<PathBuf, StartError>| result.unwrap_err().to_string();
        let missing = message(find(None, Some(OsStr::new("/nowhere"))).await);
        assert!(missing.contains("no \"node\" on the PATH: install Node 20"), "{missing}");
        let other = message(find(Some(Path::new("/bin/echo")), None).await);
        assert!(other.contains("/bin/echo is not Node"), "{other}");
        let absent = message(find(Some(Path::new("/nowhere/node")), None).await);
        assert!(absent.contains("/nowhere/node does not run"), "{absent}");
    }
}
