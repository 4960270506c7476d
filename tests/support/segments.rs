//! An independent check of what is stored: reads segment files and configs by their descriptions, with
//! none of the program's code except the frame grammar.

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;

/// The public row of every report in a receiver's folder. Panics on anything else in a segment, except
/// at the end of an open one.
pub fn reports(folder: &Path) -> Vec<Value> {
    let entries = std::fs::read_dir(folder).expect("list the folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let mut reports = Vec::new();
    for file in files {
        let (header, identity) = match file.extension().and_then(|end| end.to_str()) {
            Some("open") => (b"candor buffer 1\n", 16),
            Some("sealed") => (b"candor sealed 1\n", 0),
            _ => continue,
        };
        // It was sealed, and its open file is not removed yet.
        if identity > 0 && file.with_extension("sealed").exists() {
            continue;
        }
        let bytes = std::fs::read(&file).expect("read a segment");
        let mut rest = bytes.strip_prefix(header).expect("a header");
        if identity == 0 {
            rest = &rest[..rest.len() - 32];
        }
        let mut checked = Sha256::new_with_prefix(header);
        while !rest.is_empty() {
            let whole = rest.split_first_chunk::<4>().and_then(|(length, after)| {
                let (check, after) = after.split_at_checked(8)?;
                let (content, after) =
                    after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
                Sha256::digest(content).starts_with(check).then_some((content, after))
            });
            let Some((content, after)) = whole else {
                assert!(identity > 0, "{} is damaged", file.display());
                break;
            };
            reports.push(serde_json::from_slice(&content[identity..]).expect("JSON"));
            checked.update(&rest[..12]);
            rest = after;
        }
        if identity == 0 {
            assert_eq!(checked.finalize()[..], bytes[bytes.len() - 32..], "{}", file.display());
        }
    }
    reports
}

/// Panics unless the config that a report names allows all of it.
pub fn assert_allowed(report: &Value, configs: &[Value], weeks: &[String]) {
    keys(report, &["Week", "X", "Programs", "Config"]);
    let week = text(&report["Week"]);
    assert!(weeks.contains(&week.to_owned()), "{report}");
    let number: usize = text(&report["Config"])
        .strip_prefix("v0.")
        .and_then(|rest| rest.strip_suffix(".0"))
        .and_then(|number| number.parse().ok())
        .expect("a version");
    let config = &configs[number - 1];
    let x = report["X"].as_f64().expect("a number");
    assert!(rates(config).contains(&x), "{report}");
    let no_programs = Vec::new();
    let programs = match &report["Programs"] {
        Value::Null => &no_programs,
        programs => programs.as_array().expect("a list"),
    };
    let mut builds = Vec::new();
    for program in programs {
        let names = ["Program", "Version", "GoVersion", "GOOS", "GOARCH"];
        keys(program, &[&names[..], &["Counters", "Stacks"]].concat());
        builds.push(names.map(|name| text(&program[name])));
        for list in ["GoVersion", "GOOS", "GOARCH"] {
            assert!(has(&config[list], &program[list]), "{list} of {report}");
        }
        let all = config["Programs"].as_array().expect("a list");
        let allowed = all.iter().find(|p| p["Name"] == program["Program"]).expect("a program");
        assert!(has(&allowed["Versions"], &program["Version"]), "{report}");
        for (counter, count) in program["Counters"].as_object().expect("an object") {
            assert!(is_count(count), "{report}");
            assert!(x <= rate(&allowed["Counters"], |name| writes(name, counter)).0, "{report}");
        }
        for (stack, count) in program["Stacks"].as_object().expect("an object") {
            assert!(is_count(count), "{report}");
            let (name, frames) = stack.split_once('\n').expect("frames");
            let (rate, depth) = rate(&allowed["Stacks"], |other| other == name);
            assert!(x <= rate, "{report}");
            let whole = frames.strip_suffix("\ntruncated").unwrap_or(frames);
            assert!(whole.split('\n').count() <= depth, "{report}");
            assert!(whole.split('\n').all(is_frame), "{report}");
        }
    }
    let all = builds.len();
    builds.sort_unstable();
    builds.dedup();
    assert_eq!(builds.len(), all, "{report}");
}

/// All rates of a config.
fn rates(config: &Value) -> Vec<f64> {
    let programs = config["Programs"].as_array().expect("a list");
    let lists = programs.iter().flat_map(|program| [&program["Counters"], &program["Stacks"]]);
    let entries = lists.filter_map(Value::as_array).flatten();
    let rates = entries.map(|entry| &entry["Rate"]).chain([&config["SampleRate"]]);
    rates.map(|rate| rate.as_f64().expect("a rate")).collect()
}

/// Whether a line is harmless, by a coarser rule than the grammar's. Only functions that Go generates
/// for a type have spaces and quotes.
fn is_frame(frame: &str) -> bool {
    let of_type = ["type:.eq.", "type:.hash.", "go:"].iter().any(|start| frame.starts_with(start));
    let turning = |c: char| {
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let bad = |c: char| c.is_whitespace() || "\"\\`$<>|@#".contains(c);
    let address = frame.rsplit_once("+0x").is_some_and(|(_, offset)| offset.len() > 7);
    !frame.is_empty()
        && frame.len() <= 4096
        && !frame.contains(|c: char| c.is_control() || turning(c))
        && (of_type || !frame.contains(bad))
        && !frame.starts_with(['/', '~', '.'])
        && !frame.contains("../")
        && !address
}

/// What is stored of an accepted report: everything except what honest clients cannot know not to send.
pub fn stored_form(mut report: Value, configs: &[Value]) -> Value {
    let number: usize =
        text(&report["Config"])[3..].trim_end_matches(".0").parse().expect("a version");
    let config = &configs[number - 1];
    let x = report["X"].as_f64().expect("a number");
    let rounded = rates(config).into_iter().filter(|rate| *rate >= x).min_by(f64::total_cmp);
    report["X"] = rounded.expect("a rate").into();
    report.as_object_mut().expect("an object").remove("LastWeek");
    let mut programs = report["Programs"].take().as_array().cloned().unwrap_or_default();
    programs.retain(|p| has(&config["GOOS"], &p["GOOS"]) && has(&config["GOARCH"], &p["GOARCH"]));
    for program in &mut programs {
        let all = config["Programs"].as_array().expect("a list");
        let allowed = all.iter().find(|p| p["Name"] == program["Program"]).expect("a program");
        let counted = |counts: &Value| {
            let counts = counts.as_object().cloned().unwrap_or_default().into_iter();
            counts.filter(|(_, count)| is_count(count)).collect::<Vec<_>>()
        };
        program["Counters"] = Value::Object(counted(&program["Counters"]).into_iter().collect());
        let mut stacks = serde_json::Map::new();
        for (stack, count) in counted(&program["Stacks"]) {
            let (name, frames) = stack.split_once('\n').expect("frames");
            let (_, depth) = rate(&allowed["Stacks"], |other| other == name);
            if let Some(frames) = stored_frames(frames, depth) {
                let sum = stacks.entry(format!("{name}\n{frames}")).or_insert(0.into());
                let added =
                    sum.as_i64().expect("a count").saturating_add(count.as_i64().expect("a count"));
                *sum = added.into();
            }
        }
        program["Stacks"] = Value::Object(stacks);
    }
    report["Programs"] = if programs.is_empty() { Value::Null } else { Value::Array(programs) };
    report
}

/// The frames that are stored of a stack.
fn stored_frames(frames: &str, depth: usize) -> Option<String> {
    let (whole, cut) = match frames.strip_suffix("\ntruncated\n") {
        // The last line may be half a frame.
        Some(rest) => (rest.rsplit_once('\n')?.0, true),
        None => match frames.strip_suffix("\ntruncated") {
            Some(rest) => (rest, true),
            None => (frames, false),
        },
    };
    let mut kept: Vec<&str> = whole.split('\n').take(depth).collect();
    if !kept.iter().all(|frame| candor::collection::frame::is_frame(frame)) {
        return None;
    }
    kept.iter_mut().for_each(|frame| *frame = frame.strip_prefix('.').unwrap_or(frame));
    if cut && whole.split('\n').count() <= depth {
        kept.push("truncated");
    }
    Some(kept.join("\n"))
}

fn keys(object: &Value, expected: &[&str]) {
    let mut found: Vec<_> = object.as_object().expect("an object").keys().collect();
    found.sort();
    let mut expected: Vec<_> = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected, "{object}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string"))
}

