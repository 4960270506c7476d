//! The arithmetic: from stored reports to public data, and from public data to charts.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`index`] | which public files there are |
//! | [`public`] | reading them |
//! | [`columns`] | reports in memory, column by column |
//! | [`figure`] | the public shape of charts |

pub mod columns;
pub mod figure;
pub mod index;
pub mod public;

pub use public::{PublicData, PublicError};
