//! `SHA256SUMS` as people use it: the real `sha256sum` checks files that were downloaded with the page's own commands.

#![cfg(feature = "server")]

use crate::support;
use std::process::Command;
use support::{Deployment, candor, run, segments, succeed, text};
use tempfile::TempDir;

#[test]
fn sha256sum_checks_downloaded_files_by_the_published_list() {
    let deployment = Deployment::new();
    let stored: Vec<String> =
        (0..50).map(|number| segments::report("2026-02-03", number)).collect();
    segments::write(&deployment.path().join("reports"), 1, &stored);
    succeed(candor().args(["merge", "--data"]).arg(deployment.path()));
    let server = deployment.serve();
    let folder = TempDir::new().expect("a temporary folder");
    let download = |path: &str| {
        let (status, bytes) = server.get(path);
        assert_eq!(status, 200, "{path}");
        let name = path.rsplit('/').next().expect("a name");
        std::fs::write(folder.path().join(name), bytes).expect("written");
    };
    download("/data/weeks/week-2026-02-08.parquet");
    download("/data/weeks/week-2026-02-08.ndjson.gz");
    // The page's own commands, with the address of this server.
    let page = text(&server.get("/data/").1);
    let commands =
        page.split("<code>curl -sO ").nth(1).and_then(|rest| rest.split("</code>").next());
    let commands = format!("curl -sO {}", commands.expect("the commands"));
    assert!(commands.contains("sha256sum --check"), "{commands}");
    let check = || {
        let mut shell = Command::new("sh");
        run(shell.args(["-euc", &commands]).current_dir(folder.path()))
    };
    let output = check();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    for name in ["week-2026-02-08.parquet: OK", "week-2026-02-08.ndjson.gz: OK"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    std::fs::write(folder.path().join("week-2026-02-08.parquet"), "changed").expect("written");
    let output = check();
    assert!(!output.status.success() && text(&output.stdout).contains("parquet: FAILED"));

    // What a week's row shows can be checked, too.
    let rows =
        page.split("<code class=\"hash\">").nth(1).and_then(|rest| rest.split("</code>").next());
    let list = rows.expect("a week's checksums");
    std::fs::write(folder.path().join("list"), list).expect("written");
    download("/data/weeks/week-2026-02-08.parquet");
    let mut sha256sum = Command::new("sha256sum");
    sha256sum.args(["--check", "--ignore-missing", "list"]).current_dir(folder.path());
    assert!(succeed(&mut sha256sum).contains("week-2026-02-08.parquet: OK"));
}

#[test]
fn the_first_query_on_the_page_runs_as_it_is_shown() {
    let deployment = Deployment::new();
    let stored: Vec<String> =
        (0..50).map(|number| segments::report("2026-02-03", number)).collect();
    segments::write(&deployment.path().join("reports"), 1, &stored);
    succeed(candor().args(["merge", "--data"]).arg(deployment.path()));
    let server = deployment.serve();
    let page = text(&server.get("/data/").1);
    let query = page.split("duckdb -c &quot;").nth(1).and_then(|rest| rest.split("&quot;").next());
    let query = query.expect("the query");
    assert_eq!(query.lines().count(), 3, "{query}");
    // Over HTTP, DuckDB would first download an extension.
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("week.parquet");
    std::fs::write(&file, server.get("/data/weeks/week-2026-02-08.parquet").1).expect("written");
    let address = format!("{}/data/weeks/week-2026-02-08.parquet", server.url);
    assert!(query.contains(&address), "{query}");
    let query = query.replace(&address, &file.display().to_string());
    let said = succeed(support::python::script("duckdb_line.py").args(["-c", &query]));
    assert!(said.contains("example.org/hello|"), "{said}");
}