fn has(list: &Value, value: &Value) -> bool {
    list.as_array().expect("a list").contains(value)
}

fn is_count(value: &Value) -> bool {
    value.is_u64() && value.as_i64().is_some_and(|count| count > 0)
}

/// The rate and depth of the entry whose name fits.
fn rate(list: &Value, fits: impl Fn(&str) -> bool) -> (f64, usize) {
    let entries = list.as_array().expect("there are such counters");
    let entry = entries.iter().find(|entry| fits(text(&entry["Name"]))).expect("an entry");
    let depth = entry["Depth"].as_u64().unwrap_or_default();
    (entry["Rate"].as_f64().expect("a rate"), depth as usize)
}

/// Whether a counter expression of a config stands for this counter.
fn writes(expression: &str, counter: &str) -> bool {
    match expression.split_once('{') {
        None => expression == counter,
        Some((chart, buckets)) => counter
            .strip_prefix(chart)
            .is_some_and(|bucket| buckets.trim_end_matches('}').split(',').any(|b| b == bucket)),
    }
}

/// Writes a sealed segment with the public rows of these reports, which are canonical or already rows.
/// X is not changed, so it should be a rate.
pub fn write(folder: &Path, number: u64, reports: &[String]) {
    let mut bytes = b"candor sealed 1\n".to_vec();
    let mut checked = bytes.clone();
    for report in reports {
        let row = row(report);
        let length = u32::try_from(row.len()).expect("a short row");
        let prefix = [&length.to_le_bytes()[..], &Sha256::digest(row.as_bytes())[..8]].concat();
        checked.extend_from_slice(&prefix);
        bytes.extend_from_slice(&prefix);
        bytes.extend_from_slice(row.as_bytes());
    }
    let checksum = Sha256::digest(&checked);
    bytes.extend_from_slice(&checksum);
    std::fs::create_dir_all(folder).expect("create the folder");
    std::fs::write(folder.join(file_name(number)), bytes).expect("write a segment");
}

