//! Which reports of batches are included: their identities, so that each is taken once.
//!
//! A folder's receiver knows which reports it has stored. In a store that several machines share none does, and
//! the same report may be in several batches ([`Buffer::Store`](crate::ingest::Buffer::Store)). So for each day
//! whose last edition is not published, the index names a private object: the identities of the reports that it
//! includes, 16 bytes each, in ascending order. The index changes to name it and what it speaks of in one step.

use super::dataset::HashingFile;
use super::merge_error::{MergeError, Stop};
use super::private::{self, MadePrivate};
use super::scratch::Scratch;
use crate::aggregate::index::{Index, PrivateFile};
use crate::aggregate::public::{PublicData, PublicError};
use crate::hex::hex;
use crate::ingest::Identity;
use jiff::civil::Date;
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read, Write};

/// The identities of the included reports of the days that were asked for. Memory: 16 bytes for each report of
/// these days, and some 40 for each new one.
pub(super) struct Identities<'a> {
    public: &'a PublicData,
    index: &'a Index,
    days: BTreeMap<Date, OfDay>,
}

#[derive(Default)]
struct OfDay {
    /// Sorted.
    included: Vec<Identity>,
    new: HashSet<Identity>,
}

impl<'a> Identities<'a> {
    pub fn new(public: &'a PublicData, index: &'a Index) -> Identities<'a> {
        Identities { public, index, days: BTreeMap::new() }
    }

    /// Adds a report; false if it is included already.
    pub fn add(&mut self, day: Date, identity: Identity) -> Result<bool, Stop> {
        let of_day = match self.days.entry(day) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(unknown) => {
                let file = self.index.included.get(&day);
                let included = file.map(|file| read(self.public, day, file)).transpose()?;
                let included = included.unwrap_or_default();
                unknown.insert(OfDay { included, new: HashSet::new() })
            }
        };
        Ok(of_day.included.binary_search(&identity).is_err() && of_day.new.insert(identity))
    }

    /// The new object of each day that has new ones.
    pub fn finish(self, scratch: &Scratch) -> io::Result<BTreeMap<Date, MadePrivate>> {
        let changed = self.days.into_iter().filter(|(_, of_day)| !of_day.new.is_empty());
        let write = |(day, OfDay { mut included, new }): (Date, OfDay)| {
            included.extend(new);
            included.sort_unstable();
            let path = scratch.path(&format!("{day}.identities"));
            let mut out = HashingFile::create(&path)?;
            included.iter().try_for_each(|identity| out.write_all(identity.as_bytes()))?;
            let (_, bytes, sha256) = out.finish()?;
            let reports = BTreeMap::from([(day, included.len() as u64)]);
            let file = PrivateFile { bytes, sha256: hex(&sha256), reports };
            Ok((day, MadePrivate { scratch: path, file }))
        };
        changed.map(write).collect()
    }
}

fn read(public: &PublicData, day: Date, file: &PrivateFile) -> Result<Vec<Identity>, Stop> {
    let named = |index: &Index| index.included.get(&day) == Some(file);
    let (key, mut opened) = private::open(public, file, named)?;
    let mut bytes = Vec::new();
    let read = opened.read_to_end(&mut bytes);
    read.map_err(|source| PublicError::Io { name: key.to_string(), source })?;
    let identities = bytes.chunks(Identity::LENGTH).map(Identity::from_bytes).collect();
    let damaged = || MergeError::from(PublicError::DamagedRows { name: key.to_string() });
    Ok(Option::ok_or_else(identities, damaged)?)
}
