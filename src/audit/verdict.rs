//! What an audit says: one verdict for each thing that is checked, in one of four states.
//!
//! The ids are stable: programs and tests may rely on them. What each rests on is in the table of
//! the module's documentation.

use serde::Serialize;
use std::fmt;

/// What is checked, in the order of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictId {
    /// The checkpoint is signed by the log's key and of this log.
    Signature,
    /// A quorum of the policy's witnesses cosigned it, recently enough.
    Witnesses,
    /// It continues every head that was seen before.
    Consistency,
    /// The entries hash to its root.
    Root,
    /// The hash tiles are those of the entries.
    Tiles,
    /// The checksum database shows the same tree and records.
    Faces,
    /// Entry N-1 is the record of v0.N.0, and the proxy lists exactly these versions.
    Versions,
    /// Each version's zip and go.mod are those of its record.
    Zips,
    /// Each config is what its commit compiles to.
    Rebuilt,
    /// Each string of a config is asked for by a live definition.
    Minimal,
    /// The site, the privacy page and the receiver name the newest config.
    Pages,
    /// The public files are those of the index.
    DataFiles,
    /// The rows of public data hold only what the config that they name allows.
    DataRows,
    /// The rows of public data say no more than figures need.
    RowForm,
    /// Later editions only add.
    Editions,
    /// The rows of public data name configs that were open.
    OpenConfigs,
    /// The charts are what the public data says.
    Charts,
    /// Weeks whose number of reports jumps are marked, and no others.
    Jumps,
}

impl VerdictId {
    /// All, in the order of the screen.
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

    /// The id as it is written, in JSON too.
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

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It was checked, and is as it must be.
    Ok,
    /// It does not apply here, or was not asked for; the sentence says why.
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
    /// How it came out.
    pub state: State,
    /// The result in one sentence.
    pub sentence: String,
    /// What is wrong or could not be checked, one thing each; bounded.
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
        // What is wrong is told before what could not be checked.
        let place = if self.state == State::Wrong { self.details.len() } else { 0 };
        self.state = State::Wrong;
        self.add(place, &what);
    }

    /// Something could not be checked.
    pub(super) fn unchecked(&mut self, what: impl fmt::Display) {
        self.state = self.state.max(State::Unchecked);
        self.add(self.details.len(), &what);
    }

    /// A failed download: wrong where the server contradicts itself, else not checked.
    pub(super) fn failed(&mut self, trouble: &super::fetch::Trouble) {
        if trouble.is_wrong() { self.wrong(trouble) } else { self.unchecked(trouble) }
    }

    /// Takes over what another check of the same thing found.
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

    fn add(&mut self, place: usize, what: &dyn fmt::Display) {
        if self.details.len() >= DETAILS {
            self.left_out += 1;
            self.details.truncate(DETAILS);
            return;
        }
        let text = what.to_string();
        if !self.details.contains(&text) {
            self.details.insert(place.min(self.details.len()), text);
        }
    }

    /// What was found, as hints for somebody else's verdict.
    pub(super) fn details(&self) -> &[String] {
        &self.details
    }

    /// The verdict; `good` is what is said where all is well.
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
