//! Golden vectors in `testdata/client`: what Candor's client for Rust does with given bytes, which the Go module's
//! tests read, too. `UPDATE_VECTORS=1 cargo test --test all go_module_vectors` writes them anew.

#![cfg(feature = "server")]

use crate::support;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use candor::client::folder::Folder;
use candor::client::mode::Consent;
use candor::client::report::{LocalReport, NO_CONFIG, Week, Weeks, X, filter};
use candor::client::{
    Address, ClientError, ConfigClient, ConfigSource, FileStore, Http, ModulePath, ModuleVersion,
    Newer, RemoteError, Trust, VerifiedConfig, Wanted,
};
use candor::collection::{Allowed, CollectionConfig};
use candor::gomod::{CommitTime, Module, ObjectId, Provenance, RepositoryPath, RepositoryUrl};
use candor::tlog::{
    Bundle, Checkpoint, Cosigner, CosignerKind, Edge, Entry, Freshness, KeyName, NotFresh, Origin,
    Policy, Record, Seed, Signer, TileError, append_to_bundles,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use support::counter_file::CounterFile;
use tempfile::TempDir;

/// Compares vectors with those in the repository, or writes them.
fn check(name: &str, vectors: &Value) {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/client").join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(vectors).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(&file, text).expect("written");
        return;
    }
    let kept = std::fs::read_to_string(&file).expect("the vectors");
    assert!(kept == text, "{name}: if this is meant, run the test with UPDATE_VECTORS=1");
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn consent() {
    let texts = [
        "on 2026-11-22",
        "on 2026-11-22\n",
        "  on 2026-11-22  ",
        "on",
        "on 2026-13-01",
        "on 2026-11-31",
        "on 1969-12-31",
        "on 2026-11-2",
        "on  2026-11-22",
        "on 2026-11-22 and more",
        "on\t2026-11-22",
        "local 2026-01-01",
        "local",
        "off 2026-01-01",
        "off",
        "",
        "\n",
        "ON 2026-11-22",
        "yes",
        "on,2026-11-22",
    ];
    let vectors: Vec<Value> = texts
        .iter()
        .map(|text| {
            let folder = TempDir::new().expect("a temporary folder");
            std::fs::write(folder.path().join("mode"), text).expect("written");
            let consent = Consent::read(&Folder::at(folder.path()), None);
            let since = consent.since.map(|day| day.to_string());
            json!({ "text": text, "mode": consent.mode.to_string(), "since": since })
        })
        .collect();
    check("consent", &json!(vectors));
}

/// Bytes without their zeros: the length, and what is elsewhere than at multiples of 32 full of zeros.
fn sparse(bytes: &[u8]) -> Value {
    let mut parts: Vec<(usize, Vec<u8>)> = Vec::new();
    for (at, unit) in (0..).step_by(32).zip(bytes.chunks(32)) {
        if unit.iter().all(|byte| *byte == 0) {
            continue;
        }
        match parts.last_mut() {
            Some((start, part)) if *start + part.len() == at => part.extend_from_slice(unit),
            _ => parts.push((at, unit.to_vec())),
        }
    }
    let parts: Vec<Value> =
        parts.iter().map(|(at, part)| json!([at, STANDARD.encode(part)])).collect();
    json!({ "length": bytes.len(), "parts": parts })
}

fn week(week: &Week) -> Value {
    let report = LocalReport {
        week: week.end,
        last_week: None,
        programs: week.programs.clone(),
        draw: None,
    };
    json!({
        "begin": week.begin.to_string(),
        "end": week.end.to_string(),
        "report": report.to_json(),
    })
}

#[test]
fn weeks() {
    let many: Vec<String> = (0..600).map(|number| format!("hello/many:{number}")).collect();
    let many: Vec<(&str, u64)> = many.iter().map(|name| (name.as_str(), 7)).collect();
    let stacks = [
        ("hello/bug\nmain.f:+1,+0x2\n\".g:+3,+0x4\nruntime.main:=7,+0x9", 2),
        ("hello/bug\n\".f:+1,+0x2", 1),
        ("hello/<&>\u{e9}", 5),
        ("hello/never", 0),
        ("hello/overflown", u64::MAX),
    ];
    let plain = [("hello/verb:run", 3), ("hello/verb:help", 1)];
    let of = |counts| CounterFile::hello("2026-11-08", "2026-11-15", counts);
    let bytes = |file: &CounterFile<'_>| {
        let folder = TempDir::new().expect("a temporary folder");
        std::fs::read(file.write(folder.path())).expect("a counter file")
    };
    let whole = bytes(&of(&plain));
    let edited = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        bytes
    };
    let head = (0..512)
        .map(|bucket| 224 + 4 + 4 * bucket)
        .find(|at| whole[*at..*at + 4] != [0; 4])
        .expect("a record");
    let text = |from: &str, to: &str| {
        edited(&|bytes| {
            let at = bytes.windows(from.len()).position(|part| part == from.as_bytes());
            let at = at.expect("the text");
            bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        })
    };
    let cases: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("one file", vec![whole.clone()]),
        ("stacks in short, and odd counts", vec![bytes(&of(&stacks))]),
        ("more than a page", vec![bytes(&of(&many))]),
        (
            "one build in two files",
            vec![whole.clone(), bytes(&CounterFile { begin: "2026-11-10", ..of(&stacks) })],
        ),
        (
            "two builds, and two weeks",
            vec![
                whole.clone(),
                bytes(&CounterFile { version: "v1.1.0", toolchain: "go1.26.8", ..of(&plain) }),
                bytes(&CounterFile { begin: "2026-11-15", end: "2026-11-22", ..of(&plain) }),
            ],
        ),
        ("nothing counted", vec![bytes(&of(&[]))]),
        ("another format", vec![edited(&|bytes| bytes[25] = b'2')]),
        ("cut off", vec![edited(&|bytes| bytes.truncate(16383))]),
        (
            "a header that is too long",
            vec![edited(&|bytes| bytes[28..32].copy_from_slice(&[0, 0, 1, 0]))],
        ),
        ("a header at an odd place", vec![edited(&|bytes| bytes[28] += 1)]),
        ("a record outside", vec![edited(&|bytes| bytes[head + 1] = 0xff)]),
        ("a record at an odd place", vec![edited(&|bytes| bytes[head] += 1)]),
        (
            "a chain in a circle",
            vec![edited(&|bytes| {
                let at = u32::from_ne_bytes(bytes[head..head + 4].try_into().expect("four"));
                let next = at as usize + 12;
                bytes[next..next + 4].copy_from_slice(&at.to_ne_bytes());
            })],
        ),
        ("a key that is missing", vec![text("GOARCH: ", "GOARCK: ")]),
        ("a line without a key", vec![text("GOARCH: ", "GOARCH; ")]),
        ("a time that is not midnight", vec![text("15T00:00:00Z", "15T00:00:01Z")]),
        ("a day that is none", vec![text("TimeEnd: 2026-11-15", "TimeEnd: 2026-11-31")]),
        ("a broken file beside a good one", vec![vec![0; 20000], whole.clone()]),
    ];
    // 2026-11-20.
    let now = 1_795_132_800;
    let vectors: Vec<Value> = cases
        .iter()
        .map(|(name, files)| {
            let folder = TempDir::new().expect("a temporary folder");
            let paths: Vec<_> = (0..)
                .zip(files)
                .map(|(number, bytes)| {
                    let path = folder.path().join(format!("{number}.v1.count"));
                    std::fs::write(&path, bytes).expect("written");
                    path
                })
                .collect();
            let read = Weeks::read(&paths, at(now));
            json!({
                "name": name,
                "files": files.iter().map(|bytes| sparse(bytes)).collect::<Vec<_>>(),
                "now": now,
                "ended": read.ended.iter().map(week).collect::<Vec<_>>(),
                "counting": read.counting.iter().map(week).collect::<Vec<_>>(),
                "unreadable": read.unreadable.len(),
            })
        })
        .collect();
    check("weeks", &json!(vectors));
}

