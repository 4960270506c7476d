//! The journal's thread where the store holds the buffer: reports that come within [`GATHER`], or while the store
//! writes, become one batch, whose senders are answered when the store has it.
//!
//! A machine that dies takes no acknowledged report with it, and the next one has nothing to read. Which reports
//! are stored is decided by the merge, by their identities; what is remembered here only saves putting a report
//! again that this machine has put.

use super::batches::{self, BatchReport};
use super::disk_errors::{DiskErrors, RECHECK};
use super::identity::{DayKey, Identity};
use super::limits::Limits;
use super::queue::{NotStored, Stored, Waiting};
use crate::day::Day;
use crate::store::{Key, Store, StoreError};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long the first report of a batch waits for others after a quiet time. Those that had to wait for the batch
/// before do not wait again.
pub(super) const GATHER: Duration = Duration::from_millis(20);
/// How many reports are remembered, at most, so that they are not put again.
const REMEMBERED: usize = 1 << 20;

/// Puts batches into a store.
#[derive(Debug)]
pub(super) struct StoreWriter {
    store: Arc<dyn Store>,
    days: BTreeMap<Day, OfDay>,
    newest_week: Option<Day>,
    limits: Limits,
    disk: Arc<DiskErrors>,
    forget: Arc<Mutex<Option<Day>>>,
    /// The days whose key could not be had.
    without_key: BTreeSet<Day>,
    /// The name of what is written to see whether the store takes it.
    check: Key,
}

/// The reports of a day.
#[derive(Debug)]
struct OfDay {
    key: DayKey,
    /// Those that this process has put.
    put: HashSet<Identity>,
}

impl StoreWriter {
    pub(super) fn open(store: Arc<dyn Store>, limits: Limits) -> Result<StoreWriter, StoreError> {
        let newest_week = batches::days_with_key(&*store)?.into_iter().max();
        let disk = Arc::new(DiskErrors::of_store());
        let (days, forget, without_key) = Default::default();
        let check = batches::check_name()?;
        Ok(StoreWriter { store, days, newest_week, limits, disk, forget, without_key, check })
    }

    pub(super) fn disk(&self) -> Arc<DiskErrors> {
        self.disk.clone()
    }

    pub(super) fn forget(&self) -> Arc<Mutex<Option<Day>>> {
        self.forget.clone()
    }

    pub(super) fn newest_week(&self) -> Option<Day> {
        self.newest_week
    }

    /// Stores queued reports until the queue is closed. After a failure it is tried, also without reports, whether
    /// it is over: nobody uploads to a server that a balancer takes out for its health.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Waiting>, runtime: &Runtime) {
        let mut ended: Option<Instant> = None;
        loop {
            let next = match self.disk.is_failing() {
                false => Ok(runtime.block_on(queue.recv())),
                true => runtime.block_on(async { timeout(RECHECK, queue.recv()).await }),
            };
            let first = match next {
                Ok(Some(first)) => first,
                Ok(None) => break,
                Err(_) => {
                    self.check();
                    continue;
                }
            };
            let is_quiet = ended.is_none_or(|ended| ended.elapsed() >= GATHER);
            let wait = if is_quiet { GATHER } else { Duration::ZERO };
            let batch = runtime.block_on(self.gather(first, wait, &mut queue));
            self.commit(batch);
            ended = Some(Instant::now());
            self.forget_old_days();
        }
    }

    /// Forgets a failure if reports could be stored now.
    fn check(&mut self) {
        let without_key = std::mem::take(&mut self.without_key);
        self.without_key =
            without_key.into_iter().filter(|day| self.of_day(*day).is_err()).collect();
        if self.without_key.is_empty() && batches::check_writes(&*self.store, &self.check).is_ok() {
            self.disk.note(None);
        }
    }

    /// The reports that are there, and come within `wait`, until a batch is full or the queue is closed.
    async fn gather(
        &self,
        first: Waiting,
        wait: Duration,
        queue: &mut mpsc::Receiver<Waiting>,
    ) -> Vec<Waiting> {
        let mut bytes = first.report.size();
        let mut batch = vec![first];
        let deadline = tokio::time::Instant::now() + wait;
        while bytes < self.limits.batch && batch.len() < self.limits.queue {
            match tokio::time::timeout_at(deadline, queue.recv()).await {
                Ok(Some(next)) => {
                    bytes += next.report.size();
                    batch.push(next);
                }
                Ok(None) | Err(_) => break,
            }
        }
        batch
    }

    /// Stores a batch and answers its senders.
    pub(super) fn commit(&mut self, batch: Vec<Waiting>) {
        let identities: Vec<_> =
            batch.iter().map(|waiting| self.identity(waiting).map_err(|e| e.to_string())).collect();
        let mut fresh = HashSet::new();
        let mut reports = Vec::new();
        for (waiting, identity) in batch.iter().zip(&identities) {
            let week = waiting.report.week();
            if let Ok(identity) = identity
                && !self.has_put(week, *identity)
                && fresh.insert((week, *identity))
            {
                let row = waiting.report.row().to_vec();
                reports.push(BatchReport { identity: *identity, row });
            }
        }
        let stored = match reports.is_empty() {
            true => Ok(()),
            false => batches::put_batch(&*self.store, reports).map(drop),
        };
        let problem = stored.as_ref().err().map(ToString::to_string);
        let problem = problem.or_else(|| identities.iter().find_map(|one| one.clone().err()));
        self.disk.note(problem.as_ref().map(|problem| problem as &dyn std::fmt::Display));
        for (Waiting { report, answer }, identity) in batch.into_iter().zip(identities) {
            let week = report.week();
            let result = match identity {
                Err(_) => Err(NotStored),
                Ok(identity) if self.has_put(week, identity) => Ok(Stored::Duplicate),
                Ok(_) if stored.is_err() => Err(NotStored),
                Ok(identity) => {
                    self.remember(week, identity);
                    Ok(Stored::New)
                }
            };
            // The sender may have gone away.
            let _ = answer.send(result);
        }
    }

    fn identity(&mut self, waiting: &Waiting) -> Result<Identity, StoreError> {
        let week = waiting.report.week();
        match self.of_day(week).map(|day| day.key.identity(waiting.report.bytes())) {
            Ok(identity) => Ok(identity),
            Err(error) => {
                self.without_key.insert(week);
                Err(error)
            }
        }
    }

    fn of_day(&mut self, week: Day) -> Result<&OfDay, StoreError> {
        match self.days.entry(week) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(unknown) => {
                let key = batches::day_key(&*self.store, week)?;
                Ok(unknown.insert(OfDay { key, put: HashSet::new() }))
            }
        }
    }

    fn has_put(&self, week: Day, identity: Identity) -> bool {
        self.days.get(&week).is_some_and(|day| day.put.contains(&identity))
    }

    fn remember(&mut self, week: Day, identity: Identity) {
        if self.days.values().map(|day| day.put.len()).sum::<usize>() >= REMEMBERED {
            self.days.values_mut().for_each(|day| day.put = HashSet::new());
        }
        if let Some(day) = self.days.get_mut(&week) {
            day.put.insert(identity);
        }
    }

    /// Forgets the days whose reports are no longer accepted. Their keys are removed with a merge.
    fn forget_old_days(&mut self) {
        let oldest = self.forget.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(oldest) = oldest {
            self.days.retain(|day, _| *day >= oldest);
            self.without_key.retain(|day| *day >= oldest);
        }
    }
}
