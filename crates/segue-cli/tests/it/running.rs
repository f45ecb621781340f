//! A running `segue serve`, and other commands that talk to it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// The binary under test, without the caller's settings.
pub(crate) fn segue() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    for name in ["SEGUE_URL", "SEGUE_TOKEN", "SEGUE_LOG", "SEGUE_HUB_COMMAND"] {
        command.env_remove(name);
    }
    command
}

/// What a command wrote to standard error.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What a command wrote to standard output.
pub(crate) fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A server on free ports with a data directory of its own.
pub(crate) struct Serving {
    process: Child,
    url: String,
    folder: TempDir,
}

impl Serving {
    /// Starts it, and returns when it says that it is ready.
    pub(crate) fn start() -> Serving {
        let folder = tempfile::tempdir().unwrap();
        let (process, url) = serve(&mut segue(), folder.path());
        Serving { process, url, folder }
    }

    /// Starts it with its data on a file system of this size, which only it can see; `None` where
    /// the system allows no such thing.
    pub(crate) fn start_on_small_disk(size: &str) -> Option<Serving> {
        let folder = tempfile::tempdir().unwrap();
        let is_allowed = on_small_disk(folder.path(), size, "true").status();
        if !is_allowed.is_ok_and(|status| status.success()) {
            return None;
        }
        let mut command = on_small_disk(folder.path(), size, "exec \"$@\"");
        let (process, url) = serve(command.arg(segue().get_program()), folder.path());
        Some(Serving { process, url, folder })
    }

    /// Its folder, as the server sees it.
    pub(crate) fn folder_inside(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.process.id()));
        root.join(self.folder.path().strip_prefix("/").unwrap())
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// `kill -9`, and a new start over the same data.
    pub(crate) fn kill_and_restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        (self.process, self.url) = serve(&mut segue(), self.folder.path());
    }

    /// Runs another command against it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with_input(arguments, "")
    }

    /// The same, with standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = segue()
            .args(arguments)
            .env("SEGUE_URL", &self.url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input has closed it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs a command that must succeed; gives what it printed.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        printed(&output)
    }

    /// Writes a file into the server's folder.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A script for the shell, with a small file system of its own in this folder.
fn on_small_disk(folder: &Path, size: &str, script: &str) -> Command {
    let script = format!("mount -t tmpfs -o size={size} tmpfs \"$0\" && {script}");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    command.arg(folder).stderr(Stdio::null());
    command
}

fn serve(command: &mut Command, folder: &Path) -> (Child, String) {
    let mut process = command
        .args(["serve", "--http", "127.0.0.1:0", "--amqp", "127.0.0.1:0", "--data"])
        .arg(folder.join("data"))
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut url = String::new();
    for line in BufReader::new(process.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(address) = line.strip_prefix("HTTP") {
            url = address.trim().to_owned();
        }
        if line.starts_with("ready") {
            return (process, url);
        }
    }
    let status = process.wait().unwrap();
    panic!("segue serve ended before it was ready: {status}");
}
