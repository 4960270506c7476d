//! What it costs to follow a branch over commits that do not touch the charts: the time of the first poll
//! and of one after a restart, and the process's peak memory until then.
//!
//! `COMMITS` sets other numbers of commits.

use candor::charts::Repository;
use candor::publish::{CompileDay, Deployment, Publisher, Watch};
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const FILES: [(&str, &str); 3] = [
    (
        "collection.toml",
        "module = 'telemetry.example.org/config'\ngoos = ['linux']\ngoarch = ['amd64']\n\
         toolchains = ['rust1.95.0']\n",
    ),
    (
        "programs/hello.toml",
        "program = 'example.org/hello'\nmodule = 'example.org/hello'\nversions = ['v1.0.0']\n",
    ),
    (
        "charts/verbs.toml",
        "[[chart]]\ntitle = 'Verbs'\nissue = ['https://example.org/1']\ntype = 'partition'\n\
         program = 'example.org/hello'\ncounter = 'hello/verb:{run,help}'\n",
    ),
];

fn git(folder: &Path, arguments: &[&str], input: Option<File>) {
    let mut git = Command::new("git");
    git.current_dir(folder).args(["-c", "user.name=A", "-c", "user.email=a@example.org"]);
    git.args(arguments);
    if let Some(input) = input {
        git.stdin(input);
    }
    assert!(git.status().expect("git").success(), "git {arguments:?}");
}

/// A repository whose first commit adds charts that no other commit touches.
fn repository(folder: &Path, commits: usize) {
    for (name, text) in FILES {
        let path = folder.join("charts-config").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, text).expect("written");
    }
    if !folder.join(".git").exists() {
        git(folder, &["init", "-q", "-b", "main"], None);
    }
    git(folder, &["add", "-A"], None);
    git(folder, &["commit", "-q", "--allow-empty", "-m", "A"], None);
    let commit = |number: usize| {
        let from = if number == 0 { "from refs/heads/main^0\n" } else { "" };
        let time = 1_770_200_000 + number;
        let file = format!("beside/{}/{number}", number % 100);
        format!(
            "commit refs/heads/main\ncommitter A <a@example.org> {time} +0000\ndata 1\nA\n{from}\
             M 100644 inline {file}\ndata 1\nA\n"
        )
    };
    let stream = folder.join(".git/stream");
    fs::write(&stream, (0..commits).map(commit).collect::<String>()).expect("written");
    git(folder, &["fast-import", "--quiet"], Some(File::open(stream).expect("the stream")));
}

/// This process's peak memory so far, in MiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|kib| kib.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn main() {
    let counts = std::env::var("COMMITS").unwrap_or("1000 3000 10000 30000 100000".to_owned());
    println!("commits    first poll ms  after a restart ms  peak MiB");
    for count in counts.split_whitespace() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let charts = folder.path().join("charts");
        fs::create_dir(&charts).expect("created");
        let data = folder.path().join("data");
        let deployment =
            Deployment::init(&data, "telemetry.example.org", "telemetry.example.org/config");
        let deployment = deployment.expect("a deployment");
        let log = deployment.log().expect("a log");
        let publisher = Publisher::new(deployment.module.clone(), deployment.store.clone(), log);
        let day = CompileDay::Chosen("2026-02-03".parse().expect("a day"));
        let poll = || {
            let place = charts.display().to_string();
            let repository = Repository::open(&place, None, &data).expect("a repository");
            let watch = Watch::new(repository, Some("main".to_owned()), &publisher);
            let mut watch = watch.expect("a watch").resuming(&deployment.watched());
            let began = Instant::now();
            watch.poll(&publisher, day, |_, _| {}).expect("a poll");
            began.elapsed().as_secs_f64() * 1e3
        };
        repository(&charts, 0);
        poll();
        repository(&charts, count.parse().expect("a number"));
        let (first, again) = (poll(), poll());
        println!("{count:<10} {first:>13.1} {again:>19.1} {:>9}", peak());
    }
}
