//! Git as people use it: clones, work trees and settings of every kind, made by the git command. Each can be
//! published from, or is refused with a message that says what to do; and that works.

#![cfg(feature = "server")]

use crate::support;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Charts, Deployment, candor, chart, json, refused, run, succeed, text};
use tempfile::TempDir;

/// A git command in a folder, without anyone's settings.
fn git(folder: &Path, arguments: &[&str]) -> String {
    succeed(
        Command::new("git")
            .args(["-c", "protocol.file.allow=always", "-c", "advice.detachedHead=false"])
            .args(arguments)
            .current_dir(folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null"),
    )
}

/// A clone of `charts` in a folder of its own.
struct Clone(TempDir);

impl Clone {
    fn new(charts: &Charts, options: &[&str]) -> Clone {
        let folder = TempDir::new().expect("a temporary folder");
        let url = url(charts.path());
        let arguments = [&["clone", "-q"], options, &[&url, "clone"]].concat();
        git(folder.path(), &arguments);
        Clone(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("clone")
    }
}

fn url(folder: &Path) -> String {
    format!("file://{}", folder.display())
}

fn publish(deployment: &Deployment, location: &str, options: &[&str]) -> Command {
    let mut command = candor();
    command.args(["--json", "publish", "--charts", location, "--data"]).arg(deployment.path());
    command.args(options);
    command
}

fn publish_folder(deployment: &Deployment, folder: &Path) -> Command {
    publish(deployment, &folder.display().to_string(), &[])
}

/// The newest catalogue of a deployment: for each chart, the commit that added it.
fn added(deployment: &Deployment) -> Vec<(String, String)> {
    let store = deployment.path().join("store");
    let index = fs::read(store.join("catalogue/index")).expect("an index");
    let index: Value = serde_json::from_slice(&index).expect("JSON");
    let key = index["catalogues"].as_array().and_then(|all| all.last()).expect("a catalogue");
    let catalogue = fs::read(store.join(key["key"].as_str().expect("a key"))).expect("readable");
    let catalogue: Value = serde_json::from_slice(&catalogue).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let charts = catalogue["charts"].as_array().expect("charts").iter();
    charts.map(|chart| (text(&chart["id"]), text(&chart["added"]))).collect()
}

/// Three commits: a chart, another chart, and no change.
fn three_commits() -> (Charts, Vec<String>) {
    let charts = Charts::new();
    let first = charts.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let second = charts.add_chart("second");
    charts.write("README.md", "Nothing that matters to clients.");
    let third = charts.commit();
    (charts, vec![first, second, third])
}

#[test]
fn a_mirror_follows_whatever_happens_to_branches_and_tags() {
    let (charts, commits) = three_commits();
    let deployment = Deployment::new();
    let location = url(charts.path());
    let published = |revision: &str| {
        let found = json(&mut publish(&deployment, &location, &["--rev", revision]));
        found["commit"].as_str().expect("a commit").to_owned()
    };
    let at = |name: &str, commit: &str| drop(charts.git(&["update-ref", name, commit]));
    let gone = |name: &str| drop(charts.git(&["update-ref", "-d", name]));

    for kind in ["refs/heads", "refs/tags"] {
        // A name that becomes a folder of names, and the reverse.
        at(&format!("{kind}/x"), &commits[0]);
        assert_eq!(published(&format!("{kind}/x")), commits[0], "{kind}");
        gone(&format!("{kind}/x"));
        at(&format!("{kind}/x/y"), &commits[1]);
        assert_eq!(published(&format!("{kind}/x/y")), commits[1], "{kind}");
        gone(&format!("{kind}/x/y"));
        at(&format!("{kind}/x"), &commits[0]);
        assert_eq!(published(&format!("{kind}/x")), commits[0], "{kind}");
        // The same in names that git has packed.
        charts.git(&["pack-refs", "--all"]);
        gone(&format!("{kind}/x"));
        at(&format!("{kind}/x/y/z"), &commits[1]);
        assert_eq!(published(&format!("{kind}/x/y/z")), commits[1], "{kind}");
        // A branch is moved back.
        at(&format!("{kind}/x/y/z"), &commits[0]);
        assert_eq!(published(&format!("{kind}/x/y/z")), commits[0], "{kind}");
        gone(&format!("{kind}/x/y/z"));
        let message =
            refused(&mut publish(&deployment, &location, &["--rev", &format!("{kind}/x")]), 1);
        assert!(message.contains("has no commit"), "{message}");
    }
}

#[test]
fn a_mirror_follows_a_default_branch_that_is_renamed() {
    let charts = Charts::new();
    let deployment = Deployment::new();
    let location = url(charts.path());
    let published = |deployment: &Deployment| {
        json(&mut publish(deployment, &location, &[]))["commit"].as_str().map(str::to_owned)
    };
    published(&deployment);
    charts.git(&["branch", "-m", "main", "trunk"]);
    let second = charts.add_chart("second");
    assert_eq!(published(&deployment), Some(second));
    charts.git(&["branch", "-m", "trunk", "old"]);
    charts.git(&["branch", "-m", "old", "trunk/new"]);
    let third = charts.add_chart("third");
    assert_eq!(published(&deployment), Some(third.clone()));
    // History is rewritten: the newest commit is dropped.
    charts.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let fourth = charts.add_chart("fourth");
    assert_ne!(fourth, third);
    assert_eq!(published(&deployment), Some(fourth));
}

#[test]
fn a_shallow_clone_records_nothing_until_its_history_is_fetched() {
    let (charts, commits) = three_commits();
    let expected = [
        ("hello-second".to_owned(), commits[1].clone()),
        ("hello-verb".into(), commits[0].clone()),
    ];
    for depth in ["1", "2"] {
        let clone = Clone::new(&charts, &["--depth", depth]);
        let deployment = Deployment::new();
        let before = contents(&deployment.path().join("store"));
        let message = refused(&mut publish_folder(&deployment, &clone.path()), 1);
        for part in ["is a shallow clone", "git fetch --unshallow", "fetch-depth: 0"] {
            assert!(message.contains(part), "{part:?} is not in {message}");
        }
        let head = git(&clone.path(), &["rev-list", "HEAD"]);
        let last = head.lines().last().expect("a commit");
        assert!(message.contains(last), "{last} is not in {message}");
        assert_eq!(contents(&deployment.path().join("store")), before, "depth {depth}");

        // In a linked work tree of it, and as the source of a mirror.
        git(&clone.path(), &["worktree", "add", "-q", "../other"]);
        let other = clone.0.path().join("other");
        let message = refused(&mut publish_folder(&deployment, &other), 1);
        assert!(message.contains("is a shallow clone"), "{message}");
        refused(&mut publish(&deployment, &url(&clone.path()), &[]), 1);
        assert_eq!(contents(&deployment.path().join("store")), before, "depth {depth}");

        git(&clone.path(), &["fetch", "-q", "--unshallow"]);
        json(&mut publish_folder(&deployment, &clone.path()));
        assert_eq!(added(&deployment), expected, "depth {depth}");
    }
}

#[test]
fn a_shallow_clone_that_goes_back_far_enough_is_enough() {
    let (charts, commits) = three_commits();
    let deployment = Deployment::new();
    json(&mut publish(&deployment, &url(charts.path()), &["--rev", &commits[1]]));
    let third = charts.add_chart("third");
    // What was known at the second commit is recorded, and that commit is the last one cloned.
    let clone = Clone::new(&charts, &["--depth", "3"]);
    json(&mut publish_folder(&deployment, &clone.path()));
    let charts = added(&deployment);
    let known = |id: &str| charts.iter().find(|(found, _)| found == id).map(|(_, added)| added);
    assert_eq!(known("hello-verb"), Some(&commits[0]));
    assert_eq!(known("hello-second"), Some(&commits[1]));
    assert_eq!(known("hello-third"), Some(&third));
}

/// What is stored, except times.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.push((path.clone(), fs::read(&path).expect("readable")));
        }
    }
    found.sort();
    found
}

