//! Writes a run under the name of an unfinished file.

use std::io;
use std::path::{Path, PathBuf};

use segue_core::SeenId;
use segue_log::Storage;
use segue_xdm::Timestamp;

use super::filter::{self, FilterWriter};
use super::header::{Extent, Header};
use super::page::{self, PAGE_BYTES, PAGE_FENCES, PAGE_IDS};
use super::page_file::{PageFile, PageSequence};
use super::run::Run;

/// A run that ids are added to. What it holds in memory is a fence for each page.
pub(crate) struct RunWriter {
    file: PageFile,
    header: Header,
    filter: FilterWriter,
    filter_pages: PageSequence,
    /// Ids of the next page.
    page: Vec<SeenId>,
    ids_pages: PageSequence,
    fences: Vec<u64>,
}

impl RunWriter {
    /// Begins a run of so many ids at most.
    pub(super) fn create(
        storage: &dyn Storage,
        path: &Path,
        ids_max: u64,
    ) -> io::Result<RunWriter> {
        let extent = Extent { ids: 0, first: u64::MAX, last: 0, ends: Timestamp::MIN };
        let header = Header { extent, filter_pages: filter::pages_for(ids_max) };
        Ok(RunWriter {
            file: PageFile::create(storage, path)?,
            header,
            filter: FilterWriter::new(header.filter_pages),
            filter_pages: PageSequence::from(Header::FILTER_BEGIN),
            page: Vec::with_capacity(PAGE_IDS),
            ids_pages: PageSequence::from(header.ids_begin()),
            fences: Vec::new(),
        })
    }

    /// Adds an id; they come in their order.
    pub(crate) fn add(&mut self, id: SeenId) -> io::Result<()> {
        let Extent { ids, first, last, ends } = self.header.extent;
        self.header.extent = Extent {
            ids: ids + 1,
            first: first.min(id.position),
            last: last.max(id.position),
            ends: ends.max(id.until),
        };
        self.filter_pages.append(&self.file, |bytes| self.filter.add(id.hash, bytes))?;
        self.page.push(id);
        if self.page.len() == PAGE_IDS { self.end_page() } else { Ok(()) }
    }

    /// Makes it durable, and gives it a name that says what is in it.
    pub(super) fn finish(
        mut self,
        storage: &dyn Storage,
        name: impl FnOnce(Extent) -> PathBuf,
    ) -> io::Result<Run> {
        if !self.page.is_empty() {
            self.end_page()?;
        }
        for fences in self.fences.chunks(PAGE_FENCES) {
            let fences: Vec<u8> = fences.iter().flat_map(|fence| fence.to_le_bytes()).collect();
            self.ids_pages.append(&self.file, |bytes| page::write(&fences, bytes))?;
        }
        self.ids_pages.flush(&self.file)?;
        while self.filter.is_left() {
            self.filter_pages.append(&self.file, |bytes| self.filter.end_page(bytes))?;
        }
        self.filter_pages.flush(&self.file)?;
        let mut first_page = Vec::with_capacity(PAGE_BYTES);
        page::write(&self.header.encode(), &mut first_page);
        self.file.write(&first_page, 0)?;
        let file = self.file.finish(storage, name(self.header.extent))?;
        Ok(Run::new(file, self.header, self.fences))
    }

    fn end_page(&mut self) -> io::Result<()> {
        self.fences.extend(self.page.first().map(|id| (id.hash >> 64) as u64));
        let ids: Vec<u8> = self.page.iter().flat_map(page::encode).collect();
        self.page.clear();
        self.ids_pages.append(&self.file, |bytes| page::write(&ids, bytes))
    }
}
