//! The code and commands in the README are compiled and run.

#![cfg(feature = "server")]

use crate::support;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::{Charts, Deployment, book, candor, readme_program, refused, run, succeed, text};
use tempfile::TempDir;

fn readme() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    fs::read_to_string(file).expect("the README")
}

/// The blocks of code in one language.
fn blocks(language: &str) -> Vec<String> {
    book::blocks(&readme(), language)
}

/// As it stands in the README: it counts, its users decide with it alone, and it works without a network.
#[test]
fn the_rust_program_compiles_and_runs() {
    let [program] = &blocks("rust")[..] else { panic!("one program") };
    let [dependency, _] = &blocks("toml")[..] else { panic!("a dependency, and settings") };
    let binary = readme_program("myprog", "1.2.3", dependency, program, "");
    let home = TempDir::new().expect("a temporary folder");
    let myprog = |arguments: &[&str]| {
        let mut command = Command::new(&binary);
        command.args(arguments).env("HOME", home.path()).env_remove("XDG_CONFIG_HOME");
        command.env_remove("DO_NOT_TRACK");
        command
    };
    assert_eq!(succeed(&mut myprog(&["build"])), "");
    assert!(!home.path().join(".config").exists(), "nothing is written before the user has chosen");
    let said = succeed(&mut myprog(&["telemetry"]));
    assert!(said.contains("https://telemetry.example.org, once a week"), "{said}");
    let said = succeed(&mut myprog(&["telemetry", "local"]));
    assert!(said.contains("telemetry of example.org/myprog is local"), "{said}");
    succeed(&mut myprog(&["build"]));
    succeed(&mut myprog(&["build"]));
    let said = succeed(&mut myprog(&["telemetry", "view"]));
    // A debug build is one of its developers'.
    assert!(said.contains("example.org/myprog@devel rust"), "{said}");
    assert!(said.contains("        2  myprog/verb:build"), "{said}");
    let said = succeed(&mut myprog(&["telemetry", "off"]));
    assert!(said.contains("Earlier counts are still in"), "{said}");
    let said = refused(&mut myprog(&["telemetry", "maybe"]), 2);
    assert!(said.contains("myprog telemetry"), "{said}");
}

/// The command lines of the program in a text: from its name to the end of the shell command.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut joined = text.replace("\\\n", " ");
    // What another command prints is one word.
    while let Some((before, rest)) = joined.split_once("\"$(") {
        let rest = rest.split_once(")\"").map_or("", |(_, rest)| rest);
        joined = format!("{before}2026-11-22{rest}");
    }
    let starts = joined.match_indices("candor ").filter(|(at, _)| {
        let before = &joined[..*at];
        let is_user = ["-u ", "-o ", "-g "].iter().any(|option| before.ends_with(option));
        !is_user && before.chars().next_back().is_none_or(|c| c.is_whitespace() || "`(".contains(c))
    });
    let commands = starts.map(|(at, name)| {
        let rest = &joined[at + name.len()..];
        let end = rest.find(['\n', ';', ')', '#', '&', '`', '|']).unwrap_or(rest.len());
        rest[..end]
            .split_whitespace()
            .map(|word| word.trim_matches('\'').to_owned())
            .collect::<Vec<_>>()
    });
    // Units have names that begin so.
    commands.filter(|words| words.first().is_some_and(|word| !word.starts_with("candor"))).collect()
}

#[test]
fn every_command_has_the_verbs_and_flags_that_it_is_shown_with() {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for (page, text) in book::pages() {
        let mut add = |commands: Vec<Vec<String>>| {
            found.extend(commands.into_iter().map(|words| (page.clone(), words)));
        };
        book::blocks(&text, "sh").iter().for_each(|block| add(commands(block)));
        for part in text.split("```").step_by(2) {
            let part = part.replace('\n', " ");
            let spans = part.split('`').skip(1).step_by(2);
            spans.filter(|span| span.starts_with("candor ")).for_each(|span| add(commands(span)));
        }
    }
    found.retain(|(_, words)| words[0] != "VERB");
    // What stands for a key or a name is none, and such values are checked.
    let key = "telemetry.example.org/log+7980041d+AdlOxvTvwlBE/cje4uZaI8S4erbU0i8UO5JEFiFDBTSS";
    for word in found.iter_mut().flat_map(|(_, words)| words) {
        match word.as_str() {
            "KEY" | "NEW" => *word = key.to_owned(),
            "ID" => *word = "0".repeat(32),
            _ => {}
        }
    }
    found.sort_by(|a, b| a.1.cmp(&b.1));
    found.dedup_by(|a, b| a.1 == b.1);
    let of = |name: &str| found.iter().filter(|(page, _)| page == name).count();
    assert!(
        of("README.md") + of("docs/checking.md") >= 12 && of("docs/first-hour.md") >= 6,
        "{found:?}"
    );
    for (page, words) in found {
        // Help is printed only if everything before it is valid.
        let output = run(candor().args(&words).arg("--help"));
        assert!(output.status.success(), "{page}: {words:?}: {}", text(&output.stderr));
        let wrong = run(candor().args(&words).args(["--no-such-flag", "--help"]));
        assert!(!wrong.status.success(), "{page}: {words:?}: anything passes");
    }
}