const CONFIG: &str = r#"{
	"GOOS": ["linux", "darwin"],
	"GOARCH": ["amd64"],
	"GoVersion": ["go1.26.8", "rust1.95.0"],
	"SampleRate": 0.5,
	"Programs": [
		{
			"Name": "example.org/hello",
			"Versions": ["v1.0.0", "v1.1.0"],
			"Counters": [
				{"Name": "hello/verb:{run,help,<&>}", "Rate": 0.5},
				{"Name": "hello/rare", "Rate": 0.01},
				{"Name": "hello/zero", "Rate": 0}
			],
			"Stacks": [
				{"Name": "hello/bug", "Rate": 0.5, "Depth": 2},
				{"Name": "crash/panic", "Rate": 0.1, "Depth": 16},
				{"Name": "hello/flat", "Rate": 0.5}
			]
		},
		{"Name": "example.org/tool", "Versions": null, "Counters": null}
	],
	"Later": {"unknown": true}
}"#;

fn local(programs: &str) -> String {
    format!(
        "{{\"Week\": \"2026-11-15\", \"LastWeek\": \"\", \"X\": 0, \"Programs\": {programs}, \
         \"Config\": \"v0.0.0-0\"}}"
    )
}

fn program(build: [&str; 5], counters: &Value, stacks: &Value) -> Value {
    let [program, version, toolchain, goos, goarch] = build;
    json!({
        "Program": program, "Version": version, "GoVersion": toolchain, "GOOS": goos,
        "GOARCH": goarch, "Counters": counters, "Stacks": stacks,
    })
}

