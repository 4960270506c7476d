//! Our compiler makes the same bytes of the Go project's newest definitions as Go's own generator.
//!
//! The definitions and the generator come with golang.org/x/telemetry, which `tests/go` uses, so this
//! needs no other inputs and is never skipped. The generator asks a module proxy which versions there are:
//! here a folder with made-up releases.

#![cfg(feature = "server")]

use candor::charts::definition::Padding;
use candor::charts::location::At;
use candor::charts::{Sources, parse};
use candor::collection::{Import, compile, import};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const GENERATOR: &str = "golang.org/x/telemetry/internal/configgen";

fn go(arguments: &[&str]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go");
    let output = Command::new("go").args(arguments).current_dir(folder).output();
    let output = output.expect("the go command; scripts/setup test installs it");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "go {arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

/// A module proxy in a folder, with these versions of a module.
fn offer(proxy: &Path, module: &str, versions: &[&str]) {
    // Capital letters are escaped as `!` and the lower-case letter.
    let escaped: String = module
        .chars()
        .flat_map(|c| match c.is_ascii_uppercase() {
            true => vec!['!', c.to_ascii_lowercase()],
            false => vec![c],
        })
        .collect();
    let folder = proxy.join(escaped).join("@v");
    fs::create_dir_all(&folder).expect("created");
    fs::write(folder.join("list"), versions.join("\n")).expect("written");
    for version in versions {
        let info = format!("{{\"Version\":\"{version}\",\"Time\":\"2026-01-01T00:00:00Z\"}}");
        fs::write(folder.join(format!("{version}.info")), info).expect("written");
        fs::write(folder.join(format!("{version}.mod")), format!("module {module}\n"))
            .expect("written");
    }
}

/// The releases that every module has.
const RELEASES: [&str; 6] =
    ["v0.1.0", "v0.14.2", "v0.21.0-pre.1", "v0.21.0", "v1.30.0", "v1.30.1-pre.2"];

/// A file of golang.org/x/telemetry.
fn telemetry(file: &str) -> Vec<u8> {
    let folder = go(&["list", "-m", "-f", "{{.Dir}}", "golang.org/x/telemetry"]);
    let path = PathBuf::from(folder.trim()).join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// How many versions in advance the generator allows for each program, from its source.
fn paddings() -> BTreeMap<String, Padding> {
    let source = String::from_utf8(telemetry("internal/configgen/main.go")).expect("text");
    let table = source.split("var regularPaddings").nth(1).expect("the table").to_owned();
    let table = table.split("\n}\n").next().expect("its end").to_owned();
    let mut found = BTreeMap::new();
    for entry in table.split("\t\"").skip(1) {
        let (program, rest) = entry.split_once('"').expect("a program");
        let number = |name: &str| {
            let line = rest.lines().map(str::trim).find_map(|line| line.strip_prefix(name));
            let line = line.unwrap_or_else(|| panic!("{program} has no {name}"));
            line.trim().trim_end_matches(',').parse().expect("a number")
        };
        let padding = Padding {
            series: 1,
            releases: number("releases:"),
            major: number("maj:"),
            minor: number("majmin:"),
            patch: number("patch:"),
            prerelease: number("pre:"),
        };
        found.insert(program.to_owned(), padding);
    }
    found
}

/// The definitions, and the generator's output for them.
fn generated() -> (Vec<u8>, Vec<u8>) {
    let scratch = TempDir::new().expect("a temporary folder");
    let definitions = telemetry("internal/chartconfig/config.txt");
    let generator = scratch.path().join("configgen");
    go(&["build", "-o", generator.to_str().expect("text"), GENERATOR]);

    let proxy = scratch.path().join("proxy");
    let toolchains: Vec<String> = ["go1.21.0", "go1.23rc1", "go1.23.4", "go1.26.0"]
        .iter()
        .flat_map(|go| ["linux-amd64", "darwin-arm64"].map(|on| format!("v0.0.1-{go}.{on}")))
        .collect();
    let toolchains: Vec<&str> = toolchains.iter().map(String::as_str).collect();
    offer(&proxy, "golang.org/toolchain", &toolchains);
    let text = String::from_utf8(definitions.clone()).expect("text");
    let mut modules: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("module: ")).map(str::trim).collect();
    modules.sort_unstable();
    modules.dedup();
    assert!(modules.len() >= 4, "{modules:?}");
    for module in modules {
        offer(&proxy, module, &RELEASES);
    }

    let output = Command::new(&generator)
        .env("GOPROXY", format!("file://{}", proxy.display()))
        .env("GOSUMDB", "off")
        .env("GOFLAGS", "-modcacherw")
        .env("GOTOOLCHAIN", "local")
        // Made-up releases must not get into the user's cache.
        .env("GOMODCACHE", scratch.path().join("cache"))
        .current_dir(scratch.path())
        .output()
        .expect("the generator runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let mut json = output.stdout;
    // It prints a line, and writes the file without a final newline.
    assert_eq!(json.pop(), Some(b'\n'));
    (definitions, json)
}

#[test]
fn the_newest_definitions_compile_to_what_gos_generator_makes() {
    let (records, json) = generated();
    let published = Some(("config.json", json.as_slice()));
    let module = "golang.org/x/telemetry/config";
    let imported = import(&Import { file: "config.txt", records: &records, published, module })
        .unwrap_or_else(|errors| panic!("{errors}"));
    let sources = Sources::from_files(imported.files);
    let mut definitions = parse(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(definitions.charts.len() >= 41, "{}", definitions.charts.len());
    let as_of = "2026-01-01".parse().expect("a day");
    let compiled = compile(&definitions, as_of).to_json();
    assert!(compiled.as_bytes() == json, "the compiled config differs from the generated one");

    // The same if only the releases are listed, and ours adds the versions in advance.
    let paddings = paddings();
    assert!(paddings.len() >= 6, "{paddings:?}");
    for program in &mut definitions.programs {
        let Some(padding) = paddings.get(program.program.value.as_str()) else {
            assert!(program.program.value.is_toolchain(), "{}", program.program.value);
            continue;
        };
        let listed = program.versions.as_mut().expect("versions");
        listed.retain(|version| RELEASES.contains(&version.value.as_str()));
        let location = program.program.location.clone();
        program.padding = Some(At { value: *padding, location });
    }
    let compiled = compile(&definitions, as_of).to_json();
    assert!(compiled.as_bytes() == json, "versions in advance differ from the generated ones");
}
