//! A week's public data becomes figures.
//!
//! | file | one idea |
//! | --- | --- |
//! | `chart` | the run: which weeks, and where their charts go |
//! | `configs` | the configs that reports name, from the log |
//! | [`week`] | the charts of one week, from its reports |
//! | `plan`, `marginal_plan` | which counter feeds which row of which figure |
//! | `parts` | parts of the reports that are tallied separately |
//! | `stacks` | stacks, grouped by functions |
//! | `count` | counting reports, row group by row group |
//! | `combined_builds` | what several builds of one report have in total |
//! | `tally` | what was counted, in integers |
//! | `plan_tables` | the plan as tables, for SQL engines |
//! | `counts` | what SQL engines counted |
//! | `weighted` | samples: which of the counted reports, with which weights |
//! | `figures`, `rows` | from counts to figures |
//! | `ratio` | the distribution of quotients |
//! | `reweight` | figures, weighted to published marginals |
//! | [`volume`] | marks weeks whose number of reports jumps |
//! | `order` | the order of versions and toolchains |

mod chart;
mod combined_builds;
mod configs;
mod count;
mod counts;
mod figures;
mod marginal_plan;
mod order;
mod parts;
mod plan;
mod plan_tables;
mod ratio;
mod reweight;
mod rows;
mod stacks;
mod tally;
pub mod volume;
pub mod week;
mod weighted;

pub use chart::{ChartError, Charted, ChartedWeek, Weeks, chart, chart_counts, plan_weeks};
pub use configs::LoggedConfigs;
pub use counts::{CountFiles, CountsError};
pub(crate) use order::{sort_toolchains, sort_versions};
pub use plan::ConfigUnder;
pub use plan_tables::{PlanError, PlanTables};
pub(crate) use stacks::functions as functions_of_stack;
