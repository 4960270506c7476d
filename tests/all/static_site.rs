//! A deployment as plain files: the real `go` command, our client, an auditor and a reader's browser need no server.
#![cfg(feature = "server")]

use crate::go_site::crawl;
use crate::machines::{candor_on, upload};
use crate::support;
use candor::client::Wanted;
use candor::static_site::{Claim, Source, WriteError, gather, write};
use candor::store::plain::{PlainMemory, PlainObject};
use candor::store::{FileStore, Pinned};
use candor::tlog::StoredTiles;
use candor::web::{Reader, Site, WrittenAt};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use support::s3::S3;
use support::{
    Charts, Client, Deployment, Go, MODULE, Server, candor, get, json, refused, run, succeed, text,
};
use tempfile::TempDir;

/// How many reports are in the data.
const REPORTS: u64 = 30;

/// A deployment with some versions, reports and charts.
fn deployment() -> (Deployment, Charts) {
    let (deployment, charts) = (Deployment::new(), Charts::new());
    // Addresses as of files, of which one begins another.
    for (number, counter) in
        ["picture.svg", "picture.svg/large", "drawing.svg"].into_iter().enumerate()
    {
        charts.write(
            &format!("charts-config/charts/picture{number}.toml"),
            &support::chart("Pictures shown", counter),
        );
    }
    charts.commit();
    deployment.publish(&charts);
    let mut serve = support::serve_command(deployment.path());
    let server = Server::start(serve.args(["--no-charts", "--network-reports", "1000"]));
    for number in 1..=REPORTS {
        while !upload(&server.url, number) {
            std::thread::yield_now();
        }
    }
    server.stop();
    for verb in ["merge", "chart"] {
        succeed(candor().args([verb, "--data"]).arg(deployment.path()));
    }
    charts.add_chart("second");
    deployment.publish(&charts);
    (deployment, charts)
}

/// `candor static`, into a folder.
fn copy_to(deployment: &Deployment, folder: &Path) -> Value {
    let mut copy = candor();
    copy.args(["--json", "static", "--data"]).arg(deployment.path());
    json(copy.arg("--to").arg(format!("file://{}", folder.display())))
}

