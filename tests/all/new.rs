//! `candor new`: what it makes is right as it is, and its CI does what it says. The shell steps of the
//! workflows are taken from the files and run, in real git repositories, against a server that answers like
//! GitHub or GitLab.

#![cfg(feature = "server")]

use crate::support::forge::{BOT, Forge, READER, WRITER};
use crate::support::{candor, json, refused, run, succeed, text};
use serde_json::{Value, json as value};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// `candor new` into a folder.
fn new(folder: &Path) -> Command {
    let mut command = candor();
    command.arg("new").arg(folder);
    command
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files below a folder, without git's.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with(".git") {
                open.push(path);
            } else if !path.is_dir() {
                let inside = path.strip_prefix(folder).expect("inside").display().to_string();
                found.insert(inside);
            }
        }
    }
    found
}

#[test]
fn what_is_made_has_only_placeholders_to_fill_in_and_compiles() {
    let folder = TempDir::new().expect("a folder");
    for (name, arguments) in [
        ("plain", vec![]),
        ("crate", vec!["--program", "hello-world", "--ci", "github"]),
        ("odd", vec!["--program", "github.com/Ada/a.b~c_d+e/v2", "--ci", "none"]),
        ("underscore", vec!["--program", "my_crate", "--ci", "none"]),
        ("gitlab", vec!["--program", "gitlab.com/ada/hello/cmd/hello", "--ci", "none"]),
        ("toolchain", vec!["--program", "cmd/go", "--ci", "none"]),
        ("gopkg", vec!["--program", "gopkg.in/ada.v3", "--ci", "none"]),
        ("gopkg-zero", vec!["--program", "gopkg.in/ada.v0", "--ci", "none"]),
        ("below", vec!["--program", "example.org/hello/v2/cmd/greet", "--ci", "none"]),
        ("no-domain", vec!["--program", "tools/greet", "--ci", "none"]),
        ("no-module", vec!["--program", "tools/cmd/greet", "--ci", "none"]),
        ("dotted", vec!["--program", "github.com/ada/b.v2", "--ci", "none"]),
        (
            "telling",
            vec![
                "--program",
                "gitlab.com/ada/hello/cmd/hello",
                "--url",
                "https://telemetry.hello.dev:8443/x",
                "--repository",
                "https://gitlab.com/ada/hello",
                "--ci",
                "gitlab",
            ],
        ),
    ] {
        let made = folder.path().join(name);
        let report = json(new(&made).arg("--json").args(&arguments));
        let listed: Vec<&str> = report["files"]
            .as_array()
            .expect("files")
            .iter()
            .map(|f| f.as_str().expect("a path"))
            .collect();
        assert_eq!(files(&made), listed.into_iter().map(str::to_owned).collect(), "{name}");
        let checked = json(candor().args(["check", "--json"]).arg(&made));
        let found = checked["diagnostics"].as_array().expect("a list");
        let codes: Vec<_> = found.iter().map(|one| one["code"].as_str()).collect();
        // A path may say where the repository is. Otherwise nobody has said it yet.
        let is_known = ["telling", "gitlab", "dotted"].contains(&name);
        let expected = [Some("placeholder"); 3];
        assert_eq!(codes, if is_known { &[] } else { &expected[..] }, "{name}: {found:?}");
        assert_eq!((&checked["charts"], &checked["programs"]), (&1.into(), &1.into()));
        let config: Value =
            serde_json::from_str(&succeed(candor().arg("compile").arg(made.join("charts-config"))))
                .expect("JSON");
        assert_eq!(config["Programs"][0]["Counters"].as_array().map(Vec::len), Some(1), "{name}");
        for file in files(&made) {
            let written = read(&made.join(&file));
            let is_name = |part: &str| {
                !part.is_empty() && part.chars().all(|c| c.is_ascii_uppercase() || c == '_')
            };
            assert!(!written.split('@').skip(1).any(is_name), "{file}: {written}");
        }
        if name != "plain" {
            continue;
        }
        let all = files(&made);
        for file in [".github/workflows/candor-comment.yml", ".gitlab/candor.yml", ".gitlab-ci.yml"]
        {
            assert!(all.contains(file), "{file}");
        }
    }
    for (name, file, lines) in [
        (
            "underscore",
            "my_crate",
            "module   = \"my_crate\"\nversions_from = \"crates:my_crate\"\n",
        ),
        ("gopkg", "ada", "module   = \"gopkg.in/ada.v3\"\n"),
        ("gopkg", "ada", "versions = [\"v3.0.0\"]\n"),
        ("below", "greet", "module   = \"example.org/hello/v2\"\n"),
        ("below", "greet", "major      = 0\n"),
        ("plain", "hello", "major      = 1\n"),
        ("below", "greet", "versions = [\"v2.0.0\"]\n"),
        ("telling", "hello", "module   = \"gitlab.com/ada/hello\"\n"),
        ("no-domain", "greet", "versions_from = \"git\"\n"),
        ("no-module", "greet", "module   = \"tools/cmd/greet\"\n"),
        ("dotted", "b-v2", "module   = \"github.com/ada/b.v2\"\n"),
        ("toolchain", "go", "program = \"cmd/go\"\n"),
    ] {
        let file = format!("charts-config/programs/{}.toml", file.replace('_', "-"));
        let written = read(&folder.path().join(name).join(file));
        assert!(written.contains(lines), "{name}: {written}");
    }
    // Comments are about the kind of program.
    let collection =
        |name: &str| read(&folder.path().join(name).join("charts-config/collection.toml"));
    assert!(
        collection("crate").contains("toolchains = [\"rust1.95.0\"]"),
        "{}",
        collection("crate")
    );
    assert!(collection("below").contains("toolchains = [\"go1.26.0\", \"rust1.95.0\"]"));
    let of_crate = read(&folder.path().join("crate/charts-config/programs/hello-world.toml"));
    assert!(!of_crate.contains("Go module"), "{of_crate}");
    for name in ["crate", "below", "plain"] {
        let all = ["collection.toml", "charts"]
            .map(|file| folder.path().join(name).join("charts-config").join(file));
        assert!(read(&all[0]).contains("https://replace-me.example/"), "{name}");
    }
    // The guide speaks of CI where there is one.
    for (name, has_ci) in [("plain", true), ("crate", true), ("odd", false)] {
        let guide = read(&folder.path().join(name).join("charts-config/README.md"));
        assert_eq!(guide.contains("\n## What runs"), has_ci, "{name}: {guide}");
    }
    let telling = folder.path().join("telling");
    let collection = read(&telling.join("charts-config/collection.toml"));
    assert!(collection.contains("module     = \"telemetry.hello.dev/config\"\n"), "{collection}");
    let chart = read(&telling.join("charts-config/charts/hello.toml"));
    assert!(chart.contains("[\"https://gitlab.com/ada/hello/-/issues/1\"]"), "{chart}");
    assert!(!files(&telling).iter().any(|file| file.starts_with(".github")));
    assert!(
        read(&telling.join(".gitlab/candor.yml")).contains("https://telemetry.hello.dev:8443/x\n")
    );
}