#[test]
fn filters() {
    let hello = ["example.org/hello", "v1.0.0", "go1.26.8", "linux", "amd64"];
    let counters = json!({
        "hello/verb:run": 3, "hello/verb:<&>": 1, "hello/verb:secret": 2, "hello/rare": 4,
        "hello/zero": 1, "hello/verb:help": 0, "crash/panic": 1
    });
    let frames = |lines: &[&str]| lines.join("\n");
    let stacks: BTreeMap<String, i64> = [
        (frames(&["hello/bug", "main.f:+1,+0x2", "main.g:=3", "runtime.main:+4"]), 1),
        (frames(&["hello/bug", "main.f:+1,+0x2", "main.g:=3", "runtime.goexit:+5"]), i64::MAX),
        (frames(&["hello/bug", ".memeqbody:+1", ".:-2,+0xff"]), 1),
        (frames(&["hello/bug", ":=0,+0x0"]), 1),
        (frames(&["hello/bug", "/home/me/f.go:1"]), 1),
        (frames(&["hello/bug", "main.f:+12345678"]), 1),
        (frames(&["hello/bug", "main.f:+1,+0x12345678"]), 1),
        (frames(&["hello/bug", "std::vector<int>.at:=7"]), 1),
        (frames(&["hello/bug", "tool::run::{closure}:=42"]), 1),
        (frames(&["hello/bug", "type:.eq.struct { A interface {}; B string }:=1"]), 1),
        (frames(&["hello/bug", "type:.eq.[5]example.org/p.T:=1"]), 1),
        (frames(&["hello/bug", "go:(*struct { io.Reader }).Close:+1"]), 1),
        (frames(&["hello/bug", "_/home/me.f:+1"]), 1),
        (frames(&["hello/bug", "gopkg.in/yaml%2ev3.(*parser).parse.func1:+1"]), 1),
        (frames(&["hello/bug", "git.sr.ht/~alice/m.\u{e9}t\u{e9}:+1"]), 1),
        (frames(&["hello/bug", "main.f\u{202e}:+1"]), 1),
        (frames(&["hello/bug", ""]), 1),
        (frames(&["hello/flat", "main.f:+1"]), 1),
        (frames(&["crash/panic", "main.f:+1", "main.cut", "truncated", ""]), 1),
        (frames(&["crash/panic", "main.f:+1", "main.g:+1", "truncated"]), 1),
        (frames(&["hello/none", "main.f:+1"]), 1),
    ]
    .into();
    let all = program(hello, &counters, &json!(stacks));
    let with = |at: usize, value: &'static str| {
        let mut build = hello;
        build[at] = value;
        program(build, &json!({ "hello/verb:run": 1 }), &json!({}))
    };
    let others = json!([
        with(0, "example.org/other"),
        with(1, "v9.0.0"),
        with(2, "go1.0"),
        with(3, "plan9"),
        with(4, "mips"),
        with(0, "example.org/tool"),
    ]);
    let cases = [
        ("everything, rarely", json!([all]), 0.005, ""),
        ("everything, at the rate of the report", json!([all]), 0.5, "2026-11-08"),
        ("between the rates", json!([all]), 0.09, ""),
        ("not in the sample", json!([all]), 0.500_001, ""),
        ("what the config does not list", others, 0.25, ""),
        ("a build without counters", json!([program(hello, &json!({}), &json!({}))]), 0.25, ""),
        ("nothing", json!([]), 1e-7, ""),
        ("a small X", json!([with(1, "v1.1.0")]), 2.5e-9, ""),
    ];
    let config = CollectionConfig::from_json(CONFIG.as_bytes()).expect("a config");
    let allowed = Allowed::new(&config);
    let mut vectors: Vec<Value> = cases
        .iter()
        .map(|(name, programs, x, last)| {
            let text = local(&programs.to_string());
            let read = LocalReport::from_json(text.as_bytes()).expect("a local report");
            let x = X::new(*x).expect("an X");
            let filtered = filter(&read, x, &allowed, "v0.7.0", last.parse().ok());
            json!({
                "name": name, "config": CONFIG, "local": text, "x": x.get(), "version": "v0.7.0",
                "last_week": last, "report": filtered.report.map(|report| report.to_json()),
                "withheld": filtered.withheld,
            })
        })
        .collect();
    // Texts that are no config.
    for (name, from, to) in [
        ("no list of systems", "\"GOOS\"", "\"goos\""),
        ("a rate above 1", "0.01", "1.01"),
        ("a rate below 0", "0.01", "-0.01"),
        ("a rate that is none", "0.01", "\"1\""),
        ("a negative depth", "\"Depth\": 2", "\"Depth\": -2"),
        ("a program without a name", "\"Name\": \"example.org/tool\", ", ""),
        ("a program without versions", ", \"Versions\": null", ""),
        ("no rate", ", \"Rate\": 0.01", ""),
        ("no list", "[\"amd64\"]", "\"amd64\""),
        ("cut off", "true}\n}", "true}"),
    ] {
        let text = CONFIG.replacen(from, to, 1);
        assert_ne!(text, CONFIG, "{name}");
        assert!(CollectionConfig::from_json(text.as_bytes()).is_err(), "{name}");
        vectors.push(json!({ "name": name, "config": text, "refused": true }));
    }
    assert_eq!(NO_CONFIG, "v0.0.0-0");
    check("filters", &json!(vectors));
}

