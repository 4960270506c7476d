//! The front door, whole: configs, clock and journal behind one question, "will you take this?"

use super::MAX_BODY;
use super::check::{check, oldest_week};
use super::configs::{ConfigSet, ConfigSetError};
use super::journal::{
    Busy, Journal, JournalError, JournalState, Limits, NotStored, QueuePermit, Stored,
};
use super::refusal::Refusal;
use super::report::{Report, parse_date};
use crate::event::Event;
use jiff::Timestamp;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What time it is.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Takes reports: checks each against the config it names, and stores it.
#[derive(Debug)]
pub struct FrontDoor {
    configs: ConfigSet,
    journal: Journal,
    clock: Box<dyn Clock>,
    tally: Tally,
}

/// Why the front door does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrontDoorError {
    /// The configs cannot be read.
    #[error(transparent)]
    Configs(#[from] ConfigSetError),
    /// The reports folder cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What becomes of an upload.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The report is durable.
    Stored(Stored),
    /// The report will never be taken.
    Refused(Refusal),
    /// Not now: the sender should try again later.
    Unavailable,
}

/// How many uploads ended how, since the door opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UploadCounts {
    /// Reports that were stored.
    pub stored: u64,
    /// Reports that were there already.
    pub duplicates: u64,
    /// Reports that were refused.
    pub refused: u64,
    /// Uploads that were asked to try again.
    pub unavailable: u64,
}

impl std::ops::Add for UploadCounts {
    type Output = UploadCounts;

    fn add(self, other: UploadCounts) -> UploadCounts {
        UploadCounts {
            stored: self.stored + other.stored,
            duplicates: self.duplicates + other.duplicates,
            refused: self.refused + other.refused,
            unavailable: self.unavailable + other.unavailable,
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    stored: AtomicU64,
    duplicates: AtomicU64,
    refused: AtomicU64,
    unavailable: AtomicU64,
}

impl FrontDoor {
    /// Opens the door: reports are stored in `folder`, and checked against `configs` at the time
    /// that `clock` shows. Blocks while what was stored before is read.
    pub fn open(
        folder: &Path,
        configs: ConfigSet,
        clock: Box<dyn Clock>,
        limits: Limits,
    ) -> Result<FrontDoor, FrontDoorError> {
        FrontDoor::open_unless(&Event::new(), folder, configs, clock, limits)
    }

    /// As [`FrontDoor::open`], until `stop` happens.
    pub fn open_unless(
        stop: &Event,
        folder: &Path,
        configs: ConfigSet,
        clock: Box<dyn Clock>,
        limits: Limits,
    ) -> Result<FrontDoor, FrontDoorError> {
        let journal = Journal::open_unless(stop, folder, oldest_week(clock.now()), limits)?;
        Ok(FrontDoor::with_journal(journal, configs, clock))
    }

    /// With a journal that is open already.
    pub(super) fn with_journal(
        journal: Journal,
        configs: ConfigSet,
        clock: Box<dyn Clock>,
    ) -> FrontDoor {
        FrontDoor { configs, journal, clock, tally: Tally::default() }
    }

    /// How the journal is doing.
    pub fn journal(&self) -> JournalState {
        self.journal.state()
    }

    /// Whether nothing can be stored any more, since the journal's thread has ended.
    pub fn has_ended(&self) -> bool {
        self.journal.has_ended()
    }

    /// The configs, so that whoever learns of a new one can have it read.
    pub fn configs(&self) -> &ConfigSet {
        &self.configs
    }

    /// How many uploads ended how.
    pub fn counts(&self) -> UploadCounts {
        let Tally { stored, duplicates, refused, unavailable } = &self.tally;
        UploadCounts {
            stored: stored.load(Relaxed),
            duplicates: duplicates.load(Relaxed),
            refused: refused.load(Relaxed),
            unavailable: unavailable.load(Relaxed),
        }
    }

    /// A permit for one report in the journal's queue, if it has room. To be taken once the report
    /// is there: a permit that waits for a sender is one that nobody else can use.
    pub fn queue_permit(&self) -> Result<QueuePermit, Busy> {
        self.journal.queue_permit()
    }

    /// Takes what was sent to `/upload/DATE`, or refuses it.
    pub async fn take(&self, permit: QueuePermit, date: &str, body: &[u8]) -> Answer {
        match self.examine(date, body).await {
            Ok(Some(report)) => match permit.store(report).await {
                Ok(stored) => Answer::Stored(stored),
                Err(NotStored) => Answer::Unavailable,
            },
            Ok(None) => Answer::Unavailable,
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    /// The checked report, or `None` where the config cannot be read now.
    async fn examine(
        &self,
        date: &str,
        body: &[u8],
    ) -> Result<Option<super::CheckedReport>, Refusal> {
        let date = parse_date(date).ok_or_else(|| Refusal::Address(date.to_owned()))?;
        if body.len() > MAX_BODY {
            return Err(Refusal::TooLarge);
        }
        let report = Report::decode(body)?;
        // What cannot be read was logged by whoever tried.
        let Ok(found) = self.configs.find(report.config).await else { return Ok(None) };
        let config = found.ok_or(Refusal::Config { version: report.config })?;
        check(&report, date, &config, self.clock.now()).map(Some)
    }

    /// Counts an answer that was given.
    pub(super) fn count(&self, answer: &Answer) {
        let cell = match answer {
            Answer::Stored(Stored::New) => &self.tally.stored,
            Answer::Stored(Stored::Duplicate) => &self.tally.duplicates,
            Answer::Refused(_) => &self.tally.refused,
            Answer::Unavailable => &self.tally.unavailable,
        };
        cell.fetch_add(1, Relaxed);
    }
}
