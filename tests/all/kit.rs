//! What `packaging` and `docs/operating.md` promise: the units are valid and hardened, the Debian package has what it
//! should, monitoring names what the server has, and the page's commands work as they stand.
//!
//! systemd cannot run in a test, and nothing is installed: where a command is for it, the test runs what the unit
//! runs, with the unit's own command line.

#![cfg(feature = "server")]
#![cfg(unix)]

use crate::support;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use support::{Charts, Deployment, HOST, MODULE, candor, refused, run, succeed, text};
use tempfile::TempDir;

/// A key, in place of the reader's.
const KEY: &str = "telemetry.example.org/log+7980041d+AdlOxvTvwlBE/cje4uZaI8S4erbU0i8UO5JEFiFDBTSS";

/// The parts of the exposure that systemd computes, of which a service that uses the network cannot be rid.
const MOST_EXPOSED: &str = "15";

fn kit(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn units(ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(kit("systemd")).expect("units");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// The values of a setting in a unit, with continued lines joined.
fn settings(unit: &Path, name: &str) -> Vec<String> {
    let text = read(unit).replace("\\\n", " ");
    let values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.map(str::to_owned).collect()
}

#[test]
fn the_units_are_valid_and_as_closed_as_they_can_be() {
    // The units name the installed program, so here one with that name.
    let folder = TempDir::new().expect("a temporary folder");
    for path in [units(".service"), units(".timer")].concat() {
        let here = folder.path().join(path.file_name().expect("a name"));
        let program = env!("CARGO_BIN_EXE_candor");
        fs::write(here, read(&path).replace("/usr/bin/candor", program)).expect("written");
    }
    for path in [units(".service"), units(".timer")].concat() {
        let here = folder.path().join(path.file_name().expect("a name"));
        let mut verify = Command::new("systemd-analyze");
        let output = run(verify.args(["verify", "--man=no", "--recursive-errors=no"]).arg(&here));
        let said = text(&output.stderr);
        // What other units of this machine get wrong is none of our business.
        let ours: Vec<_> = said.lines().filter(|line| line.contains("candor")).collect();
        assert!(output.status.success() && ours.is_empty(), "{}: {said}", path.display());
    }
    for path in units(".service") {
        let mut security = Command::new("systemd-analyze");
        security.args(["security", "--offline=true", "--threshold", MOST_EXPOSED]);
        let output = run(security.arg(&path));
        assert!(output.status.success(), "{}: {}", path.display(), text(&output.stdout));
    }
}

#[test]
fn the_units_run_verbs_and_settings_that_there_are() {
    let mut ran = 0;
    for path in units(".service") {
        for line in settings(&path, "ExecStart") {
            let words = line.split_whitespace().filter(|word| !word.starts_with("$CANDOR"));
            let words: Vec<&str> = words.collect();
            assert_eq!(words[0], "/usr/bin/candor");
            succeed(candor().args(&words[1..]).arg("--help"));
            ran += 1;
        }
        assert_eq!(settings(&path, "User"), ["candor"], "{}", path.display());
    }
    assert!(ran >= 5, "{ran}");
    let variables = read(&kit("systemd/candor.default"));
    let all: String = units(".service").iter().map(|path| read(path)).collect();
    for line in variables.lines().filter_map(|line| line.strip_prefix("#CANDOR_")) {
        let name = line.split('=').next().expect("a name");
        assert!(name == "LOG" || all.contains(&format!("CANDOR_{name}")), "{name}");
    }
}

#[test]
fn the_key_is_found_where_the_units_put_it() {
    let deployment = Deployment::new();
    let credentials = TempDir::new().expect("a temporary folder");
    let service = kit("systemd/candor.service");
    let credential = &settings(&service, "LoadCredential")[0];
    let key = deployment.path().join("keys/log.seed");
    fs::rename(&key, credentials.path().join(credential)).expect("moved");
    let charts = Charts::new();
    assert!(refused(&mut deployment.publish_command(&charts), 1).contains("log.seed"));
    let mut command = deployment.publish_command(&charts);
    succeed(command.env("CREDENTIALS_DIRECTORY", credentials.path()));
}

/// All names of metrics in a text, without the suffixes of rates and the like.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
    let names = words.filter(|word| word.starts_with("candor_"));
    names.map(str::to_owned).collect()
}

#[test]
fn monitoring_names_metrics_and_labels_that_there_are() {
    let deployment = Deployment::new();
    let charts = Charts::new();
    deployment.publish(&charts);
    // With a witness, so that all metrics are there. Nobody has to answer.
    let path = deployment.path().join("candor.toml");
    let settings = format!(
        "quorum = \"none\"\n{}\n[[witness]]\nname = \"neighbour\"\nkey = \
         \"witness.example.org+cfa85615+BAzX6FSLKadNRoxJ1NB4Kzm8fzcvzksYIdRAFLM7EvCH\"\n\
         url = \"http://127.0.0.1:1\"\n",
        read(&path)
    );
    fs::write(&path, settings).expect("written");
    let server = deployment.serve();
    let served = server.health("/metrics").1;
    let names: BTreeSet<String> = served
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    assert!(names.len() > 20, "{served}");
    let rules = read(&kit("monitoring/candor.rules.yml"));
    let dashboard = read(&kit("monitoring/candor.dashboard.json"));
    let parsed: Value = serde_json::from_str(&dashboard).expect("JSON");
    assert!(parsed["panels"].as_array().is_some_and(|panels| panels.len() > 10));
    for (file, text) in [("the rules", &rules), ("the dashboard", &dashboard)] {
        let named = metrics_in(text);
        assert!(named.len() > 10, "{named:?}");
        let unknown: Vec<_> = named.difference(&names).collect();
        assert!(unknown.is_empty(), "{file} name {unknown:?}, which the server does not have");
    }
    // Labels that rules select or sum by.
    for (label, metric) in [
        ("part", "candor_requests_total"),
        ("status", "candor_requests_total"),
        ("answer", "candor_uploads_total"),
        ("budget", "candor_uploads_over_budget_total"),
        ("work", "candor_upkeep_age_seconds"),
        ("witness", "candor_witness_answers_total"),
    ] {
        let has = |line: &str| line.starts_with(metric) && line.contains(&format!("{label}=\""));
        assert!(served.lines().any(has), "{metric} has no label {label}:\n{served}");
    }
}

#[test]
fn the_debian_package_has_the_program_its_pages_and_its_units() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut build = Command::new(kit("debian/build"));
    build.args(["--quick", "--program", env!("CARGO_BIN_EXE_candor"), "--out"]).arg(folder.path());
    let printed = succeed(&mut build);
    let package = printed.lines().last().expect("the package's path");
    let listed = succeed(Command::new("dpkg-deb").args(["--contents", package]));
    let files: BTreeMap<&str, &str> =
        listed.lines().filter_map(|line| Some((line.split_whitespace().nth(5)?, line))).collect();
    for (file, mode) in [
        ("./usr/bin/candor", "-rwxr-xr-x root/root"),
        ("./usr/share/man/man1/candor.1.gz", "-rw-r--r-- root/root"),
        ("./usr/share/man/man1/candor-serve.1.gz", "-rw-r--r-- root/root"),
        ("./usr/share/man/man1/candor-signer-move.1.gz", "-rw-r--r-- root/root"),
        ("./usr/share/bash-completion/completions/candor", "-rw-r--r-- root/root"),
        ("./lib/systemd/system/candor.service", "-rw-r--r-- root/root"),
        ("./lib/systemd/system/candor-publish.service", "-rw-r--r-- root/root"),
        ("./lib/systemd/system/candor-verify-store.timer", "-rw-r--r-- root/root"),
        ("./usr/lib/sysusers.d/candor.conf", "-rw-r--r-- root/root"),
        ("./etc/default/candor", "-rw------- root/root"),
        ("./usr/share/doc/candor/examples/nginx/candor.conf", "-rw-r--r-- root/root"),
    ] {
        let found = files.get(file).unwrap_or_else(|| panic!("{file} is not in {listed}"));
        assert!(found.starts_with(mode), "{found}");
    }
    // A deployment's folder is no file of the package, so nothing that removes the package removes it.
    assert!(!listed.contains("var/lib"), "{listed}");
    let field = |name| succeed(Command::new("dpkg-deb").args(["--field", package, name]));
    assert_eq!(field("Version").trim(), env!("CARGO_PKG_VERSION"));
    assert!(field("Depends").contains("libc6"), "{}", field("Depends"));
    let scripts = folder.path().join("scripts");
    succeed(Command::new("dpkg-deb").args(["--control", package]).arg(&scripts));
    assert_eq!(read(&scripts.join("conffiles")), "/etc/default/candor\n");
    for script in ["postinst", "prerm", "postrm"] {
        succeed(Command::new("sh").arg("-n").arg(scripts.join(script)));
        let commands = read(&scripts.join(script));
        let removes = |line: &str| line.trim().starts_with("rm ") && line.contains("/var");
        assert!(!commands.lines().any(removes), "{commands}");
    }
}

