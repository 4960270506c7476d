//! Who else has seen the log: the C2SP witness protocol, both sides.
//!
//! | file | one idea | specified by |
//! | --- | --- | --- |
//! | `request` | what is submitted to a witness | C2SP tlog-witness, add-checkpoint |

mod request;

pub use request::{AddCheckpoint, AddCheckpointError};
