//! How many installations report, as public data show it, and which `population` definitions should state.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`observed`] | what charts say of a program's installations and reports, from the store or as they are served |
//! | `plan` | the population of each program for the coming week, and how accurate its charts become |
//!
//! A program's rates follow from its population, and its population is estimated from what was sampled at the rates
//! of earlier weeks. That is no circle: each report has the weight of the rate under which its X was drawn,
//! whatever the rates are now.

pub mod observed;
pub mod plan;

pub use observed::{ObservedChart, ObservedProgram, ObservedWeek, usable_weeks};
pub use plan::{ChartPlan, Decision, EstimatedWeek, Plan, ProgramPlan, plan};
