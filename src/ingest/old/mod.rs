//! Numbered segments, as the merge reads them until it reads sealed ones. To be deleted then.
#![allow(dead_code, missing_docs, unused_imports)]

mod folder;
mod list;
mod record;
mod unread;

pub use list::{ListedSegments, SealedSegment, listed_segments};
pub use unread::{ReadMark, SegmentFile, Taking, Unread, segment_file_name, segment_files};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity([u8; 16]);

impl Identity {
    pub fn of(bytes: &[u8]) -> Identity {
        let mut identity = [0; 16];
        identity.iter_mut().zip(Sha256::digest(bytes)).for_each(|(to, from)| *to = from);
        Identity(identity)
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Identity {
        Identity(bytes)
    }
}
