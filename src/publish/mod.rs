//! The transaction: charts to collection to gomod to tlog; crash-safe, all or nothing.
//!
//! | file | one idea |
//! | --- | --- |
//! | `catalogue` | the definitions behind a config, for charts and pages |
//! | `describe` | from definitions to a catalogue |
//! | `chart_id` | the names of charts in addresses |
//! | `added` | which commit added a chart |
//! | `config_state` | which configs are open |
//! | `revoked` | since when configs are revoked |
//! | `in_force` | what a commit puts in force besides a config |
//! | `catalogues` | the catalogues that were published |
//! | `catalogue_index` | their index: pages, of which one more entry changes one at most |
//! | `deployment` | the folder that `candor init` makes: names, key, signer, store |
//! | `rotation` | changing the log's key, with overlap |
//! | `witnesses` | which witnesses it has, and how many must cosign |
//! | `versions` | the versions that exist, derived from the log and nothing else |
//! | `transaction` | publishing one commit of a charts repository |
//! | `cursor` | how far a watched branch was dealt with |
//! | `refresh` | having the newest head cosigned again |
//! | `source` | which repository was published from, and publishing from it on a day when something expires |
//! | `verify_store` | everything that is stored, recomputed |
//! | `watch` | which commits to publish, in order, when a branch moves |
//!
//! There is no list of versions beside the log. Entry *i* of the log *is* version `v0.(i+1).0`:
//! its record names the hash of its zip, and the zip is stored under that hash. So no version can
//! be visible before it is logged, skipped, or used twice.
//!
//! # What a version costs
//!
//! Publishing one more reads, writes and removes the same number of objects whatever the number of
//! versions, but for a few reads and lists a level of the tree, of which a million versions have three.
//! What stays in the store for ever is its zip, its catalogue where that says something new (two objects,
//! together about 2 KB beside the config), 1/64 of a page of the index of catalogues (200 bytes an
//! entry), and 1/256 of a tile and of a bundle (32 bytes and about 200). All else is replaced.

mod added;
mod catalogue;
mod catalogue_index;
mod catalogues;
mod chart_id;
mod config_state;
mod cursor;
mod deployment;
mod describe;
mod in_force;
mod live;
mod refresh;
mod revoked;
mod rotation;
mod source;
mod transaction;
mod verify_store;
mod versions;
mod watch;
mod witnesses;

pub use catalogue::{
    Catalogue, CatalogueChart, CatalogueProgram, CatalogueProject, CatalogueRetention,
    MarginDefinition, Marginals,
};
pub use catalogue_index::CatalogueEntry;
pub use catalogues::{CatalogueError, Catalogues, Recorded};
pub use chart_id::{ChartIds, RESERVED};
pub use config_state::{ConfigState, OPEN_DAYS, civil, last_day, last_days};
pub use cursor::CursorError;
pub use deployment::{Deployment, DeploymentError};
pub use describe::describe;
pub use in_force::{ChartPackages, InForce};
pub use live::LiveDeployment;
pub use refresh::{RefreshCounts, RefreshError, RefreshState, Refreshed, Refresher};
pub use revoked::Revocation;
pub use source::{ChartsSource, RepublishError, Republished, republish};
pub use transaction::{CompileDay, Outcome, Publication, PublishError, Publisher};
pub use verify_store::{VerifiedStore, verify_store};
pub use versions::{VersionError, Versions, zip_key};
pub use watch::{Found, Watch, WatchError};
pub use witnesses::DeploymentWitnesses;
