//! Systems, architectures and toolchains by names that no program reports: everything of such a one would be lost in
//! silence.
//!
//! Programs report Go's names, whatever they are written in: <https://go.dev/doc/install/source#environment>. Which
//! there are is in Go's own list (`src/internal/syslist`), which changes about once a year.

use super::catalog::Lint;
use super::finding::Finding;
use crate::charts::Definitions;
use crate::charts::location::At;
use crate::review::releases::Toolchain;

const SYSTEMS: &str = "aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 \
                       solaris wasip1 windows zos";
const ARCHITECTURES: &str = "386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le \
                             mips64p32 mips64p32le ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm";
/// What others call them, and Go's name.
const OTHER_NAMES: [(&str, &str); 21] = [
    ("macos", "darwin"),
    ("mac", "darwin"),
    ("osx", "darwin"),
    ("macosx", "darwin"),
    ("win", "windows"),
    ("win32", "windows"),
    ("win64", "windows"),
    ("gnu", "linux"),
    ("sunos", "solaris"),
    ("wasi", "wasip1"),
    ("x64", "amd64"),
    ("x86", "386"),
    ("i386", "386"),
    ("i686", "386"),
    ("aarch64", "arm64"),
    ("armv7", "arm"),
    ("armhf", "arm"),
    ("wasm32", "wasm"),
    ("powerpc64le", "ppc64le"),
    ("powerpc64", "ppc64"),
    ("loongarch64", "loong64"),
];

pub(super) fn check(definitions: &Definitions, found: &mut Vec<Finding>) {
    let collection = &definitions.collection;
    for (names, known, what) in [
        (&collection.goos, SYSTEMS, "an operating system"),
        (&collection.goarch, ARCHITECTURES, "an architecture"),
    ] {
        for name in names {
            if known.split_whitespace().all(|known| known != name.value) {
                found.push(finding(name, what, &instead_of(&name.value, known)));
            }
        }
    }
    for name in &collection.toolchains {
        if !is_toolchain(&name.value) {
            let help = "write go1.26.8 or rust1.95.0, as programs report them; builds of anything else report `devel`";
            found.push(finding(name, "a toolchain", help));
        }
    }
}

fn finding(name: &At<String>, what: &str, help: &str) -> Finding {
    Finding {
        lint: Lint::UnknownPlatform,
        location: name.location.clone(),
        message: format!("no program reports {what} `{}`", name.value),
        help: help.to_owned(),
    }
}

/// What to write in place of a name.
fn instead_of(name: &str, known: &str) -> String {
    let lower = name.to_lowercase();
    let other = OTHER_NAMES.iter().find(|(other, go)| *other == lower && known.contains(go));
    match other.map(|(_, go)| *go).or_else(|| known.split_whitespace().find(|go| *go == lower)) {
        Some(go) => format!("programs report it as `{go}`"),
        None => format!(
            "write one of Go's names: {}",
            known.split_whitespace().collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Whether programs may report it. Clients in other languages have other names, so only what is a mistake for Rust or
/// Go is none; what begins as a release of Go is left to Go, whose own list has oddities.
fn is_toolchain(name: &str) -> bool {
    let channels = ["stable", "beta", "nightly"];
    if name.starts_with(|first: char| first.is_ascii_digit()) || channels.contains(&name) {
        return false;
    }
    match name.strip_prefix("rust") {
        Some(version) => {
            let numbers = version.split(['-', '+']).next().unwrap_or_default();
            numbers.split('.').count() == 3 && Toolchain::parse(name).is_some()
        }
        None => !name.starts_with("golang"),
    }
}