/// The first name of a path, without what `..` takes back.
fn top(path: &str) -> Option<&str> {
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            ".." => drop(names.pop()),
            "." => {}
            _ => names.push(name),
        }
    }
    names.first().copied()
}

/// What was read to compile the program is what the build of the image gets.
#[test]
fn the_image_is_built_from_all_that_the_program_is_built_from() {
    // Beside each result, cargo keeps the rule of make that rustc wrote; paths are relative to the package.
    let deps = Path::new(env!("CARGO_BIN_EXE_candor")).with_file_name("deps");
    let entries = fs::read_dir(&deps).expect("dependencies").map(|entry| entry.expect("an entry"));
    let is_rule = |name: &str| name.starts_with("candor-") && name.ends_with(".d");
    let rules = entries.filter(|entry| is_rule(&entry.file_name().to_string_lossy()));
    let rules: Vec<String> = rules.map(|entry| read(&entry.path())).collect();
    let sources =
        rules.iter().flat_map(|rules| rules.lines()).filter(|line| !line.starts_with('#'));
    let sources =
        sources.filter_map(|line| line.split_once(": ")).flat_map(|(_, all)| all.split(' '));
    let tops: BTreeSet<&str> =
        sources.filter(|path| !path.starts_with('/')).filter_map(top).collect();
    assert!(tops.contains("src") && tops.contains("docs"), "{tops:?}");
    let copied = read(&kit("docker/Dockerfile.dockerignore"));
    let copied: BTreeSet<&str> = copied.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let missing: Vec<_> = tops.difference(&copied).collect();
    assert!(missing.is_empty(), "not in Dockerfile.dockerignore: {missing:?}");
}

