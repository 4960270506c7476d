//! Which reports are stored already, so that duplicates are recognised.
//!
//! ```text
//! DIR/reports/seen/2026-02-08      the reports of one day (their `Week`)
//!   header      16 bytes   "candor  seen  1\n"; 1 is the version of this format
//! key         32 bytes   random, of this day only
//! identities  16 bytes   each, in ascending order
//!   checksum    32 bytes   the SHA-256 of everything before
//! ```
//!
//! A file does not reveal what was reported, even to someone who has the key, since they would have to
//! guess X, which the identity includes. Once no report of the day is accepted any more, the file is
//! removed, and the key with it.
//!
//! The key is durable before the first record with an identity made from it. The identities of reports
//! in an open segment are in that segment; before it is sealed, which removes them, this file is
//! rewritten as a whole. So identities are sorted here, not in order of arrival.
//!
//! Memory: 16 bytes per report, as in the files, half as much again while a segment is sealed, and some 40 bytes
//! per report of the open segment. At most [`Limits::known`](super::Limits::known) are remembered; beyond that, new
//! reports get 503.

use super::folder::{self, TEMPORARY};
use super::identity::{DayKey, Identity};
use crate::day::Day;
use crate::durable;
use crate::event::Event;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder's name.
const FOLDER: &str = "seen";
/// The first bytes of every file.
const HEADER: [u8; 16] = *b"candor  seen  1\n";
const CHECKSUM: usize = 32;

/// The stored reports, by day.
#[derive(Debug)]
pub(super) struct Seen {
    folder: PathBuf,
    days: BTreeMap<Day, Result<OfDay, Damaged>>,
    /// How many identities may be remembered.
    most: usize,
}

/// A damaged file.
#[derive(Debug, Clone, Copy)]
struct Damaged;

/// The stored reports of a day.
#[derive(Debug)]
struct OfDay {
    key: DayKey,
    /// The identities in the file, sorted.
    saved: Vec<Identity>,
    /// The identities that are not in the file yet.
    fresh: HashSet<Identity>,
}

impl Seen {
    /// Reads the files of the `oldest` day and later ones. `reports` is the receiver's folder; the
    /// caller holds its lock, and syncs it. Ends early when `stop` is set.
    pub(super) fn open(stop: &Event, reports: &Path, oldest: Day, most: usize) -> io::Result<Seen> {
        let folder = reports.join(FOLDER);
        durable::make_folders_unsynced(&folder, &mut folder::private())?;
        // The process that wrote a day's key may have died before its name was durable.
        durable::sync_folder(&folder)?;
        for path in folder::temporaries(&folder)? {
            durable::remove_unsynced(&path)?;
        }
        let mut seen = Seen { folder, days: BTreeMap::new(), most };
        for day in seen.files()?.into_iter().filter(|day| *day >= oldest) {
            if stop.is_set() {
                break;
            }
            seen.load(day)?;
        }
        Ok(seen)
    }

    /// How many reports are remembered.
    pub(super) fn len(&self) -> usize {
        let days = self.days.values().flatten();
        days.map(|day| day.saved.len() + day.fresh.len()).sum()
    }

    /// Whether no further report may be remembered.
    pub(super) fn is_full(&self, fresh: usize) -> bool {
        self.len().saturating_add(fresh) >= self.most
    }

    /// The newest day with a known report.
    pub(super) fn newest(&self) -> Option<Day> {
        let known = |day: &OfDay| !day.saved.is_empty() || !day.fresh.is_empty();
        let mut days = self.days.iter().rev();
        days.find(|(_, day)| day.as_ref().is_ok_and(known)).map(|(date, _)| *date)
    }

    /// The identity of a report. For the first report of a day, the day's key is created and made
    /// durable.
    pub(super) fn identity(&mut self, date: Day, report: &[u8]) -> io::Result<Identity> {
        if !self.days.contains_key(&date) && !self.load(date)? {
            let key = DayKey::random().map_err(io::Error::other)?;
            let day = OfDay { key, saved: Vec::new(), fresh: HashSet::new() };
            self.write(date, &day)?;
            self.days.insert(date, Ok(day));
        }
        match self.days.get(&date) {
            Some(Ok(day)) => Ok(day.key.identity(report)),
            _ => Err(io::Error::other(format!(
                "{} is damaged, so it is unknown which reports of that day are stored. Restore it \
                 from a copy; if there is none, remove it and restart: a report of that day that is \
                 sent again will then count twice",
                self.path(date).display()
            ))),
        }
    }

    /// Whether a report is known.
    pub(super) fn has(&self, date: Day, identity: Identity) -> bool {
        let day = self.days.get(&date).and_then(|day| day.as_ref().ok());
        day.is_some_and(|day| day.has(identity))
    }

    /// Adds a report; false if it was known, or its day is not.
    pub(super) fn add(&mut self, date: Day, identity: Identity) -> bool {
        let day = self.days.get_mut(&date).and_then(|day| day.as_mut().ok());
        day.is_some_and(|day| !day.has(identity) && day.fresh.insert(identity))
    }

