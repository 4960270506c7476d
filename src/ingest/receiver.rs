//! The receiver: configs, clock and journal behind one call, [`Receiver::accept`].

use super::buffer::Buffer;
use super::check::{CheckedReport, NotAccepted, check, check_week, oldest_week};
use super::clock::{Clock, ClockState};
use super::configs::{ConfigSet, ConfigSetError};
use super::journal::{Journal, JournalState};
use super::journal_error::JournalError;
use super::limits::Limits;
use super::queue::{NotStored, QueueFull, QueuePermit, Stored};
use super::refusal::Refusal;
use super::report::Report;
use super::unavailable::Unavailable;
use super::{MAX_BODY, MAX_CONFIGS_AHEAD};
use crate::day::Day;
use crate::event::Event;
use jiff::Timestamp;
use std::mem::discriminant;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Checks each report against the config that it names, and stores it.
#[derive(Debug)]
pub struct Receiver {
    configs: ConfigSet,
    journal: Journal,
    clock: Box<dyn Clock>,
    /// The newest week of the reports that are stored.
    newest_week: Mutex<Option<Day>>,
    /// The clock's state that was logged last.
    logged: Mutex<ClockState>,
    /// Days before this one are forgotten.
    forgotten: Mutex<Option<Day>>,
    tally: Tally,
}

/// Why the receiver cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiverError {
    /// The configs cannot be read.
    #[error(transparent)]
    Configs(#[from] ConfigSetError),
    /// The reports folder cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// The answer to an upload.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The report is durable.
    Stored(Stored),
    /// The report will never be accepted.
    Refused(Refusal),
    /// Not now: the sender should try again later.
    Unavailable(Unavailable),
}

/// How many uploads got which answer since the receiver was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UploadCounts {
    /// Reports that were stored.
    pub stored: u64,
    /// Reports that were stored already.
    pub duplicates: u64,
    /// Reports that were refused.
    pub refused: u64,
    /// Uploads that were answered with 503.
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

impl Receiver {
    /// Opens a receiver that stores reports in `buffer` and checks them against `configs` at the time of `clock`.
    /// Gives up when `stop` is set. Blocks while it reads what is stored already.
    pub fn open_in(
        stop: &Event,
        buffer: &Buffer,
        configs: ConfigSet,
        clock: Box<dyn Clock>,
        limits: Limits,
    ) -> Result<Receiver, ReceiverError> {
        match buffer {
            Buffer::Folder(folder) => Receiver::open_unless(stop, folder, configs, clock, limits),
            Buffer::Store(store) => {
                let journal = Journal::in_store(store.clone(), limits)?;
                Ok(Receiver::with_journal(journal, configs, clock))
            }
        }
    }

    /// Opens a receiver that stores reports in `folder` and checks them against `configs` at the time
    /// of `clock`. Blocks while it reads what is stored already.
    pub fn open(
        folder: &Path,
        configs: ConfigSet,
        clock: Box<dyn Clock>,
        limits: Limits,
    ) -> Result<Receiver, ReceiverError> {
        Receiver::open_unless(&Event::new(), folder, configs, clock, limits)
    }

    /// Like [`Receiver::open`], but gives up when `stop` is set.
    pub fn open_unless(
        stop: &Event,
        folder: &Path,
        configs: ConfigSet,
        clock: Box<dyn Clock>,
        limits: Limits,
    ) -> Result<Receiver, ReceiverError> {
        let journal = Journal::open_unless(stop, folder, oldest_week(clock.now()), limits)?;
        Ok(Receiver::with_journal(journal, configs, clock))
    }

    /// With a journal that is open already.
    pub(super) fn with_journal(
        journal: Journal,
        configs: ConfigSet,
        clock: Box<dyn Clock>,
    ) -> Receiver {
        let newest_week = Mutex::new(journal.newest_week());
        let logged = Mutex::new(ClockState::Plausible);
        let (forgotten, tally) = Default::default();
        let receiver = Receiver { configs, journal, clock, newest_week, logged, forgotten, tally };
        receiver.clock_state();
        receiver
    }

