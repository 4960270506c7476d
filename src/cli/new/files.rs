//! The files of a new charts folder, filled in from `template`.
//!
//! Templates are written as the files will be, with names such as `@PROGRAM@` where something is filled in.
//! What is filled in consists of characters that mean nothing in TOML strings, YAML or a shell.

use crate::address::Address;
use crate::charts::CUSTOMARY_FOLDER;
use crate::charts::program_path::ProgramPath;
use crate::charts::unmatched::major_of;
use crate::charts::version_source::{VersionSource, is_crate};
use crate::gomod::ModulePath;
use crate::review::MARK;
use jiff::civil::Date;

/// The actions that the workflows use, by commit: a tag could be moved.
const CHECKOUT: &str = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2";
const CACHE: &str = "actions/cache@5a3ec84eff668545956fd18022155c47e93e2684 # v4.2.3";
const RESTORE: &str = "actions/cache/restore@5a3ec84eff668545956fd18022155c47e93e2684";

/// The file that GitLab reads, which includes ours.
pub(super) const GITLAB_CI: &str = ".gitlab-ci.yml";
/// The line of it that includes ours.
pub(super) const GITLAB_INCLUDE: &str = "include: [{ local: .gitlab/candor.yml }]";

/// Whose CI is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Ci {
    /// GitHub Actions.
    Github,
    /// GitLab CI/CD.
    Gitlab,
    /// None at all.
    None,
}

/// What is known of the project.
pub(super) struct Facts {
    pub(super) program: ProgramPath,
    pub(super) module: ModulePath,
    pub(super) url: Address,
    pub(super) repository: Address,
    /// The last day of the first definition.
    pub(super) expires: Date,
}

impl Facts {
    /// What the program is called.
    fn name(&self) -> &str {
        called(self.program.as_str())
    }

    /// The module that the program is in. Of a Go program, the path usually goes on with `cmd` and its name.
    fn program_module(&self) -> &str {
        let path = self.program.as_str();
        match path.split_once("/cmd/") {
            Some((module, _)) if self.is_go() => module,
            _ => path,
        }
    }

    /// Whether the program is in a Go module, which is known from a path that begins with a domain.
    fn is_go(&self) -> bool {
        VersionSource::of_module(self.program.as_str()) == Some(VersionSource::Go)
    }

    /// A first release. That of a Go module whose path says so has another major version.
    fn release(&self) -> String {
        match major_of(self.program_module()) {
            None | Some(0) => "v0.1.0".to_owned(),
            Some(major) => format!("v{major}.0.0"),
        }
    }

    /// How many major versions are allowed in advance: none, where the next one has another path.
    fn majors(&self) -> &'static str {
        if self.is_go() && major_of(self.program_module()).is_some() { "0" } else { "1" }
    }

    /// Whether the program is a crate: its path has no domain, and can be a crate's name.
    fn is_crate(&self) -> bool {
        !self.is_go() && is_crate(self.program.as_str())
    }

    /// What `module` is, for a comment.
    fn module_is(&self) -> &'static str {
        if self.is_go() {
            "Of a Go program, the module that it is in: what its go.mod says after `module`. Of a Rust program, the\n\
             # name of its crate, or its path once more."
        } else {
            "The name of the crate that the program is in, or its path once more."
        }
    }

    /// Where released versions are known from, for a comment.
    fn versions_are(&self) -> &'static str {
        if self.is_go() {
            "The released versions, which `candor versions` adds to. It knows where a Go module is released. For a Rust\n\
             # program, say it in a line before this one: versions_from = \"crates:NAME\", or \"git\" for the tags of this\n\
             # repository."
        } else {
            "The released versions, which `candor versions` adds to. `versions_from` says where it looks for them:\n\
             # \"crates:NAME\" (a crate), \"git\" (the tags of this repository) or \"git:https://...\" (of another one)."
        }
    }

    /// What is special about major versions, for a comment.
    fn major_is(&self) -> &'static str {
        if self.is_go() {
            " From version 2 on,\n\
             # each major version of a Go module has a path of its own: once version 1 is out, its `major` is 0 here."
        } else {
            ""
        }
    }

    /// The compilers, and what to say of them.
    fn toolchains(&self) -> (&'static str, &'static str) {
        if self.is_crate() {
            (
                "The compilers, with their versions: rust1.N.N. (Those of Go, if a program is written in it, are go1.N.N.)\n\
                 # `candor versions` adds new ones.",
                "[\"rust1.95.0\"]",
            )
        } else {
            (
                "The compilers, with their versions: those of Go are go1.N.N, those of Rust rust1.N.N. Remove the language\n\
                 # that you do not use. `candor versions` adds new ones.",
                "[\"go1.26.0\", \"rust1.95.0\"]",
            )
        }
    }

    /// A line that says who knows the released versions, where the path does not.
    fn versions_from(&self) -> String {
        let program = self.program.as_str();
        if self.is_go() {
            String::new()
        } else if is_crate(program) {
            format!("versions_from = \"crates:{program}\"\n")
        } else {
            "versions_from = \"git\"\n".to_owned()
        }
    }

    /// Where the repository has its issues.
    fn issues(&self) -> String {
        let is_gitlab = self.repository.as_str().contains("gitlab");
        self.repository.join(if is_gitlab { "-/issues" } else { "issues" })
    }

    fn fill(&self, template: &str) -> String {
        let name = self.name();
        // Of what paths may contain, counters, commands and file names have these.
        let word = word(name);
        let issues = self.issues();
        template
            .replace("@CACHE@", CACHE)
            .replace("@CHECKOUT@", CHECKOUT)
            .replace("@COMMAND@", &word)
            .replace("@COUNTER@", &word)
            .replace("@EXPIRES@", &self.expires.to_string())
            .replace("@ISSUE@", &format!("{issues}/1"))
            .replace("@ISSUES@", &issues)
            .replace("@MAJORS@", self.majors())
            .replace("@MARK@", MARK)
            .replace("@MODULE@", self.module.as_str())
            .replace("@MODULE_IS@", self.module_is())
            .replace("@MAJOR_IS@", self.major_is())
            .replace("@TOOLCHAINS@", self.toolchains().1)
            .replace("@TOOLCHAINS_ARE@", self.toolchains().0)
            .replace("@VERSIONS_ARE@", self.versions_are())
            .replace("@NAME@", name)
            .replace("@PROGRAM@", self.program.as_str())
            .replace("@PROGRAM_MODULE@", self.program_module())
            .replace("@RELEASE@", &self.release())
            .replace("@REPOSITORY@", self.repository.as_str())
            .replace("@RESTORE@", RESTORE)
            .replace("@SCHEMA@", &self.url.join("help/schema"))
            .replace("@SOURCE@", env!("CARGO_PKG_REPOSITORY"))
            .replace("@URL@", self.url.as_str())
            .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
            .replace("@VERSIONS_FROM@", &self.versions_from())
    }
}

