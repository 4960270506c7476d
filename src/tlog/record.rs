//! What an entry of the log says: the hashes of one module version, in the format of the checksum
//! database.
//!
//! The format is Go's (<https://go.dev/design/25530-sumdb>; `golang.org/x/mod/sumdb/tlog`,
//! `FormatRecord`). A record is two lines of `go.sum`, the `h1:` hash of the zip and that of
//! `go.mod` alone:
//!
//! ```text
//! telemetry.example.org/config v0.1.0 h1:IGLzkTiJDFZTGyQ5CAcQTvx3FLFYwHmvvlZbgOEhlAo=
//! telemetry.example.org/config v0.1.0/go.mod h1:2CRRgHzBDI94jJBEiRdsG5rhy9JZNjxoBnrMhLk2j7c=
//! ```
//!
//! A *lookup* answer is the record's number, the record, a blank line and a signed tree. A *data
//! tile* is the records of one entry bundle, each followed by a blank line.
//!
//! Validating module paths and versions, and computing the hashes, is left to `gomod`.

use super::{Bundle, Entry, EntryError, LeafIndex};
use crate::gomod::{Hash1, Hash1Error};
use std::fmt;
use std::str::FromStr;

/// The record of one module version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    module: String,
    version: String,
    zip: Hash1,
    go_mod: Hash1,
}

/// Text that is not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Not an `h1:` hash.
    #[error(transparent)]
    Hash(#[from] Hash1Error),
    /// A module or version that would break the lines of a record.
    #[error("{0:?} cannot be in a record: module and version are printable ASCII without spaces")]
    Word(String),
    /// Text that does not have a record's two lines.
    #[error(
        "{0:?} is not a record: a record is two lines, MODULE VERSION h1:HASH for the zip and MODULE VERSION/go.mod h1:HASH"
    )]
    Malformed(String),
    /// An entry that the checksum database cannot serve.
    #[error("entry {index} cannot be served to the go command: {reason}")]
    Text {
        /// The entry's index.
        index: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Too long for an entry.
    #[error(transparent)]
    Entry(#[from] EntryError),
}

impl Record {
    /// The record of `module` at `version`, with the hash of its zip and of its `go.mod`.
    pub fn new(
        module: impl Into<String>,
        version: impl Into<String>,
        zip: Hash1,
        go_mod: Hash1,
    ) -> Result<Record, RecordError> {
        let (module, version) = (module.into(), version.into());
        for word in [&module, &version] {
            if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(RecordError::Word(shortened(word)));
            }
        }
        if version.contains('/') {
            return Err(RecordError::Word(shortened(&version)));
        }
        let record = Record { module, version, zip, go_mod };
        Entry::new(record.to_string())?;
        Ok(record)
    }

    /// The module's path.
    pub fn module(&self) -> &str {
        &self.module
    }

    /// The version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The hash of the zip.
    pub fn zip(&self) -> Hash1 {
        self.zip
    }

    /// The hash of `go.mod`.
    pub fn go_mod(&self) -> Hash1 {
        self.go_mod
    }

    /// The record as an entry of the log.
    pub fn entry(&self) -> Result<Entry, EntryError> {
        Entry::new(self.to_string())
    }
}

impl fmt::Display for Record {
    /// The text of the record: two lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { module, version, zip, go_mod } = self;
        write!(f, "{module} {version} {zip}\n{module} {version}/go.mod {go_mod}\n")
    }
}

impl FromStr for Record {
    type Err = RecordError;

    /// Accepts only what `Display` writes.
    fn from_str(text: &str) -> Result<Record, RecordError> {
        let malformed = || RecordError::Malformed(shortened(text));
        let mut words = text.split([' ', '\n']);
        let mut word = || words.next().ok_or_else(malformed);
        let (module, version, zip) = (word()?, word()?, word()?.parse()?);
        let (_, _, go_mod) = (word()?, word()?, word()?.parse()?);
        let record = Record::new(module, version, zip, go_mod)?;
        if record.to_string() == text { Ok(record) } else { Err(malformed()) }
    }
}

impl TryFrom<&Entry> for Record {
    type Error = RecordError;

    fn try_from(entry: &Entry) -> Result<Record, RecordError> {
        let bytes = entry.as_bytes();
        match str::from_utf8(bytes) {
            Ok(text) => text.parse(),
            Err(_) => Err(RecordError::Malformed(shortened(&String::from_utf8_lossy(bytes)))),
        }
    }
}

/// An answer of the checksum database to `lookup/MODULE@VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The number of the record.
    pub index: LeafIndex,
    /// The text of the record.
    pub text: String,
    /// The signed tree that contains it; not verified.
    pub tree: String,
}

impl fmt::Display for Lookup {
    /// The body of the answer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}", self.index, self.text, self.tree)
    }
}

impl Lookup {
    /// The answer for the entry at `index`, whose text must be one the `go` command can read.
    pub fn new(index: LeafIndex, entry: &Entry, tree: String) -> Result<Lookup, RecordError> {
        Ok(Lookup { index, text: record_text(index.get(), entry)?.to_owned(), tree })
    }

    /// Parses the body of an answer. Nothing in it is verified.
    pub fn parse(body: &str) -> Result<Lookup, RecordError> {
        let malformed = || RecordError::Malformed(shortened(body));
        let (index, rest) = body.split_once('\n').ok_or_else(malformed)?;
        let end = rest.find("\n\n").ok_or_else(malformed)?;
        let entry = Entry::new(&rest.as_bytes()[..=end])?;
        let index = index.parse().map_err(|_| malformed())?;
        Lookup::new(index, &entry, rest[end + 2..].to_owned())
    }
}

