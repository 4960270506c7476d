//! Reads a counter file that nobody writes: its week has ended, or it is a copy.
//!
//! The bytes may be anything. If they are not a counter file (see [`super::layout`] for the format), the
//! error says where; everything is checked before it is used, and the work is bounded by the length of
//! the file. Reports tell expired files from those in use; [`super::mapped`] writes them.

use super::layout::{
    BUCKETS, HEADER_LENGTH, Layout, MAGIC, MAX_FILE, MAX_NAME, METADATA, NAME_LENGTH,
    NAME_LENGTH_MASK, NEXT, PAGE, RECORD_HEADER,
};
use super::metadata::{Metadata, MetadataError};
use super::name::expand;
use crate::client::files;
use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The content of a counter file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterFile {
    /// Whose counts these are, and of which days.
    pub metadata: Metadata,
    /// The counts by name. The names of stack counters are followed by one frame a line, in full (see
    /// [`super::is_stack`]).
    pub counts: BTreeMap<String, u64>,
}

/// Why bytes are not a counter file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// Another kind of file, or another version of the format.
    Magic,
    /// Shorter than any counter file.
    Short(usize),
    /// An impossible length of the header.
    Header(u32),
    /// Metadata that is not text.
    MetadataText,
    /// Metadata that is malformed or incomplete.
    Metadata(MetadataError),
    /// A chain that leads to an offset where no record can be.
    Record {
        /// The hash table's entry.
        bucket: u32,
        /// Where it leads.
        offset: u32,
    },
    /// A circular chain, or a name twice.
    Twice {
        /// The hash table's entry.
        bucket: u32,
        /// The offset of the second one.
        offset: u32,
    },
}

/// Why a counter file could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// An error of the file system.
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The file is longer than any counter file.
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The file is malformed.
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ParseError,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::Magic => {
                f.write_str("not a counter file of version 1: it does not begin as one")
            }
            ParseError::Short(bytes) => write!(
                f,
                "the file is cut off: it has {bytes} bytes, and none is shorter than 16384"
            ),
            ParseError::Header(bytes) => write!(f, "the header cannot be {bytes} bytes long"),
            ParseError::MetadataText => f.write_str("the metadata is not UTF-8"),
            ParseError::Metadata(error) => write!(f, "the metadata is broken: {error}"),
            ParseError::Record { bucket, offset } => {
                write!(f, "the chain of hash {bucket} leads to {offset:#x}, where no record can be")
            }
            ParseError::Twice { bucket, offset } => {
                write!(f, "the chain of hash {bucket} holds a name twice, at {offset:#x}")
            }
        }
    }
}

impl Error for ParseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ParseError::Metadata(error) => Some(error),
            _ => None,
        }
    }
}

impl From<MetadataError> for ParseError {
    fn from(error: MetadataError) -> ParseError {
        ParseError::Metadata(error)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io { path, source } => {
                write!(f, "cannot read {}: {source}", path.display())
            }
            ReadError::TooLong { path } => {
                write!(f, "{} is longer than 64 MiB, so it is not a counter file", path.display())
            }
            ReadError::Parse { path, source } => {
                write!(f, "{} is broken and can be deleted: {source}", path.display())
            }
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ReadError::Io { source, .. } => Some(source),
            ReadError::Parse { source, .. } => Some(source),
            ReadError::TooLong { .. } => None,
        }
    }
}

impl CounterFile {
    /// Reads a file. If it is in use, the latest counts may be missing.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is not a counter file.
    pub fn read(path: &Path) -> Result<CounterFile, ReadError> {
        let read = files::read(path, MAX_FILE.into());
        let path = path.to_path_buf();
        match read {
            Err(e) if e.kind() == io::ErrorKind::FileTooLarge => Err(ReadError::TooLong { path }),
            Err(source) => Err(ReadError::Io { path, source }),
            Ok(bytes) => {
                CounterFile::parse(&bytes).map_err(|source| ReadError::Parse { path, source })
            }
        }
    }