#[test]
fn other_things_are_never_changed() {
    let folder = TempDir::new().expect("a folder");
    let here = folder.path();
    std::fs::create_dir(here.join(".git")).expect("a folder");
    std::fs::write(here.join("main.rs"), "fn main() {}").expect("written");
    let message = refused(&mut new(here), 1);
    assert!(message.contains("has other things in it, such as main.rs"), "{message}");
    assert!(message.contains("--existing"), "{message}");
    assert_eq!(files(here), ["main.rs".to_owned()].into());

    std::fs::write(here.join(".gitlab-ci.yml"), "mine").expect("written");
    std::fs::create_dir(here.join(".gitlab")).expect("a folder");
    std::fs::write(here.join(".gitlab/candor.yml"), "mine").expect("written");
    let message = refused(new(here).arg("--existing"), 1);
    assert!(
        message.contains(".gitlab/candor.yml exists already, and nothing was written"),
        "{message}"
    );
    assert_eq!(files(here).len(), 3);
    std::fs::remove_file(here.join(".gitlab/candor.yml")).expect("removed");
    // GitLab's own file is left to its owner, who is told what to add.
    let said = succeed(new(here).args(["--existing", "--ci", "gitlab"]));
    assert!(said.contains("\n  include: [{ local: .gitlab/candor.yml }]\n"), "{said}");
    assert_eq!(read(&here.join(".gitlab-ci.yml")), "mine");
    assert!(read(&here.join(".gitlab/candor.yml")).contains("candor-check:"));
    std::fs::remove_dir_all(here.join("charts-config")).expect("removed");
    let said = succeed(new(here).args(["--existing", "--ci", "github"]));
    assert!(!said.contains("include:"), "{said}");
    assert_eq!(read(&here.join(".gitlab-ci.yml")), "mine");
    assert!(files(here).contains("charts-config/charts/hello.toml"));

    // A link that leads nowhere is something, too.
    #[cfg(unix)]
    {
        let linked = TempDir::new().expect("a folder");
        let link = linked.path().join(".gitlab/candor.yml");
        std::fs::create_dir(linked.path().join(".gitlab")).expect("a folder");
        std::os::unix::fs::symlink("/nowhere/at/all", &link).expect("a link");
        let message = refused(new(linked.path()).arg("--existing"), 1);
        assert!(
            message.contains("candor.yml exists already, and nothing was written"),
            "{message}"
        );
        assert!(link.is_symlink() && !linked.path().join("charts-config").exists());
    }

    // A repository that was just made.
    let fresh = TempDir::new().expect("a folder");
    std::fs::create_dir(fresh.path().join(".git")).expect("a folder");
    succeed(&mut new(fresh.path()));
    refused(&mut new(fresh.path()), 1);
    // What the definitions may not hold is said before anything is written.
    let other = TempDir::new().expect("a folder");
    let long = format!("example.org/{}", "a".repeat(1000));
    let message = refused(new(other.path()).args(["--program", &long]), 1);
    assert!(message.contains("write it on one short line"), "{message}");
    assert!(files(other.path()).is_empty());
    for wrong in [
        ["--program", "not a path"],
        ["--url", "http://telemetry.example.org"],
        ["--url", "https://example.org/$(date)"],
        ["--module", "config"],
        ["--url", "https://[::1]:80"],
    ] {
        let other = TempDir::new().expect("a folder");
        refused(new(other.path()).args(wrong), 2);
        assert!(files(other.path()).is_empty(), "{wrong:?}");
    }
}

