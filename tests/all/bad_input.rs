//! Bad input gets one clear message and an exit status, and leaves every stored byte unchanged.

#![cfg(feature = "server")]

use crate::support;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use support::{Charts, Deployment, candor, contents, refused, run, succeed, text};
use tempfile::TempDir;

/// What a proposal does to the charts folder, and what the refusal must say.
type Case = (&'static str, fn(&Charts), &'static [&'static str]);

const VERBS: &str = "charts-config/charts/verbs.toml";

const CASES: &[Case] = &[
    ("malformed TOML", |c| c.write(VERBS, "[[chart]\ntitle ="), &["verbs.toml:1:"]),
    (
        "an unknown key",
        |c| c.write(VERBS, &(support::chart("A", "hello/a") + "colour = \"red\"\n")),
        &["verbs.toml:7:1", "colour"],
    ),
    (
        "a counter collected twice",
        |c| c.write("charts-config/charts/z.toml", &support::chart("A", "hello/verb:{help,x}")),
        &["hello/verb:help", "verbs.toml", "z.toml:6:"],
    ),
    ("empty braces", |c| c.write(VERBS, &support::chart("A", "hello/a:{}")), &["verbs.toml:6:"]),
    (
        "nested braces",
        |c| c.write(VERBS, &support::chart("A", "hello/a:{b,{c}}")),
        &["verbs.toml:6:"],
    ),
    (
        "a line of 300 kB",
        |c| c.write(VERBS, &support::chart("A", &"x".repeat(300_000))),
        &["verbs.toml:6:"],
    ),
    (
        "text that is not UTF-8",
        |c| fs::write(c.path().join(VERBS), b"[[chart]]\ntitle = \"\xff\"").expect("write"),
        &["verbs.toml", "UTF-8"],
    ),
    (
        "a version that is none",
        |c| c.write(VERBS, &(support::chart("A", "hello/a") + "version = \"one\"\n")),
        &["verbs.toml:7:", "one"],
    ),
    (
        "a symbolic link",
        |c| {
            fs::remove_file(c.path().join(VERBS)).expect("remove");
            std::os::unix::fs::symlink("/etc/passwd", c.path().join(VERBS)).expect("symlink");
        },
        &["charts/verbs.toml", "symbolic link"],
    ),
    (
        "a submodule",
        |c| {
            let commit = c.git(&["rev-parse", "HEAD"]);
            let entry = format!("160000,{},charts-config/charts/sub", commit.trim());
            c.git(&["update-index", "--add", "--cacheinfo", &entry]);
            fs::create_dir_all(c.path().join("charts-config/charts/sub")).expect("create");
        },
        &["charts/sub", "submodule"],
    ),
    (
        "no definitions",
        |c| fs::remove_dir_all(c.path().join("charts-config/charts")).expect("remove"),
        &["no chart definitions", "help:"],
    ),
    (
        "no charts folder",
        |c| fs::remove_dir_all(c.path().join("charts-config")).expect("remove"),
        &["collection.toml", "--path"],
    ),
    (
        "another module",
        |c| {
            let file = "charts-config/collection.toml";
            let old = fs::read_to_string(c.path().join(file)).expect("read");
            c.write(file, &old.replace("telemetry.example.org", "telemetry.example.net"));
        },
        &["telemetry.example.net/config", "telemetry.example.org/config"],
    ),
];

#[test]
fn a_bad_proposal_is_refused_with_its_location() {
    for (what, damage, wanted) in CASES {
        let (charts, deployment) = (Charts::new(), Deployment::new());
        deployment.publish(&charts);
        charts.add_chart("second");
        damage(&charts);
        let staged_only = *what == "a submodule";
        if staged_only {
            charts.git(&["commit", "-q", "-m", "A submodule"]);
        } else {
            charts.commit();
        }
        let before = contents(deployment.path());
        let commit = charts.git(&["rev-parse", "HEAD"]);
        let mut command = deployment.publish_command(&charts);
        let message = refused(command.args(["--rev", commit.trim()]), 1);
        for part in *wanted {
            assert!(message.contains(part), "{what}: {part:?} is not in {message}");
        }
        assert!(message.len() < 4_000, "{what}: {} bytes", message.len());
        assert_eq!(contents(deployment.path()), before, "{what}");
    }
}

#[test]
fn all_mistakes_of_a_proposal_are_shown_together() {
    let charts = Charts::new();
    charts.write(VERBS, &support::chart("", "hello/a:{b,b}"));
    charts.write("charts-config/charts/z.toml", &(support::chart("B", "hello/b") + "depth = 3\n"));
    charts.write("charts-config/programs/hello.toml", "program = \"example.org/hello\"\n");
    let folder = charts.path().join("charts-config");
    let message = refused(candor().arg("check").arg(&folder), 1);
    for part in ["verbs.toml:2:", "verbs.toml:6:", "z.toml:7:", "hello.toml:1:"] {
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
}

#[test]
fn uncommitted_changes_are_refused_unless_a_commit_is_named() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    charts.write("charts-config/charts/new.toml", &support::chart("New", "hello/new"));
    let before = contents(deployment.path());
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("uncommitted changes") && message.contains("new.toml"), "{message}");
    assert_eq!(contents(deployment.path()), before);
    let published = support::json(deployment.publish_command(&charts).args(["--rev", "main"]));
    assert_eq!(published["version"], "v0.1.0");
}

#[test]
fn a_repository_or_revision_that_is_not_there_is_refused() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let message = refused(deployment.publish_command(&charts).args(["--rev", "nonesuch"]), 1);
    assert!(message.contains("nonesuch"), "{message}");
    let empty = TempDir::new().expect("a temporary folder");
    for location in
        [empty.path().display().to_string(), format!("file://{}", empty.path().display())]
    {
        let mut command = candor();
        command.args(["publish", "--charts", &location, "--data"]).arg(deployment.path());
        let message = refused(&mut command, 1);
        assert!(message.contains(&location), "{message}");
    }
    let mut command = candor();
    command.args(["publish", "--charts", "ssh://example.org/x", "--data"]).arg(deployment.path());
    assert!(refused(&mut command, 1).contains("https://"));
}

