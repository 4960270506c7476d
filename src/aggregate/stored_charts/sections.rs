//! Objects of named sections, of which any can be read and checked without the others.
//!
//! The directory comes first: a line `candor sections 1`, and one for each section, `HASH LENGTH NAME`. The sections follow in this order,
//! with a newline after each. HASH is the first half of the section's SHA-256, in hex. The object is named after
//! the SHA-256 of the directory, so the name vouches for every byte.
//!
//! A page over two years reads the directories of nine spans, with ten thousand sections each: so a directory is
//! kept as it was read.

use crate::hex::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// The name and size of an object of sections.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionsFile {
    /// Its size.
    pub bytes: u64,
    /// The size of its directory.
    pub directory: u64,
    /// The SHA-256 of its directory, in hex.
    pub sha256: String,
}

/// The first line, with the version of this format.
const HEADER: &str = "candor sections 1\n";
/// The length of a section's hash.
const HASH: usize = 32;

/// An object of sections that is being made.
#[derive(Debug, Default)]
pub struct NewSections {
    directory: String,
    body: Vec<u8>,
}

fn hash(section: &[u8]) -> String {
    let mut hash = hex(&Sha256::digest(section));
    hash.truncate(HASH);
    hash
}

impl NewSections {
    /// Adds a section. Names are unique, and have no control characters.
    pub fn add<T: Serialize>(&mut self, name: &str, section: &T) -> serde_json::Result<()> {
        if name.contains(char::is_control) {
            return Err(serde::ser::Error::custom("the name of a section has a control character"));
        }
        let json = serde_json::to_vec(section)?;
        self.directory += &format!("{} {} {name}\n", hash(&json), json.len());
        self.body.extend(json);
        self.body.push(b'\n');
        Ok(())
    }

    /// The object.
    pub fn finish(self) -> (SectionsFile, Vec<u8>) {
        let mut object = [HEADER.as_bytes(), self.directory.as_bytes()].concat();
        let (directory, sha256) = (object.len() as u64, hex(&Sha256::digest(&object)));
        object.extend(self.body);
        (SectionsFile { bytes: object.len() as u64, directory, sha256 }, object)
    }
}

/// An object of sections that is open for reading.
#[derive(Debug)]
pub struct Sections {
    file: File,
    directory: Directory,
}

/// A directory that was read.
#[derive(Debug, Default)]
struct Directory {
    text: String,
    /// Where the section of each line begins in the object.
    starts: Vec<u64>,
}

/// A section's place, with its name and hash.
struct Found<'a> {
    name: &'a str,
    hash: &'a str,
    start: u64,
    length: u64,
}

/// A line of a directory, without its newline: hash, length and name.
fn parse_line(line: &str) -> Option<(&str, u64, &str)> {
    let (hash, rest) = line.split_at_checked(HASH)?;
    let (length, name) = rest.strip_prefix(' ')?.split_once(' ')?;
    Some((hash, length.parse().ok()?, name))
}

impl Directory {
    /// `bytes` begin the object.
    fn parse(bytes: Vec<u8>) -> Option<Directory> {
        let text = String::from_utf8(bytes).ok()?;
        let (mut starts, mut start) = (Vec::new(), text.len() as u64);
        for line in text.strip_prefix(HEADER)?.lines() {
            let (_, length, _) = parse_line(line)?;
            starts.push(start);
            start = start.saturating_add(length).saturating_add(1);
        }
        Some(Directory { text, starts })
    }

    /// All sections, in order.
    fn iter(&self) -> impl Iterator<Item = Found<'_>> {
        self.starts.iter().zip(self.text.lines().skip(1)).filter_map(|(start, line)| {
            let (hash, length, name) = parse_line(line)?;
            Some(Found { name, hash, start: *start, length })
        })
    }
}

/// The bytes are not those that were written.
fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "its bytes do not match its name")
}

