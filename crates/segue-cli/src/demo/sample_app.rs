//! The function app that the demo runs: the one of this checkout, where there is one, so that
//! its files can be edited and debugged; the copy within the binary otherwise.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use rust_embed::RustEmbed;

use super::debugger::Breakpoint;
use crate::terminal;

/// Where the sample is, seen from the root of a checkout.
const IN_CHECKOUT: &str = "examples/functions/log-activations";

#[derive(RustEmbed)]
#[folder = "../../examples/functions/log-activations"]
#[exclude = "node_modules/*"]
#[exclude = ".segue/*"]
struct Embedded;

/// A function app on disk.
pub(super) struct SampleApp {
    dir: PathBuf,
}

impl SampleApp {
    /// The app that the user named, or the sample.
    pub(super) fn find(named: Option<PathBuf>) -> anyhow::Result<Self> {
        let checkout = PathBuf::from(IN_CHECKOUT);
        let dir = match named {
            Some(dir) if !dir.join("host.json").exists() => {
                let dir = dir.display();
                bail!("{dir} is no Azure Functions app: name the folder that holds its host.json")
            }
            Some(dir) => dir,
            None if checkout.join("host.json").exists() => checkout,
            None => unpack()?,
        };
        Ok(Self { dir })
    }

    /// Where it is.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Installs its packages from npm, unless they are there.
    pub(super) async fn install(&self) -> anyhow::Result<()> {
        if self.dir.join("node_modules/@azure/functions").exists() {
            return Ok(());
        }
        let command = if self.dir.join("package-lock.json").exists() { "ci" } else { "install" };
        let spinner = terminal::spinner(format!("npm {command} in {}", self.dir.display()));
        let done = tokio::process::Command::new("npm")
            .args([command, "--no-audit", "--no-fund"])
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .output()
            .await
            .context("cannot run npm: install Node 20 or newer (https://nodejs.org)")?;
        spinner.finish_and_clear();
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr);
            bail!("`npm {command}` failed in {}:\n{said}", self.dir.display());
        }
        Ok(())
    }

    /// The file with the handler: the first one that registers an event hub trigger.
    pub(super) fn handler(&self) -> PathBuf {
        let functions = self.dir.join("src/functions");
        let entries = std::fs::read_dir(&functions).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.sort();
        files.into_iter().next().unwrap_or(functions)
    }

    /// A breakpoint on the first statement of the handler.
    pub(super) fn breakpoint(&self) -> anyhow::Result<Breakpoint> {
        let file = self.handler();
        let source = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let line = source.lines().position(|line| line.trim_start().starts_with("handler:"));
        let line = line.with_context(|| format!("no handler in {}", file.display()))?;
        Ok(Breakpoint {
            file_name: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            // Behind the line of the handler, and lines count from 1.
            line: u32::try_from(line + 2)?,
            expression: "messages.length".to_owned(),
        })
    }
}

/// Writes the copy within the binary to the user's cache, where its packages survive.
fn unpack() -> anyhow::Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = cache.or_else(home).unwrap_or_else(std::env::temp_dir);
    let dir = cache.join(concat!("segue/", env!("CARGO_PKG_VERSION"), "/log-activations"));
    for name in Embedded::iter() {
        let Some(file) = Embedded::get(&name) else {
            continue;
        };
        let path = dir.join(name.as_ref());
        let parent = path.parent().unwrap_or(&dir);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, &file.data))
            .with_context(|| format!("cannot unpack the sample app to {}", path.display()))?;
    }
    Ok(dir)
}
