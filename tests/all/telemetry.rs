//! `candor telemetry` from the outside: real processes, several at once and killed at any moment,
//! against a real deployment.

#![cfg(feature = "server")]

use crate::support;
use candor::client::day::Day;
use candor::client::folder::Folder;
use candor::client::mode::Mode;
use candor::client::report::Report;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;
use support::collector::Collector;
use support::counter_file::CounterFile;
use support::moment::kill_after_changes;
use support::{
    Charts, Deployment, Server, candor, contents, in_background, json, refused, run, succeed, text,
};
use tempfile::TempDir;

/// A published config, and where its reports arrive.
struct Project {
    deployment: Deployment,
    _server: Server,
    collector: Collector,
}

impl Project {
    fn new() -> Project {
        let (deployment, charts) = (Deployment::new(), Charts::new());
        deployment.publish(&charts);
        let server = deployment.serve();
        let collector = Collector::new(&server.url);
        Project { deployment, _server: server, collector }
    }
}

/// A machine whose user opted in twenty days ago.
struct Machine {
    folder: TempDir,
    today: Day,
}

impl Machine {
    fn new() -> Machine {
        let folder = TempDir::new().expect("a temporary folder");
        let today = Day::of(SystemTime::now());
        let machine = Machine { folder, today };
        let since = machine.days_ago(20).parse().expect("a day");
        Mode::On.store(&Folder::at(machine.path()), since).expect("stored");
        machine
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn days_ago(&self, days: u32) -> String {
        self.today.minus(days).to_string()
    }

    /// Counts of two programs, of a week that ended this many days ago.
    fn count(&self, ended: u32) -> String {
        let (begin, end) = (self.days_ago(ended + 5), self.days_ago(ended));
        let counts = [("hello/verb:run", 3), ("hello/<script>", 1)];
        let file = CounterFile::hello(&begin, &end, &counts);
        file.write(self.path());
        CounterFile { program: "example.org/other", ..file }.write(self.path());
        end
    }

    fn telemetry(&self, verb: &str) -> Command {
        let mut command = candor();
        command.args(["--json", "telemetry", verb, "--dir"]).arg(self.path());
        command.env_remove("DO_NOT_TRACK");
        command
    }

    fn upload(&self, to: &Project) -> Command {
        let mut command = self.telemetry("upload");
        command.args(["--url", &to.collector.url, "--module", support::MODULE, "--vkey"]);
        command.arg(&to.deployment.log_key);
        command
    }

    /// The X of the local report of a week, after checking that all counts are in it.
    fn local_x(&self, week: &str) -> f64 {
        let path = self.path().join("local").join(format!("local.{week}.json"));
        let report = Report::from_json(&std::fs::read(&path).expect("there")).expect("a report");
        let programs: Vec<_> = report.programs.iter().map(|p| p.program.as_str()).collect();
        assert_eq!(programs, ["example.org/hello", "example.org/other"]);
        assert!(report.programs.iter().all(|p| p.counters["hello/verb:run"] == 3));
        report.x.get()
    }
}

/// The distinct bodies that came for each path, and how many came in all.
fn by_path(received: &[(String, String)]) -> BTreeMap<String, Vec<String>> {
    let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, body) in received {
        paths.entry(path.clone()).or_default().push(body.clone());
    }
    paths
}

fn x_of(body: &str) -> f64 {
    Report::from_json(body.as_bytes()).expect("a report").x.get()
}