#[test]
fn init_refuses_a_folder_with_other_things_and_warns_inside_a_work_tree() {
    let charts = Charts::new();
    let init = |folder: &Path| {
        let mut command = candor();
        command.args(["init", "--name", HOST, "--module", MODULE, "--data"]).arg(folder);
        command
    };
    let message = refused(&mut init(charts.path()), 1);
    assert!(message.contains("has other things in it, such as .git"), "{message}");
    assert!(!charts.path().join("keys").exists());
    let inside = charts.path().join("data");
    let warned = run(&mut init(&inside));
    let said = text(&warned.stderr);
    assert!(warned.status.success() && said.contains("inside the git work tree"), "{said}");
    // What an interrupted init leaves is no other thing, and neither is a disk's own folder.
    let disk = TempDir::new().expect("a temporary folder");
    for name in ["lost+found", "signer", "keys"] {
        fs::create_dir(disk.path().join(name)).expect("made");
    }
    let made = run(&mut init(disk.path()));
    assert!(made.status.success() && text(&made.stderr).is_empty(), "{}", text(&made.stderr));
}

#[test]
fn a_lost_signer_folder_gets_a_message_with_the_way_out() {
    let (deployment, charts) = (Deployment::new(), Charts::new());
    deployment.publish(&charts);
    let kept = TempDir::new().expect("a temporary folder");
    let (signer, away) = (deployment.path().join("signer"), kept.path().join("signer"));
    succeed(Command::new("mv").arg(&signer).arg(&away));
    charts.add_chart("second");
    let way_out = format!("candor signer move --data {}", deployment.path().display());
    let refusal = refused(&mut deployment.publish_command(&charts), 1);
    assert!(refusal.contains(&way_out) && refusal.contains("move it back"), "{refusal}");
    let shown = succeed(candor().args(["signer", "show", "--data"]).arg(deployment.path()));
    assert!(shown.contains(&way_out), "{shown}");
    // It serves all the same, and says at once what it cannot do.
    let server = deployment.serve();
    assert_eq!(server.get("/log/checkpoint").0, 200);
    let moving = ["signer", "move", "--url", &server.url, "--data"];
    let moved = succeed(candor().args(moving).arg(deployment.path()));
    assert!(moved.contains("from now on"), "{moved}");
    let said = server.stop_and_read_log();
    assert!(
        said.contains("nothing can be published from here") && said.contains(&way_out),
        "{said}"
    );
    deployment.publish(&charts);
}

