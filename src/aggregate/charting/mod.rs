//! The public data of a week becomes figures.
//!
//! | file | one idea |
//! | --- | --- |
//! | `chart` | the run: which weeks, and where their charts go |
//! | `configs` | the configs that reports name, out of the log |
//! | [`week`] | the charts of one week, from its reports |
//! | `plan`, `marginal_plan` | which counter feeds which row of which figure |
//! | `parts` | the parts of reports that are tallied apart |
//! | `stacks` | stacks, grouped by functions |
//! | `count` | counting reports, row group by row group |
//! | `combined_builds` | what some builds of one report hold together |
//! | `tally` | what was counted, in integers |
//! | `weighted` | which of the counted reports speak, and how much each weighs |
//! | `figures`, `rows` | from counts to figures |
//! | `ratio` | how quotients are distributed |
//! | `reweight` | figures, weighted to published marginals |
//! | [`volume`] | weeks whose number of reports jumps, marked |
//! | `order` | the order of versions and toolchains |

mod chart;
mod combined_builds;
mod configs;
mod count;
mod figures;
mod marginal_plan;
mod order;
mod parts;
mod plan;
mod ratio;
mod reweight;
mod rows;
mod stacks;
mod tally;
pub mod volume;
pub mod week;
mod weighted;

pub use chart::{ChartError, Charted, ChartedWeek, Weeks, chart};
pub use configs::LoggedConfigs;
pub use plan::ConfigUnder;
