//! The C2SP witness protocol, both sides: who else has seen the log.
//!
//! | file | one idea | specified by |
//! | --- | --- | --- |
//! | `request` | the request to cosign a checkpoint | C2SP tlog-witness, add-checkpoint |
//! | `subtree_request` | the request to sign a subtree | C2SP tlog-witness, sign-subtree |
//! | `log_key` | the key of a log, of any kind | C2SP tlog-checkpoint |
//! | `log_list` | lists of logs | witness-network.org, log list format |
//! | `known_logs` | the lists in force, reloaded when they change | this crate |
//! | `settings` | a witness's name and keys | this crate |
//! | `checks` | the checks of a checkpoint, in order | C2SP tlog-witness, add-checkpoint |
//! | `rate` | rate limits for each log | this crate |
//! | `cosigned` | what is remembered about a log | C2SP tlog-witness, monitor retrieval |
//! | `counts` | counters and observations for the operator | this crate |
//! | `service` | the witness: checks, remembers, cosigns | C2SP tlog-witness |
//! | `http` | its HTTP responses | C2SP tlog-witness |
//! | `manage` | creating a witness, adding logs and keys | this crate |
//! | `report` | health and metrics for the operator | this crate |
//! | `feed` | submits checkpoints to all witnesses of a policy | this crate |
//! | `feed_one` | the conversation with one of them | C2SP tlog-witness, add-checkpoint |
//! | `feed_http` | a POST with limits on time and size | this crate |
//! | `feed_state` | the last answer of each witness | this crate |

mod checks;
mod cosigned;
mod counts;
mod feed;
mod feed_http;
mod feed_one;
mod feed_state;
mod http;
mod known_logs;
mod log_key;
mod log_list;
mod manage;
mod rate;
mod report;
mod request;
mod service;
mod settings;
mod subtree_request;

pub use checks::Refusal;
pub use cosigned::DamagedState;
pub use feed::{Feeder, FeederError};
pub use feed_state::{FeedState, LastAnswer};
pub use http::router;
pub use log_key::LogKey;
pub use log_list::{ListedLog, LogListError, LogListProblem};
pub use manage::{ManageError, WitnessFolder, WitnessKeyInfo, WitnessLogInfo};
pub use report::WitnessHealth;
pub use request::{AddCheckpoint, AddCheckpointError};
pub use service::{Clock, Witness, WitnessError};
pub use settings::{KeyKind, KeyKindError, SettingsError};
pub use subtree_request::{SignSubtree, SignSubtreeError};
