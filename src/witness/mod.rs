//! Who else has seen the log: the C2SP witness protocol, both sides.
//!
//! | file | one idea | specified by |
//! | --- | --- | --- |
//! | `request` | what is submitted to a witness | C2SP tlog-witness, add-checkpoint |
//! | `feed` | submitting checkpoints to all witnesses of a policy | this crate |
//! | `feed_one` | the conversation with one of them | C2SP tlog-witness, add-checkpoint |
//! | `feed_http` | one bounded POST | this crate |
//! | `feed_state` | what they answered last | this crate |

mod feed;
mod feed_http;
mod feed_one;
mod feed_state;
mod request;

pub use feed::{Feeder, FeederError};
pub use feed_state::{FeedState, LastAnswer};
pub use request::{AddCheckpoint, AddCheckpointError};