    /// The state of the journal.
    pub fn journal(&self) -> JournalState {
        self.journal.state()
    }

    /// Whether the journal's thread has ended, so that nothing can be stored any more.
    pub fn has_ended(&self) -> bool {
        self.journal.has_ended()
    }

    /// Whether the clock agrees with what is known. A change is logged.
    pub fn clock_state(&self) -> ClockState {
        self.check_clock(self.clock.now())
    }

    /// Forgets which reports were seen of days that are no longer accepted, unless the clock may be
    /// wrong. Call it regularly.
    pub fn forget_old_days(&self) {
        let now = self.clock.now();
        let oldest = Some(oldest_week(now));
        let mut forgotten = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
        if *forgotten != oldest && self.check_clock(now).is_plausible() {
            oldest.into_iter().for_each(|oldest| self.journal.forget_before(oldest));
            *forgotten = oldest;
        }
    }

    fn check_clock(&self, now: Timestamp) -> ClockState {
        let week = *self.newest_week.lock().unwrap_or_else(PoisonError::into_inner);
        let state = ClockState::compare(now, self.configs.last_commit(), week);
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if discriminant(&*logged) != discriminant(&state) {
            match state {
                ClockState::Plausible => tracing::info!("{state}"),
                ClockState::Behind { .. } => tracing::error!(
                    "{state}. Until then, reports whose week seems too old or in the future are \
                     asked to come again"
                ),
                ClockState::Unconfirmed { .. } => tracing::warn!("{state}"),
            }
            *logged = state;
        }
        state
    }

    /// The configs, so that whoever learns of a new one can refresh them.
    #[cfg(any(test, feature = "testing"))]
    pub fn configs(&self) -> &ConfigSet {
        &self.configs
    }

    /// How many uploads got which answer.
    pub fn counts(&self) -> UploadCounts {
        let Tally { stored, duplicates, refused, unavailable } = &self.tally;
        UploadCounts {
            stored: stored.load(Relaxed),
            duplicates: duplicates.load(Relaxed),
            refused: refused.load(Relaxed),
            unavailable: unavailable.load(Relaxed),
        }
    }

    /// A permit for one report in the journal's queue, if it has room. Take it once the report has
    /// arrived: nobody else can use it meanwhile.
    pub fn queue_permit(&self) -> Result<QueuePermit, QueueFull> {
        self.journal.queue_permit()
    }

    /// Checks and stores what was sent to `/upload/DATE`.
    pub async fn accept(&self, permit: QueuePermit, date: &str, body: &[u8]) -> Answer {
        let now = self.clock.now();
        let report = match self.examine(date, body, now).await {
            Ok(report) => report,
            Err(NotAccepted::Unavailable(reason)) => return Answer::Unavailable(reason),
            Err(NotAccepted::Refused(refusal)) => {
                // A refused report is lost, so refusing one for its date needs a trustworthy clock.
                let clock = refusal.timed().map(|of| (of, self.check_clock(now)));
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
    ) -> Result<CheckedReport, NotAccepted> {
        let date = date.parse().map_err(|_| Refusal::Address(date.to_owned()))?;
        if body.len() > MAX_BODY {
            return Err(Refusal::TooLarge.into());
        }
        let report = Report::decode(body).map_err(Refusal::from)?;
        // Before looking for the config, so that no report waits for a config for ever: a week that is
        // too old stays too old.
        check_week(&report, date, now)?;
        let version = report.config;
        match self.configs.find(version).await {
            Ok(Some(config)) => check(&report, date, &config, now),
            // The reader has logged the error.
            Err(_) => Err(Unavailable::Unreadable { version }.into()),
            // The store may be a copy that lags behind, or was restored.
            Ok(None) if version.number() <= self.configs.size() + MAX_CONFIGS_AHEAD => {
                Err(Unavailable::NewerConfig { version }.into())
            }
            Ok(None) => Err(Refusal::Config { version }.into()),
        }
    }

    /// Counts an answer.
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