const LOG: &str = "https://telemetry.example.org/log";
const PROXY: &str = "https://telemetry.example.org/goproxy";
const MODULE: &str = "telemetry.example.org/Config";

fn witness(number: u8) -> Cosigner {
    let name = KeyName::new(format!("witness{number}.example")).expect("a name");
    Cosigner::new(name, CosignerKind::Ed25519, &[number; 32])
}

fn log_signer(seed: u8) -> Signer {
    Seed::from([seed; 32]).signer(KeyName::new("telemetry.example.org/log").expect("a name"))
}

fn policy(keys: &[&Signer], rest: &str) -> String {
    let mut text = String::new();
    keys.iter().for_each(|key| text += &format!("log {}\n", key.verifier_key()));
    for number in 1..=3 {
        text += &format!("witness w{number} {}\n", witness(number).verifier_key());
    }
    text + rest
}

#[test]
fn policies() {
    let signer = log_signer(5);
    let key = signer.verifier_key().to_string();
    let mldsa =
        Cosigner::new(KeyName::new("ml.example").expect("a name"), CosignerKind::MlDsa44, &[9; 32]);
    let one = format!("log {key}\n");
    let w1 = format!("witness w1 {}\n", witness(1).verifier_key());
    let texts = [
        key.clone(),
        format!("  {key}\n"),
        format!("{one}quorum none\n"),
        format!("# a comment\n\n\tlog\t{key}  https://example.org/log\nquorum none"),
        policy(&[&signer], "group two 2 w1 w2 w3\nquorum two\n"),
        policy(&[&signer, &log_signer(6)], "group a any w1 w2\ngroup b all a w3\nquorum b\n"),
        format!("{one}{w1}quorum w1\n"),
        format!("{one}witness ml {}\nquorum none\n", mldsa.verifier_key()),
        // Refused.
        String::new(),
        key.replacen('+', "-", 1),
        key.replacen("+", "+0", 1),
        one.clone(),
        format!("{one}quorum\n"),
        format!("{one}quorum none\nquorum none\n"),
        format!("{one}quorum w1\n"),
        format!("{one}{one}quorum none\n"),
        format!("{one}{w1}{w1}quorum w1\n"),
        format!("{one}{w1}group w1 any w1\nquorum w1\n"),
        format!("{one}{w1}group g any w1\ngroup h any w1\nquorum g\n"),
        format!("{one}{w1}group g 2 w1\nquorum g\n"),
        format!("{one}{w1}group g 0 w1\nquorum g\n"),
        format!("{one}{w1}group g 01 w1\nquorum g\n"),
        format!("{one}{w1}group g any\nquorum g\n"),
        format!("{one}{w1}group none any w1\nquorum none\n"),
        format!("{one}log {}\nquorum none\n", witness(1).verifier_key()),
        format!("{one}witness w {key}\nquorum w\n"),
        format!("{one}\u{1}\nquorum none\n"),
        "quorum none\n".to_owned(),
        format!(
            "{one}log {}\nquorum none\n",
            Seed::from([7; 32])
                .signer(KeyName::new("other.example").expect("a name"))
                .verifier_key()
        ),
        format!("{one}mirror x\nquorum none\n"),
    ];
    let vectors: Vec<Value> = texts
        .iter()
        .map(|text| {
            let trust = text.parse::<Trust>();
            json!({ "text": text, "canonical": trust.ok().map(|trust| trust.to_string()) })
        })
        .collect();

    // Checkpoints by these policies.
    let head = {
        let mut edge = Edge::empty();
        edge.append(&[candor::tlog::leaf_hash(b"leaf")]).expect("room");
        edge.head()
    };
    let origin = |name: &str| Origin::new(name).expect("an origin");
    let checkpoint = Checkpoint::new(origin("telemetry.example.org/log"), head);
    let signed = checkpoint.sign(&signer).expect("a note");
    let cosigned = |by: &[(u8, u64)]| {
        let mut note = signed.clone();
        for (number, time) in by {
            let text = note.text().to_owned();
            let line = witness(*number).cosign(&text, &checkpoint, *time).expect("cosigned");
            note = note.with(line);
        }
        note.to_string()
    };
    let two = policy(&[&signer], "group two 2 w1 w2 w3\nquorum two\n");
    let now: u64 = 1_795_132_800;
    let day = 24 * 60 * 60;
    let other_log = Checkpoint::new(origin("other.example/log"), head);
    let same_name = log_signer(6);
    let by_two = cosigned(&[(1, now), (2, now - day)]);
    let cases = [
        ("the key alone", key.clone(), signed.to_string()),
        ("two of three", two.clone(), by_two.clone()),
        (
            "all three, one of them old",
            two.clone(),
            cosigned(&[(1, now), (2, now - 30 * day), (3, now - day)]),
        ),
        ("one is too few", two.clone(), cosigned(&[(1, now)])),
        ("none", two.clone(), signed.to_string()),
        ("one witness twice", two.clone(), cosigned(&[(1, now - day), (1, now)])),
        (
            "one witness twice, and another",
            two.clone(),
            cosigned(&[(1, now - 9 * day), (2, now), (1, now)]),
        ),
        ("too old", two.clone(), cosigned(&[(1, now - 8 * day), (2, now)])),
        ("a second older than a week", two.clone(), cosigned(&[(1, now - 7 * day - 1), (2, now)])),
        ("exactly a week old", two.clone(), cosigned(&[(1, now - 7 * day), (2, now)])),
        ("a little ahead", two.clone(), cosigned(&[(1, now + day), (2, now + day)])),
        ("far ahead", two.clone(), cosigned(&[(1, now + day + 1), (2, now + day + 1)])),
        ("a bad cosignature", two.clone(), {
            let mut bytes = by_two.clone();
            let at = bytes.len() - 5;
            let other = if &bytes[at..=at] == "A" { "B" } else { "A" };
            bytes.replace_range(at..=at, other);
            bytes
        }),
        ("another tree under the signatures", two.clone(), by_two.replacen("\n1\n", "\n2\n", 1)),
        ("another log", key.clone(), other_log.sign(&signer).expect("a note").to_string()),
        (
            "another key of that name",
            key.clone(),
            checkpoint.sign(&same_name).expect("a note").to_string(),
        ),
        (
            "either of two keys",
            policy(&[&signer, &same_name], "quorum none\n"),
            checkpoint.sign(&same_name).expect("a note").to_string(),
        ),
        ("no signature", key.clone(), format!("{}\n", signed.text())),
        ("no blank line", key.clone(), signed.text().to_owned()),
        ("a control character", key.clone(), signed.to_string().replacen("\n1\n", "\n1\t\n", 1)),
        ("extension lines", key.clone(), {
            let text = format!("{}more\n", signed.text());
            candor::tlog::Note::sign(text, &[&signer]).expect("a note").to_string()
        }),
        ("an empty extension line", key.clone(), {
            let text = format!("{}\nmore\n", signed.text());
            candor::tlog::Note::sign(text, &[&signer]).expect("a note").to_string()
        }),
        ("a size with a zero before it", key.clone(), {
            let text = signed.text().replacen("\n1\n", "\n01\n", 1);
            candor::tlog::Note::sign(text, &[&signer]).expect("a note").to_string()
        }),
    ];
    let checks: Vec<Value> = cases
        .iter()
        .map(|(name, trust, note)| {
            let trust: Trust = trust.parse().expect("a policy");
            let accepted: Option<_> = Policy::check(trust.policy(), note.as_bytes()).ok();
            let outcome = accepted.map(|accepted| {
                let fresh = match accepted.freshness(now, Duration::from_secs(7 * day)) {
                    Ok(_) => "yes",
                    Err(NotFresh::Stale { .. }) => "old",
                    Err(_) => "ahead",
                };
                json!({
                    "size": accepted.checkpoint.head().size.get(),
                    "root": accepted.checkpoint.head().root.to_string(),
                    "log": accepted.log.to_string(), "fresh_at": accepted.fresh_at, "fresh": fresh,
                })
            });
            json!({ "name": name, "trust": trust.to_string(), "note": note, "now": now, "accepted": outcome })
        })
        .collect();
    check("policies", &json!({ "texts": vectors, "checkpoints": checks }));
}

