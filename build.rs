//! Tells the crate which Rust toolchain builds it. Reports name the toolchain of the program that
//! counts, as those of golang/telemetry name its Go version: `rust1.95.0`, or `devel` for anything
//! that is not a release.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo sets it for every build script, and runs the script again when the compiler changes.
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = Command::new(rustc).arg("--version").output().map(|output| output.stdout);
    let printed = String::from_utf8(printed.unwrap_or_default()).unwrap_or_default();
    // rustc 1.95.0 (59807616e 2026-04-14)
    let release = printed.split(' ').nth(1).unwrap_or_default();
    let is_release =
        release.starts_with(|c: char| c.is_ascii_digit()) && !release.contains(['-', '+']);
    let toolchain = if is_release { format!("rust{release}") } else { "devel".to_owned() };
    println!("cargo::rustc-env=CANDOR_TOOLCHAIN={toolchain}");
}
