//! Nothing from outside can control a terminal: there are hostile names everywhere that the program prints
//! from, and no escape sequence, reordered text or forged line is printed.

#![cfg(feature = "server")]

use crate::support;
use candor::client::day::Day;
use candor::client::folder::Folder;
use candor::client::mode::Mode;
use candor::terminal::is_unfit;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output};
use support::counter_file::CounterFile;
use support::{Charts, Deployment, candor, chart, run, text};
use tempfile::TempDir;

/// Clears the screen, sets the title, reverses the text direction, and forges a line; with a one-character
/// CSI and an invisible tag.
const EVIL: &str =
    "x\u{1b}[2J\u{1b}]0;evil\u{7}\u{202e}\u{9b}31m\u{e0041}\u{200b}\nforged: all is well\r";

/// Fails if a terminal would react, or if a line was forged. Returns both outputs.
fn harmless(what: &str, output: &Output) -> String {
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert!(!printed.is_empty(), "{what}");
    let unfit: Vec<char> =
        printed.chars().filter(|c| is_unfit(*c) && !matches!(c, '\n' | '\t')).collect();
    assert!(unfit.is_empty(), "{what}: {unfit:?} in {printed:?}");
    assert!(
        !printed.lines().any(|line| line.trim_start().starts_with("forged")),
        "{what}: {printed}"
    );
    printed
}

/// Runs a command that must print the hostile name in a harmless form.
fn shows(what: &str, command: &mut Command) -> Output {
    let output = run(command);
    let printed = harmless(what, &output);
    assert!(printed.contains("\\u{1b}[2J") || printed.contains("\\u001b[2J"), "{what}: {printed}");
    output
}

#[test]
fn the_contents_of_a_proposal() {
    let toml = "x\\u001b[2J\\u202e\\nforged: all is well";
    type Damage = (&'static str, Box<dyn Fn(&Charts)>);
    let write = |file: &'static str, contents: String| -> Box<dyn Fn(&Charts)> {
        Box::new(move |charts: &Charts| charts.write(file, &contents))
    };
    let file = "charts-config/charts/bad.toml";
    let damages: Vec<Damage> = vec![
        ("an unknown key", write(file, format!("[[chart]]\n\"{toml}\" = 1\n"))),
        ("a type", write(file, format!("[[chart]]\ntype = \"{toml}\"\n"))),
        ("a counter", write(file, chart("A", "hello/a").replace("hello/a", toml))),
        ("a program", write(file, chart("A", "hello/a").replace("example.org/hello", toml))),
        ("a title", write(file, chart("A", "hello/a").replace("\"A\"", &format!("\"{toml}\"")))),
        ("an issue", write(file, chart("A", "hello/a").replace("https:", toml))),
        ("a version", write(file, chart("A", "hello/a") + &format!("version = \"{toml}\"\n"))),
        (
            "a stray file",
            Box::new(|charts| charts.write(&format!("charts-config/{EVIL}.toml"), "")),
        ),
        (
            "a file's name",
            Box::new(|charts| charts.write(&format!("charts-config/charts/{EVIL}.toml"), "a = 1")),
        ),
        (
            "a folder's name",
            Box::new(|charts| charts.write(&format!("charts-config/{EVIL}/a.toml"), "a = 1")),
        ),
        (
            "a link",
            Box::new(|charts| {
                let link = charts.path().join(format!("charts-config/charts/{EVIL}"));
                std::os::unix::fs::symlink("verbs.toml", link).expect("linked");
            }),
        ),
        (
            "a name that is no text",
            Box::new(|charts| {
                let mut name = EVIL.as_bytes().to_vec();
                name.extend(b"\xff.toml");
                let folder = charts.path().join("charts-config/charts");
                fs::write(folder.join(OsStr::from_bytes(&name)), "").expect("written");
            }),
        ),
    ];
    let deployment = Deployment::new();
    for (what, damage) in damages {
        let charts = Charts::new();
        damage(&charts);
        charts.commit();
        shows(what, candor().arg("check").arg(charts.path()));
        shows(what, candor().args(["check", "--json"]).arg(charts.path()));
        shows(what, candor().arg("compile").arg(charts.path()));
        shows(what, &mut deployment.publish_command(&charts));
        let url = format!("file://{}", charts.path().display());
        shows(what, candor().args(["publish", "--charts", &url, "--data"]).arg(deployment.path()));
    }
    // Text that TOML itself refuses is echoed by its parser.
    let charts = Charts::new();
    charts.write(file, &format!("[[chart]]\ntitle = \"{EVIL}\n"));
    harmless("raw text", &run(candor().arg("check").arg(charts.path())));
    // Not committed: the path of a change.
    let charts = Charts::new();
    charts.write(&format!("charts-config/charts/{EVIL}.toml"), "");
    shows("a change", &mut deployment.publish_command(&charts));
}

