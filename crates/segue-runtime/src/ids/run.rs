//! A run: ids in the order of their hashes, in a file that never changes.
//!
//! ```text
//! header    one page: magic "SEGUEID2" | ids u64 | first position u64 | last position u64
//!                     | ends, ms since 1970, i64 | pages of the filter u64
//! filter    pages: its blocks
//! ids       pages: the ids
//! fences    pages: of each page of ids, the high half of its first hash: u64
//! ```
//! Little endian; each page has a checksum. Fences are read when the run is opened, and kept: half
//! a bit for each id. So a hash that is not there takes a page of the filter, which may be in
//! memory, and one that is takes a page of ids.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use segue_core::SeenId;
use segue_log::Storage;
use segue_xdm::Timestamp;

use super::filter::{self, Filter};
use super::header::{Extent, Header};
use super::page::{self, PAGE_BYTES, PAGE_IDS};
use super::page_file::{CHUNK_BYTES, PageFile};

/// An open run.
pub(crate) struct Run {
    file: PageFile,
    header: Header,
    fences: Vec<u64>,
}

impl Run {
    pub(super) fn open(storage: &dyn Storage, path: &Path) -> io::Result<Run> {
        let file = PageFile::open(storage, path)?;
        let header = Header::decode(&file.page(0)?);
        // What it speaks of is there: no more is allocated, whatever the numbers are.
        let header = match header {
            Some(header) if header.fits(file.length()?) => header,
            _ => return Err(file.damaged("its header")),
        };
        let begin = header.fences_begin();
        let pages = file.pages(begin..begin + header.fences_pages())?;
        let fences = pages.chunks(PAGE_BYTES).flat_map(page::fences);
        let fences = fences.take(header.ids_pages() as usize).collect();
        Ok(Run { file, header, fences })
    }

    /// One that has just been written.
    pub(super) fn new(file: PageFile, header: Header, fences: Vec<u64>) -> Run {
        Run { file, header, fences }
    }

