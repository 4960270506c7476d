//! A deployment's files are for its user only: whatever the umask, after everything that a deployment
//! does, none of its files or folders can be read by the group or by others.

#![cfg(feature = "server")]
#![cfg(unix)]

use crate::support;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Charts, HOST, MODULE, Server, candor, receiver, run, succeed, text};
use tempfile::TempDir;

/// The command, run in a shell with this umask.
fn with_umask(umask: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// The folder and everything below it that others can access.
fn shared(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        let metadata = path.symlink_metadata().expect("metadata");
        if metadata.mode() & 0o077 != 0 {
            found.push((path.clone(), format!("{:o}", metadata.mode() & 0o7777)));
        }
        if metadata.is_dir() {
            left.extend(fs::read_dir(&path).expect("a list").map(|e| e.expect("an entry").path()));
        }
    }
    found
}

fn data(verb: &[&str], folder: &Path) -> Command {
    let mut command = candor();
    command.args(verb).arg("--data").arg(folder);
    command
}

#[test]
fn a_whole_deployment_is_private_whatever_the_umask() {
    for umask in ["000", "022"] {
        let (charts, parent) = (Charts::new(), TempDir::new().expect("a temporary folder"));
        let folder = parent.path().join("srv/candor");
        let mut init = data(&["init", "--name", HOST, "--module", MODULE], &folder);
        succeed(&mut with_umask(umask, init.args(["--json"])));
        succeed(&mut with_umask(
            umask,
            &data(&["witness", "init", "--name", "witness.example.org"], &folder),
        ));
        let mut publish = data(&["publish"], &folder);
        succeed(&mut with_umask(umask, publish.arg("--charts").arg(charts.path())));
        let server = Server::start(&mut with_umask(
            umask,
            support::serve_command(&folder).args(["--witness"]),
        ));
        let report = format!(
            "{{\"Week\":\"{}\",\"LastWeek\":\"\",\"X\":0.5,\"Programs\":[{{\"Program\":\
             \"example.org/hello\",\"Version\":\"v1.0.0\",\"GoVersion\":\"rust1.95.0\",\"GOOS\":\
             \"linux\",\"GOARCH\":\"amd64\",\"Counters\":{{\"hello/verb:run\":2}},\"Stacks\":{{}}}}],\
             \"Config\":\"v0.1.0\"}}",
            receiver::week()
        );
        assert_eq!(server.upload(&report), 200);
        assert!(shared(&folder).is_empty(), "{umask}, while it is served: {:?}", shared(&folder));
        server.stop();
        succeed(&mut with_umask(umask, &data(&["merge"], &folder)));
        let week = receiver::week().to_string();
        succeed(&mut with_umask(umask, &data(&["chart", "--week", &week], &folder)));
        assert!(shared(&folder).is_empty(), "{umask}: {:?}", shared(&folder));
        let made = ["keys", "signer", "reports", "store", "candor.toml", "charts.json", "witness"];
        assert!(made.iter().all(|name| folder.join(name).exists()));
    }
}

#[test]
fn a_deployment_that_others_may_read_is_told_how_to_end_that() {
    let (charts, parent) = (Charts::new(), TempDir::new().expect("a temporary folder"));
    let folder = parent.path().join("srv");
    succeed(&mut data(&["init", "--name", HOST, "--module", MODULE], &folder));
    let publish = || {
        let mut command = data(&["publish"], &folder);
        let output = run(command.arg("--charts").arg(charts.path()));
        assert!(output.status.success());
        text(&output.stderr)
    };
    assert!(!publish().contains("chmod"));
    let settings = folder.join("candor.toml");
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o644)).expect("a mode");
    let said = publish();
    let advice = format!("chmod -R go-rwx {}", folder.display());
    assert!(said.contains("others may read") && said.contains(&advice), "{said}");
    succeed(Command::new("sh").args(["-c", &advice]));
    assert!(!publish().contains("chmod"));
    assert!(shared(&folder).is_empty());
}

#[test]
fn a_socket_is_open_to_whom_the_umask_lets() {
    let parent = TempDir::new().expect("a temporary folder");
    let folder = parent.path().join("srv");
    succeed(&mut data(&["init", "--name", HOST, "--module", MODULE], &folder));
    for (umask, mode) in [("000", 0o777), ("007", 0o770)] {
        let socket = parent.path().join(format!("{umask}.sock"));
        let mut serve = data(&["serve", "--read-only"], &folder);
        serve.arg("--listen").arg(format!("unix:{}", socket.display()));
        let server = Server::start(&mut with_umask(umask, &serve));
        let found = socket.symlink_metadata().expect("a socket").mode() & 0o777;
        assert_eq!(found, mode, "{umask}");
        server.stop();
    }
}