#[test]
fn the_contents_of_a_watched_branch() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    charts.write("charts-config/charts/a.toml", "[[chart]]\n\"x\\u001b[2J\\nforged: x\" = 1\n");
    charts.commit();
    let mut child = candor()
        .args(["publish", "--watch", "--charts"])
        .arg(charts.path())
        .arg("--data")
        .arg(deployment.path())
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("started");
    let stderr = child.stderr.take().expect("piped");
    let mut lines = BufReader::new(stderr).lines().map(|line| line.expect("text"));
    assert!(lines.next().expect("a line").ends_with("is skipped:"));
    let found = lines.find(|line| line.contains("unknown key")).expect("the mistake");
    assert_eq!(found, "error: unknown key `x\\u{1b}[2J\\nforged: x`");
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn names_on_the_command_line() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let folder = TempDir::new().expect("a temporary folder");
    let evil = folder.path().join(EVIL);
    fs::create_dir(&evil).expect("made");
    let charts_path = charts.path().display().to_string();
    let data = deployment.path().display().to_string();
    let evil_path = evil.display().to_string();
    let url = format!("https://127.0.0.1:9/{EVIL}");
    let records = evil.join("config.txt");
    fs::write(&records, format!("title: {EVIL}\nodd{EVIL}: {EVIL}\n")).expect("written");
    let records = records.display().to_string();
    let charts_json = evil.join("config.json").display().to_string();
    let publish = ["publish", "--data", &data, "--charts"];
    let cases: Vec<Vec<&str>> = vec![
        [&publish[..], &[&charts_path, "--path", EVIL]].concat(),
        [&publish[..], &[&charts_path, "--rev", EVIL]].concat(),
        [&publish[..], &[&evil_path]].concat(),
        [&publish[..], &[&url]].concat(),
        vec!["publish", "--data", &evil_path, "--charts", &charts_path],
        vec!["check", &evil_path],
        vec!["check", EVIL],
        vec!["compile", &charts_path, "--out", &charts_json],
        vec!["compile", &charts_path, "--out", &evil_path],
        vec!["compile", &charts_path, "--as-of", EVIL],
        vec!["import", &records, "--out", &evil_path],
        vec!["import", EVIL, "--out", &evil_path],
        vec!["serve", "--data", &evil_path],
        vec!["env", "--data", &data, "--url", EVIL],
        vec!["merge", "--data", &data, "--week", EVIL],
        vec!["init", "--data", &evil_path, "--name", EVIL, "--module", support::MODULE],
        vec!["init", "--data", &evil_path, "--name", support::HOST, "--module", EVIL],
        vec!["init", "--data", &evil_path, "--name", support::HOST, "--module", support::MODULE],
        vec!["telemetry", "--project", EVIL, "off"],
        vec!["telemetry", "--dir", &evil_path, "env"],
        vec!["telemetry", "--dir", &evil_path, "clean"],
        vec!["telemetry", "--dir", &evil_path, "local"],
        vec![EVIL],
        vec!["check", "--odd", EVIL],
    ];
    let mut named = 0;
    for arguments in &cases {
        let what = format!("{arguments:?}");
        let printed = harmless(&what, &run(candor().args(arguments)));
        if printed.contains("\\u{1b}[2J") {
            named += 1;
        } else {
            println!("not named: {what}: {printed}");
        }
    }
    assert!(named + 3 >= cases.len(), "only {named} of {} were named at all", cases.len());
    // A protocol that is not spoken, with what is evil behind it.
    let odd = format!("ssh://{EVIL}");
    shows("a protocol", candor().args(publish).arg(odd));
    // Projects that are listed.
    let name = EVIL.bytes().fold(String::new(), |name, byte| match byte {
        b'a'..=b'z' | b'0'..=b'9' => name + &char::from(byte).to_string(),
        _ => format!("{name}%{byte:02X}"),
    });
    fs::create_dir_all(folder.path().join("settings/candor").join(name)).expect("created");
    for arguments in [
        &["telemetry", "--project", EVIL, "on"][..],
        &["telemetry"],
        &["telemetry", "--project", "other", "off"],
    ] {
        let mut command = candor();
        command.env("HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path().join("settings"));
        shows("listed projects", command.args(arguments));
    }
}