#[test]
fn a_key_that_is_missing_or_readable_by_others_is_refused() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let seed = deployment.path().join("keys/log.seed");
    fs::set_permissions(&seed, Permissions::from_mode(0o644)).expect("chmod");
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("log.seed") && message.contains("chmod 600"), "{message}");
    fs::remove_file(&seed).expect("remove");
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("log.seed"), "{message}");
}

#[test]
fn names_that_go_would_not_accept_are_refused_and_nothing_is_made() {
    let folder = TempDir::new().expect("a temporary folder");
    let target = folder.path().join("new");
    for (name, module) in [
        ("telemetry.example.org/x", support::MODULE),
        ("https://telemetry.example.org", support::MODULE),
        ("", support::MODULE),
        (support::HOST, "config"),
        (support::HOST, "example.org/config/v2"),
        (support::HOST, "example.org//config"),
        (support::HOST, "../config"),
        (support::HOST, "gopkg.in/config.v1"),
    ] {
        let mut command = candor();
        command.args(["init", "--name", name, "--module", module, "--data"]).arg(&target);
        let message = refused(&mut command, 1);
        assert!(message.lines().count() <= 3, "{message}");
        assert!(!target.exists(), "{name} {module}");
    }
}

#[test]
fn a_deployment_is_never_overwritten() {
    let deployment = Deployment::new();
    let before = contents(deployment.path());
    let mut command = candor();
    command.args(["init", "--name", support::HOST, "--module", support::MODULE, "--data"]);
    let message = refused(command.arg(deployment.path()), 1);
    assert!(message.contains("already"), "{message}");
    assert_eq!(contents(deployment.path()), before);
}

#[test]
fn wrong_usage_is_status_2() {
    let empty = TempDir::new().expect("a temporary folder");
    for arguments in [
        &["nonesuch"][..],
        &["publish"],
        &["serve", "--data", "x", "--listen", "nowhere"],
        &["env", "--data", "x", "--url", "ftp://x"],
        &["publish", "--data", "x", "--charts", "y", "--interval", "5"],
    ] {
        refused(candor().args(arguments).current_dir(empty.path()), 2);
    }
    let message = refused(candor().args(["publish", "--data", "x", "--charts", "y"]), 1);
    assert!(message.contains("candor init"), "{message}");
}

