//! Who may upload now: budgets that no flood can go around, in memory alone.
//!
//! Anyone may send reports; that is what "whoever opted in" means, and nobody can tell an honest
//! installation from a program that sends what it likes. So what can be promised is this: a flood fills
//! neither the disk nor the memory, stops neither publishing nor honest uploads, and one network can
//! take only a stated part.
//!
//! # The budgets
//!
//! | what | how much | refilled |
//! | --- | --- | --- |
//! | a day's new reports | four times what sampling expects on an average day, 2,000 at least and 1,000,000 at most; 20,000 where populations are not known | evenly through the day |
//! | their bytes | 4 KiB for each report, 64 MiB at least | the same |
//! | one network's (IPv4 /24, IPv6 /48) | half of what is left of the day, and 5,000 reports | fades: after a day 37% of what was used is left; after an hour of silence it is forgotten |
//! | free space | 5% of the file systems of store and reports, at most 1 GiB, is left to publishing | |
//!
//! The day pays for new reports alone; a network for each upload that is looked at, so that what is
//! refused or sent twice uses up its sender's part and nobody else's. Who has sent nothing lately may
//! send one as long as anything is left: the rest is kept for them. That is the rule by which switches
//! share memory between queues (dynamic thresholds, Choudhury and Hahne, 1998): `n` networks that take
//! all they can leave `1 / (1 + n/2)` of the budget to those who have taken nothing, so a day's budget of
//! 9,479 is only used up by more than 18,000 networks at once. Then, and only then, who comes first is
//! served first: an honest network is shut out in proportion to how many others ask, and may ask again.
//!
//! In any 24 hours at most twice a day's budget is stored, and at most eight times in a week.
//! Memory is bounded: two tables of 131,072 networks, 8 MiB each.
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
//! budget is 11,429): all of them send on Monday between 8 and 10, again at the same hour a day later when
//! they were asked to, and none is used at the weekend. `simulation` plays three such weeks with
//! the code that runs here:
//!
//! | reports in by the end of | Monday | Tuesday | Wednesday | Thursday | Friday |
//! | --- | --- | --- | --- | --- | --- |
//! | the university alone | 4,325 | 8,545 | 12,655 | 16,654 | 20,000 |
//! | as half of a project of 40,000 | 5,365 | 10,622 | 15,770 | 20,000 | |
//!
//! So one network can put in what such a university has, and so can an attacker. It is the price of not
//! shutting universities out; what follows from it is measured by `scripts/flood`, and marked on the
//! charts where there are more reports than the weeks before explain.
//!
//! # A flood beside 16,588 honest reports of a week
//!
//! The day's budget is 9,479. Honest senders have a network each and come at any time of the week; the
//! flood begins on its second day and asks as often as it is answered (the last two: ten times a second).
//! The share is that of a chart of which the flood wants to make nothing. From `simulation`, too:
//!
//! | flood | its reports taken | honest ones taken at once | a day later or more | never | a share of 44% becomes |
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
//! Restarting the server forgets what was used. Until it has read what is expected, its day's budget is
//! the least. A body's bytes are paid for once they are there, whatever its sender said before.
//!
//! # What is never written
//!
//! An address goes from the accepted connection, in a [`Peer`] that cannot be printed, or from
//! a trusted proxy's header, into a hash under a key that lives an hour (`prefixes`), and is dropped. No
//! address and no hash is in a log line, a metric, an error or a file.
//!
//! | file | one idea |
//! | --- | --- |
//! | `peer` | who a connection is from, unprintable |
//! | `proxies` | which peers are proxies of the operator's own |
//! | `forwarded` | whom those say that a request is from |
//! | `prefixes` | what each network has used, under keys that live an hour |
//! | `budget` | what is left, and how much of it one network may take |
//! | `expected` | how many reports sampling expects |
//! | `disk` | space that is left to others |

mod budget;
mod disk;
mod expected;
mod forwarded;
mod peer;
mod prefixes;
mod proxies;
#[cfg(test)]
mod simulation;

