//! The Go project's real definitions, imported and compiled, give the config that the Go project
//! published, byte for byte.
//!
//! The inputs are under `CANDOR_DATA`; without it these tests are skipped, and say so.

#![cfg(feature = "server")]

use crate::support::go_data;
use candor::charts::diagnostic::Severity;
use candor::charts::{Sources, parse};
use candor::collection::{Import, Imported, compile, import};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A record of a program, with more lines.
fn record(program: &str, counter: &str, more: &str) -> String {
    format!(
        "title: A\ntype: partition\nissue: https://go.dev/issue/1\nprogram: {program}\n\
         counter: {counter}\n{more}---\n"
    )
}

/// A published config of one program, as Go writes it.
fn published(program: &str, versions: &str, counters: &[&str]) -> String {
    let counters: Vec<String> = counters
        .iter()
        .map(|name| {
            format!(
                "\t\t\t\t{{\n\t\t\t\t\t\"Name\": \"{name}\",\n\t\t\t\t\t\"Rate\": 1\n\t\t\t\t}}"
            )
        })
        .collect();
    format!(
        "{{\n\t\"GOOS\": [\n\t\t\"linux\"\n\t],\n\t\"GOARCH\": [\n\t\t\"amd64\"\n\t],\n\t\"GoVersion\": [\n\
         \t\t\"go1.22.1\",\n\t\t\"devel\"\n\t],\n\t\"SampleRate\": 1,\n\t\"Programs\": [\n\t\t{{\n\
         \t\t\t\"Name\": \"{program}\",\n\t\t\t\"Versions\": [\n{versions}\n\t\t\t],\n\
         \t\t\t\"Counters\": [\n{}\n\t\t\t]\n\t\t}}\n\t]\n}}",
        counters.join(",\n")
    )
}

/// What is compiled after the import, and the warnings.
fn outcome(records: &str, published: &str) -> (String, Vec<String>) {
    let imported = imported(records.as_bytes(), Some(published.as_bytes()));
    let warnings = imported.notices.iter().filter(|one| one.severity == Severity::Warning);
    let warnings = warnings.map(|one| format!("{}: {}", one.line.unwrap_or(0), one.message));
    let as_of = "2026-01-01".parse().expect("a day");
    (compile(&imported.definitions, as_of).to_json(), warnings.collect())
}

#[test]
fn records_without_a_module_are_imported_with_a_guess_and_a_warning() {
    for (program, module) in
        [("x.org/vuln/cmd/check", "x.org/vuln"), ("x.org/tools/gopls", "x.org/tools/gopls")]
    {
        let json = published(program, "\t\t\t\t\"v1.0.0\"", &["a"]);
        let (compiled, warnings) = outcome(&record(program, "a", ""), &json);
        assert_eq!(compiled, json);
        let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
        assert!(warning.contains(program) && warning.contains(&format!("`{module}` is assumed")));
    }
    // A module in any record of the program is enough.
    let records = record("x.org/p/q", "a", "") + &record("x.org/p/q", "b", "module: x.org/p\n");
    let json = published("x.org/p/q", "\t\t\t\t\"v1.0.0\"", &["a", "b"]);
    assert_eq!(outcome(&records, &json), (json, vec![]));
}

#[test]
fn devel_is_a_version_of_any_program_and_comes_last() {
    for (program, versions) in [
        ("x.org/p", "\t\t\t\t\"v0.9.0\",\n\t\t\t\t\"v1.0.0\",\n\t\t\t\t\"devel\""),
        ("cmd/go", "\t\t\t\t\"devel\""),
    ] {
        let module = if program == "cmd/go" { "" } else { "module: x.org/p\n" };
        let json = published(program, versions, &["a"]);
        let (compiled, warnings) = outcome(&record(program, "a", module), &json);
        assert_eq!((compiled, warnings), (json, vec![]), "{program}");
    }
}

#[test]
fn a_record_that_counts_from_devel_on_is_named_and_padding_does_not_allow_it() {
    let records = record("x.org/p", "a", "module: x.org/p\nversion: devel\n");
    let json = published("x.org/p", "\t\t\t\t\"v1.0.0\"", &["a"]);
    let imported = imported(records.as_bytes(), Some(json.as_bytes()));
    let said: Vec<String> = imported.notices.iter().map(ToString::to_string).collect();
    assert!(
        said.iter().any(|one| one.contains("config.txt:7:") && one.contains("`devel`")),
        "{said:?}"
    );
    let check = |padding: &str| {
        let files = imported.files.iter().map(|(path, bytes)| {
            let more = if path.starts_with("programs/") { padding } else { "" };
            (path.clone(), [bytes, more.as_bytes()].concat())
        });
        let parsed = parse(&Sources::from_files(files.collect())).expect("definitions");
        parsed.warnings.iter().map(ToString::to_string).collect::<String>()
    };
    let padding = "\n[padding]\nreleases = 3\nmajor = 1\nminor = 1\npatch = 1\nprerelease = 1\n";
    for warnings in [check(""), check(padding)] {
        assert!(warnings.contains("`devel` is not a version that may report"), "{warnings}");
        assert!(!warnings.contains("padding]"), "{warnings}");
    }
}

