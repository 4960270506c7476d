//! `candor rates`: populations follow from public data, and files change by nothing else.

#![cfg(feature = "server")]

use crate::support;
use jiff::civil::Date;
use jiff::{ToSpan, Zoned};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use support::go_site::stored;
use support::{Charts, Deployment, MODULE, candor, json, refused, segments, succeed};
use tempfile::TempDir;

const PROGRAM: &str = "programs/hello.toml";
/// 385 reports are needed: the rate is 0.1925 for 2,000.
const SAMPLING: &str = "\n[sampling]\nconfidence = 0.95\nerror = 0.05\n";

/// A deployment with eight weeks of reports of a population that grows by a tenth each week.
struct Site {
    charts: Charts,
    deployment: Deployment,
    /// The installations in the newest week.
    installations: f64,
    /// The day after the newest week's reports have arrived.
    as_of: Date,
}

/// A program's file as people write it.
fn by_hand(population: &str) -> String {
    format!(
        "# Says hello.\r\n\tprogram   =   'example.org/hello'   # its path\r\n\
         module = \"example.org/hello\"\r\n\
         versions = [\r\n  \"v1.0.0\", # the first\r\n]\r\n\r\n\
         population = {population}\t# by hand,\r\n# \"population = 7\" is not it\r\n"
    )
}

impl Site {
    fn new() -> Site {
        let (charts, deployment) = (Charts::new(), Deployment::new());
        let settings = charts.path().join("charts-config/collection.toml");
        let text = std::fs::read_to_string(settings).expect("the settings");
        charts.write("charts-config/collection.toml", &(text + SAMPLING));
        charts.write(&format!("charts-config/{PROGRAM}"), &by_hand("2_000"));
        charts.commit();
        let today = Zoned::now().date();
        let sunday =
            today.saturating_sub(i64::from(today.weekday().to_sunday_zero_offset()).days());
        let newest = sunday.saturating_sub(6.weeks());
        let mut publish = deployment.publish_command(&charts);
        let before = newest.saturating_sub(8.weeks());
        json(publish.args(["--as-of", &before.to_string()]));
        let file = charts.path().join("simulated.ndjson");
        let mut installations = 0.0;
        for (number, ago) in (1_u64..).zip((0..8).rev()) {
            let reports = (500.0 * 1.1_f64.powi(-ago)).round();
            let week = newest.saturating_sub(i64::from(ago).weeks()).to_string();
            let mut simulate = candor();
            simulate.args(["--json", "simulate", "--reports", &reports.to_string()]);
            simulate.args(["--seed", &number.to_string(), "--week", &week, "--out"]);
            simulate.arg(&file).arg("--charts").arg(charts.path());
            installations = json(&mut simulate)["installations"].as_f64().expect("a number");
            let simulated = std::fs::read_to_string(&file).expect("reports");
            let reports = simulated.lines().map(|line| stored(line, &[0.1925]));
            let reports: Vec<String> = reports.collect();
            segments::write(&deployment.path().join("reports"), number, &reports);
        }
        std::fs::remove_file(&file).expect("removed");
        for verb in ["merge", "chart"] {
            succeed(candor().args([verb, "--data"]).arg(deployment.path()));
        }
        let as_of = newest.saturating_add(8.days());
        Site { charts, deployment, installations, as_of }
    }

    fn rates(&self) -> Command {
        let mut rates = candor();
        rates.args(["--json", "rates", "--as-of", &self.as_of.to_string()]);
        rates.arg(self.charts.path());
        rates
    }

    fn of_folder(&self) -> Command {
        let mut rates = self.rates();
        rates.arg("--data").arg(self.deployment.path());
        rates
    }

    fn file(&self) -> PathBuf {
        self.charts.path().join("charts-config").join(PROGRAM)
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file()).expect("the program's file")
    }
}