    /// Reads the bytes of a file.
    ///
    /// A name that is not UTF-8 gets replacement characters, as in a report. Two stored names of the same
    /// stack become one.
    ///
    /// # Errors
    ///
    /// They are not a counter file.
    pub fn parse(bytes: &[u8]) -> Result<CounterFile, ParseError> {
        if !bytes.starts_with(MAGIC) {
            return Err(ParseError::Magic);
        }
        if bytes.len() < PAGE as usize {
            return Err(ParseError::Short(bytes.len()));
        }
        let header = number(bytes, HEADER_LENGTH).unwrap_or_default();
        let layout = Layout::new(header).ok_or(ParseError::Header(header))?;
        let metadata = bytes.get(METADATA as usize..header as usize).unwrap_or_default();
        let metadata = metadata.split(|byte| *byte == 0).next().unwrap_or_default();
        let metadata = str::from_utf8(metadata).map_err(|_| ParseError::MetadataText)?.parse()?;

        let mut counts = BTreeMap::new();
        let mut seen = HashSet::new();
        for bucket in 0..BUCKETS {
            let mut offset = number(bytes, layout.head(bucket)).unwrap_or_default();
            while offset != 0 {
                let record = Record::at(bytes, layout, offset)
                    .ok_or(ParseError::Record { bucket, offset })?;
                // Without a name twice, no chain can be circular.
                if !seen.insert(record.name) {
                    return Err(ParseError::Twice { bucket, offset });
                }
                let name = String::from_utf8_lossy(record.name);
                let count: &mut u64 = counts.entry(expand(&name).into_owned()).or_default();
                *count = count.saturating_add(record.count);
                offset = record.next;
            }
        }
        Ok(CounterFile { metadata, counts })
    }
}

struct Record<'a> {
    count: u64,
    next: u32,
    name: &'a [u8],
}

impl<'a> Record<'a> {
    fn at(bytes: &'a [u8], layout: Layout, offset: u32) -> Option<Record<'a>> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if !layout.holds_record(offset, length) {
            return None;
        }
        let count = bytes.get(offset as usize..)?.first_chunk::<8>()?;
        let name_length = (number(bytes, offset + NAME_LENGTH)? & NAME_LENGTH_MASK) as usize;
        if !(1..=MAX_NAME).contains(&name_length) {
            return None;
        }
        let name = (offset + RECORD_HEADER) as usize;
        Some(Record {
            count: u64::from_ne_bytes(*count),
            next: number(bytes, offset + NEXT)?,
            name: bytes.get(name..name + name_length)?,
        })
    }
}

