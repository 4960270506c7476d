//! `candor completions`: what a shell needs to complete the command line.

use super::{Failure, Output};

/// Print shell completions.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  candor completions bash > ~/.local/share/bash-completion/completions/candor"
)]
pub(super) struct Args {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Prints the completions of a command line.
pub(super) fn run(args: &Args, mut command: clap::Command, out: Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "candor", &mut script);
    let script = String::from_utf8_lossy(&script);
    out.result(&script, &script)
}
