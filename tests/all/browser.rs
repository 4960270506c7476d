//! The website in a real browser: every page can be reached, works on narrow and wide screens, light and
//! dark, by keyboard and without scripts, and loads nothing from other sites. The checks are in
//! `browser/check.mjs`.
//!
//! If `CANDOR_SCREENSHOTS` names a folder, screenshots of the pages are written there.

#![cfg(feature = "server")]

use crate::support;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use candor::ingest::Report;
use jiff::ToSpan;
use jiff::civil::date;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{Cursor, Read};
use std::path::Path;
use std::process::Command;
use support::charted::{Deployed, reports};
use support::proxy::{Kind, Proxy};
use support::{Charts, Deployment, MODULE, Server, candor, chart, run, segments, succeed, text};

#[test]
fn every_page_works_in_a_real_browser() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    assert!(
        folder.join("node_modules/axe-core").is_dir(),
        "tests/browser/node_modules is missing: run scripts/setup test"
    );
    let deployment = deployment();
    let server = Server::start(
        support::serve_command(deployment.path()).args(["--base-path", "/telemetry"]),
    );
    // As docs/proxy.md says, on a site that has other things.
    let kit = Kind::Nginx.site();
    let (start, end) = (kit.find("    location / {\n        proxy_pass"), kit.rfind('}'));
    let (start, end) = (start.expect("what is passed on"), end.expect("the end of the site"));
    let below = fs::read_to_string(folder.join("../../docs/proxy.md")).expect("documentation");
    let below = below.split("```nginx\n").nth(1).and_then(|rest| rest.split("```").next());
    let below = below.expect("a location").replace("http://127.0.0.1:8080", "http://candor");
    let site = format!("{}{below}{}", &kit[..start], &kit[end..]);
    let proxy = Proxy::start(Kind::Nginx, &site, &server);
    let mut check = Command::new("node");
    check.arg(folder.join("check.mjs")).arg(format!("https://{}/telemetry/", proxy.address));
    let output = run(check.env("NODE_EXTRA_CA_CERTS", proxy.certificate()));
    let told = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{told}");
    println!("{told}");
}

#[test]
fn the_browser_verifies_the_log_and_reports_what_is_wrong() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    for chart in ["one", "two"] {
        charts.add_chart(chart);
        deployment.publish(&charts);
    }
    let twin = deployment.twin();
    for chart in ["three", "four", "five", "six"] {
        charts.add_chart(chart);
        twin.publish(&charts);
    }
    let (server, forked) = (deployment.serve(), twin.serve());
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let deflated = folder.path().join("deflated.zip");
    let (_, zip) = server.get(&format!("/goproxy/{MODULE}/@v/v0.2.0.zip"));
    fs::write(&deflated, packed_again(&zip)).expect("written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/verify.mjs");
    let mut check = Command::new("node");
    let crafted = tempfile::TempDir::new().expect("a temporary folder");
    craft(&zip, crafted.path());
    check.arg(script).args([&server.url, &forked.url]).arg(&deflated).arg(folder.path());
    let long = long_config();
    let long = long.serve();
    check.arg(crafted.path()).arg(&long.url);
    let output = run(&mut check);
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    // What the browser offers as evidence is evidence.
    let mut confirmed = 0;
    for entry in fs::read_dir(folder.path()).expect("a folder") {
        let file = entry.expect("a file").path();
        if file.extension().is_some_and(|extension| extension == "candor-evidence") {
            let key = fs::read_to_string(file.with_extension("vkey")).expect("a key");
            succeed(candor().arg("verify").arg(&file).args(["--vkey", &key]));
            confirmed += 1;
        }
    }
    assert_eq!(confirmed, 11, "one of the deployment, and one of each pair of sizes");
}

#[test]
fn a_week_whose_number_of_reports_jumps_is_marked_on_every_screen() {
    let source = Deployed::new();
    let deployment = Deployment::new();
    deployment.publish(&source.charts);
    let mut all = Vec::new();
    for (day, count) in [("2026-02-03", 100), ("2026-02-10", 110), ("2026-02-17", 95)] {
        all.extend(reports(day, 0..count));
    }
    all.extend(reports("2026-02-24", 0..900));
    // The only config that is published.
    all.retain(|report| report.contains("\"v0.1.0\""));
    let all: Vec<String> =
        all.iter().map(|one| one.replace("\"verb:old\"", "\"verb:new\"")).collect();
    segments::write(&deployment.path().join("reports"), 1, &all);
    for verb in ["merge", "chart"] {
        succeed(candor().args([verb, "--data"]).arg(deployment.path()));
    }
    let server = deployment.serve();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/marks.mjs");
    let mut look = Command::new("node");
    let program = "/charts/example.org/hello";
    look.arg(script).arg(&server.url).arg(format!("{program}/@2026-03-01/program-versions"));
    look.arg(format!("{program}/@2026-02-08..2026-03-01/program-versions"));
    let output = run(&mut look);
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
}

