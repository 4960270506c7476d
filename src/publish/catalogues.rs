//! The published catalogues: which ones exist, and which was in force when.
//!
//! ```text
//! catalogue/SHA256HEX   a catalogue, as JSON
//! catalogue/index       all of them, oldest first: commit, time, key, version (`catalogue_index`)
//! ```
//!
//! **Order.** Oldest first: by the version that was newest when the commit was published, then by its
//! day, then by the commit's time, in whatever order publishers record them. Only if a publisher is so
//! late that a whole page was filled in the meantime does its entry go right after that page, since pages
//! do not change.
//!
//! **Lookup.** The catalogue in force on a day is the last one in this order that was published for that
//! day or an earlier one. Pages record their earliest day, so days need not be in order.
//!
//! **When.** A commit has its own catalogue if its definitions differ from those before it in anything
//! that charts and pages show, even just a title. It is recorded after the commit's config is in the log:
//! a crash in between leaves a version whose definitions are not recorded yet, and publishing that commit
//! again, which changes nothing else, records them.
//!
//! **Missing.** So a log with versions has a catalogue, except while its first version is being
//! published. If it has none, the index was lost, or everything was published by a version of this
//! program without catalogues. Either way pages would show wrong definitions, and publishing once more
//! repairs it ([`CatalogueError::NoneRecorded`]).

use super::catalogue::{Catalogue, FORMAT, STACK_MINIMUM};
use super::catalogue_index::{CatalogueEntry, Index, Page, PageRef};
use crate::gomod::ModuleVersion;
use crate::store::{Key, KeyError, Store, StoreError, Swap, checksum};
use crate::tlog::TreeHead;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;

const INDEX: &str = "catalogue/index";
/// The version of the pointer's format. No flipped bit turns it into the one without a checksum.
const INDEX_FORMAT: u32 = 4;
/// The version before it: all entries in the pointer. It is read, but never written.
const WITHOUT_PAGES: u32 = 2;
/// The version before that: without a checksum.
const WITHOUT_CHECKSUM: u32 = 1;

/// The catalogues in a store.
#[derive(Debug, Clone)]
pub struct Catalogues {
    store: Arc<dyn Store>,
}

/// The entries at one moment. Pages are read when they are needed.
#[derive(Debug)]
pub struct Recorded<'c> {
    catalogues: &'c Catalogues,
    index: Index,
}

/// A catalogue, as far as it says which charts there are.
#[derive(Debug, Deserialize)]
pub(super) struct Outline {
    format: u32,
    /// The day for which it was published.
    pub(super) as_of: Date,
    charts: Vec<ChartName>,
}

/// What is the same chart in two catalogues.
#[derive(Debug, Deserialize)]
struct ChartName {
    program: String,
    id: String,
}

impl Outline {
    fn names(&self) -> HashSet<(&str, &str)> {
        self.charts.iter().map(|chart| (chart.program.as_str(), chart.id.as_str())).collect()
    }

    /// The charts that another does not have, by program and id.
    pub(super) fn without(&self, other: &Outline) -> HashSet<(&str, &str)> {
        let there = other.names();
        self.names().into_iter().filter(|name| !there.contains(name)).collect()
    }
}

/// Why catalogues cannot be read or recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data is damaged, or was written by a later version of this program.
    #[error(
        "{what} cannot be read: {reason}. Restore it from the newest copy of the store; if there \
         is none, remove it and {INDEX} from the store and run `candor publish`, which records \
         the definitions of that commit again; those of earlier ones are lost"
    )]
    Malformed {
        /// The object or pointer.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The index names an object that is not there.
    #[error(
        "{0} is missing from the store. Restore it from the newest copy of the store; if there \
         is none, remove {INDEX} and run `candor publish`, which records the definitions of that \
         commit again; those of earlier ones are lost"
    )]
    Missing(String),
    /// The log has versions, and there is no index.
    #[error(
        "{INDEX} is missing from the store, though the log has versions. Restore it from the \
         newest copy of the store; if there is none, run `candor publish`, which records the \
         definitions of that commit again; those of earlier ones are lost"
    )]
    NoneRecorded,
}

impl From<KeyError> for CatalogueError {
    fn from(error: KeyError) -> CatalogueError {
        StoreError::from(error).into()
    }
}