/// Where the vectors say that the server is.
const SITE: &str = "https://telemetry.example.org";

/// Files by their URL below `SITE`, and what was asked for.
#[derive(Debug, Default)]
struct Files {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    asked: Mutex<Vec<String>>,
}

impl Files {
    /// Answers one request.
    fn answer(&self, mut stream: TcpStream) {
        let reader = BufReader::new(stream.try_clone().expect("the stream"));
        let lines: Vec<String> =
            reader.lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let path = lines.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
        let url = format!("{SITE}{path}");
        let file = self.files.lock().expect("unpoisoned").get(&url).cloned();
        self.asked.lock().expect("unpoisoned").push(url);
        let (status, body) = file.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        // A client that goes away early is ignored.
        let _ = stream.write_all(&[head.as_bytes(), &body].concat());
    }
}

/// A project's server.
#[derive(Debug)]
struct Server {
    /// Where it really is.
    url: String,
    shared: Arc<Files>,
    edge: Edge,
    signer: Signer,
    witnesses: Vec<(u8, u64)>,
}

impl Server {
    fn new() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Files::default());
        let answering = shared.clone();
        // It ends with the tests.
        std::thread::spawn(move || {
            listener.incoming().flatten().for_each(|stream| answering.answer(stream));
        });
        let mut server = Server {
            url,
            shared,
            edge: Edge::empty(),
            signer: log_signer(5),
            witnesses: Vec::new(),
        };
        server.sign();
        server
    }

    fn publish(&mut self, up_to: u64, history: &str) {
        let first = self.edge.size().get() + 1;
        let mut entries = Vec::new();
        for number in first..=up_to {
            let module = module(number, history);
            let url = format!("{PROXY}/telemetry.example.org/!config/@v/{}.zip", module.version());
            self.put(&url, module.zip());
            entries.push(entry(&module));
        }
        self.append(&entries);
    }

    fn append(&mut self, entries: &[Entry]) {
        let size = self.edge.size();
        let partial = Bundle::for_size(size.get() / 256, size)
            .map_or(Vec::new(), |bundle| self.file(&format!("{LOG}/{}", bundle.path())));
        for (bundle, bytes) in append_to_bundles(size, &partial, entries).expect("room") {
            self.put(&format!("{LOG}/{}", bundle.path()), &bytes);
        }
        let leaves: Vec<_> = entries.iter().map(Entry::leaf_hash).collect();
        for (tile, bytes) in self.edge.append(&leaves).expect("room") {
            self.put(&format!("{LOG}/{}", tile.path()), &bytes);
        }
        self.sign();
    }

    fn sign(&mut self) {
        let origin = Origin::from(self.signer.verifier_key().name().clone());
        let checkpoint = Checkpoint::new(origin, self.edge.head());
        let mut note = checkpoint.sign(&self.signer).expect("a note");
        for (number, time) in &self.witnesses {
            let text = note.text().to_owned();
            note = note.with(witness(*number).cosign(&text, &checkpoint, *time).expect("cosigned"));
        }
        self.put(&format!("{LOG}/checkpoint"), note.to_string().as_bytes());
    }

    fn put(&self, url: &str, bytes: &[u8]) {
        self.shared.files.lock().expect("unpoisoned").insert(url.to_owned(), bytes.to_vec());
    }

    fn file(&self, url: &str) -> Vec<u8> {
        self.shared.files.lock().expect("unpoisoned").get(url).expect(url).clone()
    }

    fn remove(&self, url: &str) {
        self.shared.files.lock().expect("unpoisoned").remove(url).expect(url);
    }

    fn edit(&self, url: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.file(url);
        change(&mut bytes);
        self.put(url, &bytes);
    }

    /// What a client may need: all of the tree, and what else was asked for.
    fn shown(&self) -> Value {
        let asked = std::mem::take(&mut *self.shared.asked.lock().expect("unpoisoned"));
        let files = self.shared.files.lock().expect("unpoisoned");
        let is_tree = |url: &str| url.contains("/log/tile/") && !url.contains("/entries/");
        let shown = files.iter().filter(|(url, _)| is_tree(url) || asked.contains(url));
        shown.map(|(url, bytes)| (url.clone(), json!(STANDARD.encode(bytes)))).collect()
    }
}