/// A deployment whose config is on two pages.
fn long_config() -> Deployment {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let buckets: Vec<String> = (0..900).map(|bucket| format!("b{bucket}")).collect();
    for name in ["a0", "a1", "a2", "a3"] {
        let counter = format!("hello/{name}:{{{}}}", buckets.join(","));
        charts.write(&format!("charts-config/charts/{name}.toml"), &chart(name, &counter));
    }
    let other = "program = \"example.org/other\"\nmodule = \"example.org/other\"\nversions = [\"v1.0.0\"]\n";
    charts.write("charts-config/programs/other.toml", other);
    let stack = "[[chart]]\ntitle = \"Crashes\"\nissue = [\"https://example.org/1\"]\ntype = \"stack\"\n\
                 program = \"example.org/other\"\ncounter = \"other/crash\"\ndepth = 8\n";
    charts.write("charts-config/charts/other.toml", stack);
    charts.commit();
    deployment.publish(&charts);
    deployment
}

/// The same files, packed in a zip by another program.
fn packed_again(zip: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).expect("a zip");
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let deflated = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    for index in (0..archive.len()).rev() {
        let mut file = archive.by_index(index).expect("a file");
        let name = file.name().expect("a name").into_owned();
        writer.start_file(name, deflated).expect("a file");
        std::io::copy(&mut file, &mut writer).expect("copied");
    }
    writer.set_comment("packed again").expect("short");
    writer.finish().expect("a zip").into_inner()
}

/// Zips that only a log's owner could log, each with its record and the expected message.
fn craft(zip: &[u8], folder: &Path) {
    let prefix = format!("{MODULE}@v0.2.0/");
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).expect("a zip");
    let mut files = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).expect("a file");
        let mut contents = Vec::new();
        let name = file.name().expect("a name").into_owned();
        file.read_to_end(&mut contents).expect("read");
        files.push((name, contents));
    }
    let without = |name: &str| -> Vec<(String, Vec<u8>)> {
        files.iter().filter(|(whole, _)| *whole != format!("{prefix}{name}")).cloned().collect()
    };
    let hash = |contents: &[u8]| {
        Sha256::digest(contents).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let of = |name: &str| {
        files
            .iter()
            .find(|(whole, _)| *whole == format!("{prefix}{name}"))
            .expect("there")
            .1
            .clone()
    };
    // One name looks like the lines of two files.
    let mut joined = without("config.json");
    joined.retain(|(name, _)| *name != format!("{prefix}go.mod"));
    let two = format!("{prefix}config.json\n{}  {prefix}go.mod", hash(&of("go.mod")));
    joined.push((two, of("config.json")));
    let mut twice = files.clone();
    twice.insert(0, (format!("{prefix}config.json"), b"{}".to_vec()));
    let cases = [
        ("a line end in a name", joined, "names a file"),
        ("a file twice", twice, "has two files"),
        ("no config", without("config.json"), "the zip of v0.2.0 has no config.json"),
    ];
    let mut list = Vec::new();
    for (number, (what, files, answer)) in cases.into_iter().enumerate() {
        let path = folder.join(format!("{number}.zip"));
        fs::write(&path, stored(&files)).expect("written");
        let mut sorted: Vec<_> = files.iter().collect();
        sorted.sort_by(|one, other| one.0.cmp(&other.0));
        let h1 = |lines: String| format!("h1:{}", STANDARD.encode(Sha256::digest(lines)));
        let all = h1(sorted.iter().map(|(name, of)| format!("{}  {name}\n", hash(of))).collect());
        let go_mod = h1(format!("{}  go.mod\n", hash(&of("go.mod"))));
        let entry = format!("{MODULE} v0.2.0 {all}\n{MODULE} v0.2.0/go.mod {go_mod}\n");
        list.push(json!({ "what": what, "path": path, "entry": entry, "answer": answer }));
    }
    let list = serde_json::to_string(&list).expect("text");
    fs::write(folder.join("zips.json"), list).expect("written");
}

/// A zip of these files, with any names, even twice the same.
fn stored(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, contents) in files {
        let offset = bytes.len() as u32;
        let length = (contents.len() as u32).to_le_bytes();
        // Version, flags, method, time, date, CRC (not checked here), sizes, lengths.
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend([length, length].concat());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        bytes.extend([&b"PK\x03\x04"[..], &common, name.as_bytes(), contents].concat());
        directory.extend([&b"PK\x01\x02\x14\0"[..], &common, &[0; 10]].concat());
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (count, start) = ((files.len() as u16).to_le_bytes(), bytes.len() as u32);
    let size = (directory.len() as u32).to_le_bytes();
    bytes.extend(directory);
    bytes.extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size].concat());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// A deployment with a history of configs and some weeks of public data.
