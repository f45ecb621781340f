//! The child as seen from outside.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::child;

/// A running child. It is killed when dropped.
pub(crate) struct Process {
    child: Child,
    heard: Receiver<String>,
}

/// What was heard in time.
#[derive(Debug)]
pub(crate) enum Heard {
    Line(String),
    Nothing,
}

impl Process {
    pub(crate) fn start(directory: &Path, life: u64) -> Process {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(child::DIRECTORY, directory)
            .env(child::LIFE, life.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (say, heard) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if say.send(line).is_err() {
                    return;
                }
            }
        });
        Process { child, heard }
    }

    /// Tells it something; a pipe holds more than is ever said.
    pub(crate) fn say(&mut self, lines: &str) {
        self.child.stdin.as_mut().unwrap().write_all(lines.as_bytes()).unwrap();
    }

    /// The next line, if it comes before `deadline`. Panics if the child has ended by itself.
    pub(crate) fn hear(&mut self, deadline: Instant) -> Heard {
        let remaining = deadline.saturating_duration_since(Instant::now());
        match self.heard.recv_timeout(remaining) {
            Ok(line) => Heard::Line(line),
            Err(_) if Instant::now() >= deadline => Heard::Nothing,
            Err(_) => panic!("the child ended by itself: {}", self.child.wait().unwrap()),
        }
    }

    /// Waits until it says this.
    pub(crate) fn wait_for(&mut self, line: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match self.hear(deadline) {
                Heard::Line(heard) if heard == line => return,
                Heard::Line(_) => {}
                Heard::Nothing => panic!("the child never said {line:?}"),
            }
        }
    }

    /// `kill -9`; gives what it had said before, and nobody had heard yet.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.heard.iter().collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After `kill` there is nothing left to kill, which is fine.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