    /// Adds a report of an open segment. A day whose file is gone stays unknown: its key is gone, too,
    /// so the identity is useless.
    pub(super) fn add_found(&mut self, date: Day, identity: Identity) -> io::Result<()> {
        if self.days.contains_key(&date) || self.load(date)? {
            self.add(date, identity);
        }
        Ok(())
    }

    /// Makes all identities durable.
    pub(super) fn save(&mut self) -> io::Result<()> {
        let fresh = |(date, day): (&Day, &mut Result<OfDay, Damaged>)| {
            let day = day.as_mut().ok()?;
            (!day.fresh.is_empty()).then(|| (*date, day.take_fresh()))
        };
        let changed: Vec<(Day, Vec<Identity>)> = self.days.iter_mut().filter_map(fresh).collect();
        let mut result = Ok(());
        for (date, fresh) in changed {
            let Some(Ok(mut day)) = self.days.remove(&date) else { continue };
            day.add_sorted(&fresh);
            let written = self.write(date, &day);
            if written.is_err() {
                // To be written the next time.
                day.take_out(fresh);
            }
            self.days.insert(date, Ok(day));
            result = result.and(written);
        }
        result
    }

    /// Forgets the days before `oldest`, and removes their files a day later.
    pub(super) fn forget_before(&mut self, oldest: Day) -> io::Result<()> {
        self.forget_in_memory(oldest);
        let gone = oldest.minus(1);
        for day in self.files()?.into_iter().filter(|day| *day < gone) {
            durable::remove_unsynced(&self.path(day))?;
        }
        Ok(())
    }

    /// Forgets the days before `oldest` until one of their reports is sent again.
    pub(super) fn forget_in_memory(&mut self, oldest: Day) {
        // Identities that are not in a file yet are kept until they are.
        let is_needed = |day: &OfDay| !day.fresh.is_empty();
        self.days.retain(|date, day| *date >= oldest || day.as_ref().is_ok_and(is_needed));
    }

    fn path(&self, date: Day) -> PathBuf {
        self.folder.join(date.to_string())
    }

    fn files(&self) -> io::Result<Vec<Day>> {
        let mut days = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            days.extend(entry?.file_name().to_str().and_then(|name| name.parse::<Day>().ok()));
        }
        Ok(days)
    }

    /// Reads a day's file; false if there is none.
    fn load(&mut self, date: Day) -> io::Result<bool> {
        let path = self.path(date);
        let bytes = match folder::read_regular(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            read => read?,
        };
        let day = OfDay::decode(&bytes).ok_or(Damaged);
        if day.is_err() {
            tracing::error!(
                "{} is damaged: no reports of that day are accepted. Restore it from a copy; if \
                 there is none, remove it and restart: a report of that day that is sent again will \
                 then count twice",
                path.display()
            );
        }
        self.days.insert(date, day);
        Ok(true)
    }

    fn write(&self, date: Day, day: &OfDay) -> io::Result<()> {
        let path = self.path(date);
        let temporary = path.with_extension(TEMPORARY);
        durable::replace(&path, &temporary, &day.encode(), durable::private_file)
    }
}

impl OfDay {
    fn has(&self, identity: Identity) -> bool {
        self.fresh.contains(&identity) || self.saved.binary_search(&identity).is_ok()
    }

    fn take_fresh(&mut self) -> Vec<Identity> {
        std::mem::take(&mut self.fresh).into_iter().collect()
    }

    fn add_sorted(&mut self, fresh: &[Identity]) {
        self.saved.reserve_exact(fresh.len());
        let sorted = self.saved.len();
        self.saved.extend_from_slice(fresh);
        self.saved.get_mut(sorted..).unwrap_or_default().sort_unstable();
        // Both parts are sorted, which this finds and only merges them.
        self.saved.sort();
    }

    /// Undoes [`OfDay::add_sorted`].
    fn take_out(&mut self, fresh: Vec<Identity>) {
        self.fresh = fresh.into_iter().collect();
        let fresh = &self.fresh;
        self.saved.retain(|identity| !fresh.contains(identity));
    }

    fn encode(&self) -> Vec<u8> {
        let length = HEADER.len() + DayKey::LENGTH + Identity::LENGTH * self.saved.len() + CHECKSUM;
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(&HEADER);
        bytes.extend_from_slice(self.key.as_bytes());
        self.saved.iter().for_each(|identity| bytes.extend_from_slice(identity.as_bytes()));
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<OfDay> {
        let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
        if Sha256::digest(content).as_slice() != checksum {
            return None;
        }
        let (key, identities) = content.strip_prefix(&HEADER)?.split_at_checked(DayKey::LENGTH)?;
        let identities = identities.chunks(Identity::LENGTH).map(Identity::from_bytes);
        let saved = identities.collect::<Option<_>>()?;
        Some(OfDay { key: DayKey::from_bytes(key)?, saved, fresh: HashSet::new() })
    }
}

#[cfg(test)]
#[path = "seen_tests.rs"]
mod tests;