fn module(number: u64, history: &str) -> Module {
    let digits = format!("{number:040x}");
    let provenance = Provenance {
        repository: RepositoryUrl::public("https://git.example.org/charts"),
        commit: ObjectId::new(&digits).expect("digits"),
        tree: ObjectId::new(&digits).expect("digits"),
        path: RepositoryPath::new("charts-config").expect("a path"),
        as_of: "2026-02-04".parse().expect("a day"),
        time: CommitTime::from_unix_seconds(1_700_000_000).expect("a time"),
        program_version: "0.1.0".to_owned(),
    };
    let path = ModulePath::new(MODULE).expect("a path");
    let version = ModuleVersion::new(number).expect("a version");
    let config = format!("{{\"config\": {number}, \"of\": \"{history}\"}}");
    Module::build(path, version, config.into_bytes(), provenance).expect("a small module")
}

fn entry(module: &Module) -> Entry {
    let version = module.version().to_string();
    Record::new(module.path().as_str(), version, module.zip_hash(), module.go_mod_hash())
        .and_then(|record| Ok(record.entry()?))
        .expect("a short record")
}

/// A machine that asks for configs, one time after the other.
struct Story {
    trust: String,
    memory: TempDir,
    steps: Vec<Value>,
}

impl Story {
    fn of(trust: impl Into<String>) -> Story {
        let memory = TempDir::new().expect("a temporary folder");
        Story { trust: trust.into(), memory, steps: Vec::new() }
    }

