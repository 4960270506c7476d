//! A simulated population that reports for weeks, by a clock that the story sets.
//!
//! Everything else is real: installations draw X and filter by the published config as on a user's
//! machine, and send over HTTP to the receiver, which checks and stores.

use super::super::Failure;
use super::super::simulate::{Population, Truth, send_all};
use crate::client::Address;
use crate::client::report::filter;
use crate::collection::{Allowed, CollectionConfig};
use crate::day::Day;
use crate::event::Event;
use crate::gomod::ModuleVersion;
use crate::ingest::{
    Admission, AdmissionSettings, Buffer, ChosenBudgets, Clock, ConfigSet, Limits, Receiver,
    ReceiverSlot,
};
use crate::publish::Deployment;
use crate::web::Operations;
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// How many installations there are. The definitions say so too.
pub(super) const INSTALLATIONS: u64 = 100_000;
/// The seed of the population.
pub(super) const SEED: u64 = 7;
const CONNECTIONS: u16 = 8;

/// A clock that the story sets.
#[derive(Debug, Clone, Default)]
pub(super) struct StoryClock(Arc<AtomicI64>);

impl StoryClock {
    /// Sets it to noon, some days after a day.
    pub(super) fn set(&self, day: Day, days_later: u32) {
        let start = day.plus(days_later).start();
        let since = start.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let noon = i64::try_from(since.as_secs()).unwrap_or(0) + 12 * 3600;
        self.0.store(noon, Ordering::Relaxed);
    }

    /// Sets it to the present.
    pub(super) fn set_to_now(&self) {
        self.0.store(Timestamp::now().as_second(), Ordering::Relaxed);
    }
}

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap_or_default()
    }
}

/// A receiver that follows the story's clock.
pub(super) fn receiver_slot(
    deployment: &Deployment,
    clock: StoryClock,
) -> Result<ReceiverSlot, Failure> {
    let (module, keys) = (deployment.module.clone(), deployment.verifiers().clone());
    let configs = ConfigSet::open(module, keys, deployment.store.clone())?;
    let limits = Limits::default();
    let (stop, buffer) = (Event::new(), Buffer::of(deployment));
    let receiver = Receiver::open_in(&stop, &buffer, configs, Box::new(clock), limits)?;
    Ok(ReceiverSlot::of(Arc::new(receiver)))
}

/// The settings of the story's server: a whole population reports from one network, this machine.
pub(super) fn operations() -> Operations {
    let all = Some(100 * INSTALLATIONS);
    let budgets = ChosenBudgets {
        day_reports: all,
        day_bytes: all.map(|reports| reports << 16),
        prefix_reports: all,
    };
    let admission = Admission::new(AdmissionSettings { budgets, ..AdmissionSettings::default() });
    Operations { admission: Some(admission), ..Operations::default() }
}

/// The config that the population obeys, and where it reports to.
pub(super) struct Reporting<'a> {
    pub(super) config: &'a CollectionConfig,
    pub(super) version: ModuleVersion,
    pub(super) url: &'a Address,
    /// When their history begins.
    pub(super) since: Day,
}

impl Reporting<'_> {
    /// Lets a day's share of the population report a week that ended on that day.
    pub(super) fn day(&self, day: Day) -> Result<(), Failure> {
        self.send(day, None)
    }

    /// The same, and adds the truth about all installations, reported or not.
    pub(super) fn day_with_truth(&self, day: Day, truth: &mut Truth) -> Result<(), Failure> {
        self.send(day, Some(truth))
    }

    fn send(&self, day: Day, mut truth: Option<&mut Truth>) -> Result<(), Failure> {
        let population = Population::of(self.config, SEED, day, self.since);
        let allowed = Allowed::new(self.config);
        let version = self.version.to_string();
        send_all(self.url, day, CONNECTIONS, |sender| {
            // Every installation has a day of the week on which its week ends.
            for number in (u64::from(day.weekday())..INSTALLATIONS).step_by(7) {
                let x = population.x(number);
                let silent = x.get() > self.config.sample_rate.get();
                if silent && truth.is_none() {
                    continue;
                }
                let local = population.installation(number);
                if let Some(truth) = truth.as_deref_mut() {
                    truth.count(&local.programs);
                }
                let report = filter(&local, x, &allowed, &version, None).report;
                let sent = report.zip(sender).map(|(report, sender)| sender.send(report.to_json()));
                // The sending threads end early only if they fail, and then return the error.
                if sent.is_some_and(|sent| sent.is_err()) {
                    break;
                }
            }
            Ok(())
        })
    }
}
