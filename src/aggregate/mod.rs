//! The arithmetic: from stored reports to public data, and from public data to charts.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`index`] | which public files there are |
//! | [`public`] | reading them |
//! | [`columns`] | reports in memory, column by column |
//! | [`figure`] | the public shape of charts |
//! | [`sample`] | how much a set of weighted reports says |
//! | [`interval`] | shares of weighted reports, with bounds that hold |
//! | [`quantile`] | quantiles of weighted values, with bounds |
//! | [`raking`] | weights that give a sample the margins of its population |
//! | [`beta`] | the beta distribution, which bounds are made of |

pub mod beta;
pub mod columns;
pub mod figure;
pub mod index;
pub mod interval;
pub mod public;
pub mod quantile;
pub mod raking;
pub mod sample;

pub use public::{PublicData, PublicError};
