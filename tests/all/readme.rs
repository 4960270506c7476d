//! The code and commands in the README are compiled and run.

#![cfg(feature = "server")]

use crate::support;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::{Charts, Deployment, candor, refused, run, succeed, text};
use tempfile::TempDir;

fn readme() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    fs::read_to_string(file).expect("the README")
}

/// The blocks of code in one language.
fn blocks(language: &str) -> Vec<String> {
    let readme = readme();
    let parts = readme.split("```").skip(1).step_by(2);
    let of_language = parts.filter_map(|part| part.strip_prefix(language)?.strip_prefix('\n'));
    of_language.map(str::to_owned).collect()
}

/// As it stands in the README: it counts, its users decide with it alone, and it works without a network.
#[test]
fn the_rust_program_compiles_and_runs() {
    let [program] = &blocks("rust")[..] else { panic!("one program") };
    let [dependency, _] = &blocks("toml")[..] else { panic!("a dependency, and settings") };
    let here = env!("CARGO_MANIFEST_DIR");
    assert!(dependency.contains("path = \"../candor\""), "{dependency}");
    let dependency = dependency.replace("../candor", here);
    let folder = TempDir::new().expect("a temporary folder");
    // With our profiles, its dependencies are the same as those of `--features http` here, and built once.
    let ours = fs::read_to_string(Path::new(here).join("Cargo.toml")).expect("our manifest");
    let mut ours: toml::Table = ours.parse().expect("TOML");
    ours.retain(|name, _| name == "profile");
    let manifest = format!(
        "[package]\nname = \"myprog\"\nversion = \"1.2.3\"\nedition = \"2024\"\n\n\
         [lints.rust]\nwarnings = \"deny\"\n\n[dependencies]\n{dependency}\n{ours}"
    );
    fs::write(folder.path().join("Cargo.toml"), manifest).expect("written");
    fs::create_dir(folder.path().join("src")).expect("made");
    fs::write(folder.path().join("src/main.rs"), program).expect("written");
    // The same versions of all dependencies, which are already downloaded.
    let lock = Path::new(here).join("Cargo.lock");
    fs::copy(lock, folder.path().join("Cargo.lock")).expect("copied");
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--offline", "--quiet"]).current_dir(folder.path());
    build.env("CARGO_TARGET_DIR", &built);
    // Cargo's variables for the running test are not meant for this program.
    for (name, _) in std::env::vars() {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST") {
            build.env_remove(name);
        }
    }
    succeed(&mut build);
    let home = TempDir::new().expect("a temporary folder");
    let myprog = |arguments: &[&str]| {
        let mut command = Command::new(built.join("debug/myprog"));
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
    let joined = text.replace("\\\n", " ");
    let starts = joined.match_indices("candor ").filter(|(at, _)| {
        let before = joined[..*at].chars().next_back();
        before.is_none_or(|c| c.is_whitespace() || "`(".contains(c))
    });
    let commands = starts.map(|(at, name)| {
        let rest = &joined[at + name.len()..];
        let end = rest.find(['\n', ';', ')', '#', '&', '`']).unwrap_or(rest.len());
        rest[..end].split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    });
    commands.filter(|words| !words.is_empty()).collect()
}

#[test]
fn every_command_has_the_verbs_and_flags_that_it_is_shown_with() {
    let readme = readme();
    let mut found: Vec<Vec<String>> =
        blocks("sh").iter().flat_map(|block| commands(block)).collect();
    let inline = readme.split("```").step_by(2).flat_map(|text| {
        let text = text.replace('\n', " ");
        let spans: Vec<String> = text.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        spans.into_iter().filter(|span| span.starts_with("candor ")).collect::<Vec<_>>()
    });
    found.extend(inline.flat_map(|span| commands(&span)));
    found.retain(|words| words[0] != "VERB");
    assert!(found.len() >= 12, "{found:?}");
    for words in found {
        // Help is printed only if everything before it is valid.
        let output = run(candor().args(&words).arg("--help"));
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        let wrong = run(candor().args(&words).args(["--no-such-flag", "--help"]));
        assert!(!wrong.status.success(), "{words:?}: anything passes");
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