fn deployment() -> Deployment {
    let charts = Charts::new();
    let deployment = Deployment::new();
    deployment.publish(&charts);
    for (file, contents) in [
        (
            "charts-config/collection.toml",
            format!(
                "module = {MODULE:?}\ngoos = [\"darwin\", \"linux\", \"windows\"]\ngoarch = \
                 [\"amd64\", \"arm64\"]\ntoolchains = [\"go1.26.8\", \"rust1.95.0\"]\n\n[sampling]\n\
                 confidence = 0.99\nerror = 0.01\n"
            ),
        ),
        (
            "charts-config/programs/compass.toml",
            "program = \"example.org/tools/compass\"\nmodule = \"example.org/tools/compass\"\n\
             versions = [\"v0.8.0\", \"v0.9.1\", \"v1.0.0\"]\npopulation = 250000\n\n[padding]\n\
             releases = 3\nmajor = 1\nminor = 3\npatch = 6\nprerelease = 2\n"
                .to_owned(),
        ),
        (
            "charts-config/charts/editors.toml",
            "[[chart]]\ntitle = \"Editors <by share> & \\\"name\\\"\"\nissue = \
             [\"https://example.org/issue/2\", \"https://example.org/issue/3\"]\ntype = \"partition\"\n\
             program = \"example.org/tools/compass\"\ncounter = \
             \"compass/editor:{vscode,vim,neovim,emacs,helix,zed,sublime,other}\"\n"
                .to_owned(),
        ),
        (
            "charts-config/charts/crashes.toml",
            "[[chart]]\ntitle = \"Crashes\"\nissue = [\"https://example.org/issue/4\"]\n\
             type = \"stack\"\ndepth = 16\nprogram = \"example.org/tools/compass\"\n\
             counter = \"crash/panic\"\n"
                .to_owned(),
        ),
        (
            "charts-config/charts/latency.toml",
            "[[chart]]\ntitle = \"Latency\"\nissue = [\"https://example.org/issue/5\"]\n\
             type = \"histogram\"\nerror = 0.02\nprogram = \"example.org/tools/compass\"\ncounter = \
             \"compass/latency:{<10ms,<100ms,<1s,<10s,more}\"\n\n[[chart]]\ntitle = \"Starts\"\n\
             issue = [\"https://example.org/issue/6\"]\ntype = \"timeseries\"\n\
             program = \"example.org/tools/compass\"\ncounter = \"compass/start:{cold,warm}\"\n\n\
             [[chart]]\ntitle = \"Files a start\"\nissue = [\"https://example.org/issue/7\"]\n\
             type = \"ratio\"\nprogram = \"example.org/tools/compass\"\n\
             counter = \"compass/files\"\nover = \"compass/starts\"\n"
                .to_owned(),
        ),
        (
            "charts-config/marginals/survey.toml",
            "title = \"A survey <of all>\"\nsource = [\"https://example.org/survey\"]\n\
             program = \"example.org/tools/compass\"\n\n[[margin]]\nof = \"goos\"\n\
             shares = { darwin = 0.2, linux = 0.5, windows = 0.3 }\n"
                .to_owned(),
        ),
    ] {
        charts.write(file, &contents);
        charts.commit();
        deployment.publish(&charts);
    }
    charts.write(
        "charts-config/charts/verbs.toml",
        &chart("Verbs", "hello/verb:{run,watch,a-rather-long-name-for-a-verb-that-nobody-types}"),
    );
    charts.commit();
    deployment.publish(&charts);
    for number in 0..20 {
        charts.add_chart(&format!("chart{number}"));
        deployment.publish(&charts);
    }
    report(&deployment, &charts, "v0.26.0");
    deployment
}

/// Twelve weeks of reports under a version of the config, merged and charted, and a segment that
/// was damaged.
fn report(deployment: &Deployment, charts: &Charts, version: &str) {
    let folder = deployment.path().join("reports");
    let first = date(2026, 8, 2);
    for week in 0..12 {
        let last_day = first.checked_add((7 * week).days()).expect("a day").to_string();
        let file = deployment.path().join("simulated.ndjson");
        let mut simulate = candor();
        simulate.args(["simulate", "--reports", "150", "--config", version]);
        simulate.args(["--seed", &week.to_string(), "--week", &last_day]);
        simulate.arg("--charts").arg(charts.path()).arg("--out").arg(&file);
        succeed(&mut simulate);
        let reports = fs::read_to_string(&file).expect("simulated reports");
        let reports: Vec<String> = reports.lines().map(one_form).collect();
        segments::write(&folder, week as u64 + 1, &reports);
    }
    let damaged = b"candor reports\x01\nthis is no record of a report, and much longer than none";
    fs::write(folder.join("00000099-until-2026-10-20.reports"), damaged).expect("write");
    for verb in ["merge", "chart"] {
        run(candor().args([verb, "--data"]).arg(deployment.path()));
    }
}

/// A report as the receiver stores it.
fn one_form(report: &str) -> String {
    let report = Report::decode(report.as_bytes()).expect("a report");
    String::from_utf8(report.encode()).expect("text")
}
