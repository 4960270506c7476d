//! Waiting for what is asynchronous: `object_store` is, and [`Store`](crate::store::Store) blocks.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::mpsc;
use tokio::runtime::{Builder, Runtime};

/// One small runtime for all stores of this process. It is never dropped, so that no store can be
/// dropped where that is not allowed.
fn runtime() -> Result<&'static Runtime, String> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let started = RUNTIME.get_or_init(|| {
        let mut builder = Builder::new_multi_thread();
        let built = builder.worker_threads(2).thread_name("object store").enable_time().build();
        built.map_err(|error| error.to_string())
    });
    started.as_ref().map_err(Clone::clone)
}

/// Runs `future` to its end, and blocks this thread until then, whether or not it belongs to another
/// runtime. (A task of another runtime would hold up its neighbours, as any other blocking call.)
pub(super) fn wait<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, String> {
    let (send, receive) = mpsc::sync_channel(1);
    runtime()?.spawn(async move {
        let _ = send.send(future.await);
    });
    receive.recv().map_err(|_| "the work for the store was given up".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn any_thread_may_wait_also_one_of_another_runtime() {
        let work = || {
            wait(async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                7
            })
        };
        assert_eq!(work(), Ok(7));
        let other = Builder::new_current_thread().build().expect("a runtime");
        assert_eq!(other.block_on(async { work() }), Ok(7));
        let blocking = async { tokio::task::spawn_blocking(work).await.expect("done") };
        assert_eq!(other.block_on(blocking), Ok(7));
    }
}
