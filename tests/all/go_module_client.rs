//! A Go program of a third party that uses our Go module (`go/`): no `go` command, nothing in its environment,
//! off until chosen, alive for some milliseconds, and its report arrives in the public data.

#![cfg(feature = "server")]

use crate::support;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use support::{Charts, Deployment, candor, chart, contents, json, run, succeed, text};
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The go command, which takes modules from the cache that `scripts/setup` filled: a test uses no network.
fn go(folder: &Path) -> Command {
    let mut go = Command::new("go");
    go.current_dir(folder).env("GOPROXY", "off").env("GOTOOLCHAIN", "local");
    go.env("GOTELEMETRY", "off").env("GOFLAGS", "-mod=mod").env("GOWORK", "off");
    go
}

/// What the program of the tests imports.
const PACKAGE: &str = "telemetry.example.org/candor";

/// The commands in the documentation that copy the package into a module, as they stand; but for `go get`,
/// which would ask the network.
fn copy_package(module: &Path) {
    let page = std::fs::read_to_string(root().join("docs/go.md")).expect("docs/go.md");
    let block = page.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next());
    let (copy, get) = block.and_then(|block| block.split_once("go get")).expect("commands");
    let of_module = std::fs::read_to_string(root().join("go/go.mod")).expect("go.mod");
    assert!(get.split_whitespace().all(|needed| of_module.contains(needed)), "{get}");
    std::os::unix::fs::symlink(root(), module.join("../candor")).expect("a link");
    succeed(Command::new("sh").args(["-euc", copy]).current_dir(module));
}

/// A program with this `main.go`, as version v1.0.0 of its module: from a tagged commit. It is in a folder
/// of its own in `folder`.
fn build(folder: &Path, module: &str, main: &str) -> PathBuf {
    let source = folder.join("source");
    std::fs::create_dir(&source).expect("a folder");
    copy_package(&source);
    let of_module = std::fs::read_to_string(root().join("go/go.mod")).expect("go.mod");
    let (_, requirements) = of_module.split_once('\n').expect("lines");
    let write = |name: &str, text: &str| std::fs::write(source.join(name), text).expect("written");
    write("go.mod", &format!("module {module}\n{requirements}"));
    write("main.go", &main.replace(PACKAGE, &format!("{module}/internal/candor")));
    write("telemetry.policy", "# the policy of the deployment\n");
    std::fs::copy(root().join("go/go.sum"), source.join("go.sum")).expect("copied");
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
        succeed(Command::new("git").args(identity).args(arguments).current_dir(&source))
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "Hello"]);
    git(&["tag", "v1.0.0"]);
    let program = folder.join("hello.exe");
    succeed(go(&source).args(["build", "-buildvcs=true", "-o"]).arg(&program).arg("."));
    program
}

/// The program of the tests, built once.
static HELLO: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a temporary folder");
    let main = std::fs::read_to_string(root().join("tests/go_module/main.go")).expect("main.go");
    let program = build(folder.path(), "example.org/hello", &main);
    (folder, program)
});

/// What the program may send: the charts of `Charts::new`, and a stack.
fn charts() -> Charts {
    let charts = Charts::new();
    let value = |name: &str| succeed(Command::new("go").args(["env", name])).trim().to_owned();
    charts.write(
        "charts-config/collection.toml",
        &format!(
            "module = {:?}\ngoos = [{:?}]\ngoarch = [{:?}]\ntoolchains = [{:?}]\n\
             [retention]\nstack_minimum = 1\n",
            support::MODULE,
            value("GOOS"),
            value("GOARCH"),
            value("GOVERSION")
        ),
    );
    let stacks = chart("Bugs", "hello/bug").replace("partition\"", "stack\"\ndepth = 4");
    let crashes = chart("Crashes", "crash/crash").replace("partition\"", "stack\"\ndepth = 16");
    charts.write("charts-config/charts/stacks.toml", &(stacks + &crashes));
    charts.commit();
    charts
}

/// A user's machine: a home, and no go command.
struct Machine {
    home: TempDir,
    url: String,
    trust: String,
}

impl Machine {
    fn new(url: &str, trust: &str) -> Machine {
        let home = TempDir::new().expect("a temporary folder");
        Machine { home, url: url.to_owned(), trust: trust.to_owned() }
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join(".config/candor/example.org%2Fhello")
    }

