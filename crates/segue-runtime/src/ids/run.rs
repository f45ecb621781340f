//! A run: ids in the order of their hashes, in a file that never changes.
//!
//! ```text
//! header    one page: magic "SEGUEID1" | ids u64 | first position u64 | last position u64
//!                     | ends, ms since 1970, i64 | bytes of the filter u64 | crc32c of all
//!                     behind the pages u32 | zeros | crc32c
//! pages     the ids
//! fences    of each page, the high half of its first hash: u64
//! filter    its words: u64
//! ```
//! Little endian. Fences and filter are read when the run is opened, and kept. So a hash that is
//! not there takes an access to memory, and one that is takes the read of a page.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use segue_core::SeenId;
use segue_log::{Storage, StorageFile};
use segue_xdm::Timestamp;

use super::filter::Filter;
use super::page::{self, PAGE_BYTES, PAGE_IDS};

const MAGIC: &[u8; 8] = b"SEGUEID1";

/// Bytes that are written, or read in sequence, at once: 256 pages.
const CHUNK_BYTES: usize = 256 * PAGE_BYTES;

/// Which ids are in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Extent {
    pub(super) ids: u64,
    /// The least and the greatest of their log positions.
    pub(super) first: u64,
    pub(super) last: u64,
    /// When the last of them ends.
    pub(super) ends: Timestamp,
}

/// An open run.
pub(crate) struct Run {
    path: PathBuf,
    file: Arc<dyn StorageFile>,
    extent: Extent,
    fences: Vec<u64>,
    filter: Filter,
}

impl Run {
    pub(super) fn open(storage: &dyn Storage, path: &Path) -> io::Result<Run> {
        let damaged = || damaged(path, "its header");
        let file = storage.open(path)?;
        let file_bytes = file.length()?;
        let header = read(&*file, 0, file_bytes.min(PAGE_BYTES as u64) as usize)?;
        let header = page::content(&header).and_then(Header::decode).ok_or_else(damaged)?;
        // What it speaks of is there: no more is allocated, whatever the numbers are.
        if header.file_bytes() != u128::from(file_bytes) {
            return Err(damaged());
        }
        let fence_bytes = header.extent.pages() * 8;
        let behind = read(&*file, tail_of(header.extent), fence_bytes + header.filter_bytes)?;
        if crc32c::crc32c(&behind) != header.crc_behind {
            return Err(self::damaged(path, "what is behind its pages"));
        }
        let (fences, filter) = behind.split_at_checked(fence_bytes).ok_or_else(damaged)?;
        let (fences, _) = fences.as_chunks::<8>();
        let filter = Filter::from_bytes(filter).ok_or_else(damaged)?;
        Ok(Run {
            path: path.to_owned(),
            file,
            extent: header.extent,
            fences: fences.iter().map(|fence| u64::from_le_bytes(*fence)).collect(),
            filter,
        })
    }

    /// How many ids are in it.
    pub(crate) fn ids(&self) -> u64 {
        self.extent.ids
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn extent(&self) -> Extent {
        self.extent
    }

    /// The last moment up to which an id with this hash counts, of those before a log position.
    pub(super) fn seen_until(&self, hash: u128, before: u64) -> io::Result<Option<Timestamp>> {
        if !self.filter.may_hold(hash) {
            return Ok(None);
        }
        let high = (hash >> 64) as u64;
        // The last page that begins before it may end with it.
        let begin = self.fences.partition_point(|fence| *fence < high).saturating_sub(1);
        let end = self.fences.partition_point(|fence| *fence <= high);
        let ids = self.pages(begin..end)?;
        let found = ids.into_iter().filter(|id| id.hash == hash && id.position < before);
        Ok(found.map(|id| id.until).max())
    }

    /// The ids on some pages.
    fn pages(&self, pages: Range<usize>) -> io::Result<Vec<SeenId>> {
        let position = (1 + pages.start) as u64 * PAGE_BYTES as u64;
        let bytes = read(&*self.file, position, pages.len() * PAGE_BYTES)?;
        let mut left = self.extent.ids.saturating_sub((pages.start * PAGE_IDS) as u64);
        let mut ids = Vec::with_capacity(pages.len() * PAGE_IDS);
        for (number, page) in pages.zip(bytes.chunks(PAGE_BYTES)) {
            let content = page::content(page);
            let content = content.ok_or_else(|| damaged(&self.path, format!("page {number}")))?;
            let count = left.min(PAGE_IDS as u64);
            ids.extend(page::ids(content, count as usize));
            left -= count;
        }
        Ok(ids)
    }
}

/// Reads a run from its beginning to its end.
pub(super) struct RunReader {
    run: Arc<Run>,
    /// The next page to read.
    page: usize,
    ids: std::vec::IntoIter<SeenId>,
}

impl RunReader {
    pub(super) fn new(run: Arc<Run>) -> RunReader {
        RunReader { run, page: 0, ids: Vec::new().into_iter() }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<SeenId>> {
        if self.ids.len() == 0 {
            let end = self.run.extent.pages().min(self.page + CHUNK_BYTES / PAGE_BYTES);
            self.ids = self.run.pages(self.page..end)?.into_iter();
            self.page = end;
        }
        Ok(self.ids.next())
    }
}

/// Writes a run under the name of an unfinished file.
pub(crate) struct RunWriter {
    path: PathBuf,
    file: Arc<dyn StorageFile>,
    extent: Extent,
    /// Ids of the next page.
    page: Vec<SeenId>,
    /// Pages that are not written yet, and where they belong.
    bytes: Vec<u8>,
    position: u64,
    fences: Vec<u64>,
    filter: Filter,
}

impl RunWriter {
    /// Begins a run of so many ids at most.
    pub(super) fn create(
        storage: &dyn Storage,
        path: &Path,
        ids_max: u64,
    ) -> io::Result<RunWriter> {
        Ok(RunWriter {
            path: path.to_owned(),
            file: storage.create(path)?,
            extent: Extent { ids: 0, first: u64::MAX, last: 0, ends: Timestamp::MIN },
            page: Vec::with_capacity(PAGE_IDS),
            bytes: Vec::with_capacity(CHUNK_BYTES),
            position: PAGE_BYTES as u64,
            fences: Vec::new(),
            filter: Filter::for_hashes(ids_max),
        })
    }

