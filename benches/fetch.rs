//! A machine's first fetch of the config beside `go mod download` of the same module, from one server of this
//! machine, each with nothing cached; and the same step by step, as from a server that does not answer with
//! everything at once.
//!
//! Runs are interleaved, and medians of `TIMES` (21) are printed, with the ratios to `go`. What is remembered and
//! cached is on the disk of `TMPDIR`. `go` is a process of its own, as it is where a program calls it; ours is a
//! library in the program, with a new connection for each fetch.

use candor::client::{
    ConfigClient, ConfigSource, Http, Request, Response, Transport, TransportError, Wanted,
};
use candor::publish::Deployment;
use candor::store::FileStore;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime};

const MODULE: &str = "telemetry.example.org/config";

/// Milliseconds, requests and bytes of one fetch.
type Ours = (f64, usize, usize);

/// Counts requests and bytes.
#[derive(Debug)]
struct Counted {
    http: Http,
    at_once: bool,
    requests: AtomicUsize,
    bytes: AtomicUsize,
}

impl Transport for &Counted {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        if !self.at_once && request.url.ends_with("/newest") {
            return Ok(Response { status: 404, content_type: None, body: Vec::new() });
        }
        let answer = self.http.send(request)?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(answer.body.len(), Ordering::Relaxed);
        Ok(answer)
    }
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output =
        Command::new(program).current_dir(folder).args(arguments).output().expect("started");
    assert!(output.status.success(), "{program} {arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Publishes so many versions of a config with more than so many counters.
fn deploy(folder: &Path, versions: usize, counters: usize) {
    let candor = env!("CARGO_BIN_EXE_candor");
    let name = ["--name", "telemetry.example.org", "--module", MODULE];
    run(candor, &[&["init", "--data", "data"][..], &name].concat(), folder);
    for version in 1..=versions {
        let chart = |number: usize| {
            format!(
                "[[chart]]\ntitle = 'Chart {number}'\nissue = ['https://example.org/{number}']\n\
                 type = 'partition'\nprogram = 'example.org/p'\ncounter = 'c{number}:{{a,b,c,d,e}}'\n\n"
            )
        };
        for (name, text) in [
            (
                "collection.toml",
                "module = 'telemetry.example.org/config'\ngoos = ['linux']\ngoarch = ['amd64']\n\
                 toolchains = ['rust1.95.0']\n"
                    .to_owned(),
            ),
            (
                "programs/p.toml",
                "program = 'example.org/p'\nmodule = 'example.org/p'\nversions = ['v1.0.0']\n"
                    .to_owned(),
            ),
            ("charts/p.toml", (0..counters + version).map(chart).collect()),
        ] {
            let path = folder.join("charts/charts-config").join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("created");
            fs::write(path, text).expect("written");
        }
        let charts = folder.join("charts");
        let user = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
        run("git", &["init", "-q", "-b", "main"], &charts);
        run("git", &["add", "-A"], &charts);
        run("git", &[&user[..], &["commit", "-q", "-m", "A"]].concat(), &charts);
        let day = ["--as-of", "2026-02-03"];
        let publish = ["publish", "--data", "data", "--charts", "charts"];
        run(candor, &[&publish[..], &day].concat(), folder);
    }
}

fn main() {
    let times = std::env::var("TIMES").ok().and_then(|times| times.parse().ok()).unwrap_or(21);
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    deploy(folder.path(), 20, 300);
    let mut serve = Command::new(env!("CARGO_BIN_EXE_candor"));
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
    let mut serve = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
    let mut line = String::new();
    let mut said = BufReader::new(serve.stdout.take().expect("a pipe"));
    while !line.contains("http://") {
        line.clear();
        assert!(said.read_line(&mut line).expect("a line") > 0, "the server ended");
    }
    let url = line.trim().split_once("listening on ").expect("an address").1;
    let url = url.trim_end_matches('/').to_owned();
    let deployment = Deployment::open(&folder.path().join("data")).expect("a deployment");
    let keys = deployment.verifiers();
    let source = ConfigSource::at(
        &url.parse().expect("an address"),
        deployment.module.clone(),
        keys.log.clone().into(),
    );
    let ours = |at_once: bool| {
        let seen = tempfile::TempDir::new().expect("a temporary folder");
        let (requests, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let begun = Instant::now();
        let counted = Counted { http: Http::new(), at_once, requests, bytes };
        let memory = Arc::new(FileStore::new(seen.path().join("seen")));
        let client = ConfigClient::new(source.clone(), &counted, memory).expect("a client");
        client.fetch(Wanted::Latest, SystemTime::now()).expect("a config");
        let ms = begun.elapsed().as_secs_f64() * 1e3;
        (ms, counted.requests.into_inner(), counted.bytes.into_inner())
    };
    let go = || {
        let home = tempfile::TempDir::new().expect("a temporary folder");
        let begun = Instant::now();
        let mut go = Command::new("go");
        go.args(["mod", "download", &format!("{MODULE}@latest")]).current_dir(home.path());
        go.env("HOME", home.path()).env("GOPATH", home.path().join("go")).env("GOENV", "off");
        go.env("GOFLAGS", "-modcacherw").env("GOTOOLCHAIN", "local").env("GOTELEMETRY", "off");
        go.env("GOMODCACHE", home.path().join("cache")).env("GOPROXY", format!("{url}/goproxy"));
        go.env("GOSUMDB", format!("{} {url}/sumdb", keys.sumdb));
        assert!(go.status().expect("go").success());
        begun.elapsed().as_secs_f64() * 1e3
    };
    let mut runs: Vec<_> = (0..times).map(|_| (ours(true), ours(false), go())).collect();
    drop(serve.kill());
    drop(serve.wait());
    let mut median = |of: fn(&(Ours, Ours, f64)) -> f64| {
        runs.sort_by(|one, other| of(one).total_cmp(&of(other)));
        of(&runs[times / 2])
    };
    let (once, steps, go) = (median(|run| run.0.0), median(|run| run.1.0), median(|run| run.2));
    let ((_, once_requests, once_bytes), (_, step_requests, step_bytes), _) = runs[0];
    println!("a first fetch          median ms  of go's  requests  bytes");
    println!(
        "all at once            {once:>9.1} {:>8.1} {once_requests:>9} {once_bytes:>6}",
        go / once
    );
    println!(
        "step by step           {steps:>9.1} {:>8.1} {step_requests:>9} {step_bytes:>6}",
        go / steps
    );
    println!("go mod download        {go:>9.1}");
}