    /// How many ids are in it.
    pub(crate) fn ids(&self) -> u64 {
        self.header.extent.ids
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(super) fn extent(&self) -> Extent {
        self.header.extent
    }

    /// How much memory its filter takes.
    pub(super) fn filter_bytes(&self) -> u64 {
        self.header.filter_pages * PAGE_BYTES as u64
    }

    /// Reads its filter.
    pub(super) fn filter(&self) -> io::Result<Filter> {
        self.file.pages(Header::FILTER_BEGIN..self.header.ids_begin()).map(Filter::new)
    }

    /// What its filter says of a hash: "no" or "maybe".
    pub(super) fn may_hold(&self, hash: u128) -> io::Result<bool> {
        let pages = self.header.filter_pages;
        let page = self.file.page(Header::FILTER_BEGIN + filter::page_of(hash, pages))?;
        Ok(filter::may_hold(&page, hash, pages))
    }

    /// The last moment up to which an id with this hash counts, of those before a log position.
    pub(super) fn seen_until(&self, hash: u128, before: u64) -> io::Result<Option<Timestamp>> {
        let high = (hash >> 64) as u64;
        // The last page that begins before it may end with it.
        let begin = self.fences.partition_point(|fence| *fence < high).saturating_sub(1);
        let end = self.fences.partition_point(|fence| *fence <= high);
        let ids = self.pages(begin as u64..end as u64)?;
        let found = ids.into_iter().filter(|id| id.hash == hash && id.position < before);
        Ok(found.map(|id| id.until).max())
    }

    /// The ids on some of its pages of ids.
    fn pages(&self, pages: Range<u64>) -> io::Result<Vec<SeenId>> {
        let begin = self.header.ids_begin();
        let bytes = self.file.pages(begin + pages.start..begin + pages.end)?;
        let mut left = self.ids().saturating_sub(pages.start * PAGE_IDS as u64);
        let mut ids = Vec::with_capacity(bytes.len() / PAGE_BYTES * PAGE_IDS);
        for page in bytes.chunks(PAGE_BYTES) {
            let count = left.min(PAGE_IDS as u64);
            ids.extend(page::ids(page, count as usize));
            left -= count;
        }
        Ok(ids)
    }
}

/// Reads a run from its beginning to its end.
pub(super) struct RunReader {
    run: Arc<Run>,
    /// The next page to read.
    page: u64,
    ids: std::vec::IntoIter<SeenId>,
}

impl RunReader {
    pub(super) fn new(run: Arc<Run>) -> RunReader {
        RunReader { run, page: 0, ids: Vec::new().into_iter() }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<SeenId>> {
        if self.ids.len() == 0 {
            let end =
                self.run.header.ids_pages().min(self.page + (CHUNK_BYTES / PAGE_BYTES) as u64);
            self.ids = self.run.pages(self.page..end)?.into_iter();
            self.page = end;
        }
        Ok(self.ids.next())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use segue_log::simulation::SimulatedDisk;

    use super::super::page::CONTENT_BYTES;
    use super::*;

    const PATH: &str = "/data/0.ids";

    /// Opens what has a right checksum everywhere, whatever it says.
    fn open(header: Header, pages: &[Vec<u8>]) -> io::Result<Run> {
        let mut bytes = Vec::new();
        page::write(&header.encode(), &mut bytes);
        pages.iter().for_each(|page| page::write(page, &mut bytes));
        let disk = SimulatedDisk::default();
        disk.put(PATH.as_ref(), &bytes);
        Run::open(&disk, PATH.as_ref())
    }

    fn header(ids: u64, filter_pages: u64) -> Header {
        let extent = Extent { ids, first: 0, last: 0, ends: Timestamp::MIN };
        Header { extent, filter_pages }
    }

    #[test]
    fn a_header_that_its_file_does_not_bear_out_is_damage() {
        let ids = PAGE_IDS as u64 + 1;
        // A page of the filter, two of ids, and one of fences.
        let opened = |ids, filter_pages| {
            open(header(ids, filter_pages), &vec![vec![]; 4]).map(|run| run.ids())
        };
        assert_eq!(opened(ids, 1).unwrap(), ids);
        for (ids, filter_pages) in [
            (0, 1),
            (ids + PAGE_IDS as u64, 1),
            (u64::MAX, 1),
            (ids, 0),
            (ids, 2),
            (ids, u64::MAX),
            (u64::MAX, u64::MAX),
        ] {
            let error = opened(ids, filter_pages).expect_err("the file is shorter, or longer");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{ids}, {filter_pages}");
        }
    }

    #[test]
    fn no_filter_is_damage() {
        let error = open(header(0, 0), &[]).err().expect("an error");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    fn bytes(length: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), length)
    }

    /// Numbers that may fit and numbers that do not.
    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![4 => 0..400u64, 1 => any::<u64>(), 1 => Just(u64::MAX)]
    }

    proptest! {
        #[test]
        fn any_bytes_with_right_checksums_are_read_or_refused(
            numbers in [number(), number(), number(), number()],
            filter_pages in prop_oneof![4 => 0..4u64, 1 => any::<u64>()],
            pages in prop::collection::vec(bytes(0..CONTENT_BYTES), 0..8),
        ) {
            let [ids, first, last, ends] = numbers;
            let extent = Extent { ids, first, last, ends: Timestamp::from_millis(ends as i64) };
            let run = match open(Header { extent, filter_pages }, &pages) {
                Ok(run) => Arc::new(run),
                Err(error) => {
                    prop_assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                    return Ok(());
                }
            };
            let filter = run.filter().unwrap();
            let mut reader = RunReader::new(Arc::clone(&run));
            let mut read = 0;
            while let Some(id) = reader.next().unwrap() {
                run.seen_until(id.hash, u64::MAX).unwrap();
                prop_assert_eq!(filter.may_hold(id.hash), run.may_hold(id.hash).unwrap());
                read += 1;
            }
            prop_assert_eq!(read, run.ids());
        }
    }
}