    /// Asks for the newest config, knowing this one, or for a version.
    fn ask(&mut self, server: &Server, known: u64, wanted: u64, now: u64) -> &Value {
        let url: Address = server.url.parse().expect("an address");
        let trust: Trust = self.trust.parse().expect("trust");
        let source = ConfigSource::at(&url, ModulePath::new(MODULE).expect("a path"), trust);
        let memory = Arc::new(FileStore::new(self.memory.path()));
        let client = ConfigClient::new(source, Http::new(), memory).expect("a client");
        let version = |number| ModuleVersion::new(number).expect("a version");
        let fetched = match (known, wanted) {
            (0, 0) => client.fetch(Wanted::Latest, at(now)).map(Some),
            (0, wanted) => client.fetch(Wanted::Version(version(wanted)), at(now)).map(Some),
            (known, _) => {
                client.fetch_newer_than(version(known), at(now)).map(|Newer { config, .. }| config)
            }
        };
        let outcome = match fetched {
            Ok(Some(config)) => verified(&config),
            Ok(None) => json!("known"),
            Err(error) => failed(&error, &server.url),
        };
        self.steps.push(json!({
            "files": server.shown(), "known": known, "wanted": wanted, "now": now, "outcome": outcome,
        }));
        &self.steps.last().expect("a step")["outcome"]
    }

    fn end(self, name: &str) -> Value {
        json!({ "name": name, "trust": self.trust, "steps": self.steps })
    }
}

fn verified(config: &VerifiedConfig) -> Value {
    let fresh_at = match config.freshness() {
        Freshness::At(seconds) => Some(seconds),
        Freshness::Unknown => None,
    };
    json!({
        "version": config.version().to_string(),
        "config": String::from_utf8_lossy(config.config()),
        "log": config.log().to_string(),
        "fresh_at": fresh_at,
    })
}

/// Whether a check failed, or only the network; and the evidence of a fork.
fn failed(error: &ClientError, server: &str) -> Value {
    match error {
        ClientError::Forked { evidence, .. } => {
            let evidence = evidence.to_string().replace(server, SITE);
            json!({ "failed": "check", "evidence": evidence })
        }
        ClientError::UnknownVersion { .. } => json!({ "failed": "version" }),
        ClientError::Transport(_)
        | ClientError::Remote(RemoteError::Transport(_) | RemoteError::Missing { .. })
        | ClientError::Tile(TileError::Read { .. })
        | ClientError::MissingZip { .. }
        | ClientError::Empty { .. }
        | ClientError::NotFresh { source: NotFresh::Clock { .. }, .. }
        | ClientError::Memory(_) => json!({ "failed": "network" }),
        _ => json!({ "failed": "check" }),
    }
}