/// A step of a workflow, or a job of GitLab's.
struct Step {
    script: String,
    /// What its environment has from expressions of the workflow.
    environment: BTreeSet<String>,
}

/// The lines that belong to the key in front of them: those further to the right.
fn block<'t>(lines: &[&'t str], from: usize) -> Vec<&'t str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let least = indent(lines[from]) + 1;
    let inside =
        lines[from + 1..].iter().take_while(|line| line.is_empty() || indent(line) >= least);
    inside.copied().collect()
}

/// A literal block, without its indentation.
fn literal(lines: &[&str]) -> String {
    let indent = lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| line.len() - line.trim_start().len());
    let indent = indent.min().unwrap_or(0);
    lines.iter().map(|line| format!("{}\n", line.get(indent..).unwrap_or(""))).collect()
}

/// A step of a workflow of GitHub's, by its name.
fn step(file: &Path, name: &str) -> Step {
    let text = read(file);
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.trim() == format!("- name: {name}"));
    let at = at.unwrap_or_else(|| panic!("{} has no step {name}", file.display()));
    let step = block(&lines, at);
    let key = |key: &str| step.iter().position(|line| line.trim() == key);
    let environment = key("env:").map(|at| block(&step, at)).unwrap_or_default();
    let run = block(&step, key("run: |").expect("a script"));
    Step {
        script: literal(&run),
        environment: environment
            .iter()
            .filter_map(|line| line.trim().split(':').next().map(str::to_owned))
            .collect(),
    }
}

/// The scripts of a job of GitLab's, the common one first.
fn job(file: &Path, name: &str) -> String {
    let text = read(file);
    let lines: Vec<&str> = text.lines().collect();
    let part = |name: &str, key: &str| {
        let at = lines.iter().position(|line| *line == format!("{name}:")).expect("a job");
        let job = block(&lines, at);
        let at = job.iter().position(|line| line.trim() == format!("{key}:")).expect("a script");
        let script = block(&job, at);
        match script.first().map(|line| line.trim()) {
            Some("- |") => literal(&script[1..]),
            Some(line) => format!("{}\n", line.strip_prefix("- ").expect("a line")),
            None => panic!("{name} has no {key}"),
        }
    };
    part(".candor", "before_script") + &part(name, "script")
}

/// A project on a server: its repository, a clone of it, and what CI runs in.
struct Project {
    folder: TempDir,
    forge: Forge,
}

const COMMON: [(&str, &str); 9] = [
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ("GIT_AUTHOR_DATE", "2026-02-03T04:05:06Z"),
    ("GIT_COMMITTER_DATE", "2026-02-03T04:05:06Z"),
    ("LC_ALL", "C.UTF-8"),
    ("GITHUB_REPOSITORY", "ada/hello"),
    ("GITHUB_REPOSITORY_OWNER", "ada"),
    ("GITHUB_SERVER_URL", "https://github.example.org"),
    ("GITHUB_REF_NAME", "main"),
];