impl Catalogues {
    /// The catalogues in `store`.
    pub fn new(store: Arc<dyn Store>) -> Catalogues {
        Catalogues { store }
    }

    /// The recorded catalogues. Empty if nothing was published yet.
    pub fn recorded(&self) -> Result<Recorded<'_>, CatalogueError> {
        Ok(Recorded { catalogues: self, index: self.index()?.1 })
    }

    /// As [`Catalogues::recorded`], with the bytes of the pointer; `None` if they have not changed from
    /// `last`.
    pub fn recorded_since(
        &self,
        last: Option<&[u8]>,
    ) -> Result<Option<(Recorded<'_>, Vec<u8>)>, CatalogueError> {
        let (bytes, index) = self.index()?;
        let bytes = bytes.ok_or(CatalogueError::NoneRecorded)?;
        let recorded = Recorded { catalogues: self, index };
        Ok((last != Some(bytes.as_slice())).then_some((recorded, bytes)))
    }

    /// Where the newest catalogue is.
    pub fn newest_entry(&self) -> Result<Option<CatalogueEntry>, CatalogueError> {
        Ok(self.index()?.1.catalogues.pop())
    }

    /// The newest catalogue.
    pub fn newest(&self) -> Result<Option<Catalogue>, CatalogueError> {
        self.newest_entry()?.map(|entry| self.read(&entry)).transpose()
    }

    /// The newest catalogue of a log that has versions; an error if there is none.
    pub fn newest_of_versions(&self) -> Result<(CatalogueEntry, Catalogue), CatalogueError> {
        let newest = self.newest_entry()?.ok_or(CatalogueError::NoneRecorded)?;
        let catalogue = self.read(&newest)?;
        Ok((newest, catalogue))
    }

    /// How many reports of a week a stack currently needs to be public: as the newest catalogue says, or
    /// `STACK_MINIMUM` if nothing was published yet.
    pub fn stack_minimum(&self) -> Result<u32, CatalogueError> {
        Ok(self.newest()?.map_or(STACK_MINIMUM, |catalogue| catalogue.retention.stack_minimum))
    }

    /// The catalogue in force on a day: the newest that was published for that day or an earlier one,
    /// else the oldest.
    #[cfg(any(test, feature = "testing"))]
    pub fn at(&self, date: Date) -> Result<Option<Catalogue>, CatalogueError> {
        self.recorded()?.in_force(date)?.map(|entry| self.read(&entry)).transpose()
    }

    /// The catalogue of an entry.
    pub fn read(&self, entry: &CatalogueEntry) -> Result<Catalogue, CatalogueError> {
        let catalogue: Catalogue = parse(&entry.key, &self.bytes(entry)?)?;
        check_format(&entry.key, catalogue.format, FORMAT)?;
        Ok(catalogue)
    }

    /// The bytes of the catalogue of an entry, which are those that were recorded.
    fn bytes(&self, entry: &CatalogueEntry) -> Result<Vec<u8>, CatalogueError> {
        let bytes = self.store.get(&Key::new(entry.key.clone())?)?;
        let bytes = bytes.ok_or_else(|| CatalogueError::Missing(entry.key.clone()))?;
        if key_of(&bytes) != entry.key {
            let reason = "its bytes are not those that were recorded".to_owned();
            return Err(CatalogueError::Malformed { what: entry.key.clone(), reason });
        }
        Ok(bytes)
    }

    /// Which charts the catalogue of an entry has.
    pub(super) fn outline(&self, entry: &CatalogueEntry) -> Result<Outline, CatalogueError> {
        let outline: Outline = parse(&entry.key, &self.bytes(entry)?)?;
        check_format(&entry.key, outline.format, FORMAT)?;
        Ok(outline)
    }

    /// Reads every catalogue and compares it with its entry in the index. `found` gets each error. `head` is asked for
    /// the log's newest head once the index was read: another publisher may have made both longer meanwhile.
    pub(super) fn verify(
        &self,
        head: impl FnOnce() -> Result<TreeHead, StoreError>,
        mut found: impl FnMut(CatalogueError),
    ) -> Result<(), StoreError> {
        let mut hear = |error| match error {
            CatalogueError::Store(error) => Err(error),
            other => {
                found(other);
                Ok(())
            }
        };
        let recorded = match self.recorded() {
            Ok(recorded) => recorded,
            Err(error) => return hear(error),
        };
        let head = head()?;
        if recorded.index.catalogues.is_empty() && head.size.get() > 0 {
            return hear(CatalogueError::NoneRecorded);
        }
        for entry in recorded.entries() {
            let checked = entry.and_then(|entry| self.verify_entry(&entry, head));
            checked.or_else(&mut hear)?;
        }
        Ok(())
    }

    fn verify_entry(&self, entry: &CatalogueEntry, head: TreeHead) -> Result<(), CatalogueError> {
        let wrong = |reason| CatalogueError::Malformed { what: INDEX.to_owned(), reason };
        let key = &entry.key;
        let catalogue = match self.read(entry) {
            Err(CatalogueError::Missing(_)) => {
                return Err(wrong(format!("it names {key}, which is not there")));
            }
            read => read?,
        };
        if (&catalogue.commit, catalogue.time, catalogue.as_of)
            != (&entry.commit, entry.time, entry.as_of)
        {
            return Err(wrong(format!("it names another commit or day than {key} does")));
        }
        let version = entry.version.parse::<ModuleVersion>().ok();
        if version.is_none_or(|version| version.number() > head.size.get()) {
            let version = &entry.version;
            return Err(wrong(format!("it names {version}, which the log does not have")));
        }
        Ok(())
    }

    /// Records the catalogue of a commit, in order, unless it says the same as the one before it.
    /// `version` is the newest version of the config. Returns the previous newest catalogue, if this one
    /// is now the newest.
    pub(crate) fn record(
        &self,
        catalogue: &Catalogue,
        version: ModuleVersion,
    ) -> Result<Option<Catalogue>, CatalogueError> {
        let bytes = to_json(catalogue);
        let entry = CatalogueEntry {
            commit: catalogue.commit.clone(),
            time: catalogue.time,
            as_of: catalogue.as_of,
            key: key_of(&bytes),
            version: version.to_string(),
        };
        loop {
            let (found, index) = self.index()?;
            let mut recorded = Recorded { catalogues: self, index };
            let recent = recorded.recent()?;
            let order = |entry: &CatalogueEntry| {
                (entry.version.parse::<ModuleVersion>().ok(), entry.as_of, entry.time)
            };
            let place = recent.partition_point(|other| order(other) <= order(&entry));
            let name =
                |entry: &CatalogueEntry| (entry.commit.clone(), entry.version.clone(), entry.as_of);
            let known = recent.iter().any(|other| name(other) == name(&entry));
            let before = place.checked_sub(1).and_then(|before| recent.get(before));
            if known {
                return Ok(None);
            }
            let before = before.map(|before| self.read(before)).transpose()?;
            if before.as_ref().is_some_and(|before| same(before, catalogue)) {
                return Ok(None);
            }
            let before = before.filter(|_| place == recent.len());
            let index = &mut recorded.index;
            let in_pages = recent.len().saturating_sub(index.catalogues.len());
            index.catalogues.insert(place.saturating_sub(in_pages), entry.clone());
            let mut objects = vec![(Key::new(entry.key.clone())?, bytes.clone())];
            let mut pages = Vec::new();
            index.carry(|page| {
                let bytes = to_json(page);
                let name = page_name(&bytes);
                pages.push((name.clone(), bytes));
                name
            });
            for (name, bytes) in pages {
                objects.push((Key::new(name)?, bytes));
            }
            index.format = INDEX_FORMAT;
            let new = checksum::add(to_json(&index));
            match self.store.put_and_swap(&objects, &Key::new(INDEX)?, found.as_deref(), &new)? {
                Swap::Won => return Ok(before),
                Swap::Lost => {}
            }
        }
    }

    /// A page of the index.
    fn page(&self, name: &str) -> Result<Page, CatalogueError> {
        let bytes = self.store.get(&Key::new(name)?)?;
        let bytes = bytes.ok_or_else(|| CatalogueError::Missing(name.to_owned()))?;
        if page_name(&bytes) != name {
            let reason = "its bytes are not those that were recorded".to_owned();
            return Err(CatalogueError::Malformed { what: name.to_owned(), reason });
        }
        let page: Page = parse(name, &bytes)?;
        check_format(name, page.format, Page::FORMAT)?;
        Ok(page)
    }

    /// The pointer's bytes, and what they say.
    fn index(&self) -> Result<(Option<Vec<u8>>, Index), CatalogueError> {
        match self.store.pointer(&Key::new(INDEX)?)? {
            None => {
                let (catalogues, pages) = (Vec::new(), Vec::new());
                Ok((None, Index { format: INDEX_FORMAT, catalogues, pages }))
            }
            Some(bytes) => {
                let index: Index = parse(INDEX, &bytes)?;
                if index.format != WITHOUT_CHECKSUM {
                    let known =
                        if index.format == WITHOUT_PAGES { WITHOUT_PAGES } else { INDEX_FORMAT };
                    check_format(INDEX, index.format, known)?;
                    checksum::verify(&bytes).map_err(|error| CatalogueError::Malformed {
                        what: INDEX.to_owned(),
                        reason: error.to_string(),
                    })?;
                }
                Ok((Some(bytes), index))
            }
        }
    }
}