/// A repository that cannot be read, and what the message must say.
type Obstacle = (&'static str, fn(&Charts) -> Clone, &'static [&'static str]);

const OBSTACLES: &[Obstacle] = &[
    (
        "a partial clone",
        |charts| {
            charts.git(&["config", "uploadpack.allowFilter", "true"]);
            Clone::new(charts, &["--filter=blob:none"])
        },
        &["partial clone", "was left out", "--filter", "https URL"],
    ),
    (
        "a partial clone that says so in its extensions, as some versions of git write it",
        |charts| {
            charts.git(&["config", "uploadpack.allowFilter", "true"]);
            let clone = Clone::new(charts, &["--filter=blob:none", "--no-checkout"]);
            git(&clone.path(), &["config", "core.repositoryformatversion", "1"]);
            git(&clone.path(), &["config", "extensions.partialClone", "origin"]);
            clone
        },
        &["partial clone", "has left out", "--filter", "https URL"],
    ),
    (
        "SHA-256 names",
        |_| {
            let folder = TempDir::new().expect("a temporary folder");
            git(folder.path(), &["init", "-q", "--object-format=sha256", "clone"]);
            let clone = Clone(folder);
            fs::write(clone.path().join("file"), "text").expect("written");
            git(&clone.path(), &["add", "-A"]);
            let who = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
            git(&clone.path(), &[&who[..], &["commit", "-q", "-m", "A commit"]].concat());
            clone
        },
        &["SHA-256", "--object-format=sha1"],
    ),
    (
        // As git 2.45 lays it out; older ones cannot make it.
        "a reftable",
        |charts| {
            let clone = Clone::new(charts, &[]);
            let inner = clone.path().join(".git");
            git(&clone.path(), &["config", "core.repositoryformatversion", "1"]);
            git(&clone.path(), &["config", "extensions.refStorage", "reftable"]);
            fs::remove_dir_all(inner.join("refs")).expect("removed");
            fs::create_dir_all(inner.join("refs")).expect("made");
            fs::create_dir_all(inner.join("reftable")).expect("made");
            fs::write(inner.join("refs/heads"), "this repository uses the reftable format\n")
                .expect("written");
            fs::write(inner.join("HEAD"), "ref: refs/heads/.invalid\n").expect("written");
            fs::write(inner.join("reftable/tables.list"), "").expect("written");
            clone
        },
        &["reftable", "git refs migrate --ref-format=files"],
    ),
    (
        "an extension that is not known",
        |charts| {
            let clone = Clone::new(charts, &[]);
            git(&clone.path(), &["config", "core.repositoryformatversion", "1"]);
            git(&clone.path(), &["config", "extensions.fromTheFuture", "true"]);
            clone
        },
        &["extension", "git config --get-regexp extensions"],
    ),
    (
        "a work tree whose repository was moved",
        |charts| {
            let clone = Clone::new(charts, &[]);
            git(&clone.path(), &["worktree", "add", "-q", "../other"]);
            let parent = clone.0.path();
            fs::rename(clone.path(), parent.join("moved")).expect("renamed");
            fs::rename(parent.join("other"), clone.path()).expect("renamed");
            clone
        },
        &[".git says that the repository is", "which is not there", "git worktree repair"],
    ),
    (
        "a damaged repository",
        |charts| {
            let clone = Clone::new(charts, &[]);
            fs::remove_file(clone.path().join(".git/HEAD")).expect("removed");
            clone
        },
        &[".git is not a whole git repository", "git status"],
    ),
];

#[test]
fn a_repository_that_cannot_be_read_is_named_with_a_remedy() {
    let deployment = Deployment::new();
    for (what, make, parts) in OBSTACLES {
        let charts = Charts::new();
        charts.write(
            "charts-config/charts/verbs.toml",
            &(chart("Verbs", "hello/verb:{run,help}") + "expires = 2100-01-01\n"),
        );
        charts.commit();
        let clone = make(&charts);
        let message = refused(&mut publish_folder(&deployment, &clone.path()), 1);
        for part in *parts {
            assert!(message.contains(part), "{what}: {part:?} is not in {message}");
        }
        // Compiling needs only the commit's time, and never denies that this is a repository.
        let folder = clone.path().join("charts-config");
        if folder.exists() {
            let compiled = run(candor().arg("compile").arg(&folder));
            let message = text(&compiled.stderr);
            assert!(!message.contains("not in a git repository"), "{what}: {message}");
        }
    }
}

#[test]
fn a_local_source_that_cannot_be_copied_is_named_with_a_remedy() {
    let deployment = Deployment::new();
    let (charts, _) = three_commits();
    let lent = Clone::new(&charts, &[]);
    let objects = lent.path().join(".git/objects");
    fs::remove_dir_all(&objects).expect("removed");
    fs::create_dir_all(objects.join("info")).expect("made");
    fs::write(objects.join("info/alternates"), "/nowhere/objects\n").expect("written");
    let shallow = Clone::new(&charts, &["--depth=1"]);
    for (clone, parts) in [
        (lent, ["borrows objects from /nowhere/objects", "clone the repository again"]),
        (shallow, ["shallow clone", "git fetch --unshallow"]),
    ] {
        let message = refused(&mut publish(&deployment, &url(&clone.path()), &[]), 1);
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in {message}");
        }
    }
}

#[test]
fn a_damaged_commit_is_not_called_missing() {
    let deployment = Deployment::new();
    for damage in [
        |object: &Path| fs::remove_file(object),
        |object: &Path| fs::write(object, ""),
        |object: &Path| fs::write(object, "no object"),
    ] {
        let (charts, commits) = three_commits();
        let commit = commits.last().expect("a commit");
        charts.git(&["branch", "named"]);
        let object = charts.path().join(".git/objects").join(&commit[..2]).join(&commit[2..]);
        fs::remove_file(&object).and_then(|()| fs::write(&object, "")).expect("written");
        damage(&object).expect("damaged");
        let folder = charts.path().display().to_string();
        for name in ["named", "refs/heads/named"] {
            let message = refused(&mut publish(&deployment, &folder, &["--rev", name]), 1);
            assert!(!message.contains("has no commit"), "{name}: {message}");
            assert!(message.contains("git fsck"), "{name}: {message}");
        }
        // A missing commit is still called missing.
        let message = refused(&mut publish(&deployment, &folder, &["--rev", "absent"]), 1);
        assert!(message.contains("has no commit"), "{message}");
    }
}

#[test]
fn a_repository_of_another_user_is_named_with_a_remedy() {
    let charts = Charts::new();
    let deployment = Deployment::new();
    if text(&run(Command::new("id").arg("-u")).stdout).trim() != "0" {
        println!("skipped: making a repository of another user needs root");
        return;
    }
    succeed(Command::new("chown").args(["-R", "65534:65534"]).arg(charts.path()));
    let home = TempDir::new().expect("a temporary folder");
    let mut command = publish_folder(&deployment, charts.path());
    let message = refused(command.env("HOME", home.path()).env_remove("XDG_CONFIG_HOME"), 1);
    let advice = message.split("run: ").nth(1).unwrap_or_else(|| panic!("{message}")).trim();
    assert!(message.contains("another user") && advice.starts_with("git config"), "{message}");
    let mut follow = Command::new("sh");
    succeed(follow.args(["-c", advice]).env("HOME", home.path()).env_remove("XDG_CONFIG_HOME"));
    let mut command = publish_folder(&deployment, charts.path());
    json(command.env("HOME", home.path()).env_remove("XDG_CONFIG_HOME"));
}

#[test]
fn a_missing_folder_and_one_without_git_get_different_messages() {
    let deployment = Deployment::new();
    let empty = TempDir::new().expect("a temporary folder");
    let message = refused(&mut publish_folder(&deployment, empty.path()), 1);
    assert!(message.contains("not a git repository"), "{message}");
    // The commands do what they say.
    let commands: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    assert_eq!(commands.len(), 3, "{message}");
    std::fs::write(empty.path().join("README"), "").expect("written");
    for command in commands {
        let mut words = command.split(' ');
        let mut git = std::process::Command::new(words.next().expect("git"));
        git.env("GIT_AUTHOR_NAME", "A").env("GIT_AUTHOR_EMAIL", "a@example.org");
        git.env("GIT_COMMITTER_NAME", "A").env("GIT_COMMITTER_EMAIL", "a@example.org");
        support::succeed(git.args(words));
    }
    let message = refused(&mut publish_folder(&deployment, empty.path()), 1);
    assert!(!message.contains("git"), "{message}");
    let message = refused(&mut publish_folder(&deployment, &empty.path().join("none")), 1);
    assert!(message.contains("there is no folder"), "{message}");
}

#[test]
fn every_usual_kind_of_repository_is_published_from() {
    type Kind = (&'static str, fn(&Charts) -> (Clone, PathBuf));
    let kinds: &[Kind] = &[
        ("a clone", |charts| plain(Clone::new(charts, &[]))),
        ("a bare one", |charts| plain(Clone::new(charts, &["--bare"]))),
        ("another work tree", |charts| {
            let clone = Clone::new(charts, &[]);
            git(&clone.path(), &["worktree", "add", "-q", "--detach", "../other"]);
            let other = clone.0.path().join("other");
            (clone, other)
        }),
        ("a split index", |charts| {
            let clone = Clone::new(charts, &[]);
            git(&clone.path(), &["update-index", "--split-index"]);
            plain(clone)
        }),
        ("a sparse checkout without the charts folder", |charts| {
            let clone = Clone::new(charts, &["--sparse"]);
            git(&clone.path(), &["sparse-checkout", "set", "--cone", "--sparse-index", "docs"]);
            assert!(!clone.path().join("charts-config").exists());
            plain(clone)
        }),
        ("a sparse checkout with some of the charts folder", |charts| {
            let clone = Clone::new(charts, &["--sparse"]);
            let folder = "charts-config/charts";
            git(&clone.path(), &["sparse-checkout", "set", "--cone", "--sparse-index", folder]);
            assert!(!clone.path().join("charts-config/programs").exists());
            plain(clone)
        }),
        ("a submodule's folder", |charts| {
            let above = Clone::new(&Charts::new(), &[]);
            git(&above.path(), &["submodule", "--quiet", "add", &url(charts.path()), "inner"]);
            let inner = above.path().join("inner");
            (above, inner)
        }),
        ("a folder by a symbolic link", |charts| {
            let clone = Clone::new(charts, &[]);
            let link = clone.0.path().join("link");
            std::os::unix::fs::symlink(clone.path().join("charts-config"), &link).expect("linked");
            (clone, link)
        }),
        ("line endings of another system", |charts| {
            plain(Clone::new(charts, &["-c", "core.autocrlf=true"]))
        }),
        ("a whole clone that git calls format 1", |charts| {
            let clone = Clone::new(charts, &[]);
            git(&clone.path(), &["config", "core.repositoryformatversion", "1"]);
            git(&clone.path(), &["config", "extensions.worktreeConfig", "true"]);
            plain(clone)
        }),
    ];
    for (what, make) in kinds {
        let (charts, commits) = three_commits();
        charts.write("docs/index.md", "Documentation.");
        charts.commit();
        let (_clone, folder) = make(&charts);
        let deployment = Deployment::new();
        let output = run(&mut publish_folder(&deployment, &folder));
        assert!(output.status.success(), "{what}: {}", text(&output.stderr));
        let expected = [
            ("hello-second".to_owned(), commits[1].clone()),
            ("hello-verb".to_owned(), commits[0].clone()),
        ];
        assert_eq!(added(&deployment), expected, "{what}");
    }
}

fn plain(clone: Clone) -> (Clone, PathBuf) {
    let path = clone.path();
    (clone, path)
}

#[test]
fn what_is_outside_the_charts_folder_never_stops_publishing() {
    let charts = Charts::new();
    let link = |target: &str, at: &str| {
        std::os::unix::fs::symlink(target, charts.path().join(at)).expect("linked");
    };
    charts.write("huge.toml", &"#\n".repeat(5 << 20));
    link("/nowhere", "link");
    fs::write(charts.path().join("deep.toml"), b"\xff\xfe").expect("written");
    // Nor does anything in it that is not a definition.
    charts.write("charts-config/huge.bin", &"x".repeat(9 << 20));
    link("/nowhere", "charts-config/README");
    charts.commit();
    // Uncommitted: changed, new, odd and removed files.
    charts.write("huge.toml", "changed");
    charts.write("new/file.toml", "new");
    charts.write("charts-config/README.md", "new");
    fs::remove_file(charts.path().join("link")).expect("removed");
    {
        use std::os::unix::ffi::OsStrExt;
        let odd = std::ffi::OsStr::from_bytes(b"odd\xff\x1b[31m");
        fs::write(charts.path().join(odd), "odd").expect("written");
    }
    let deployment = Deployment::new();
    assert_eq!(deployment.publish(&charts)["version"], "v0.1.0");
    assert_eq!(json(candor().args(["check", "--json"]).arg(charts.path()))["valid"], true);

    // A definition that is staged and then reverted is not a change; one that stays is.
    charts.write("charts-config/charts/new.toml", &chart("New", "hello/new"));
    charts.git(&["add", "charts-config/charts/new.toml"]);
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("charts-config/charts/new.toml"), "{message}");
    fs::remove_file(charts.path().join("charts-config/charts/new.toml")).expect("removed");
    assert_eq!(deployment.publish(&charts)["outcome"], "unchanged");
    fs::remove_file(charts.path().join("charts-config/charts/verbs.toml")).expect("removed");
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("charts-config/charts/verbs.toml"), "{message}");
}

