//! What a run begins with: which ids are in it, and where what is.

use segue_xdm::Timestamp;

use super::page::{PAGE_BYTES, PAGE_FENCES, PAGE_IDS};

const MAGIC: &[u8; 8] = b"SEGUEID2";

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

/// The first page of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) extent: Extent,
    pub(super) filter_pages: u64,
}

impl Header {
    /// The page of the filter that comes first.
    pub(super) const FILTER_BEGIN: u64 = 1;

    /// The page of ids that comes first.
    pub(super) fn ids_begin(&self) -> u64 {
        Self::FILTER_BEGIN + self.filter_pages
    }

    pub(super) fn ids_pages(&self) -> u64 {
        self.extent.ids.div_ceil(PAGE_IDS as u64)
    }

    /// The page of fences that comes first.
    pub(super) fn fences_begin(&self) -> u64 {
        self.ids_begin() + self.ids_pages()
    }

    pub(super) fn fences_pages(&self) -> u64 {
        self.ids_pages().div_ceil(PAGE_FENCES as u64)
    }

    /// Whether this is what a file of such a length begins with.
    pub(super) fn fits(&self, file_bytes: u64) -> bool {
        let parts = [self.filter_pages, self.ids_pages(), self.fences_pages()];
        let pages = 1 + parts.into_iter().map(u128::from).sum::<u128>();
        self.filter_pages > 0 && pages * PAGE_BYTES as u128 == u128::from(file_bytes)
    }

    /// The content of its page.
    pub(super) fn encode(&self) -> Vec<u8> {
        let Extent { ids, first, last, ends } = self.extent;
        let mut content = MAGIC.to_vec();
        for number in [ids, first, last, ends.as_millis() as u64, self.filter_pages] {
            content.extend_from_slice(&number.to_le_bytes());
        }
        content
    }

    pub(super) fn decode(content: &[u8]) -> Option<Header> {
        let (numbers, _) = content.strip_prefix(MAGIC)?.split_first_chunk::<40>()?;
        let (numbers, _) = numbers.as_chunks::<8>();
        let mut numbers = numbers.iter().map(|number| u64::from_le_bytes(*number));
        let extent = Extent {
            ids: numbers.next()?,
            first: numbers.next()?,
            last: numbers.next()?,
            ends: Timestamp::from_millis(numbers.next()? as i64),
        };
        Some(Header { extent, filter_pages: numbers.next()? })
    }
}
