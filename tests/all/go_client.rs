//! The promise that the unmodified go command downloads and verifies a published config, and refuses one
//! that was changed or that comes from a forked log.

#![cfg(feature = "server")]

use crate::support;
use serde_json::Value;
use std::io::{Cursor, Read, Write};
use support::http::Meddler;
use support::{Charts, Deployment, Go, HOST, MODULE, Server, text};

/// Waits until the server shows the version: it reads the store again at intervals.
fn await_version(server: &Server, module: &str, version: &str) {
    let latest = format!("/goproxy/{module}/@latest");
    loop {
        if text(&server.get(&latest).1).contains(&format!("\"{version}\"")) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn string<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

#[test]
fn go_downloads_the_latest_version_and_older_ones() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let first = deployment.publish(&charts);
    assert_eq!(string(&first, "version"), "v0.1.0");
    let server = deployment.serve();
    let go = Go::new(&deployment, &server.url);

    let downloaded = go.must_download(MODULE, "latest");
    assert_eq!(string(&downloaded, "Version"), "v0.1.0");
    assert_eq!(string(&downloaded, "Sum"), string(&first, "sum"));
    assert_eq!(string(&downloaded, "GoModSum"), string(&first, "go_mod_sum"));
    let (status, record) = server.get(&format!("/sumdb/lookup/{MODULE}@v0.1.0"));
    let line = format!("{MODULE} v0.1.0 {}\n", string(&downloaded, "Sum"));
    assert!(status == 200 && text(&record).contains(&line), "{}", text(&record));
    let (_, info) = server.get(&format!("/goproxy/{MODULE}/@v/v0.1.0.info"));
    let info: Value = serde_json::from_slice(&info).expect("JSON");
    assert_eq!(string(&info["Origin"], "Hash"), string(&first, "commit"));
    assert_eq!(string(&info, "Time"), "2026-02-03T04:05:06Z");

    charts.add_chart("speed");
    let second = deployment.publish(&charts);
    assert_eq!(string(&second, "version"), "v0.2.0");
    await_version(&server, MODULE, "v0.2.0");
    let downloaded = go.must_download(MODULE, "latest");
    assert_eq!(string(&downloaded, "Version"), "v0.2.0");
    let config = std::fs::read(format!("{}/config.json", string(&downloaded, "Dir")));
    assert!(text(&config.expect("config.json")).contains("hello/speed"));

    // A later user who wants the old version.
    let newcomer = Go::new(&deployment, &server.url);
    assert_eq!(string(&newcomer.must_download(MODULE, "v0.1.0"), "Sum"), string(&first, "sum"));
    assert_eq!(string(&newcomer.must_download(MODULE, "v0.2.0"), "Sum"), string(&second, "sum"));
    let (printed, _) = newcomer.download(MODULE, "v0.3.0");
    assert!(
        string(&printed, "Error").contains("unknown revision")
            || string(&printed, "Error").contains("not found"),
        "{printed}"
    );
}

/// What `go` is told about a deployment, besides its proxy.
fn with_sumdb(deployment: &Deployment, server: &Server, settings: &[(&str, String)]) -> Go {
    let mut go = Go::new(deployment, &server.url);
    go.environment.retain(|(name, _)| name == "GOPROXY");
    go.environment.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    go
}

/// The files of the go command's cache of a checksum database, by the database's name.
fn has_cached(go: &Go, database: &str) -> bool {
    go.module_cache().join("cache/download/sumdb").join(database).exists()
}

#[test]
fn go_knows_the_checksum_database_by_the_name_of_its_host() {
    let deployment = Deployment::new();
    let published = deployment.publish(&Charts::new());
    let server = deployment.serve();
    let key = &deployment.sumdb_key;
    assert!(key.starts_with(&format!("{HOST}+")), "{key}");
    // The key alone: the database is reached through the proxy, as with any cache in between. With a URL:
    // the database is reached there, with and without a path, whatever the proxy is.
    for setting in [
        key.clone(),
        format!("{key} {}", server.url),
        format!("{key} {}/sumdb", server.url),
        format!("{key} {}/goproxy/sumdb/{HOST}", server.url),
    ] {
        let go = with_sumdb(&deployment, &server, &[("GOSUMDB", setting.clone())]);
        let downloaded = go.must_download(MODULE, "latest");
        assert_eq!(string(&downloaded, "Sum"), string(&published, "sum"), "{setting}");
        assert!(has_cached(&go, HOST), "{setting}: the database was asked");
    }
}

#[test]
fn go_can_be_told_not_to_ask_the_checksum_database() {
    let deployment = Deployment::new();
    deployment.publish(&Charts::new());
    let server = deployment.serve();
    let sumdb = || ("GOSUMDB", deployment.sumdb_key.clone());
    for settings in [
        vec![sumdb(), ("GONOSUMDB", HOST.to_owned())],
        vec![sumdb(), ("GONOSUMDB", MODULE.to_owned())],
        vec![("GOSUMDB", "off".to_owned())],
    ] {
        let go = with_sumdb(&deployment, &server, &settings);
        go.must_download(MODULE, "latest");
        assert!(!has_cached(&go, HOST), "{settings:?}");
    }
    // A key with another name, or of another log, is refused.
    let other = Deployment::new();
    let go = with_sumdb(&deployment, &server, &[("GOSUMDB", other.sumdb_key.clone())]);
    let (printed, stderr) = go.download(MODULE, "latest");
    assert!(printed["Sum"].is_null(), "{printed}");
    let said = format!("{printed}{stderr}");
    assert!(said.contains("no verifiable signatures"), "{said}");
}

#[test]
fn any_module_path_can_be_published() {
    for module in ["golang.org/x/telemetry/config", "example.org/Some/Config"] {
        let (charts, deployment) = (Charts::of_module(module), Deployment::of_module(module));
        let published = deployment.publish(&charts);
        let server = deployment.serve();
        let downloaded = Go::new(&deployment, &server.url).must_download(module, "latest");
        assert_eq!(string(&downloaded, "Sum"), string(&published, "sum"));
    }
}

#[test]
fn a_goproxy_list_falls_through_for_other_modules() {
    let deployment = Deployment::new();
    deployment.publish(&Charts::new());
    let server = deployment.serve();

    // A proxy on disk with the other module.
    let other = tempfile::TempDir::new().expect("a temporary folder");
    let versions = other.path().join("example.net/other/@v");
    std::fs::create_dir_all(&versions).expect("create folder");
    let go_mod = "module example.net/other\n";
    std::fs::write(versions.join("list"), "v1.0.0\n").expect("write");
    std::fs::write(versions.join("v1.0.0.info"), "{\"Version\":\"v1.0.0\"}").expect("write");
    std::fs::write(versions.join("v1.0.0.mod"), go_mod).expect("write");
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("example.net/other@v1.0.0/go.mod", zip::write::SimpleFileOptions::default())
        .expect("a file in the zip");
    zip.write_all(go_mod.as_bytes()).expect("write");
    let zip = zip.finish().expect("finish").into_inner();
    std::fs::write(versions.join("v1.0.0.zip"), zip).expect("write");

    let mut go = Go::new(&deployment, &server.url);
    for (name, value) in &mut go.environment {
        if name == "GOPROXY" {
            value.push_str(&format!(",file://{}", other.path().display()));
        }
    }
    go.environment.push(("GONOSUMDB".to_owned(), "example.net".to_owned()));
    assert_eq!(string(&go.must_download("example.net/other", "latest"), "Version"), "v1.0.0");
    assert_eq!(string(&go.must_download(MODULE, "latest"), "Version"), "v0.1.0");
}

/// The zip with one byte of config.json changed, and the zip's own checksums corrected.
fn change_config(zip: &[u8]) -> Vec<u8> {
    let mut old = zip::ZipArchive::new(Cursor::new(zip)).expect("a zip");
    let mut new = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..old.len() {
        let mut file = old.by_index(index).expect("a file");
        let mut contents = Vec::new();
        file.read_to_end(&mut contents).expect("read");
        let name = file.name().expect("a name").into_owned();
        if name.ends_with("/config.json") {
            let at = contents.windows(3).position(|w| w == b"run").expect("the bucket `run`");
            contents[at] = b'R';
        }
        new.start_file(name, zip::write::SimpleFileOptions::default()).expect("a file");
        new.write_all(&contents).expect("write");
    }
    new.finish().expect("finish").into_inner()
}

#[test]
fn go_refuses_a_zip_with_one_changed_byte() {
    let deployment = Deployment::new();
    deployment.publish(&Charts::new());
    let server = deployment.serve();
    let meddler =
        Meddler::new(
            &server.url,
            |path, body| {
                if path.ends_with(".zip") { change_config(&body) } else { body }
            },
        );
    let go = Go::new(&deployment, &meddler.url);
    let (printed, stderr) = go.download(MODULE, "latest");
    let said = format!("{printed}{stderr}");
    assert!(said.contains("SECURITY ERROR"), "{said}");
    assert!(said.contains("checksum mismatch"), "{said}");
    assert!(printed["Sum"].is_null());
}

#[test]
fn go_refuses_a_log_that_was_forked_after_it_looked() {
    let deployment = Deployment::new();
    deployment.publish(&Charts::new());
    let server = deployment.serve();
    let mut go = Go::new(&deployment, &server.url);
    go.must_download(MODULE, "v0.1.0");

    // The same key with another history: what someone who has the key could show to chosen victims.
    let twin = deployment.twin();
    let charts = Charts::new();
    charts.add_chart("spying");
    twin.publish(&charts);
    charts.add_chart("more");
    assert_eq!(string(&twin.publish(&charts), "version"), "v0.2.0");
    let forked = twin.serve();
    go.point_at(&twin, &forked.url);
    let (printed, stderr) = go.download(MODULE, "v0.2.0");
    let said = format!("{printed}{stderr}");
    assert!(said.contains("SECURITY ERROR"), "{said}");
    assert!(said.contains("misbehavior detected"), "{said}");
}
