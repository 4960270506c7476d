//! The Go project's real definitions, imported and compiled, give the config that the Go project
//! published, byte for byte.
//!
//! The inputs are found under `CANDOR_DATA`; without it these tests say that they are skipped.

use candor::charts::diagnostic::Severity;
use candor::charts::{Sources, parse};
use candor::collection::{Import, Imported, compile, import};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The Go project's `config.txt` and `config.json`.
fn inputs() -> Option<(Vec<u8>, Vec<u8>)> {
    let Some(data) = std::env::var_os("CANDOR_DATA") else {
        eprintln!("skipped: CANDOR_DATA does not name the folder with the Go project's config");
        return None;
    };
    let read = |name| {
        let path = PathBuf::from(&data).join("go").join(name);
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
    assert_eq!(definitions.warnings, []);
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let compiled = compile(&definitions, now).to_json();
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
    let Some((_, json)) = inputs() else { return };
    let data = PathBuf::from(std::env::var_os("CANDOR_DATA").expect("set")).join("go");
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
