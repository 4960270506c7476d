//! Candor's own definitions are valid, and compile to what they say.

#![cfg(feature = "server")]

use crate::support::{candor, run, succeed, text};
use candor::charts::{Definitions, Sources, parse};
use candor::collection::{Allowed, compile};
use std::path::Path;

fn definitions() -> Definitions {
    definitions_in("charts-config")
}

fn definitions_in(folder: &str) -> Definitions {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let sources = Sources::from_folder(&folder).expect("readable");
    parse(&sources).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn candors_own_definitions_compile() {
    let definitions = definitions();
    assert_eq!(definitions.warnings, []);
    let config = compile(&definitions, "2026-12-01".parse().expect("a day"));
    let allowed = Allowed::new(&config);
    let program = allowed.program("candor").expect("listed");
    assert!(program.version("v0.1.0") && program.version("v0.2.0"));
    assert!(program.counter("candor/verb:demo").is_some());
    assert!(program.counter("candor/run").is_some(), "a ratio brings its divisor");
    assert_eq!(program.stack("crash/panic").expect("listed").depth, 16);
    assert!(allowed.goos("linux") && allowed.toolchain("rust1.95.0"));
}

#[test]
fn candors_own_definitions_have_no_findings_and_name_every_verb() {
    for folder in ["charts-config", "testdata/demo"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut check = candor();
        let output = run(check.arg("check").arg(folder).args(["--as-of", "2026-12-01"]));
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success() && !said.contains("warning"), "{said}");
    }
    let definitions = definitions();
    let config = compile(&definitions, "2026-12-01".parse().expect("a day"));
    let allowed = Allowed::new(&config);
    let program = allowed.program("candor").expect("listed");
    let help = succeed(candor().arg("--help"));
    let verbs = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let verbs = verbs.take_while(|line| line.starts_with("  "));
    let verbs: Vec<&str> = verbs.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(verbs.len() > 20, "{help}");
    for verb in verbs.into_iter().filter(|verb| *verb != "help") {
        assert!(program.counter(&format!("candor/verb:{verb}")).is_some(), "{verb}");
    }
}

#[test]
fn the_demonstration_has_every_kind_of_definition_without_mistakes() {
    let definitions = definitions_in("testdata/demo");
    assert_eq!(definitions.warnings, []);
    let mut kinds: Vec<&str> = definitions.charts.iter().map(|c| c.kind.name()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, ["histogram", "partition", "ratio", "stack", "timeseries"]);
    assert_eq!(definitions.marginals.len(), 1);
}

#[test]
fn what_expires_is_gone_after_its_last_day() {
    let definitions = definitions();
    let counts = |day: &str| {
        let config = compile(&definitions, day.parse().expect("a day"));
        let allowed = Allowed::new(&config);
        let program = allowed.program("candor").expect("listed");
        program.counter("candor/import:with-config").is_some()
    };
    assert!(counts("2027-06-30"));
    assert!(!counts("2027-07-01"));
}
