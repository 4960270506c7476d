//! Stacks of a week, sorted into issues: from public data to what should be written to a tracker.
//!
//! ```text
//! public data ──► observed ──► grouped ──► plan (JSON) ──► post ──► a tracker
//!                                 ▲
//!                      claims in charts-config/stacks
//! ```
//!
//! | file | one idea |
//! | --- | --- |
//! | `source` | public data, from a deployment's folder or its site |
//! | `observed` | which stacks the reports of some weeks have |
//! | `grouped` | stacks sorted by the claims, and the others by the functions to blame |
//! | `news` | what a week has that none of the weeks before has |
//! | `planned` | the format of a plan: the issues to open and to comment on, as data |
//! | `plan` | making it |
//! | `wording` | their titles and bodies in Markdown |
//! | `github` | writing them to GitHub: the only file that changes anything outside |
//!
//! **Nothing in a stack is trusted.** Anyone can send any function's name. So a stack is taken only
//! if the config that its report names allows it and each frame follows the frame grammar; in Markdown it is
//! inside code that it cannot end, where nobody is mentioned and nothing is a link; and a title has only
//! letters, digits and a few signs.

mod github;
mod grouped;
mod news;
mod observed;
mod plan;
mod planned;
mod source;
mod wording;

pub use github::{GitHub, PostError, Posted, Posting, Settings, Written};
pub use news::News;
pub use observed::{Observed, ObservedProgram, WantedWeek, observe};
pub use plan::{Planning, plan};
pub use planned::{Action, Counted, Plan, PlannedIssue, PlannedProgram, Tracker};
pub use source::{PublicSource, StacksError};
pub(crate) use wording::{installations, told};
