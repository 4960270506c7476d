//! The counter file, byte by byte: version 1 of the format of golang/telemetry
//! (`internal/counter/file.go`). Numbers have the machine's byte order.
//!
//! ```text
//! offset                     bytes
//! 0                             28   "# telemetry/counter file v1\n"
//! 28                             4   H: where the header ends, a multiple of 32
//! 32                        to  H   metadata (see `metadata`), padded with zeros
//! H                              4   limit: where the next record may begin; 0 in a new file
//! H + 4                   512 * 4   hash table: for each hash, the offset of the first record
//! H + 2052, rounded up to 32         records, up to the limit
//!
//! a record, at a multiple of 32
//! 0                              8   the count
//! 8                              4   length of the name in the low 24 bits, 0xff in the high 8
//! 12                             4   offset of the next record with this hash; 0 ends the chain,
//!                                    0xffffffff marks a record that lost a race and is unused
//! 16                  length, to a   the name
//!                    multiple of 32
//! ```
//!
//! The file grows in pages of 16 KiB. A record never crosses a page and never touches its last
//! byte: whoever extends the file may write zeros to the last four bytes of a page.
//!
//! Records are added while other processes, ours and Go's, add theirs, in four steps: search the
//! chain; reserve space by compare-and-swap of the limit; write the record; link it by
//! compare-and-swap of the hash table's entry, its next record being the chain searched before.
//! If that fails, only the records linked since are searched, and only if one has the same name is the
//! new record given up. Nothing but counts, limit and heads is ever moved, changed or removed.
//!
//! Only the arithmetic is here. [`super::mapped`] performs those steps on a file that others write;
//! [`super::parse`] reads a file that nobody writes.

/// What a counter file begins with.
pub(super) const MAGIC: &[u8] = b"# telemetry/counter file v1\n";
/// The offset of the header's length.
pub(super) const HEADER_LENGTH: u32 = 28;
/// The offset of the metadata.
pub(super) const METADATA: u32 = 32;
/// The longest metadata, in bytes.
pub(super) const MAX_METADATA: usize = 512;
/// Files are created and extended in pages of this many bytes, and have at least one.
pub(super) const PAGE: u32 = 16 * 1024;
/// Records begin at multiples of this, and are padded to them.
pub(super) const UNIT: u32 = 32;
/// A record's bytes before its name.
pub(super) const RECORD_HEADER: u32 = 16;
/// The longest name that is written.
pub(super) const MAX_NAME: usize = 4 * 1024;
/// Entries of the hash table.
pub(super) const BUCKETS: u32 = 512;
/// Files are neither extended nor read beyond this: a program that keeps making up names must not fill
/// the disk. Go's clients have no such limit.
pub(super) const MAX_FILE: u32 = 64 * 1024 * 1024;

/// The offset in a record of the length of its name.
pub(super) const NAME_LENGTH: u32 = 8;
/// The offset in a record of the next record's offset.
pub(super) const NEXT: u32 = 12;
/// The bits of a stored length that hold the length.
pub(super) const NAME_LENGTH_MASK: u32 = 0x00ff_ffff;
/// The value of the other bits of a stored length.
pub(super) const NAME_LENGTH_MARK: u32 = 0xff00_0000;
/// The next record of a record that is not in use.
pub(super) const DEAD: u32 = u32::MAX;

/// Where the parts of a file begin, once its header's length is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    header: u32,
}

impl Layout {
    /// The layout of a file whose header says that it ends at `header`. `None` if that is impossible.
    pub fn new(header: u32) -> Option<Layout> {
        let fits = header >= METADATA
            && header.is_multiple_of(UNIT)
            && header <= PAGE - 4 - 4 * BUCKETS - UNIT;
        fits.then_some(Layout { header })
    }

    /// The offset of the limit.
    pub fn limit(self) -> u32 {
        self.header
    }

    /// The offset of the hash table's entry for a bucket, modulo the number of buckets.
    pub fn head(self, bucket: u32) -> u32 {
        self.header + 4 + 4 * (bucket % BUCKETS)
    }

    /// Where the first record may begin.
    pub fn records(self) -> u32 {
        (self.header + 4 + 4 * BUCKETS).next_multiple_of(UNIT)
    }

