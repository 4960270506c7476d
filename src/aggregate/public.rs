//! Reads public data: the index, and the files that it names.

use crate::aggregate::index::{FORMAT, Index, PublicFile};
use crate::hashing::sha256_of;
use crate::store::{Key, KeyError, Store, StoreError, Swap, checksum};
use jiff::civil::Date;
use std::fmt;
use std::fs::File;
use std::io::{self, Seek};
use std::sync::Arc;

/// The name of the pointer that holds the index.
/// What the names of everything begin with that is made of reports.
pub const PUBLIC_DATA: [&str; 2] = ["public/", super::stored_charts::FOLDER];
const INDEX: &str = "public/index";
/// The name of a pointer that is written once, after the first index: if it exists, there was an index.
const BEGUN: &str = "public/begun";

/// The public data of a deployment.
#[derive(Debug, Clone)]
pub struct PublicData {
    store: Arc<dyn Store>,
}

/// Why public data cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublicError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A pointer is damaged.
    #[error(
        "{what} is damaged: {reason}. Restore it from the newest copy of the store: what was merged is \
         stored nowhere else"
    )]
    Malformed {
        /// The pointer.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no index, though a merge has written one.
    #[error(
        "{INDEX} is missing from the store, and with it all public data, though {BEGUN} says that there \
         was some. Restore it from the newest copy of the store: what was merged is stored nowhere else"
    )]
    NoIndex,
    /// The rows that wait for an edition are missing.
    #[error(
        "{name} is missing from the store, and with it reports that are in no edition yet; put it \
         back from a copy"
    )]
    MissingRows {
        /// The object.
        name: String,
    },
    /// The rows that wait for an edition are damaged.
    #[error(
        "{name} is damaged, and with it reports that are in no edition yet; restore it from a copy"
    )]
    DamagedRows {
        /// The object.
        name: String,
    },
    /// It was written by a later version of this program.
    #[error(
        "{what} has a format that this program does not know ({reason}); use the newer program"
    )]
    Later {
        /// The object or pointer.
        what: String,
        /// What is not known.
        reason: String,
    },
    /// An object that the index names is missing.
    #[error("{name} is missing from the store; put it back from a copy, or run {made_by}")]
    Missing {
        /// The object.
        name: String,
        /// The command that makes it again.
        made_by: MadeBy,
    },
    /// An object's bytes do not match its name.
    #[error("{name} is damaged; restore it from a copy, or run {made_by}")]
    Damaged {
        /// The object.
        name: String,
        /// The command that makes it again.
        made_by: MadeBy,
    },
    /// An object could not be read.
    #[error("cannot read {name}: {source}")]
    Io {
        /// The object.
        name: String,
        /// The system's answer.
        source: io::Error,
    },
}

/// The command that makes an object again from other data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeBy {
    /// Merging the week that this day lies in.
    Merge(Date),
    /// Charting it.
    Chart(Date),
}

impl fmt::Display for MadeBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MadeBy::Merge(day) => {
                write!(f, "`candor merge --week {day}` and then `candor chart --week {day}`")
            }
            MadeBy::Chart(day) => write!(f, "`candor chart --week {day}`"),
        }
    }
}

impl PublicFile {
    /// The file's name for people, and the command that makes it again.
    fn named(&self, key: &Key) -> (String, MadeBy) {
        let day = self.name.strip_prefix("week-").unwrap_or(&self.name).get(..10);
        let day = day.and_then(|day| day.parse().ok()).unwrap_or_default();
        (format!("{} ({key})", self.name), MadeBy::Merge(day))
    }

    fn missing(&self, key: &Key) -> PublicError {
        let (name, made_by) = self.named(key);
        PublicError::Missing { name, made_by }
    }
}

impl From<KeyError> for PublicError {
    fn from(error: KeyError) -> PublicError {
        PublicError::Store(error.into())
    }
}

impl PublicData {
    /// The public data in `store`.
    pub fn new(store: Arc<dyn Store>) -> PublicData {
        PublicData { store }
    }

