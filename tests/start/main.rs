//! A program that runs for 20 milliseconds gets its reports sent, and nobody notices.
//!
//! This test's executable is also that program (see `program`), so it has a `main` of its own, which runs
//! the tests below.

mod life;
mod program;
#[path = "../support/mod.rs"]
mod support;

use candor::client::day::Day;
use candor::client::mode::Mode;
use candor::client::report::Report;
use program::{Machine, SECRET, children, day, kill, stat, wait_for, wait_until_ready};
use std::process::{Command, ExitCode, Stdio};
use support::collector::Collector;
use support::{Charts, Deployment, Server, segments};

const TESTS: &[(&str, fn())] = &[
    ("fifty_short_runs_send_their_week_exactly_once", fifty_short_runs),
    ("hosts_at_once_have_one_worker", hosts_at_once),
    ("a_killed_worker_is_tried_again_but_not_at_every_start", killed_worker),
    ("the_worker_keeps_nothing_of_the_host_open", nothing_is_kept),
    ("a_pipe_ends_with_the_host", a_pipe_ends),
    ("a_host_has_no_children_left", no_children),
    ("without_consent_there_is_no_child", without_consent),
    ("a_worker_does_not_run_for_ever", not_for_ever),
    ("a_deleted_executable_does_its_work", deleted_executable),
    ("no_process_is_a_child_by_accident", by_accident),
    ("if_no_child_can_be_started_the_host_runs_as_usual", no_child_possible),
    ("a_count_is_sent_by_a_user_who_opted_in_and_is_on_the_site", life::counted_sent_and_shown),
    ("on_a_machine_where_nothing_works_the_host_notices_nothing", life::nothing_works),
    ("nobody_is_asked_without_a_terminal", life::nobody_is_asked_without_a_terminal),
    ("at_a_terminal_the_question_is_asked_once", life::asked_once_at_a_terminal),
];