#[test]
fn counters_and_files_in_the_folder() {
    let folder = TempDir::new().expect("a temporary folder");
    Mode::On
        .store(&Folder::at(folder.path()), "2026-01-01".parse::<Day>().expect("a day"))
        .expect("stored");
    let evil = EVIL.replace('\n', " ");
    let file = CounterFile {
        program: &evil,
        version: "v1.0.0",
        toolchain: "rust1.95.0",
        goos: "linux",
        goarch: "amd64",
        begin: "2026-03-02",
        end: "2026-03-09",
        counts: &[(&evil, 3)],
    };
    file.write(folder.path());
    fs::write(folder.path().join("local").join(format!("{EVIL}.v1.count")), EVIL).expect("written");
    let telemetry = |verb: &[&str]| {
        let mut command = candor();
        command.arg("telemetry").args(verb).arg("--dir").arg(folder.path());
        command.env_remove("DO_NOT_TRACK");
        command
    };
    for verb in [&["view", "--today", "2026-03-04"][..], &["view", "--json"], &["clean"]] {
        shows(&format!("{verb:?}"), &mut telemetry(verb));
    }
    harmless("report", &run(&mut telemetry(&["report"])));
    // A server's error when a config was requested, which is remembered in the folder.
    fs::write(folder.path().join("mode"), format!("on {EVIL}")).expect("written");
    for verb in [&["env"][..], &["view"]] {
        harmless(&format!("{verb:?}"), &run(&mut telemetry(verb)));
    }
}

#[test]
fn answers_of_a_server() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut reader = BufReader::new(stream.try_clone().expect("cloned"));
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                line.clear();
            }
            let body = format!("{EVIL}\n{EVIL}");
            let _ = write!(
                stream,
                "HTTP/1.1 500 \u{1b}[2J\u{202e}\r\nContent-Length: {}\r\nLocation: http://x/\u{1b}[2J\r\n\
                 Connection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    let (deployment, folder) = (Deployment::new(), TempDir::new().expect("a temporary folder"));
    Mode::On
        .store(&Folder::at(folder.path()), "2026-01-01".parse::<Day>().expect("a day"))
        .expect("stored");
    let ended = |days: u32| {
        let today = Day::of(std::time::SystemTime::now());
        today.minus(days).to_string()
    };
    let (begin, end) = (ended(8), ended(1));
    CounterFile::hello(&begin, &end, &[("hello/verb:run", 3)]).write(folder.path());
    let mut upload = candor();
    upload.args(["telemetry", "upload", "--dir"]).arg(folder.path()).env_remove("DO_NOT_TRACK");
    upload.args(["--url", &format!("http://{address}"), "--module", support::MODULE, "--vkey"]);
    harmless("upload", &run(upload.arg(&deployment.log_key)));
    let mut env = candor();
    env.args(["telemetry", "env", "--dir"]).arg(folder.path());
    harmless("env", &run(&mut env));
    let url = format!("http://{address}/charts.git");
    let mut publish = candor();
    publish.args(["publish", "--charts", &url, "--data"]).arg(deployment.path());
    harmless("publish", &run(&mut publish));
}

/// What takes more than a second says what it is, on a terminal and nowhere else.
#[test]
fn publishing_says_what_takes_long() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/charts.git", listener.local_addr().expect("an address"));
    // A server that takes its time, and then hangs up.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::sleep(std::time::Duration::from_millis(1600));
            drop(stream);
        }
    });
    let deployment = Deployment::new();
    let mut publish = candor();
    publish.args(["publish", "--charts", &url, "--data"]).arg(deployment.path());
    let words: Vec<String> = std::iter::once(publish.get_program())
        .chain(publish.get_args())
        .map(|word| word.to_str().expect("UTF-8").to_owned())
        .collect();
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"]);
    let on_terminal = text(&run(script.stdin(std::process::Stdio::null())).stdout);
    assert!(on_terminal.contains(&format!("reading {url} (")), "{on_terminal:?}");
    let piped = run(&mut publish);
    assert!(!text(&piped.stderr).contains("reading http"), "{piped:?}");
}
