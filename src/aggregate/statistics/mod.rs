//! Estimates from weighted samples, with bounds that hold. Pure functions, all of them.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`sample`] | how much a set of weighted reports says |
//! | [`interval`] | shares of weighted reports, with bounds |
//! | [`quantile`] | quantiles of weighted values, with bounds |
//! | [`raking`] | weights that give a sample the margins of its population |
//! | [`volume`] | how many reports a week may have, by the weeks before |
//! | [`flood`] | how far false reports move a share |
//! | [`beta`] | the beta distribution, which bounds are made of |

pub mod beta;
pub mod flood;
pub mod interval;
pub mod quantile;
pub mod raking;
pub mod sample;
pub mod volume;
