//! Until when reports under a config are accepted, and whose functions their stacks may name, from the
//! definitions in a repository to the answers of a running server; and everyone can see it.

#![cfg(feature = "server")]

use crate::support;
use serde_json::{Value, json};
use std::path::Path;
use std::thread;
use std::time::Duration;
use support::receiver::week;
use support::{Charts, Deployment, Server, candor, chart, refused, succeed, text};

/// How often to look for what a running server should notice within seconds.
const LOOKS: u32 = 600;

/// A repository whose config asks for stacks, too.
fn charts(packages: &str) -> Charts {
    let charts = Charts::new();
    write_stacks(&charts, packages);
    charts.commit();
    charts
}

fn write_stacks(charts: &Charts, packages: &str) {
    let kind = format!("type = \"stack\"\ndepth = 8\n{packages}");
    let crashes = chart("Crashes", "hello/crash").replace("type = \"partition\"\n", &kind);
    charts.write("charts-config/charts/crashes.toml", &crashes);
}

/// Adds to collection.toml, and commits.
fn retain(charts: &Charts, retention: &str) {
    let file = "charts-config/collection.toml";
    let before = std::fs::read_to_string(charts.path().join(file)).expect("read");
    let before = before.split("[retention]").next().unwrap_or_default().to_owned();
    charts.write(file, &format!("{before}[retention]\n{retention}\n"));
    charts.commit();
}

/// A report of a stack.
fn report(config: &str, x: f64, frames: &str) -> String {
    json!({
        "Week": week().to_string(), "LastWeek": "", "X": x, "Config": config,
        "Programs": [{
            "Program": "example.org/hello", "Version": "v1.0.0", "GoVersion": "rust1.95.0",
            "GOOS": "linux", "GOARCH": "amd64", "Counters": {"hello/verb:run": 3},
            "Stacks": {format!("hello/crash\n{frames}"): 1},
        }],
    })
    .to_string()
}

/// Uploads until the answer is this one.
fn until(server: &Server, status: u16, config: &str) {
    for look in 0..LOOKS {
        let x = 0.3 + f64::from(look) / 1e6;
        if server.upload(&report(config, x, "main.main:+1")) == status {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("{config} is not answered with {status}");
}

fn check(charts: &Charts, arguments: &[&str]) -> std::process::Command {
    let mut command = candor();
    command.arg("check").arg(charts.path()).args(arguments);
    command
}

#[test]
fn what_is_revoked_is_refused_by_a_running_server_and_everybody_is_told() {
    let (charts, deployment) = (charts(""), Deployment::new());
    deployment.publish(&charts);
    charts.add_chart("more");
    deployment.publish(&charts);
    let server = deployment.serve();
    for config in ["v0.1.0", "v0.2.0"] {
        assert_eq!(server.upload(&report(config, 0.2, "main.main:+1")), 200, "{config}");
    }
    retain(&charts, "revoked = [\"v0.1.0\"]");
    let folder = deployment.path().display().to_string();
    let sources: [[&str; 2]; 2] = [["--data", &folder], ["--url", &server.url]];
    for source in sources {
        let said = succeed(&mut check(&charts, &source));
        assert!(said.contains("\n  v0.2.0  open, the newest\n"), "{said}");
        assert!(said.contains("\n  v0.1.0  open until "), "{said}");
        assert!(said.contains("; revoked in these definitions, not yet published\n"), "{said}");
    }
    let published = deployment.publish(&charts);
    assert_eq!(published["outcome"], "unchanged", "clients obey the same config");
    assert_eq!(published["in_force"]["revoked"], json!(["v0.1.0"]));
    assert_eq!(published["revoked"], false);
    until(&server, 400, "v0.1.0");
    assert_eq!(server.upload(&report("v0.2.0", 0.4, "main.main:+1")), 200);
    for source in sources {
        let said = succeed(&mut check(&charts, &source));
        let json = support::json(check(&charts, &source).arg("--json"));
        assert_eq!(json["configs"][1]["version"], "v0.1.0");
        assert_eq!(json["configs"][1]["state"], "revoked");
        // Both are published for one day, unless midnight passes in between.
        let since = json["configs"][1]["since"].as_str().expect("a day");
        assert!(since >= json["configs"][0]["as_of"].as_str().expect("a day"), "{since}");
        assert!(said.contains(&format!("\n  v0.1.0  revoked since {since}\n")), "{said}");
        assert_eq!(json["configs"][0]["state"], "newest");
    }
    let (status, page) = server.get("/config/v0.1.0");
    assert!(
        status == 200 && text(&page).contains("It was revoked by the project"),
        "{}",
        text(&page)
    );
    // The newest: allowed, with a warning.
    retain(&charts, "revoked = [\"v0.2.0\", \"v0.7.0\"]");
    let said = succeed(&mut check(&charts, &sources[0]));
    assert!(said.contains("v0.2.0 is the newest config, and it is revoked"), "{said}");
    assert!(said.contains("no reports are accepted until the next one is published"), "{said}");
    assert!(said.contains("the deployment has no config v0.7.0"), "{said}");
    assert!(said.contains("\n  v0.1.0  revoked since "), "{said}");
    assert!(said.contains("; not in these definitions, so no longer"), "{said}");
    let mut publish = candor();
    publish.args(["publish", "--data"]).arg(deployment.path());
    let output = publish.arg("--charts").arg(charts.path()).output().expect("run");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let published = text(&output.stdout) + &text(&output.stderr);
    for line in [
        "no new version: the config is that of ",
        "  now in force: v0.2.0 is revoked, its reports are refused\n",
        "  now in force: v0.1.0 is no longer revoked\n",
        "v0.2.0 is the newest config, and it is revoked: no reports are accepted",
    ] {
        assert!(published.contains(line), "{line}: {published}");
    }
    until(&server, 400, "v0.2.0");
    until(&server, 200, "v0.1.0");
    charts.add_chart("again");
    deployment.publish(&charts);
    until(&server, 200, "v0.3.0");
    assert_eq!(server.upload(&report("v0.2.0", 0.5, "main.main:+1")), 400);
}

#[test]
fn an_address_that_is_no_deployment_is_told_so() {
    let charts = charts("");
    let said = refused(&mut check(&charts, &["--url", "http://127.0.0.1:1"]), 1);
    assert!(said.contains("does not say which configs are open"), "{said}");
    assert!(said.contains("give the address of a"), "{said}");
}

/// All the bytes of a folder's files.
fn bytes(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => all.extend(bytes(&path)),
            false => all.extend(std::fs::read(&path).expect("a file")),
        }
    }
    all
}

