//! The demonstration's state, and telling its chapters.

use super::super::{Failure, Output};
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// A demonstration that is under way.
pub(super) struct Demo {
    pub(super) out: Output,
    pub(super) folder: PathBuf,
    /// Where the deployment's store is.
    pub(super) store: String,
    /// How many weeks pass.
    pub(super) weeks: u16,
    pub(super) runtime: Runtime,
    pub(super) chapter: AtomicU8,
    pub(super) stopped: Arc<AtomicBool>,
}

/// A deployment or witness that is being served until this is dropped.
pub(super) struct Served {
    pub(super) url: String,
    pub(super) _stop: oneshot::Sender<()>,
}

impl Demo {
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self, title: &str) -> Result<(), Failure> {
        if self.is_stopped() {
            return Err(Failure::new("stopped"));
        }
        let number = 1 + self.chapter.fetch_add(1, Ordering::Relaxed);
        self.out.narrate("");
        self.out.narrate(format_args!("{number}. {title}"));
        Ok(())
    }

    pub(super) fn note(&self, text: impl Display) {
        self.out.narrate(format_args!("   {text}"));
    }

    pub(super) fn quote(&self, text: impl Display) {
        for line in text.to_string().lines() {
            self.out.narrate(format_args!("     | {line}"));
        }
    }
}
