//! `check`, `compile` and `import`, as users run them.

#![cfg(feature = "server")]

use crate::support;
use serde_json::Value;
use std::path::Path;
use support::{Charts, candor, chart, json, refused, succeed};
use tempfile::TempDir;

/// A charts folder outside of git.
fn folder(charts: &str) -> TempDir {
    let repository = Charts::new();
    let folder = TempDir::new().expect("a temporary folder");
    support::copy_folder(&repository.path().join("charts-config"), folder.path());
    std::fs::write(folder.path().join("charts/verbs.toml"), charts).expect("write");
    folder
}

fn expiring(day: &str) -> String {
    format!("{}expires = {day}\n", chart("Verbs", "hello/verb:{run,help}"))
}

fn programs(config: &str) -> usize {
    let config: Value = serde_json::from_str(config).expect("JSON");
    config["Programs"].as_array().expect("an array").len()
}

fn compile(folder: &Path) -> std::process::Command {
    let mut command = candor();
    command.arg("compile").arg(folder);
    command
}

#[test]
fn check_prints_every_mistake_and_fails() {
    let good = folder(&chart("Verbs", "hello/verb"));
    assert_eq!(
        succeed(candor().arg("check").arg(good.path())),
        "no mistakes: 1 chart, 1 program\n"
    );

    let bad = folder("[[chart]]\ntitle = 7\n");
    let message = refused(candor().arg("check").arg(bad.path()), 1);
    assert_eq!(message.matches("error: ").count(), 5, "{message}");
    assert!(message.starts_with("error: "), "{message}");

    let output = support::run(candor().args(["check", "--json"]).arg(bad.path()));
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["valid"], false);
    assert_eq!(report["diagnostics"].as_array().expect("an array").len(), 5);
    assert_eq!(report["diagnostics"][0]["file"], "charts/verbs.toml");
}

#[test]
fn check_finds_the_customary_folder_of_a_repository() {
    let charts = Charts::new();
    assert_eq!(json(candor().args(["check", "--json"]).arg(charts.path()))["charts"], 1);
}

#[test]
fn a_folder_that_is_not_a_charts_folder_is_refused() {
    let empty = TempDir::new().expect("a temporary folder");
    let message = refused(candor().arg("check").arg(empty.path()), 1);
    assert!(message.contains("collection.toml") && message.contains("missing"), "{message}");
    let message = refused(candor().arg("check").arg(empty.path().join("none")), 1);
    assert!(message.contains("is not a folder"), "{message}");
}

#[test]
fn the_config_depends_on_the_day_and_not_on_a_commit() {
    let charts = Charts::new();
    charts.write("charts-config/charts/verbs.toml", &expiring("2926-06-30"));
    charts.commit();
    let outside = folder(&expiring("2926-06-30"));
    for place in [charts.path(), outside.path()] {
        let on = |day| programs(&succeed(compile(place).args(["--as-of", day])));
        assert_eq!((on("2926-06-30"), on("2926-07-01")), (1, 0));
        // Today is long before that.
        assert_eq!(programs(&succeed(&mut compile(place))), 1);
        let message = refused(compile(place).args(["--as-of", "yesterday"]), 2);
        assert!(message.contains("yesterday"), "{message}");
    }
    let expired = folder(&expiring("2026-02-02"));
    assert_eq!(programs(&succeed(&mut compile(expired.path()))), 0);
}

