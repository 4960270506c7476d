//! The arithmetic: from stored reports to public data, and from public data to charts.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`index`] | which public files there are |
//! | [`public`] | reading them |
//! | [`columns`] | reports in memory, column by column |
//! | [`daily`] | when merging and charting is due |
//! | [`figure`] | the public shape of charts |

pub mod columns;
pub mod daily;
pub mod figure;
pub mod index;
pub mod public;

pub use public::{PublicData, PublicError};
