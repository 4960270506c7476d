//! What sampling expects, so that the day's budget of uploads follows from it: read at the start, and
//! again now and then, on a thread of its own. Until it is read, the budget is that of a population
//! that is not known.

use crate::event::Event;
use crate::ingest::{Admission, expected_reports};
use crate::publish::Deployment;
use crate::web::Site;
use std::thread;
use std::time::Duration;

/// How often it is read again: definitions change seldom.
const INTERVAL: Duration = Duration::from_secs(600);

/// Reads at once what is expected, and goes on to until `stop` happens.
pub(super) fn begin(deployment: &Deployment, site: &Site, admission: &Admission, stop: Event) {
    let (module, store) = (deployment.module.clone(), deployment.store.clone());
    let (site, admission) = (site.clone(), admission.clone());
    thread::spawn(move || {
        loop {
            if let Some(head) = site.shown_tree() {
                admission.expect(expected_reports(&module, &store, head));
            }
            if stop.wait(INTERVAL) {
                return;
            }
        }
    });
}