#[test]
fn processes_at_once_send_each_week_once() {
    let project = Project::new();
    for processes in [2, 8, 8] {
        let machine = Machine::new();
        let weeks = [machine.count(3), machine.count(10)];
        let mut children: Vec<_> = (0..processes)
            .map(|_| {
                let mut command = machine.upload(&project);
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
            })
            .collect();
        for child in children.drain(..) {
            let output = child.wait_with_output().expect("waited");
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
        // The process with the lock did everything, unless it started before the files were complete.
        succeed(&mut machine.upload(&project));
        let received = project.collector.take();
        assert_eq!(received.len(), 2, "{received:?}");
        let received = by_path(&received);
        for week in weeks {
            let bodies = &received[&format!("/upload/{week}")];
            assert_eq!(x_of(&bodies[0]), machine.local_x(&week));
            assert!(!bodies[0].contains("script") && !bodies[0].contains("other"), "{bodies:?}");
        }
    }
}

#[test]
fn killed_at_any_moment_nothing_is_lost_or_counted_twice() {
    let project = Project::new();
    let mut unfinished = 0;
    for round in 0..24 {
        let machine = Machine::new();
        let weeks = [machine.count(3), machine.count(10)];
        for attempt in 0..2 {
            let mut upload = machine.upload(&project);
            let changes = round + attempt * 3;
            unfinished += u32::from(kill_after_changes(&mut upload, machine.path(), changes));
        }
        succeed(&mut machine.upload(&project));
        let received = by_path(&project.collector.take());
        assert_eq!(received.len(), 2, "{received:?}");
        for week in weeks {
            let mut bodies = received[&format!("/upload/{week}")].clone();
            bodies.sort();
            bodies.dedup();
            assert_eq!(bodies.len(), 1, "the same bytes each time: {bodies:?}");
            assert_eq!(x_of(&bodies[0]), machine.local_x(&week));
            let sent = machine.path().join("upload").join(format!("{week}.json"));
            assert_eq!(std::fs::read_to_string(sent).expect("kept"), bodies[0]);
        }
    }
    println!("{unfinished} of 48 uploads were killed before their end");
    assert!(unfinished > 8, "only {unfinished} uploads were killed before their end");
}

#[test]
fn killed_before_the_answer_the_same_bytes_are_sent_again() {
    let project = Project::new();
    let machine = Machine::new();
    let week = machine.count(3);
    for _ in 0..3 {
        let held = project.collector.hold_answers();
        let mut command = machine.upload(&project);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        project.collector.wait();
        child.kill().expect("killed");
        assert!(!child.wait().expect("waited").success(), "it had no answer");
        drop(held);
        // The server has it, but the machine does not know that.
        let [(path, body)] = &project.collector.take()[..] else { panic!("one report") };
        assert_eq!((path, x_of(body)), (&format!("/upload/{week}"), machine.local_x(&week)));
        assert_eq!(json(&mut machine.telemetry("view"))["ready"], serde_json::json!([body]));
    }
    succeed(&mut machine.upload(&project));
    assert_eq!(x_of(&project.collector.take()[0].1), machine.local_x(&week));
}

#[test]
fn off_and_do_not_track_write_nothing() {
    let project = Project::new();
    let machine = Machine::new();
    machine.count(3);
    let before = contents(machine.path());
    for verb in ["upload", "report", "view", "env"] {
        let mut command =
            if verb == "upload" { machine.upload(&project) } else { machine.telemetry(verb) };
        let printed = json(command.env("DO_NOT_TRACK", "1"));
        assert_eq!(printed["mode"], "off", "{verb}: {printed}");
        assert_eq!(contents(machine.path()), before, "{verb}");
    }
    succeed(&mut machine.telemetry("off"));
    let before = contents(machine.path());
    succeed(&mut machine.upload(&project));
    assert_eq!(contents(machine.path()), before);
    assert!(project.collector.take().is_empty());
    // Nobody has chosen, and the folder does not exist.
    let missing = machine.path().join("missing");
    for verb in ["report", "view", "env"] {
        let printed = json(candor().args(["--json", "telemetry", verb, "--dir"]).arg(&missing));
        assert_eq!(printed["mode"], "off", "{verb}");
        assert!(!missing.exists(), "{verb}");
    }
}

#[test]
fn a_config_that_fails_its_check_stops_everything_and_env_says_why() {
    let project = Project::new();
    let machine = Machine::new();
    let week = machine.count(3);
    project.collector.tamper(true);
    let output = run(&mut machine.upload(&project));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(project.collector.take().is_empty());
    let environment = json(&mut machine.telemetry("env"));
    assert_eq!(environment["failure"]["Check"], true, "{environment}");
    assert_eq!(environment["waiting"], serde_json::json!([week]));
    let output = succeed(candor().args(["telemetry", "env", "--dir"]).arg(machine.path()));
    assert!(output.contains("NOTHING IS SENT") && output.contains(".zip"), "{output}");
    // As soon as a check succeeds, the report is sent.
    project.collector.tamper(false);
    succeed(&mut machine.upload(&project));
    assert_eq!(project.collector.take().len(), 1);
    assert_eq!(json(&mut machine.telemetry("env"))["failure"], Value::Null);
}

#[test]
fn what_is_shown_is_sent_byte_for_byte() {
    let project = Project::new();
    let machine = Machine::new();
    machine.count(10);
    succeed(&mut machine.upload(&project));
    project.collector.take();
    // The config is known now. The next week's X is drawn, and the whole report can be seen.
    machine.count(3);
    succeed(&mut machine.telemetry("report"));
    let seen = json(&mut machine.telemetry("view"));
    let [week] = seen["weeks"].as_array().expect("weeks").as_slice() else { panic!("{seen}") };
    let shown = week["report"].as_str().expect("a report").to_owned();
    let withheld = week["withheld"].as_array().expect("what is withheld");
    assert_eq!(withheld.len(), 2, "{seen}");
    let printed = succeed(candor().args(["telemetry", "view", "--dir"]).arg(machine.path()));
    assert!(printed.contains(&shown), "{printed}");
    assert!(printed.contains("counter hello/<script> is not in the config"), "{printed}");
    // The server is busy: the report waits unchanged.
    project.collector.answer_with(503);
    let output = run(&mut machine.upload(&project));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(project.collector.take()[0].1, shown);
    assert_eq!(json(&mut machine.telemetry("view"))["ready"], serde_json::json!([shown]));
    project.collector.answer_with(200);
    succeed(&mut machine.upload(&project));
    assert_eq!(project.collector.take()[0].1, shown);
}

#[test]
fn a_config_file_shows_what_would_be_sent_before_a_config_is_known() {
    let machine = Machine::new();
    machine.count(3);
    let config = machine.path().join("config.json");
    std::fs::write(
        &config,
        r#"{"GOOS":["linux"],"GOARCH":["amd64"],"GoVersion":["rust1.95.0"],"SampleRate":0.5,
        "Programs":[{"Name":"example.org/hello","Versions":["v1.0.0"],
        "Counters":[{"Name":"hello/verb:{run}","Rate":0.5}]}]}"#,
    )
    .expect("write");
    let seen = json(&mut machine.telemetry("view"));
    assert_eq!(seen["weeks"][0]["report"], Value::Null, "{seen}");
    let seen = json(machine.telemetry("view").arg("--config").arg(&config));
    assert!(seen["weeks"][0]["report"].as_str().expect("a report").contains("hello/verb:run"));
    assert!(seen["weeks"][0]["state"].as_str().expect("a state").contains("50%"), "{seen}");
    // Also before opting in.
    succeed(&mut machine.telemetry("local"));
    let seen = json(machine.telemetry("view").arg("--config").arg(&config));
    let week = &seen["weeks"][0];
    assert!(week["held"].as_str().expect("held").contains("local"), "{seen}");
    assert!(week["report"].as_str().expect("a report").contains("hello/verb:run"), "{seen}");
    std::fs::write(&config, "{").expect("write");
    let message = refused(machine.telemetry("view").arg("--config").arg(&config), 1);
    assert!(message.contains("config.json"), "{message}");
    let message = refused(machine.telemetry("view").arg("--config").arg(machine.path()), 1);
    assert!(message.contains("name the config.json in it"), "{message}");
}

