//! `segue serve` over a data directory.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running server.
pub(crate) struct Serving {
    process: Child,
    url: String,
    runtime: tokio::runtime::Runtime,
}

/// A server that did not start.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) said: String,
}

/// The binary under test, without the caller's settings.
pub(crate) fn segue() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    for name in ["SEGUE_URL", "SEGUE_TOKEN", "SEGUE_LOG"] {
        command.env_remove(name);
    }
    command
}

impl Serving {
    /// Starts it, and returns when it is ready or has ended.
    pub(crate) fn start(data: &Path) -> Result<Serving, Ended> {
        segue_delivery::install_tls();
        let mut process = segue()
            .args(["serve", "--http", "127.0.0.1:0", "--amqp", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("SEGUE_LOG", "error")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        for line in BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix("HTTP") {
                url = address.trim().to_owned();
            }
            if line.starts_with("ready") {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                return Ok(Serving { process, url, runtime });
            }
        }
        let mut said = String::new();
        process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(process.wait().unwrap().code(), Some(1), "{said}");
        Err(Ended { said })
    }

    /// The document at a path.
    pub(crate) fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.url);
        self.runtime.block_on(async { reqwest::get(url).await.unwrap().json().await.unwrap() })
    }

    /// Sends a document, which must be taken.
    pub(crate) fn post(&self, path: &str, body: &Value) {
        let request = reqwest::Client::new().post(format!("{}{path}", self.url)).json(body);
        let answer = self.runtime.block_on(request.send()).unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// Runs another command against it, which must succeed.
    pub(crate) fn run(&self, arguments: &[&str]) {
        let done = segue().args(arguments).env("SEGUE_URL", &self.url).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Stops it as an operator does.
    pub(crate) fn stop(mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
