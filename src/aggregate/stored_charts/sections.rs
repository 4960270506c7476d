//! Objects of named sections, of which any can be read and checked without the others.
//!
//! The first line is the directory, a JSON array of `[NAME, LENGTH, HASH]`; the sections follow in this
//! order, with a newline after each. HASH is the first half of the section's SHA-256, in hex. The object is
//! named after the SHA-256 of the directory with its newline, so the name vouches for every byte.

use crate::hex::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
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

/// A section in a directory: its name, length and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry<'a>(#[serde(borrow)] Cow<'a, str>, u64, #[serde(borrow)] Cow<'a, str>);

/// An object of sections that is being made.
#[derive(Debug, Default)]
pub struct NewSections {
    directory: Vec<Entry<'static>>,
    body: Vec<u8>,
}

fn hash(section: &[u8]) -> String {
    let mut hash = hex(&Sha256::digest(section));
    hash.truncate(32);
    hash
}

impl NewSections {
    /// Adds a section. Names are unique.
    pub fn add<T: Serialize>(&mut self, name: &str, section: &T) -> serde_json::Result<()> {
        let json = serde_json::to_vec(section)?;
        let (name, hash) = (Cow::Owned(name.to_owned()), Cow::Owned(hash(&json)));
        self.directory.push(Entry(name, json.len() as u64, hash));
        self.body.extend(json);
        self.body.push(b'\n');
        Ok(())
    }

    /// The object.
    pub fn finish(self) -> serde_json::Result<(SectionsFile, Vec<u8>)> {
        let mut object = serde_json::to_vec(&self.directory)?;
        object.push(b'\n');
        let (directory, sha256) = (object.len() as u64, hex(&Sha256::digest(&object)));
        object.extend(self.body);
        Ok((SectionsFile { bytes: object.len() as u64, directory, sha256 }, object))
    }
}

/// An object of sections that is open for reading.
#[derive(Debug)]
pub struct Sections {
    file: File,
    directory: Directory,
}

/// A directory that was read: with ten thousand sections, a few large pieces of memory rather than many small ones.
#[derive(Debug, Default)]
struct Directory {
    /// All names and hashes, one after the other.
    text: String,
    places: Vec<Place>,
}

/// A section's place.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Where its name begins in the text of the directory, where its hash does, and where that ends.
    name: [usize; 3],
    /// Where it begins in the object.
    start: u64,
    length: u64,
}

/// A section's place, with its name and hash.
struct Found<'a> {
    name: &'a str,
    hash: &'a str,
    start: u64,
    length: u64,
}

impl Directory {
    /// `json` begins the object.
    fn parse(json: &[u8]) -> serde_json::Result<Directory> {
        let entries: Vec<Entry<'_>> = serde_json::from_slice(json)?;
        let mut directory = Directory::default();
        let mut start = json.len() as u64;
        for Entry(name, length, hash) in &entries {
            let begin = directory.text.len();
            directory.text.push_str(name);
            let middle = directory.text.len();
            directory.text.push_str(hash);
            let name = [begin, middle, directory.text.len()];
            directory.places.push(Place { name, start, length: *length });
            start = start.saturating_add(*length).saturating_add(1);
        }
        Ok(directory)
    }

    /// All sections, in order.
    fn iter(&self) -> impl Iterator<Item = Found<'_>> {
        self.places.iter().map(|place| {
            let Place { name: [begin, middle, end], start, length } = *place;
            let part = |from, to| self.text.get(from..to).unwrap_or_default();
            Found { name: part(begin, middle), hash: part(middle, end), start, length }
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
        let directory = Directory::parse(&directory).map_err(|_| damaged())?;
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
        new.finish().expect("JSON")
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
