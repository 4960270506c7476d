//! Entries, and the bytes of entry bundles.
//!
//! <https://c2sp.org/tlog-tiles>, "Log entries": a bundle is its entries one after the other, each
//! with its length in front as a big-endian 16-bit number. A bundle is cut and named like the tile
//! of level 0 above it ([`Bundle`]), whose hashes are its entries' leaf hashes.
//!
//! What an entry says is left to `record`.

use super::tile::FULL;
use super::{Bundle, Hash, TreeLimitError, TreeSize, leaf_hash};

/// The data of one leaf: at most 65,535 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry(Vec<u8>);

/// Bytes that are not an entry or a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// An entry over the limit.
    #[error("an entry of {length} bytes is too long: a log takes up to {} bytes", Entry::MAXIMUM)]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// A bundle that ends within an entry, or has too few or too many.
    #[error("{bundle} is damaged: {reason}")]
    Bundle {
        /// The bundle.
        bundle: Bundle,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The bundle to append to is not that of this size.
    #[error("a log of {size} entries has no partial bundle to append to, yet there is one")]
    NotPartial {
        /// The size of the log.
        size: TreeSize,
    },
    /// More entries than a log can have.
    #[error(transparent)]
    Limit(#[from] TreeLimitError),
}

impl Entry {
    /// The length of the longest entry.
    pub const MAXIMUM: usize = u16::MAX as usize;

    /// Checks the length and makes the bytes an entry.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Entry, EntryError> {
        let bytes = bytes.into();
        if bytes.len() > Entry::MAXIMUM {
            return Err(EntryError::TooLong { length: bytes.len() });
        }
        Ok(Entry(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The hash of the entry's leaf.
    pub fn leaf_hash(&self) -> Hash {
        leaf_hash(&self.0)
    }

    /// Writes the entry as it is in a bundle: its length in two bytes, most significant first, then its
    /// bytes.
    pub(super) fn encode_into(&self, bundle: &mut Vec<u8>) {
        // The length is checked in `new`, so the cast keeps it.
        bundle.extend_from_slice(&(self.0.len() as u16).to_be_bytes());
        bundle.extend_from_slice(&self.0);
    }
}

impl Bundle {
    /// Cuts the bytes of this bundle into its entries: exactly as many as its width.
    ///
    /// Bytes that were read from a wider bundle are decoded as that one.
    pub fn decode(self, bytes: &[u8]) -> Result<Vec<Entry>, EntryError> {
        let damaged = |reason| EntryError::Bundle { bundle: self, reason };
        let mut entries = Vec::with_capacity(usize::from(self.width()));
        let mut rest = bytes;
        for _ in 0..self.width() {
            let (length, after) =
                rest.split_first_chunk().ok_or_else(|| damaged("it has too few entries"))?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (entry, after) =
                after.split_at_checked(length).ok_or_else(|| damaged("its end is cut off"))?;
            entries.push(Entry(entry.to_vec()));
            rest = after;
        }
        if rest.is_empty() { Ok(entries) } else { Err(damaged("it goes on after its last entry")) }
    }
}

/// The bytes of a bundle of these entries.
pub fn encode_entries(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    entries.iter().for_each(|entry| entry.encode_into(&mut bytes));
    bytes
}

/// Appends entries to a log of `size` entries and returns the bundles that this fills or starts, with
/// their bytes: exactly those that [`Bundle::changed`] lists.
///
/// `partial` is the content of the log's last, partial bundle; empty if `size` is a multiple of 256.
pub fn append_to_bundles(
    size: TreeSize,
    partial: &[u8],
    entries: &[Entry],
) -> Result<Vec<(Bundle, Vec<u8>)>, EntryError> {
    let new_size = size.plus(entries.len())?;
    match Bundle::for_size(size.get() / FULL, size) {
        Some(bundle) => drop(bundle.decode(partial)?),
        None if partial.is_empty() => {}
        None => return Err(EntryError::NotPartial { size }),
    }
    let mut bytes = partial.to_vec();
    let mut rest = entries;
    let grow = |bundle: Bundle| {
        let first = bundle.first_leaf().max(size.get());
        let end = bundle.first_leaf() + u64::from(bundle.width());
        let (now, later) = rest.split_at((end - first) as usize);
        now.iter().for_each(|entry| entry.encode_into(&mut bytes));
        rest = later;
        (bundle, std::mem::take(&mut bytes))
    };
    Ok(Bundle::changed(size, new_size).map(grow).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn size(leaves: u64) -> TreeSize {
        TreeSize::new(leaves).expect("a size")
    }

    fn entries(count: usize) -> Vec<Entry> {
        (0..count).map(|n| Entry::new(format!("entry {n}")).expect("short")).collect()
    }

    #[test]
    fn an_entry_is_prefixed_by_its_length() {
        let entries =
            [Entry::new("ab"), Entry::new(""), Entry::new(vec![7; 258])].map(|e| e.expect("short"));
        let bundles = append_to_bundles(size(0), b"", &entries).expect("appended");
        let (bundle, bytes) = &bundles[0];
        assert_eq!(bundle.path(), "tile/entries/000.p/3");
        assert_eq!(bytes[..8], *b"\x00\x02ab\x00\x00\x01\x02");
        assert_eq!(bundle.decode(bytes), Ok(entries.to_vec()));
        assert_eq!(append_to_bundles(size(0), b"", &[]), Ok(vec![]));
    }

    #[test]
    fn an_entry_has_a_longest_length() {
        let longest = Entry::new(vec![1; 65_535]).expect("the longest");
        let bundles =
            append_to_bundles(size(0), b"", std::slice::from_ref(&longest)).expect("appended");
        assert_eq!(bundles[0].0.decode(&bundles[0].1), Ok(vec![longest]));
        assert_eq!(Entry::new(vec![1; 65_536]), Err(EntryError::TooLong { length: 65_536 }));
    }

    #[test]
    fn damaged_bundles_are_refused() {
        let bundles = append_to_bundles(size(0), b"", &entries(3)).expect("appended");
        let (bundle, bytes) = &bundles[0];
        for end in 0..bytes.len() {
            assert!(bundle.decode(&bytes[..end]).is_err(), "cut to {end}");
        }
        assert!(bundle.decode(&[&bytes[..], b"\0"].concat()).is_err());
        assert!(Bundle::new(0, 2).expect("a bundle").decode(bytes).is_err());
        assert!(Bundle::new(0, 4).expect("a bundle").decode(bytes).is_err());
        assert!(append_to_bundles(size(2), bytes, &entries(1)).is_err());
        let none = append_to_bundles(size(256), bytes, &entries(1));
        assert_eq!(none, Err(EntryError::NotPartial { size: size(256) }));
    }

    proptest! {
        #[test]
        fn batches_do_not_matter(splits in prop::collection::vec(0..600_usize, 1..6)) {
            let all = entries(splits.iter().sum());
            let mut stored: BTreeMap<Bundle, Vec<u8>> = BTreeMap::new();
            let mut done = 0;
            for split in splits {
                let old = size(done as u64);
                let partial = Bundle::for_size(old.get() / FULL, old)
                    .map_or(Vec::new(), |bundle| stored[&bundle].clone());
                let new = append_to_bundles(old, &partial, &all[done..done + split])
                    .expect("appended");
                done += split;
                let names: Vec<Bundle> = new.iter().map(|(bundle, _)| *bundle).collect();
                let changed: Vec<Bundle> = Bundle::changed(old, size(done as u64)).collect();
                prop_assert_eq!(names, changed);
                stored.extend(new);
            }
            let decoded: Vec<Entry> = Bundle::changed(size(0), size(done as u64))
                .flat_map(|bundle| bundle.decode(&stored[&bundle]).expect("whole"))
                .collect();
            prop_assert_eq!(decoded, all);
        }

        #[test]
        fn decoding_any_bytes_is_safe(width in 1..=256_u16, bytes: Vec<u8>) {
            let bundle = Bundle::new(0, width).expect("a bundle");
            if let Ok(entries) = bundle.decode(&bytes) {
                let mut again = Vec::new();
                entries.iter().for_each(|entry| entry.encode_into(&mut again));
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
