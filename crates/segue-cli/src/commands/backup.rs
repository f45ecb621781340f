//! `segue export` and `segue import`: everything as one file, and a data directory made of it.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use futures_util::StreamExt;
use indicatif::ProgressBar;

use crate::api::{Client, Server};
use crate::settings::{self, SettingsFlags};
use crate::terminal;

/// What the name of a file ends with until it is whole.
const UNFINISHED: &str = ".part";

/// Write everything of a running server to a file
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue export backup.zst
  segue export backup.zst --force --url http://127.0.0.1:9080

Profiles, definitions, inputs, event hubs with their messages, what waits for destinations, dead
letters. The server goes on meanwhile. docs/backup.md says what is not in the file.")]
pub(crate) struct Export {
    /// The file to write
    file: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    server: Server,
}

impl Export {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let path = &self.file;
        if path.exists() && !self.force {
            bail!("{} is there already; choose another name, or add --force", path.display());
        }
        let mut unfinished = path.clone().into_os_string();
        unfinished.push(UNFINISHED);
        let unfinished = PathBuf::from(unfinished);
        let written = download(Client::new(self.server), &unfinished).await;
        if written.is_err() {
            // What is left of it is no export.
            let _ = std::fs::remove_file(&unfinished);
        }
        let bytes = written?;
        std::fs::rename(&unfinished, path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        terminal::line(format!("exported {bytes} bytes to {}", path.display()));
        Ok(())
    }
}

async fn download(client: Client, path: &Path) -> anyhow::Result<u64> {
    let mut chunks = client.download("/api/export").await?;
    let cannot_write = || format!("cannot write {}", path.display());
    let mut file = File::create(path).with_context(cannot_write)?;
    let bar = terminal::byte_progress(0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.context("the export broke off; try again")?;
        file.write_all(&chunk).with_context(cannot_write)?;
        bar.inc(chunk.len() as u64);
    }
    file.sync_all().with_context(cannot_write)?;
    bar.finish_and_clear();
    Ok(bar.position())
}

/// Make a data directory of an export
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue import backup.zst --data /var/lib/segue
  segue import backup.zst && segue serve

The directory must not exist yet, or be empty. When the server starts, destinations get what waits
for them, and windows that ran out meanwhile close.")]
pub(crate) struct Import {
    /// The file that `segue export` wrote
    file: PathBuf,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl Import {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let data_dir = self.settings.load(settings::segue_yaml)?.data_dir;
        let path = self.file.clone();
        let shown = data_dir.clone();
        let import = move || -> anyhow::Result<segue_runtime::Imported> {
            let file =
                File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let bar = terminal::byte_progress(file.metadata()?.len());
            let mut file = Counted { file, bar: bar.clone() };
            let imported = segue_runtime::import(&mut file, &data_dir);
            bar.finish_and_clear();
            imported.with_context(|| format!("cannot import {}", path.display()))
        };
        let imported = tokio::task::spawn_blocking(import).await??;
        let profiles = imported.profiles;
        terminal::line(format!("imported {profiles} profiles into {}", shown.display()));
        Ok(())
    }
}

/// A file that shows how much of it was read.
struct Counted {
    file: File,
    bar: ProgressBar,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.bar.inc(read as u64);
        Ok(read)
    }
}
