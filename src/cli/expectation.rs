//! How many reports sampling expects, which decides the day's budget of uploads. It is read at the start
//! and every few minutes, on a thread of its own. Until it is read, the budget is the smallest; if it cannot
//! be read any more, the budget stays as it is.

use crate::event::Event;
use crate::ingest::{Admission, expected_reports};
use crate::publish::Deployment;
use crate::web::Site;
use std::thread;
use std::time::Duration;

/// How often it is read again: definitions rarely change.
const INTERVAL: Duration = Duration::from_secs(600);
/// How often it is tried until it is read for the first time: perhaps nothing is published yet.
const FIRST: Duration = Duration::from_secs(1);

/// Reads at once what is expected, and then again and again until `stop` is set.
pub(super) fn begin(deployment: &Deployment, site: &Site, admission: &Admission, stop: Event) {
    let (module, store) = (deployment.module.clone(), deployment.store.clone());
    let (site, admission) = (site.clone(), admission.clone());
    thread::spawn(move || {
        let mut pause = FIRST;
        loop {
            let head = site.shown_tree();
            if let Some(expected) = head.and_then(|head| expected_reports(&module, &store, head)) {
                admission.expect(expected);
                pause = INTERVAL;
            }
            if stop.wait(pause) {
                return;
            }
        }
    });
}
