//! The whole life of a count, from a user who opts in to a chart that everyone sees; and machines on which
//! nothing works, of which the program notices nothing.

use super::Project;
use super::program::{Machine, day};
use super::support::{candor, text};
use candor::client::folder::Folder;
use candor::client::mode::{Consent, DecidedBy, Mode};
use std::path::Path;
use std::process::{Command, Stdio};

/// Counted, opted in, a week later sent by a verified config, and on the site.
pub fn counted_sent_and_shown() {
    let project = Project::new();
    let machine = project.machine_without_a_choice();
    // Before anyone has chosen, nothing is written.
    machine.run(&mut machine.program(-10, 0));
    assert!(std::fs::read_dir(machine.path()).expect("listed").next().is_none());
    // The user chooses on the program's own command line.
    let said = machine.verb(-10, &["on"]);
    assert!(said.contains("telemetry of example.org/hello is on"), "{said}");
    let consent = Consent::read(&Folder::at(machine.path()), None);
    assert_eq!((consent.mode, consent.since), (Mode::On, Some(day(-10))));
    for _ in 0..3 {
        machine.run(&mut machine.program(-9, 0));
    }
    machine.wait_until_done(-9);
    // One that is killed has counted, too.
    let mut killed = machine.program(-9, 0);
    let mut killed =
        killed.arg("--wait").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
    super::program::wait_until_ready(&mut killed);
    killed.kill().expect("killed");
    killed.wait().expect("waited");
    let said = machine.verb(-9, &["view"]);
    assert!(said.contains("        4  hello/verb:run"), "{said}");

    // A week later, the next run has the report sent.
    machine.run(&mut machine.program(0, 0));
    machine.wait_until_done(0);
    let said = machine.verb(0, &["view"]);
    assert!(said.contains("Sent before: "), "{said}");
    let data = project.deployment.path();
    // The server does both when it starts, and may not have finished.
    for verb in ["merge", "chart"] {
        loop {
            let done = candor().args([verb, "--data"]).arg(data).output().expect("run candor");
            if done.status.success() {
                break;
            }
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(said.contains(" of this deployment is running"), "{said}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
    let week = (1..=7).map(|days| day(-days)).find(|week| {
        let path = format!("/charts/example.org/hello/@{}/charts.json", sunday(*week));
        let (status, charts) = project.server.get(&path);
        status == 200 && text(&charts).contains("hello/verb")
    });
    assert!(week.is_some(), "no chart of the week is on the site");
}

/// The Sunday that ends the site's week of a day.
fn sunday(day: candor::client::day::Day) -> candor::client::day::Day {
    day.plus((7 - u32::from(day.weekday())) % 7)
}

/// What may be wrong with a machine. The program does its own work, and ends as usual.
pub fn nothing_works() {
    let project = Project::new();
    let ends_as_usual = |command: &mut Command, what: &str| {
        let output = command.output().expect("started");
        assert_eq!(output.status.code(), Some(7), "{what}: {output:?}");
        assert_eq!(text(&output.stderr), "", "{what}");
        text(&output.stdout)
    };
    // No network: nobody listens where the server was.
    let offline = project.machine("http://127.0.0.1:9");
    ends_as_usual(&mut offline.program(-9, 0), "offline");
    offline.wait_until_done(-9);
    ends_as_usual(&mut offline.program(0, 0), "offline, with a week to send");
    offline.wait_until_done(0);
    let waiting = |path: &Path| std::fs::read_dir(path.join("local")).expect("listed").count();
    assert!(waiting(offline.path()) > 1, "the week waits");

    // No home folder, and no telemetry folder that is named instead.
    let machine = project.machine(&project.server.url);
    let mut homeless = machine.program_at_home(0);
    let said = ends_as_usual(homeless.arg("--status").env_remove("HOME"), "without a home");
    assert!(said.contains("$HOME is not set"), "{said}");
    // One that does not exist, and cannot be made.
    let mut homeless = machine.program_at_home(0);
    ends_as_usual(homeless.arg("--status").env("HOME", "/proc/no/such/home"), "a missing home");

    // A disk that is full, and one that may only be read.
    for (options, what) in
        [("size=12k", "a full disk"), ("size=1m", "a disk that may only be read")]
    {
        let machine = project.machine(&project.server.url);
        let mut program = machine.program(0, 0);
        program.arg("--status");
        let mut shell = Command::new("unshare");
        shell.args(["--mount", "--map-root-user", "sh", "-c"]).arg(
            "set -e; mount -t tmpfs -o \"$0\" none \"$1\"; printf 'on 2020-01-01' > \"$1/mode\"\n\
             if [ \"$0\" = size=12k ]; then head -c 1m /dev/zero > \"$1/filler\" 2> /dev/null || true\n\
             else mount -o remount,ro none \"$1\"; fi\n\
             shift; exec \"$@\"",
        );
        shell.arg(options).arg(machine.path());
        shell.arg(program.get_program()).args(program.get_args()).stdin(Stdio::null());
        let said = ends_as_usual(&mut shell, what);
        assert!(said.starts_with("Stopped("), "{what}: {said}");
    }
}

/// The question is not asked where there is no terminal, and the verb is there before any choice.
pub fn nobody_is_asked_without_a_terminal() {
    let project = Project::new();
    let machine = project.machine_without_a_choice();
    machine.run(machine.program(0, 0).arg("--ask"));
    assert!(std::fs::read_dir(machine.path()).expect("listed").next().is_none());
}

/// At a terminal it is asked once, and a yes is counted.
pub fn asked_once_at_a_terminal() {
    let project = Project::new();
    let at_terminal = |machine: &Machine, answer: &str, change: &dyn Fn(&mut Command)| {
        let program = machine.program(0, 0);
        let mut words = vec![program.get_program(), "--ask".as_ref()];
        words.splice(1..1, program.get_args());
        let words: Vec<_> = words.iter().map(|word| word.to_str().expect("UTF-8")).collect();
        // `script` has a terminal for its child.
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"]);
        script.env_remove("CI").env_remove("DO_NOT_TRACK").env_remove("HELLO_TELEMETRY");
        change(&mut script);
        script.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = script.spawn().expect("script; install bsdutils");
        use std::io::Write;
        let mut stdin = child.stdin.take().expect("a pipe");
        // It may have ended without reading.
        let _ = stdin.write_all(answer.as_bytes());
        let output = child.wait_with_output().expect("waited");
        drop(stdin);
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        text(&output.stdout)
    };
    let consent = |machine: &Machine| Consent::read(&Folder::at(machine.path()), None);
    for (name, value) in [("CI", "true"), ("DO_NOT_TRACK", "1"), ("HELLO_TELEMETRY", "on")] {
        let machine = project.machine_without_a_choice();
        let said = at_terminal(&machine, "y\n", &|command| {
            command.env(name, value);
        });
        assert!(!said.contains("[y/N]"), "{name}: {said}");
        assert_eq!(consent(&machine).decided_by, DecidedBy::NoModeFile, "{name}");
    }
    let machine = project.machine_without_a_choice();
    let said = at_terminal(&machine, "\n", &|_| {});
    assert!(said.contains("May it? [y/N]"), "{said}");
    assert_eq!(consent(&machine).mode, Mode::Off);
    let said = at_terminal(&machine, "y\n", &|_| {});
    assert!(!said.contains("[y/N]"), "asked twice: {said}");
    assert_eq!(consent(&machine).mode, Mode::Off);

    let machine = project.machine_without_a_choice();
    let said = at_terminal(&machine, "y\n", &|_| {});
    assert!(said.contains("Thank you."), "{said}");
    assert_eq!(consent(&machine).mode, Mode::On);
    let said = machine.verb(0, &["view"]);
    assert!(said.contains("1  telemetry/prompt:accepted"), "{said}");
    machine.wait_until_done(0);
}