/// The file name of a segment that was written; ids are distinct hashes.
pub fn file_name(number: u64) -> String {
    let id = &Sha256::digest(number.to_le_bytes())[..16];
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{id}.sealed")
}

/// The public row of a canonical report, except for X.
fn row(report: &str) -> String {
    match report.split_once("\"LastWeek\":\"") {
        None => report.to_owned(),
        Some((before, after)) => {
            let (_, after) = after.split_once("\",").expect("the end of a date");
            format!("{before}{after}")
        }
    }
}

/// The names of the sealed segments in a folder.
pub fn sealed(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.into_string().expect("text"));
    names.filter(|name| name.ends_with(".sealed")).collect()
}

/// A report of a day, different for each number; some have no program, some have two.
pub fn report(day: &str, number: u32) -> String {
    let x = f64::from(number % 9973 + 1) / 16384.0;
    let program = |name: &str| {
        let stacks = match number % 5 {
            0 => format!("{{\"crash\\nmain.main:+{}\\nruntime.main:+283\":1}}", number % 40),
            _ => "{}".to_owned(),
        };
        format!(
            "{{\"Program\":\"example.org/{name}\",\"Version\":\"v1.{}.0\",\
             \"GoVersion\":\"go1.26.8\",\"GOOS\":\"linux\",\"GOARCH\":\"amd64\",\
             \"Counters\":{{\"a,b\":{number},\"verb:<&>\":2,\"ü'x\":3}},\"Stacks\":{stacks}}}",
            number % 3
        )
    };
    let programs = match number % 7 {
        0 => "null".to_owned(),
        1 | 2 => format!("[{},{}]", program("hello"), program("tool")),
        _ => format!("[{}]", program("hello")),
    };
    format!(
        "{{\"Week\":\"{day}\",\"LastWeek\":\"\",\"X\":{x},\"Programs\":{programs},\
         \"Config\":\"v0.1.0\"}}"
    )
}