#[test]
fn check_and_publish_agree_about_every_odd_file() {
    type Damage = (&'static str, fn(&Charts), Option<&'static str>);
    let cases: &[Damage] = &[
        ("a link beside", |c| link(c, "../", "charts-config/docs"), None),
        (
            "a link inside",
            |c| link(c, "verbs.toml", "charts-config/charts/b.toml"),
            Some("symbolic"),
        ),
        ("a linked folder", |c| link(c, "../charts", "charts-config/programs/x"), Some("symbolic")),
        ("a hidden link", |c| link(c, "verbs.toml", "charts-config/charts/.b.toml"), None),
        ("a submodule beside", |c| submodule(c, "charts-config/vendor"), None),
        ("a submodule inside", |c| submodule(c, "charts-config/charts/sub"), Some("submodule")),
        (
            "a large file that is ours",
            |c| large(c, "charts-config/charts/a.toml", 5),
            Some("bytes"),
        ),
        ("a large file that is not", |c| large(c, "charts-config/charts/a.bin", 5), None),
        (
            "many large files",
            |c| (0..9).for_each(|n| large(c, &format!("charts-config/charts/{n}.toml"), 1)),
            Some("too much"),
        ),
        (
            "folders in folders",
            |c| c.write(&format!("charts-config/{}a", "d/".repeat(40)), ""),
            Some("folders deep"),
        ),
    ];
    for (what, damage, wanted) in cases {
        let charts = Charts::new();
        damage(&charts);
        charts.commit();
        let deployment = Deployment::new();
        let folder = charts.path().join("charts-config");
        let mut commands = [
            deployment.publish_command(&charts),
            publish(&deployment, &url(charts.path()), &[]),
            candor(),
        ];
        commands[2].arg("check").arg(&folder);
        for command in &mut commands {
            match wanted {
                None => drop(succeed(command)),
                Some(part) => {
                    let message = refused(command, 1);
                    assert!(message.contains(part), "{what}: {command:?}: {message}");
                }
            }
        }
    }
}