    /// The store.
    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The store, shared.
    pub fn shared_store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// The current index; empty if nothing was merged yet.
    pub fn index(&self) -> Result<Index, PublicError> {
        self.parse(self.index_bytes()?.as_deref())
    }

    /// The bytes of the current index, which identify the state; `None` if nothing was merged yet.
    pub fn index_bytes(&self) -> Result<Option<Vec<u8>>, PublicError> {
        let index = Key::new(INDEX)?;
        let found = self.store.pointer(&index)?;
        if found.is_some() || self.store.pointer(&Key::new(BEGUN)?)?.is_none() {
            return Ok(found);
        }
        // The first merge may have finished in between.
        self.store.pointer(&index)?.map(Some).ok_or(PublicError::NoIndex)
    }

    /// Changes the index by compare-and-swap. If another process changed it meanwhile, `change` is
    /// called again on the newer index; if `change` fails, nothing is changed.
    ///
    /// Objects that the new index names must already be in the store; names that it drops belong in
    /// [`Index::superseded`].
    pub fn update<T, E: From<PublicError>>(
        &self,
        mut change: impl FnMut(&mut Index) -> Result<T, E>,
    ) -> Result<T, E> {
        let key = Key::new(INDEX).map_err(PublicError::from)?;
        loop {
            let bytes = self.index_bytes()?;
            let mut index = self.parse(bytes.as_deref())?;
            let result = change(&mut index)?;
            index.format = FORMAT;
            let new = serde_json::to_vec(&index).map_err(|e| PublicError::Malformed {
                what: INDEX.to_owned(),
                reason: e.to_string(),
            })?;
            let new = checksum::add(new);
            if bytes.as_ref() == Some(&new) {
                return Ok(result);
            }
            let swap = self.store.swap(&key, bytes.as_deref(), &new).map_err(PublicError::from)?;
            if swap == Swap::Won {
                self.note_begun()?;
                return Ok(result);
            }
        }
    }

    fn note_begun(&self) -> Result<(), PublicError> {
        let begun = Key::new(BEGUN)?;
        if self.store.pointer(&begun)?.is_none() {
            let (Swap::Won | Swap::Lost) = self.store.swap(&begun, None, b"public data\n")?;
        }
        Ok(())
    }

    /// Opens a file that the index names, once it is sure that every byte is as it was written.
    /// What was opened can be read to its end, whatever is merged meanwhile.
    pub fn open(&self, file: &PublicFile) -> Result<File, PublicError> {
        let key = object_key(&file.sha256)?;
        let mut opened = self.store.open(&key)?.ok_or_else(|| file.missing(&key))?;
        let failed = |source| PublicError::Io { name: key.to_string(), source };
        if sha256_of(&mut opened).map_err(failed)? != file.sha256 {
            let (name, made_by) = file.named(&key);
            return Err(PublicError::Damaged { name, made_by });
        }
        opened.rewind().map_err(failed)?;
        Ok(opened)
    }

    /// Opens a file again of which [`PublicData::open`] was sure before, without reading it.
    pub fn reopen(&self, file: &PublicFile) -> Result<File, PublicError> {
        let key = object_key(&file.sha256)?;
        self.store.open(&key)?.ok_or_else(|| file.missing(&key))
    }

    fn parse(&self, bytes: Option<&[u8]>) -> Result<Index, PublicError> {
        match bytes {
            None => Ok(Index { format: FORMAT, ..Index::default() }),
            Some(bytes) => parse_index(bytes),
        }
    }

    /// Puts an object that is named after its hash. An existing object with other bytes is damaged, and
    /// is replaced.
    pub(super) fn replacing_damaged(
        &self,
        key: &Key,
        put: impl Fn() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match put() {
            Err(StoreError::Conflict { .. }) => {
                self.store().remove(key)?;
                put()
            }
            other => other,
        }
    }
}

