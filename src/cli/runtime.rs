//! tokio's runtimes, for the verbs that serve.

use super::Failure;
use tokio::runtime::{Builder, Runtime};

/// A runtime with a thread for each processor.
pub(super) fn many_threads() -> Result<Runtime, Failure> {
    start(Builder::new_multi_thread())
}

/// A runtime on the thread that waits for it.
pub(super) fn one_thread() -> Result<Runtime, Failure> {
    start(Builder::new_current_thread())
}

fn start(mut builder: Builder) -> Result<Runtime, Failure> {
    let runtime = builder.enable_all().build();
    runtime.map_err(|error| Failure::new(format!("cannot start the server's threads: {error}")))
}