fn link(charts: &Charts, target: &str, at: &str) {
    std::os::unix::fs::symlink(target, charts.path().join(at)).expect("linked");
}

fn large(charts: &Charts, file: &str, mebibytes: usize) {
    charts.write(file, &"#\n".repeat(mebibytes << 19));
}

/// A commit whose folder at `path` has too long a list of files to be read.
fn endless_folder(charts: &Charts, path: &str) -> String {
    let mark = charts.git(&["rev-parse", "HEAD:charts-config/collection.toml"]);
    let name = "x".repeat(4000);
    let entry = |number: usize| format!("100644 blob {}\t{name}{number}\n", mark.trim());
    let mut tree = mktree(charts, &(0..4500).map(entry).collect::<String>());
    for folder in path.split('/').rev().filter(|folder| !folder.is_empty()) {
        let beside = format!("100644 blob {}\tcollection.toml\n", mark.trim());
        let beside = if folder == "charts" { &beside } else { "" };
        tree = mktree(charts, &format!("{beside}040000 tree {tree}\t{folder}\n"));
    }
    charts.git(&["commit-tree", "-m", "Endless", &tree]).trim().to_owned()
}

fn mktree(charts: &Charts, entries: &str) -> String {
    charts.write("entries", entries);
    let entries = fs::File::open(charts.path().join("entries")).expect("the entries");
    let mut git = Command::new("git");
    succeed(git.arg("mktree").current_dir(charts.path()).stdin(entries)).trim().to_owned()
}