#[test]
fn a_port_in_use_is_reported() {
    let deployment = Deployment::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let mut command = candor();
    let message =
        refused(command.args(["serve", "--listen", &address, "--data"]).arg(deployment.path()), 1);
    assert!(message.contains(&address) && message.contains("another port"), "{message}");
}

/// Runs candor as an unprivileged user if the test runs as root.
fn unprivileged(program: &Command) -> Command {
    let root = text(&run(Command::new("id").arg("-u")).stdout).trim() == "0";
    let mut command = Command::new(if root { "setpriv" } else { "env" });
    if root {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    }
    command.arg(program.get_program()).args(program.get_args()).env("HOME", "/nonexistent");
    command
}

#[test]
fn a_read_only_folder_is_reported_and_left_alone() {
    let charts = Charts::new();
    let deployment = Deployment::new();
    deployment.publish(&charts);
    charts.add_chart("second");
    // Everything belongs to the other user, who may read it but not write the store.
    succeed(Command::new("chmod").args(["-R", "a+rX"]).arg(charts.path()));
    let root = text(&run(Command::new("id").arg("-u")).stdout).trim() == "0";
    if root {
        for path in [deployment.path(), charts.path()] {
            succeed(Command::new("chown").args(["-R", "65534:65534"]).arg(path));
        }
    }
    succeed(Command::new("chmod").args(["-R", "a-w"]).arg(deployment.path().join("store")));
    let before = contents(deployment.path());
    let message = refused(&mut unprivileged(&deployment.publish_command(&charts)), 1);
    assert!(message.contains("store") && message.contains("make it writable"), "{message}");
    succeed(Command::new("chmod").args(["-R", "u+w"]).arg(deployment.path().join("store")));
    assert_eq!(contents(deployment.path()), before);
}

#[test]
fn a_full_disk_is_reported_and_nothing_is_half_written() {
    // A tiny file system needs root and mount; otherwise a limit on file size has the same effect: the
    // write beyond it fails.
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    for number in 0..40 {
        charts.write(
            &format!("charts-config/charts/more{number}.toml"),
            &support::chart("More", &format!("hello/{number}-{}", "x".repeat(2000))),
        );
    }
    charts.commit();
    let publish = deployment.publish_command(&charts);
    let before = contents(deployment.path());
    let mounted = TempDir::new().expect("a temporary folder");
    let mount = run(Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(mounted.path()));
    if !mount.status.success() {
        println!("skipped: mounting a small file system needs root");
        return;
    }
    support::copy_folder(&deployment.path().join("store"), mounted.path());
    let settings = deployment.path().join("candor.toml");
    let original = fs::read_to_string(&settings).expect("read");
    let moved = original.replace("file://store", &format!("file://{}", mounted.path().display()));
    fs::write(&settings, moved).expect("write");
    // Fill the rest.
    let _ = fs::write(mounted.path().join("filler"), vec![0; 1 << 20]);
    let stored = contents(mounted.path());
    let mut command = Command::new(publish.get_program());
    let output = run(command.args(publish.get_args()));
    let stored_after = contents(mounted.path());
    succeed(Command::new("umount").arg(mounted.path()));
    fs::write(&settings, original).expect("write");
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("free some space"), "{message}");
    assert_eq!(stored_after, stored);
    assert_eq!(contents(deployment.path()), before);
}

#[test]
fn a_mistake_in_the_settings_is_shown_with_its_location() {
    let deployment = Deployment::new();
    let settings = deployment.path().join("candor.toml");
    let original = fs::read_to_string(&settings).expect("read");
    let line = original.lines().count() + 1;
    for added in ["colour = \u{1b}[31mred", "signer = 7"] {
        fs::write(&settings, format!("{original}{added}\n")).expect("write");
        let mut command = candor();
        let message = refused(command.args(["env", "--data"]).arg(deployment.path()), 1);
        let place = format!("candor.toml:{line}:");
        assert!(message.contains(&place), "{place} is not in {message}");
        assert!(message.starts_with("error: the settings are malformed"), "{message}");
        assert!(message.lines().count() >= 5, "{message}");
        assert!(!message.contains("\\n") && !message.contains('\u{1b}'), "{message}");
    }
}
