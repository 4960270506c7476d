//! Estimates from weighted samples, with confidence bounds that hold. All are pure functions.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`sample`] | a set of weighted reports, and its effective size |
//! | [`interval`] | shares of weighted reports, with bounds |
//! | [`quantile`] | quantiles of weighted values, with bounds |
//! | [`raking`] | fits weights to the margins of the population |
//! | [`volume`] | how many reports to expect in a week, by the weeks before |
//! | [`flood`] | how far false reports move a share |
//! | [`beta`] | the beta distribution, from which bounds are computed |

pub mod beta;
pub mod flood;
pub mod interval;
pub mod quantile;
pub mod raking;
pub mod sample;
pub mod volume;