#[test]
fn a_folder_with_too_many_files_is_refused_before_it_is_read() {
    for (path, named) in [
        ("", "/"),
        ("charts-config/", "charts-config"),
        ("charts-config/charts/", "charts-config/charts"),
    ] {
        let charts = Charts::new();
        let commit = endless_folder(&charts, path);
        let deployment = Deployment::new();
        let mut command = publish(&deployment, &charts.path().display().to_string(), &[]);
        let message = refused(command.args(["--rev", &commit]), 1);
        assert!(message.contains(&format!("candor: {named} at commit")), "{message}");
        assert!(
            message.contains("is a folder with so many files that their list has"),
            "{message}"
        );
    }
}

fn submodule(charts: &Charts, at: &str) {
    let inner = Charts::new();
    git(charts.path(), &["submodule", "--quiet", "add", &url(inner.path()), at]);
}

#[test]
fn a_charts_folder_that_leads_elsewhere_is_named() {
    let charts = Charts::new();
    fs::rename(charts.path().join("charts-config"), charts.path().join("real")).expect("renamed");
    link(&charts, "real", "charts-config");
    charts.commit();
    let deployment = Deployment::new();
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("charts-config") && message.contains("symbolic link"), "{message}");
    assert!(message.contains("--path"), "{message}");
    json(deployment.publish_command(&charts).args(["--path", "real"]));
    let linked = charts.path().join("charts-config");
    json(&mut publish_folder(&deployment, &linked));

    // A submodule that is not cloned is an empty folder.
    let above = Charts::new();
    fs::remove_dir_all(above.path().join("charts-config")).expect("removed");
    above.commit();
    submodule(&above, "charts-config");
    above.commit();
    let clone = Clone::new(&above, &[]);
    for folder in [clone.path(), clone.path().join("charts-config")] {
        let message = refused(&mut publish_folder(&deployment, &folder), 1);
        assert!(message.contains("submodule"), "{message}");
    }
}

