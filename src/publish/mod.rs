//! The transaction: charts to collection to gomod to tlog; crash-safe, all or nothing.
//!
//! | file | one idea |
//! | --- | --- |
//! | `catalogue` | the definitions behind a config, for charts and pages |
//! | `describe` | from definitions to a catalogue |
//! | `chart_id` | the names of charts in addresses |
//! | `added` | which commit added a chart |
//! | `catalogues` | the catalogues that were published |
//! | `deployment` | the folder that `candor init` makes: names, key, signer, store |
//! | `versions` | the versions that exist, derived from the log and nothing else |
//! | `transaction` | publishing one commit of a charts repository |
//! | `cursor` | how far a watched branch was dealt with |
//! | `source` | which repository was published from, and publishing from it on a day when something expires |
//! | `watch` | which commits to publish, in order, when a branch moves |
//!
//! There is no list of versions beside the log. Entry *i* of the log *is* version `v0.(i+1).0`:
//! its record names the hash of its zip, and the zip is stored under that hash. So no version can
//! be visible before it is logged, skipped, or used twice.

mod added;
mod catalogue;
mod catalogues;
mod chart_id;
mod cursor;
mod deployment;
mod describe;
mod source;
mod transaction;
mod versions;
mod watch;

pub use catalogue::{
    Catalogue, CatalogueChart, CatalogueProgram, CatalogueProject, MarginDefinition, Marginals,
};
pub use catalogues::{CatalogueEntry, CatalogueError, Catalogues, in_force};
pub use chart_id::{ChartIds, RESERVED};
pub use cursor::CursorError;
pub use deployment::{Deployment, DeploymentError};
pub use source::{ChartsSource, RepublishError, Republished, republish};
pub use transaction::{CompileDay, Outcome, Publication, PublishError, Publisher};
pub use versions::{VersionError, Versions, zip_key};
pub use watch::{Found, Watch, WatchError};
