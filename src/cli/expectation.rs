//! What sampling expects, so that the day's budget of uploads follows from it: read at the start, and
//! again now and then, on a thread of its own. Until it is read, the budget is the least; where it cannot
//! be read any more, it stays what it was.

use crate::event::Event;
use crate::ingest::{Admission, expected_reports};
use crate::publish::Deployment;
use crate::web::Site;
use std::thread;
use std::time::Duration;

/// How often it is read again: definitions change seldom.
const INTERVAL: Duration = Duration::from_secs(600);
/// How often it is tried as long as it was never read: nothing may be published yet.
const FIRST: Duration = Duration::from_secs(1);

/// Reads at once what is expected, and goes on to until `stop` happens.
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