/// The data tile with these entries, which are those of `bundle`.
pub fn data_tile(bundle: Bundle, entries: &[Entry]) -> Result<Vec<u8>, RecordError> {
    let mut tile = Vec::new();
    for (index, entry) in (bundle.first_leaf()..).zip(entries) {
        tile.extend_from_slice(record_text(index, entry)?.as_bytes());
        tile.push(b'\n');
    }
    Ok(tile)
}

/// The entry's text, if it is one that the checksum database's format can carry: UTF-8 without
/// control characters, of lines that are not empty.
fn record_text(index: u64, entry: &Entry) -> Result<&str, RecordError> {
    let refused = |reason| RecordError::Text { index, reason };
    let text = str::from_utf8(entry.as_bytes()).map_err(|_| refused("its text is not UTF-8"))?;
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(refused("its text has control characters"));
    }
    match text.strip_suffix('\n') {
        None => Err(refused("its text does not end in a line end")),
        Some(lines) if lines.split('\n').any(str::is_empty) => {
            Err(refused("its text has an empty line"))
        }
        Some(_) => Ok(text),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RECORD: &str = "golang.org/x/text v0.3.0 h1:g61tztE5qeGQ89tm6NTjjM9VPIm088od1l6aSorWRWg=\n\
        golang.org/x/text v0.3.0/go.mod h1:NqM8EUOU14njkJ3fqMW+pc6Ldnwhi/IjpwHt7yyuwOQ=\n";

    fn bundle(index: u64) -> Bundle {
        Bundle::new(index, 2).expect("a bundle")
    }

    #[test]
    fn a_record_is_two_lines() {
        let record: Record = RECORD.parse().expect("a record");
        assert_eq!((record.module(), record.version()), ("golang.org/x/text", "v0.3.0"));
        assert_eq!(record.zip().to_string(), "h1:g61tztE5qeGQ89tm6NTjjM9VPIm088od1l6aSorWRWg=");
        assert_eq!(record.to_string(), RECORD);
        let entry = record.entry().expect("short");
        assert_eq!(Record::try_from(&entry), Ok(record));
    }

    #[test]
    fn malformed_records_are_refused() {
        let (first, second) = RECORD.split_once('\n').expect("two lines");
        for bad in [
            "".to_owned(),
            first.to_owned(),
            format!("{first}\n"),
            format!("{second}{first}\n"),
            format!("{RECORD}\n"),
            format!("{RECORD}{RECORD}"),
            format!("\n{RECORD}"),
            RECORD.trim_end().to_owned(),
            RECORD.replace('\n', "\r\n"),
            RECORD.replacen(' ', "  ", 1),
            RECORD.replacen("h1:", "h2:", 1),
            RECORD.replacen("RWg=", "RWg", 1),
            RECORD.replacen("v0.3.0/", "v0.3.1/", 1),
            RECORD.replacen("x/text", "x/tools", 1),
            RECORD.replace("/go.mod", ""),
            RECORD.replace("v0.3.0", "v0.3.0/x"),
            RECORD.replace("text", "t\u{e9}xt"),
        ] {
            assert!(bad.parse::<Record>().is_err(), "{bad:?}");
        }
        let record: Record = RECORD.parse().expect("a record");
        for (module, version) in [("", "v1"), ("m", ""), ("m m", "v1"), ("m", "v1\n"), ("m", "v/1")]
        {
            assert!(Record::new(module, version, record.zip, record.go_mod).is_err());
        }
        let long = Record::new("m".repeat(40_000), "v1", record.zip, record.go_mod);
        assert!(matches!(long, Err(RecordError::Entry(EntryError::TooLong { .. }))));
    }

    #[test]
    fn lookups_and_data_tiles() {
        let entry = Entry::new(RECORD).expect("short");
        let lookup = Lookup::new(LeafIndex::new(6).expect("an index"), &entry, "tree\n".into())
            .expect("an answer");
        let body = lookup.to_string();
        assert_eq!(body, format!("6\n{RECORD}\ntree\n"));
        assert_eq!(Lookup::parse(&body), Ok(lookup));
        for bad in ["", "6", "6\n", "06\na\n\n", "6\na\n", "6\n\n\n", "6\na\rb\n\ntree", "x\na\n\n"]
        {
            assert!(Lookup::parse(bad).is_err(), "{bad:?}");
        }
        let tile = data_tile(bundle(0), &[entry.clone(), entry]).expect("a tile");
        assert_eq!(tile, format!("{RECORD}\n{RECORD}\n").into_bytes());
    }

    #[test]
    fn text_that_would_break_a_data_tile_is_refused() {
        for bad in ["", "a", "\n", "\na\n", "a\n\n", "a\n\nb\n", "a\tb\n", "a\0\n"] {
            let entry = Entry::new(bad).expect("short");
            let error = data_tile(bundle(3), &[entry]).expect_err("refused").to_string();
            assert!(error.contains("entry 768"), "{error}");
        }
        assert!(data_tile(bundle(0), &[Entry::new(vec![0xff, b'\n']).expect("short")]).is_err());
        assert!(data_tile(bundle(0), &[Entry::new("é\n").expect("short")]).is_ok());
    }

    proptest! {
        #[test]
        fn what_parses_is_written_the_same(at: prop::sample::Index, byte in 0x20..0x7f_u8) {
            let mut bytes = RECORD.as_bytes().to_vec();
            bytes[at.index(RECORD.len())] = byte;
            let text = String::from_utf8(bytes).expect("ASCII");
            if let Ok(record) = text.parse::<Record>() {
                prop_assert_eq!(record.to_string(), text);
            }
        }
    }
}
