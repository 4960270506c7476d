//! Who may upload now: budgets that no flood can get around, kept in memory only.
//!
//! Anyone may send reports, since anyone may opt in, and an honest installation cannot be told from a
//! program that sends made-up reports. So the promise is this: a flood fills neither the disk nor the
//! memory, stops neither publishing nor honest uploads, and one network can use only a stated part of
//! the budget.
//!
//! # The budgets
//!
//! | what | how much | refilled |
//! | --- | --- | --- |
//! | a day's new reports | four times what sampling expects on an average day, 2,000 at least and 1,000,000 at most; 20,000 where populations are not known | evenly through the day |
//! | their bytes | 4 KiB for each report, 64 MiB at least | the same |
//! | one network's (IPv4 /24, IPv6 /48) | half of what is left of the day, and 5,000 reports | usage decays to 37% in a day, and is forgotten after an hour of silence |
//! | free space | 5% of the file systems of store and reports, at most 1 GiB, is reserved for publishing | |
//!
//! The day's budget is charged for new reports only; a network's for every upload that is examined, so
//! that refused and repeated uploads only use up their sender's part. A network that has sent nothing
//! lately may send one report as long as anything is left. Switches share memory between queues by the
//! same rule (dynamic thresholds, Choudhury and Hahne, 1998): `n` networks that use all they can leave
//! `1 / (1 + n/2)` of the budget to those that have used nothing, so it takes more than 18,000 networks
//! at once to use up a day's budget of 9,479. Only then is it first come, first served: an honest
//! network is turned away in proportion to how many others ask, and may ask again.
//!
//! At most twice a day's budget is stored in any 24 hours, and at most eight times in a week. Memory:
//! two tables of 131,072 networks, 8 MiB each.
//!
//! # What clients do with 503
//!
//! Go's client (`golang.org/x/telemetry`, `internal/upload`) keeps the report and tries again when a
//! program of the user runs a day later, until the week is 21 days old; ours (`client::upload`) does so
//! once a day, until it is 28 days old. Neither looks at `Retry-After`.
//!
//! # A university behind one address
//!
//! 20,000 machines that all opted in, sampled at rate 1, in a project that has nobody else (so the day's
//! budget is 11,429): all of them send on Monday between 8 and 10, again at the same hour a day later
//! when they were asked to, and none is used at the weekend. `simulation` runs three such weeks through
//! this code:
//!
//! | reports in by the end of | Monday | Tuesday | Wednesday | Thursday | Friday |
//! | --- | --- | --- | --- | --- | --- |
//! | the university alone | 4,325 | 8,545 | 12,655 | 16,654 | 20,000 |
//! | as half of a project of 40,000 | 5,365 | 10,622 | 15,770 | 20,000 | |
//!
//! So one network can upload as much as such a university, and so can an attacker. That is the price of
//! not shutting universities out. `scripts/flood` measures what follows from it, and charts are marked
//! if there are more reports than the weeks before explain.
//!
//! # A flood beside 16,588 honest reports of a week
//!
//! The day's budget is 9,479. Each honest sender has its own network and uploads at a random time of
//! the week; the flood begins on the second day and sends as fast as it is answered (the last two: ten
//! times a second). The share is that of a bucket that the flood wants to make vanish. Also from
//! `simulation`:
//!
//! | flood | its reports accepted | honest ones accepted at once | a day later or more | never | a share of 44% becomes |
//! | --- | --- | --- | --- | --- | --- |
//! | one network, 60 seconds | 3,162 | 16,588 | 0 | 0 | 37.0% |
//! | one network, six days | 31,845 | 16,588 | 0 | 0 | 15.1% |
//! | the same, silent each time until it is forgotten | 51,247 | 16,588 | 0 | 0 | 10.8% |
//! | 1,000 networks, 60 seconds | 9,463 | 16,588 | 0 | 0 | 28.0% |
//! | 1,000 networks, six days | 52,034 | 16,588 | 0 | 0 | 10.6% |
//! | the same, silent each time until they are forgotten | 51,820 | 16,561 | 27 | 0 | 10.7% |
//! | 100,000 networks, a day | 16,858 | 16,332 | 256 | 0 | 21.8% |
//! | 1,000,000 networks, a day | 16,866 | 16,317 | 271 | 0 | 21.8% |
//!
//! Restarting the server forgets all usage. Until it has read how many reports are expected, the day's
//! budget is the minimum. A body's bytes are charged once they have arrived, whatever its
//! Content-Length said.
//!
//! # What is never written
//!
//! An address goes from the accepted connection, in a [`Peer`] that cannot be printed, or from a
//! trusted proxy's header, into a hash under a key that lives an hour (`prefixes`), and is dropped.
//! Neither addresses nor hashes are in any log line, metric, error or file.
//!
//! | file | one idea |
//! | --- | --- |
//! | `peer` | who a connection is from, unprintable |
//! | `proxies` | which peers are the operator's own proxies |
//! | `forwarded` | who, by their headers, sent a request |
//! | `prefixes` | what each network has used, under keys that live an hour |
//! | `budget` | what is left, and how much of it one network may use |
//! | `expected` | how many reports sampling expects |
//! | `disk` | disk space that is reserved for publishing |

