//! What was written before: an object beside the files, so that a run writes only what is new, wherever it runs.
//!
//! ```text
//! candor static 1
//! 12 ROOT TRUST                  the tree of that run, and the keys and policy by which it is verified
//! TAG NAME                       each object, with a hash of its headers and bytes
//! ```
//!
//! It says less than there is, never more: it is written after the objects that it names. So a run that was
//! interrupted is completed by the next one.

use crate::store::StoreError;
use crate::store::plain::PlainStore;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Its name.
pub(super) const NAME: &str = ".candor/written";
const FIRST: &str = "candor static 1";

/// A file of another kind or version.
#[derive(Debug, thiserror::Error)]
#[error(
    "it is not a list of what was written by this version of candor; write to a new place, or remove {NAME} there to write all files again"
)]
pub struct NotWritten;

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// The size of the log's tree then, and its root.
    pub(super) size: u64,
    pub(super) root: String,
    /// A hash of keys and policy.
    pub(super) trust: String,
    /// A tag of each object.
    pub(super) tags: BTreeMap<String, String>,
}

impl Written {
    pub(super) fn parse(bytes: &[u8]) -> Result<Written, NotWritten> {
        let text = std::str::from_utf8(bytes).map_err(|_| NotWritten)?;
        let mut lines = text.lines();
        if lines.next() != Some(FIRST) {
            return Err(NotWritten);
        }
        let mut words = lines.next().ok_or(NotWritten)?.split(' ');
        let mut word = || words.next().ok_or(NotWritten);
        let size = word()?.parse().map_err(|_| NotWritten)?;
        let (root, trust) = (word()?.to_owned(), word()?.to_owned());
        let tags = lines.map(|line| {
            let (tag, name) = line.split_once(' ').ok_or(NotWritten)?;
            Ok((name.to_owned(), tag.to_owned()))
        });
        Ok(Written { size, root, trust, tags: tags.collect::<Result<_, _>>()? })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut text = format!("{FIRST}\n{} {} {}\n", self.size, self.root, self.trust);
        for (name, tag) in &self.tags {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{tag} {name}");
        }
        text.into_bytes()
    }
}

/// The size of the tree whose head a copy shows, if it shows one.
pub(super) fn shown_size(store: &dyn PlainStore) -> Result<Option<u64>, StoreError> {
    let head = store.read("log/checkpoint")?;
    let size = |head: &[u8]| std::str::from_utf8(head).ok()?.lines().nth(1)?.parse().ok();
    Ok(head.and_then(|head| size(&head)))
}

/// A tag of what these parts are together.
pub(super) fn tag_of(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    crate::hex::shortened(&hash.finalize(), 12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let tags = [("a/b c", "00"), ("index.html", "11")];
        let tags = tags.map(|(name, tag)| (name.to_owned(), tag.to_owned())).into();
        let written = Written { size: 3, root: "r".into(), trust: "t".into(), tags };
        assert_eq!(Written::parse(&written.encode()).ok(), Some(written));
        for text in [
            "",
            "candor static 2\n0 a b\n",
            "candor static 1\n",
            "candor static 1\nx a b\n",
            "candor static 1\n0 a b\nx\n",
        ] {
            assert!(Written::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