/// Serves the page in the background of a shell, and returns its address.
fn serve_page(machine: &Machine) -> (std::process::Child, String) {
    let mut command = in_background(machine.telemetry("view").arg("--serve"));
    let mut child = command.stdout(Stdio::piped()).spawn().expect("started");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let printed: Value = serde_json::from_str(&line).expect("JSON");
    (child, printed["url"].as_str().expect("a URL").to_owned())
}

#[test]
fn the_page_stops_when_asked_however_it_was_started() {
    let machine = Machine::new();
    machine.count(3);
    for signal in ["INT", "TERM"] {
        let (mut child, url) = serve_page(&machine);
        // A silent connection does not delay it.
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        let _silent = std::net::TcpStream::connect(address).expect("connected");
        succeed(Command::new("kill").args(["-s", signal, &child.id().to_string()]));
        assert!(child.wait().expect("ended").success(), "{signal}");
    }
}

#[test]
fn an_empty_page_says_what_to_do_next() {
    let machine = Machine::new();
    let file = machine.path().join("page.html");
    for (mode, says) in [
        ("off", "If you want to take part, run <code>candor telemetry --"),
        ("on", "Use the program, and reload this page"),
    ] {
        succeed(&mut machine.telemetry(mode));
        succeed(machine.telemetry("view").arg("--html").arg(&file));
        let page = std::fs::read_to_string(&file).expect("written");
        assert!(page.contains("nothing has been counted yet"), "{page}");
        assert!(page.contains(says), "{says}: {page}");
    }
}

#[test]
fn what_is_withheld_has_its_program_and_the_reason() {
    let machine = Machine::new();
    machine.count(3);
    let (config, file) = (machine.path().join("config.json"), machine.path().join("page.html"));
    std::fs::write(
        &config,
        r#"{"GOOS":["linux"],"GOARCH":["amd64"],"GoVersion":[],"SampleRate":0.5,"Programs":[]}"#,
    )
    .expect("write");
    succeed(machine.telemetry("view").arg("--config").arg(&config).arg("--html").arg(&file));
    let page = std::fs::read_to_string(&file).expect("written");
    let table = page.split("What is withheld, and why").nth(1).expect("the table");
    let table = table.split("</table>").next().expect("its end");
    assert!(table.contains("everything of this program"), "{table}");
    assert!(table.contains("example.org/"), "{table}");
}