#[test]
fn a_population_follows_the_public_data_and_no_other_byte_changes() {
    let site = Site::new();
    let text = site.text();
    let dry = json(site.of_folder().arg("--dry-run"));
    assert_eq!((&dry["changed"][0], &dry["dry_run"]), (&PROGRAM.into(), &true.into()));
    assert_eq!(site.text(), text, "nothing is written");

    // The same by the deployment's site.
    let server = site.deployment.serve();
    let served = json(site.rates().args(["--dry-run", "--url", &server.url]));
    server.stop();
    assert_eq!(served, dry);

    let said = json(&mut site.of_folder());
    let program = &said["programs"][0];
    assert_eq!(program["decision"], "changed");
    let proposed = program["proposed"].as_u64().expect("a population");
    let grouped = format!("{}_{:03}", proposed / 1000, proposed % 1000);
    assert_eq!(site.text(), text.replace("2_000", &grouped));
    assert_eq!(said["week"], site.as_of.saturating_add(6.days()).to_string());

    // Two weeks of growth after the newest week; a little less is stated, as nobody knows exactly.
    let number = |value: &Value| value.as_f64().expect("a number");
    let truth = site.installations * 1.1 * 1.1;
    let [low, high] = ["low", "high"].map(|end| number(&program["expected"][end]));
    assert!(low < truth && truth < high, "{truth}: {program:#}");
    assert!((proposed as f64) < truth && proposed as f64 > 0.6 * truth, "{truth}: {program:#}");
    let newest = &program["weeks"][0];
    assert_eq!(newest["reports"], 500);
    let [low, high] = ["low", "high"].map(|end| number(&newest["installations"][end]));
    assert!(low <= site.installations && site.installations <= high, "{newest}");

    // A chart of a version that nobody has yet is not said to be accurate.
    site.charts.commit();
    let newer = site.text().replace("\"v1.0.0\", # the first", "\"v1.0.0\", \"v1.1.0\",");
    site.charts.write(&format!("charts-config/{PROGRAM}"), &newer);
    let editors =
        support::chart("Which editors?", "hello/editor:{vim,other}") + "version = \"v1.1.0\"\n";
    site.charts.write("charts-config/charts/editors.toml", &editors);
    let mut check = candor();
    check.arg("check").arg(site.charts.path()).args(["--base", "HEAD", "--format", "markdown"]);
    check.args(["--as-of", &site.as_of.to_string()]).arg("--data").arg(site.deployment.path());
    let said = succeed(&mut check);
    assert!(
        said.contains("; counts `v1.1.0` and later, which nobody had in the week until "),
        "{said}"
    );
    assert!(said.contains("so its accuracy is not known yet"), "{said}");
    std::fs::remove_file(site.charts.path().join("charts-config/charts/editors.toml"))
        .expect("removed");
    site.charts.git(&["checkout", "-q", "--", "charts-config"]);

    // What the chart was, and becomes.
    let chart = &program["charts"][0];
    assert_eq!(number(&chart["rate_before"]), 0.1925);
    assert_eq!(number(&chart["rate"]), 385.0 / proposed as f64);
    assert_eq!(chart["was"]["reports"], 500.0);
    assert!(number(&chart["will_be"]["error"]) < 0.05, "{chart}");
    site.charts.commit();
    let config = json(candor().arg("compile").arg(site.charts.path()));
    assert_eq!(config["SampleRate"], chart["rate"]);

    // A second time, it still does.
    let text = site.text();
    let again = json(&mut site.of_folder());
    assert_eq!(again["programs"][0]["decision"], "kept");
    assert_eq!(again["changed"].as_array().map(Vec::len), Some(0));
    assert_eq!(site.text(), text);
    let shown = succeed(candor().arg("rates").arg(site.charts.path()).args([
        "--as-of",
        &site.as_of.to_string(),
        "--data",
        &site.deployment.path().display().to_string(),
    ]));
    assert!(shown.contains(&format!(
        "population {},{:03} stays",
        proposed / 1000,
        proposed % 1000
    )));
    assert!(shown.ends_with("nothing to change\n"), "{shown}");
}

#[test]
fn a_population_does_not_double_unless_somebody_says_so() {
    let site = Site::new();
    std::fs::write(site.file(), by_hand("1000")).expect("written");
    let output = support::run(&mut site.of_folder());
    assert_eq!(output.status.code(), Some(1));
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(said["programs"][0]["decision"], "jump");
    let message = support::text(&output.stderr);
    assert!(message.contains("1 population left as it is") && message.contains("--allow-jumps"));
    assert_eq!(site.text(), by_hand("1000"));
    let allowed = json(site.of_folder().arg("--allow-jumps"));
    let proposed = allowed["programs"][0]["proposed"].to_string();
    assert_eq!(site.text(), by_hand(&proposed));

    // A program that states none gets one; weeks whose reports are still on their way do not count.
    let without = by_hand("7").replace("population = 7\t# by hand,\r\n", "");
    std::fs::write(site.file(), &without).expect("written");
    let early = site.as_of.saturating_sub(9.weeks()).to_string();
    let mut rates = candor();
    rates.args(["--json", "rates", "--as-of", &early, "--data"]).arg(site.deployment.path());
    let nothing = json(rates.arg(site.charts.path()));
    assert_eq!(nothing["programs"][0]["decision"], "not-observed");
    assert_eq!(site.text(), without);
    json(&mut site.of_folder());
    assert_eq!(site.text().matches("\r\npopulation = ").count(), 1);
    assert!(site.text().contains(&format!("population = {proposed}\r\n")), "{}", site.text());
}

