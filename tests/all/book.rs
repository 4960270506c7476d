//! What the book in `docs/` shows is right: definitions are valid, and its first hour leads to a chart. Commands are
//! tested in `readme`, with those of the README; links in `web::pages::help` and by the browser.

#![cfg(feature = "server")]

use crate::support::book::{blocks, files, pages};
use crate::support::json_schema::violations;
use crate::support::{candor, readme_program, run, succeed, text};
use candor::charts::{FileKind, json_schema};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Each file that a page shows, among those that `candor new` makes.
#[test]
fn definitions_in_the_book_have_no_findings() {
    let mut tested = 0;
    for (page, source) in pages() {
        let shown = files(&source);
        if shown.is_empty() {
            continue;
        }
        let folder = TempDir::new().expect("a folder");
        let made = folder.path().join("made");
        let mut new = candor();
        new.args(["new", "--program", "example.org/myprog", "--ci", "none"]);
        succeed(new.args(["--repository", "https://example.org/myprog"]).arg(&made));
        let charts = made.join("charts-config");
        for (path, source) in &shown {
            let path = charts.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, source).expect("written");
            tested += 1;
        }
        let output = run(candor().arg("check").arg(&charts));
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success() && !said.contains("warning"), "{page}: {said}");
    }
    assert!(tested >= 12, "{tested} files");
}

/// No TOML of the book is left out of the tests: it is a file of a charts folder with its path, or a line of a
/// `Cargo.toml`, which the tests that compile the page's program take.
#[test]
fn all_toml_in_the_book_is_checked() {
    for (page, source) in pages().into_iter().filter(|(page, _)| page.starts_with("docs/")) {
        for block in blocks(&source, "toml") {
            let first = block.lines().next().unwrap_or_default();
            let is_checked =
                first.strip_prefix("# ").is_some_and(|path| files(&source).contains_key(path));
            assert!(is_checked || block.starts_with("candor = "), "{page}: {first}");
        }
    }
}

/// A charts folder's files, as JSON, with their kinds.
fn parsed(files: &BTreeMap<String, String>) -> Vec<(String, FileKind, serde_json::Value)> {
    let known = files.iter().filter_map(|(path, text)| Some((path, FileKind::of(path)?, text)));
    let parsed = known.map(|(path, kind, text)| {
        let table: toml::Table = text.parse().unwrap_or_else(|e| panic!("{path}: {e}"));
        (path.clone(), kind, as_json(&toml::Value::Table(table)))
    });
    parsed.collect()
}

/// As Taplo shows TOML to a schema: dates are strings.
fn as_json(value: &toml::Value) -> serde_json::Value {
    match value {
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(array) => array.iter().map(as_json).collect(),
        toml::Value::Table(table) => {
            table.iter().map(|(key, value)| (key.clone(), as_json(value))).collect()
        }
        plain => serde_json::to_value(plain).expect("JSON"),
    }
}

/// The files of a charts folder, by their paths.
fn folder(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "toml") {
                let inside = path.strip_prefix(folder).expect("inside").display().to_string();
                found.insert(inside, fs::read_to_string(&path).expect("text"));
            }
        }
    }
    found
}

#[test]
fn all_definitions_here_fit_their_schemas() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let book = pages()["docs/definitions.md"].clone();
    let mut kinds = BTreeMap::new();
    for files in
        [folder(&root.join("charts-config")), folder(&root.join("testdata/demo")), files(&book)]
    {
        for (path, kind, value) in parsed(&files) {
            assert_eq!(violations(&json_schema(kind), &value), [""; 0], "{path}");
            *kinds.entry(kind.name()).or_insert(0) += 1;
        }
    }
    assert_eq!(kinds.len(), FileKind::ALL.len(), "{kinds:?}");
}

/// What the reader refuses because of a key, the schema refuses, too.
#[test]
fn schemas_refuse_what_the_reader_refuses() {
    let whole = &files(&pages()["docs/definitions.md"])["charts/myprog.toml"];
    for (from, to) in [
        ("title ", "titel "),
        ("title ", "kolor = 1\ntitle "),
        ("type        = \"partition\"", "type        = \"pie\""),
        ("error       = 0.02", "error       = 1.5"),
        ("error       = 0.02", "error       = \"0.02\""),
        ("expires     = 2037-06-30", "expires     = 2037"),
        ("issue       = [\"https://example.org/myprog/issues/1\"]", "issue = []"),
        ("version     = \"v1.2.0\"", "depth = 16"),
        ("type        = \"partition\"", "type        = \"stack\""),
        ("type        = \"partition\"", "type        = \"ratio\""),
    ] {
        let changed = whole.replacen(from, to, 1);
        let files = BTreeMap::from([("charts/a.toml".to_owned(), changed)]);
        assert_ne!(&files["charts/a.toml"], whole, "{from}");
        let (_, kind, value) = parsed(&files).remove(0);
        assert_ne!(violations(&json_schema(kind), &value), [""; 0], "{to}");
        let made = TempDir::new().expect("a folder");
        let mut new = candor();
        succeed(
            new.args(["new", "--program", "example.org/myprog", "--ci", "none"]).arg(made.path()),
        );
        let charts = made.path().join("charts-config");
        fs::write(charts.join("charts/myprog.toml"), &files["charts/a.toml"]).expect("written");
        assert!(!run(candor().arg("check").arg(&charts)).status.success(), "{to}");
    }
}