#[test]
fn records_as_windows_editors_write_them_are_the_same_records() {
    let records = record("x.org/p", "g:{\n  a,\n  b\n}", "module: x.org/p\n");
    let json = published("x.org/p", "\t\t\t\t\"v1.0.0\"", &["g:{a,b}"]);
    let windows = format!("\u{feff}{}", records.replace('\n', "\r\n"));
    assert_eq!(outcome(&windows, &json), (json, vec![]));
}

#[test]
fn if_nothing_can_be_imported_the_reason_is_given() {
    let refused = |records: &str, published: Option<&str>| {
        let published = published.map(|json| ("config.json", json.as_bytes()));
        let import = Import {
            file: "config.txt",
            records: records.as_bytes(),
            published,
            module: "x.org/c",
        };
        candor::collection::import(&import).expect_err("refused").to_string()
    };
    let said = refused("# only a comment\n---\n", None);
    assert!(said.contains("config.txt") && said.contains("there are no records"), "{said}");
    let json = published("x.org/other", "\t\t\t\t\"v1.0.0\"", &["z"]);
    let said = refused(&record("x.org/p", "a", "module: x.org/p\n"), Some(&json));
    assert!(said.contains("nothing that its records ask for is in config.json"), "{said}");
}

#[test]
fn a_counter_collected_twice_is_imported_once_and_named() {
    let module = "module: x.org/p\n";
    let records = record("x.org/p", "g:{a,b}", module)
        + &record("x.org/p", "g:{b,c,d}", module)
        + &record("x.org/p", "g:a", module);
    let json = published("x.org/p", "\t\t\t\t\"v1.0.0\"", &["g:{a,b}", "g:{b,c,d}", "g:a"]);
    let (compiled, warnings) = outcome(&records, &json);
    let once = published("x.org/p", "\t\t\t\t\"v1.0.0\"", &["g:{a,b}", "g:{c,d}"]);
    assert_eq!(compiled, once);
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings[1].starts_with("12: `g:b` of `x.org/p` is collected twice"), "{warnings:?}");
    assert!(warnings[1].contains("in line 5"), "{warnings:?}");
    assert!(warnings[2].starts_with("19: `g:a` of `x.org/p` is collected twice"), "{warnings:?}");
    assert!(warnings[0].contains("do not compile to the bytes"), "{warnings:?}");
}

#[test]
fn a_config_without_a_sample_rate_is_imported_with_a_warning() {
    let json = published("x.org/p", "\t\t\t\t\"v1.0.0\"", &["a"]);
    let without = json.replace("\t\"SampleRate\": 1,\n", "");
    let (compiled, warnings) = outcome(&record("x.org/p", "a", "module: x.org/p\n"), &without);
    assert_eq!(compiled, json);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings.iter().any(|one| one.contains("no SampleRate")), "{warnings:?}");
}

#[test]
fn advice_uses_the_syntax_of_records() {
    let records = "program: x.org/p\nmodule: x.org/p\ncounter: a\ntype: pie\nissue: none\n";
    let import = Import {
        file: "config.txt",
        records: records.as_bytes(),
        published: None,
        module: "x.org/c",
    };
    let errors = candor::collection::import(&import).expect_err("refused").to_string();
    for part in ["there is no `title`", "`title: Editor distribution`", "\"pie\"", "config.txt:5:"]
    {
        assert!(errors.contains(part), "{part} is not in {errors}");
    }
    assert!(!errors.contains(" = "), "{errors}");
}

