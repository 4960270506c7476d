//! Signals that ask the process to end.
//!
//! Usually SIGINT and SIGTERM end a process by themselves, but not always: a shell makes background
//! processes ignore SIGINT, and the first process of a container ignores signals that it does not catch.
//! A verb that runs until it is asked to end must end there, too, so it catches both. Verbs that end by
//! themselves catch only SIGTERM: if a shell keeps Ctrl-C from its background processes, they respect it.

use super::Failure;
use std::process::exit;
use std::thread;
use tokio::runtime::Builder;

/// From now on, SIGINT and SIGTERM end the process at once, with status 0: it was meant to run until then.
/// Whatever is in progress must survive that at any moment.
pub(super) fn end_when_asked() -> Result<(), Failure> {
    end_after(|| Ok(stop_signal()), 0)
}

/// From now on, the process ends with this status when what `asked` catches has come. `asked` is called on a
/// runtime.
fn end_after<A: Future + Send + 'static>(
    asked: impl FnOnce() -> Result<A, Failure>,
    status: i32,
) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_io().build().map_err(failed)?;
    let asked = {
        // From here on the signals are caught.
        let _entered = runtime.enter();
        survive_file_limits();
        asked()?
    };
    thread::spawn(move || {
        runtime.block_on(asked);
        exit(status);
    });
    Ok(())
}

/// From now on, SIGTERM ends the process at once, with the status that shells expect, even if it is the
/// first process of a container. Whatever is in progress must survive that at any moment.
#[cfg(unix)]
pub(super) fn end_when_terminated() -> Result<(), Failure> {
    /// 128 plus the signal's number, as in shells.
    const TERMINATED: i32 = 128 + 15;
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = || {
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        Ok(async move { terminate.recv().await })
    };
    end_after(terminated, TERMINATED)
}

/// Elsewhere there is no such signal.
#[cfg(not(unix))]
pub(super) fn end_when_terminated() -> Result<(), Failure> {
    Ok(())
}

/// A future that is ready when the process is asked to stop. From this call on, the signals no longer
/// end the process by themselves. Call this on a runtime.
pub(super) fn stop_signal() -> impl Future<Output = ()> + Send + 'static {
    #[cfg(unix)]
    let terminate = {
        use tokio::signal::unix::{SignalKind, signal};
        let streams = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
        async move {
            let [Ok(mut terminate), Ok(mut interrupt)] = streams else {
                // Without a handler, the signals still end the process.
                return std::future::pending().await;
            };
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
    };
    #[cfg(not(unix))]
    let terminate = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    };
    terminate
}

/// From now on, writing beyond the file size limit is an error, like a full disk, and does not end the
/// process. Call this on a runtime.
pub(super) fn survive_file_limits() {
    // All it needs is a handler, which stays when the stream is dropped.
    #[cfg(unix)]
    if let Err(error) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(nix::libc::SIGXFSZ))
    {
        tracing::warn!(%error, "cannot catch SIGXFSZ, the signal of files that are too large");
    }
}

fn failed(error: std::io::Error) -> Failure {
    Failure::new(format!("cannot catch signals: {error}"))
}