pub use budget::{Budgets, ChosenBudgets};
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

/// After so many uploads that look as if a proxy was not named, the operator is told.
const UNNAMED: u64 = 10;
/// After so many from this machine or a private network that say nothing of a proxy, likewise.
const ALL_LOCAL: u64 = 1_000;

/// What decides whether an upload is looked at. Cloning is cheap; all clones are the same.
#[derive(Clone)]
pub struct Admission(Arc<Parts>);

struct Parts {
    trusted: TrustedProxies,
    chosen: ChosenBudgets,
    free_space: FreeSpace,
    began: Instant,
    budget: Mutex<Budget>,
    /// Why the disk takes nothing, as it was last seen.
    full: Mutex<Option<String>>,
    tally: Tally,
}

#[derive(Default)]
struct Tally {
    day: AtomicU64,
    network: AtomicU64,
    disk: AtomicU64,
    /// Uploads from this machine or a private network, by somebody who is not trusted.
    local: AtomicU64,
    /// Those of them that say that they were forwarded.
    local_forwarded: AtomicU64,
    /// All others.
    remote: AtomicU64,
}

/// What the operator set.
#[derive(Debug, Clone, Default)]
pub struct AdmissionSettings {
    /// Whose word about addresses counts.
    pub trusted: TrustedProxies,
    /// Budgets.
    pub budgets: ChosenBudgets,
    /// Space that is left to others.
    pub free_space: FreeSpace,
}

/// How admission is doing. No network in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmissionState {
    /// The budgets in force.
    pub budgets: Budgets,
    /// New reports for which there is room now.
    pub reports_left: u64,
    /// Bytes, likewise.
    pub bytes_left: u64,
    /// Uploads that were asked to come again since the day's budget was spent.
    pub refused_by_day: u64,
    /// Since their network had used its part.
    pub refused_by_network: u64,
    /// Since the disk is nearly full.
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
    /// With these settings, and nothing known of what sampling expects.
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

    /// From now on so many reports a week are expected.
    pub fn expect(&self, expected: Expected) {
        let week = match expected {
            Expected::Week(reports) => Some(reports),
            Expected::NotStated => None,
        };
        self.lock().set(self.0.chosen.where_expected(week));
    }

    /// Drops what is older than it may be, and looks at the disk, for as long as that takes to answer.
    /// To be called every second or so, on a thread that may block.
    pub fn refresh(&self) {
        let now = self.now();
        self.lock().advance(now);
        let found = self.0.free_space.look();
        let mut full = self.0.full.lock().unwrap_or_else(PoisonError::into_inner);
        if full.is_some() != found.is_some() {
            match &found {
                Some(problem) => tracing::error!("{problem}"),
                None => tracing::info!("there is enough free space again; reports are taken"),
            }
        }
        *full = found;
    }

    /// Whether an upload with these headers, which says that it has so many bytes, may be looked at now.
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

    /// How it is doing.
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
            "uploads come from this machine or a private network by what looks like a proxy that was not \
             named: all senders share one network's budget. Name it with --trusted-proxy or \
             `trusted_proxies` below [uploads] in candor.toml"
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

    /// Whose word about addresses counts.
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

/// An upload that may be looked at. Unless it is stored, the day has its part back when this is dropped.
/// Its network is known as long as this is, and no longer.
pub(super) struct Admitted {
    admission: Admission,
    prefix: Prefix,
    /// The bytes that it was charged for.
    paid: u64,
    stored: bool,
}

impl Admitted {
    /// It has so many bytes: whether there is room for them.
    pub(super) fn charge(&mut self, bytes: u64) -> Result<(), Unavailable> {
        let now = self.admission.now();
        let charged = self.admission.lock().charge(self.prefix, bytes, now);
        charged.map_err(|spent| self.admission.turn_away(spent))?;
        self.paid += bytes;
        Ok(())
    }

    /// It was stored, as a new report.
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