#[test]
fn fetching() {
    let key = log_signer(5).verifier_key().to_string();
    let mut stories = Vec::new();
    let zip = |number: u64| format!("{PROXY}/telemetry.example.org/!config/@v/v0.{number}.0.zip");
    let checkpoint = format!("{LOG}/checkpoint");

    let (mut server, mut story) = (Server::new(), Story::of(&*key));
    assert_eq!(story.ask(&server, 0, 0, 0)["failed"], "network", "empty");
    for (size, known) in [(1, 0), (1, 1), (2, 1), (3, 2), (7, 3), (8, 7), (9, 8)] {
        server.publish(size, "");
        story.ask(&server, known, 0, 0);
    }
    assert_eq!(story.ask(&server, 0, 3, 0)["version"], "v0.3.0");
    assert_eq!(story.ask(&server, 0, 10, 0)["failed"], "version");
    assert_eq!(story.ask(&server, 9, 0, 0), "known");
    let older = server.file(&checkpoint);
    server.publish(10, "");
    story.ask(&server, 9, 0, 0);
    server.put(&checkpoint, &older);
    assert_eq!(story.ask(&server, 10, 0, 0)["failed"], "check", "rolled back");
    stories.push(story.end("a log that grows, and is rolled back"));

    let (mut server, mut story) = (Server::new(), Story::of(&*key));
    server.publish(250, "");
    story.ask(&server, 0, 0, 0);
    server.publish(257, "");
    assert_eq!(story.ask(&server, 0, 0, 0)["version"], "v0.257.0");
    server.remove(&format!("{LOG}/tile/1/000.p/1"));
    assert_eq!(story.ask(&server, 0, 0, 0)["failed"], "network", "a tile is missing");
    stories.push(story.end("a log of more than one tile"));

    let (mut server, mut story) = (Server::new(), Story::of(&*key));
    server.publish(200, "");
    let older = server.file(&checkpoint);
    server.publish(256, "");
    server.remove(&format!("{LOG}/tile/0/000.p/200"));
    server.remove(&format!("{LOG}/tile/entries/000.p/200"));
    server.put(&checkpoint, &older);
    assert_eq!(story.ask(&server, 0, 0, 0)["version"], "v0.200.0");
    stories.push(story.end("partial tiles that were dropped"));

    for (common, seen, served) in [(0, 1, 1), (2, 3, 3), (2, 4, 7), (3, 5, 9), (3, 6, 8)] {
        let (mut ours, mut theirs) = (Server::new(), Server::new());
        ours.publish(common, "");
        theirs.publish(common, "");
        ours.publish(seen, "ours");
        theirs.publish(served, "theirs");
        let mut story = Story::of(&*key);
        story.ask(&ours, 0, 0, 0);
        assert!(story.ask(&theirs, 0, 0, 0)["evidence"].is_string());
        stories
            .push(story.end(&format!(
                "a fork after {common} entries, seen at {seen}, served at {served}"
            )));
    }

    let (mut server, mut story) = (Server::new(), Story::of(&*key));
    server.publish(3, "");
    server.put(&zip(3), module(3, "another").zip());
    assert_eq!(story.ask(&server, 0, 0, 0)["failed"], "check");
    server.put(&zip(3), b"not a zip");
    assert_eq!(story.ask(&server, 0, 0, 0)["failed"], "check");
    server.remove(&zip(3));
    assert_eq!(story.ask(&server, 0, 0, 0)["failed"], "network");
    server.remove(&checkpoint);
    assert_eq!(story.ask(&server, 0, 0, 0)["failed"], "network");
    server.put(&checkpoint, b"<html>Log in</html>");
    assert_eq!(story.ask(&server, 0, 0, 0)["failed"], "check");
    stories.push(story.end("zips that were changed or are missing"));

    let (mut server, mut story) = (Server::new(), Story::of(&*key));
    server.publish(3, "");
    server.append(&[entry(&module(3, ""))]);
    assert_eq!(story.ask(&server, 0, 0, 0)["failed"], "check");
    server.append(&[Entry::new("not a record").expect("short")]);
    assert_eq!(story.ask(&server, 0, 0, 0)["failed"], "check");
    stories.push(story.end("entries that are not the record of their version"));

    let (mut server, mut story) = (Server::new(), Story::of(&*key));
    server.publish(3, "");
    server.edit(&format!("{LOG}/tile/0/000.p/3"), |tile| tile[40] ^= 1);
    assert_eq!(story.ask(&server, 0, 0, 0)["failed"], "check");
    server.edit(&format!("{LOG}/tile/0/000.p/3"), |tile| tile.truncate(95));
    assert_eq!(story.ask(&server, 0, 0, 0)["failed"], "check");
    stories.push(story.end("tiles that were changed"));

    let (mut server, mut story) = (Server::new(), Story::of(&*key));
    server.publish(3, "");
    server.edit(&format!("{LOG}/tile/entries/000.p/3"), |bundle| bundle[5] ^= 1);
    assert_eq!(story.ask(&server, 0, 3, 0)["version"], "v0.3.0", "another entry of the bundle");
    server.edit(&format!("{LOG}/tile/entries/000.p/3"), |bundle| {
        let last = bundle.len() - 1;
        bundle[last - 5] ^= 1;
    });
    assert_eq!(story.ask(&server, 0, 3, 0)["failed"], "check");
    stories.push(story.end("bundles that were changed"));

    let now = 1_795_132_800;
    let day = 24 * 60 * 60;
    let two = policy(&[&log_signer(5)], "group two 2 w1 w2 w3\nquorum two\n");
    let (mut server, mut story) = (Server::new(), Story::of(two));
    server.publish(1, "");
    assert_eq!(story.ask(&server, 0, 0, now)["failed"], "check", "no witness");
    server.witnesses = vec![(1, now - day), (3, now)];
    server.publish(2, "");
    assert_eq!(story.ask(&server, 0, 0, now)["fresh_at"], now - day);
    assert_eq!(story.ask(&server, 2, 0, now + 8 * day)["failed"], "check", "old");
    assert_eq!(
        story.ask(&server, 2, 0, now - 9 * day)["failed"],
        "network",
        "a clock that is behind"
    );
    stories.push(story.end("witnesses"));

    let both = policy(&[&log_signer(5), &log_signer(6)], "quorum none\n");
    let (mut server, mut story) = (Server::new(), Story::of(both));
    server.publish(2, "");
    story.ask(&server, 0, 0, 0);
    server.signer = log_signer(6);
    server.publish(3, "");
    assert_eq!(story.ask(&server, 2, 0, 0)["version"], "v0.3.0");
    server.signer = log_signer(7);
    server.publish(4, "");
    assert_eq!(story.ask(&server, 3, 0, 0)["failed"], "check");
    stories.push(story.end("a log that changes its key"));

    check("fetching", &json!(stories));
}
