//! `candor audit`: an honest deployment is never blamed, and each way of cheating makes exactly its verdicts
//! wrong.

#![cfg(feature = "server")]

use crate::support;
use candor::gomod::{Module, ModulePath, ModuleVersion};
use candor::tlog::{
    Checkpoint, Contradiction, Cosigner, CosignerKind, Evidence, EvidenceKeys, KeyName, Note,
    VerifierKey,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use support::charted::{Deployed, rounded_reports as reports};
use support::evil::Evil;
use support::http::Meddler;
use support::{Deployment, Server, candor, run, succeed, text};
use tempfile::TempDir;

/// An honest deployment with two versions, a week of reports and charts, served by `candor serve`.
struct Honest {
    source: Deployed,
    deployment: Deployment,
    server: Server,
}

impl Honest {
    fn new() -> Honest {
        let source = Deployed::new();
        let deployment = Deployment::new();
        for revision in ["HEAD~1", "HEAD"] {
            publish(&deployment, &source, revision);
        }
        upload(&deployment, &reports("2026-02-03", 0..400));
        let server = deployment.serve();
        Honest { source, deployment, server }
    }

    /// The command that audits the deployment at an address.
    fn audit(&self, url: &str, state: &Path) -> Command {
        let mut command = candor();
        command.args(["--json", "audit", url, "--vkey", &self.deployment.log_key]);
        command.arg("--charts").arg(self.source.charts.path()).arg("--state").arg(state);
        command
    }

    /// Waits until the server shows a log of this size, as it checks for a new one from time to time.
    fn wait_for(&self, size: u64) {
        let shows = || {
            let (_, checkpoint) = self.server.get("/log/checkpoint");
            text(&checkpoint).lines().nth(1) == Some(&size.to_string())
        };
        while !shows() {
            std::thread::yield_now();
        }
    }

    /// The wrong verdicts of a first run.
    fn wrong(&self, url: &str) -> BTreeSet<String> {
        let folder = TempDir::new().expect("a temporary folder");
        wrong(&audited(&mut self.audit(url, &folder.path().join("state.json"))))
    }

    /// The same, for the honest server behind a proxy that changes its answers.
    fn tampered(
        &self,
        change: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> BTreeSet<String> {
        let meddler = Meddler::new(&self.server.url, change);
        self.wrong(&meddler.url)
    }
}

fn publish(deployment: &Deployment, source: &Deployed, revision: &str) {
    let mut command = deployment.publish_command(&source.charts);
    succeed(command.args(["--rev", revision, "--as-of", "2026-02-03"]));
}

/// Stores reports as the receiver would, and publishes them.
fn upload(deployment: &Deployment, reports: &[String]) {
    support::segments::write(&deployment.path().join("reports"), 1, reports);
    for verb in ["merge", "chart"] {
        succeed(candor().args([verb, "--data"]).arg(deployment.path()));
    }
}

/// The output of an audit, whatever its exit status.
fn audited(command: &mut Command) -> Value {
    let output = run(command);
    let said = serde_json::from_slice::<Value>(&output.stdout);
    let said = said.unwrap_or_else(|e| {
        panic!("{e}: {}\n{}", text(&output.stdout), text(&output.stderr));
    });
    let is_fine = matches!(said["state"].as_str(), Some("ok" | "not-asked"));
    assert_eq!(output.status.code(), Some(i32::from(!is_fine)), "{said:#}");
    said
}

fn ids(said: &Value, state: &str) -> BTreeSet<String> {
    let verdicts = said["verdicts"].as_array().expect("verdicts").iter();
    let found = verdicts.filter(|verdict| verdict["state"] == state);
    found.map(|verdict| verdict["id"].as_str().expect("an id").to_owned()).collect()
}

fn wrong(said: &Value) -> BTreeSet<String> {
    for verdict in said["verdicts"].as_array().expect("verdicts") {
        if matches!(verdict["state"].as_str(), Some("wrong" | "unchecked")) {
            eprintln!("{} {}: {}", verdict["state"], verdict["id"], verdict["sentence"]);
        }
    }
    ids(said, "wrong")
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn an_honest_deployment_is_ok_and_stays_so_when_it_grows() {
    let honest = Honest::new();
    let folder = TempDir::new().expect("a temporary folder");
    let state = folder.path().join("state.json");
    let url = honest.server.url.as_str();
    let first = audited(&mut honest.audit(url, &state));
    let all = [
        "signature",
        "consistency",
        "root",
        "tiles",
        "faces",
        "versions",
        "zips",
        "rebuilt",
        "minimal",
        "pages",
        "data-files",
        "data-rows",
        "row-form",
        "editions",
        "open-configs",
        "charts",
        "jumps",
    ];
    assert_eq!(ids(&first, "ok"), set(&all), "{first:#}");
    assert_eq!(ids(&first, "not-asked"), set(&["witnesses"]));
    assert_eq!((&first["first_run"], &first["entries"]), (&true.into(), &2.into()));
    let promises = first["promises"].as_array().expect("promises");
    assert_eq!(promises.len(), 12);
    let again = audited(&mut honest.audit(url, &state));
    assert_eq!((&again["first_run"], ids(&again, "ok")), (&false.into(), set(&all)), "{again:#}");

    honest.source.charts.add_chart("third");
    publish(&honest.deployment, &honest.source, "HEAD");
    honest.wait_for(3);
    let grown = audited(&mut honest.audit(url, &state));
    assert_eq!(ids(&grown, "ok"), set(&all), "{grown:#}");
    assert_eq!(grown["entries"], 3);
    let full = audited(honest.audit(url, &state).arg("--full"));
    assert_eq!(ids(&full, "ok"), set(&all), "{full:#}");
}

#[test]
fn an_honest_deployment_that_cannot_be_reached_is_not_wrong() {
    let honest = Honest::new();
    let folder = TempDir::new().expect("a temporary folder");
    let url = honest.server.url.clone();
    let mut audit = honest.audit(&url, &folder.path().join("state.json"));
    let Honest { server, .. } = honest;
    server.stop();
    let said = audited(&mut audit);
    assert_eq!(ids(&said, "wrong"), set(&[]), "{said:#}");
    assert!(ids(&said, "unchecked").contains("signature"), "{said:#}");
}

#[test]
fn charts_that_are_made_again_while_they_are_checked_are_compared_again() {
    let honest = Honest::new();
    // As if other charts were there until the index was read so often.
    let other_until = |reads: u64| {
        let read = AtomicU64::new(0);
        honest.tampered(move |path, body| {
            let is_index = path == "/data/index.json";
            let number = read.fetch_add(is_index.into(), Ordering::SeqCst) + u64::from(is_index);
            let change = match path {
                _ if number > reads => None,
                _ if is_index => Some(("\"made_from\": \"", format!("\"made_from\": \"{number} "))),
                _ if path.ends_with("/charts.json") => {
                    Some(("\"reports\":", "\"reports\":1".to_owned()))
                }
                _ => None,
            };
            let Some((from, to)) = change else { return body };
            let text = String::from_utf8(body).expect("text");
            assert!(text.contains(from), "{from:?} is not in {text}");
            text.replace(from, &to).into_bytes()
        })
    };
    assert_eq!(other_until(1), set(&[]));
    assert_eq!(other_until(2), set(&[]));
    // A deployment whose charts are always others is not excused.
    assert!(other_until(u64::MAX).contains("charts"));
}

/// Changes that a man in the middle, or the server itself, makes to answers; and the verdicts that are wrong
/// then.
#[test]
fn each_changed_answer_makes_its_verdict_wrong_and_no_other() {
    let honest = Honest::new();
    let flip = |at: usize| {
        move |mut body: Vec<u8>| {
            body[at] ^= 1;
            body
        }
    };
    let replace = |from: &'static str, to: &'static str| {
        move |body: Vec<u8>| {
            let text = String::from_utf8(body).expect("text");
            assert!(text.contains(from), "{from:?} is not in {text}");
            text.replace(from, to).into_bytes()
        }
    };
    let (_, latest) = honest.server.get("/latest");
    let other_zip = {
        let (_, zip) = honest.server.get("/goproxy/telemetry.example.org/config/@v/v0.2.0.zip");
        let path = candor::gomod::ModulePath::new(support::MODULE).expect("a path");
        let version = "v0.2.0".parse().expect("a version");
        let module = candor::gomod::Module::open(path.clone(), version, zip).expect("a module");
        let provenance = module.provenance().clone();
        let config = [module.config(), b"\n"].concat();
        let other = candor::gomod::Module::build(path, version, config, provenance);
        other.expect("a module").zip().to_vec()
    };
    let other_policy = {
        let other = Deployment::new();
        move |_| format!("log {}\nquorum none\n", other.log_key).into_bytes()
    };
    type Change = Box<dyn Fn(Vec<u8>) -> Vec<u8> + Send + Sync>;
    let changes: Vec<(&str, &str, Change, &[&str])> = vec![
        ("a zip", "@v/v0.2.0.zip", Box::new(move |_| other_zip.clone()), &["zips"]),
        ("a go.mod", "@v/v0.1.0.mod", Box::new(flip(0)), &["zips"]),
        (
            "another module's info",
            "@v/v0.1.0.info",
            Box::new(replace("v0.1.0", "v0.2.0")),
            &["versions"],
        ),
        (
            "a version that is not listed",
            "@v/list",
            Box::new(replace("v0.1.0\n", "")),
            &["versions"],
        ),
        ("an older latest", "/@latest", Box::new(replace("v0.2.0", "v0.1.0")), &["versions"]),
        ("a stale tile", "/log/tile/0/000.p/2", Box::new(flip(40)), &["tiles"]),
        ("a stale tile of the database", "/tile/8/0/000.p/2", Box::new(flip(40)), &["faces"]),
        (
            "a record of the database",
            "/lookup/telemetry.example.org/config@v0.1.0",
            Box::new(replace("h1:", "h1:A")),
            &["faces"],
        ),
        ("a data tile", "/tile/8/data/000.p/2", Box::new(flip(100)), &["faces"]),
        ("an entry", "/log/tile/entries/000.p/2", Box::new(flip(100)), &["root"]),
        ("another origin", "/log/checkpoint", Box::new(move |_| latest.clone()), &["signature"]),
        ("a config page", "/config/v0.2.0.json", Box::new(replace("verb:", "verbs:")), &["pages"]),
        (
            "a counter that the privacy page hides",
            "/privacy",
            Box::new(replace("<code>verb:new</code>", "")),
            &["pages"],
        ),
        ("a data file", "/data/days/2026-02-03.parquet", Box::new(flip(1000)), &["data-files"]),
        (
            "a count of the index",
            "/data/index.json",
            Box::new(replace("\"reports\": 400", "\"reports\": 401")),
            &["data-files"],
        ),
        (
            "the proof for keeping",
            "@v/v0.2.0.tlog-proof",
            Box::new(replace("index 1\n", "index 0\n")),
            &["versions"],
        ),
        ("a policy with another key", "/log/policy", Box::new(other_policy), &["pages"]),
        (
            "a chart's JSON",
            "/charts/example.org/hello/@2026-02-08/program-versions.json",
            Box::new(replace("\"total\":", "\"total\":1")),
            &["charts"],
        ),
        (
            "a chart's CSV",
            "/charts/example.org/hello/@2026-02-08/program-versions.csv",
            Box::new(replace(",partition,all,", ",partition,none,")),
            &["charts"],
        ),
        (
            "a figure",
            "/charts/example.org/hello/@2026-02-08/charts.json",
            Box::new(replace("\"total\":", "\"total\":1")),
            &["charts"],
        ),
    ];
    let mut failures = Vec::new();
    for (what, path, change, expected) in changes {
        let asked = Arc::new(AtomicBool::new(false));
        let seen = asked.clone();
        eprintln!("{what}:");
        let found = honest.tampered(move |asked_for, body| {
            if !asked_for.ends_with(path) || (path.starts_with("/tile") && asked_for != path) {
                return body;
            }
            seen.store(true, Ordering::Relaxed);
            change(body)
        });
        assert!(asked.load(Ordering::Relaxed), "{what}: {path} was not asked for");
        if found != set(expected) {
            failures.push(format!("{what}: {found:?}, and not {expected:?}"));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// The privacy page links to a list of its own for the counters of a program that has too many.
#[test]
fn thousands_of_counters_are_looked_for_in_the_list_that_the_privacy_page_links_to() {
    let honest = Honest::new();
    let buckets: Vec<String> = (0..100).map(|bucket| format!("b{bucket}")).collect();
    let many = (0..41).map(|number| format!("many-{number}:{{{}}}", buckets.join(",")));
    let text: String = many.map(|counter| support::chart("Many", &counter)).collect();
    honest.source.charts.write("charts-config/charts/many.toml", &text);
    honest.source.charts.commit();
    publish(&honest.deployment, &honest.source, "HEAD");
    honest.wait_for(3);
    let (_, page) = honest.server.get("/privacy");
    let (page, list) = (text_of(page), "/counters/example.org/hello/index.json");
    assert!(page.contains(list) && !page.contains("many-40:b99<"), "it is not on the page");
    assert_eq!(honest.wrong(&honest.server.url), set(&[]));
    let changed = |from: &'static str, to: &'static str| {
        let seen = Arc::new(AtomicBool::new(false));
        let found = honest.tampered({
            let seen = seen.clone();
            move |asked_for, body| match text_of(body.clone()) {
                part if asked_for.contains(list) && part.contains(from) => {
                    seen.store(true, Ordering::Relaxed);
                    part.replace(from, to).into_bytes()
                }
                _ => body,
            }
        });
        assert!(seen.load(Ordering::Relaxed), "{from} is in the list");
        found
    };
    assert_eq!(changed("\"many-40:b99\"", "\"many-40:other\""), set(&["pages"]));
    assert_eq!(changed("\"v0.3.0\"", "\"v0.2.0\""), set(&["pages"]), "a list of before");
}

fn text_of(body: Vec<u8>) -> String {
    String::from_utf8_lossy(&body).into_owned()
}

/// A dishonest owner of a log, with the real key; everything else is honest.
fn evil(honest: &Honest) -> (Evil, Vec<Module>) {
    let seed = honest.deployment.path().join("keys/log.seed");
    let path = ModulePath::new(support::MODULE).expect("a path");
    let module = |number: u64| {
        let version = ModuleVersion::new(number).expect("a version");
        let url = format!("/goproxy/telemetry.example.org/config/@v/{version}.zip");
        let (_, zip) = honest.server.get(&url);
        Module::open(path.clone(), version, zip).expect("a module")
    };
    (Evil::new(&seed), [1, 2].map(module).into())
}

impl Honest {
    /// The wrong verdicts for a log in which only versions matter: it has no data and no receiver.
    fn wrong_log(&self, evil: &Evil) -> BTreeSet<String> {
        let served = evil.serve();
        self.wrong(&served.url)
    }
}

#[test]
fn a_config_that_was_not_built_from_its_commit_is_found() {
    let honest = Honest::new();
    let (evil, modules) = evil(&honest);
    evil.publish(1, modules[0].config(), modules[0].provenance());
    assert_eq!(honest.wrong_log(&evil), set(&[]), "the same is honest so far");
    // The config of the first commit, claimed to be that of the second, where all of its strings but one are
    // needed too.
    evil.publish(2, modules[0].config(), modules[1].provenance());
    assert_eq!(honest.wrong_log(&evil), set(&["rebuilt", "minimal"]));
}

#[test]
fn a_raised_rate_is_found() {
    let honest = Honest::new();
    let (evil, modules) = evil(&honest);
    let config = String::from_utf8(modules[0].config().to_vec()).expect("text");
    let raised = config.replacen("\"Rate\": 0.8294", "\"Rate\": 0.8295", 1);
    assert_ne!(raised, config);
    evil.publish(1, raised.as_bytes(), modules[0].provenance());
    assert_eq!(honest.wrong_log(&evil), set(&["rebuilt"]));
}

#[test]
fn an_extra_counter_is_found() {
    let honest = Honest::new();
    let (evil, modules) = evil(&honest);
    let config = String::from_utf8(modules[0].config().to_vec()).expect("text");
    let more = config.replacen("{run,old,help}", "{run,old,help,spy}", 1);
    assert_ne!(more, config);
    evil.publish(1, more.as_bytes(), modules[0].provenance());
    assert_eq!(honest.wrong_log(&evil), set(&["rebuilt", "minimal"]));
}

#[test]
fn a_commit_that_does_not_exist_is_not_accepted() {
    let honest = Honest::new();
    let (evil, modules) = evil(&honest);
    let commit = candor::gomod::ObjectId::new("ab".repeat(20)).expect("a name");
    let provenance = candor::gomod::Provenance { commit, ..modules[0].provenance().clone() };
    evil.publish(1, modules[0].config(), &provenance);
    let served = evil.serve();
    let folder = TempDir::new().expect("a temporary folder");
    let said = audited(&mut honest.audit(&served.url, &folder.path().join("state")));
    // The auditor's own copy may be older than the log.
    assert_eq!(wrong(&said), set(&[]));
    assert!(ids(&said, "unchecked").contains("rebuilt"), "{said:#}");
}

#[test]
fn a_version_that_is_used_twice_is_found_and_proved() {
    let honest = Honest::new();
    let (evil, modules) = evil(&honest);
    let record = evil.publish(1, modules[0].config(), modules[0].provenance());
    evil.log(&record);
    let served = evil.serve();
    let folder = TempDir::new().expect("a temporary folder");
    let state = folder.path().join("state");
    for run in 0..2 {
        let said = audited(&mut honest.audit(&served.url, &state));
        assert!(wrong(&said).contains("versions"), "run {run}: {said:#}");
    }
    let evidence = proved(&honest, &state);
    let Contradiction::WrongRecord { index, .. } = &evidence.shows else {
        panic!("{evidence}");
    };
    assert_eq!(index.get(), 1);
}

/// The evidence beside a state file, which can be verified with only the log's key.
fn proved(honest: &Honest, state: &Path) -> Evidence {
    let file = std::fs::read(state.with_extension("evidence")).expect("evidence");
    let evidence = Evidence::parse(&file).expect("evidence");
    let key: VerifierKey = honest.deployment.log_key.parse().expect("a key");
    let keys = EvidenceKeys { logs: &[key], witnesses: &[] };
    evidence.check(keys).unwrap_or_else(|error| panic!("{error}: {evidence}"));
    evidence
}

#[test]
fn two_histories_are_found_and_proved() {
    let honest = Honest::new();
    let folder = TempDir::new().expect("a temporary folder");
    for (versions, kind) in [(2, "two-roots"), (3, "not-contained")] {
        let state = folder.path().join(kind);
        audited(&mut honest.audit(&honest.server.url, &state));
        let (evil, modules) = evil(&honest);
        // The first version is left out.
        for number in 1..=versions {
            evil.publish(number, modules[1].config(), modules[1].provenance());
        }
        let served = evil.serve();
        for run in 0..2 {
            let said = audited(&mut honest.audit(&served.url, &state));
            assert_eq!(wrong(&said), set(&["consistency"]), "{kind}, run {run}");
        }
        assert_eq!(proved(&honest, &state).shows.kind(), kind);
        // The state still has what was seen before.
        let said = audited(&mut honest.audit(&honest.server.url, &state));
        assert_eq!(wrong(&said), set(&[]), "{kind}");
    }
}

#[test]
fn a_log_that_was_rolled_back_is_found() {
    let honest = Honest::new();
    let folder = TempDir::new().expect("a temporary folder");
    let state = folder.path().join("state");
    let checkpoint = honest.server.get("/log/checkpoint").1;
    honest.source.charts.add_chart("third");
    publish(&honest.deployment, &honest.source, "HEAD");
    honest.wait_for(3);
    audited(&mut honest.audit(&honest.server.url, &state));
    let meddler = Meddler::new(&honest.server.url, move |path, body| match path {
        "/log/checkpoint" => checkpoint.clone(),
        _ => body,
    });
    let said = audited(&mut honest.audit(&meddler.url, &state));
    assert_eq!(wrong(&said), set(&["consistency"]));
    assert!(!state.with_extension("evidence").exists(), "no signature proves it");
}

#[test]
fn data_that_no_config_allows_is_found() {
    let honest = Honest::new();
    let allowed = reports("2026-02-03", 0..200);
    let changed = |from: &str, to: &str| {
        let one = allowed.iter().find(|report| report.contains(from)).expect("one that has it");
        one.replacen(from, to, 1)
    };
    for foreign in [
        changed("\"verb:run\"", "\"verb:spy\""),
        changed("\"started\":", "\"home:/home/alice\":"),
        changed("main.main", "/home/alice"),
        changed("example.org/hello", "example.org/other"),
        changed("\"linux\"", "\"plan9\""),
        changed("v1.10.0", "v1.11.0"),
    ] {
        let deployment = Deployment::new();
        for revision in ["HEAD~1", "HEAD"] {
            publish(&deployment, &honest.source, revision);
        }
        eprintln!("{foreign}");
        // As many reports as a stack needs to be shown.
        let foreign_ones = vec![foreign.clone(); 3];
        upload(&deployment, &[&allowed[..20], &foreign_ones].concat());
        let server = deployment.serve();
        let folder = TempDir::new().expect("a temporary folder");
        let mut audit = candor();
        audit.args(["--json", "audit", &server.url, "--vkey", &deployment.log_key]);
        audit.arg("--charts").arg(honest.source.charts.path());
        audit.arg("--state").arg(folder.path().join("state"));
        assert_eq!(wrong(&audited(&mut audit)), set(&["data-rows"]), "{foreign}");
    }
}

/// The policy of the log and one witness.
fn policy(honest: &Honest, witness: &Cosigner, folder: &TempDir) -> PathBuf {
    let file = folder.path().join("policy");
    let (log, witness) = (&honest.deployment.log_key, witness.verifier_key());
    std::fs::write(&file, format!("log {log}\nwitness w {witness}\nquorum w\n")).expect("write");
    file
}

#[test]
fn witnesses_that_a_policy_requires_must_have_cosigned_recently() {
    let honest = Honest::new();
    let folder = TempDir::new().expect("a temporary folder");
    let name = KeyName::new("w.example").expect("a name");
    let witness = Arc::new(Cosigner::new(name, CosignerKind::MlDsa44, &[5; 32]));
    let policy = policy(&honest, &witness, &folder);
    let now = u64::try_from(jiff::Timestamp::now().as_second()).expect("after 1970");
    let month = 30 * 86_400;
    // A time in the future does not show how fresh the tree is.
    let ahead = (Some(now + month), "unchecked");
    let cases = [(Some(now), "ok"), (Some(now - month), "wrong"), (None, "wrong"), ahead];
    for (number, (time, expected)) in cases.into_iter().enumerate() {
        let witness = witness.clone();
        let meddler = Meddler::new(&honest.server.url, move |path, body| {
            let Some(time) = time.filter(|_| path == "/log/checkpoint") else { return body };
            let note = Note::parse(&body).expect("a note");
            let checkpoint = Checkpoint::parse(note.text()).expect("a checkpoint");
            let line = witness.cosign(note.text(), &checkpoint, time).expect("cosigned");
            note.with(line).to_string().into_bytes()
        });
        let mut audit = candor();
        audit.args(["--json", "audit", &meddler.url, "--policy"]).arg(&policy);
        audit.arg("--charts").arg(honest.source.charts.path());
        audit.arg("--state").arg(folder.path().join(number.to_string()));
        let said = audited(&mut audit);
        assert!(ids(&said, expected).contains("witnesses"), "{number}: {said:#}");
        let others = wrong(&said).into_iter().filter(|id| id != "witnesses").count();
        assert_eq!(others, 0, "{number}");
    }
}

#[test]
fn what_was_wrong_is_checked_again_and_what_was_right_is_not() {
    let honest = Honest::new();
    let folder = TempDir::new().expect("a temporary folder");
    let state = folder.path().join("state");
    let truncated = Meddler::new(&honest.server.url, |path, mut body| {
        if path.ends_with("v0.1.0.zip") {
            body.truncate(100);
        }
        body
    });
    for _ in 0..2 {
        let said = audited(&mut honest.audit(&truncated.url, &state));
        assert_eq!(wrong(&said), set(&["zips"]));
    }
    let said = audited(&mut honest.audit(&honest.server.url, &state));
    assert_eq!(wrong(&said), set(&[]), "it is right now");
    // It was right before, and has changed: the newest versions are read every time.
    let said = audited(&mut honest.audit(&truncated.url, &state));
    assert_eq!(wrong(&said), set(&["zips"]));
}

#[test]
fn what_was_right_before_and_has_changed_is_found() {
    let honest = Honest::new();
    let folder = TempDir::new().expect("a temporary folder");
    for (path, expected) in [
        ("/data/days/2026-02-03.parquet", "data-files"),
        ("/charts/example.org/hello/@2026-02-08/charts.json", "charts"),
        ("/charts/example.org/hello/@2026-02-08/program-versions.csv", "charts"),
        ("/log/tile/entries/000.p/2", "root"),
        ("/sumdb/tile/8/data/000.p/2", "faces"),
    ] {
        let state = folder.path().join(path.replace('/', "-"));
        let first = audited(&mut honest.audit(&honest.server.url, &state));
        assert_eq!(wrong(&first), set(&[]));
        let meddler = Meddler::new(&honest.server.url, move |asked, mut body| {
            if asked == path {
                let last = body.len() - 9;
                body[last] ^= 1;
            }
            body
        });
        let said = audited(&mut honest.audit(&meddler.url, &state));
        assert_eq!(wrong(&said), set(&[expected]), "{path}");
    }
}

#[test]
fn each_run_says_how_much_it_read() {
    let source = Deployed::new();
    let deployment = Deployment::new();
    for revision in ["HEAD~1", "HEAD"] {
        publish(&deployment, &source, revision);
    }
    // A second week, so that not everything is the newest.
    let older = reports("2026-01-20", 0..50);
    support::segments::write(&deployment.path().join("reports"), 2, &older);
    upload(&deployment, &reports("2026-02-03", 0..400));
    let server = deployment.serve();
    let honest = Honest { source, deployment, server };
    let folder = TempDir::new().expect("a temporary folder");
    let state = folder.path().join("state.json");
    let sentence = |said: &Value, id: &str| {
        verdict(said, id)["sentence"].as_str().expect("a sentence").to_owned()
    };
    let first = audited(&mut honest.audit(&honest.server.url, &state));
    // A day and a week with only that day have equal files, and each is read.
    assert_eq!(sentence(&first, "data-files"), "12 files are those that the index names");
    let rows = sentence(&first, "data-rows");
    assert_eq!(rows, "450 reports hold only what the config that they name allows");
    let charts = sentence(&first, "charts");
    assert!(charts.contains("of 2 weeks are what"), "{charts}");
    assert!(charts.contains("pages for people were not compared"), "{charts}");
    assert!(!first["verdicts"].to_string().contains("earlier run"), "{first:#}");
    let again = audited(&mut honest.audit(&honest.server.url, &state));
    let zips = sentence(&again, "zips");
    assert_eq!(zips, "each of 2 zips and its go.mod are those of its record");
    let rebuilt = sentence(&again, "rebuilt");
    assert!(rebuilt.contains("2 were compiled in earlier runs (--full"), "{rebuilt}");
    // The older day and week have their turn on one day of thirty each.
    let files = sentence(&again, "data-files");
    let said = |read: u64, before: u64| {
        format!(
            "{read} files are those that the index names; {before} files were found right in \
                 earlier runs and not read now (--full does)"
        )
    };
    assert!(files == said(6, 6) || files == said(9, 3), "{files}");
    let full = audited(honest.audit(&honest.server.url, &state).arg("--full"));
    assert_eq!(sentence(&full, "data-files"), sentence(&first, "data-files"));
}

#[test]
fn a_watch_reports_when_a_verdict_changes() {
    let honest = Honest::new();
    let folder = TempDir::new().expect("a temporary folder");
    let lies = Arc::new(AtomicBool::new(false));
    let lying = lies.clone();
    let meddler = Meddler::new(&honest.server.url, move |path, body| match path {
        "/privacy" if lying.load(Ordering::SeqCst) => b"nothing is collected".to_vec(),
        _ => body,
    });
    let told = Told::new();
    let mut watch = honest.audit(&meddler.url, &folder.path().join("state"));
    watch.args(["--watch", "--interval", "1", "--metrics", "127.0.0.1:0", "--webhook", &told.url]);
    let mut watch =
        Watch(watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started"));
    let stderr = BufReader::new(watch.0.stderr.take().expect("piped"));
    let mut lines = BufReader::new(watch.0.stdout.take().expect("piped")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("one more audit").expect("a line");
        serde_json::from_str(&line).expect("JSON")
    };
    let address = stderr
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("health and metrics on ").map(str::to_owned));
    let address = address.expect("an address");
    assert_eq!(wrong(&next()), set(&[]));
    lies.store(true, Ordering::SeqCst);
    while wrong(&next()).is_empty() {}
    let news: Value = serde_json::from_str(&told.next()).expect("JSON");
    assert_eq!(wrong(&news), set(&["pages"]), "being well was no news");
    // The metrics are those of the audit that was printed, or of a later one.
    let get = |path: &str| {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent.get(format!("{address}{path}")).call().expect("an answer");
        (answer.status().as_u16(), answer.body_mut().read_to_string().expect("text"))
    };
    let (status, health) = get("/health");
    assert_eq!(status, 503, "{health}");
    assert!(health.contains("pages: "), "{health}");
    let (_, metrics) = get("/metrics");
    assert!(metrics.contains("candor_audit_verdict{id=\"pages\"} 3\n"), "{metrics}");
    assert!(metrics.contains("candor_audit_verdict{id=\"root\"} 0\n"), "{metrics}");
    lies.store(false, Ordering::SeqCst);
    let news: Value = serde_json::from_str(&told.next()).expect("JSON");
    assert_eq!(wrong(&news), set(&[]), "that it is well again is news");
}

/// A watch; killed on drop.
struct Watch(Child);

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The answer to a GET request.
fn fetched(url: &str) -> Vec<u8> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    agent.get(url).call().expect("an answer").body_mut().read_to_vec().expect("a body")
}

/// The verdict on something.
fn verdict<'v>(said: &'v Value, id: &str) -> &'v Value {
    let mut verdicts = said["verdicts"].as_array().expect("verdicts").iter();
    verdicts.find(|verdict| verdict["id"] == id).expect("the verdict")
}

#[test]
fn every_served_checksum_database_must_show_the_log() {
    let honest = Honest::new();
    let folder = TempDir::new().expect("a temporary folder");
    let databases = ["/goproxy/sumdb/telemetry.example.org/", "/sumdb/"];
    for (versions, kind) in [(2, "two-roots"), (3, "not-contained")] {
        let (evil, modules) = evil(&honest);
        for number in 1..=versions {
            evil.publish(number, modules[1].config(), modules[1].provenance());
        }
        let served = evil.serve();
        for (number, database) in databases.into_iter().enumerate() {
            let other = served.url.clone();
            let meddler = Meddler::new(&honest.server.url, move |path, body| {
                match path.starts_with(database) {
                    true => fetched(&format!("{other}{path}")),
                    false => body,
                }
            });
            let state = folder.path().join(format!("{kind}{number}"));
            let said = audited(&mut honest.audit(&meddler.url, &state));
            assert_eq!(wrong(&said), set(&["faces"]), "{database}, {kind}");
            assert_eq!(proved(&honest, &state).shows.kind(), kind);
        }
    }
    // A record, a tile and the records of a tile are checked in each.
    for database in databases {
        for file in ["lookup/telemetry.example.org/config@v0.1.0", "tile/8/0/000.p/2"] {
            let changed = format!("{database}{file}");
            let found = honest.tampered(move |path, mut body| {
                if path == changed {
                    body[40] ^= 1;
                }
                body
            });
            assert_eq!(found, set(&["faces"]), "{database}{file}");
        }
    }
    // One that fails proves nothing.
    for path in ["latest", "supported", "lookup/telemetry.example.org/config@v0.1.0"] {
        let failing = format!("{}{path}", databases[0]);
        let asked = failing.clone();
        let meddler = Meddler::new(&honest.server.url, move |path, body| {
            if path == failing { Meddler::FAILURE.to_vec() } else { body }
        });
        let state = folder.path().join(path.replace('/', "-"));
        let said = audited(&mut honest.audit(&meddler.url, &state));
        assert_eq!(wrong(&said), set(&[]), "{path}");
        assert_eq!(ids(&said, "unchecked"), set(&["faces"]), "{said:#}");
        let sentence = verdict(&said, "faces")["sentence"].to_string();
        assert!(sentence.contains(&asked), "{sentence}");
    }
}

#[test]
fn what_is_not_misbehaviour_is_not_wrong() {
    let honest = Honest::new();
    let folder = TempDir::new().expect("a temporary folder");
    let portal = b"<html><p>Sign in to the network of this hotel</html>\n".to_vec();
    for (number, answer) in [portal, Vec::new(), vec![b'x'; 3 << 20]].into_iter().enumerate() {
        let meddler = Meddler::new(&honest.server.url, move |path, body| match path {
            "/log/checkpoint" => answer.clone(),
            _ => body,
        });
        let state = folder.path().join(format!("{number}"));
        let said = audited(&mut honest.audit(&meddler.url, &state));
        assert_eq!(wrong(&said), set(&[]), "{said:#}");
        let sentence = verdict(&said, "signature")["sentence"].to_string();
        assert!(sentence.contains("Something else may have answered"), "{sentence}");
    }

    let other = Deployment::new();
    let mut audit = candor();
    audit.args(["--json", "audit", &honest.server.url, "--vkey", &other.log_key]);
    let state = folder.path().join("state");
    let said = audited(audit.arg("--state").arg(&state));
    assert_eq!(wrong(&said), set(&[]), "{said:#}");
    let sentence = verdict(&said, "signature")["sentence"].to_string();
    assert!(sentence.contains("the key you gave"), "{sentence}");
    assert!(sentence.contains("is it the right one?"), "{sentence}");

    // The auditor's own file is damaged, which is not the deployment's fault.
    let state = folder.path().join("sv.state");
    audited(&mut honest.audit(&honest.server.url, &state));
    let written = std::fs::read_to_string(&state).expect("a state");
    let damaged = written.replacen("\"size\":2", "\"size\":1", 1);
    assert_ne!(written, damaged);
    std::fs::write(&state, damaged).expect("damaged");
    let output = run(&mut honest.audit(&honest.server.url, &state));
    let said = text(&output.stderr);
    // An error, and no verdict.
    let printed = text(&output.stdout);
    assert!(printed.contains("\"error\"") && !printed.contains("verdicts"), "{printed}");
    assert!(said.contains("sv.state"), "{said}");
    assert!(said.contains("says nothing of the deployment"), "{said}");
}

#[test]
fn evidence_does_not_overwrite_files() {
    let honest = Honest::new();
    let folder = TempDir::new().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let state = at("sv.state");
    audited(&mut honest.audit(&honest.server.url, &state));
    for name in ["sv.evidence", "mine"] {
        std::fs::write(at(name), "precious").expect("written");
    }
    let (evil, modules) = evil(&honest);
    let fork = |number: u64| {
        evil.publish(number, modules[1].config(), modules[1].provenance());
    };
    fork(1);
    fork(2);
    let audit = |evidence: Option<&str>| {
        let served = evil.serve();
        let mut audit = honest.audit(&served.url, &state);
        if let Some(name) = evidence {
            audit.arg("--evidence").arg(at(name));
        }
        assert_eq!(wrong(&audited(&mut audit)), set(&["consistency"]));
    };
    let shown = |name: &str| {
        let file = std::fs::read(at(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        Evidence::parse(&file).expect("evidence").shows.kind()
    };
    audit(None);
    audit(Some("mine"));
    assert_eq!((shown("sv.state.evidence"), shown("mine.2")), ("two-roots", "two-roots"));
    // Evidence that exists is not written again; other evidence gets another name.
    audit(None);
    fork(3);
    audit(None);
    audit(None);
    assert_eq!(shown("sv.state.evidence"), "two-roots");
    assert_eq!(shown("sv.state.evidence.2"), "not-contained");
    assert!(!at("sv.state.evidence.3").exists());
    for name in ["sv.evidence", "mine"] {
        assert_eq!(std::fs::read_to_string(at(name)).expect("it is there"), "precious");
    }
}

#[test]
fn without_a_key_both_options_are_explained() {
    let output = run(candor().args(["audit", "https://telemetry.example.org"]));
    let said = text(&output.stderr);
    assert!(said.contains("--vkey KEY") && said.contains("--policy FILE"), "{said}");
}

/// A listener for notifications.
struct Told {
    url: String,
    listener: TcpListener,
}

impl Told {
    fn new() -> Told {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        Told { url, listener }
    }

    /// The body of the next request.
    fn next(&self) -> String {
        let (stream, _) = self.listener.accept().expect("a request");
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line");
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().expect("a number");
                }
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let answer = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
        reader.into_inner().write_all(answer).expect("answered");
        String::from_utf8(body).expect("text")
    }
}