#[test]
fn scripts_and_files_that_are_named_exist() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = readme();
    let links = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let mut named: Vec<&str> = links.filter(|link| !link.contains("://")).collect();
    named.extend(
        readme
            .split(['`', ' ', '\n'])
            .filter(|word| ["scripts/", "examples/"].iter().any(|folder| word.starts_with(folder))),
    );
    assert!(named.len() >= 6, "{named:?}");
    for name in named {
        assert!(here.join(name).exists(), "{name}");
    }
}

#[test]
fn the_commands_that_make_and_publish_a_deployment_work() {
    let block = blocks("sh").into_iter().find(|block| block.contains("candor init")).expect("it");
    let (charts, folder) = (Charts::new(), TempDir::new().expect("a temporary folder"));
    let binary = Path::new(env!("CARGO_BIN_EXE_candor")).parent().expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").expect("a path"));
    let joined = block.replace("\\\n", " ");
    let mut ran = 0;
    for line in joined.lines().filter(|line| line.starts_with("candor ")) {
        if line.starts_with("candor serve") || line.starts_with("candor simulate") {
            continue;
        }
        let data = folder.path().join("data");
        let line = line.replace("/srv/candor", &data.display().to_string()).replace(
            "https://example.org/project.git",
            &format!("file://{}", charts.path().display()),
        );
        succeed(Command::new("sh").args(["-e", "-c", &line]).env("PATH", &path));
        ran += 1;
    }
    assert!(ran >= 3, "{joined}");
}

#[test]
fn the_key_in_the_examples_is_valid() {
    let readme = readme();
    let at = readme.find("telemetry.example.org/log+").expect("a key");
    let key = readme[at..].split('"').next().expect("its end");
    let (url, module) = ("https://telemetry.example.org", "telemetry.example.org/config");
    candor::client::Destination::at(url, module, key).expect("a destination");
}

#[test]
fn the_settings_of_witnesses_are_accepted() {
    let deployment = Deployment::new();
    let [_, settings] = &blocks("toml")[..] else { panic!("a dependency, and settings") };
    let path = deployment.path().join("candor.toml");
    let before = fs::read_to_string(&path).expect("settings");
    // The lines of the top level, and the table at the end.
    let (top, table) = settings.split_once("[[").expect("a table");
    fs::write(&path, format!("{top}{before}\n[[{table}")).expect("written");
    let opened = candor::publish::Deployment::open(deployment.path()).expect("taken");
    let policy = opened.witnesses().expect("witnesses").policy_text.to_vec();
    let url = settings.split("url = \"").nth(1).and_then(|rest| rest.split('"').next());
    assert!(text(&policy).contains(url.expect("a URL")), "{}", text(&policy));
}

#[test]
fn what_go_needs_is_what_env_prints() {
    let deployment = Deployment::new();
    let printed = succeed(candor().args(["env", "--data"]).arg(deployment.path()));
    let names: Vec<&str> = printed.lines().filter_map(|line| line.split('=').next()).collect();
    assert_eq!(names, ["GOPROXY", "GOSUMDB"]);
    for name in names {
        assert!(readme().contains(&format!("`{name}`")), "{name}");
    }
}

/// What `docs/client.md` says of programs that are built otherwise: they end as they would, and their panics are
/// counted by as much as is known of the stack.
#[test]
fn panics_are_counted_however_the_program_was_built() {
    let dependency =
        "candor = { path = \"../candor\", default-features = false, features = [\"http\"] }";
    let program = r#"
use candor::client::{Options, start};

#[inline(never)]
fn build() {
    panic!("as a test asked");
}

fn main() {
    start(candor::program!("example.org/myprog", "1.0.0"), Options::default().count_panics());
    build();
}
"#;
    for (name, flags, counted) in [
        ("panics-abort", &["-Cpanic=abort"][..], "panics_abort::build:="),
        ("panics-bare", &["-Cstrip=debuginfo"][..], "panics_bare::build\n"),
        ("panics-strip", &["-Cpanic=abort", "-Cstrip=symbols"][..], "crash/without-stack"),
    ] {
        let program = program.replace("main()", &format!("main() /* {name} */"));
        let binary = support::readme_program_with(name, "1.0.0", dependency, &program, "", flags);
        let home = TempDir::new().expect("a temporary folder");
        let folder = home.path().join(".config/candor/example.org%2Fmyprog");
        std::fs::create_dir_all(&folder).expect("made");
        std::fs::write(folder.join("mode"), "local").expect("written");
        let run = |command: &mut Command| {
            command
                .env("HOME", home.path())
                .env_remove("XDG_CONFIG_HOME")
                .env_remove("DO_NOT_TRACK");
            support::run(command.env_remove("RUST_BACKTRACE"))
        };
        let ended = run(&mut Command::new(&binary));
        let said = support::text(&ended.stderr);
        assert!(said.contains("as a test asked"), "{name}: {said}");
        // 101 for a panic that unwinds; no code where a signal ended it.
        let code = if flags.contains(&"-Cpanic=abort") { None } else { Some(101) };
        assert_eq!(ended.status.code(), code, "{name}: {said}");
        let mut view = support::candor();
        let view = run(view.args(["telemetry", "--project", "example.org/myprog", "view"]));
        let view = support::text(&view.stdout);
        assert!(view.contains(counted), "{name}: {view}");
        assert_eq!(
            view.contains("crash/panic"),
            counted != "crash/without-stack",
            "{name}: {view}"
        );
    }
}