/// Answers one connection as a proxy that refuses, and returns the request.
fn proxy() -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut asked = Vec::new();
        let mut byte = [0];
        while !asked.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
            asked.extend(byte);
        }
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        String::from_utf8(asked).expect("text")
    });
    (address, asked)
}

#[test]
fn proxies_are_those_that_git_would_use() {
    let deployment = Deployment::new();
    let home = TempDir::new().expect("a temporary folder");
    let clean = |location: &str| {
        let mut command = publish(&deployment, location, &[]);
        for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command.env("HOME", home.path()).env_remove("XDG_CONFIG_HOME");
        command
    };
    let settings = home.path().join(".gitconfig");
    // .invalid never resolves, so only the proxy can be asked.
    let location = "https://charts.invalid/x.git";
    for how in ["https_proxy", "HTTPS_PROXY", "http.proxy", "http.https://charts.invalid.proxy"] {
        let (address, asked) = proxy();
        let _ = fs::remove_file(&settings);
        let mut command = clean(location);
        match how {
            setting if setting.starts_with("http.") => {
                let file = settings.display().to_string();
                let proxy = format!("http://{address}");
                git(home.path(), &["config", "--file", &file, setting, &proxy]);
            }
            variable => drop(command.env(variable, format!("http://{address}"))),
        }
        let message = refused(&mut command, 1);
        assert!(message.contains("charts.invalid"), "{how}: {message}");
        // If nobody came, the proxy would wait for ever.
        drop(std::net::TcpStream::connect(&address));
        let asked = asked.join().expect("the proxy");
        assert!(asked.starts_with("CONNECT charts.invalid:443 "), "{how}: {asked}");
    }
}