#[test]
fn a_text_that_a_sender_chose_reaches_no_disk_where_packages_are_listed() {
    const EVIL: &str = "visit-evil.example/free-pills::now";
    let (charts, deployment) =
        (charts("packages = [\"example.org/hello\", \"std\"]\n"), Deployment::new());
    deployment.publish(&charts);
    let server = deployment.serve();
    let frames = format!("main.run:+3\n{EVIL}\nexample.org/hello/x.F[{EVIL}]:+1\nruntime.main:=7");
    assert_eq!(server.upload(&report("v0.1.0", 0.2, &frames)), 200);
    let has = |text: &str| {
        bytes(&deployment.path().join("reports")).windows(text.len()).any(|w| w == text.as_bytes())
    };
    assert!(!has("evil") && !has("pills"));
    assert!(has("main.run:+3\\n(other packages)\\nruntime.main:=7"), "what is listed is there");
    // Without the line, any word that looks like a function is kept, as the warning of a check says.
    write_stacks(&charts, "");
    charts.commit();
    let said = succeed(&mut check(&charts, &[]));
    assert!(said.contains("the chart has no `packages`"), "{said}");
}

#[test]
fn packages_are_proposed_from_real_lists_of_dependencies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (go, cargo) = (root.join("tests/go/go.sum"), root.join("Cargo.lock"));
    let charts = charts("");
    let propose = |files: &[&Path]| {
        let mut command = check(&charts, &["--json"]);
        for file in files {
            command.arg("--packages-from").arg(file);
        }
        let json = support::json(&mut command);
        let proposals = json["packages"].as_array().expect("a list").clone();
        let [proposal] = proposals.try_into().expect("one stack chart");
        assert_eq!(proposal["file"], "charts/crashes.toml");
        let packages = proposal["packages"].as_array().expect("a list").clone();
        packages.iter().map(|name| name.as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    let of_go = ["example.org/hello", "golang.org/x/mod", "golang.org/x/sync", "golang.org/x/sys"];
    let of_go = [of_go.as_slice(), &["golang.org/x/telemetry", "std"]].concat();
    assert_eq!(propose(&[&go]), of_go);
    let of_rust = propose(&[&cargo]);
    for name in ["candor", "serde_json", "aho_corasick", "std", "example.org/hello"] {
        assert!(of_rust.iter().any(|one| one == name), "{name}: {of_rust:?}");
    }
    assert!(of_rust.iter().all(|name| !name.contains('-')), "{of_rust:?}");
    let both = propose(&[&go, &cargo]);
    assert!(of_go.iter().all(|name| both.iter().any(|one| one == name)), "{both:?}");
    // The output can be pasted: the definitions are valid then, without warnings.
    let printed = succeed(check(&charts, &["--packages-from"]).arg(&go));
    let (_, proposed) = printed.split_once("# charts/crashes.toml, line 1: ").expect("a proposal");
    let (_, line) = proposed.split_once('\n').expect("a line");
    write_stacks(&charts, line);
    let json: Value = support::json(&mut check(&charts, &["--json"]));
    assert_eq!((&json["valid"], &json["diagnostics"]), (&json!(true), &json!([])));
    assert!(printed.contains("# Remove what stacks need not name"), "{printed}");
    let said = refused(check(&charts, &["--packages-from"]).arg(root.join("Cargo.toml")), 2);
    assert!(said.contains("neither a go.sum nor a Cargo.lock"), "{said}");
    let missing = refused(&mut check(&charts, &["--packages-from", "/no/such/go.sum"]), 1);
    assert!(missing.contains("cannot read /no/such/go.sum"), "{missing}");
    write_stacks(&charts, "packages = [\"a//b\"]\n");
    let mistaken = refused(check(&charts, &["--packages-from"]).arg(&go), 1);
    assert!(mistaken.contains("no packages are proposed while the definitions"), "{mistaken}");
    assert!(mistaken.contains("is not a path"), "{mistaken}");
}