    /// Whether a record with room for a name can be at this offset in a file of `length` bytes.
    pub fn holds_record(self, offset: u32, length: u32) -> bool {
        offset >= self.records()
            && offset.is_multiple_of(UNIT)
            && offset.checked_add(RECORD_HEADER).is_some_and(|end| end < length)
    }

    /// Where a new record with a name of this many bytes begins and ends, given the limit found in the
    /// file. `None` if the limit is impossible, or the file would grow beyond [`MAX_FILE`].
    pub fn place(self, limit: u32, name: usize) -> Option<(u32, u32)> {
        let limit = if limit == 0 { self.records() } else { limit };
        if limit < self.records() || name > MAX_NAME {
            return None;
        }
        let size = (RECORD_HEADER + u32::try_from(name).ok()?).next_multiple_of(UNIT);
        let start = limit.checked_next_multiple_of(UNIT)?;
        // Even a record that would end exactly with the page goes to the next page: the page's last
        // bytes are reserved for extending the file.
        let crosses = start / PAGE != start.checked_add(size)? / PAGE;
        let start = if crosses { limit.checked_next_multiple_of(PAGE)? } else { start };
        let end = start.checked_add(size)?;
        (end <= MAX_FILE).then_some((start, end))
    }
}

/// The header of a new file with this metadata. `None` if the metadata is too long.
pub(super) fn header(metadata: &str) -> Option<Vec<u8>> {
    if metadata.len() > MAX_METADATA {
        return None;
    }
    let length = (METADATA + u32::try_from(metadata.len()).ok()?).next_multiple_of(UNIT);
    let mut header = Vec::with_capacity(length as usize);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&length.to_ne_bytes());
    header.extend_from_slice(metadata.as_bytes());
    header.resize(length as usize, 0);
    Some(header)
}

/// The bucket of a name: FNV-1a, folded, as the format says.
pub(super) fn bucket(name: &[u8]) -> u32 {
    let hash = name
        .iter()
        .fold(2_166_136_261_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619));
    (hash ^ (hash >> 16)) % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_header_is_filled_up_to_the_unit() {
        assert_eq!(MAGIC.len(), HEADER_LENGTH as usize);
        for (length, header_length) in [(0, 32), (1, 64), (32, 64), (33, 96), (512, 544)] {
            let header = header(&"m".repeat(length)).expect("short enough");
            assert_eq!(header.len(), header_length, "{length}");
            assert!(Layout::new(u32::try_from(header_length).expect("small")).is_some());
        }
        assert_eq!(header(&"m".repeat(513)), None);
        for impossible in [0, 28, 31, 33, PAGE - 2048, PAGE, u32::MAX] {
            assert_eq!(Layout::new(impossible), None, "{impossible}");
        }
    }

    #[test]
    fn names_have_the_buckets_that_go_gives_them() {
        // The tests with the real module show that Go finds them there.
        for (name, number) in [("", 217), ("gophers", 304), ("crash/crash", 421)] {
            assert_eq!(bucket(name.as_bytes()), number, "{name}");
        }
    }

    #[test]
    fn nothing_is_placed_at_an_impossible_limit() {
        let layout = Layout::new(256).expect("a layout");
        for limit in [1, 4, layout.records() - 1, MAX_FILE, u32::MAX - 40, u32::MAX] {
            assert_eq!(layout.place(limit, 8), None, "{limit}");
        }
        assert_eq!(layout.place(0, 8), Some((2336, 2368)));
        assert_eq!(layout.place(0, MAX_NAME + 1), None);
        // A record that would end with the page goes to the next page.
        assert_eq!(layout.place(PAGE - 32, 8), Some((PAGE, PAGE + 32)));
        assert_eq!(layout.place(PAGE - 64, 8), Some((PAGE - 64, PAGE - 32)));
    }

    proptest! {
        #[test]
        fn a_record_lies_within_a_page_and_after_the_limit(
            limit in 2336..MAX_FILE, name in 1..=MAX_NAME,
        ) {
            let layout = Layout::new(256).expect("a layout");
            if let Some((start, end)) = layout.place(limit, name) {
                prop_assert!(start >= limit && start % UNIT == 0 && end % UNIT == 0);
                prop_assert!(start / PAGE == end / PAGE && (end - start) as usize >= 16 + name);
                prop_assert!(layout.holds_record(start, end));
            } else {
                prop_assert!(limit > MAX_FILE - PAGE);
            }
        }
    }
}
