//! Everything public of a deployment as plain objects, so that a bucket and a CDN can serve all reads.
//!
//! | file | one idea |
//! | --- | --- |
//! | `addresses` | what there is without following links, and when each is written |
//! | `links` | what a file leads to |
//! | `adapt` | what differs in a file from the answer that it is a copy of |
//! | `gather` | asking the site for all of it, at one moment |
//! | `write` | writing what is new, in an order that is right at any time |
//! | `written` | what was written before |
//! | `servers` | what servers of a folder need to know |
//!
//! Each object is the answer of our own router ([`crate::web::Reader`]) to a request for its address, so nothing is
//! here that a server would not serve, and there is no second way to make a page. One answer that is missing because
//! something is damaged, and nothing is written.
//!
//! # At any time
//!
//! - What never changes is written first, then pages, then proofs under the newest head, then the head itself, and
//!   last which versions there are. So whoever reads a head finds its tiles, whenever a run ends.
//! - Nothing is removed: caches and readers may still ask for the partial tiles of earlier heads.
//! - A run that was interrupted is completed by the next one.
//! - A copy never goes back: a run that knows fewer entries than the one before is refused, and so is one that
//!   another run has overtaken.
//!
//! A run takes a claim before it looks at the deployment, and looks before each write whether another run has taken
//! one since: that one has looked at the deployment later, so this one ends.
//!
//! Still unsafe: an object store has no transaction over several objects. A run of an older head that stands still for
//! longer than the other run takes, between such a look and the write after it, can put older pointers in place of newer
//! ones until the next run. All of them are signed and verify.

mod adapt;
mod addresses;
mod gather;
mod links;
mod servers;
mod write;
mod written;

pub use gather::{GatherError, Gathered, Source, check_copy, gather};
pub use write::{Claim, CopyReport, WriteError, write};
pub use written::NotWritten;
