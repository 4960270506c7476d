//! Programs of others who implement what we do, built by `scripts/setup test` from their public
//! modules, whose versions `tests/go_peers/go.mod` states.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One of those programs.
pub fn peer(name: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let program = target.join("peers").join(name);
    assert!(
        program.exists(),
        "{} is missing; run `scripts/setup test`, which builds it",
        program.display()
    );
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}
