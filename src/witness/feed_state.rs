//! The last answer of each witness, for a deployment's operator.

use crate::count::entries;
use crate::tlog::{WitnessAnswer, WitnessReply};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The last answer of each witness. Cloning is cheap; all clones share one state.
#[derive(Debug, Clone, Default)]
pub struct FeedState(Arc<Mutex<BTreeMap<String, LastAnswer>>>);

/// The last answer of a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastAnswer {
    /// When, in seconds since 1970.
    pub at: u64,
    /// Why it did not cosign, if that is so.
    pub problem: Option<String>,
    /// How often it cosigned since the process started.
    pub cosigned_count: u64,
    /// How often it did not.
    pub failed_count: u64,
}

impl FeedState {
    /// The last answer of each witness that was asked, by its name in the policy.
    pub fn answers(&self) -> BTreeMap<String, LastAnswer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The witnesses that did not cosign the last time, and why.
    pub fn problems(&self) -> Vec<(String, String)> {
        let answers = self.answers().into_iter();
        answers.filter_map(|(witness, last)| Some((witness, last.problem?))).collect()
    }

    pub(super) fn note(&self, asked: &[WitnessReply]) {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for WitnessReply { witness, answer } in asked {
            let problem = problem(answer);
            let last = answers.entry(witness.clone()).or_insert(LastAnswer {
                at,
                problem: None,
                cosigned_count: 0,
                failed_count: 0,
            });
            last.at = at;
            match problem {
                None => last.cosigned_count += 1,
                Some(_) => last.failed_count += 1,
            }
            last.problem = problem;
        }
    }
}

fn problem(answer: &WitnessAnswer) -> Option<String> {
    match answer {
        WitnessAnswer::Cosigned(_) => None,
        WitnessAnswer::Failed(reason) => Some(reason.clone()),
        WitnessAnswer::Ahead(size) => Some(format!(
            "ALARM: it says that it cosigned a log of this name with {}",
            entries(size)
        )),
        WitnessAnswer::OtherHistory(size) => {
            Some(format!("ALARM: it has seen another history of {}", entries(size)))
        }
    }
}
