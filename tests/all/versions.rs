//! Versions and toolchains that were released since are listed in hand-written files, and nothing else changes.

#![cfg(feature = "server")]

use crate::support::{Charts, candor, chart, contents, json, refused, succeed};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// A server of files that plays all registries; stopped on drop.
struct Registry {
    url: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Registry {
    /// Answers each path with its text, and any other with 404. The text `500` is a failure.
    fn new(files: &[(&str, String)]) -> Registry {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let files: BTreeMap<String, String> =
            files.iter().map(|(path, text)| ((*path).to_owned(), text.clone())).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                answer(stream, &files);
            }
        });
        Registry { url, stop, thread: Some(thread) }
    }

    /// `candor versions` with this registry as all of them.
    fn versions(&self, charts: &Path) -> Command {
        let mut command = candor();
        command.arg("versions").arg(charts).env_remove("GOPROXY");
        for flag in ["--go-proxy", "--crates-index", "--rust-releases"] {
            command.args([flag, &self.url]);
        }
        command
    }
}

fn answer(stream: TcpStream, files: &BTreeMap<String, String>) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    for _ in lines.take_while(|line| !line.is_empty()) {}
    let (status, text) = match files.get(&path).map(String::as_str) {
        Some("500") => (500, ""),
        Some(text) => (200, text),
        None => (404, ""),
    };
    let length = text.len();
    // A client that goes away early is ignored.
    let _ = write!(
        &stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    );
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wake the thread that waits for a connection.
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

const TOOLCHAINS: &str = "v0.0.1-go1.24.0.linux-amd64\nv0.0.1-go1.24.1.linux-amd64\n\
                          v0.0.1-go1.24.1.darwin-arm64\nv0.0.1-go1.23.5.linux-amd64\n";

/// A registry with releases of Go, Rust and three programs.
fn registry() -> Registry {
    let sum = format!("{}  channel-rust-1.95.0.toml\n", "0".repeat(64));
    let line = |name: &str| {
        let line = format!("{} refs/tags/{name}\n", "0".repeat(40));
        format!("{:04x}{line}", line.len() + 4)
    };
    let refs =
        format!("001e# service=git-upload-pack\n0000{}{}0000", line("v9.9.9"), line("tool-2.1.0"));
    Registry::new(&[
        ("/golang.org/toolchain/@v/list", TOOLCHAINS.into()),
        ("/dist/channel-rust-1.95.0.toml.sha256", sum.clone()),
        ("/dist/channel-rust-1.95.1.toml.sha256", sum.clone()),
        ("/dist/channel-rust-1.96.0.toml.sha256", sum),
        (
            "/example.org/hello/@v/list",
            "v0.9.0\nv1.2.0\nv1.0.0\nv1.10.0\nv1.1.0\nv1.2.0-rc.1\n".into(),
        ),
        (
            "/he/ll/hello-rs",
            "{\"name\":\"hello-rs\",\"vers\":\"0.1.0\"}\n{\"vers\":\"0.2.0\",\"yanked\":true}\n"
                .into(),
        ),
        ("/tool.git/info/refs?service=git-upload-pack", refs),
    ])
}

/// Charts of four programs, in files that people formatted by hand.
fn by_hand(registry: &Registry) -> Charts {
    let charts = Charts::new();
    let git = format!("git:{}/tool.git#tool-*", registry.url);
    charts.write("charts-config/collection.toml", &COLLECTION.replace("MORE", ""));
    charts.write("charts-config/programs/hello.toml", &HELLO.replace("MORE", ""));
    charts.write("charts-config/programs/rs.toml", &RS.replace("MORE", ""));
    charts
        .write("charts-config/programs/tool.toml", &TOOL.replace("GIT", &git).replace("MORE", ""));
    charts.write("charts-config/programs/own.toml", &OWN.replace("MORE", ""));
    for program in ["rs", "tool", "own"] {
        let text = chart(program, &format!("{program}/x:{{a,other}}"))
            .replace("example.org/hello", &format!("example.org/{program}"));
        charts.write(&format!("charts-config/charts/{program}.toml"), &text);
    }
    charts.commit();
    charts.git(&["tag", "v3.0.0"]);
    charts.git(&["tag", "3.1.0"]);
    charts.git(&["tag", "-a", "-m", "x", "v3.2.0"]);
    charts.git(&["tag", "nightly"]);
    charts
}

