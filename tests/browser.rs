//! The website in a real browser: every page is reached, reads well narrow and wide, light and dark,
//! with a keyboard and without scripts, and loads nothing from elsewhere. What is looked at, and how,
//! is in `browser/check.mjs`.
//!
//! With `CANDOR_SCREENSHOTS` set to a folder, pictures of the pages are left there.

mod support;

use candor::aggregate::index::{Dataset, FileFormat, PublicFile, Week, week_of};
use candor::aggregate::{PublicData, PublicError};
use candor::publish;
use candor::store::{Key, Store};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::process::Command;
use support::{Charts, Deployment, MODULE, chart, run, text};

#[test]
fn every_page_is_sound_in_a_real_browser() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    assert!(
        folder.join("node_modules/axe-core").is_dir(),
        "tests/browser/node_modules is missing: run scripts/setup test"
    );
    let deployment = deployment();
    let server = deployment.serve();
    let mut check = Command::new("node");
    let output = run(check.arg(folder.join("check.mjs")).arg(&server.url));
    let told = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{told}");
    println!("{told}");
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
             \"compass/latency:{<10ms,<100ms,<1s,<10s,more}\"\n"
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
    publish_data(deployment.path());
    deployment
}

/// Fifteen weeks of data: what files hold does not matter here, only that they are offered.
fn publish_data(folder: &Path) {
    let store = publish::Deployment::open(folder).expect("a deployment").store;
    let first = date(2026, 8, 3);
    let days: Vec<Date> =
        (0..15 * 7).map(|n| first.checked_add(n.days()).expect("a day")).collect();
    let published = PublicData::new(store.clone()).update(|index| {
        for day in &days {
            index.days.insert(*day, dataset(&*store, *day, 2_369));
            let week = Week { data: dataset(&*store, week_of(*day), 16_588), charts: None };
            index.weeks.insert(week_of(*day), week);
        }
        index.problems =
            vec!["2026-10-01.3.segment: the record at byte 4,711 is cut short".to_owned()];
        Ok::<_, PublicError>(())
    });
    published.expect("an index");
}

fn dataset(store: &dyn Store, date: Date, reports: u64) -> Dataset {
    let files = FileFormat::ALL.map(|format| {
        let bytes = format!("{date} {reports} {format:?}").repeat(4_000).into_bytes();
        let sha256: String =
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let file = PublicFile {
            name: format!("{date}.{}", format.extension()),
            format,
            bytes: bytes.len() as u64,
            sha256: sha256.clone(),
        };
        store
            .put(&[(Key::new(format!("public/{sha256}")).expect("a key"), bytes)])
            .expect("stored");
        file
    });
    let complete = date < jiff::civil::date(2026, 10, 15);
    Dataset { reports, rows: reports * 2 + 17, complete, files: files.to_vec() }
}
