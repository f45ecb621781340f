//! The server that is measured: a process of its own, so that what it uses can be told apart.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use segue_hub::{EMULATOR_RULE_KEY, EMULATOR_RULE_NAME};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::Usage;
use crate::api::{self, Client};

/// A running `segue serve`, which ends with this value.
pub(crate) struct Subject {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
    data: PathBuf,
    /// Where its HTTP interface is.
    pub(crate) url: String,
    amqp: SocketAddr,
}

impl Subject {
    /// Starts a server on this data directory, on free ports, and waits until it is ready.
    ///
    /// # Errors
    /// It does not start; its own words are on standard error.
    pub(crate) async fn start(data: &Path) -> anyhow::Result<Subject> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--http", "127.0.0.1:0", "--amqp", "127.0.0.1:0", "--data"]);
        command.arg(data).stdout(Stdio::piped()).kill_on_drop(true);
        // A Ctrl-C is for this process, which still wants to know what has arrived.
        #[cfg(unix)]
        command.process_group(0);
        let mut process = command.spawn().context("cannot start `segue serve`")?;
        let output = process.stdout.take().context("the server has no output")?;
        let mut output = BufReader::new(output).lines();
        let (mut url, mut amqp) = (None, None);
        loop {
            let Some(line) = output.next_line().await? else {
                bail!("the server ended before it was ready");
            };
            if let Some(found) = line.strip_prefix("HTTP") {
                url = Some(found.trim().to_owned());
            } else if let Some((_, address)) = line.split_once("amqp://") {
                amqp = Some(address.trim().parse()?);
            } else if line.starts_with("ready") {
                break;
            }
        }
        let url = url.context("the server does not say where it is")?;
        let amqp = amqp.context("the server does not say where its hubs are")?;
        Ok(Subject { process, output, data: data.to_owned(), url, amqp })
    }

    /// What a client connects to its hubs with.
    pub(crate) fn connection_string(&self) -> String {
        format!(
            "Endpoint=sb://localhost:{};SharedAccessKeyName={EMULATOR_RULE_NAME};\
             SharedAccessKey={EMULATOR_RULE_KEY};UseDevelopmentEmulator=true;",
            self.amqp.port()
        )
    }

    /// What it has used so far; nothing where the system is not Linux.
    pub(crate) fn usage(&self) -> Usage {
        self.process.id().map(Usage::of_process).unwrap_or_default()
    }

    /// How many activations it has made since it started.
    ///
    /// # Errors
    /// It does not answer, or does not say.
    pub(crate) async fn activations(&self) -> anyhow::Result<u64> {
        let response = reqwest::get(format!("{}/metrics", self.url)).await?;
        let metrics = response.error_for_status()?.text().await?;
        let value = metrics.lines().find_map(|line| line.strip_prefix("segue_activations_total "));
        Ok(value.context("the server does not count its activations")?.trim().parse()?)
    }

    /// How many of these were for a destination outside, whatever became of them.
    ///
    /// # Errors
    /// It does not answer, or does not say.
    pub(crate) async fn activations_for(&self, destination: &str) -> anyhow::Result<u64> {
        let path = api::path(&["destinations", destination])?;
        let view = Client::at(self.url.clone()).get(&path).await?;
        let counts = ["backlog", "delivered", "refused", "discarded"];
        let count = |name| view.pointer(&format!("/delivery/{name}")).and_then(Value::as_u64);
        let count = counts.into_iter().map(count).sum::<Option<u64>>();
        count.context("the server does not tell how delivery goes")
    }

    /// Bytes in its data directory.
    pub(crate) fn disk_bytes(&self) -> u64 {
        bytes_under(&self.data)
    }

    /// Ends it as a user would, and waits.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let id = self.process.id().context("the server has ended by itself")?;
        let ended = Command::new("kill").arg(id.to_string()).status().await?;
        if !ended.success() {
            self.process.start_kill()?;
        }
        while self.output.next_line().await?.is_some() {}
        self.process.wait().await?;
        Ok(())
    }
}

fn bytes_under(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_under(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
