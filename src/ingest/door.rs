//! The front door, whole: configs, clock and journal behind one question, "will you take this?"

use super::check::{CheckedReport, NotTaken, check, check_week, oldest_week};
use super::clock::{Clock, ClockState};
use super::configs::{ConfigSet, ConfigSetError};
use super::journal::{
    Busy, Journal, JournalError, JournalState, Limits, NotStored, QueuePermit, Stored,
};
use super::refusal::Refusal;
use super::report::{Report, parse_date};
use super::unavailable::Unavailable;
use super::{MAX_BODY, MAX_CONFIGS_AHEAD};
use crate::event::Event;
use jiff::Timestamp;
use jiff::civil::Date;
use std::mem::discriminant;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Takes reports: checks each against the config it names, and stores it.
#[derive(Debug)]
pub struct FrontDoor {
    configs: ConfigSet,
    journal: Journal,
    clock: Box<dyn Clock>,
    /// The newest week of the reports that are stored.
    newest_week: Mutex<Option<Date>>,
    /// What the log says of the clock.
    logged: Mutex<ClockState>,
    /// The days before this one were forgotten.
    forgotten: Mutex<Option<Date>>,
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
    Unavailable(Unavailable),
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
        let newest_week = Mutex::new(journal.newest_week());
        let logged = Mutex::new(ClockState::Plausible);
        let (forgotten, tally) = Default::default();
        let door = FrontDoor { configs, journal, clock, newest_week, logged, forgotten, tally };
        door.clock_state();
        door
    }

    /// How the journal is doing.
    pub fn journal(&self) -> JournalState {
        self.journal.state()
    }

    /// Whether nothing can be stored any more, since the journal's thread has ended.
    pub fn has_ended(&self) -> bool {
        self.journal.has_ended()
    }

    /// Whether the clock agrees with what is known here. A change is logged.
    pub fn clock_state(&self) -> ClockState {
        self.judge(self.clock.now())
    }

    /// Does what is due: of days that are no longer taken, it is forgotten which reports were seen. Not
    /// by a clock that may be wrong. To be called now and then.
    pub fn tend(&self) {
        let now = self.clock.now();
        let oldest = Some(oldest_week(now));
        let mut forgotten = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
        if *forgotten != oldest && self.judge(now).is_plausible() {
            oldest.into_iter().for_each(|oldest| self.journal.forget_before(oldest));
            *forgotten = oldest;
        }
    }

    fn judge(&self, now: Timestamp) -> ClockState {
        let week = *self.newest_week.lock().unwrap_or_else(PoisonError::into_inner);
        let state = ClockState::judge(now, self.configs.last_commit(), week);
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if discriminant(&*logged) != discriminant(&state) {
            match state {
                ClockState::Plausible => tracing::info!("{state}"),
                ClockState::Behind { .. } => tracing::error!(
                    "{state}. Until then, reports of weeks that seem too old or to come are asked to \
                     come again"
                ),
                ClockState::Unconfirmed { .. } => tracing::warn!("{state}"),
            }
            *logged = state;
        }
        state
    }

    /// The configs, so that whoever learns of a new one can have it read.
    #[cfg(any(test, feature = "testing"))]
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
        let now = self.clock.now();
        let report = match self.examine(date, body, now).await {
            Ok(report) => report,
            Err(NotTaken::Unavailable(reason)) => return Answer::Unavailable(reason),
            Err(NotTaken::Refused(refusal)) => {
                // What is refused for its time is lost: that needs a clock that can be trusted.
                let clock = refusal.timed().map(|of| (of, self.judge(now)));
                return match clock {
                    Some((of, clock)) if !clock.is_plausible() => {
                        Answer::Unavailable(Unavailable::Clock { of, clock })
                    }
                    _ => Answer::Refused(refusal),
                };
            }
        };
        let week = report.week();
        match permit.store(report).await {
            Ok(stored) => {
                let mut newest = self.newest_week.lock().unwrap_or_else(PoisonError::into_inner);
                *newest = (*newest).max(Some(week));
                Answer::Stored(stored)
            }
            Err(NotStored) => Answer::Unavailable(Unavailable::NotStored),
        }
    }

    async fn examine(
        &self,
        date: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<CheckedReport, NotTaken> {
        let date = parse_date(date).ok_or_else(|| Refusal::Address(date.to_owned()))?;
        if body.len() > MAX_BODY {
            return Err(Refusal::TooLarge.into());
        }
        let report = Report::decode(body).map_err(Refusal::from)?;
        // Before the config is looked for: a week that is too old will not get younger, and so no
        // report waits for a config for ever.
        check_week(&report, date, now)?;
        let version = report.config;
        match self.configs.find(version).await {
            Ok(Some(config)) => check(&report, date, &config, now),
            // What cannot be read was logged by whoever tried.
            Err(_) => Err(Unavailable::Unreadable { version }.into()),
            // A copy of the store that lags, or one that was restored: the next ones will be there.
            Ok(None) if version.number() <= self.configs.size() + MAX_CONFIGS_AHEAD => {
                Err(Unavailable::NewerConfig { version }.into())
            }
            Ok(None) => Err(Refusal::Config { version }.into()),
        }
    }

    /// Counts an answer that was given.
    pub(super) fn count(&self, answer: &Answer) {
        let cell = match answer {
            Answer::Stored(Stored::New) => &self.tally.stored,
            Answer::Stored(Stored::Duplicate) => &self.tally.duplicates,
            Answer::Refused(_) => &self.tally.refused,
            Answer::Unavailable(_) => &self.tally.unavailable,
        };
        cell.fetch_add(1, Relaxed);
    }
}
