//! A Go program with the unmodified golang.org/x/telemetry client needs only a Candor deployment: it
//! downloads and verifies the published config, makes its report and uploads it, and the report has only
//! what the config lists.

#![cfg(feature = "server")]

use crate::support;
use candor::ingest::{Clock, ConfigSet, Limits, Receiver, ReceiverSlot};
use candor::{publish, web};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::counter_file::CounterFile;
use support::{Charts, Deployment, Go, chart, succeed};
use tempfile::TempDir;

/// The module whose configs Go's client downloads, which cannot be configured.
const MODULE: &str = "golang.org/x/telemetry/config";

/// A clock that has stopped.
#[derive(Debug)]
struct Stopped(Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// A deployment served in this process, with a clock that the test sets.
struct Served {
    url: String,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Served {
    fn new(deployment: &Deployment, now: Timestamp) -> Served {
        let opened = publish::Deployment::open(deployment.path()).expect("a deployment");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let url = runtime.block_on(async {
            let (module, keys, store) =
                (opened.module.clone(), opened.verifiers().clone(), opened.store.clone());
            let configs = ConfigSet::open(module.clone(), keys.clone(), store.clone());
            let receiver = Receiver::open(
                &deployment.path().join("reports"),
                configs.expect("configs"),
                Box::new(Stopped(now)),
                Limits::default(),
            );
            let site = web::Site::open(module, keys, store).await.expect("a site");
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let url = format!("http://{}", listener.local_addr().expect("an address"));
            let receiver = Some(ReceiverSlot::of(Arc::new(receiver.expect("a receiver"))));
            tokio::spawn(web::serve(listener, None, site, receiver, std::future::pending()));
            url
        });
        Served { url, runtime: Some(runtime) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Until its reports folder is free again.
            runtime.shutdown_timeout(Duration::from_secs(60));
        }
    }
}

/// Builds tests/go/hello as version v1.0.0 of example.org/hello, as its maintainers release it:
/// from a tagged commit.
fn build_hello(folder: &Path) -> std::path::PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go");
    let read = |name: &str| std::fs::read_to_string(sources.join(name)).expect(name);
    let go_mod = read("go.mod").replacen("module candor.test/go", "module example.org/hello", 1);
    for (name, text) in
        [("go.mod", go_mod), ("go.sum", read("go.sum")), ("main.go", read("hello/main.go"))]
    {
        std::fs::write(folder.join(name), text).expect("write");
    }
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
        succeed(Command::new("git").args(identity).args(arguments).current_dir(folder))
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "Hello"]);
    git(&["tag", "v1.0.0"]);
    let program = folder.join("hello.exe");
    // Modules come from the cache that scripts/setup filled; a test does not use the network.
    succeed(
        Command::new("go")
            .args(["build", "-buildvcs=true", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(folder)
            .env("GOFLAGS", "-mod=mod")
            .env("GOPROXY", "off")
            .env("GOTOOLCHAIN", "local")
            .env("GOTELEMETRY", "off"),
    );
    program
}

fn charts() -> Charts {
    let charts = Charts::of_module(MODULE);
    let go = |name: &str| succeed(Command::new("go").args(["env", name])).trim().to_owned();
    charts.write(
        "charts-config/collection.toml",
        &format!(
            "module = {MODULE:?}\ngoos = [{:?}]\ngoarch = [{:?}]\ntoolchains = [{:?}]\n\
             [sampling]\nconfidence = 0.99\nerror = 0.000001\n",
            go("GOOS"),
            go("GOARCH"),
            go("GOVERSION")
        ),
    );
    charts.write(
        "charts-config/programs/hello.toml",
        "program = \"example.org/hello\"\nmodule = \"example.org/hello\"\n\
         versions = [\"v1.0.0\"]\npopulation = 1000000000\n",
    );
    charts.write(
        "charts-config/charts/more.toml",
        &format!(
            "{}error = 0.4\n{}{}{}",
            chart("Rare", "hello/rare"),
            chart("Never", "hello/never:{counted,overflown}"),
            chart("Bugs", "hello/bug").replace("partition\"", "stack\"\ndepth = 4"),
            chart("Crashes", "crash/crash").replace("partition\"", "stack\"\ndepth = 16")
        ),
    );
    charts.commit();
    charts
}

/// Has the program report what earlier runs counted, at this time.
fn upload(hello: &Path, go: &Go, telemetry: &Path, url: &str, time: Timestamp) {
    let environment = go.command(&[]);
    let environment = environment.get_envs().filter_map(|(name, value)| Some((name, value?)));
    // The client uploads once a day by the system's clock.
    let _ = std::fs::remove_file(telemetry.join("local/upload.token"));
    succeed(
        Command::new(hello)
            .env_clear()
            .envs(environment)
            .env("TELEMETRY_DIR", telemetry)
            .env("UPLOAD_URL", url)
            .env("START_TIME", time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
    );
}

/// The client's logs.
fn logs(telemetry: &Path) -> Vec<String> {
    let files = support::contents(&telemetry.join("debug")).into_values();
    files.map(|log| support::text(&log)).collect()
}

/// The reports in one of the client's folders, by week, without those that stay local.
fn reports(folder: &Path) -> Vec<Value> {
    let files = support::contents(folder).into_iter();
    let is_report = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(".json") && !name.starts_with("local.")
    };
    let reports = files.filter(|(path, _)| is_report(path));
    reports.map(|(_, bytes)| serde_json::from_slice(&bytes).expect("JSON")).collect()
}

/// The public form of reports sent under a config whose only rate is 1: no last week, and X is that rate.
fn public(mut sent: Vec<Value>) -> Vec<Value> {
    for report in &mut sent {
        let fields = report.as_object_mut().expect("an object");
        fields.remove("LastWeek").expect("a last week, or none");
        fields.insert("X".to_owned(), 1.into());
    }
    sent
}

/// The reports that a deployment has stored, by week.
fn stored(deployment: &Deployment) -> Vec<Value> {
    let mut stored = support::segments::reports(&deployment.path().join("reports"));
    stored.sort_by_key(|report| report["Week"].to_string());
    stored
}

/// Has the program crash, and waits until its crash monitor has counted the crash.
fn crash(hello: &Path, telemetry: &Path, how: &str) {
    let log = telemetry.join("debug/sidecar.log");
    let recorded = || {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        log.matches("telemetry crash recorded").count()
    };
    let before = recorded();
    let output = Command::new(hello)
        .env("TELEMETRY_DIR", telemetry)
        .env("CRASH", how)
        .output()
        .expect("run the program");
    assert_eq!(output.status.code(), Some(2), "{}", support::text(&output.stderr));
    let patience = Instant::now() + Duration::from_secs(60);
    while recorded() == before {
        assert!(Instant::now() < patience, "no crash is recorded in {log:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The frames of the stacks with this name in a report's only program.
fn frames<'a>(report: &'a Value, name: &str) -> Vec<Vec<&'a str>> {
    let stacks = report["Programs"][0]["Stacks"].as_object().expect("stacks").keys();
    let frames = stacks.filter_map(|stack| stack.strip_prefix(name)?.strip_prefix('\n'));
    frames.map(|frames| frames.split('\n').collect()).collect()
}

#[test]
fn whatever_else_the_unmodified_go_client_sends_costs_no_other_count() {
    let (charts, deployment) = (charts(), Deployment::of_module(MODULE));
    deployment.publish(&charts);
    let work = TempDir::new().expect("a temporary folder");
    let hello = build_hello(work.path());
    let telemetry = TempDir::new().expect("a temporary folder");
    std::fs::write(telemetry.path().join("mode"), "on 2020-01-01").expect("write");
    std::fs::create_dir(telemetry.path().join("debug")).expect("a folder");

    // A week in which the program ran, and crashed.
    succeed(Command::new(&hello).env("TELEMETRY_DIR", telemetry.path()));
    crash(&hello, telemetry.path(), "deep");
    crash(&hello, telemetry.path(), "compare");
    // The week before: counters that were created but not counted, or beyond 2^63; stacks without a symbol,
    // or with one that Go cannot have; and builds for other platforms.
    let now = Timestamp::now();
    let day = |ago: i64| (now - SignedDuration::from_hours(24 * ago)).strftime("%F").to_string();
    let (begin, end) = (day(8), day(1));
    let value = |name: &str| succeed(Command::new("go").args(["env", name])).trim().to_owned();
    let (goos, goarch, toolchain) = (value("GOOS"), value("GOARCH"), value("GOVERSION"));
    let file = CounterFile {
        program: "example.org/hello",
        version: "v1.0.0",
        toolchain: &toolchain,
        goos: &goos,
        goarch: &goarch,
        begin: &begin,
        end: &end,
        counts: &[
            ("hello/verb:run", 5),
            ("hello/never:counted", 0),
            ("hello/never:overflown", u64::MAX),
            ("hello/bug\n\".:=0,+0x0", 1),
            ("hello/bug\nmain.f:+1,+0x2\n\".g:+1,+0x2\n.memeqbody:+1,+0x2\n\"\ntruncated\n", 2),
            ("hello/bug\nstd::vector<int>.at:=7,+0x2", 3),
        ],
    };
    file.write(telemetry.path());
    CounterFile { goarch: "mips", ..file }.write(telemetry.path());
    CounterFile { goos: "plan9", ..file }.write(telemetry.path());

    // A client whose clock is ahead: its report waits until then.
    let midnight: Timestamp = format!("{end}T00:00:00Z").parse().expect("a time");
    let early = Served::new(&deployment, midnight - SignedDuration::from_hours(2));
    let mut go = Go::new(&deployment, &early.url);
    upload(&hello, &go, telemetry.path(), &format!("{}/upload/", early.url), now);
    drop(early);
    let ready = reports(&telemetry.path().join("local"));
    assert_eq!(ready.len(), 1, "it was not discarded: {:#?}", logs(telemetry.path()));
    assert!(logs(telemetry.path()).concat().contains("503"), "it was sent");
    assert_eq!(stored(&deployment), Vec::<Value>::new());

    // The week of the crashes has ended, too.
    let later = now + SignedDuration::from_hours(8 * 24);
    let served = Served::new(&deployment, later);
    go.point_at(&deployment, &served.url);
    // The upload URL ends in a slash.
    upload(&hello, &go, telemetry.path(), &format!("{}/upload/", served.url), later);
    drop(served);
    let sent = reports(&telemetry.path().join("upload"));
    assert_eq!(sent.len(), 2, "all are answered with 200: {:#?}", logs(telemetry.path()));
    assert_eq!(sent[0], ready[0]);
    let stored = stored(&deployment);
    assert_eq!(stored.len(), 2);

    // The week before: what was sent, and what is left of it.
    let (first_sent, first) = (&sent[0], &stored[0]);
    assert_eq!(first_sent["Programs"].as_array().map(Vec::len), Some(3), "Go filters no platforms");
    let of_this = first_sent["Programs"].as_array().expect("a list").iter();
    let of_this =
        of_this.clone().find(|p| p["GOOS"] == goos.as_str() && p["GOARCH"] == goarch.as_str());
    let of_this = of_this.expect("this platform's build");
    assert_eq!(of_this["Counters"]["hello/never:counted"], 0);
    assert_eq!(of_this["Counters"]["hello/never:overflown"], -1);
    assert_eq!(of_this["Stacks"]["hello/bug\n:=0,+0x0"], 1);
    let expected = serde_json::json!([{
        "Program": "example.org/hello", "Version": "v1.0.0", "GoVersion": toolchain, "GOOS": goos,
        "GOARCH": goarch, "Counters": { "hello/verb:run": 5 }, "Stacks": {
            "hello/bug\n.:=0,+0x0": 1,
            "hello/bug\nmain.f:+1,+0x2\nmain.g:+1,+0x2\nmemeqbody:+1,+0x2\ntruncated": 2,
        }
    }]);
    assert_eq!(first["Programs"], expected);

    // The week of the crashes.
    let (second_sent, second) = (&sent[1], &stored[1]);
    let deep = |report| {
        let crashes = frames(report, "crash/crash").into_iter();
        crashes.filter(|f| f.iter().any(|f| f.starts_with("main.further:="))).collect::<Vec<_>>()
    };
    let [in_full] = &deep(second_sent)[..] else { panic!("{second_sent}") };
    assert!(in_full.len() > 16, "inlined calls are more than 16 frames: {in_full:?}");
    assert_eq!(deep(second), [in_full[..16].to_vec()]);
    let made = "type:.eq.struct { A interface {}; B string }:";
    let compared = |report| {
        let crashes = frames(report, "crash/crash").into_iter();
        crashes.filter(|f| f.iter().any(|f| f.starts_with(made))).collect::<Vec<_>>()
    };
    assert_eq!(compared(second_sent).len(), 1, "{second_sent}");
    assert_eq!(compared(second), compared(second_sent));
    let counters = serde_json::json!({ "hello/verb:run": 1, "hello/verb:help": 2 });
    assert_eq!(second["Programs"][0]["Counters"], counters);
}

#[test]
fn the_unmodified_go_client_is_served_from_config_to_report() {
    let (charts, deployment) = (charts(), Deployment::of_module(MODULE));
    let published = deployment.publish(&charts);
    let work = TempDir::new().expect("a temporary folder");
    let hello = build_hello(work.path());

    // The user opted in long ago, and the program runs for the first time.
    let telemetry = TempDir::new().expect("a temporary folder");
    std::fs::write(telemetry.path().join("mode"), "on 2020-01-01").expect("write");
    // If this folder exists, the client writes logs there.
    std::fs::create_dir(telemetry.path().join("debug")).expect("a folder");
    succeed(Command::new(&hello).env("TELEMETRY_DIR", telemetry.path()));

    // Eight days later its week has ended, here and at the server.
    let later = Timestamp::now() + SignedDuration::from_hours(8 * 24);
    let served = Served::new(&deployment, later);
    let go = Go::new(&deployment, &served.url);
    upload(&hello, &go, telemetry.path(), &format!("{}/upload", served.url), later);

    let logs = logs(telemetry.path());
    let sent = reports(&telemetry.path().join("upload"));
    assert_eq!(sent.len(), 1, "one week, one report, answered with 200; {logs:#?}");
    drop(served);
    let stored = stored(&deployment);
    assert_eq!(stored, public(sent), "what is stored is what was sent, in its public form");

    let report = &stored[0];
    assert_eq!(report["Config"], published["version"]);
    let program = &report["Programs"][0];
    assert_eq!(program["Program"], "example.org/hello");
    assert_eq!(program["Version"], "v1.0.0");
    let expected = serde_json::json!({ "hello/verb:run": 1, "hello/verb:help": 2 });
    assert_eq!(program["Counters"], expected, "neither unnamed nor rare counters leave");
    let stacks = program["Stacks"].as_object().expect("an object");
    assert_eq!(stacks.len(), 1);
    assert!(stacks.keys().all(|stack| stack.starts_with("hello/bug\nmain.main")), "{stacks:?}");
}