    /// Adds an id; they come in their order.
    pub(crate) fn add(&mut self, id: SeenId) -> io::Result<()> {
        let Extent { ids, first, last, ends } = self.extent;
        self.extent = Extent {
            ids: ids + 1,
            first: first.min(id.position),
            last: last.max(id.position),
            ends: ends.max(id.until),
        };
        self.filter.add(id.hash);
        self.page.push(id);
        if self.page.len() == PAGE_IDS {
            self.end_page()?;
        }
        Ok(())
    }

    /// Makes it durable under the name of the file, and gives it a name that says what is in it.
    pub(super) fn finish(
        mut self,
        storage: &dyn Storage,
        name: impl FnOnce(Extent) -> PathBuf,
    ) -> io::Result<Run> {
        if !self.page.is_empty() {
            self.end_page()?;
        }
        self.write_out()?;
        let header = self.write_behind()?;
        self.file.write_at(&header.encode(), 0)?;
        self.file.sync()?;
        let path = name(self.extent);
        storage.rename(&self.path, &path)?;
        let RunWriter { file, extent, fences, filter, .. } = self;
        Ok(Run { path, file, extent, fences, filter })
    }

    /// Writes fences and filter, some at a time, as those of a large run are large.
    fn write_behind(&mut self) -> io::Result<Header> {
        let mut words = self.fences.iter().copied().chain(self.filter.words());
        let (mut crc_behind, mut bytes_behind) = (0, 0);
        loop {
            let chunk: Vec<u8> =
                words.by_ref().take(CHUNK_BYTES / 8).flat_map(u64::to_le_bytes).collect();
            if chunk.is_empty() {
                break;
            }
            self.file.write_at(&chunk, self.position + bytes_behind as u64)?;
            crc_behind = crc32c::crc32c_append(crc_behind, &chunk);
            bytes_behind += chunk.len();
        }
        let filter_bytes = bytes_behind - self.fences.len() * 8;
        Ok(Header { extent: self.extent, filter_bytes, crc_behind })
    }

    fn end_page(&mut self) -> io::Result<()> {
        self.fences.extend(self.page.first().map(|id| (id.hash >> 64) as u64));
        page::write(&self.page, &mut self.bytes);
        self.page.clear();
        if self.bytes.len() >= CHUNK_BYTES { self.write_out() } else { Ok(()) }
    }

    fn write_out(&mut self) -> io::Result<()> {
        self.file.write_at(&self.bytes, self.position)?;
        self.position += self.bytes.len() as u64;
        self.bytes.clear();
        Ok(())
    }
}

impl Extent {
    fn pages(self) -> usize {
        usize::try_from(self.ids.div_ceil(PAGE_IDS as u64)).unwrap_or(usize::MAX)
    }
}

/// Where a run's fences begin.
fn tail_of(extent: Extent) -> u64 {
    (1 + extent.pages() as u64) * PAGE_BYTES as u64
}

/// What a run begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Header {
    extent: Extent,
    filter_bytes: usize,
    crc_behind: u32,
}

impl Header {
    /// The length of the file that begins with it.
    fn file_bytes(&self) -> u128 {
        let pages = u128::from(self.extent.ids.div_ceil(PAGE_IDS as u64));
        PAGE_BYTES as u128 * (1 + pages) + 8 * pages + self.filter_bytes as u128
    }

