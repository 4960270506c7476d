//! The list of numbered segments, read.

use super::super::folder;
use super::super::read_error::ReadError;
use crate::store::checksum;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The file's name.
const NAME: &str = "segments";

/// What a segment was when it was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSegment {
    /// Its latest week.
    pub until: Date,
    /// How many reports it has.
    pub reports: u64,
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 of its reports' identities, in hex.
    pub identities: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    segment: u64,
    #[serde(flatten)]
    sealed: Option<SealedSegment>,
}

/// All that the list says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedSegments {
    /// What is known of each segment, by number: `None` where it was begun and not sealed.
    pub segments: BTreeMap<u64, Option<SealedSegment>>,
    /// Lines that are damaged, counted from 1.
    pub damaged: Vec<usize>,
    /// Bytes up to the end of the last whole line.
    whole: u64,
}

/// What the list of a journal's folder says, in both its copies; nothing where there is none.
pub fn listed_segments(folder: &Path) -> Result<ListedSegments, ReadError> {
    let failed = |source| ReadError::Io { path: format!("reports/{NAME}"), source };
    let mut listed = read(&folder.join(NAME)).map_err(failed)?;
    let copy = copy_path(folder).map_or(Ok(ListedSegments::default()), |path| read(&path));
    for (number, sealed) in copy.map_err(failed)?.segments {
        let known = listed.segments.entry(number).or_default();
        *known = known.take().or(sealed);
    }
    Ok(listed)
}

/// Where the second copy is: beside the folder, so that it is there when the folder is not.
fn copy_path(folder: &Path) -> Option<PathBuf> {
    let mut name = folder.file_name()?.to_owned();
    name.push(".");
    name.push(NAME);
    Some(folder.with_file_name(name))
}

fn read(path: &Path) -> io::Result<ListedSegments> {
    match folder::read_regular(path) {
        Ok(bytes) => Ok(parse(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(ListedSegments::default()),
        Err(error) => Err(error),
    }
}

fn parse(bytes: &[u8]) -> ListedSegments {
    let mut listed = ListedSegments::default();
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        // What has no end was not written whole.
        let Some(line) = line.strip_suffix(b"\n") else { break };
        listed.whole += line.len() as u64 + 1;
        let whole = checksum::verify(line).is_ok();
        match serde_json::from_slice(line).ok().filter(|_| whole) {
            Some(Line { segment, sealed }) => {
                let known = listed.segments.entry(segment).or_default();
                *known = sealed.or(known.take());
            }
            None => listed.damaged.push(number),
        }
    }
    listed
}