/// After so many seconds, a command of the page is taken to hang.
const LONGEST: &str = "900";

/// A Debian system in a folder, as far as the page needs one: what the package installs, and a service manager that
/// runs what its units run.
struct System {
    root: TempDir,
    /// In place of 8080 and 9118.
    ports: [u16; 2],
    running: BTreeMap<String, Child>,
}

impl Drop for System {
    fn drop(&mut self) {
        let names: Vec<String> = self.running.keys().cloned().collect();
        names.iter().for_each(|name| self.stop(name));
    }
}

impl System {
    fn new(ports: [u16; 2]) -> System {
        let root = TempDir::new().expect("a temporary folder");
        let system = System { root, ports, running: BTreeMap::new() };
        for folder in ["var/lib/candor", "etc/default", "srv", "root", "bin"] {
            fs::create_dir_all(system.path(folder)).expect("made");
        }
        fs::copy(kit("systemd/candor.default"), system.path("etc/default/candor")).expect("copied");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_candor"), system.path("bin/candor"))
            .expect("linked");
        // This user is the only one.
        for (name, script) in [
            ("runuser", "while [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\""),
            ("chown", "exit 0"),
            ("install", "for last; do :; done; exec mkdir -p \"$last\""),
        ] {
            let path = system.path("bin").join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made executable");
        }
        system
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.root.path().join(inside)
    }

    /// A command line with this system's paths and ports.
    fn here(&self, line: &str) -> String {
        let root = self.root.path().display();
        let mut line = line.to_owned();
        for folder in ["/var/lib", "/etc/default", "/srv/charts", "/root/"] {
            line = line.replace(folder, &format!("{root}{folder}"));
        }
        line.replace("127.0.0.1:8080", &format!("127.0.0.1:{}", self.ports[0]))
            .replace("127.0.0.1:9118", &format!("127.0.0.1:{}", self.ports[1]))
    }

    fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("timeout");
        command.args([LONGEST, "sh", "-eu", "-c", &self.here(script)]);
        self.set_up(command)
    }

    /// The same with its environment.
    fn set_up(&self, mut command: Command) -> Command {
        let path =
            format!("{}:{}", self.path("bin").display(), std::env::var("PATH").expect("a path"));
        command.env("PATH", path).stdin(Stdio::null());
        // Commits of the page are of no one here.
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        command.env_remove("CANDOR_DATA_DIR").env_remove("CANDOR_LOG");
        command
    }

    /// What `systemctl start` does: the unit's own command, with its settings.
    fn start(&mut self, name: &str) {
        if name.ends_with(".timer") {
            return;
        }
        let unit = kit("systemd").join(format!("{name}.service"));
        let [line] = &settings(&unit, "ExecStart")[..] else { panic!("one command of {name}") };
        let loaded = "set +u -a; . /etc/default/candor;";
        for condition in settings(&unit, "ExecCondition") {
            if !run(&mut self.shell(&format!("{loaded} {condition}"))).status.success() {
                return;
            }
        }
        let command = line.replace("/usr/bin/candor", "candor");
        let script = format!("{loaded} exec {command}");
        let log = fs::File::create(self.path(&format!("{name}.log"))).expect("a file");
        // Without `timeout`, which leaves its child alone if it is stopped just after it has started it.
        let mut shell = Command::new("sh");
        shell.args(["-eu", "-c", &self.here(&script)]);
        let started = self.set_up(shell).stdout(Stdio::null()).stderr(log).spawn();
        self.running.insert(name.to_owned(), started.expect("started"));
    }

    fn stop(&mut self, name: &str) {
        if let Some(mut child) = self.running.remove(name) {
            // Perhaps it ended by itself.
            let _ = run(Command::new("kill").args(["-s", "TERM", &child.id().to_string()]));
            child.wait().expect("its end");
        }
    }

    /// Runs a block of the page.
    fn run(&mut self, block: &str) -> String {
        let mut said = String::new();
        for line in block.replace("\\\n", " ").lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["systemctl", "enable", "--now", ..] => {
                    words[3..].iter().for_each(|name| self.start(name))
                }
                ["systemctl", "start", ..] => words[2..].iter().for_each(|name| self.start(name)),
                ["systemctl", "stop", ..] => words[2..].iter().for_each(|name| self.stop(name)),
                _ => {
                    let output = run(&mut self.shell(line));
                    let logs: String = ["candor", "candor-publish"]
                        .map(|name| {
                            fs::read_to_string(self.path(&format!("{name}.log")))
                                .unwrap_or_default()
                        })
                        .concat();
                    assert!(
                        output.status.success(),
                        "{line}\n{}{}\n{logs}",
                        text(&output.stdout),
                        text(&output.stderr)
                    );
                    said += &text(&output.stdout);
                }
            }
        }
        said
    }
}

