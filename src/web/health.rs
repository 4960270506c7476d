//! The health of a deployment: of everything that it does, not only of what it serves.
//!
//! | part | is well while |
//! | --- | --- |
//! | `log` | the published head can be read and is valid |
//! | `store` | no requested object is missing or damaged |
//! | `data` | the index of public data and the newest definitions can be read |
//! | `uploads` | the receiver is open, its thread is alive, the disk or the store accepts writes (tried again every few seconds after it did not), and the day's budget is not used up |
//! | `publishing` | everything committed is published |
//! | `witnesses` | the published head was recently cosigned as the policy requires; no witness reports another history |
//! | `settings` | the witnesses in `candor.toml` are those in force (listed only if not) |
//! | `reports` | no segment with unmerged reports is missing or damaged |
//! | `upkeep` | the last merge and chart succeeded recently, and their thread is alive |
//! | `witness` | its current lists, keys and settings are in force, and it can store its state |
//! | `clock` | no known event lies in the clock's future; `unconfirmed`, when no recent commit confirms it, is not a fault: it is normal for a deployment that rarely publishes |
//!
//! Parts that do not apply to this process are left out.

use super::operations::{ClockReport, LostReports};
use super::quorum::QuorumStatus;
use super::site::Site;
use crate::count::entries;
use crate::ingest::{Admission, ReceiverSlot};
use crate::publish::{Catalogues, LiveDeployment, Versions};
use crate::terminal::OneLine;
use crate::tlog::{committed_head, verify_committed};
use jiff::Timestamp;
use serde::Serialize;
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;

/// How long checking may take, so that a disk or a bucket that hangs does not hide the rest.
const PATIENCE: Duration = Duration::from_secs(5);

/// A part, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Part {
    pub(super) part: &'static str,
    pub(super) well: bool,
    pub(super) problems: Vec<String>,
    /// What could not be confirmed, although nothing is known to be wrong.
    pub(super) notes: Vec<String>,
    /// Further information.
    pub(super) facts: Vec<String>,
}

/// All parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Health {
    pub(super) well: bool,
    pub(super) parts: Vec<Part>,
}

impl Health {
    /// Checks everything.
    pub(super) async fn of(site: &Site, slot: Option<&ReceiverSlot>) -> Health {
        let operations = site.operations().cloned().unwrap_or_default();
        let (reports, witness) = (operations.lost_reports.clone(), operations.witness.clone());
        // Side by side, so that a store that hangs delays the answer once and not once a part.
        let (log, store, data, publishing, reports, witness) = tokio::join!(
            log(site),
            store(site),
            data(site),
            publishing(site),
            when(reports, |find| {
                let LostReports { gone, damaged } = find();
                gone.into_iter().chain(damaged).collect()
            }),
            when(witness, |witness| witness.health().problems),
        );
        let mut parts = vec![log, store, data];
        parts.extend(slot.map(|slot| uploads(slot, operations.admission.as_ref())));
        parts.push(publishing);
        parts.extend(QuorumStatus::of(site, &operations).map(|quorum| {
            let (problems, facts) = (quorum.problems(Timestamp::now()), quorum.facts());
            Part { facts, ..Part::new("witnesses", problems) }
        }));
        let settings = operations.deployment.as_ref().and_then(LiveDeployment::problem);
        parts.extend(settings.map(|problem| {
            let said = format!("the current candor.toml is not in force: {}", OneLine(problem));
            Part::new("settings", vec![said])
        }));
        parts.extend(reports.map(|problems| Part::new("reports", problems)));
        let upkeep = operations.upkeep.map(|upkeep| upkeep.problems(Timestamp::now()));
        parts.extend(upkeep.map(|problems| Part::new("upkeep", problems)));
        parts.extend(operations.clock.map(|clock| {
            let ClockReport { problem, note, .. } = clock();
            let notes = note.into_iter().collect();
            Part { notes, ..Part::new("clock", problem.into_iter().collect()) }
        }));
        parts.extend(witness.map(|problems| Part::new("witness", problems)));
        Health { well: parts.iter().all(|part| part.well), parts }
    }
}

impl Part {
    fn new(part: &'static str, problems: Vec<String>) -> Part {
        let (notes, facts) = (Vec::new(), Vec::new());
        Part { part, well: problems.is_empty(), problems, notes, facts }
    }
}

/// The published head, which is all that readers need.
pub(super) async fn log(site: &Site) -> Part {
    let checked = timeout(PATIENCE, site.heads().check()).await;
    let problems = checked.map(|checked| checked.err().map(|fault| fault.to_string()).into_iter());
    Part::new("log", problems.map_or_else(|_| too_long(), Iterator::collect))
}

/// The receiver, and whether the budgets leave room for uploads.
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

/// Whether the next publisher could work: anyone who can write to the store could make it refuse.
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
                "the log has {}, and {shown} of them are published: a publisher is running, was \
                 stopped, or got too few cosignatures. Unless one is running, `candor publish` completes \
                 it, and says which witness does not cosign",
                entries(committed.size)
            )
        });
        waits.into_iter().collect()
    };
    Part::new("publishing", blocking(look).await)
}

async fn store(site: &Site) -> Part {
    let read = timeout(PATIENCE, site.read_damaged_again()).await;
    let late = read.map_or_else(|_| too_long(), |()| Vec::new());
    Part::new("store", site.damage().found().into_values().chain(late).collect())
}

async fn data(site: &Site) -> Part {
    let data = site.public_data().clone();
    // Problems with the head are reported under `log`.
    let head = timeout(PATIENCE, site.head()).await;
    let has_versions = head.is_ok_and(|head| head.is_ok_and(|head| head.newest().is_some()));
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

/// The problems of a part, if this process has it.
async fn when<T: Send + 'static>(
    part: Option<T>,
    check: impl FnOnce(T) -> Vec<String> + Send + 'static,
) -> Option<Vec<String>> {
    Some(
        blocking({
            let part = part?;
            move || check(part)
        })
        .await,
    )
}

async fn blocking(check: impl FnOnce() -> Vec<String> + Send + 'static) -> Vec<String> {
    within_patience(check).await.unwrap_or_else(too_long)
}

fn too_long() -> Vec<String> {
    vec!["checking it takes too long".to_owned()]
}

/// The result of a check that may block; `None` if it takes too long.
pub(super) async fn within_patience<T: Send + 'static>(
    look: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    timeout(PATIENCE, tokio::task::spawn_blocking(look)).await.ok()?.ok()
}

/// One line for each part, its problems below it, and the verdict at the end.
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