mod budget;
mod disk;
mod expected;
mod forwarded;
mod peer;
mod prefixes;
mod proxies;
#[cfg(test)]
mod simulation;

pub use budget::{Budgets, ChosenBudgets, MOST_DAY};
pub use disk::FreeSpace;
pub use expected::{Expected, expected_reports};
pub use peer::Peer;
pub use proxies::{TrustedProxies, TrustedProxy, TrustedProxyError};

use super::unavailable::Unavailable;
use axum::http::HeaderMap;
use budget::{Budget, Spent};
use peer::{Prefix, Source, is_local};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After this many uploads that look as if a proxy was not named, the operator is told.
const UNNAMED: u64 = 10;
/// The same, if all uploads come from this machine or a private network without a proxy's header.
const ALL_LOCAL: u64 = 1_000;

/// Decides whether an upload is examined. Cloning is cheap; all clones share one state.
#[derive(Clone)]
pub struct Admission(Arc<Parts>);

struct Parts {
    trusted: TrustedProxies,
    chosen: ChosenBudgets,
    free_space: FreeSpace,
    began: Instant,
    budget: Mutex<Budget>,
    /// Why the disk is too full, at the last check.
    full: Mutex<Option<String>>,
    tally: Tally,
}

#[derive(Default)]
struct Tally {
    day: AtomicU64,
    network: AtomicU64,
    disk: AtomicU64,
    /// Uploads from this machine or a private network, not through a trusted proxy.
    local: AtomicU64,
    /// Those of them with a proxy's header.
    local_forwarded: AtomicU64,
    /// All others.
    remote: AtomicU64,
}

/// The operator's settings.
#[derive(Debug, Clone, Default)]
pub struct AdmissionSettings {
    /// The proxies whose headers are believed.
    pub trusted: TrustedProxies,
    /// Budgets.
    pub budgets: ChosenBudgets,
    /// Disk space that is reserved for publishing.
    pub free_space: FreeSpace,
}

/// The state of admission; it names no network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmissionState {
    /// The budgets in force.
    pub budgets: Budgets,
    /// New reports for which there is room now.
    pub reports_left: u64,
    /// Bytes, likewise.
    pub bytes_left: u64,
    /// Uploads that got 503 because the day's budget was spent.
    pub refused_by_day: u64,
    /// Because their network's budget was spent.
    pub refused_by_network: u64,
    /// Because the disk was nearly full.
    pub refused_by_disk: u64,
    /// What is wrong now, in words.
    pub problems: Vec<String>,
    /// What may be wrong.
    pub notes: Vec<String>,
}

impl Default for Admission {
    fn default() -> Admission {
        Admission::new(AdmissionSettings::default())
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").field("trusted", &self.0.trusted).finish_non_exhaustive()
    }
}

impl Admission {
    /// With these settings, and no expected number of reports yet.
    pub fn new(settings: AdmissionSettings) -> Admission {
        let AdmissionSettings { trusted, budgets: chosen, free_space } = settings;
        let budget = Mutex::new(Budget::new(chosen.at_start()));
        let (full, tally) = (Mutex::default(), Tally::default());
        Admission(Arc::new(Parts {
            trusted,
            chosen,
            free_space,
            began: Instant::now(),
            budget,
            full,
            tally,
        }))
    }

    /// Sets the number of reports that are expected in a week.
    pub fn expect(&self, expected: Expected) {
        let week = match expected {
            Expected::Week(reports) => Some(reports),
            Expected::NotStated => None,
        };
        self.lock().set(self.0.chosen.where_expected(week));
    }

    /// Drops old keys and usage, and checks the free disk space, however long that takes. Call it every
    /// second or so, on a thread that may block.
    pub fn refresh(&self) {
        let now = self.now();
        self.lock().advance(now);
        let found = self.0.free_space.look();
        let mut full = self.0.full.lock().unwrap_or_else(PoisonError::into_inner);
        if full.is_some() != found.is_some() {
            match &found {
                Some(problem) => tracing::error!("{problem}"),
                None => tracing::info!("there is enough free space again; reports are accepted"),
            }
        }
        *full = found;
    }

