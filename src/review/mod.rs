//! What reviewers ask: who asked for a string of the config, and what a proposal would change.
//!
//! | file | one idea |
//! | --- | --- |
//! | `lints` | what should make a reviewer look twice |
//! | `proposal` | what a proposal means |
//! | `claims` | what it changes of the claims of stacks |
//! | `seen` | how many installations have the versions that a chart counts |
//! | `words` | a proposal in words, and as text |
//! | `comment` | a proposal as a comment in Markdown |
//! | `markdown` | texts from elsewhere in Markdown |
//! | `sarif` | what a check found, for code scanning services |
//! | `explain` | who asked for each string of a config, and which commit introduced it |
//! | [`releases`] | which versions and toolchains were released since, and the edits that list them |
//!
//! Everything here is computed from a repository and a day, like the config itself.

mod claims;
mod comment;
mod explain;
mod lints;
pub(crate) mod markdown;
mod proposal;
pub mod releases;
mod sarif;
mod seen;
mod words;

pub use claims::{ClaimSummary, ClaimsProposal};
pub use comment::{MARK, markdown};
pub use explain::{Asking, Explanation, StringKind, branches, explain};
pub(crate) use lints::PLACEHOLDER;
pub use lints::{AllowedHere, Lint, Linted, lint, old_populations};
pub(crate) use markdown::thousands;
pub use proposal::{
    Accuracy, ChartBefore, ChartSummary, CountedShare, NotCompared, PopulationChange,
    ProgramProposal, Proposal, SamplingSummary, propose, rate_of,
};
pub use sarif::sarif;
pub use seen::{SeenPrograms, SeenVersions, counts_since};
pub(crate) use words::points;
pub use words::{change_in_short, text};
