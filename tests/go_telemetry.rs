//! The promise that a Go program with the unmodified golang.org/x/telemetry client is served by a
//! Candor deployment alone: it downloads and verifies the config that we published, builds its
//! report and uploads it, and only what the config names is in it.

mod support;

use candor::ingest::{Clock, ConfigSet, Entrance, FrontDoor, Limits, stored_reports};
use candor::{publish, web};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use support::{Charts, Deployment, Go, chart, succeed};
use tempfile::TempDir;

/// The module whose configs Go's client downloads; it cannot be told another.
const MODULE: &str = "golang.org/x/telemetry/config";

/// A clock that shows one time.
#[derive(Debug)]
struct Stopped(Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// A deployment served in this process, whose clock a test decides.
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
            let door = FrontDoor::open(
                &deployment.path().join("reports"),
                configs.expect("configs"),
                Box::new(Stopped(now)),
                Limits::default(),
            );
            let site = web::Site::open(module, keys, store).await.expect("a site");
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let url = format!("http://{}", listener.local_addr().expect("an address"));
            let door = Some(Entrance::of(Arc::new(door.expect("a front door"))));
            tokio::spawn(web::serve(listener, None, site, door, std::future::pending()));
            url
        });
        Served { url, runtime: Some(runtime) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
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
            "{}error = 0.4\n{}",
            chart("Rare", "hello/rare"),
            chart("Bugs", "hello/bug").replace("partition\"", "stack\"\ndepth = 4")
        ),
    );
    charts.commit();
    charts
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
    // Where this folder exists, the client says there what it does.
    std::fs::create_dir(telemetry.path().join("debug")).expect("a folder");
    succeed(Command::new(&hello).env("TELEMETRY_DIR", telemetry.path()));

    // Eight days later its week is over, here and at the server.
    let later = Timestamp::now() + SignedDuration::from_hours(8 * 24);
    let served = Served::new(&deployment, later);
    let go = Go::new(&deployment, &served.url);
    let start = later.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let environment = go.command(&[]);
    let environment = environment.get_envs().filter_map(|(name, value)| Some((name, value?)));
    succeed(
        Command::new(&hello)
            .env_clear()
            .envs(environment)
            .env("TELEMETRY_DIR", telemetry.path())
            .env("UPLOAD_URL", format!("{}/upload", served.url))
            .env("START_TIME", start),
    );

    let said: Vec<_> = support::contents(&telemetry.path().join("debug"))
        .into_values()
        .map(|log| support::text(&log))
        .collect();
    let sent: Vec<Value> = std::fs::read_dir(telemetry.path().join("upload"))
        .unwrap_or_else(|e| panic!("the folder of what was uploaded: {e}; {said:#?}"))
        .filter_map(|entry| {
            let path = entry.expect("an entry").path();
            let report = path.extension().is_some_and(|extension| extension == "json");
            report
                .then(|| serde_json::from_slice(&std::fs::read(path).expect("read")).expect("JSON"))
        })
        .collect();
    assert_eq!(sent.len(), 1, "one week, one report, answered with 200; {said:#?}");
    drop(served);
    let stored: Vec<Value> =
        stored_reports(&deployment.path().join("reports"), Date::MIN..=Date::MAX)
            .expect("the reports folder")
            .map(|report| serde_json::from_slice(report.expect("a report").bytes()).expect("JSON"))
            .collect();
    assert_eq!(stored, sent, "what is stored is what was sent");

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