fn main() -> ExitCode {
    let first = std::env::args().nth(1).unwrap_or_default();
    // The second is what `start` gives its children as their only argument.
    if [program::NAME, "candor-telemetry-child"].contains(&first.as_str()) {
        return program::main();
    }
    // Like the usual test harness: arguments that are not flags choose tests by name.
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let mut failed = Vec::new();
    for (name, test) in TESTS {
        if !chosen.is_empty() && !chosen.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let passed = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        if !passed {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "failed: {failed:?}");
    ExitCode::SUCCESS
}

/// A published config, and where its reports arrive.
struct Project {
    deployment: Deployment,
    server: Server,
}

impl Project {
    fn new() -> Project {
        let (deployment, charts) = (Deployment::new(), Charts::new());
        deployment.publish(&charts);
        let server = deployment.serve();
        Project { deployment, server }
    }

    fn machine(&self, url: &str) -> Machine {
        Machine::new(url, &self.deployment.log_key)
    }

    fn machine_without_a_choice(&self) -> Machine {
        Machine::without_a_choice(&self.server.url, &self.deployment.log_key)
    }
}

/// A machine that has counted a week which has ended by today, and knows a config. Nothing was sent yet.
fn with_a_week(project: &Project, url: &str) -> Machine {
    let machine = project.machine(&project.server.url);
    machine.run(&mut machine.program(-9, 0));
    machine.wait_until_done(-9);
    machine.at(url)
}

fn fifty_short_runs() {
    let project = Project::new();
    let machine = project.machine(&project.server.url);
    for _ in 0..50 {
        machine.run(&mut machine.program(-9, 0));
    }
    machine.wait_until_done(-9);
    for _ in 0..50 {
        machine.run(&mut machine.program(0, 0));
    }
    machine.wait_until_done(0);
    // The config was fetched and verified.
    assert!(machine.path().join("candor/config.json").exists());
    let reports = segments::reports(&project.deployment.path().join("reports"));
    let [report] = &reports[..] else { panic!("{reports:?}") };
    let counters = &report["Programs"][0]["Counters"];
    assert_eq!(*counters, serde_json::json!({"hello/verb:run": 50}), "{report}");
    let week: Day = report["Week"].as_str().expect("a week").parse().expect("a day");
    assert!(week > day(-9) && week <= day(-2), "{report}");
    // Another day, another worker, and nothing more to send.
    machine.run(&mut machine.program(1, 0));
    machine.wait_until_done(1);
    assert_eq!(segments::reports(&project.deployment.path().join("reports")), reports);
}

fn hosts_at_once() {
    let project = Project::new();
    let collector = Collector::new(&project.server.url);
    collector.answer_after(100);
    let machine = with_a_week(&project, &collector.url);
    let mut hosts: Vec<_> =
        (0..8).map(|_| machine.program(0, 0).spawn().expect("started")).collect();
    for host in &mut hosts {
        assert_eq!(host.wait().expect("waited").code(), Some(7));
    }
    machine.wait_until_done(0);
    let received = collector.take();
    assert_eq!(received.len(), 1, "{received:?}");
}

fn killed_worker() {
    let project = Project::new();
    let collector = Collector::new(&project.server.url);
    collector.answer_after(60_000);
    let machine = with_a_week(&project, &collector.url);
    machine.run(&mut machine.program(0, 0));
    // The server has the report, but never answers.
    collector.wait_for_request();
    let worker = machine.wait_for_worker();
    kill(worker);
    wait_for("the worker's end", || machine.workers().is_empty().then_some(()));
    assert_ne!(machine.done(), Some(day(0)));
    for minutes in 0..15 {
        machine.run(&mut machine.program(0, minutes));
    }
    assert!(machine.workers().is_empty(), "not at every start");
    collector.answer_after(0);
    machine.run(&mut machine.program(0, 15));
    machine.wait_until_done(0);
    let mut received = collector.take();
    received.dedup();
    let [(path, body)] = &received[..] else { panic!("the same report each time: {received:?}") };
    let report = Report::from_json(body.as_bytes()).expect("a report");
    assert_eq!(*path, format!("/upload/{}", report.week));
}

fn nothing_is_kept() {
    let project = Project::new();
    let collector = Collector::new(&project.server.url);
    collector.answer_after(60_000);
    let machine = with_a_week(&project, &collector.url);
    let kept = machine.path().join("kept");
    // A shell, for a descriptor that is inherited.
    let program = machine.program(0, 0);
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 3>\"$0\"; exec \"$@\""]).arg(&kept);
    shell.arg(program.get_program()).args(program.get_args()).arg("--wait");
    shell.env(SECRET, "secret").current_dir(machine.path());
    let mut host = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
    wait_until_ready(&mut host);
    let in_proc = |process: u32, file: &str| format!("/proc/{process}/{file}");
    // The host has it open.
    assert_eq!(std::fs::read_link(in_proc(host.id(), "fd/3")).expect("open"), kept);
    collector.wait_for_request();
    let worker = machine.wait_for_worker();
    let open = std::fs::read_dir(in_proc(worker, "fd")).expect("list");
    let open: Vec<_> = open
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|path| !path.starts_with(machine.path().join("candor")))
        .filter(|path| !path.to_string_lossy().starts_with("socket:"))
        .collect();
    assert!(open.iter().all(|path| path.as_os_str() == "/dev/null"), "{open:?}");
    assert_eq!(open.len(), 3);
    let fields = stat(worker).expect("alive");
    let host_fields = stat(host.id()).expect("alive");
    // Another session, with no terminal; not the host's child.
    assert_ne!(fields[3], host_fields[3]);
    assert_eq!(fields[4], "0");
    assert_ne!(fields[1], host.id().to_string());
    assert_eq!(std::fs::read_link(in_proc(worker, "cwd")).expect("a folder").as_os_str(), "/");
    let environment = std::fs::read(in_proc(worker, "environ")).expect("readable");
    let environment = support::text(&environment);
    assert!(!environment.contains(SECRET) && environment.contains("PATH="), "{environment}");
    drop(host.stdin.take());
    assert_eq!(host.wait().expect("waited").code(), Some(7));
    assert_eq!(machine.workers(), [worker]);
    kill(worker);
}

fn a_pipe_ends() {
    let project = Project::new();
    let collector = Collector::new(&project.server.url);
    collector.answer_after(60_000);
    let machine = with_a_week(&project, &collector.url);
    let program = machine.program(0, 0);
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$0\" \"$@\" --status 2>&1 | cat"]);
    shell.arg(program.get_program()).args(program.get_args());
    let output = support::succeed(&mut shell);
    assert!(output.starts_with("Counting("), "{output}");
    // The pipe ended before the worker did.
    let worker = machine.wait_for_worker();
    collector.wait_for_request();
    assert_eq!(machine.workers(), [worker]);
    kill(worker);
}