/// The blocks of shell commands below a heading of the page.
fn blocks(heading: &str) -> Vec<String> {
    let page = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md"));
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).expect("a heading");
    let section = section.split("\n## ").next().expect("a section");
    let blocks = section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(str::to_owned).collect()
}

fn free_ports() -> [u16; 2] {
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    held.map(|port| port.local_addr().expect("an address").port())
}

#[test]
fn the_page_leads_from_an_empty_machine_to_a_chart_a_backup_and_another_machine() {
    let mut system = System::new(free_ports());
    let steps = blocks("From an empty machine to the first chart in five minutes");
    let [_package, make, charts, serve, chart, again] = &steps[..] else { panic!("{steps:?}") };
    let printed = system.run(make);
    assert!(printed.contains(&format!("{HOST}/log+")), "{printed}");
    system.run(charts);
    assert!(system.run(serve).contains("\"Version\":\"v0.1.0\""));
    let charted = system.run(chart);
    assert!(charted.contains("2000 reports") && charted.contains("/charts/hello"), "{charted}");
    let [health] = &blocks("Monitoring")[..] else { panic!("one block") };
    assert!(system.run(health).ends_with("\nok\n"));

    let [backup] = &blocks("Backup")[..] else { panic!("one block") };
    system.run(backup);
    let [restore] = &blocks("Restoring it, or moving to another machine")[..] else {
        panic!("one block")
    };
    let mut other = System::new(free_ports());
    fs::copy(system.path("root/candor.tar.gz"), other.path("root/candor.tar.gz")).expect("copied");
    let old = format!("http://127.0.0.1:{}", system.ports[0]);
    system.stop("candor-publish");
    fs::create_dir_all(other.path("srv")).expect("made");
    let moved = other.run(&restore.replace("https://telemetry.example.org", &old));
    assert!(moved.contains("the log's signer is this folder"), "{moved}");
    assert!(moved.contains("the one entry of the log is as it was signed"), "{moved}");
    let checkpoint = "until curl -sf http://127.0.0.1:8080/log/checkpoint; do sleep 1; done";
    assert!(other.run(checkpoint).starts_with(&format!("{HOST}/log\n1\n")));
    drop(other);

    let printed = system.run(again);
    assert!(printed.contains(&format!("{HOST}/log+")), "{printed}");
}

#[test]
fn every_candor_command_of_the_page_has_the_verbs_and_flags_that_there_are() {
    let page = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md"));
    let spans = page.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " "));
    let mut checked = 0;
    for span in spans.filter(|span| span.starts_with("candor ")) {
        // What the reader fills in.
        let span = span.replace("--give-up ID", &format!("--give-up {}", "0".repeat(32)));
        let span = span.replace("--vkey KEY", &format!("--vkey {KEY}"));
        let words: Vec<&str> = span.split_whitespace().skip(1).collect();
        let output = run(candor().args(&words).arg("--help"));
        assert!(output.status.success(), "{span}: {}", text(&output.stderr));
        checked += 1;
    }
    assert!(checked >= 3, "{checked}");
}

#[test]
fn the_manual_has_a_page_for_every_verb() {
    let folder = TempDir::new().expect("a temporary folder");
    let printed: Value = support::json(candor().args(["--json", "man"]).arg(folder.path()));
    let pages = printed["pages"].as_array().expect("a list").len();
    assert!(pages > 30, "{printed}");
    let help = succeed(candor().arg("--help"));
    let verbs = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let verbs = verbs.take_while(|line| line.starts_with("  "));
    for verb in
        verbs.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help")
    {
        let page = read(&folder.path().join(format!("candor-{verb}.1")));
        let name = format!("candor {verb}").replace('-', "\\-");
        assert!(page.contains(&name), "{verb}: {page}");
    }
}
