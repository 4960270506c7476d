//! What the crate depends on: under which licences, that nothing is there that nobody uses, and which crates
//! the program has in two versions.
//!
//! It reads `cargo metadata`, which knows all of this without a network. Advisories and the oldest Rust that
//! the crate builds with need one: `.github/workflows/ci.yml`.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Licences that may be combined with ours (BSD-3-Clause) in a program that is given away.
const LICENCES: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    // Of the certificates of authorities that come with webpki-roots.
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that the program has in two versions, and who needs the older one.
const DOUBLED: [(&str, &str); 7] = [
    ("block-buffer", "sha2 0.10"),
    ("cpufeatures", "sha2 0.10"),
    ("crypto-common", "sha2 0.10"),
    ("digest", "sha2 0.10"),
    ("getrandom", "ring 0.17 (of rustls), and ahash 0.8 (of parquet)"),
    ("sha2", "rs_merkle 1.5, whose hasher we replace, but which brings it"),
    ("syn", "macros of maud, tracing and curve25519-dalek; it is not in the program"),
];

fn metadata() -> Value {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    let arguments = ["metadata", "--format-version", "1", "--locked", "--offline"];
    command.args(arguments).args(["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let output = command.output().expect("start cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("a list").iter()
}

/// Whether one of the choices that an SPDX expression gives is ours to take. `/` is an old form of `OR`.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let bare = |part: &str| part.trim().trim_matches(['(', ')']).trim().to_owned();
    // `(A OR B) AND C` is the only nesting that is met.
    expression
        .split(" AND ")
        .all(|all| all.split(" OR ").any(|one| LICENCES.contains(&bare(one).as_str())))
}

#[test]
fn licences_may_be_combined_with_ours() {
    let metadata = metadata();
    for package in list(&metadata["packages"]) {
        let name = text(package, "name");
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_allowed(licence), "{name}: {licence:?}");
    }
    for bad in ["GPL-3.0", "", "MIT AND GPL-2.0", "LGPL-2.1-or-later OR AGPL-3.0"] {
        assert!(!is_allowed(bad), "{bad}");
    }
}

/// The crates that a build of the program contains, or runs.
fn built(metadata: &Value) -> BTreeMap<&str, BTreeSet<&str>> {
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).map(|node| (text(node, "id"), node)).collect();
    let packages: BTreeMap<&str, &Value> =
        list(&metadata["packages"]).map(|package| (text(package, "id"), package)).collect();
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut waiting = vec![text(&metadata["resolve"], "root")];
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        let package = packages[id];
        found.entry(text(package, "name")).or_default().insert(text(package, "version"));
        for dependency in list(&nodes[id]["deps"]) {
            if list(&dependency["dep_kinds"]).any(|kind| kind["kind"] != "dev") {
                waiting.push(text(dependency, "pkg"));
            }
        }
    }
    found
}

#[test]
fn no_crate_is_there_twice_without_a_reason() {
    let metadata = metadata();
    let built = built(&metadata);
    let doubled: Vec<_> = built.iter().filter(|(_, versions)| versions.len() > 1).collect();
    let unknown: Vec<_> = doubled
        .iter()
        .filter(|(name, _)| !DOUBLED.iter().any(|(known, _)| known == *name))
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    for (name, why) in DOUBLED {
        assert!(
            doubled.iter().any(|(doubled, _)| **doubled == name),
            "{name} is single now: {why}"
        );
    }
}

/// All Rust source below a folder.
fn source(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "node_modules") {
            source(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&std::fs::read_to_string(&path).expect("source"));
        }
    }
}

#[test]
fn every_dependency_is_used() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let read = |folders: &[&str]| {
        let mut all = String::new();
        folders.iter().for_each(|folder| source(&root.join(folder), &mut all));
        all
    };
    let (inside, outside) = (read(&["src"]), read(&["src", "tests", "benches", "examples"]));
    let metadata = metadata();
    let own = list(&metadata["packages"]).find(|package| package["name"] == "candor");
    let own = own.expect("this crate");
    for dependency in list(&own["dependencies"]) {
        let name = dependency["rename"].as_str().unwrap_or_else(|| text(dependency, "name"));
        let is_dev = dependency["kind"] == "dev";
        let identifier = name.replace('-', "_");
        let source = if is_dev { &outside } else { &inside };
        let is_used = [format!("{identifier}::"), format!("use {identifier};")]
            .iter()
            .any(|mention| source.contains(mention.as_str()));
        assert!(is_used, "{name} is in Cargo.toml, and nothing uses it");
    }
}
