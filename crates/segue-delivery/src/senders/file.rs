//! `type: file`: JSON lines in a file, put aside when it has grown enough.
//!
//! ```text
//!   activations.jsonl      being written, locked by us
//!   activations.jsonl.2    put aside when it would have grown past `rotate_bytes`
//!   activations.jsonl.1    the oldest
//! ```
//! A line counts as delivered when it is synced. What a crash or a full disk left of a line is cut
//! off before the next one is written, so that there are only whole lines.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use segue_core::connection::FileTarget;

use super::json_lines;
use crate::sender::{Exchange, OutboundMessage, Sender, Sent, Terms};

/// Bytes that are read at once when looking for the end of the last whole line.
const TAIL_BYTES: u64 = 64 << 10;

pub(super) struct FileSender {
    path: String,
    lines: Arc<Mutex<Lines>>,
}

impl FileSender {
    pub(super) fn new(target: &FileTarget) -> FileSender {
        let lines = Lines {
            path: PathBuf::from(&target.path),
            rotate_bytes: u64::from(target.rotate_bytes),
            open: None,
        };
        FileSender { path: target.path.clone(), lines: Arc::new(Mutex::new(lines)) }
    }
}

impl Sender for FileSender {
    fn terms(&self) -> Terms {
        json_lines::TERMS
    }

    fn send<'a>(&'a self, batch: &'a [OutboundMessage]) -> BoxFuture<'a, Sent> {
        let file = Arc::clone(&self.lines);
        json_lines::write(json_lines::lines(batch), move |lines| file.lock().append(lines)).boxed()
    }

    fn test<'a>(&'a self, message: &'a OutboundMessage) -> BoxFuture<'a, Exchange> {
        let sent = self.send(std::slice::from_ref(message));
        sent.map(|sent| json_lines::exchange(&self.path, message, sent)).boxed()
    }
}

struct Lines {
    path: PathBuf,
    rotate_bytes: u64,
    /// None before the first line, and after a failure, which opening anew may cure.
    open: Option<Open>,
}

struct Open {
    file: File,
    /// Where the last whole line ends.
    length: u64,
}

impl Lines {
    /// The lines are on the disk when it returns.
    fn append(&mut self, lines: &[Vec<u8>]) -> io::Result<()> {
        let appended = self.try_append(lines);
        if appended.is_err()
            && let Some(open) = self.open.take()
        {
            // What is left of a line if this fails too is cut off when the file is opened.
            let _ = open.file.set_len(open.length);
        }
        let path = self.path.display();
        appended.map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))
    }

    fn try_append(&mut self, lines: &[Vec<u8>]) -> io::Result<()> {
        let mut open = self.take_open()?;
        let mut chunk: Vec<u8> = Vec::new();
        for line in lines {
            let before = open.length + chunk.len() as u64;
            if before > 0 && before + line.len() as u64 > self.rotate_bytes {
                let full = self.open.insert(open);
                full.append(&chunk)?;
                chunk.clear();
                put_aside(&self.path)?;
                // The lock is on the file that was put aside.
                self.open = None;
                open = self.take_open()?;
            }
            chunk.extend_from_slice(line);
        }
        self.open.insert(open).append(&chunk)
    }

    fn take_open(&mut self) -> io::Result<Open> {
        match self.open.take() {
            Some(open) => Ok(open),
            None => Open::at(&self.path),
        }
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Open> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory {
            fs::create_dir_all(directory)?;
        }
        let is_new = !path.exists();
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
        let mut file = options.open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                io::Error::other("it is in use by another destination or process")
            }
            TryLockError::Error(error) => error,
        })?;
        if is_new {
            sync_directory(path)?;
        }
        let length = whole_lines(&mut file)?;
        file.set_len(length)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Open { file, length })
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.write_all(lines)?;
        self.file.sync_data()?;
        self.length += lines.len() as u64;
        Ok(())
    }
}

/// Where the last whole line of a file ends.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    while end > 0 {
        let start = end.saturating_sub(TAIL_BYTES);
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        Read::by_ref(file).take(end - start).read_to_end(&mut tail)?;
        if let Some(newline) = tail.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Renames a file to its name with the next free number behind.
fn put_aside(path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut last = 0;
    for entry in fs::read_dir(directory.unwrap_or(Path::new(".")))? {
        let other = entry?.file_name();
        let number = other.to_str().and_then(|other| other.strip_prefix(&name)?.strip_prefix('.'));
        last = last.max(number.and_then(|number| number.parse::<u64>().ok()).unwrap_or_default());
    }
    fs::rename(path, path.with_file_name(format!("{name}.{}", last + 1)))
}

/// Makes the names in a file's directory durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(directory: &Path, rotate_bytes: u64) -> Lines {
        Lines { path: directory.join("new/out.jsonl"), rotate_bytes, open: None }
    }

    fn append(lines: &mut Lines, texts: &[&str]) -> io::Result<()> {
        let texts: Vec<Vec<u8>> = texts.iter().map(|text| format!("{text}\n").into()).collect();
        lines.append(&texts)
    }

    fn read(directory: &Path, name: &str) -> String {
        fs::read_to_string(directory.join("new").join(name)).unwrap()
    }

    #[test]
    fn a_file_that_would_grow_past_the_limit_is_put_aside_also_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = lines(directory.path(), 10);
        append(&mut file, &["one", "two"]).unwrap();
        append(&mut file, &["three", "a line longer than that", "four"]).unwrap();
        drop(file);
        append(&mut lines(directory.path(), 10), &["five", "six"]).unwrap();
        assert_eq!(read(directory.path(), "out.jsonl.1"), "one\ntwo\n");
        assert_eq!(read(directory.path(), "out.jsonl.2"), "three\n");
        assert_eq!(read(directory.path(), "out.jsonl.3"), "a line longer than that\n");
        assert_eq!(read(directory.path(), "out.jsonl.4"), "four\nfive\n");
        assert_eq!(read(directory.path(), "out.jsonl"), "six\n");
    }

    #[test]
    fn what_a_crash_left_of_a_line_is_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("new")).unwrap();
        let path = directory.path().join("new/out.jsonl");
        for (left, kept) in [("one\ntw", "one\n"), ("tw", ""), ("", ""), ("one\n", "one\n")] {
            fs::write(&path, left).unwrap();
            append(&mut lines(directory.path(), 1000), &["next"]).unwrap();
            assert_eq!(read(directory.path(), "out.jsonl"), format!("{kept}next\n"));
        }
        let long = format!("one\n{}", "x".repeat(200_000));
        fs::write(&path, long).unwrap();
        append(&mut lines(directory.path(), 1000), &["next"]).unwrap();
        assert_eq!(read(directory.path(), "out.jsonl"), "one\nnext\n");
    }

    #[test]
    fn two_destinations_cannot_share_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let mut first = lines(directory.path(), 1000);
        append(&mut first, &["one"]).unwrap();
        let refused = append(&mut lines(directory.path(), 1000), &["two"]).unwrap_err();
        assert!(refused.to_string().contains("out.jsonl: it is in use"), "{refused}");
        drop(first);
        append(&mut lines(directory.path(), 1000), &["two"]).unwrap();
        assert_eq!(read(directory.path(), "out.jsonl"), "one\ntwo\n");
    }
}
