//! The page `/check`: every command on it is run exactly as shown, and finds what the page says.

#![cfg(feature = "server")]

use crate::support;
use std::process::Command;
use support::charted::{Deployed, rounded_reports as reports};
use support::{Deployment, candor, segments, succeed, text};
use tempfile::TempDir;

/// The commands of the page, by the heading above them.
fn blocks(page: &str) -> Vec<(String, String)> {
    let unescape = |text: &str| {
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
    };
    let between = |text: &str, from: &str, to: &str| {
        let (_, rest) = text.split_once(from)?;
        Some(unescape(rest.split_once(to)?.0))
    };
    let sections = page.split("<h2").skip(1);
    let block = |section: &str| {
        let title = section.split_once("</h2>")?.0.split_once('>')?.1.to_owned();
        Some((title, between(section, "<pre><code>", "</code></pre>")?))
    };
    sections.filter_map(block).collect()
}

#[test]
fn every_command_on_the_page_runs_and_finds_nothing_wrong() {
    let source = Deployed::new();
    let deployment = Deployment::new();
    for revision in ["HEAD~1", "HEAD"] {
        let mut command = deployment.publish_command(&source.charts);
        succeed(command.args(["--rev", revision, "--as-of", "2026-02-03"]));
    }
    let stored = &reports("2026-02-03", 0..100);
    segments::write(&deployment.path().join("reports"), 1, stored);
    for verb in ["merge", "chart"] {
        succeed(candor().args([verb, "--data"]).arg(deployment.path()));
    }
    let server = deployment.serve();
    // On the local machine, the page uses the address of the request.
    let (status, page) = server.get("/check");
    assert_eq!(status, 200);
    let page = text(&page);
    let blocks = blocks(&page);
    let titles: Vec<&str> = blocks.iter().map(|(title, _)| title.as_str()).collect();
    assert_eq!(blocks.len(), 5, "{titles:?}");
    assert!(page.contains(&deployment.log_key) && page.contains(&deployment.sumdb_key));

    let folder = TempDir::new().expect("a folder");
    let tools = folder.path().join("tools");
    std::fs::create_dir(&tools).expect("made");
    let program = env!("CARGO_BIN_EXE_candor");
    std::os::unix::fs::symlink(program, tools.join("candor")).expect("linked");
    let duckdb = support::python::script("duckdb_line.py");
    let words: Vec<String> = std::iter::once(duckdb.get_program())
        .chain(duckdb.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let shim = format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "));
    std::fs::write(tools.join("duckdb"), shim).expect("written");
    succeed(Command::new("chmod").arg("+x").arg(tools.join("duckdb")));
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").expect("a path"));

    let work = folder.path().join("work");
    std::fs::create_dir(&work).expect("made");
    for (title, commands) in &blocks {
        let address = source.charts.path().display().to_string();
        let commands = commands.replace("REPOSITORY", &address);
        let mut shell = Command::new("sh");
        shell.args(["-euc", &commands]).current_dir(&work).env("PATH", &path);
        shell.env("HOME", folder.path()).env("GOFLAGS", "-modcacherw").env("GOTOOLCHAIN", "local");
        shell.env("GOTELEMETRY", "off").env("GIT_CONFIG_GLOBAL", "/dev/null");
        for (name, value) in [("GOPATH", "go"), ("GOMODCACHE", "go/pkg/mod"), ("GOCACHE", "build")]
        {
            shell.env(name, folder.path().join(value));
        }
        shell.env("XDG_STATE_HOME", folder.path().join("state"));
        let said = succeed(&mut shell);
        eprintln!("{title}\n{commands}\n{said}");
        let wanted: &[&str] = match title.split(' ').next() {
            Some("Everyone") => &["\"Version\": \"v0.2.0\"", "\"Sum\": \"h1:"],
            Some("The") if title.contains("definitions") => &[],
            Some("Every") => &["v0.2.0"],
            Some("Everything") => &["rebuilt", "charts"],
            _ => &["example.org/hello"],
        };
        for part in wanted {
            assert!(said.contains(part), "{title}: {part:?} is not in {said}");
        }
    }
}

#[test]
fn every_page_links_to_it() {
    let deployment = Deployment::new();
    let server = deployment.serve();
    for path in ["/", "/charts/", "/data/", "/config/", "/log/", "/privacy", "/check"] {
        let (status, page) = server.get(path);
        assert_eq!(status, 200, "{path}");
        assert!(text(&page).contains("href=\"/check\""), "{path}");
    }
    assert!(text(&server.get("/check").1).contains("there is nothing to check"));
}