const COLLECTION: &str = "\
# What we ask.
module     = \"telemetry.example.org/config\"
goos       = [\"linux\", \"windows\"]
goarch     = [\"amd64\"]
toolchains = [ # see the policy
    # Rust, newest first.
MORE    \"rust1.95.0\", # the one of our distribution

    # Go
    'go1.24.0'
] # all of them

[sampling]  # of all charts
confidence=0.99
error     =0.01
";
const HELLO: &str = "\
program = \"example.org/hello\"\r
module  = \"example.org/hello\"\r
versions = [\r
  \"v1.0.0\", # first with telemetry\r
  \"v1.1.0\",\r
MORE]\r
# done\r
";
const RS: &str = "\
program       = \"example.org/rs\"
module        = \"example.org/rs\"
versions_from = \"crates:hello-rs\"
versions      = ['v0.1.0'MORE]   # crates
";
const TOOL: &str = "\
program = \"example.org/tool\"
module = \"example.org/tool\"
versions_from = \"GIT\"
versions = [\"v2.0.0\"MORE,]
";
const OWN: &str = "\
program = \"example.org/own\"
module = \"example.org/own\"
versions_from = \"git\"
versions = [MORE\"v3.1.0\", \"v3.0.0\", \"devel\"]";

#[test]
fn releases_are_listed_in_their_place_and_no_other_byte_changes() {
    let registry = registry();
    let charts = by_hand(&registry);
    let git = format!("git:{}/tool.git#tool-*", registry.url);
    let said = succeed(&mut registry.versions(charts.path()));
    assert_eq!(
        said,
        "programs/hello.toml: added v1.2.0, v1.10.0 to versions\n\
         programs/own.toml: added v3.2.0 to versions\n\
         programs/rs.toml: added v0.2.0 to versions\n\
         programs/tool.toml: added v2.1.0 to versions\n\
         collection.toml: added go1.24.1, rust1.95.1, rust1.96.0 to toolchains\n\
         5 files changed\n"
    );
    let read = |path: &str| {
        let path = charts.path().join("charts-config").join(path);
        std::fs::read_to_string(path).expect("a file")
    };
    let collection = COLLECTION
        .replace("MORE", "")
        .replace(
            "our distribution\n",
            "our distribution\n    \"rust1.95.1\",\n    \"rust1.96.0\",\n",
        )
        .replace("    'go1.24.0'\n", "    'go1.24.0',\n    \"go1.24.1\"\n");
    assert_eq!(read("collection.toml"), collection);
    let hello = HELLO.replace("MORE", "  \"v1.2.0\",\r\n  \"v1.10.0\",\r\n");
    assert_eq!(read("programs/hello.toml"), hello);
    assert_eq!(read("programs/rs.toml"), RS.replace("MORE", ", 'v0.2.0'"));
    assert_eq!(
        read("programs/tool.toml"),
        TOOL.replace("GIT", &git).replace("MORE", ", \"v2.1.0\"")
    );
    assert_eq!(read("programs/own.toml"), OWN.replace("MORE", "\"v3.2.0\", "));
    succeed(candor().arg("check").arg(charts.path()));

    // Nothing is left to do.
    charts.commit();
    let before = contents(charts.path());
    let said = succeed(&mut registry.versions(charts.path()));
    assert_eq!(said, "nothing to add: every release is allowed\n");
    assert_eq!(contents(charts.path()), before);
}

#[test]
fn a_check_changes_nothing_and_says_what_would_change() {
    let registry = registry();
    let charts = by_hand(&registry);
    let before = contents(charts.path());
    let mut check = registry.versions(charts.path());
    let output = check.args(["--check", "--json"]).output().expect("run candor");
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["files"].as_array().expect("a list").len(), 5);
    assert_eq!(report["lists"][0]["program"], "example.org/hello");
    assert_eq!(report["lists"][0]["added"], serde_json::json!(["v1.2.0", "v1.10.0"]));
    let url = format!("{}/example.org/hello/@v/list", registry.url);
    assert_eq!(report["lists"][0]["asked"], serde_json::json!([url]));
    assert_eq!(contents(charts.path()), before);
    succeed(&mut registry.versions(charts.path()));
    assert_eq!(
        json(registry.versions(charts.path()).args(["--check", "--json"]))["files"],
        serde_json::json!([])
    );
}

#[test]
fn what_padding_allows_is_listed_only_when_it_runs_short() {
    let charts = Charts::new();
    let hello = "program = \"example.org/hello\"\nmodule = \"example.org/hello\"\n\
                 versions = [\"v1.0.0\"]\n\n[padding]\nreleases = 4\nmajor = 0\nminor = 2\npatch = 4\n\
                 prerelease = 0\n";
    let toolchains = "toolchains = [\"go1.24.0\"]\n";
    let collection = "module = \"telemetry.example.org/config\"\ngoos = [\"linux\"]\n\
                      goarch = [\"amd64\"]\n";
    let padding = "[padding]\nminor = 1\npatch = 2\nprerelease = 1\n";
    charts.write("charts-config/programs/hello.toml", hello);
    charts.write("charts-config/collection.toml", &[collection, toolchains, padding].concat());
    charts.commit();
    let registry = |versions: &str, go: &str| {
        Registry::new(&[
            ("/example.org/hello/@v/list", versions.to_owned()),
            ("/golang.org/toolchain/@v/list", format!("v0.0.1-{go}.linux-amd64\n")),
        ])
    };
    // An urgent fix and a new compiler are allowed before anyone lists them.
    let config = succeed(candor().arg("compile").arg(charts.path()));
    for allowed in ["\"v1.0.1\"", "\"v1.1.0\"", "\"go1.24.1\"", "\"go1.25rc1\"", "\"go1.25.0\""] {
        assert!(config.contains(allowed), "{allowed} in {config}");
    }
    let before = contents(charts.path());
    let enough = registry("v1.0.0\nv1.0.1\n", "go1.24.1");
    let said = succeed(&mut enough.versions(charts.path()));
    let expected = "programs/hello.toml: [padding] allows v1.0.1 already\n\
                    collection.toml: [padding] allows go1.24.1 already\n\
                    nothing to add: every release is allowed\n";
    assert_eq!(said, expected);
    assert_eq!(contents(charts.path()), before);

    let short = registry("v1.0.0\nv1.0.1\nv1.0.3\n", "go1.25.0");
    let said = succeed(&mut short.versions(charts.path()));
    let expected = "programs/hello.toml: added v1.0.1, v1.0.3 to versions\n\
                    collection.toml: added go1.25.0 to toolchains\n2 files changed\n";
    assert_eq!(said, expected);
    charts.git(&["checkout", "-q", "."]);
    let all = succeed(enough.versions(charts.path()).arg("--all"));
    assert!(all.starts_with("programs/hello.toml: added v1.0.1 to versions\n"), "{all}");
}

#[test]
fn a_long_list_of_releases_is_told_in_their_order() {
    let charts = Charts::new();
    let told = |patches: u32| {
        let released: String = (1..=patches).map(|patch| format!("v1.0.{patch}\n")).collect();
        let registry = Registry::new(&[("/example.org/hello/@v/list", released)]);
        let output = registry.versions(charts.path()).arg("--check").output().expect("run candor");
        let said = String::from_utf8(output.stdout).expect("text");
        said.lines()
            .find(|line| line.starts_with("programs/hello.toml"))
            .expect("a line")
            .to_owned()
    };
    let seven = "programs/hello.toml: would add v1.0.1, v1.0.2, v1.0.3, v1.0.4, v1.0.5, v1.0.6, v1.0.7 to versions";
    assert_eq!(told(7), seven);
    let many = "programs/hello.toml: would add v1.0.1, v1.0.2, v1.0.3, v1.0.4, v1.0.5, v1.0.6 and 6 more up to v1.0.12 \
                to versions";
    assert_eq!(told(12), many);
}

#[test]
fn what_padding_allows_is_explained_by_the_padding() {
    let charts = Charts::new();
    let collection = "module = \"telemetry.example.org/config\"\ngoos = [\"linux\"]\n\
                      goarch = [\"amd64\"]\ntoolchains = [\"go1.24.0\"]\n";
    charts.write("charts-config/collection.toml", collection);
    charts.commit();
    let padding = "[padding]\nminor = 1\npatch = 2\nprerelease = 1\n";
    charts.write("charts-config/collection.toml", &[collection, padding].concat());
    let commit = charts.commit();
    let explained = json(candor().arg("explain").arg(charts.path()).args(["go1.25.0", "--json"]));
    let text = explained.to_string();
    assert!(text.contains("\"file\":\"charts-config/collection.toml\""), "{text}");
    assert!(text.contains("\"line\":5") && text.contains("\"in_advance\":true"), "{text}");
    assert!(text.contains(&commit), "{text}");
}

#[test]
fn where_one_registry_fails_its_list_stays_and_the_others_are_refreshed() {
    let hello = "/example.org/hello/@v/list";
    let charts = Charts::new();
    let go = COLLECTION
        .replace("MORE", "")
        .replace("    \"rust1.95.0\", # the one of our distribution\n", "");
    charts.write("charts-config/collection.toml", &go);
    charts.commit();
    let before = contents(&charts.path().join("charts-config"));
    let toolchains = ("/golang.org/toolchain/@v/list", TOOLCHAINS.to_owned());
    let (programs, collection) = ("programs/hello.toml", "collection.toml");
    for (files, changed, told) in [
        (
            vec![toolchains.clone()],
            Some(collection),
            "/example.org/hello/@v/list has nothing of example.org/hello",
        ),
        (
            vec![toolchains.clone(), (hello, "500".into())],
            Some(collection),
            "answered with status 500",
        ),
        (vec![(hello, "v1.1.0\n".into())], Some(programs), "has no list of Go's toolchains"),
        (vec![], None, "has no list of Go's toolchains"),
    ] {
        let registry = Registry::new(&files);
        let output = registry.versions(charts.path()).arg("--json").output().expect("run candor");
        assert_eq!(output.status.code(), Some(1));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert!(report["failures"].to_string().contains(told), "{report}");
        let files: Vec<&str> = changed.into_iter().collect();
        assert_eq!(report["files"], serde_json::json!(files));
        assert_eq!(contents(&charts.path().join("charts-config")) == before, files.is_empty());
        charts.git(&["checkout", "-q", "."]);
        let message = refused(&mut registry.versions(charts.path()), 1);
        assert!(message.contains(told), "{message}");
        charts.git(&["checkout", "-q", "."]);
        assert_eq!(contents(&charts.path().join("charts-config")), before);
    }
    // A module without a release has an empty list: that is no failure.
    let registry = Registry::new(&[toolchains, (hello, String::new())]);
    let said = succeed(&mut registry.versions(charts.path()));
    let expected = format!(
        "programs/hello.toml: no release is known to {}{hello}, so the list stays as it is\n\
         collection.toml: added go1.24.1 to toolchains\n1 file changed\n",
        registry.url
    );
    assert_eq!(said, expected);
    charts.git(&["checkout", "-q", "."]);
    // A proxy that answers nonsense does not mean that nothing is new.
    let nonsense =
        Registry::new(&[("/example.org/hello/@v/list", "<html>welcome</html>".to_owned())]);
    charts.write(
        "charts-config/programs/hello.toml",
        "program = \"example.org/hello\"\nmodule = \"example.org/hello\"\nversions = [\"v1.0.0\"]\n",
    );
    let message = refused(&mut nonsense.versions(charts.path()), 1);
    assert!(
        message.contains("answered with something else than a list of the module's versions"),
        "{message}"
    );
    // Nobody is asked about definitions with mistakes.
    charts.write(
        "charts-config/programs/hello.toml",
        "program = \"example.org/hello\"\nversions_from = \"svn\"\n",
    );
    let message = refused(&mut Registry::new(&[]).versions(charts.path()), 1);
    assert!(message.contains("\"svn\" does not say who knows the released versions"), "{message}");
    assert!(message.contains("programs/hello.toml:2:17"), "{message}");
}

#[test]
fn the_proxy_of_the_go_command_is_asked() {
    let registry = registry();
    let charts = by_hand(&registry);
    let mut versions = candor();
    versions.arg("versions").arg(charts.path()).args(["--check", "--json"]);
    versions.args(["--crates-index", &registry.url, "--rust-releases", &registry.url]);
    versions.env("GOPROXY", format!("direct,{}|https://proxy.invalid", registry.url));
    let output = versions.output().expect("run candor");
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["lists"][0]["added"], serde_json::json!(["v1.2.0", "v1.10.0"]));
    // Whoever wants no proxy to be asked is not surprised by one.
    for list in ["off", "direct"] {
        let mut versions = candor();
        versions.arg("versions").arg(charts.path()).env("GOPROXY", list);
        versions.args(["--crates-index", &registry.url, "--rust-releases", &registry.url]);
        let message = refused(&mut versions, 1);
        let told = format!("GOPROXY={list} names no Go module proxy");
        assert_eq!(message.matches(&told).count(), 1, "{message}");
    }
    // Nor is a password shown, to anyone.
    for list in ["http://ada:s3cret@127.0.0.1:9", "https://ada:s3cret@proxy.invalid,direct"] {
        let mut versions = candor();
        versions.arg("versions").arg(charts.path()).args(["--check", "--json"]);
        versions.args(["--crates-index", &registry.url, "--rust-releases", &registry.url]);
        let output = versions.env("GOPROXY", list).output().expect("run candor");
        assert_eq!(output.status.code(), Some(1));
        let said = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8(bytes).expect("text"))
            .concat();
        assert!(said.contains("GOPROXY has a user name or a password"), "{said}");
        assert!(!said.contains("s3cret") && !said.contains("ada:"), "{said}");
    }
}