/// The key of the object with this SHA-256, in hex.
pub(super) fn object_key(sha256: &str) -> Result<Key, KeyError> {
    Key::new(format!("public/{sha256}"))
}

/// Parses an index.
pub fn parse_index(bytes: &[u8]) -> Result<Index, PublicError> {
    let malformed = |reason| PublicError::Malformed { what: INDEX.to_owned(), reason };
    let index: Index = serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
    match index.format {
        FORMAT => {
            checksum::verify(bytes).map_err(|e| malformed(e.to_string()))?;
            Ok(index)
        }
        other => Err(PublicError::Later {
            what: INDEX.to_owned(),
            reason: format!("format {other}, and this program knows {FORMAT}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::index::{Dataset, FileFormat};
    use crate::store::MemoryStore;

    fn public() -> (Arc<MemoryStore>, PublicData) {
        let store = Arc::new(MemoryStore::new());
        let public = PublicData::new(store.clone());
        let file = PublicFile {
            name: "2026-02-08.parquet".to_owned(),
            format: FileFormat::Parquet,
            bytes: 1234,
            sha256: "ab".repeat(32),
        };
        let dataset = Dataset { reports: 7, rows: 9, files: vec![file], ..Dataset::default() };
        let day = "2026-02-08".parse().expect("a date");
        let change = |index: &mut Index| {
            index.days.insert(day, dataset.clone());
            index.merges += 1;
            Ok::<_, PublicError>(())
        };
        public.update(change).expect("an index");
        (store, public)
    }

    #[test]
    fn every_flipped_bit_of_the_index_is_noticed() {
        let (_, public) = public();
        let bytes = public.index_bytes().expect("read").expect("an index");
        assert_eq!(parse_index(&bytes).expect("whole").days.len(), 1);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(parse_index(&flipped).is_err(), "bit {bit}: {:?}", flipped.escape_ascii());
        }
    }

    #[test]
    fn a_damaged_index_is_never_built_upon() {
        let (store, public) = public();
        let mut damaged = store.snapshot();
        let pointer = damaged.pointers.get_mut(&Key::new(INDEX).expect("a key")).expect("set");
        let at = pointer.windows(9).position(|w| w == b"\"reports\"").expect("a count");
        pointer[at + 10] ^= 1;
        store.restore(&damaged);
        let refused = public.update(|_| Ok::<_, PublicError>(())).expect_err("refused");
        assert!(refused.to_string().contains("checksum"), "{refused}");
        assert_eq!(store.snapshot().pointers, damaged.pointers);
    }

    #[test]
    fn an_index_that_is_gone_is_not_one_that_never_was() {
        let (store, public) = public();
        let index = Key::new(INDEX).expect("a key");
        let mut gone = store.snapshot();
        assert_eq!(gone.pointers.len(), 2);
        gone.pointers.remove(&index);
        store.restore(&gone);
        let said = public.index().expect_err("missing").to_string();
        assert!(said.starts_with("public/index is missing from the store"), "{said}");
        assert!(public.index_bytes().is_err());
        assert!(public.update(|_| Ok::<_, PublicError>(())).is_err());
        assert_eq!(store.snapshot().pointers, gone.pointers, "nothing is built upon it");
        gone.pointers.clear();
        store.restore(&gone);
        assert_eq!(public.index().expect("an empty one").days.len(), 0);
    }

    #[test]
    fn what_makes_a_file_again_is_said_with_its_week() {
        let (_, public) = public();
        let index = public.index().expect("an index");
        let file = index.file("2026-02-08.parquet").expect("a file");
        let said = public.open(file).expect_err("missing").to_string();
        assert!(said.starts_with("2026-02-08.parquet (public/abab"), "{said}");
        assert!(
            said.contains("run `candor merge --week 2026-02-08` and then `candor chart"),
            "{said}"
        );
        let week = PublicFile { name: "week-2026-02-08.ndjson.gz".to_owned(), ..file.clone() };
        assert!(
            public.reopen(&week).expect_err("missing").to_string().contains("--week 2026-02-08")
        );
    }
}
