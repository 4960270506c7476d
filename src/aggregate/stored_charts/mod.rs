//! How charts are stored: so that a page reads what it shows, and charting a week writes only its own.
//!
//! ```text
//! public/index                        names, for each week and each span of 13 weeks, one outline
//! public/SHA256                       the outline of a week: its programs, and where their charts are
//! public/SHA256                       the outline of a span: its weeks and programs, and where the series are
//! charts/2026-11-15/SHA256            the figures of one program in one week; or their slices
//! charts/from-2026-10-04/SHA256       the series of one program in one span of weeks
//! ```
//!
//! The last two are [`sections`]: objects of which one chart can be read without the others. The
//! index has one entry for each week and each span, however many programs and charts there are.
//!
//! **Publishing.** All objects are in the store before the index names the two outlines, both in one step.
//! Before the first object is put, [`Index::superseded`](crate::aggregate::index::Index::superseded) names
//! the two folders: the next merge removes every object in them that the current outlines do not name.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`sections`] | objects of named sections, each with its hash |
//! | [`outline`] | which programs there are, and where their objects are |
//! | [`series`] | one chart over the weeks of a span |
//! | `folders` | the names of their folders |
//! | `read` | reads all of these, and checks what it read |
//! | `publish` | makes a week's charts current, and finds the objects that no longer are |

mod folders;
pub mod outline;
mod publish;
mod read;
pub mod sections;
pub mod series;

pub use folders::FOLDER;
pub use publish::NewCharts;
pub(crate) use publish::leftovers;
pub use read::{PageOf, ReadPage, SeriesOfProgram, Wanted};