#[test]
fn check_warns_of_what_expires_soon() {
    let folder = folder(&expiring("2926-06-30"));
    let check = |day: &str| succeed(candor().args(["check", "--as-of", day]).arg(folder.path()));
    assert_eq!(check("2926-05-30"), "no mistakes: 1 chart, 1 program\n");
    for (day, said) in [
        ("2926-05-31", "\"Verbs\" is collected for the last time on 2926-06-30"),
        ("2926-06-30", "\"Verbs\" is collected for the last time on 2926-06-30"),
        ("2926-07-01", "\"Verbs\" expired on 2926-06-30 and is no longer collected"),
    ] {
        let warned = check(day);
        let code = if said.contains("expired") { "expired" } else { "expiring" };
        let file = folder.path().join("charts/verbs.toml").display().to_string();
        let warning = format!("warning[{code}]: {said}\n --> {file}:");
        assert!(warned.contains(&warning), "{warned}");
        assert!(warned.contains("| expires = 2926-06-30"), "the line is shown: {warned}");
        assert!(warned.ends_with("no mistakes: 1 chart, 1 program\n"), "{warned}");
    }
    let report =
        json(candor().args(["check", "--json", "--as-of", "2927-01-01"]).arg(folder.path()));
    assert_eq!(report["valid"], true);
    assert_eq!(report["diagnostics"][0]["severity"], "warning");
}

#[test]
fn the_config_goes_to_a_file_or_to_standard_output_with_the_same_bytes() {
    let charts = folder(&chart("Verbs", "hello/verb:{run,help}"));
    let printed = succeed(&mut compile(charts.path()));
    assert_eq!(succeed(compile(charts.path()).arg("--json")), printed);
    let file = charts.path().join("config.json");
    let said = json(compile(charts.path()).arg("--json").arg("--out").arg(&file));
    assert_eq!(said["counters"], 1);
    assert_eq!(std::fs::read_to_string(&file).expect("written"), printed);
    let nowhere = charts.path().join("none/config.json");
    let message = refused(compile(charts.path()).arg("--out").arg(&nowhere), 1);
    assert!(message.contains("none/config.json"), "{message}");
}

#[test]
fn import_makes_a_folder_and_never_overwrites_one() {
    let work = TempDir::new().expect("a temporary folder");
    let records = work.path().join("config.txt");
    let out = work.path().join("charts");
    let text = "title: Editors\ncounter: p/editor:{vim,emacs}\ntype: partition\n\
                issue: https://example.org/1\nprogram: example.org/p\nmodule: example.org/p\n";
    std::fs::write(&records, text).expect("write");
    let import = || {
        let mut command = candor();
        command.arg("import").arg(&records).arg("--out").arg(&out);
        command
    };
    let said = succeed(import().args(["--module", "example.org/config"]));
    assert!(said.contains("1 chart of 1 program") && said.contains("example.org/config"), "{said}");
    let before = support::contents(work.path());
    let message = refused(&mut import(), 1);
    assert!(message.contains("not an empty folder"), "{message}");
    assert_eq!(support::contents(work.path()), before);
    succeed(candor().arg("check").arg(&out));
}

#[test]
fn what_cannot_be_imported_is_reported_with_its_line_and_nothing_is_written() {
    let work = TempDir::new().expect("a temporary folder");
    let records = work.path().join("config.txt");
    let text = "title: A\ncounter: p/a:{x,x}\ntype: pie\nissue: https://example.org/1\n\
                program: example.org/p\nmodule: example.org/p\n---\n\
                title: B\ncounter: p/b\ntype: partition\nprogram: example.org/p\n\
                module: example.org/p\n---\ntitle: C\n";
    std::fs::write(&records, text).expect("write");
    let mut command = candor();
    command.arg("import").arg(&records).arg("--out").arg(work.path().join("charts"));
    let message = refused(&mut command, 1);
    for expected in [
        "error: the bucket `x` is listed twice",
        "error: there is no chart type \"pie\"",
        "error: there is no `issue`",
        "error: the record has no program or no counter",
        "config.txt:2:1\n  |\n2 | counter: p/a:{x,x}",
        "config.txt:3:1\n  |\n3 | type: pie",
        "config.txt:8:1",
        "config.txt:14:1",
    ] {
        assert!(message.contains(expected), "{expected}\n{message}");
    }
    assert_eq!(std::fs::read_dir(work.path()).expect("list").count(), 1);
}