/// nginx, which serves a folder with what was written for it; stopped on drop.
struct Files {
    child: Child,
    url: String,
    _place: TempDir,
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Files {
    /// Serves `root`, whose files say where they are below it.
    fn serve(root: &Path, written: &Path) -> Files {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let temporary = TempDir::new().expect("a temporary folder");
        let place = temporary.path().display();
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let places = kinds.map(|kind| format!("{kind}_temp_path {place}/{kind};")).concat();
        let user = if nix::unistd::geteuid().is_root() { "user root;" } else { "" };
        let settings = format!(
            "daemon off; master_process off; pid {place}/pid; {user} error_log {place}/error.log; events {{}}\n\
             http {{ {places} access_log off; server {{ listen {address}; root {}; include {}; }} }}\n",
            root.display(),
            written.join(".candor/nginx.conf").display()
        );
        fs::write(temporary.path().join("nginx.conf"), settings).expect("written");
        let mut nginx = Command::new("nginx");
        nginx.args(["-p", &place.to_string(), "-c", "nginx.conf", "-e"]);
        let errors = temporary.path().join("error.log");
        let mut child = nginx.arg(&errors).spawn().expect("nginx");
        while TcpStream::connect(address).is_err() {
            let said = fs::read_to_string(&errors).unwrap_or_default();
            assert!(child.try_wait().expect("its state").is_none(), "nginx ended: {said}");
            std::thread::yield_now();
        }
        Files { child, url: format!("http://{address}"), _place: temporary }
    }

    fn get(&self, path: &str) -> (u16, Vec<u8>) {
        get(&format!("{}{path}", self.url))
    }
}

/// A header of an answer.
fn header(url: &str, name: &str) -> String {
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    let answer = agent.get(url).call().unwrap_or_else(|error| panic!("{url}: {error}"));
    let value = answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
    value.unwrap_or_default()
}

#[test]
fn go_our_client_auditors_and_readers_need_only_files() {
    let (deployment, charts) = deployment();
    let folder = TempDir::new().expect("a temporary folder");
    let www = folder.path().join("www");
    let first = copy_to(&deployment, &www);
    let linking = || {
        let dead = first["dead_links"][0].as_str().unwrap_or_default();
        let links = |(_, bytes): &(_, Vec<u8>)| text(bytes).contains(dead);
        let files = support::contents(&www).into_iter().filter(links);
        files.map(|(path, _)| path).collect::<Vec<_>>()
    };
    assert_eq!(first["dead_links"], serde_json::json!([]), "in {:?}", linking());
    let files = Files::serve(&www, &www);

    let go = Go::new(&deployment, &files.url);
    go.must_download(MODULE, "v0.1.0");
    assert_eq!(go.must_download(MODULE, "latest")["Version"], "v0.2.0");
    let client = Client::new(&deployment, &files.url);
    client.fetch(Wanted::Latest).expect("verified");
    let audit = |url: &str| -> BTreeMap<String, String> {
        let mut audit = candor();
        audit.args(["--json", "audit", url, "--vkey", &deployment.log_key, "--charts"]);
        let audited = run(audit.arg(charts.path()));
        let audited: Value = serde_json::from_slice(&audited.stdout).expect("JSON");
        let verdicts = audited["verdicts"].as_array().expect("a list").iter();
        let of = |verdict: &Value, name: &str| verdict[name].as_str().expect("text").to_owned();
        let wrong = |verdict: &&Value| verdict["state"] == "wrong";
        verdicts.clone().filter(wrong).for_each(|wrong| println!("{wrong}"));
        verdicts.map(|verdict| (of(verdict, "id"), of(verdict, "state"))).collect()
    };
    let server = Server::start(support::serve_command(deployment.path()).arg("--read-only"));
    let (by_files, by_server) = (audit(&files.url), audit(&server.url));
    for (id, state) in &by_server {
        // Uploads are not here.
        assert!(&by_files[id] == state || id == "pages", "{id}: {state}, {}", by_files[id]);
    }
    assert_eq!(by_files["versions"], "ok");
    assert_eq!(by_files["data-rows"], "ok");

    // Every link works, and every page has its policy.
    let pages = crawl(|path| files.get(path));
    assert!(pages.len() > 30, "{:?}", pages.keys());
    for (path, page) in &pages {
        assert!(page.contains("<meta http-equiv=\"Content-Security-Policy\""), "{path}");
        assert!(!page.contains("<form"), "{path}");
    }
    assert_eq!(files.get("/nothing/here").0, 404);
    assert_eq!(files.get("/.candor/written").0, 404);

    // What a server says of an answer, files say too.
    let module = format!("/goproxy/{MODULE}");
    for path in [
        "/".to_owned(),
        "/log/checkpoint".to_owned(),
        "/log/newest".to_owned(),
        "/log/policy".to_owned(),
        "/log/tile/0/000.p/2".to_owned(),
        "/latest".to_owned(),
        "/sumdb/latest".to_owned(),
        format!("/sumdb/lookup/{MODULE}@v0.1.0"),
        format!("{module}/@v/list"),
        format!("{module}/@latest"),
        format!("{module}/@v/v0.1.0.zip"),
        format!("{module}/@v/v0.1.0.mod"),
        format!("{module}/@v/v0.1.0.info"),
        "/data/index.json".to_owned(),
        "/config/v0.1.0.json".to_owned(),
        "/charts/".to_owned(),
        "/config/atom.xml".to_owned(),
        "/config/@latest".to_owned(),
        "/config/@latest.json".to_owned(),
        "/log/entry/@latest".to_owned(),
        "/data/weeks/SHA256SUMS".to_owned(),
        "/charts/@latest/".to_owned(),
        "/charts/example.org/hello/@latest/".to_owned(),
        "/charts/example.org/hello/@latest/hello-verb".to_owned(),
        "/charts/example.org/hello/@latest/hello-verb.svg".to_owned(),
        "/charts/example.org/hello/@latest/hello-verb.badge.svg".to_owned(),
        "/charts/example.org/hello/@latest/hello-verb.json".to_owned(),
        "/counters/example.org/hello/picture.svg".to_owned(),
        "/counters/example.org/hello/picture.svg/large".to_owned(),
        "/counters/example.org/hello/drawing.svg".to_owned(),
    ] {
        let both = [&files.url, &server.url].map(|url| format!("{url}{path}"));
        let [own, asked] = both.each_ref().map(|url| header(url, "content-type"));
        assert_eq!(own, asked, "{path}");
        let [own, asked] = both.each_ref().map(|url| header(url, "cache-control"));
        // A server redirects to what may be immutable.
        let is_immutable = asked.contains("immutable") && !path.contains("@latest");
        assert_eq!(own.contains("immutable"), is_immutable, "{path}: {own}, {asked}");
        assert_eq!(header(&both[0], "access-control-allow-origin"), "*", "{path}");
    }

    // Only what is new is written again, and then it is there.
    let again = copy_to(&deployment, &www);
    let written = |report: &Value| report["written"].as_u64().expect("a number");
    assert!(written(&again) <= 2, "{again}");
    charts.add_chart("third");
    deployment.publish(&charts);
    let third = copy_to(&deployment, &www);
    assert!(written(&third) < written(&first) / 2, "{third}");
    assert_eq!(go.must_download(MODULE, "latest")["Version"], "v0.3.0");
    client.fetch(Wanted::Latest).expect("verified");
    crawl(|path| files.get(path));
}

#[test]
fn a_copy_never_goes_back() {
    let (deployment, charts) = (Deployment::new(), Charts::new());
    deployment.publish(&charts);
    let folder = TempDir::new().expect("a temporary folder");
    let backup = TempDir::new().expect("a temporary folder");
    support::copy_folder(deployment.path(), backup.path());
    charts.add_chart("second");
    deployment.publish(&charts);
    copy_to(&deployment, folder.path());
    let before = support::contents(folder.path());
    let mut older = candor();
    older.args(["static", "--data"]).arg(backup.path());
    let said = refused(older.arg("--to").arg(format!("file://{}", folder.path().display())), 1);
    assert!(
        said.contains("the copy has a log of 2 entries, and this deployment one of 1"),
        "{said}"
    );
    assert!(support::contents(folder.path()) == before);
    // One that cannot be whole is not written at all.
    let tile = deployment.path().join("store/log/tile/entries/000.p/2");
    fs::write(&tile, b"damaged").expect("damaged");
    let empty = TempDir::new().expect("a temporary folder");
    let mut damaged = candor();
    damaged.args(["static", "--data"]).arg(deployment.path());
    let said = refused(damaged.arg("--to").arg(format!("file://{}", empty.path().display())), 1);
    assert!(said.contains("nothing was written"), "{said}");
    assert!(!empty.path().join("log").exists());
}

#[test]
fn a_copy_in_a_bucket_has_its_headers() {
    let (deployment, charts) = (Deployment::new(), Charts::new());
    let server = S3::versitygw();
    let mut publish = candor_on(&server);
    publish.arg("publish").arg("--data").arg(deployment.path()).arg("--charts").arg(charts.path());
    let said = run(publish.args(["--static", &server.url("site")]));
    assert!(text(&said.stderr).contains("wrote "), "{}", text(&said.stderr));
    let copy = || {
        let mut copy = candor_on(&server);
        copy.args(["--json", "static", "--data"]).arg(deployment.path());
        json(copy.args(["--to", &server.url("site")]))
    };
    assert!(server.files().join("site/log/checkpoint").exists());
    let again = copy();
    assert!(again["written"].as_u64() <= Some(2), "{again}");
    let environment = server.environment();
    let user =
        format!("{}:{}", environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]);
    let head = |name: &str| {
        let mut curl = Command::new("curl");
        curl.args(["-sSf", "-D", "-", "-o", "/dev/null", "--user", &user]);
        curl.args(["--aws-sigv4", "aws:amz:us-east-1:s3"]);
        curl.args(["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]);
        succeed(curl.arg(format!("{}/{}/site/{name}", server.endpoint, support::s3::BUCKET)))
            .to_lowercase()
    };
    for (name, content_type, lifetime) in [
        ("index.html", "text/html; charset=utf-8", "max-age="),
        ("log/checkpoint", "text/plain; charset=utf-8", "max-age=5"),
        ("log/tile/0/000.p/1", "application/octet-stream", "immutable"),
        ("config/v0.1.0.json", "application/json", "immutable"),
    ] {
        let said = head(name);
        assert!(said.contains(&format!("content-type: {content_type}")), "{name}: {said}");
        assert!(said.contains("cache-control: ") && said.contains(lifetime), "{name}: {said}");
    }
}

/// What a reader needs of what the newest head and the list name.
fn check_whole(objects: &BTreeMap<String, PlainObject>) {
    let body = |name: &str| objects.get(name).map(|object| text(&object.bytes));
    let must = |name: String| assert!(objects.contains_key(&name), "{name} is missing");
    if let Some(checkpoint) = body("log/checkpoint") {
        let size: u64 = checkpoint.lines().nth(1).expect("a size").parse().expect("a number");
        must(format!("log/tile/0/000.p/{size}"));
        must(format!("log/tile/entries/000.p/{size}"));
    }
    for latest in ["latest", "sumdb/latest"] {
        if let Some(head) = body(latest) {
            let size = head.lines().nth(1).expect("a size");
            let below = latest.strip_suffix("latest").expect("its folder");
            must(format!("{below}tile/8/0/000.p/{size}"));
            must(format!("{below}tile/8/data/000.p/{size}"));
        }
    }
    for version in body(&format!("goproxy/{MODULE}/@v/list")).unwrap_or_default().lines() {
        for end in ["info", "mod", "zip"] {
            must(format!("goproxy/{MODULE}/@v/{version}.{end}"));
        }
        must(format!("sumdb/lookup/{MODULE}@{version}"));
        assert!(body("sumdb/latest").is_some());
    }
}

#[test]
fn a_run_that_ends_anywhere_leaves_what_verifies_and_the_next_completes_it() {
    let (deployment, charts) = (Deployment::new(), Charts::new());
    deployment.publish(&charts);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let opened = candor::publish::Deployment::open(deployment.path()).expect("a deployment");
    let source = || {
        let store = Arc::new(FileStore::new(deployment.path().join("store")));
        let store = Arc::new(Pinned::new(store));
        let keys = opened.verifiers().clone();
        let database = keys.sumdb.name().to_string();
        let site =
            runtime.block_on(Site::open(opened.module.clone(), keys, store)).expect("a site");
        let tree = opened.log().expect("a log").settle().expect("a head");
        let tiles = StoredTiles::new(opened.store.clone());
        let (module, trust) = (opened.module.clone(), b"trust".to_vec());
        let now = WrittenAt {
            written: "2026-11-28T11:00:00Z".to_owned(),
            tree_size: tree.size.get(),
            root: tree.root.to_string(),
            cosigned: None,
            newest_week: None,
        };
        Source { reader: Reader::new(site), module, database, tree, tiles, trust, now }
    };
    let copy = |source: &Source, to: &PlainMemory| {
        let run = Claim::new(to)?;
        let gathered = runtime.block_on(gather(source, to, false, |_, _| {})).expect("gathered");
        write(gathered, &run, |_, _| {})
    };
    let (first, whole) = (source(), PlainMemory::default());
    whole.allow(u64::MAX);
    copy(&first, &whole).expect("written");
    charts.add_chart("second");
    deployment.publish(&charts);
    let second = source();
    let mut ended = 0;
    for left in (0..).step_by(3) {
        let interrupted = PlainMemory::default();
        interrupted.allow(u64::MAX);
        copy(&first, &interrupted).expect("written");
        interrupted.allow(left);
        if copy(&second, &interrupted).is_ok() {
            break;
        }
        ended += 1;
        check_whole(&interrupted.objects());
        interrupted.allow(u64::MAX);
        copy(&second, &interrupted).expect("completed");
        let objects = interrupted.objects();
        check_whole(&objects);
        assert!(text(&objects["log/checkpoint"].bytes).contains("\n2\n"));
    }
    assert!(ended > 10, "{ended}");

    // A run that has looked at the deployment before another one began writes nothing of what it has seen.
    for of_copy in [&whole, &PlainMemory::default()] {
        of_copy.allow(u64::MAX);
        let old = Claim::new(of_copy).expect("a claim");
        let seen = runtime.block_on(gather(&first, of_copy, false, |_, _| {})).expect("gathered");
        copy(&second, of_copy).expect("written");
        let before = of_copy.objects();
        assert!(matches!(write(seen, &old, |_, _| {}), Err(WriteError::Overtaken)));
        let names = |objects: BTreeMap<String, PlainObject>| -> Vec<_> {
            objects.into_iter().map(|(name, object)| (name, object.bytes)).collect()
        };
        assert_eq!(names(of_copy.objects()), names(before));
    }
}

#[test]
fn a_copy_is_not_mixed_with_anything() {
    let (deployment, charts) = (Deployment::new(), Charts::new());
    deployment.publish(&charts);
    let own = deployment.path().canonicalize().expect("a folder");
    let before = support::contents(&own);
    let above = own.parent().expect("a folder").to_owned();
    for to in [own.clone(), own.join("store"), own.join("store/www/new"), above] {
        let mut copy = candor();
        copy.args(["static", "--data"]).arg(deployment.path());
        let said = refused(copy.arg("--to").arg(format!("file://{}", to.display())), 1);
        assert!(said.contains("the files cannot be at"), "{said}");
        assert_eq!(support::contents(&own), before, "{}", to.display());
    }
    // Another log, of which the copy has less.
    let folder = TempDir::new().expect("a temporary folder");
    copy_to(&deployment, folder.path());
    let copied = support::contents(folder.path());
    let (other, more) = (Deployment::new(), Charts::new());
    for name in ["another", "and_another"] {
        more.add_chart(name);
        other.publish(&more);
    }
    let mut copy = candor();
    copy.args(["static", "--data"]).arg(other.path());
    let said = refused(copy.arg("--to").arg(format!("file://{}", folder.path().display())), 1);
    assert!(said.contains("another log"), "{said}");
    assert_eq!(support::contents(folder.path()), copied);
}
