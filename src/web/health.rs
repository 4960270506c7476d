//! How a deployment is doing: everything that it does, not what it serves alone.
//!
//! | part | is well while |
//! | --- | --- |
//! | `log` | the published head can be read and is good |
//! | `store` | nothing that was asked for was found missing or damaged, and not mended since |
//! | `data` | the index of public data and the newest definitions can be read |
//! | `uploads` | there is a receiver, its thread lives, the disk takes what it is given, and the day's budget is not spent |
//! | `publishing` | what is committed is published |
//! | `witnesses` | the published head is cosigned as the policy asks, and that not long ago; no witness says that it has seen another history |
//! | `settings` | the witnesses in `candor.toml` are in force as they are now; left out while they are |
//! | `reports` | no segment with reports that are not merged is missing or damaged |
//! | `upkeep` | the last merge and chart succeeded, and that not long ago; their thread lives |
//! | `witness` | its lists, keys and settings are in force as they are now, and it can remember |
//! | `clock` | nothing is known that the clock says is yet to come; `unconfirmed`, where no recent commit confirms it, is no fault: a deployment that publishes seldom looks like that |
//!
//! Parts that this process has nothing to do with are left out.

use super::quorum::WitnessFigures;
use super::site::Site;
use crate::aggregate::UpkeepState;
use crate::ingest::{Admission, ReceiverSlot};
use crate::publish::{Catalogues, LiveDeployment, RefreshState, Versions};
use crate::terminal::OneLine;
use crate::tlog::{committed_head, verify_committed};
use crate::witness::Witness;
use jiff::Timestamp;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Something that is asked for what was lost, which may block.
pub type FindLostReports = dyn Fn() -> LostReports + Send + Sync;

/// How long looking at one part may take. A disk that does not answer is no reason not to.
const PATIENCE: Duration = Duration::from_secs(5);

/// What of the reports that are not merged was lost, in words, a segment each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LostReports {
    /// Segments that are missing, or not what they were when they were sealed.
    pub gone: Vec<String>,
    /// Segments that are damaged.
    pub damaged: Vec<String>,
}

/// What a process does besides serving.
#[derive(Clone, Default)]
pub struct Operations {
    /// Merging and charting, where it does that.
    pub upkeep: Option<UpkeepState>,
    /// Who may upload, and what is left of the budgets.
    pub admission: Option<Admission>,
    /// What has lost reports that were not merged.
    pub lost_reports: Option<Arc<FindLostReports>>,
    /// What is known of the clock.
    pub clock: Option<Arc<dyn Fn() -> ClockReport + Send + Sync>>,
    /// The deployment, which names the witnesses that have to cosign the log, if any.
    pub deployment: Option<LiveDeployment>,
    /// What came of having them cosign it again, where this process does that.
    pub refresh: Option<RefreshState>,
    /// The witness that is served below `/witness/`.
    pub witness: Option<Witness>,
}

/// What is known of the system's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClockReport {
    /// By how many seconds it is at least ahead (or, below zero, behind), as far as that is known.
    pub skew: i64,
    /// What is wrong with it, in words.
    pub problem: Option<String>,
    /// What cannot be known of it, in words: no fault.
    pub note: Option<String>,
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operations").field("upkeep", &self.upkeep).finish_non_exhaustive()
    }
}

/// One part, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Part {
    pub(super) part: &'static str,
    pub(super) well: bool,
    pub(super) problems: Vec<String>,
    /// What could not be confirmed, though nothing is known to be wrong.
    pub(super) notes: Vec<String>,
    /// What else there is to know.
    pub(super) facts: Vec<String>,
}

/// All parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Health {
    pub(super) well: bool,
    pub(super) parts: Vec<Part>,
}

impl Health {
    /// Looks at everything.
    pub(super) async fn of(site: &Site, slot: Option<&ReceiverSlot>) -> Health {
        let mut parts = vec![log(site).await, store(site).await, data(site).await];
        let operations = site.operations().cloned().unwrap_or_default();
        parts.extend(slot.map(|slot| uploads(slot, operations.admission.as_ref())));
        parts.push(publishing(site).await);
        parts.extend(WitnessFigures::of(site, &operations).map(|figures| {
            let (problems, facts) = (figures.problems(Timestamp::now()), figures.facts());
            Part { facts, ..Part::new("witnesses", problems) }
        }));
        let settings = operations.deployment.as_ref().and_then(LiveDeployment::problem);
        parts.extend(settings.map(|problem| {
            let said = format!("candor.toml as it is now is not in force: {}", OneLine(problem));
            Part::new("settings", vec![said])
        }));
        if let Some(find) = operations.lost_reports {
            let all = move || {
                let LostReports { gone, damaged } = find();
                gone.into_iter().chain(damaged).collect()
            };
            parts.push(Part::new("reports", blocking(all).await));
        }
        let upkeep = operations.upkeep.map(|upkeep| upkeep.problems(Timestamp::now()));
        parts.extend(upkeep.map(|problems| Part::new("upkeep", problems)));
        parts.extend(operations.clock.map(|clock| {
            let ClockReport { problem, note, .. } = clock();
            let notes = note.into_iter().collect();
            Part { notes, ..Part::new("clock", problem.into_iter().collect()) }
        }));
        if let Some(witness) = operations.witness {
            parts.push(Part::new("witness", blocking(move || witness.health().problems).await));
        }
        Health { well: parts.iter().all(|part| part.well), parts }
    }
}

