//! A file of pages.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use segue_log::{Storage, StorageFile};

use super::page::{self, PAGE_BYTES};

/// Bytes that are written at once, or read in sequence: 256 pages.
pub(super) const CHUNK_BYTES: usize = 256 * PAGE_BYTES;

/// An open file, and what it is called.
pub(super) struct PageFile {
    path: PathBuf,
    file: Arc<dyn StorageFile>,
}

impl PageFile {
    pub(super) fn open(storage: &dyn Storage, path: &Path) -> io::Result<PageFile> {
        Ok(PageFile { path: path.to_owned(), file: storage.open(path)? })
    }

    pub(super) fn create(storage: &dyn Storage, path: &Path) -> io::Result<PageFile> {
        Ok(PageFile { path: path.to_owned(), file: storage.create(path)? })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    /// Reads a page.
    pub(super) fn page(&self, page: u64) -> io::Result<[u8; PAGE_BYTES]> {
        let mut bytes = [0; PAGE_BYTES];
        self.read(&mut bytes, page)?;
        Ok(bytes)
    }

    /// Reads some pages.
    pub(super) fn pages(&self, pages: Range<u64>) -> io::Result<Vec<u8>> {
        let count = usize::try_from(pages.end.saturating_sub(pages.start)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; count.saturating_mul(PAGE_BYTES)];
        self.read(&mut bytes, pages.start)?;
        Ok(bytes)
    }

    /// Reads pages from there on, and makes sure that they are what was written.
    fn read(&self, bytes: &mut [u8], begin: u64) -> io::Result<()> {
        let read = self.file.read_full(bytes, position(begin))?;
        let (read, missing) = bytes.split_at(read);
        let is_damaged = |page: &[u8]| page::content(page).is_none();
        match read.chunks(PAGE_BYTES).position(is_damaged) {
            Some(page) => Err(self.damaged(format!("page {}", begin + page as u64))),
            None if missing.is_empty() => Ok(()),
            None => Err(self.damaged("its end")),
        }
    }

    /// Writes bytes of pages from there on.
    pub(super) fn write(&self, bytes: &[u8], page: u64) -> io::Result<()> {
        self.file.write_at(bytes, position(page))
    }

    /// Makes all durable under another name.
    pub(super) fn finish(self, storage: &dyn Storage, path: PathBuf) -> io::Result<PageFile> {
        self.file.sync()?;
        storage.rename(&self.path, &path)?;
        Ok(PageFile { path, ..self })
    }

    pub(super) fn damaged(&self, part: impl std::fmt::Display) -> io::Error {
        let path = self.path.display();
        io::Error::new(io::ErrorKind::InvalidData, format!("{part} in {path} is damaged"))
    }
}

fn position(page: u64) -> u64 {
    page.saturating_mul(PAGE_BYTES as u64)
}

/// Pages that are written one behind the other, many at once.
pub(super) struct PageSequence {
    /// The page that the bytes begin with.
    begin: u64,
    bytes: Vec<u8>,
}

impl PageSequence {
    /// Pages from there on.
    pub(super) fn from(begin: u64) -> PageSequence {
        PageSequence { begin, bytes: Vec::with_capacity(CHUNK_BYTES) }
    }

    /// Appends pages, and writes those that there are when they are enough.
    pub(super) fn append(
        &mut self,
        file: &PageFile,
        add: impl FnOnce(&mut Vec<u8>),
    ) -> io::Result<()> {
        add(&mut self.bytes);
        if self.bytes.len() >= CHUNK_BYTES { self.flush(file) } else { Ok(()) }
    }

    /// Writes what is not written yet.
    pub(super) fn flush(&mut self, file: &PageFile) -> io::Result<()> {
        file.write(&self.bytes, self.begin)?;
        self.begin += (self.bytes.len() / PAGE_BYTES) as u64;
        self.bytes.clear();
        Ok(())
    }
}