/// Every folder of ../shared/data/go-history.
#[test]
fn each_revision_that_go_published_compiles_to_its_bytes() {
    let Some(data) = go_data() else { return };
    let history = data.join("go-history");
    let mut revisions: Vec<PathBuf> = fs::read_dir(&history)
        .unwrap_or_else(|error| panic!("{}: {error}", history.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    revisions.sort();
    assert!(revisions.len() >= 6, "{revisions:?}");
    for revision in revisions {
        let read = |name| fs::read(revision.join(name)).expect("readable");
        let json = read("config.json");
        let imported = imported(&read("config.txt"), Some(&json));
        let as_of = "2026-01-01".parse().expect("a day");
        let compiled = compile(&imported.definitions, as_of).to_json();
        assert!(compiled.as_bytes() == json, "{} differs", revision.display());
    }
}

/// The Go project's `config.txt` and `config.json`.
fn inputs() -> Option<(Vec<u8>, Vec<u8>)> {
    let data = go_data()?;
    let read = |name| {
        let path = data.join("go").join(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    Some((read("config.txt"), read("config.json")))
}

fn imported(records: &[u8], published: Option<&[u8]>) -> Imported {
    let published = published.map(|json| ("config.json", json));
    let module = "golang.org/x/telemetry/config";
    import(&Import { file: "config.txt", records, published, module })
        .unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn the_imported_definitions_compile_to_the_published_bytes() {
    let Some((records, json)) = inputs() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, bytes) in imported(&records, Some(&json)).files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("create");
        fs::write(path, bytes).expect("write");
    }
    let sources = Sources::from_folder(folder.path()).expect("readable");
    let definitions = parse(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    // Go's records do not say whose functions a stack may name; nothing else is missing.
    assert!(!definitions.warnings.is_empty());
    for warning in &definitions.warnings {
        assert!(warning.message.contains("has no `packages`"), "{warning}");
    }
    let as_of = "2026-01-01".parse().expect("a day");
    let compiled = compile(&definitions, as_of).to_json();
    assert!(compiled.as_bytes() == json, "the compiled config differs from the published one");
}

#[test]
fn the_import_names_the_lines_of_the_six_stacks_without_depth() {
    let Some((records, json)) = inputs() else { return };
    let notices = imported(&records, Some(&json)).notices;
    let text = String::from_utf8(records).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    let warnings: Vec<_> =
        notices.iter().filter(|notice| notice.severity == Severity::Warning).collect();
    assert_eq!(warnings.len(), 6, "{warnings:#?}");
    for warning in warnings {
        assert!(warning.message.contains("of type stack but has no depth"), "{warning}");
        let line = warning.line.expect("a line") as usize;
        assert_eq!(lines[line - 1], "type: stack", "{warning}");
    }
}

#[test]
fn the_buckets_that_are_not_published_yet_are_named_in_a_note() {
    let Some((records, json)) = inputs() else { return };
    let notices = imported(&records, Some(&json)).notices;
    let text = String::from_utf8(records).expect("text");
    let notes: Vec<_> = notices.iter().filter(|one| one.severity == Severity::Note).collect();
    let [note] = notes.as_slice() else { panic!("{notes:#?}") };
    let line = text.lines().nth(note.line.expect("a line") as usize - 1).expect("that line");
    assert_eq!(line, "counter: vscode-go/command/trigger:{");
    assert!(note.message.starts_with("not published yet, and left out: "), "{note}");
    let buckets = "`vscode-go/command/trigger:{impl-command_palette, impl-context_menu, \
                   gopls.implement_interface-command_palette, \
                   gopls.implement_interface-context_menu, \
                   gopls.implement_interface-code_action}`";
    assert!(note.message.ends_with(buckets), "{note}");
}

#[test]
fn without_a_published_config_every_record_is_imported() {
    let Some((records, _)) = inputs() else { return };
    let imported = imported(&records, None);
    assert_eq!(imported.definitions.charts.len(), 41);
    assert!(imported.notices.iter().any(|note| note.message.contains("placeholders")));
}

#[test]
fn the_program_does_the_same() {
    let (Some((_, json)), Some(data)) = (inputs(), go_data()) else { return };
    let data = data.join("go");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let charts = folder.path().join("charts");
    let import = Command::new(env!("CARGO_BIN_EXE_candor"))
        .arg("import")
        .arg(data.join("config.txt"))
        .arg("--upload-config")
        .arg(data.join("config.json"))
        .arg("--out")
        .arg(&charts)
        .output()
        .expect("candor runs");
    let messages = String::from_utf8_lossy(&import.stderr);
    assert!(import.status.success(), "{messages}");
    assert_eq!(messages.matches("warning: ").count(), 6, "{messages}");
    for line in [213, 222, 231, 240, 249, 337] {
        assert!(messages.contains(&format!("config.txt:{line}:1")), "{messages}");
    }
    let compile = Command::new(env!("CARGO_BIN_EXE_candor")).arg("compile").arg(&charts).output();
    let compile = compile.expect("candor runs");
    assert!(compile.status.success(), "{}", String::from_utf8_lossy(&compile.stderr));
    assert!(compile.stdout == json, "the compiled config differs from the published one");
}
