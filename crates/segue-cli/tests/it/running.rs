//! A running `segue serve`, and other commands that talk to it.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use parking_lot::Mutex;
use tempfile::TempDir;

/// A secret in the server's environment, and only there.
pub(crate) const CRM_TOKEN: &str = "t0k3n";

/// The binary under test, without the caller's settings.
pub(crate) fn segue() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    for name in [
        "SEGUE_URL",
        "SEGUE_TOKEN",
        "SEGUE_LOG",
        "SEGUE_HUB_COMMAND",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ] {
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
    started: Started,
    folder: TempDir,
}

/// A process that is ready.
struct Started {
    process: Child,
    /// Where HTTP is.
    url: String,
    /// Where the event hubs are: host and port.
    hubs: String,
    /// What it printed since it was ready.
    lines: Lines,
}

type Lines = Arc<Mutex<Vec<String>>>;

impl Serving {
    /// Starts it, and returns when it says that it is ready.
    pub(crate) fn start() -> Serving {
        Serving::start_as(&mut segue())
    }

    /// The same with a secret more in its environment.
    pub(crate) fn start_with(name: &str, secret: &str) -> Serving {
        Serving::start_with_all(&[(name, secret)])
    }

    /// The same with several.
    pub(crate) fn start_with_all(environment: &[(&str, &str)]) -> Serving {
        Serving::start_as(segue().envs(environment.iter().copied()))
    }

    /// Starts it with a settings file.
    pub(crate) fn start_with_settings(settings: &str) -> Serving {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("segue.yaml"), settings).unwrap();
        let started = serve(&mut segue(), folder.path());
        Serving { started, folder }
    }

    /// Starts it over the data in a folder.
    pub(crate) fn start_in(folder: TempDir) -> Serving {
        let started = serve(&mut segue(), folder.path());
        Serving { started, folder }
    }

    fn start_as(command: &mut Command) -> Serving {
        let folder = tempfile::tempdir().unwrap();
        let started = serve(command, folder.path());
        Serving { started, folder }
    }

    /// Starts it with its data on a file system of this size, which only it can see.
    pub(crate) fn start_on_small_disk(size: &str) -> Serving {
        let folder = tempfile::tempdir().unwrap();
        let mut command = on_small_disk(folder.path(), size, "exec \"$@\"");
        let program = command.arg(segue().get_program());
        let started = serve(program, folder.path());
        Serving { started, folder }
    }

    /// Its folder, as the server sees it.
    pub(crate) fn folder_inside(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.started.process.id()));
        root.join(self.folder.path().strip_prefix("/").unwrap())
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.started.url
    }

    /// What clients of its event hubs connect with.
    pub(crate) fn hub_connection(&self) -> String {
        format!(
            "Endpoint=sb://{};SharedAccessKeyName=RootManageSharedAccessKey;\
             SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true",
            self.started.hubs
        )
    }

    /// `kill -9`, and a new start over the same data.
    pub(crate) fn kill_and_restart(&mut self) {
        self.kill_and_restart_after(|_| {});
    }

    /// The same with something done to the data directory in between.
    pub(crate) fn kill_and_restart_after(&mut self, change: impl FnOnce(&Path)) {
        self.started.process.kill().unwrap();
        self.started.process.wait().unwrap();
        change(&self.folder.path().join("data"));
        self.started = serve(&mut segue(), self.folder.path());
    }

    /// Runs another command against it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with_input(arguments, "")
    }

    /// The same, with standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = segue()
            .args(arguments)
            .current_dir(self.folder.path())
            .env("SEGUE_URL", &self.started.url)
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

    /// What it printed since it was ready.
    pub(crate) fn printed(&self) -> Vec<String> {
        self.started.lines.lock().clone()
    }

    /// The body of an answer.
    pub(crate) fn get(&self, path: &str) -> String {
        let url = format!("{}{path}", self.started.url);
        segue_delivery::install_tls();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { reqwest::get(url).await.unwrap().text().await.unwrap() })
    }

    /// A path in the server's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the server's folder.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.started.process.kill();
        let _ = self.started.process.wait();
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

fn serve(command: &mut Command, folder: &Path) -> Started {
    let mut process = command
        .args(["serve", "--http", "127.0.0.1:0", "--amqp", "127.0.0.1:0", "--data"])
        .arg(folder.join("data"))
        .current_dir(folder)
        .env("CRM_TOKEN", CRM_TOKEN)
        .stdout(Stdio::piped())
        .stderr(File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    let (mut url, mut hubs) = (String::new(), String::new());
    let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
    while let Some(line) = output.next() {
        let line = line.unwrap();
        if let Some(address) = line.strip_prefix("HTTP") {
            url = address.trim().to_owned();
        }
        if let Some((_, address)) = line.split_once(" on amqp://") {
            hubs = address.trim().to_owned();
        }
        if line.starts_with("ready") {
            let lines = Lines::default();
            let printed = Arc::clone(&lines);
            std::thread::spawn(move || {
                output.map_while(Result::ok).for_each(|line| printed.lock().push(line));
            });
            return Started { process, url, hubs, lines };
        }
    }
    let status = process.wait().unwrap();
    panic!("segue serve ended before it was ready: {status}");
}