impl Project {
    /// A repository as `candor new` makes it, on the branch `main`.
    fn new() -> Project {
        let project = Project { folder: TempDir::new().expect("a folder"), forge: Forge::new() };
        for folder in ["bin", "temp", "home"] {
            std::fs::create_dir(project.at(folder)).expect("a folder");
        }
        // The verbs that ask others what is new do what the test says.
        let program = format!(
            "#!/bin/sh\necho \"$*\" >> {calls}\nenv > {env}\n\
             case $1 in versions|rates) exec sh -eu {refresh} \"$@\" ;; esac\nexec {candor} \"$@\"\n",
            calls = project.at("calls").display(),
            env = project.at("env").display(),
            refresh = project.at("refresh").display(),
            candor = env!("CARGO_BIN_EXE_candor"),
        );
        project.program("candor", &program);
        project.refresh("true");
        project.git("", &["init", "-q", "--bare", "-b", "main", "origin.git"]);
        project.git("", &["clone", "-q", "origin.git", "main"]);
        let mut made = new(&project.at("main"));
        succeed(made.args(["--repository", "https://example.org/hello"]));
        project.commit("main", "Begin");
        project.git("main", &["push", "-q", "origin", "HEAD:main"]);
        project
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// A program that is found before those of the system.
    fn program(&self, name: &str, script: &str) {
        let path = self.at("bin").join(name);
        std::fs::write(&path, script).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
            .expect("executable");
    }

    /// What `candor versions` and `candor rates` do.
    fn refresh(&self, script: &str) {
        std::fs::write(self.at("refresh"), script).expect("written");
    }

    fn calls(&self) -> Vec<String> {
        read(&self.at("calls")).lines().map(str::to_owned).collect()
    }

    fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.current_dir(self.at(folder)).args(arguments).envs(COMMON);
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), "Ada")
                .env(format!("GIT_{who}_EMAIL"), "ada@example.org");
        }
        succeed(&mut git).trim().to_owned()
    }

    fn commit(&self, folder: &str, message: &str) -> String {
        self.git(folder, &["add", "-A"]);
        self.git(folder, &["commit", "-q", "-m", message]);
        self.git(folder, &["rev-parse", "HEAD"])
    }

    /// A fork with a commit that adds this text to a file; proposed under the reference, whatever
    /// the fork does to its other files.
    fn propose(&self, reference: &str, file: &str, added: &str) -> String {
        if !self.at("fork").exists() {
            self.git("", &["clone", "-q", "origin.git", "fork"]);
        }
        let path = self.at("fork").join(file);
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(&path, before + added).expect("written");
        let commit = self.commit("fork", "Propose");
        self.git("fork", &["push", "-q", "-f", "origin", &format!("HEAD:{reference}")]);
        commit
    }

    /// A fresh clone, at a commit.
    fn check_out(&self, commit: &str) -> PathBuf {
        let clone = self.at("checkout");
        let _ = std::fs::remove_dir_all(&clone);
        self.git("", &["clone", "-q", "origin.git", "checkout"]);
        if commit != "main" {
            self.git("checkout", &["fetch", "-q", "origin", commit]);
            self.git("checkout", &["checkout", "-q", "--detach", commit]);
        }
        clone
    }

    /// A command as CI runs it: with an environment of its own.
    fn shell(&self, folder: &Path, script: &str, environment: &[(&str, &str)]) -> Output {
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.at("bin").display());
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).current_dir(folder);
        bash.env_clear().envs(COMMON).env("PATH", path).env("HOME", self.at("home"));
        for file in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"] {
            bash.env(file, self.at(file));
        }
        bash.env("RUNNER_TEMP", self.at("temp")).env("TMPDIR", self.at("temp"));
        bash.env("GITHUB_API_URL", &self.forge.url);
        run(bash.envs(environment.iter().copied()))
    }

    /// Runs a step of a workflow on `main`, with exactly the environment that the step declares.
    fn step(
        &self,
        folder: &Path,
        workflow: &str,
        name: &str,
        environment: &[(&str, &str)],
    ) -> Output {
        let file = format!("main/.github/workflows/candor-{workflow}.yml");
        let step = step(&self.at(&file), name);
        let given: BTreeSet<String> = environment
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .filter(|name| !["WHAT", "DEPLOYMENT"].contains(&name.as_str()))
            .collect();
        assert_eq!(step.environment, given, "{name}");
        self.shell(folder, &step.script, environment)
    }

    /// What a step said in `GITHUB_OUTPUT`, which is then empty.
    fn outputs(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.at("GITHUB_OUTPUT")).unwrap_or_default();
        let _ = std::fs::remove_file(self.at("GITHUB_OUTPUT"));
        let mut found = BTreeMap::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let (name, value) = match (line.split_once("<<"), line.split_once('=')) {
                (Some((name, end)), _) if !name.contains('=') => {
                    let inside: Vec<&str> =
                        lines.by_ref().take_while(|line| *line != end).collect();
                    (name, inside.join("\n"))
                }
                (_, Some((name, value))) => (name, value.to_owned()),
                _ => panic!("{line:?} is no output"),
            };
            assert!(found.insert(name.to_owned(), value).is_none(), "{name} is said twice");
        }
        found
    }

    /// The workflow that comments, from its first step to its last, after a check of this commit.
    fn comment(&self, branch: &str, commit: &str) {
        let find =
            [("GITHUB_TOKEN", READER), ("OWNER", "eve"), ("BRANCH", branch), ("COMMIT", commit)];
        ok(&self.step(&self.at("temp"), "comment", "Find the pull request", &find));
        let found = self.outputs();
        let Some(number) = found.get("number") else { return };
        let folder = self.check_out(commit);
        ok(&self.step(&folder, "comment", "Write the comment", &[("BASE", &found["base"])]));
        let written = self.outputs();
        let names: Vec<&str> = written.keys().map(String::as_str).collect();
        assert_eq!(names, ["changed", "text"]);
        let post = [
            ("GITHUB_TOKEN", WRITER),
            ("NUMBER", number.as_str()),
            ("CHANGED", written["changed"].as_str()),
            ("TEXT", written["text"].as_str()),
        ];
        let name = "Post the comment, or change the one that is there";
        ok(&self.step(&self.at("temp"), "comment", name, &post));
    }

    /// Says on the server that this commit is proposed.
    fn open_pull(&self, number: u64, branch: &str, commit: &str) {
        let pull = value!({"number": number, "base": {"ref": "main"},
                           "head": {"label": format!("eve:{branch}"), "sha": commit}});
        let mut held = self.forge.held();
        held.proposals.retain(|one| one["number"] != number);
        held.proposals.push(pull);
    }

    fn weekly(&self, what: &str) -> Output {
        let folder = self.check_out("main");
        let environment = [("WHAT", what), ("DEPLOYMENT", "https://telemetry.example.org")];
        ok(&self.step(&folder, "weekly", "Refresh", &environment));
        let propose = [("WHAT", what), ("GITHUB_TOKEN", WRITER)];
        self.step(&folder, "weekly", "Propose", &propose)
    }

    fn gitlab(&self, job_name: &str, environment: &[(&str, &str)]) -> Output {
        let folder = self.check_out("main");
        let script = job(&self.at("main/.gitlab/candor.yml"), job_name);
        let (api, url) = (format!("{}/api/v4", self.forge.url), self.at("origin"));
        let commit = self.git("checkout", &["rev-parse", "HEAD"]);
        let project = [
            ("CI_PROJECT_DIR", folder.to_str().expect("text")),
            ("CI_API_V4_URL", &api),
            ("CI_PROJECT_ID", "5"),
            ("CI_PROJECT_URL", url.to_str().expect("text")),
            ("CI_COMMIT_BRANCH", "main"),
            ("CI_COMMIT_SHA", &commit),
            ("CI_SERVER_HOST", "gitlab.example.org"),
            ("CI_SERVER_URL", "https://gitlab.example.org"),
            ("DEPLOYMENT", "https://telemetry.example.org"),
        ];
        self.shell(&folder, &script, &[&project, environment].concat())
    }
}

