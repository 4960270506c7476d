//! The twelve promises of transparent telemetry (<https://research.swtch.com/telemetry-design>), and how
//! each is checked from outside, or why it cannot be.

use super::verdict::{State, Verdict, VerdictId};
use serde::Serialize;

/// A promise, and what the audit found about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Promise {
    /// The promise.
    pub promise: &'static str,
    /// How it was checked, or why that is not possible from outside.
    pub how: &'static str,
    /// The verdicts that it depends on; none if it cannot be checked from outside.
    pub rests_on: &'static [VerdictId],
    /// The worst of those verdicts; `not-asked` if there is none.
    pub state: State,
}

use VerdictId::{
    Charts, Consistency, DataFiles, DataRows, Faces, Minimal, Pages, Rebuilt, Root, Signature,
    Tiles, Versions, Zips,
};

const PROMISES: [(&str, &str, &[VerdictId]); 12] = [
    (
        "Metrics are decided in the open",
        "every string of every config is needed by a definition at a public commit, which links \
         to the discussion",
        &[Rebuilt, Minimal],
    ),
    (
        "The config is generated, and minimal",
        "each config was compiled again from its commit, byte for byte, and none of its strings is \
         there without a live definition",
        &[Rebuilt, Minimal],
    ),
    (
        "The config is tamper-evident and the same for all",
        "the signed log continues every head seen before, and its entries hash to its root; \
         witnesses, where asked for, saw the same",
        &[Signature, Consistency, Root, Tiles],
    ),
    (
        "The config is a module that proxies cache",
        "every version is available from the module proxy, as its record in the checksum \
         database says",
        &[Versions, Zips, Faces],
    ),
    (
        "Reports hold only totals of a week",
        "every public report has a week, counts and nothing else",
        &[DataRows],
    ),
    (
        "Reports hold no identifier",
        "every public report was read strictly: its format has no field for one",
        &[DataRows],
    ),
    (
        "Reports hold only strings the server knew before",
        "every string of every public report is in the config that it names, and the receiver \
         refuses others",
        &[DataRows, Pages],
    ),
    (
        "No IP address is recorded",
        "cannot be seen from outside; the public data holds none, and the program that takes \
         reports is open source",
        &[],
    ),
    (
        "Few reports are enough: 16,588 give 1% at 99%",
        "the rates of every config are those that its definitions' populations and errors give, \
         compiled again",
        &[Rebuilt],
    ),
    (
        "Results are public, as graphs and tables",
        "the served JSON and CSV were recomputed from the public data; pages and pictures for people \
         were not compared with them",
        &[Charts],
    ),
    (
        "The raw data is public",
        "every file of the index was downloaded, now or in an earlier run; an omitted report cannot be \
         noticed from outside",
        &[DataFiles, DataRows],
    ),
    (
        "Off until opted in",
        "cannot be seen from outside: it is a property of programs on users' machines, to be read \
         in their source or seen with `candor telemetry`",
        &[],
    ),
];

/// The promises, given the verdicts.
pub(super) fn promises(verdicts: &[Verdict]) -> Vec<Promise> {
    let state_of = |id: &VerdictId| {
        verdicts.iter().find(|verdict| verdict.id == *id).map_or(State::Unchecked, |v| v.state)
    };
    let promise =
        |(promise, how, rests_on): &(&'static str, &'static str, &'static [VerdictId])| {
            let worst = rests_on.iter().map(state_of).max();
            Promise { promise, how, rests_on, state: worst.unwrap_or(State::NotAsked) }
        };
    PROMISES.iter().map(promise).collect()
}