impl Sections {
    /// Reads and checks the directory. Damage is [`io::ErrorKind::InvalidData`].
    pub fn open(mut file: File, of: &SectionsFile) -> io::Result<Sections> {
        if file.metadata()?.len() != of.bytes || of.directory > of.bytes {
            return Err(damaged());
        }
        let directory = read(&mut file, of.directory)?;
        if hex(&Sha256::digest(&directory)) != of.sha256 {
            return Err(damaged());
        }
        let directory = Directory::parse(directory).ok_or_else(damaged)?;
        Ok(Sections { file, directory })
    }

    /// The names of all sections, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.directory.iter().map(|section| section.name)
    }

    /// The names of all sections with their lengths, in order.
    pub fn lengths(&self) -> impl Iterator<Item = (&str, u64)> {
        self.directory.iter().map(|section| (section.name, section.length))
    }

    /// Reads and checks a section; `None` if there is none of this name.
    pub fn read(&mut self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let found = self.directory.iter().find(|section| section.name == name);
        found.map(|section| checked(&mut self.file, &section)).transpose()
    }

    /// Reads and checks all sections that are `wanted`, in order.
    pub fn read_all(
        &mut self,
        wanted: impl Fn(usize, &str) -> bool,
        mut each: impl FnMut(&str, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        for (number, section) in self.directory.iter().enumerate() {
            if wanted(number, section.name) {
                each(section.name, &checked(&mut self.file, &section)?)?;
            }
        }
        Ok(())
    }
}

/// Reads a section, and checks it.
fn checked(file: &mut File, section: &Found<'_>) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(section.start))?;
    let bytes = read(file, section.length)?;
    if hash(&bytes) == section.hash { Ok(bytes) } else { Err(damaged()) }
}

fn read(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    // The length may be damaged: reserve no memory for it.
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(damaged()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn opened(object: &[u8], of: &SectionsFile) -> io::Result<Sections> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(object).expect("written");
        file.rewind().expect("rewound");
        Sections::open(file, of)
    }

    fn made() -> (SectionsFile, Vec<u8>) {
        let mut new = NewSections::default();
        for (name, section) in [("a", "first"), ("b", ""), ("c", "line\nline")] {
            new.add(name, &section).expect("JSON");
        }
        new.finish()
    }

    #[test]
    fn each_section_is_read_alone() {
        let (of, object) = made();
        let mut sections = opened(&object, &of).expect("whole");
        assert_eq!(sections.names().collect::<Vec<_>>(), ["a", "b", "c"]);
        for (name, expected) in [("c", "\"line\\nline\""), ("a", "\"first\""), ("b", "\"\"")] {
            let read = sections.read(name).expect("read").expect("there");
            assert_eq!(read, expected.as_bytes(), "{name}");
        }
        assert_eq!(sections.read("d").expect("read"), None);
        let mut all = Vec::new();
        let each = |name: &str, _: &[u8]| {
            all.push(name.to_owned());
            Ok(())
        };
        sections.read_all(|number, _| number > 0, each).expect("read");
        assert_eq!(all, ["b", "c"]);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let (of, object) = made();
        for bit in 0..object.len() * 8 {
            let mut flipped = object.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let read = opened(&flipped, &of).and_then(|mut sections| {
                let mut whole = Vec::new();
                sections.read_all(
                    |_, _| true,
                    |_, section| {
                        whole.extend_from_slice(section);
                        Ok(())
                    },
                )?;
                Ok(whole)
            });
            // The newline after a section is not part of it.
            let between = object[bit / 8] == b'\n' && bit / 8 >= of.directory as usize;
            assert_eq!(read.is_err(), !between, "bit {bit}");
        }
    }

    #[test]
    fn a_length_that_is_not_true_takes_no_memory() {
        let (of, object) = made();
        assert!(opened(&object[..object.len() - 1], &of).is_err());
        let long = SectionsFile { directory: u64::MAX, ..of.clone() };
        assert!(opened(&object, &long).is_err());
    }
}