#[test]
fn what_cannot_be_estimated_is_refused() {
    let charts = Charts::new();
    let rates = |rest: &[&str]| {
        let mut rates = candor();
        rates.arg("rates").arg(charts.path()).args(rest);
        rates
    };
    let message = refused(&mut rates(&[]), 2);
    assert!(message.contains("--url URL or --data DIR"), "{message}");
    let other = Deployment::of_module("other.example.org/config");
    let folder = other.path().display().to_string();
    let message = refused(&mut rates(&["--data", &folder]), 1);
    assert!(message.contains("other.example.org/config") && message.contains(MODULE), "{message}");
    // Without [sampling], no rate follows from a population.
    let deployment = Deployment::new();
    let folder = deployment.path().display().to_string();
    let message = refused(&mut rates(&["--data", &folder]), 1);
    assert!(message.contains("[sampling]"), "{message}");
    let nowhere = TempDir::new().expect("a temporary folder");
    let nowhere = nowhere.path().join("none").display().to_string();
    refused(&mut rates(&["--data", &nowhere]), 1);
    refused(&mut rates(&["--data", &folder, "--weeks", "0"]), 2);
}

/// A server that gives the same answer to everything.
fn answering(body: String) -> String {
    answering_with("200 OK", body)
}

/// The same, with this status.
fn answering_with(status: &'static str, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let head = format!(
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes());
        }
    });
    url
}

#[test]
fn a_site_that_does_not_answer_is_told_from_one_that_is_none() {
    let charts = Charts::new();
    let rates = |url: &str| {
        let mut command = candor();
        command.args(["rates", "--as-of", "2026-11-23", "--url", url]).arg(charts.path());
        refused(&mut command, 1)
    };
    // It takes one connection after another, and says nothing before it closes them.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    std::thread::spawn(move || silent.incoming().for_each(drop));
    let message = rates(&url);
    assert!(message.contains("cannot reach") && message.contains(&url), "{message}");
    assert!(!message.contains("is not a deployment's"), "{message}");
    let message = rates(&answering_with("500 Oops", String::new()));
    assert!(message.contains("answered with status 500; try again later"), "{message}");
    assert!(!message.contains("is not a deployment's"), "{message}");
}

#[test]
fn a_site_cannot_make_it_write_nonsense() {
    let charts = Charts::new();
    let settings = charts.path().join("charts-config/collection.toml");
    let text = std::fs::read_to_string(settings).expect("the settings");
    charts.write("charts-config/collection.toml", &(text + SAMPLING));
    charts.write(&format!("charts-config/{PROGRAM}"), &by_hand("2000"));
    let week = r#""weeks":["2026-11-15"],"week":"2026-11-15","charts":[]"#;
    let rates = |rate: &str, reports: &str| {
        format!(
            "{{{week},\"coverage\":1.0,\"chart\":{{\"rates\":[{{\"config\":\"v0.1.0\",\
             \"rate\":{rate},\"reports\":{reports}}}]}}}}"
        )
    };
    let refusals = [
        ("[]".to_owned(), "is not a deployment's"),
        ("{\"weeks\":[\"\u{1b}[2Jsoon\"]}".to_owned(), "is not a deployment's"),
        (rates("0", "10"), "a sampling rate is 0"),
        (rates("-1", "10"), "a sampling rate is -1"),
        (rates("0.5", "-10"), "is not a deployment's"),
        // As many as there are atoms in a mountain.
        (rates("1e-100", "18446744073709551615"), "--allow-jumps"),
    ];
    for (body, said) in refusals {
        let url = answering(body);
        let mut command = candor();
        command.args(["rates", "--as-of", "2026-11-23", "--url", &url]).arg(charts.path());
        let message = refused(&mut command, 1);
        assert!(message.contains(said) && !message.contains('\u{1b}'), "{said}: {message}");
        let file = charts.path().join("charts-config").join(PROGRAM);
        assert_eq!(std::fs::read_to_string(file).expect("the file"), by_hand("2000"));
    }
}