#[test]
fn the_page_is_escaped_and_served_to_this_machine_alone() {
    let machine = Machine::new();
    machine.count(3);
    let file = machine.path().join("page.html");
    succeed(machine.telemetry("view").arg("--html").arg(&file));
    let written = std::fs::read_to_string(&file).expect("written");
    let (mut child, url) = serve_page(&machine);
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let send = |request: &str| {
        let mut stream = std::net::TcpStream::connect(address).expect("connected");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        answer
    };
    let get = |host: &str| send(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    let page = get(address);
    let (head, body) = page.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("default-src 'none'"), "{head}");
    assert_eq!(body, written);
    assert!(body.contains("hello/&lt;script&gt;") && !body.contains("<script"), "{body}");
    // What would be sent comes first, and each thing that is withheld has its program and the reason.
    let at = |part: &str| body.find(part).unwrap_or_else(|| panic!("{part:?} is not in {body}"));
    assert!(at("What would be sent") < at("What was counted"), "{body}");
    assert!(at("What was counted") < at("Where it is, and where it goes"), "{body}");
    assert!(get("evil.example").starts_with("HTTP/1.1 403"));
    assert!(send("nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
    let message = refused(machine.telemetry("view").args(["--serve", address]), 1);
    assert!(message.contains("name another port"), "{message}");
    child.kill().expect("killed");
    child.wait().expect("ended");
    let message = refused(machine.telemetry("view").args(["--serve", "0.0.0.0:0"]), 2);
    assert!(message.contains("loopback"), "{message}");
}

#[test]
fn clean_lists_the_files_and_asks_first() {
    let project = Project::new();
    let machine = Machine::new();
    let week = machine.count(3);
    succeed(&mut machine.upload(&project));
    machine.count(2);
    let before = contents(machine.path());
    let output = run(candor().args(["telemetry", "clean", "--dir"]).arg(machine.path()));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains(&format!("upload/{week}.json")), "{output:?}");
    assert_eq!(contents(machine.path()), before);
    let cleaned = json(machine.telemetry("clean").arg("--yes"));
    assert_eq!(cleaned["removed"].as_array().expect("files").len(), 4, "{cleaned}");
    for folder in ["local", "upload"] {
        assert_eq!(contents(&machine.path().join(folder)).len(), 0);
    }
    assert!(machine.path().join("mode").exists());
    let cleaned = json(machine.telemetry("clean").arg("--yes"));
    assert_eq!(cleaned["removed"], serde_json::json!([]));
}

#[test]
fn a_choice_is_printed_and_applies() {
    let machine = Machine::new();
    for mode in ["on", "local", "off"] {
        assert_eq!(json(&mut machine.telemetry(mode))["in_effect"], mode);
        assert_eq!(json(&mut machine.telemetry("env"))["mode"], mode);
        let overridden = json(machine.telemetry(mode).env("DO_NOT_TRACK", "1"));
        assert_eq!(overridden["in_effect"], "off");
    }
    // If nothing is sent, no destination is needed.
    let mut upload = candor();
    upload.args(["telemetry", "upload", "--dir"]).arg(machine.path()).env_remove("DO_NOT_TRACK");
    let printed = succeed(&mut upload);
    assert!(printed.contains("telemetry is off (chosen on "), "{printed}");
    succeed(&mut machine.telemetry("local"));
    assert_eq!(json(&mut machine.telemetry("upload"))["mode"], "local");
    succeed(&mut machine.telemetry("on"));
    let message = refused(&mut machine.telemetry("upload"), 2);
    let folder = machine.path().display().to_string();
    assert!(message.contains("Run one of them") && message.contains(&folder), "{message}");
    assert!(message.contains("--url"), "{message}");
}

/// Right after a program has run, its child may still be at work: a person waits for it, or is told.
#[test]
fn an_upload_waits_for_a_program_that_is_at_work() {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("mode"), "on 2026-01-01").expect("written");
    let own = folder.path().join("candor");
    std::fs::create_dir(&own).expect("made");
    let upload = || {
        let mut upload = candor();
        upload.args(["telemetry", "upload", "--refresh", "--dir"]).arg(folder.path());
        upload.env_remove("DO_NOT_TRACK");
        upload
    };
    let message = refused(&mut upload(), 2);
    assert!(message.contains("it is not known where the reports of"), "{message}");
    let lock = std::fs::File::create(own.join("worker")).expect("made");
    lock.lock().expect("locked");
    let message = refused(&mut upload(), 1);
    assert!(message.contains("try again in a second"), "{message}");
    // It waits for what is at work, and goes on.
    let mut waiting = upload();
    waiting.stderr(std::process::Stdio::piped());
    let waiting = waiting.spawn().expect("started");
    lock.unlock().expect("unlocked");
    let ended = waiting.wait_with_output().expect("its end");
    assert_eq!(ended.status.code(), Some(2), "{}", text(&ended.stderr));
}