fn number(bytes: &[u8], offset: u32) -> Option<u32> {
    bytes.get(offset as usize..)?.first_chunk().map(|four| u32::from_ne_bytes(*four))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::client::counter::layout::{NAME_LENGTH_MARK, bucket, header};
    use crate::client::program::Program;
    use proptest::prelude::*;

    pub fn metadata() -> Metadata {
        let begin: crate::day::Day = "2026-11-22".parse().expect("a day");
        let program = Program::new("example.org/tool", "v1.0.0");
        Metadata::new(&program, begin, begin.plus(3)).expect("metadata")
    }

    /// A file with these counts, written from the specification and not by our writer.
    pub fn file(counts: &[(&str, u64)]) -> Vec<u8> {
        let mut bytes = header(&metadata().to_string()).expect("short enough");
        let layout = Layout::new(u32::try_from(bytes.len()).expect("small")).expect("a layout");
        bytes.resize(PAGE as usize, 0);
        let set = |bytes: &mut Vec<u8>, at: u32, number: u32| {
            bytes[at as usize..at as usize + 4].copy_from_slice(&number.to_ne_bytes());
        };
        for (name, count) in counts {
            let limit = number(&bytes, layout.limit()).expect("there");
            let (start, end) = layout.place(limit, name.len()).expect("room");
            bytes.resize((end.next_multiple_of(PAGE) as usize).max(bytes.len()), 0);
            let head = layout.head(bucket(name.as_bytes()));
            let next = number(&bytes, head).expect("there");
            bytes[start as usize..start as usize + 8].copy_from_slice(&count.to_ne_bytes());
            let name_length = u32::try_from(name.len()).expect("short") | NAME_LENGTH_MARK;
            set(&mut bytes, start + NAME_LENGTH, name_length);
            set(&mut bytes, start + NEXT, next);
            bytes[start as usize + 16..start as usize + 16 + name.len()]
                .copy_from_slice(name.as_bytes());
            set(&mut bytes, head, start);
            set(&mut bytes, layout.limit(), end);
        }
        bytes
    }

    #[test]
    fn counts_and_metadata_are_read() {
        let stack = "crash\na.F:+1\n\".G:+2";
        let parsed = CounterFile::parse(&file(&[("a", 1), ("b:c", u64::MAX), (stack, 3)]));
        let parsed = parsed.expect("a counter file");
        assert_eq!(parsed.metadata, metadata());
        let counts: Vec<_> = parsed.counts.iter().map(|(n, c)| (n.as_str(), *c)).collect();
        assert_eq!(counts, [("a", 1), ("b:c", u64::MAX), ("crash\na.F:+1\na.G:+2", 3)]);
    }

    #[test]
    fn errors_say_what_is_wrong_with_a_file() {
        let whole = file(&[("a", 1)]);
        let layout = Layout::new(number(&whole, HEADER_LENGTH).expect("there")).expect("a layout");
        let with = |offset: u32, number: u32| {
            let mut bytes = whole.clone();
            bytes[offset as usize..offset as usize + 4].copy_from_slice(&number.to_ne_bytes());
            CounterFile::parse(&bytes).expect_err("broken")
        };
        let error = |bytes: &[u8]| CounterFile::parse(bytes).expect_err("broken");
        assert_eq!(error(b""), ParseError::Magic);
        assert_eq!(error(MAGIC), ParseError::Short(28));
        assert_eq!(error(&whole[..whole.len() - 1]), ParseError::Short(16383));
        assert_eq!(with(HEADER_LENGTH, 0), ParseError::Header(0));
        assert_eq!(with(HEADER_LENGTH, PAGE), ParseError::Header(PAGE));
        assert_eq!(with(METADATA, u32::MAX), ParseError::MetadataText);
        assert!(matches!(with(METADATA, 0), ParseError::Metadata(MetadataError::Missing(_))));
        let (head, record) = (layout.head(bucket(b"a")), layout.records());
        for offset in [1, record - 32, record + 16, PAGE - 16, PAGE, u32::MAX] {
            assert!(matches!(with(head, offset), ParseError::Record { .. }), "{offset}");
        }
        for length in [0, PAGE, MAX_NAME as u32 + 1] {
            assert!(matches!(with(record + NAME_LENGTH, length), ParseError::Record { .. }));
        }
        assert!(matches!(with(record + NEXT, record), ParseError::Twice { .. }));
        assert!(matches!(with(layout.head(0), record), ParseError::Twice { .. }));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            counts in proptest::collection::btree_map("[a-z/:]{1,40}", any::<u64>(), 0..200),
        ) {
            let list: Vec<_> = counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
            let parsed = CounterFile::parse(&file(&list)).expect("a counter file");
            prop_assert_eq!(parsed.counts, counts);
        }

        #[test]
        fn nothing_makes_it_panic_or_hang(
            edits in proptest::collection::vec((0..PAGE as usize - 4, any::<u32>()), 0..20),
            targeted in proptest::collection::vec((0..700_usize, 0..1024_u32), 0..20),
            length in 0..=2 * PAGE as usize,
        ) {
            let mut bytes = file(&[("a", 1), ("b", 2), ("crash\nx.F\n\".G", 3)]);
            for (at, number) in edits {
                bytes[at..at + 4].copy_from_slice(&number.to_ne_bytes());
            }
            // Chains that lead to where records can be: circles, overlaps, other chains.
            for (word, unit) in targeted {
                let at = 224 + 4 * word;
                bytes[at..at + 4].copy_from_slice(&(unit * 32).to_ne_bytes());
            }
            bytes.resize(length.max(PAGE as usize), 0);
            let _ = CounterFile::parse(&bytes);
            let _ = CounterFile::parse(&bytes[..length.min(bytes.len())]);
        }
    }
}
