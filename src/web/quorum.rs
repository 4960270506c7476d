//! Which witnesses have cosigned the published head, for health and metrics.

use super::operations::Operations;
use super::site::Site;
use crate::publish::{RefreshCounts, RefreshState};
use crate::tlog::{Protocol, TreeSize};
use crate::witness::LastAnswer;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The newest cosignatures may be this many times `refresh` old before that is a problem.
const TIMES: u64 = 3;

/// The state of cosigning at one moment.
#[derive(Debug)]
pub(super) struct QuorumStatus {
    /// Each witness of the policy.
    pub(super) witnesses: Vec<WitnessStatus>,
    /// When a quorum had cosigned the published head, in seconds since 1970.
    pub(super) quorum_at: Option<u64>,
    /// Why the published head does not satisfy the policy, if it does not.
    pub(super) missing: Option<String>,
    /// How often it was cosigned again.
    pub(super) refresh: RefreshCounts,
    refresh_every: u64,
    /// Whether it is due to be cosigned again.
    is_due: bool,
    needs_no_witness: bool,
    is_empty: bool,
}

/// One witness.
#[derive(Debug)]
pub(super) struct WitnessStatus {
    /// Its name in the policy.
    pub(super) name: String,
    /// When it cosigned the published head, in seconds since 1970, if it did.
    pub(super) cosigned_at: Option<u64>,
    /// Its last answer, if this process has asked it.
    pub(super) last: Option<LastAnswer>,
}

impl QuorumStatus {
    /// The state for a site's published head; `None` if no witness has to cosign.
    pub(super) fn of(site: &Site, operations: &Operations) -> Option<QuorumStatus> {
        let deployment = operations.deployment.as_ref()?.current();
        let witnesses = deployment.witnesses()?;
        let head = site.heads().last()?;
        let policy = witnesses.policy();
        let believed = policy.check(head.signed(Protocol::TlogTiles).as_bytes());
        let mut answers = witnesses.feeder.state().answers();
        let times = believed.as_ref().map(|believed| believed.cosigned.clone()).unwrap_or_default();
        let each = policy.witnesses().iter().enumerate().map(|(index, witness)| {
            let name = witness.name.to_string();
            let cosigned_at = times.get(&index).and_then(|time| time.seconds());
            WitnessStatus { last: answers.remove(&name), cosigned_at, name }
        });
        Some(QuorumStatus {
            witnesses: each.collect(),
            quorum_at: witnesses.cosigned_at(head.signed(Protocol::TlogTiles)),
            missing: believed.err().map(|error| error.to_string()),
            refresh: operations.refresh.as_ref().map(RefreshState::counts).unwrap_or_default(),
            refresh_every: witnesses.refresh.as_secs(),
            is_due: witnesses.is_due(head.signed(Protocol::TlogTiles), Timestamp::now()),
            needs_no_witness: policy.needs_no_witness(),
            is_empty: head.tree().size == TreeSize::ZERO,
        })
    }

    /// What is wrong, in words.
    pub(super) fn problems(&self, now: Timestamp) -> Vec<String> {
        let mut problems = Vec::new();
        // An empty log has nothing to cosign.
        if !self.is_empty {
            problems.extend(self.missing.clone());
            let age = self.quorum_at.map(|at| age(now, at));
            if let Some(age) = age.filter(|age| *age > TIMES * self.refresh_every) {
                problems.push(format!(
                    "a quorum of witnesses last cosigned what is shown {} hours ago; clients refuse it \
                     when that is longer than their limit",
                    age / 3600
                ));
            }
        }
        // This no longer matters once another process, such as a publisher, has had it cosigned.
        if let Some(problem) = self.refresh.problem.as_ref().filter(|_| self.is_due) {
            problems.push(format!("the log is not cosigned again: {problem}"));
        }
        problems.extend(self.witnesses.iter().filter_map(|witness| {
            let problem = witness.last.as_ref()?.problem.as_ref()?;
            problem.starts_with("ALARM").then(|| format!("{}: {problem}", witness.name))
        }));
        problems
    }

    /// The last answer of each witness.
    pub(super) fn facts(&self) -> Vec<String> {
        let quorum = match (self.quorum_at, self.needs_no_witness) {
            (Some(at), false) => format!("a quorum had cosigned what is shown at {}", time(at)),
            (_, true) => "the policy requires no witness".to_owned(),
            (None, false) => "no quorum has cosigned what is shown".to_owned(),
        };
        let each = self.witnesses.iter().map(|witness| {
            let cosigned = match witness.cosigned_at {
                Some(at) => format!("cosigned what is shown at {}", time(at)),
                None => "has not cosigned what is shown".to_owned(),
            };
            let last = match &witness.last {
                Some(LastAnswer { at, problem: Some(problem), .. }) => {
                    format!("; asked at {}, it did not: {problem}", time(*at))
                }
                Some(LastAnswer { at, .. }) => format!("; asked at {}, it did", time(*at)),
                None => String::new(),
            };
            format!("{} {cosigned}{last}", witness.name)
        });
        [quorum].into_iter().chain(each).collect()
    }

    /// How old the cosignatures of a quorum are, in seconds.
    pub(super) fn quorum_age(&self, now: Timestamp) -> Option<u64> {
        self.quorum_at.map(|at| age(now, at))
    }

    /// Values of each witness, with a label that names it.
    pub(super) fn labelled(
        &self,
        figure: impl Fn(&WitnessStatus) -> Vec<(&'static str, i128)>,
    ) -> Vec<(String, i128)> {
        let mut samples = BTreeMap::new();
        for witness in &self.witnesses {
            let name: String = witness.name.chars().flat_map(escaped).collect();
            for (labels, value) in figure(witness) {
                samples.insert(format!("{{witness=\"{name}\"{labels}}}"), value);
            }
        }
        samples.into_iter().collect()
    }
}

/// A character of a label's value, escaped for Prometheus' text format.
fn escaped(c: char) -> Vec<char> {
    match c {
        '\\' | '"' => vec!['\\', c],
        '\n' => vec!['\\', 'n'],
        c => vec![c],
    }
}

fn age(now: Timestamp, at: u64) -> u64 {
    u64::try_from(now.as_second()).unwrap_or(0).saturating_sub(at)
}

fn time(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|at| Timestamp::from_second(at).ok());
    time.map_or_else(|| format!("{seconds} seconds after 1970"), |time| time.to_string())
}
