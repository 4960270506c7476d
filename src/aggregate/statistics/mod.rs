//! Estimates from weighted samples, with confidence bounds that hold. All are pure functions.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`sample`] | a set of weighted reports, and its effective size |
//! | [`interval`] | shares of weighted reports, with bounds |
//! | [`difference`] | differences of shares, and of medians, with bounds |
//! | [`quantile`] | quantiles of weighted values, with bounds |
//! | [`total`] | how many installations reports stand for, with bounds |
//! | [`forecast`] | how many installations will report, by the weeks before |
//! | [`raking`] | fits weights to the margins of the population |
//! | [`volume`] | how many reports to expect in a week, by the weeks before |
//! | `line` | a line through points, some of which may be far off |
//! | [`flood`] | how far false reports move a share |
//! | [`beta`] | the beta distribution, from which bounds are computed |

pub mod beta;
#[cfg(test)]
mod book_tests;
pub mod difference;
pub mod flood;
pub mod forecast;
pub mod interval;
mod line;
pub mod quantile;
pub mod raking;
pub mod sample;
pub mod total;
pub mod volume;
