//! `candor verify-store`: everything that is stored for the log, recomputed.

use super::progress::Bar;
use super::{DataFolder, Failure, Output, signals};
use crate::aggregate::{Phase, Progress as _};
use crate::publish::{Deployment, VerifiedStore, verify_store};
use std::fmt;

/// Read everything that is stored for the log, and recompute it from its entries.
///
/// Publishing checks only what it builds on; this reads every entry, tile, version and catalogue. It changes
/// nothing, needs no key, and may run while the deployment is served. Every problem is printed, and the
/// exit status is then 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor verify-store --data /srv/candor\n  \
    candor verify-store --data /srv/candor --json")]
pub(super) struct Args {
    #[command(flatten)]
    data: DataFolder,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    signals::end_when_terminated()?;
    let deployment = Deployment::open(&args.data.folder)?;
    let bar = Bar::new();
    let progress = |done, total| bar.advance(Phase::Entries, done, total);
    let (keys, store) = (deployment.verifiers(), &deployment.store);
    let verified = verify_store(&deployment.module, keys, store, progress)?;
    drop(bar);
    out.result(&verified, &verified)?;
    if verified.problems.is_empty() { Ok(()) } else { Err(Failure::reported()) }
}

impl fmt::Display for VerifiedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.problems.is_empty() {
            let sound = match self.entries {
                1 => "the one entry of the log is as it was signed".to_owned(),
                entries => format!("all {entries} entries of the log are as they were signed"),
            };
            return writeln!(f, "{sound}, root {}", self.root);
        }
        for problem in &self.problems {
            writeln!(f, "{}", crate::terminal::OneLine(problem))?;
        }
        Ok(())
    }
}
