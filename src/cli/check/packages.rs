//! Proposes the `packages` of stack charts from lists of dependencies.
//!
//! | file | names |
//! | --- | --- |
//! | `go.sum` | the modules whose code is built in: the lines without `/go.mod` |
//! | `Cargo.lock` | all crates, with `_` for `-` as code has it |
//!
//! The program's own module and the standard library are added. Entries below another entry are left out.
//! Both files also list what only tests and build scripts need, and anyone can have words
//! published as functions of a listed package; so whoever pastes a proposal is asked to shorten it.

use super::super::Failure;
use crate::charts::Definitions;
use crate::charts::definition::ChartKind;
use crate::charts::format;
use crate::charts::program_path::ProgramPath;
use crate::collection::packages::STANDARD;
use crate::terminal::OneLine;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

/// What is proposed for one chart.
#[derive(Debug, Serialize)]
pub(super) struct Proposal {
    file: String,
    line: u32,
    title: String,
    program: String,
    packages: Vec<String>,
}

/// What is proposed for every stack chart.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Proposals(Vec<Proposal>);

#[derive(Deserialize)]
struct CargoLock {
    #[serde(default)]
    package: Vec<CargoPackage>,
}

#[derive(Deserialize)]
struct CargoPackage {
    name: String,
}

/// Proposes packages from these files.
pub(super) fn propose(
    files: &[impl AsRef<Path>],
    definitions: &Definitions,
) -> Result<Proposals, Failure> {
    let mut listed: BTreeSet<String> = BTreeSet::new();
    let mut has_go = false;
    for file in files {
        let file = file.as_ref();
        let text = fs::read_to_string(file)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
        let extension = file.extension().and_then(|extension| extension.to_str());
        let found = match extension {
            Some("sum") => go_modules(&text),
            Some("lock") => crates(&text),
            _ => {
                return Err(Failure::usage(format!(
                    "{} is neither a go.sum nor a Cargo.lock; name one of these",
                    file.display()
                )));
            }
        };
        has_go |= extension == Some("sum");
        let found = found
            .map_err(|reason| Failure::new(format!("cannot parse {}: {reason}", file.display())))?;
        listed.extend(found);
    }
    let mut proposals = Vec::new();
    for chart in &definitions.charts {
        let ChartKind::Stack { .. } = chart.kind else { continue };
        let program = definitions.programs.iter().find(|p| p.program.value == chart.program.value);
        let own = program.and_then(|program| program.module.as_ref()).unwrap_or(&chart.program);
        // A Rust program's own crate is in its Cargo.lock, whatever its path is in the definitions.
        let own = (has_go || !listed.contains(&own.crate_name())).then(|| own.to_string());
        proposals.push(Proposal {
            file: chart.location.file.to_string(),
            line: chart.location.line,
            title: chart.title.value.clone(),
            program: chart.program.to_string(),
            packages: shortest(own.into_iter().chain(listed.iter().cloned())),
        });
    }
    Ok(Proposals(proposals))
}

/// The entries that are not below another one, in order, then the standard library.
fn shortest(entries: impl Iterator<Item = String>) -> Vec<String> {
    let paths: BTreeSet<ProgramPath> =
        entries.filter_map(|entry| ProgramPath::parse(&entry)).collect();
    let is_below =
        |path: &&ProgramPath| !paths.iter().any(|other| other != *path && path.is_within(other));
    let kept = paths.iter().filter(is_below).map(ToString::to_string);
    kept.filter(|entry| entry != STANDARD).chain([STANDARD.to_owned()]).collect()
}

fn go_modules(text: &str) -> Result<Vec<String>, String> {
    let mut modules = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        match fields.as_slice() {
            // No code of this module was needed.
            [_, version, hash] if version.ends_with("/go.mod") && hash.starts_with("h1:") => {}
            [module, version, hash] if version.starts_with('v') && hash.starts_with("h1:") => {
                modules.push((*module).to_owned());
            }
            _ => return Err(format!("line {number} is not a module, a version and a hash")),
        }
    }
    Ok(modules)
}

fn crates(text: &str) -> Result<Vec<String>, String> {
    let lock: CargoLock = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    Ok(lock.package.into_iter().map(|package| package.name.replace('-', "_")).collect())
}

impl fmt::Display for Proposals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            writeln!(f, "# there is no stack chart, so no packages are needed")?;
        }
        if !self.0.is_empty() {
            writeln!(
                f,
                "# Remove what stacks need not name, such as packages that only tests need: anyone can \
                 send\n# made-up functions of a listed package, {STANDARD:?} included."
            )?;
        }
        for Proposal { file, line, title, program, packages } in &self.0 {
            let heading = format!("# {file}, line {line}: {title:?} of {program}");
            writeln!(f, "{}", OneLine(heading))?;
            let entries: Vec<(&str, Option<&str>)> =
                packages.iter().map(|package| (package.as_str(), None)).collect();
            writeln!(f, "{}", format::list("packages", &entries))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_go_sum_names_the_modules_whose_code_is_built_in() {
        let text = "golang.org/x/mod v0.41.0 h1:a=\ngolang.org/x/mod v0.41.0/go.mod h1:b=\n\n\
                    golang.org/x/sync v0.23.0/go.mod h1:c=\n";
        assert_eq!(go_modules(text), Ok(vec!["golang.org/x/mod".to_owned()]));
        assert!(go_modules("a b\n").is_err_and(|reason| reason.contains("line 1")));
    }

    #[test]
    fn entries_below_others_are_left_out() {
        let entries = ["a/b", "a/b/c", "a/bc", "z", "std", "a/b"].map(str::to_owned);
        assert_eq!(shortest(entries.into_iter()), ["a/b", "a/bc", "z", "std"]);
    }
}