    fn hello(&self, arguments: &[&str]) -> Command {
        let mut hello = Command::new(&HELLO.1);
        hello.args(arguments).env_clear().env("PATH", "").env("HOME", self.home.path());
        hello.env("TEST_URL", &self.url).env("TEST_TRUST", &self.trust);
        hello
    }

    fn telemetry(&self, arguments: &[&str]) -> Output {
        run(self.hello(&["telemetry"]).args(arguments))
    }

    /// Waits until the child of the program has done the day's work.
    fn await_worker(&self) {
        let worked = self.folder().join("candor/worked");
        let patience = Instant::now() + Duration::from_secs(120);
        while !worked.exists() {
            assert!(Instant::now() < patience, "no work was done: {:?}", contents(&self.folder()));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A week passes: what was counted was counted eight days ago, and the user chose long before.
    fn let_a_week_pass(&self) {
        std::fs::write(self.folder().join("mode"), "on 2020-01-01").expect("written");
        let _ = std::fs::remove_file(self.folder().join("candor/worked"));
        let _ = std::fs::remove_file(self.folder().join("candor/attempt"));
        for (file, mut bytes) in contents(&self.folder().join("local")) {
            if file.extension().is_some_and(|end| end == "count") {
                for key in ["TimeBegin: ", "TimeEnd: "] {
                    let at = bytes.windows(key.len()).position(|text| text == key.as_bytes());
                    let at = at.expect(key) + key.len();
                    let day: jiff::civil::Date = text(&bytes[at..at + 10]).parse().expect("a day");
                    let earlier = day.saturating_sub(jiff::Span::new().days(8)).to_string();
                    bytes[at..at + 10].copy_from_slice(earlier.as_bytes());
                }
                std::fs::write(self.folder().join("local").join(file), bytes).expect("written");
            }
        }
    }

    /// The reports that were sent, by week.
    fn sent(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        contents(&self.folder().join("upload"))
    }
}

#[test]
fn its_own_tests_pass() {
    let folder = root().join("go");
    let unformatted = succeed(Command::new("gofmt").arg("-l").arg(&folder));
    assert_eq!(unformatted, "", "gofmt -w");
    succeed(go(&folder).env("GOFLAGS", "").args(["vet", "./..."]));
    succeed(go(&folder).env("GOFLAGS", "").args(["test", "./..."]));
}

#[test]
fn a_program_without_a_go_command_reports_and_its_report_is_public() {
    let deployment = Deployment::new();
    deployment.publish(&charts());
    let server = deployment.serve();
    let machine = Machine::new(&server.url, &deployment.log_key);

    // Off until chosen: nothing is written.
    succeed(&mut machine.hello(&[]));
    assert_eq!(std::fs::read_dir(machine.home.path()).expect("a home").count(), 0);

    let chosen = machine.telemetry(&["on"]);
    assert!(chosen.status.success(), "{chosen:?}");
    succeed(machine.hello(&[]).env("DO_NOT_TRACK", "1"));
    succeed(machine.hello(&[]).env("HELLO_TELEMETRY", "off"));
    assert!(!machine.folder().join("local").exists(), "nothing is counted");
    succeed(&mut machine.hello(&[]));
    machine.await_worker();
    assert_eq!(machine.sent().len(), 0, "the week has not ended");

    // The work of today is done, so this starts no worker.
    let view = text(&machine.telemetry(&["view"]).stdout);
    assert!(view.contains("hello/verb:secret: 1"), "{view}");

    machine.let_a_week_pass();
    succeed(&mut machine.hello(&[]));
    machine.await_worker();
    let sent = machine.sent();
    let [report] = sent.values().collect::<Vec<_>>()[..] else { panic!("{sent:?}") };
    let report: Value = serde_json::from_slice(report).expect("JSON");
    let program = &report["Programs"][0];
    assert_eq!(program["Version"], "v1.0.0");
    let counted = serde_json::json!({ "hello/verb:help": 2, "hello/verb:run": 1 });
    assert_eq!(program["Counters"], counted, "and nothing that the config does not list");
    let stacks = program["Stacks"].as_object().expect("stacks");
    assert!(stacks.keys().all(|stack| stack.starts_with("hello/bug\nmain.main:")), "{stacks:?}");
    assert_eq!(stacks.len(), 1);

    // The folder is that of a Rust program of this project, too.
    let mut view = candor();
    view.args(["--json", "telemetry", "--dir"]).arg(machine.folder()).arg("view");
    let seen = json(view.env_remove("DO_NOT_TRACK"));
    assert_eq!((&seen["mode"], &seen["sent"][0]), (&"on".into(), &report["Week"]), "{seen}");

    // Once a day: what the second start counted waits.
    succeed(&mut machine.hello(&[]));
    assert_eq!(machine.sent().len(), 1);

    // A served deployment merges by itself, some time later.
    server.stop();
    succeed(candor().args(["merge", "--data"]).arg(deployment.path()));
    let server = deployment.serve();
    let (status, names) = server.get("/data/days/SHA256SUMS");
    assert_eq!(status, 200, "{}", text(&names));
    let names = text(&names);
    let name = names.split_whitespace().find(|name| name.ends_with(".ndjson.gz"));
    let (status, packed) = server.get(&format!("/data/days/{}", name.expect("a file")));
    assert_eq!(status, 200);
    let mut rows = String::new();
    let mut decoder = flate2::read::MultiGzDecoder::new(&packed[..]);
    decoder.read_to_string(&mut rows).expect("gzip");
    let rows: Vec<Value> =
        rows.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(row["Programs"], report["Programs"]);
}

#[test]
fn a_crash_is_counted_by_its_stack() {
    let deployment = Deployment::new();
    deployment.publish(&charts());
    let server = deployment.serve();
    let machine = Machine::new(&server.url, &deployment.log_key);
    assert!(machine.telemetry(&["local"]).status.success());
    let crashed = run(&mut machine.hello(&["crash"]));
    assert_eq!(crashed.status.code(), Some(2), "{crashed:?}");
    assert!(text(&crashed.stderr).contains("as the test asked"), "{crashed:?}");
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let view = text(&machine.telemetry(&["view"]).stdout);
        if view.contains("crash/crash") {
            assert!(view.contains("main.main:"), "{view}");
            break;
        }
        assert!(Instant::now() < patience, "the crash is not counted: {view}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_forked_log_is_refused_with_evidence_that_candor_confirms() {
    let deployment = Deployment::new();
    let twin = deployment.twin();
    let other = charts();
    deployment.publish(&charts());
    other.add_chart("other");
    twin.publish(&other);
    let (ours, theirs) = (deployment.serve(), twin.serve());
    let mut machine = Machine::new(&ours.url, &deployment.log_key);
    assert!(machine.telemetry(&["on"]).status.success());
    let fetched = machine.telemetry(&["upload", "--refresh"]);
    assert!(fetched.status.success(), "{fetched:?}");
    assert!(text(&fetched.stdout).contains("v0.1.0"), "{fetched:?}");

    machine.url.clone_from(&theirs.url);
    let refused = machine.telemetry(&["upload", "--refresh"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(text(&refused.stderr).starts_with("SECURITY ERROR"), "{refused:?}");
    let evidence = contents(&machine.folder().join("candor/evidence"));
    let [file] = evidence.keys().collect::<Vec<_>>()[..] else { panic!("{evidence:?}") };
    let file = machine.folder().join("candor/evidence").join(file);
    let said = succeed(candor().arg("verify").arg(&file).args(["--vkey", &deployment.log_key]));
    assert!(said.contains("two different trees"), "{said}");
}

#[test]
fn the_snippets_of_its_documentation_compile() {
    let page = std::fs::read_to_string(root().join("docs/go.md")).expect("docs/go.md");
    let snippets: Vec<&str> = page
        .split("```go\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .filter(|snippet| snippet.starts_with("package main"))
        .collect();
    assert!(snippets.len() >= 2, "{page}");
    for snippet in snippets {
        let folder = TempDir::new().expect("a temporary folder");
        build(folder.path(), "example.org/myprog", snippet);
    }
}

#[test]
fn the_path_of_its_module_is_one_line() {
    let folder = TempDir::new().expect("a temporary folder");
    for entry in std::fs::read_dir(root().join("go")).expect("the module") {
        let entry = entry.expect("a file");
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    succeed(go(folder.path()).args(["mod", "edit", "-module=example.net/of/somebody"]));
    succeed(go(folder.path()).args(["build", "./..."]));
}