/// What a program is called: the last element of its path that is not a major version.
fn called(path: &str) -> &str {
    let name = path.rsplit('/').find(|element| major(element).is_none()).unwrap_or(path);
    match name.rsplit_once('.') {
        // `gopkg.in/ada.v3` is called ada.
        Some((name, version)) if path.starts_with("gopkg.in/") && major(version).is_some() => name,
        _ => name,
    }
}

/// The same as a word, which has no characters that only paths have.
pub(super) fn name_of(path: &str) -> String {
    word(called(path))
}

/// The major version that an element of a path is.
fn major(element: &str) -> Option<u64> {
    element.strip_prefix('v')?.parse().ok()
}

/// A name without the characters that only paths have.
fn word(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    name.chars().map(plain).collect()
}

/// The files, with their paths.
pub(super) fn files(facts: &Facts, ci: &[Ci]) -> Vec<(String, String)> {
    let (github, gitlab) = (ci.contains(&Ci::Github), ci.contains(&Ci::Gitlab));
    let about = |is_there: bool, text: &'static str| if is_there { text } else { "" };
    let readme = include_str!("template/README.md")
        .replace("@ABOUT_GITHUB@", about(github, include_str!("template/github/about.md")))
        .replace("@ABOUT_GITLAB@", about(gitlab, include_str!("template/gitlab/about.md")));
    let readme = match github || gitlab {
        true => readme,
        false => readme.split("\n## What runs").next().unwrap_or_default().to_owned(),
    };
    let word = word(facts.name());
    let program = match facts.program.is_toolchain() {
        true => include_str!("template/toolchain.toml"),
        false => include_str!("template/program.toml"),
    };
    let charts = |file: &str| format!("{CUSTOMARY_FOLDER}/{file}");
    let mut templates = vec![
        (charts("README.md"), readme.as_str()),
        (charts("collection.toml"), include_str!("template/collection.toml")),
        (charts(&format!("programs/{word}.toml")), program),
        (charts(&format!("charts/{word}.toml")), include_str!("template/chart.toml")),
    ];
    if github {
        let workflow = |name: &str| format!(".github/workflows/candor-{name}.yml");
        templates.extend([
            (workflow("check"), include_str!("template/github/check.yml")),
            (workflow("comment"), include_str!("template/github/comment.yml")),
            (workflow("weekly"), include_str!("template/github/weekly.yml")),
        ]);
    }
    if gitlab {
        templates.extend([
            (GITLAB_CI.to_owned(), include_str!("template/gitlab/ci.yml")),
            (".gitlab/candor.yml".to_owned(), include_str!("template/gitlab/candor.yml")),
        ]);
    }
    templates.into_iter().map(|(path, template)| (path, facts.fill(template))).collect()
}
