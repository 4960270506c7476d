//! Which file and key of the charts folder would let through what a config leaves out, for those who write both.

use crate::client::counter::is_stack;
use crate::client::report::{Build, Reason, Withheld};
use crate::text::listed;
use std::collections::BTreeMap;

/// What a version is called that only developers build.
const DEVEL: &str = "devel";
/// How many names a sentence has.
const NAMED: usize = 3;

/// Where a config's definitions are.
#[derive(Debug, Clone)]
pub struct ChartsFolder {
    /// The folder.
    pub path: String,
    /// The file in it of each program, where that is known.
    pub programs: BTreeMap<String, String>,
}

impl Default for ChartsFolder {
    /// The customary folder, of which nothing is known.
    fn default() -> ChartsFolder {
        ChartsFolder { path: "charts-config".to_owned(), programs: BTreeMap::new() }
    }
}

impl ChartsFolder {
    /// For each reason why something is left out, once, what would let it through.
    pub(super) fn ways_out(&self, withheld: &[Withheld]) -> Vec<String> {
        let mut ways: Vec<String> = Vec::new();
        for one in withheld {
            let way = one.build.as_ref().and_then(|build| self.way_out(one, build, withheld));
            if let Some(way) = way
                && !ways.contains(&way)
            {
                ways.push(way);
            }
        }
        ways
    }

    fn way_out(&self, one: &Withheld, build: &Build, all: &[Withheld]) -> Option<String> {
        let Build { program, version, toolchain, goos, goarch } = build;
        let folder = self.path.trim_end_matches('/');
        let in_collection = |value: &str, key: &str| {
            Some(format!("list \"{value}\" under `{key}` in {folder}/collection.toml"))
        };
        match one.reason {
            Reason::Program => Some(match self.programs.get(program) {
                Some(_) => format!(
                    "add a chart with `program = \"{program}\"` to a file in {folder}/charts/"
                ),
                None => format!(
                    "add a file with `program = \"{program}\"` to {folder}/programs/, and a chart of it to \
                     {folder}/charts/"
                ),
            }),
            Reason::Version => {
                let file = match self.programs.get(program) {
                    Some(file) => format!("{folder}/{file}"),
                    None => {
                        format!("the file in {folder}/programs/ that has `program = \"{program}\"`")
                    }
                };
                let list = format!("list \"{version}\" under `versions` in {file}");
                Some(match (version.as_str(), toolchain.starts_with("rust")) {
                    (DEVEL, true) => {
                        format!("build a release (`cargo build --release`), or {list}")
                    }
                    (DEVEL, false) => format!("build a release, or {list}"),
                    _ => list,
                })
            }
            Reason::Toolchain => in_collection(toolchain, "toolchains"),
            Reason::Goos => in_collection(goos, "goos"),
            Reason::Goarch => in_collection(goarch, "goarch"),
            Reason::Counter => {
                let is_of_a_stack = is_stack(one.name.as_deref()?);
                let kind = if is_of_a_stack { "`type = \"stack\"`, " } else { "" };
                let names = unlisted(all, program, is_of_a_stack);
                Some(format!(
                    "name {} in `counter` of a chart with {kind}`program = \"{program}\"` in {folder}/charts/",
                    listed(&names, NAMED)
                ))
            }
            Reason::Depth { .. } => {
                Some(format!("raise `depth` of the chart of this stack in {folder}/charts/"))
            }
            _ => None,
        }
    }
}

/// The counters, or the stacks, of a program that the config does not list.
fn unlisted(withheld: &[Withheld], program: &str, stacks: bool) -> Vec<String> {
    let mut names: Vec<String> = withheld
        .iter()
        .filter(|one| matches!(one.reason, Reason::Counter))
        .filter(|one| one.build.as_ref().is_some_and(|build| build.program == program))
        .filter_map(|one| one.name.as_deref())
        .filter(|name| is_stack(name) == stacks)
        .filter_map(|name| name.lines().next().map(str::to_owned))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn withheld(reason: Reason, version: &str, name: Option<&str>) -> Withheld {
        let build = Build {
            program: "example.org/tool".to_owned(),
            version: version.to_owned(),
            toolchain: "rust1.95.0".to_owned(),
            goos: "linux".to_owned(),
            goarch: "amd64".to_owned(),
        };
        Withheld { build: Some(build), name: name.map(str::to_owned), reason }
    }

    #[test]
    fn each_reason_names_its_file_and_key_once() {
        let known = ChartsFolder {
            path: "telemetry/charts-config".to_owned(),
            programs: [("example.org/tool".to_owned(), "programs/tool.toml".to_owned())].into(),
        };
        for (reason, version, name, folder, expected) in [
            (
                Reason::Toolchain,
                "v1.0.0",
                None,
                &known,
                "list \"rust1.95.0\" under `toolchains` in telemetry/charts-config/collection.toml",
            ),
            (
                Reason::Version,
                "v1.0.0",
                None,
                &known,
                "list \"v1.0.0\" under `versions` in telemetry/charts-config/programs/tool.toml",
            ),
            (
                Reason::Version,
                "devel",
                None,
                &known,
                "build a release (`cargo build --release`), or list \"devel\" under `versions` in \
                 telemetry/charts-config/programs/tool.toml",
            ),
            (
                Reason::Version,
                "v1.0.0",
                None,
                &ChartsFolder::default(),
                "list \"v1.0.0\" under `versions` in the file in charts-config/programs/ that has `program = \
                 \"example.org/tool\"`",
            ),
            (
                Reason::Program,
                "v1.0.0",
                None,
                &ChartsFolder::default(),
                "add a file with `program = \"example.org/tool\"` to charts-config/programs/, and a chart of it to \
                 charts-config/charts/",
            ),
            (
                Reason::Program,
                "v1.0.0",
                None,
                &known,
                "add a chart with `program = \"example.org/tool\"` to a file in telemetry/charts-config/charts/",
            ),
            (
                Reason::Counter,
                "v1.0.0",
                Some("tool/secret"),
                &ChartsFolder::default(),
                "name tool/secret in `counter` of a chart with `program = \"example.org/tool\"` in \
                 charts-config/charts/",
            ),
            (
                Reason::Counter,
                "v1.0.0",
                Some("crash/panic\nmain:1"),
                &ChartsFolder::default(),
                "name crash/panic in `counter` of a chart with `type = \"stack\"`, `program = \"example.org/tool\"` \
                 in charts-config/charts/",
            ),
        ] {
            let one = withheld(reason, version, name);
            assert_eq!(folder.ways_out(&[one.clone(), one]), [expected]);
        }
        let counters =
            ["b", "a"].map(|name| withheld(Reason::Counter, "v1.0.0", Some(name))).to_vec();
        let ways = ChartsFolder::default().ways_out(&counters);
        assert!(ways.len() == 1 && ways[0].starts_with("name a, b in `counter`"), "{ways:?}");
    }
}
