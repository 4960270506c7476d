//! The verdicts of an audit: one for each thing that is checked, in one of four states.
//!
//! The ids are stable: programs and tests may rely on them. The table in the module's documentation says
//! what each is based on.

use serde::Serialize;
use std::fmt;

/// What is checked, in the order in which it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictId {
    /// The checkpoint is of this log, and signed with its key.
    Signature,
    /// A quorum of the policy's witnesses cosigned it, recently enough.
    Witnesses,
    /// It continues every head that was seen before.
    Consistency,
    /// The entries hash to its root.
    Root,
    /// The hash tiles match the entries.
    Tiles,
    /// The checksum database has the same tree and records.
    Faces,
    /// Entry N-1 is the record of v0.N.0, and the proxy lists exactly these versions.
    Versions,
    /// Each version's zip and go.mod match its record.
    Zips,
    /// Each config is what its commit compiles to.
    Rebuilt,
    /// Each string of a config is needed by a live definition.
    Minimal,
    /// The site, the privacy page and the receiver use the newest config.
    Pages,
    /// The public files match the index.
    DataFiles,
    /// The rows of public data contain only what their configs allow.
    DataRows,
    /// The rows of public data contain no more than figures need.
    RowForm,
    /// Later editions only add.
    Editions,
    /// The rows of public data name configs that were open.
    OpenConfigs,
    /// The charts match the public data.
    Charts,
    /// Weeks whose number of reports jumps are marked, and no others.
    Jumps,
}

impl VerdictId {
    /// All, in the order in which they are printed.
    pub const ALL: [VerdictId; 18] = [
        VerdictId::Signature,
        VerdictId::Witnesses,
        VerdictId::Consistency,
        VerdictId::Root,
        VerdictId::Tiles,
        VerdictId::Faces,
        VerdictId::Versions,
        VerdictId::Zips,
        VerdictId::Rebuilt,
        VerdictId::Minimal,
        VerdictId::Pages,
        VerdictId::DataFiles,
        VerdictId::DataRows,
        VerdictId::RowForm,
        VerdictId::Editions,
        VerdictId::OpenConfigs,
        VerdictId::Charts,
        VerdictId::Jumps,
    ];

    /// The id in text and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            VerdictId::Signature => "signature",
            VerdictId::Witnesses => "witnesses",
            VerdictId::Consistency => "consistency",
            VerdictId::Root => "root",
            VerdictId::Tiles => "tiles",
            VerdictId::Faces => "faces",
            VerdictId::Versions => "versions",
            VerdictId::Zips => "zips",
            VerdictId::Rebuilt => "rebuilt",
            VerdictId::Minimal => "minimal",
            VerdictId::Pages => "pages",
            VerdictId::DataFiles => "data-files",
            VerdictId::DataRows => "data-rows",
            VerdictId::RowForm => "row-form",
            VerdictId::Editions => "editions",
            VerdictId::OpenConfigs => "open-configs",
            VerdictId::Charts => "charts",
            VerdictId::Jumps => "jumps",
        }
    }
}

impl fmt::Display for VerdictId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It was checked, and is right.
    Ok,
    /// It does not apply, or was not requested; the sentence says why.
    NotAsked,
    /// It could not be checked: nothing was found wrong, and nothing is known to be right.
    Unchecked,
    /// It is wrong.
    Wrong,
}

/// One verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What was checked.
    pub id: VerdictId,
    /// The result.
    pub state: State,
    /// The result in one sentence.
    pub sentence: String,
    /// What is wrong or could not be checked, one item each, up to a limit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// The most details that a verdict keeps.
const DETAILS: usize = 20;

/// A verdict in the making.
#[derive(Debug)]
pub(super) struct Check {
    id: VerdictId,
    state: State,
    details: Vec<String>,
    left_out: usize,
}

impl Check {
    pub(super) fn of(id: VerdictId) -> Check {
        Check { id, state: State::Ok, details: Vec::new(), left_out: 0 }
    }

    /// Something is wrong.
    pub(super) fn wrong(&mut self, what: impl fmt::Display) {
        // What is wrong comes before what could not be checked.
        let index = if self.state == State::Wrong { self.details.len() } else { 0 };
        self.state = State::Wrong;
        self.add(index, &what);
    }

    /// Something could not be checked.
    pub(super) fn unchecked(&mut self, what: impl fmt::Display) {
        self.state = self.state.max(State::Unchecked);
        self.add(self.details.len(), &what);
    }

    /// A failed download: wrong if the server contradicts itself, otherwise unchecked.
    pub(super) fn failed(&mut self, trouble: &super::fetch::FetchError) {
        if trouble.is_wrong() { self.wrong(trouble) } else { self.unchecked(trouble) }
    }

    /// Adds what another check of the same thing found.
    pub(super) fn take(&mut self, other: Check) {
        for detail in &other.details {
            match other.state {
                State::Wrong => self.wrong(detail),
                _ => self.unchecked(detail),
            }
        }
    }

    pub(super) fn is_wrong(&self) -> bool {
        self.state == State::Wrong
    }

    pub(super) fn is_ok(&self) -> bool {
        self.state == State::Ok
    }

    fn add(&mut self, index: usize, what: &dyn fmt::Display) {
        if self.details.len() >= DETAILS {
            self.left_out += 1;
            self.details.truncate(DETAILS);
            return;
        }
        let text = what.to_string();
        if !self.details.contains(&text) {
            self.details.insert(index.min(self.details.len()), text);
        }
    }

    /// What was found, as hints for another verdict.
    pub(super) fn details(&self) -> &[String] {
        &self.details
    }

    /// The verdict; `good` is the sentence if all is well.
    pub(super) fn verdict(mut self, good: impl Into<String>) -> Verdict {
        let sentence = match (self.state, self.details.first()) {
            (State::Ok | State::NotAsked, _) | (_, None) => good.into(),
            (_, Some(first)) => match self.details.len() + self.left_out {
                1 => first.clone(),
                number => format!("{first} (and {} more)", number - 1),
            },
        };
        if self.left_out > 0 {
            self.details.push(format!("and {} more", self.left_out));
        }
        Verdict { id: self.id, state: self.state, sentence, details: self.details }
    }
}

impl Verdict {
    /// A verdict about what does not apply.
    pub(super) fn not_asked(id: VerdictId, why: impl Into<String>) -> Verdict {
        Verdict { id, state: State::NotAsked, sentence: why.into(), details: Vec::new() }
    }

    /// A verdict about what could not be checked.
    pub(super) fn unchecked(id: VerdictId, why: impl Into<String>) -> Verdict {
        Verdict { id, state: State::Unchecked, sentence: why.into(), details: Vec::new() }
    }
}