    /// Whether an upload with these headers, which declares this many bytes, may be examined now.
    pub(super) fn admit(
        &self,
        peer: Peer,
        headers: &HeaderMap,
        bytes: u64,
    ) -> Result<Admitted, Unavailable> {
        let Parts { trusted, full, tally, .. } = &*self.0;
        self.note_proxy(peer.0, headers);
        if full.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            tally.disk.fetch_add(1, Relaxed);
            return Err(Unavailable::DiskReserve);
        }
        let prefix = Prefix::of(forwarded::sender(peer.0, headers, trusted));
        let now = self.now();
        let admitted = self.lock().admit(prefix, bytes, now);
        admitted.map_err(|spent| self.turn_away(spent))?;
        Ok(Admitted { admission: self.clone(), prefix, paid: 0, stored: false })
    }

    fn turn_away(&self, spent: Spent) -> Unavailable {
        let Tally { day, network, .. } = &self.0.tally;
        let (count, reason) = match spent {
            Spent::Day => (day, Unavailable::DaySpent),
            Spent::Network => (network, Unavailable::NetworkSpent),
        };
        count.fetch_add(1, Relaxed);
        reason
    }

    fn note_proxy(&self, peer: Source, headers: &HeaderMap) {
        let Parts { trusted, tally, .. } = &*self.0;
        let local = is_local(peer) && !trusted.trusts(peer);
        let count = if local { &tally.local } else { &tally.remote };
        count.fetch_add(1, Relaxed);
        if local && forwarded::is_forwarded(headers) {
            tally.local_forwarded.fetch_add(1, Relaxed);
        }
    }

    /// Its state.
    pub fn state(&self) -> AdmissionState {
        let now = self.now();
        let (budgets, (reports_left, bytes_left)) = {
            let mut budget = self.lock();
            (budget.budgets(), budget.left(now))
        };
        let Tally { day, network, disk, local, local_forwarded, remote } = &self.0.tally;
        let mut problems = Vec::new();
        if reports_left == 0 || bytes_left < super::MAX_BODY as u64 {
            problems.push(format!(
                "the day's budget of {} reports and {} bytes is spent: uploads are asked to come again \
                 (`day_reports` and `day_bytes` below [uploads] in candor.toml)",
                budgets.day_reports, budgets.day_bytes
            ));
        }
        problems.extend(self.0.full.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let alone = remote.load(Relaxed) == 0 && local.load(Relaxed) >= ALL_LOCAL;
        let note = (alone || local_forwarded.load(Relaxed) >= UNNAMED).then(|| {
            "uploads seem to come through a proxy that is not named, on this machine or in a \
             private network: all senders share one network's budget. Name it with --trusted-proxy \
             or `trusted_proxies` below [uploads] in candor.toml"
                .to_owned()
        });
        AdmissionState {
            budgets,
            reports_left,
            bytes_left,
            refused_by_day: day.load(Relaxed),
            refused_by_network: network.load(Relaxed),
            refused_by_disk: disk.load(Relaxed),
            problems,
            notes: note.into_iter().collect(),
        }
    }

    /// The budgets in force.
    pub fn budgets(&self) -> Budgets {
        self.lock().budgets()
    }

    /// The proxies whose headers are believed.
    pub fn trusted(&self) -> &TrustedProxies {
        &self.0.trusted
    }

    fn now(&self) -> Duration {
        self.0.began.elapsed()
    }

    /// Nothing panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, Budget> {
        self.0.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An admitted upload. Unless it is stored, the day's budget is refunded when this is dropped. It holds
/// the sender's network until then, and no longer.
pub(super) struct Admitted {
    admission: Admission,
    prefix: Prefix,
    /// The bytes that were charged.
    paid: u64,
    stored: bool,
}

impl Admitted {
    /// Charges the bytes that have arrived, if there is budget left for them.
    pub(super) fn charge(&mut self, bytes: u64) -> Result<(), Unavailable> {
        let now = self.admission.now();
        let charged = self.admission.lock().charge(self.prefix, bytes, now);
        charged.map_err(|spent| self.admission.turn_away(spent))?;
        self.paid += bytes;
        Ok(())
    }

    /// Notes that it was stored as a new report.
    pub(super) fn stored(mut self) {
        self.stored = true;
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if !self.stored {
            self.admission.lock().refund(self.paid);
        }
    }
}