fn no_children() {
    let project = Project::new();
    let collector = Collector::new(&project.server.url);
    collector.answer_after(60_000);
    let machine = with_a_week(&project, &collector.url);
    let mut host = machine.program(0, 0);
    host.args(["--children", "--wait"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut host = host.spawn().expect("started");
    wait_until_ready(&mut host);
    assert_eq!(children(host.id()), Vec::new());
    let worker = machine.wait_for_worker();
    collector.wait_for_request();
    kill(worker);
    wait_for("the worker's end", || machine.workers().is_empty().then_some(()));
    assert_eq!(children(host.id()), Vec::new(), "no zombie");
    drop(host.stdin.take());
    assert_eq!(host.wait().expect("waited").code(), Some(7));
    // A host that waits for its children sees none of ours; nor does one that ignores SIGCHLD.
    let machine = with_a_week(&project, &collector.url);
    assert_eq!(machine.run(machine.program(0, 0).arg("--children")), "no children\n");
    kill(machine.wait_for_worker());
    let machine = with_a_week(&project, &collector.url);
    let program = machine.program(0, 0);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' CHLD; exec \"$0\" \"$@\" --children"]);
    shell.arg(program.get_program()).args(program.get_args());
    assert_eq!(machine.run(&mut shell), "no children\n");
    kill(machine.wait_for_worker());
}

fn without_consent() {
    let project = Project::new();
    for (mode, do_not_track) in [(Mode::Off, None), (Mode::Local, None), (Mode::On, Some("1"))] {
        let machine = project.machine(&project.server.url);
        machine.choose(mode);
        let mut command = machine.program(0, 0);
        machine.run(command.envs(do_not_track.map(|value| ("DO_NOT_TRACK", value))));
        assert!(!machine.was_attempted() && machine.done().is_none(), "{mode}");
        assert!(machine.workers().is_empty(), "{mode}");
    }
    // It is the mode that makes the difference.
    let machine = project.machine(&project.server.url);
    machine.run(&mut machine.program(0, 0));
    machine.wait_until_done(0);
}

fn not_for_ever() {
    let project = Project::new();
    let collector = Collector::new(&project.server.url);
    collector.answer_after(600_000);
    let machine = with_a_week(&project, &collector.url);
    machine.run(machine.program(0, 0).args(["--limit", "1"]));
    collector.wait_for_request();
    machine.wait_until_done(0);
}

fn deleted_executable() {
    let project = Project::new();
    let mut machine = project.machine(&project.server.url);
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let copy = folder.path().join("program");
    std::fs::copy(&machine.executable, &copy).expect("copied");
    machine.executable = copy.clone();
    // Deleted by the time `start` is called: the shell keeps it open, and runs it from there.
    let program = machine.program(0, 0);
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 9<\"$0\"; rm \"$0\"; exec /proc/self/fd/9 \"$@\""]);
    shell.arg(program.get_program()).args(program.get_args());
    machine.run(&mut shell);
    assert!(!copy.exists());
    machine.wait_until_done(0);
}

fn by_accident() {
    let project = Project::new();
    let machine = project.machine(&project.server.url);
    // The variable alone, whatever it says.
    let task = format!("{{\"part\":\"Work\",\"folder\":{:?}}}", machine.path());
    machine.run(machine.program(0, 0).env("CANDOR_TELEMETRY_CHILD", task));
    machine.wait_until_done(0);
    // The argument alone: an ordinary program, with an argument that it does not know.
    let mut command = Command::new(&machine.executable);
    command.arg("candor-telemetry-child").env("HOME", machine.path()).env_remove("XDG_CONFIG_HOME");
    assert_eq!(command.status().expect("started").code(), Some(7));
    // Both, but nonsense: neither a host nor a child.
    command.env("CANDOR_TELEMETRY_CHILD", "nonsense");
    assert_eq!(command.status().expect("started").code(), Some(0));
}

fn no_child_possible() {
    let project = Project::new();
    let machine = project.machine(&project.server.url);
    // No room for the descriptors that a child needs: it has three, and the counter file.
    let program = machine.program(0, 0);
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 5; exec \"$0\" \"$@\" --status"]);
    shell.arg(program.get_program()).args(program.get_args());
    assert!(machine.run(&mut shell).starts_with("Counting("));
    // The attempt was noted first, so the next start does not try again.
    assert!(machine.was_attempted() && machine.workers().is_empty());
    machine.run(&mut machine.program(0, 1));
    assert!(machine.workers().is_empty() && machine.done().is_none());
    machine.run(&mut machine.program(0, 15));
    machine.wait_until_done(0);
    // If the attempt cannot be noted, it is not made.
    let machine = project.machine(&project.server.url);
    std::fs::write(machine.path().join("candor"), "").expect("a file in the folder's place");
    assert!(machine.run(machine.program(0, 0).arg("--status")).starts_with("Counting("));
    assert!(machine.workers().is_empty());
}