    fn encode(&self) -> Vec<u8> {
        let Extent { ids, first, last, ends } = self.extent;
        let mut bytes = MAGIC.to_vec();
        for number in [ids, first, last, ends.as_millis() as u64, self.filter_bytes as u64] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.crc_behind.to_le_bytes());
        page::seal(0, &mut bytes);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Header> {
        let (numbers, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<40>()?;
        let (crc_behind, _) = rest.split_first_chunk()?;
        let (numbers, _) = numbers.as_chunks::<8>();
        let mut numbers = numbers.iter().map(|number| u64::from_le_bytes(*number));
        let extent = Extent {
            ids: numbers.next()?,
            first: numbers.next()?,
            last: numbers.next()?,
            ends: Timestamp::from_millis(numbers.next()? as i64),
        };
        let filter_bytes = usize::try_from(numbers.next()?).ok()?;
        Some(Header { extent, filter_bytes, crc_behind: u32::from_le_bytes(*crc_behind) })
    }
}

/// Reads so many bytes.
fn read(file: &dyn StorageFile, position: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    match file.read_full(&mut bytes, position)? {
        read if read < length => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(bytes),
    }
}

fn damaged(path: &Path, part: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{part} in {} is damaged", path.display()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use segue_log::simulation::SimulatedDisk;

    use super::*;

    const PATH: &str = "/data/0.ids";

    /// Bytes of a filter of one block.
    const BLOCK_BYTES: usize = 64;

    /// Opens what has a right checksum everywhere, whatever it says.
    fn open(mut header: Header, pages: &[Vec<u8>], behind: &[u8]) -> io::Result<Run> {
        header.crc_behind = crc32c::crc32c(behind);
        let mut bytes = header.encode();
        for page in pages {
            let begin = bytes.len();
            bytes.extend_from_slice(page);
            page::seal(begin, &mut bytes);
        }
        bytes.extend_from_slice(behind);
        let disk = SimulatedDisk::default();
        disk.put(PATH.as_ref(), &bytes);
        Run::open(&disk, PATH.as_ref())
    }

    fn header(ids: u64, filter_bytes: usize) -> Header {
        let extent = Extent { ids, first: 0, last: 0, ends: Timestamp::MIN };
        Header { extent, filter_bytes, crc_behind: 0 }
    }

    #[test]
    fn a_header_that_its_file_does_not_bear_out_is_damage() {
        let ids = PAGE_IDS as u64 + 1;
        let opened = |ids, filter_bytes| {
            let behind = [0; 2 * 8 + BLOCK_BYTES];
            open(header(ids, filter_bytes), &[vec![], vec![]], &behind).map(|run| run.ids())
        };
        assert_eq!(opened(ids, BLOCK_BYTES).unwrap(), ids);
        for (ids, filter_bytes) in [
            (0, BLOCK_BYTES),
            (ids + PAGE_IDS as u64, BLOCK_BYTES),
            (u64::MAX, BLOCK_BYTES),
            (ids, 0),
            (ids, BLOCK_BYTES + 1),
            (ids, usize::MAX),
            (u64::MAX, usize::MAX),
        ] {
            let error = opened(ids, filter_bytes).expect_err("the file is shorter, or longer");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{ids}, {filter_bytes}");
        }
    }

    #[test]
    fn a_filter_of_no_whole_blocks_is_damage() {
        for filter_bytes in [0, 1, BLOCK_BYTES - 8, BLOCK_BYTES + 1] {
            let opened = open(header(0, filter_bytes), &[], &vec![0; filter_bytes]);
            let error = opened.err().expect("an error");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{filter_bytes}");
        }
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
            pages in prop::collection::vec(bytes(0..PAGE_BYTES - 4), 0..4),
            blocks in 1..4usize,
            behind in bytes(3 * 8 + 3 * BLOCK_BYTES),
        ) {
            let [ids, first, last, ends] = numbers;
            let ends = Timestamp::from_millis(ends as i64);
            let extent = Extent { ids, first, last, ends };
            let header = Header { extent, filter_bytes: blocks * BLOCK_BYTES, crc_behind: 0 };
            let behind = &behind[..pages.len() * 8 + header.filter_bytes];
            let run = match open(header, &pages, behind) {
                Ok(run) => Arc::new(run),
                Err(error) => {
                    prop_assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                    return Ok(());
                }
            };
            let mut reader = RunReader::new(Arc::clone(&run));
            let mut read = 0;
            while let Some(id) = reader.next().unwrap() {
                run.seen_until(id.hash, u64::MAX).unwrap();
                read += 1;
            }
            prop_assert_eq!(read, run.ids());
        }
    }
}