impl Recorded<'_> {
    /// All entries, oldest first. One page a level is in memory.
    pub fn entries(&self) -> impl Iterator<Item = Result<CatalogueEntry, CatalogueError>> {
        self.walk(Order::OldestFirst)
    }

    /// The newest entry.
    pub fn newest(&self) -> Option<&CatalogueEntry> {
        self.index.catalogues.last()
    }

    /// The newest entries, oldest first: at least one, if there are any.
    pub fn newest_page(&self) -> &[CatalogueEntry] {
        &self.index.catalogues
    }

    /// All entries, newest first. Pages are read as they are needed.
    pub fn newest_first(&self) -> impl Iterator<Item = Result<CatalogueEntry, CatalogueError>> {
        self.walk(Order::NewestFirst)
    }

    /// The entries that were recorded while a version or one before it was the newest, newest first. Of each level
    /// of pages a few are read to find the first of them, however many entries there are.
    pub fn newest_first_from(
        &self,
        version: ModuleVersion,
    ) -> impl Iterator<Item = Result<CatalogueEntry, CatalogueError>> {
        let is_of = move |entry: &CatalogueEntry| {
            // What the log has is a version; `verify-store` finds anything else.
            entry.version.parse::<ModuleVersion>().is_ok_and(|of| of <= version)
        };
        // Late entries may be out of order.
        self.walk(Order::NewestFirstFrom(version))
            .filter(move |entry| entry.as_ref().map_or(true, is_of))
    }

    /// The newest of them: that of the definitions behind a version's config.
    pub fn behind(&self, version: ModuleVersion) -> Result<Option<CatalogueEntry>, CatalogueError> {
        self.newest_first_from(version).next().transpose()
    }

    fn walk(&self, order: Order) -> impl Iterator<Item = Result<CatalogueEntry, CatalogueError>> {
        let pages = self.index.pages.iter().rev().flatten();
        let mut open: Vec<Result<Node, CatalogueError>> = pages.cloned().map(page).collect();
        open.extend(self.index.catalogues.iter().cloned().map(Node::Entry).map(Ok));
        self.arrange(order, &mut open);
        std::iter::from_fn(move || {
            loop {
                match open.pop()? {
                    Err(error) => return Some(Err(error)),
                    Ok(Node::Entry(entry)) => return Some(Ok(entry)),
                    Ok(Node::Page(page)) => {
                        let mut nodes = self.nodes_of(&page);
                        self.arrange(order, &mut nodes);
                        open.extend(nodes);
                    }
                }
            }
        })
    }

    /// The entry of the catalogue in force on a day; see `Catalogues::at`.
    pub fn in_force(&self, date: Date) -> Result<Option<CatalogueEntry>, CatalogueError> {
        let newest = self.index.catalogues.iter().rev().find(|entry| entry.as_of <= date);
        if let Some(entry) = newest {
            return Ok(Some(entry.clone()));
        }
        let mut pages = self.index.pages.iter().flat_map(|level| level.iter().rev());
        let Some(mut page) = pages.find(|page| page.earliest <= date).cloned() else {
            return self.entries().next().transpose();
        };
        loop {
            let found = self.catalogues.page(&page.key)?;
            match found.pages.into_iter().rev().find(|page| page.earliest <= date) {
                Some(below) => page = below,
                None => {
                    let mut entries = found.catalogues.into_iter().rev();
                    return Ok(entries.find(|entry| entry.as_of <= date));
                }
            }
        }
    }

    /// The newest entries, oldest first: those in the pointer and those of the page before them. There
    /// are between one and two pages' worth, if there are that many.
    pub(super) fn recent(&self) -> Result<Vec<CatalogueEntry>, CatalogueError> {
        let newest = self.index.pages.iter().find_map(|level| level.last()).cloned();
        let mut entries = Vec::new();
        let mut next = newest;
        while let Some(page) = next {
            let mut page = self.catalogues.page(&page.key)?;
            next = page.pages.pop();
            entries = page.catalogues;
        }
        entries.extend(self.index.catalogues.iter().cloned());
        Ok(entries)
    }

    /// Sorts nodes, given oldest first, so that the next one to visit is last.
    fn arrange(&self, order: Order, nodes: &mut Vec<Result<Node, CatalogueError>>) {
        match order {
            Order::OldestFirst => nodes.reverse(),
            Order::NewestFirst => {}
            Order::NewestFirstFrom(version) => nodes.truncate(self.until(version, nodes)),
        }
    }

    /// How many of these nodes, which are oldest first, begin with an entry of a version or one before it. Found by
    /// halving; where a page is damaged, nothing before it is left out.
    fn until(&self, version: ModuleVersion, nodes: &[Result<Node, CatalogueError>]) -> usize {
        let (mut before, mut after) = (0, nodes.len());
        while before < after {
            let middle = usize::midpoint(before, after);
            let first = nodes.get(middle).and_then(|node| self.first_version(node.as_ref().ok()?));
            match first.is_some_and(|first| first > version) {
                true => after = middle,
                false => before = middle + 1,
            }
        }
        before
    }

    /// The version of the oldest entry of a node; `None` if that cannot be read.
    fn first_version(&self, node: &Node) -> Option<ModuleVersion> {
        let mut page = match node {
            Node::Entry(entry) => return entry.version.parse().ok(),
            Node::Page(page) => self.catalogues.page(&page.key).ok()?,
        };
        loop {
            match page.pages.first() {
                Some(below) => page = self.catalogues.page(&below.key).ok()?,
                None => return page.catalogues.first()?.version.parse().ok(),
            }
        }
    }

    /// What a page holds, oldest first.
    fn nodes_of(&self, of: &PageRef) -> Vec<Result<Node, CatalogueError>> {
        match self.catalogues.page(&of.key) {
            Err(error) => vec![Err(error)],
            Ok(found) => {
                let entries = found.catalogues.into_iter().map(Node::Entry).map(Ok);
                found.pages.into_iter().map(page).chain(entries).collect()
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Order {
    OldestFirst,
    NewestFirst,
    /// Without what is newer than a version, as far as that is known.
    NewestFirstFrom(ModuleVersion),
}

/// What is still to be visited.
enum Node {
    Page(PageRef),
    Entry(CatalogueEntry),
}

fn page(page: PageRef) -> Result<Node, CatalogueError> {
    Ok(Node::Page(page))
}

/// Whether two catalogues are equal apart from their commit and day.
fn same(a: &Catalogue, b: &Catalogue) -> bool {
    let of_b = Catalogue { commit: b.commit.clone(), time: b.time, as_of: b.as_of, ..a.clone() };
    of_b == *b
}

fn key_of(bytes: &[u8]) -> String {
    format!("catalogue/{}", hex_digest(bytes))
}

fn page_name(bytes: &[u8]) -> String {
    format!("catalogue/page/{}", hex_digest(bytes))
}

fn hex_digest(bytes: &[u8]) -> String {
    crate::hex::hex(&Sha256::digest(bytes))
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    // Nothing in these types can fail to serialise: keys are strings, numbers are finite.
    serde_json::to_vec(value).unwrap_or_default()
}

fn parse<T: for<'de> Deserialize<'de>>(what: &str, bytes: &[u8]) -> Result<T, CatalogueError> {
    serde_json::from_slice(bytes).map_err(|error| CatalogueError::Malformed {
        what: what.to_owned(),
        reason: error.to_string(),
    })
}

fn check_format(what: &str, format: u32, known: u32) -> Result<(), CatalogueError> {
    if format == known {
        return Ok(());
    }
    let reason = format!("it has format {format}, and this program knows {known}");
    Err(CatalogueError::Malformed { what: what.to_owned(), reason })
}

#[cfg(test)]
#[path = "catalogues_tests.rs"]
mod tests;
