//! Who else has seen the log: the C2SP witness protocol, both sides.
//!
//! | file | one idea | specified by |
//! | --- | --- | --- |
//! | `request` | what is submitted to a witness | C2SP tlog-witness, add-checkpoint |
//! | `subtree_request` | what is submitted to have a subtree signed | C2SP tlog-witness, sign-subtree |
//! | `log_key` | the key of a log, of any kind | C2SP tlog-checkpoint |
//! | `log_list` | lists of logs | witness-network.org, log list format |
//! | `known_logs` | the lists that are in force, read again when they change | this crate |
//! | `settings` | a witness's name and keys | this crate |
//! | `verdict` | the checks, in order | C2SP tlog-witness, add-checkpoint |
//! | `rate` | how often a log is cosigned | this crate |
//! | `cosigned` | what is remembered of a log | C2SP tlog-witness, monitor retrieval |
//! | `counts` | what a witness counts and has seen, for its operator | this crate |
//! | `service` | the witness: checks, remembers, cosigns | C2SP tlog-witness |
//! | `http` | its answers | C2SP tlog-witness |
//! | `manage` | making a witness, adding logs and keys | this crate |
//! | `report` | how it is doing, for its operator | this crate |
//! | `feed` | submitting checkpoints to all witnesses of a policy | this crate |
//! | `feed_one` | the conversation with one of them | C2SP tlog-witness, add-checkpoint |
//! | `feed_http` | one bounded POST | this crate |
//! | `feed_state` | what they answered last | this crate |

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
mod verdict;

pub use cosigned::DamagedState;
pub use feed::{Feeder, FeederError};
pub use feed_state::{FeedState, LastAnswer};
pub use http::router;
pub use log_key::LogKey;
pub use log_list::{ListedLog, LogListError, LogListProblem};
pub use manage::{ManageError, ShownKey, ShownLog, WitnessFolder};
pub use report::WitnessHealth;
pub use request::{AddCheckpoint, AddCheckpointError};
pub use service::{Clock, Witness, WitnessError};
pub use settings::{KeyKind, KeyKindError, SettingsError};
pub use subtree_request::{SignSubtree, SignSubtreeError};
pub use verdict::Refusal;