fn text_of(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

/// The output of something that must succeed.
fn ok(output: &Output) -> String {
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", text(&output.stderr));
    said
}

const CHART: &str = "charts-config/charts/editors.toml";

/// A definition.
fn editors(title: &str, buckets: &str) -> String {
    format!(
        "[[chart]]\ntitle = {title:?}\nissue = [\"https://example.org/hello/issues/2\"]\n\
         type = \"partition\"\nprogram = \"example.org/hello\"\ncounter = \"hello/editor:{{{buckets}}}\"\n\
         expires = 2999-01-01\n"
    )
}

#[test]
fn github_checks_a_pull_request_and_shows_what_it_means() {
    let project = Project::new();
    let check = |commit: &str| {
        let folder = project.check_out(commit);
        project.step(&folder, "check", "Check the definitions", &[("BASE", "main")])
    };
    let good =
        project.propose("refs/pull/1/head", CHART, &editors("Which editors?", "vim,emacs,other"));
    let said = ok(&check(&good));
    assert!(said.contains("now also collects `hello/editor:{vim,emacs,other}`"), "{said}");
    let summary = read(&project.at("GITHUB_STEP_SUMMARY"));
    assert!(summary.starts_with("<!-- candor check -->\n**`example.org/hello`**"), "{summary}");
    let bad = project.propose("refs/pull/1/head", CHART, "depth = 3\n");
    let output = check(&bad);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(read(&project.at("GITHUB_STEP_SUMMARY")).contains("**Mistakes**"));
}

#[test]
fn github_has_one_comment_however_often_a_pull_request_changes() {
    let project = Project::new();
    // Comments of others, one of which begins like ours, on more than a page.
    for number in 0..130_u64 {
        let body = format!("<!-- candor check -->\nI am {number}");
        project
            .forge
            .held()
            .comments
            .push(value!({"id": number, "on": 1, "user": {"login": "eve"}, "body": body}));
    }
    let propose = |added: &str| {
        let commit = project.propose("refs/pull/1/head", CHART, added);
        project.open_pull(1, "editors", &commit);
        project.comment("editors", &commit);
        let held = project.forge.held();
        let ours: Vec<String> = held
            .comments
            .iter()
            .filter(|comment| comment["user"]["login"] == BOT)
            .map(|comment| comment["body"].as_str().expect("a text").to_owned())
            .collect();
        assert_eq!(held.comments.len(), 130 + ours.len());
        (commit, ours)
    };
    let (first, ours) = propose(&editors("Which editors?", "vim,emacs,other"));
    let [text] = ours.as_slice() else { panic!("{ours:#?}") };
    assert!(text.starts_with("<!-- candor check -->\n**`example.org/hello`**"), "{text}");
    assert!(text.contains("now also collects `hello/editor:{vim,emacs,other}`"), "{text}");
    assert!(text.ends_with(&format!("This is about commit {}.", &first[..12])), "{text}");
    // A mistake is said as well, and what looks like commands is not obeyed.
    let evil = editors(
        "A\nnumber=666\ntext<<x\n@everyone ::set-output name=a::b $(touch run) `touch run`",
        "a",
    );
    let (second, ours) = propose(&evil);
    let [text] = ours.as_slice() else { panic!("{ours:#?}") };
    assert!(text.contains(&second[..12]) && !text.contains(&first[..12]), "{text}");
    assert!(text.contains("**Mistakes**") && !text.contains("@everyone"), "{text}");
    assert!(!project.at("checkout/run").exists());
    // An older run that comes late says nothing.
    let before = project.forge.held().writes.len();
    project.comment("editors", &first);
    assert_eq!(project.forge.held().writes.len(), before);
}

#[test]
fn github_does_not_comment_on_pull_requests_about_other_things() {
    let project = Project::new();
    let commit = project.propose("refs/pull/2/head", "README.md", "Words");
    project.open_pull(2, "words", &commit);
    project.comment("words", &commit);
    assert!(project.forge.held().writes.is_empty());
}

#[test]
fn what_a_pull_request_does_to_the_workflows_does_not_matter_to_the_comment() {
    let project = Project::new();
    let workflow = ".github/workflows/candor-check.yml";
    std::fs::create_dir_all(project.at("temp")).expect("a folder");
    project.propose("refs/pull/3/head", workflow, "# Says what it wants\n");
    project.propose("refs/pull/3/head", ".gitattributes", "* filter=evil\n");
    project.propose("refs/pull/3/head", "candor", "#!/bin/sh\ntouch run\n");
    let commit =
        project.propose("refs/pull/3/head", CHART, &editors("Which editors?", "vim,emacs,other"));
    project.open_pull(3, "editors", &commit);
    project.comment("editors", &commit);
    let held = project.forge.held();
    let texts = held.texts(3);
    let [text] = texts.as_slice() else { panic!("{texts:#?}") };
    assert!(text.contains("now also collects `hello/editor:{vim,emacs,other}`"), "{text}");
    assert!(!project.at("checkout/run").exists());
}

/// What `candor versions` may do to the files.
const ADD_VERSION: &str =
    "sed -i 's/\"v0.1.0\"/\"v0.1.0\", \"v0.2.0\"/' charts-config/programs/hello.toml";

#[test]
fn github_proposes_what_is_new_once_a_week_in_one_pull_request() {
    let project = Project::new();
    assert!(ok(&project.weekly("versions")).contains("There is nothing new."));
    assert!(project.forge.held().writes.is_empty());

    project.refresh(ADD_VERSION);
    ok(&project.weekly("versions"));
    let calls = project.calls();
    assert!(calls.contains(&"versions charts-config".to_owned()), "{calls:?}");
    {
        let held = project.forge.held();
        let [pull] = held.proposals.as_slice() else { panic!("{held:#?}") };
        assert_eq!(pull["title"], "List new versions and toolchains");
        assert_eq!(
            (&pull["head"]["label"], &pull["base"]),
            (&"ada:candor/versions".into(), &"main".into())
        );
        let body = pull["body"].as_str().expect("a text");
        assert!(body.contains("v0.2.0") && body.contains("Made by `candor versions`"), "{body}");
        assert_eq!(held.started, ["candor/versions"]);
    }
    let changed = project.git("origin.git", &["diff", "--stat", "main", "candor/versions"]);
    assert!(changed.contains("1 file changed, 1 insertion(+), 1 deletion(-)"), "{changed}");
    // The week after, nothing else is new.
    let before = project.git("origin.git", &["rev-parse", "candor/versions"]);
    ok(&project.weekly("versions"));
    assert_eq!(project.forge.held().writes.len(), 2, "{:?}", project.forge.held().writes);
    assert_eq!(project.git("origin.git", &["rev-parse", "candor/versions"]), before);
    // Then something is.
    let body = project.forge.held().proposals[0]["body"].clone();
    project.refresh(&ADD_VERSION.replace("v0.2.0", "v0.3.0"));
    ok(&project.weekly("versions"));
    {
        let held = project.forge.held();
        let [pull] = held.proposals.as_slice() else { panic!("{held:#?}") };
        assert_ne!(pull["body"], body);
        assert_eq!(held.started.len(), 2);
    }
    // What someone else adds to the branch is theirs.
    project.git("", &["clone", "-q", "-b", "candor/versions", "origin.git", "reviewer"]);
    std::fs::write(project.at("reviewer/note"), "Wait").expect("written");
    project.commit("reviewer", "Wait");
    project.git("reviewer", &["push", "-q"]);
    let theirs = project.git("origin.git", &["rev-parse", "candor/versions"]);
    project.refresh(&ADD_VERSION.replace("v0.2.0", "v0.4.0"));
    assert!(ok(&project.weekly("versions")).contains("Someone else has added commits"));
    assert_eq!(project.git("origin.git", &["rev-parse", "candor/versions"]), theirs);
    // Rates are a proposal of their own.
    project.refresh(
        "echo 'population = 1000' > new; cat charts-config/programs/hello.toml >> new; \
                     mv new charts-config/programs/hello.toml",
    );
    ok(&project.weekly("rates"));
    assert!(
        project
            .calls()
            .contains(&"rates charts-config --url https://telemetry.example.org".to_owned())
    );
    assert_eq!(project.forge.held().proposals.len(), 2);
}

#[test]
fn a_refresh_that_is_refused_fails_and_the_rest_of_it_is_proposed() {
    let project = Project::new();
    let refused = "echo 'the population cannot have grown so much' >&2; exit 1";
    for (script, proposals) in [(refused.to_owned(), 0), (format!("{ADD_VERSION}; {refused}"), 1)] {
        project.refresh(&script);
        let folder = project.check_out("main");
        let environment = [("WHAT", "rates"), ("DEPLOYMENT", "https://telemetry.example.org")];
        let output = project.step(&folder, "weekly", "Refresh", &environment);
        assert_eq!(output.status.code(), Some(1));
        // The workflow says that this step runs in any case.
        let propose = [("WHAT", "rates"), ("GITHUB_TOKEN", WRITER)];
        ok(&project.step(&folder, "weekly", "Propose", &propose));
        assert_eq!(project.forge.held().proposals.len(), proposals);
    }
    let workflow = read(&project.at("main/.github/workflows/candor-weekly.yml"));
    assert!(workflow.contains("      - name: Propose\n        if: success() || failure()\n"));

    let project = Project::new();
    for (script, proposals) in [(refused.to_owned(), 0), (format!("{ADD_VERSION}; {refused}"), 1)] {
        project.refresh(&script);
        let environment = [("WHAT", "rates"), ("CANDOR_TOKEN", WRITER)];
        let output = project.gitlab("candor-refresh", &environment);
        assert_eq!(output.status.code(), Some(1), "{}", text_of(&output));
        assert_eq!(project.forge.held().proposals.len(), proposals);
    }
}

#[test]
fn candor_is_built_only_where_it_is_not_there_and_outside_of_the_checkout() {
    let project = Project::new();
    project.program(
        "cargo",
        &format!("#!/bin/sh\necho \"$PWD $*\" >> {}\n", project.at("cargo").display()),
    );
    let install = |workflow: &str| {
        ok(&project.step(&project.at("temp"), workflow, "Install candor", &[]));
        std::fs::read_to_string(project.at("cargo")).unwrap_or_default()
    };
    for workflow in ["check", "comment", "weekly"] {
        assert_eq!(install(workflow), "", "it is there already");
    }
    std::fs::remove_file(project.at("bin/candor")).expect("removed");
    let expected = format!(
        "{} install --locked --git https://github.com/candor-telemetry/candor --tag v{} candor\n",
        project.at("temp").display(),
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(install("check"), expected);
    let file = read(&project.at("main/.github/workflows/candor-comment.yml"));
    assert_eq!(file.matches("working-directory: ${{ runner.temp }}").count(), 1);
}

#[test]
fn gitlab_checks_a_merge_request_and_has_one_comment_on_it() {
    let project = Project::new();
    let base = project.git("main", &["rev-parse", "HEAD"]);
    let reference = "refs/merge-requests/4/head";
    let first = project.propose(reference, CHART, &editors("Which editors?", "vim,emacs,other"));
    let script = job(&project.at("main/.gitlab/candor.yml"), "candor-check");
    let folder = project.check_out(&first);
    let environment = [
        ("CI_MERGE_REQUEST_DIFF_BASE_SHA", base.as_str()),
        ("CI_PROJECT_DIR", folder.to_str().expect("text")),
    ];
    assert!(ok(&project.shell(&folder, &script, &environment)).contains("hello/editor"));

    for (number, author) in [(4_u64, 99), (5, 99)] {
        let mut held = project.forge.held();
        held.proposals.push(value!({"iid": number, "target_branch": "main"}));
        held.comments.push(value!({"id": number, "on": number, "author": {"id": author},
                                   "body": "<!-- candor check -->\nI am not"}));
    }
    // Another one, about other things.
    project.git("", &["clone", "-q", "origin.git", "other"]);
    std::fs::write(project.at("other/README.md"), "Words").expect("written");
    project.commit("other", "Words");
    project.git("other", &["push", "-q", "origin", "HEAD:refs/merge-requests/5/head"]);

    let comment = || ok(&project.gitlab("candor-comment", &[("CANDOR_TOKEN", WRITER)]));
    comment();
    // What reads the proposal does not have the token.
    assert!(!read(&project.at("env")).contains(WRITER));
    let text = {
        let held = project.forge.held();
        assert_eq!(held.comments.len(), 3, "{held:#?}");
        held.texts(4)[1].to_owned()
    };
    assert!(text.contains("now also collects `hello/editor:{vim,emacs,other}`"), "{text}");
    assert!(text.ends_with(&format!("This is about commit {}.", &first[..12])), "{text}");
    comment();
    assert_eq!(project.forge.held().writes.len(), 1, "nothing is new");
    let second = project.propose(reference, CHART, "depth = 3\n");
    comment();
    let held = project.forge.held();
    assert_eq!((held.comments.len(), held.writes.len()), (3, 2));
    assert!(held.texts(4)[1].contains("**Mistakes**"), "{held:#?}");
    assert!(held.texts(4)[1].contains(&second[..12]), "{held:#?}");
}

#[test]
fn gitlab_goes_on_when_one_merge_request_cannot_be_read() {
    let project = Project::new();
    project.propose("refs/merge-requests/4/head", CHART, &editors("Which editors?", "vim,other"));
    for number in [3, 4] {
        project.forge.held().proposals.push(value!({"iid": number, "target_branch": "main"}));
    }
    let output = project.gitlab("candor-comment", &[("CANDOR_TOKEN", WRITER)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("There is no new comment on !3."));
    assert_eq!(project.forge.held().texts(4).len(), 1);
}

#[test]
fn gitlab_proposes_what_is_new_once_a_week_in_one_merge_request() {
    let project = Project::new();
    let weekly =
        |what| ok(&project.gitlab("candor-refresh", &[("WHAT", what), ("CANDOR_TOKEN", WRITER)]));
    assert!(weekly("versions").contains("There is nothing new."));
    project.refresh(ADD_VERSION);
    weekly("versions");
    {
        let held = project.forge.held();
        let [merge] = held.proposals.as_slice() else { panic!("{held:#?}") };
        assert_eq!(merge["source_branch"], "candor/versions");
        assert_eq!(merge["target_branch"], "main");
        let body = merge["description"].as_str().expect("a text");
        assert!(body.contains("v0.2.0") && body.contains("Made by `candor versions`"), "{body}");
    }
    weekly("versions");
    assert_eq!(project.forge.held().writes.len(), 1);
    project.refresh(&ADD_VERSION.replace("v0.2.0", "v0.3.0"));
    weekly("versions");
    let held = project.forge.held();
    assert_eq!((held.proposals.len(), held.writes.len()), (1, 2));
    let changed = project.git("origin.git", &["diff", "--stat", "main", "candor/versions"]);
    assert!(changed.contains("1 file changed, 1 insertion(+), 1 deletion(-)"), "{changed}");
}

#[test]
fn workflows_give_tokens_to_no_more_than_they_must() {
    let folder = TempDir::new().expect("a folder");
    succeed(&mut new(&folder.path().join("made")));
    let workflow =
        |name: &str| read(&folder.path().join(format!("made/.github/workflows/candor-{name}.yml")));
    for name in ["check", "comment", "weekly"] {
        let text = workflow(name);
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            // An expression within a script would be run as part of it.
            if line.trim() == "run: |" {
                assert!(!block(&lines, at).iter().any(|line| line.contains("${{")), "{name}");
            }
            assert!(!line.trim().starts_with("run: ") || line.trim() == "run: |", "{line}");
            let Some(action) = line.trim().trim_start_matches("- ").strip_prefix("uses: ") else {
                continue;
            };
            let commit = action.split('@').nth(1).and_then(|rest| rest.split(' ').next());
            assert!(
                commit.is_some_and(|commit| {
                    commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit())
                }),
                "{action} could be moved"
            );
        }
        let checkouts = text.matches("actions/checkout@").count();
        assert_eq!(text.matches("persist-credentials: false").count(), checkouts, "{name}");
        assert!(!text.contains("secrets."), "{name}");
        assert!(!text.contains("pull_request_target"), "{name}");
    }
    // What a pull request can change has a token that can only read.
    assert!(workflow("check").contains("\npermissions:\n  contents: read\ndefaults:"));
    assert_eq!(workflow("check").matches("permissions:").count(), 1);
    for name in ["comment", "weekly"] {
        assert!(workflow(name).contains("\npermissions: {}\n"), "{name}");
    }
    // Whoever reads a pull request cannot write, not even to the cache; whoever writes reads none.
    let comment = workflow("comment");
    let (before, after) = comment.split_once("\n  post:\n").expect("two jobs");
    assert!(!before.contains(": write\n") && !before.contains("actions/cache@"));
    assert!(after.contains("    permissions:\n      pull-requests: write\n    #"));
    assert!(!after.contains("uses:"));
}
