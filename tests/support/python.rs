//! Python, with the packages of `tests/python/requirements.txt`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A script of `tests/python`, run by the Python that `scripts/setup test` made.
pub fn script(name: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let python = target.join("python/bin/python");
    assert!(
        python.exists(),
        "{} is missing; run `scripts/setup test`, which makes it",
        python.display()
    );
    let mut command = Command::new(python);
    command.arg(root.join("tests/python").join(name));
    command
}