/// The fields of every schema are in the chapter on them, in its text or its examples.
#[test]
fn the_book_shows_every_field() {
    fn names(schema: &serde_json::Value, found: &mut Vec<String>) {
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            found.push(name.clone());
            names(inner, found);
            names(&inner["items"], found);
        }
    }
    let chapter = pages()["docs/definitions.md"].clone();
    for kind in FileKind::ALL {
        let mut fields = Vec::new();
        names(&json_schema(kind), &mut fields);
        assert!(fields.len() >= 5, "{fields:?}");
        for field in fields {
            let is_there = [format!("`{field}`"), format!("[{field}]"), format!("\n{field} ")]
                .iter()
                .any(|written| chapter.contains(written));
            assert!(is_there, "docs/definitions.md does not show {field} of {}", kind.name());
        }
    }
}

/// The schemas that editors use here are those that the program prints.
#[test]
fn the_schemas_in_the_repository_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for kind in FileKind::ALL {
        let path = format!("docs/schema/{}.json", kind.name());
        let written = fs::read_to_string(root.join(&path)).expect("a schema");
        let current = format!("{:#}\n", json_schema(kind));
        assert_eq!(written, current, "{path}: run candor schema --out docs/schema");
        let configured = fs::read_to_string(root.join(".taplo.toml")).expect("settings");
        assert!(configured.contains(&format!("./{path}")), "{path}");
    }
}

#[test]
fn schemas_are_printed_and_written() {
    let printed = succeed(candor().args(["schema", "chart"]));
    let printed: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(printed, json_schema(FileKind::Chart));
    assert!(
        printed["properties"]["chart"]["items"]["properties"]["title"]["description"].is_string()
    );
    let folder = TempDir::new().expect("a folder");
    let said = succeed(candor().args(["schema", "--out"]).arg(folder.path().join("schemas")));
    assert!(said.starts_with("5 schemas in "), "{said}");
    let written = fs::read_to_string(folder.path().join("schemas/stacks.json")).expect("written");
    assert_eq!(written, succeed(candor().args(["schema", "stacks"])));
    assert_eq!(run(candor().arg("schema")).status.code(), Some(2));
    assert_eq!(run(candor().args(["schema", "pie"])).status.code(), Some(2));
}

/// From nothing to the chart of a rehearsal, by the code and commands of the page.
#[test]
fn the_first_hour_leads_to_a_chart() {
    let page = pages()["docs/first-hour.md"].clone();
    let shell = blocks(&page, "sh").join("\n");
    let [program] = &blocks(&page, "rust")[..] else { panic!("one program") };
    let dependency = blocks(&page, "toml").into_iter().find(|block| block.starts_with("candor = "));
    // A release by its profile takes minutes: debug assertions are what makes the difference.
    let own = "[profile.dev.package.first-hour]\ndebug-assertions = false\n";
    let binary =
        readme_program("first-hour", "0.1.0", &dependency.expect("a dependency"), program, own);
    let (folder, home) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let command = |line: &str| {
        assert!(shell.contains(line), "the page has no {line}");
        let mut words = line.split(' ');
        let mut command = match words.next() {
            Some("candor") => candor(),
            _ => Command::new(&binary),
        };
        command.args(words).current_dir(folder.path()).env("HOME", home.path());
        command.env_remove("XDG_CONFIG_HOME").env_remove("DO_NOT_TRACK");
        command
    };
    succeed(&mut command("candor new telemetry --program example.org/myprog"));
    let charts = folder.path().join("telemetry/charts-config");
    let shown = &files(&page)["charts/myprog.toml"];
    fs::write(charts.join("charts/myprog.toml"), shown).expect("written");
    // The compiler of whoever follows the page.
    let rustc = succeed(Command::new("rustc").arg("--version"));
    let rustc = rustc.split(' ').nth(1).expect("a version");
    let settings = fs::read_to_string(charts.join("collection.toml")).expect("settings");
    let settings = settings.replace("rust1.95.0", &format!("rust{rustc}"));
    fs::write(charts.join("collection.toml"), settings).expect("written");
    succeed(&mut command("candor check telemetry"));
    succeed(&mut command("candor compile telemetry/charts-config"));
    for line in ["telemetry local", "build", "build", "test"] {
        succeed(&mut command(&format!("target/release/myprog {line}")));
    }
    let seen = succeed(&mut command("target/release/myprog telemetry view"));
    assert!(seen.contains("        2  myprog/command:build"), "{seen}");
    let rehearse = "candor telemetry --project example.org/myprog rehearse --charts";
    let told = succeed(command(rehearse).arg("telemetry"));
    assert!(told.contains("myprog/command:build"), "{told}");
    assert!(told.contains("6. The charts of it: 4 figures"), "{told}");
}