impl Part {
    fn new(part: &'static str, problems: Vec<String>) -> Part {
        let (notes, facts) = (Vec::new(), Vec::new());
        Part { part, well: problems.is_empty(), problems, notes, facts }
    }
}

/// The published head: all that readers need.
pub(super) async fn log(site: &Site) -> Part {
    let problem = site.heads().check().await.err().map(|fault| fault.to_string());
    Part::new("log", problem.into_iter().collect())
}

/// The receiver of uploads, and whether there is a budget for any.
pub(super) fn uploads(slot: &ReceiverSlot, admission: Option<&Admission>) -> Part {
    let mut part = Part::new("uploads", slot.state().problem.into_iter().collect());
    if let Some(state) = admission.map(Admission::state) {
        part.problems.extend(state.problems);
        part.well = part.problems.is_empty();
        part.notes = state.notes;
        part.facts = vec![format!(
            "{} of {} reports and {} of {} bytes are left of the day's budget",
            state.reports_left,
            state.budgets.day_reports,
            state.bytes_left,
            state.budgets.day_bytes
        )];
    }
    part
}

/// What the next publisher finds: whoever may write to the store can have it refuse.
async fn publishing(site: &Site) -> Part {
    let Some(head) = site.heads().last() else { return Part::new("publishing", Vec::new()) };
    let (module, store) = (site.module().clone(), site.public_data().shared_store());
    let look = move || {
        let versions = Versions::new(module, store.clone());
        if let Err(problem) = verify_committed(&store, head.tree(), &versions) {
            return vec![problem.to_string()];
        }
        let shown = head.tree().size;
        let committed =
            committed_head(store.as_ref()).ok().filter(|committed| committed.size > shown);
        let waits = committed.map(|committed| {
            format!(
                "the log has {} entries, and {shown} of them are published: a publisher is at work, was \
                 stopped, or got too few cosignatures. Unless one is at work, `candor publish` completes \
                 it, and says which witness does not cosign",
                committed.size
            )
        });
        waits.into_iter().collect()
    };
    Part::new("publishing", blocking(look).await)
}

async fn store(site: &Site) -> Part {
    site.read_damaged_again().await;
    Part::new("store", site.damage().found().into_values().collect())
}

async fn data(site: &Site) -> Part {
    let data = site.public_data().clone();
    // What is wrong with the head is said of the log.
    let has_versions = site.head().await.is_ok_and(|head| head.newest().is_some());
    let problems = blocking(move || {
        let index = data.index().err().map(|error| error.to_string());
        let catalogues = Catalogues::new(data.shared_store());
        let newest = match has_versions {
            true => catalogues.newest_of_versions().err(),
            false => catalogues.newest().err(),
        };
        index.into_iter().chain(newest.map(|error| error.to_string())).collect()
    });
    Part::new("data", problems.await)
}

async fn blocking(look: impl FnOnce() -> Vec<String> + Send + 'static) -> Vec<String> {
    let looked = within_patience(look).await;
    looked.unwrap_or_else(|| vec!["looking at it does not come to an end".to_owned()])
}

/// What a look that may block finds; nothing where it takes too long.
pub(super) async fn within_patience<T: Send + 'static>(
    look: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(look)).await.ok()?.ok()
}

/// A line for each part, what is wrong below it, and the verdict in the end.
impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = |well: bool| if well { "ok" } else { "not ok" };
        for Part { part, well, problems, notes, facts } in &self.parts {
            let doubt = if *well && !notes.is_empty() { ", unconfirmed" } else { "" };
            writeln!(f, "{part}: {}{doubt}", verdict(*well))?;
            let said = problems.iter().chain(notes).chain(facts);
            said.into_iter().try_for_each(|said| writeln!(f, "  {said}"))?;
        }
        writeln!(f, "{}", verdict(self.well))
    }
}
