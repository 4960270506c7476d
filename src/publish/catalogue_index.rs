//! The index of catalogues: a tree of pages, of which adding an entry changes at most one.
//!
//! ```text
//! catalogue/index            {"format":4,"catalogues":[ENTRY, ...],"pages":[[PAGE, ...], ...],"sha256":"..."}
//! catalogue/page/SHA256HEX   64 entries: {"format":1,"catalogues":[ENTRY, ...]}
//!                            or 64 pages: {"format":1,"pages":[PAGE, ...]}
//! PAGE                       {"key":"catalogue/page/SHA256HEX","earliest":"2026-11-22"}
//! ```
//!
//! The pointer holds the newest entries, up to 64 pages of older entries, up to 64 pages of those, and so
//! on: `pages[0]` are pages of entries, `pages[1]` pages of pages, and each level is older than the one
//! below. Whenever there are more than 64, they are written as a page, which never changes: its name is
//! the SHA-256 of its bytes, so the pointer vouches for all of them, and if two publishers race, the
//! pointer refers to the page of one. So whatever the number of catalogues, recording one reads the
//! pointer and a page, rewrites the pointer (less than 16 KiB a level, four levels at a million) and, one
//! time in 64, writes a page; and looking up a day follows one path down.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// How many entries or pages a page holds. Few, since the pointer is rewritten each time.
pub(super) const PAGE: usize = 64;

/// Where one catalogue is, and when it was in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueEntry {
    /// The commit whose definitions it holds.
    pub commit: String,
    /// The commit's time, in seconds since 1970.
    pub time: i64,
    /// The day for which it was published.
    pub as_of: Date,
    /// The object: its name is the SHA-256 of its bytes.
    pub key: String,
    /// The newest version of the config when the commit was published.
    pub version: String,
}

/// What the pointer holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) format: u32,
    /// The newest entries.
    pub(super) catalogues: Vec<CatalogueEntry>,
    /// The pages before them, level by level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) pages: Vec<Vec<PageRef>>,
}

/// Where a page is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PageRef {
    /// The object: its name is made from the SHA-256 of its bytes.
    pub(super) key: String,
    /// The earliest day for which any of the entries below it was published.
    pub(super) earliest: Date,
}

/// What a page holds: either entries or pages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) format: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) catalogues: Vec<CatalogueEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) pages: Vec<PageRef>,
}

impl Page {
    /// The version of this shape.
    pub(super) const FORMAT: u32 = 1;

    fn earliest(&self) -> Date {
        let entries = self.catalogues.iter().map(|entry| entry.as_of);
        entries.chain(self.pages.iter().map(|page| page.earliest)).min().unwrap_or(Date::MIN)
    }
}

impl Index {
    /// Moves full pages out of the pointer; `write` stores a page and returns its name.
    pub(super) fn carry(&mut self, mut write: impl FnMut(&Page) -> String) {
        let mut seal = |page: Page| PageRef { key: write(&page), earliest: page.earliest() };
        let entries = full_pages(&mut self.catalogues);
        let mut carried: Vec<PageRef> = entries
            .chunks(PAGE)
            .map(|page| Page { catalogues: page.to_vec(), ..Page::empty() })
            .map(&mut seal)
            .collect();
        for level in &mut self.pages {
            level.append(&mut carried);
            carried = seal_pages(level, &mut seal);
        }
        while !carried.is_empty() {
            let above = seal_pages(&mut carried, &mut seal);
            self.pages.push(std::mem::replace(&mut carried, above));
        }
    }
}

impl Page {
    fn empty() -> Page {
        Page { format: Page::FORMAT, catalogues: Vec::new(), pages: Vec::new() }
    }
}

fn seal_pages(level: &mut Vec<PageRef>, seal: impl FnMut(Page) -> PageRef) -> Vec<PageRef> {
    let pages = full_pages(level);
    let pages = pages.chunks(PAGE).map(|page| Page { pages: page.to_vec(), ..Page::empty() });
    pages.map(seal).collect()
}

/// Takes the full pages from the front, and leaves between one entry and a page's worth.
fn full_pages<T>(all: &mut Vec<T>) -> Vec<T> {
    let full = all.len().saturating_sub(1) / PAGE * PAGE;
    let rest = all.split_off(full);
    std::mem::replace(all, rest)
}