#[test]
fn what_git_left_out_of_a_work_tree_is_named_when_it_is_checked() {
    type Case = (&'static str, &'static [&'static str], fn(&Clone), &'static str);
    let cases: &[Case] = &[
        (
            "a sparse checkout",
            &["--sparse"],
            |clone| drop(git(&clone.path(), &["sparse-checkout", "set", "--cone", "docs"])),
            "sparse checkout leaves out",
        ),
        (
            "a sparse checkout with a sparse index",
            &["--sparse"],
            |clone| {
                git(&clone.path(), &["sparse-checkout", "set", "--cone", "--sparse-index", "docs"]);
            },
            "sparse checkout leaves out",
        ),
        (
            "a sparse checkout with some of the charts folder",
            &["--sparse"],
            |clone| {
                let folder = "charts-config/charts";
                git(&clone.path(), &["sparse-checkout", "set", "--cone", folder]);
            },
            "sparse checkout leaves out",
        ),
        ("no checkout", &["--no-checkout"], |_| {}, "nothing was checked out"),
        (
            "a partial clone",
            &["--no-checkout", "--filter=blob:none"],
            |_| {},
            "nothing was checked out",
        ),
        ("a bare repository", &["--bare"], |_| {}, "bare repository"),
    ];
    for (what, options, damage, wanted) in cases {
        let charts = Charts::new();
        charts.git(&["config", "uploadpack.allowFilter", "true"]);
        charts.write("docs/index.md", "Documentation.");
        charts.commit();
        let clone = Clone::new(&charts, options);
        damage(&clone);
        let customary = clone.path().join("charts-config");
        let mut way_out = String::new();
        for folder in [clone.path(), customary.clone()] {
            for verb in ["check", "compile"] {
                let message = refused(candor().arg(verb).arg(&folder), 1);
                assert!(message.contains(wanted), "{what}: {verb} {folder:?}: {message}");
                let quoted = message.split('`').nth(1);
                way_out = quoted.unwrap_or_else(|| panic!("{message}")).to_owned();
            }
        }
        if way_out != "git clone" {
            let words: Vec<&str> = way_out.split(' ').skip(1).collect();
            git(&clone.path(), &words);
            succeed(candor().arg("check").arg(&customary));
        }
    }

    // A removed file was not left out by git, and a folder without definitions lacks none.
    let charts = Charts::new();
    charts.write("docs/index.md", "Documentation.");
    charts.commit();
    let clone = Clone::new(&charts, &["--sparse"]);
    git(&clone.path(), &["sparse-checkout", "set", "--cone", "docs", "charts-config"]);
    fs::remove_dir_all(clone.path().join("charts-config/charts")).expect("removed");
    let message = refused(candor().arg("check").arg(clone.path()), 1);
    assert!(message.contains("there are no chart definitions"), "{message}");
}

#[test]
fn the_charts_folder_may_be_any_spelling_of_its_path() {
    let charts = Charts::new();
    let named = |path: &str| {
        let deployment = Deployment::new();
        json(deployment.publish_command(&charts).args(["--path", path]))
    };
    for path in ["charts-config", "./charts-config", "/charts-config/", "a/..//./charts-config/."] {
        assert_eq!(named(path)["version"], "v0.1.0", "{path}");
    }
    charts.git(&["mv", "charts-config/collection.toml", "charts-config/charts", "."]);
    charts.git(&["mv", "charts-config/programs", "."]);
    charts.commit();
    for path in [".", "./", "/"] {
        assert_eq!(named(path)["version"], "v0.1.0", "{path}");
    }
    let deployment = Deployment::new();
    let message = refused(deployment.publish_command(&charts).args(["--path", "../x"]), 1);
    assert!(message.contains("--path"), "{message}");
}

#[test]
fn a_token_is_never_shown_and_a_new_one_makes_no_new_mirror() {
    let deployment = Deployment::new();
    // Nobody listens there.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    for token in ["first-secret", "second-secret"] {
        for url in [
            format!("http://bob:{token}@{address}/charts.git"),
            format!("http://{address}/charts.git?private_token={token}"),
            format!("http://{address}/charts.git#{token}"),
            format!("ftp://{token}@{address}/charts.git"),
            format!("http://{token}@{address}:x/charts.git"),
        ] {
            let message = refused(&mut publish(&deployment, &url, &[]), 1);
            assert!(!message.contains("secret"), "{message}");
            assert!(message.contains(&address.to_string()), "{message}");
        }
    }
    let mirrors = fs::read_dir(deployment.path().join("cache")).expect("mirrors");
    let mirrors: Vec<_> = mirrors.map(|one| one.expect("an entry").file_name()).collect();
    assert_eq!(
        mirrors.len(),
        2,
        "one for each repository, the one with a strange port: {mirrors:?}"
    );
}
