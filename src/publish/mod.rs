//! Publishing: charts to collection to gomod to tlog, crash-safe, all or nothing.
//!
//! | file | one idea |
//! | --- | --- |
//! | `catalogue` | the definitions behind a config, for charts and pages |
//! | `describe` | from definitions to a catalogue |
//! | `chart_id` | the IDs of charts in URLs |
//! | `added` | which commit added a chart |
//! | `introduced` | which commits introduced counters and stacks |
//! | `asked` | who asked for a counter |
//! | `counter_index` | where a catalogue has counters |
//! | `config_state` | which configs are open, so that their reports are accepted |
//! | `revoked` | which configs are revoked, and since when |
//! | `retired` | which charts retired, and when |
//! | `in_force` | what a commit changes besides the config |
//! | `catalogues` | the catalogues that were published |
//! | `catalogue_index` | their index, in pages |
//! | `deployment` | the folder that `candor init` makes: names, key, signer, store |
//! | `place` | where a store or the signer's lock is: a folder, or a bucket |
//! | `live` | a deployment whose witnesses follow `candor.toml` |
//! | `rotation` | rotating the log's key, with overlap |
//! | `witnesses` | a deployment's witnesses, and how many must cosign |
//! | `versions` | the versions that exist, derived from the log alone |
//! | `transaction` | publishing one commit of a charts repository |
//! | `cursor` | the last commit of a watched branch that was processed |
//! | `refresh` | keeping cosignatures of the newest head fresh |
//! | `source` | the repository that was published from, and publishing again when something expires |
//! | `verify_store` | checking everything that is stored |
//! | `watch` | following a branch: which commits to publish, in order |
//!
//! There is no list of versions besides the log. Entry *i* of the log *is* version `v0.(i+1).0`: its
//! record has the hash of its zip, and the zip is stored under that hash. So no version can be visible
//! before it is logged, and none can be skipped or used twice.
//!
//! # What a version costs
//!
//! Publishing one more reads, writes and removes the same number of objects whatever the number of
//! versions, apart from a few reads and lists for each level of the tree, of which a million versions
//! have three. What stays in the store forever is its zip, its catalogue if that changed (two objects,
//! together about 2 KB besides the config), 1/64 of a page of the index of catalogues (200 bytes an
//! entry), and 1/256 of a tile and of a bundle (32 bytes and about 200). Everything else is replaced.

mod added;
mod asked;
mod catalogue;
mod catalogue_index;
mod catalogues;
mod chart_id;
mod config_state;
mod counter_index;
mod cursor;
mod deployment;
mod describe;
mod in_force;
mod introduced;
mod live;
mod place;
mod refresh;
mod retired;
mod revoked;
mod rotation;
mod source;
mod transaction;
mod verify_store;
mod versions;
mod watch;
mod witnesses;

pub use catalogue::{
    Catalogue, CatalogueChart, CatalogueCommit, CatalogueProgram, CatalogueProject,
    CatalogueRetention, MarginDefinition, Marginals,
};
pub use catalogue_index::CatalogueEntry;
pub use catalogues::{CatalogueError, Catalogues, Recorded};
pub use chart_id::{ChartIds, RESERVED};
pub use config_state::{ConfigState, OPEN_DAYS, last_day, last_days};
pub use cursor::CursorError;
pub use deployment::{Deployment, DeploymentError, OWN_STORE};
pub use describe::describe;
pub use in_force::{ChartPackages, InForce};
pub use live::LiveDeployment;
pub use refresh::{RefreshCounts, RefreshError, RefreshState, Refreshed, Refresher};
pub use retired::{Retirement, Retirements};
pub use revoked::Revocation;
pub use source::{ChartsSource, RepublishError, Republished, republish};
pub use transaction::{CompileDay, Outcome, Publication, PublishError, Publisher};
pub use verify_store::{VerifiedStore, verify_store};
pub use versions::{VersionError, Versions, zip_key};
pub use watch::{CommitOutcome, Watch, WatchError};
pub use witnesses::DeploymentWitnesses;
