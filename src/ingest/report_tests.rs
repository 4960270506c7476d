//! Reports are parsed strictly and written in canonical form.

use super::*;
use crate::day::Day;
use crate::report::Count;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value;
use std::borrow::Cow;

/// As Go's client writes it: indented, and with Go's escapes.
const SENT: &str = "{\n \"Week\": \"2026-02-08\",\n \"LastWeek\": \"\",\n \"X\": 0.0625,\n \
    \"Programs\": [\n  {\n   \"Program\": \"example.org/p\",\n   \"Version\": \"v1.2.0\",\n   \
    \"GoVersion\": \"go1.26.8\",\n   \"GOOS\": \"linux\",\n   \"GOARCH\": \"amd64\",\n   \
    \"Counters\": {\n    \"verb:run\": 3,\n    \"verb:\\u003chelp\\u003e\": 1\n   },\n   \
    \"Stacks\": {\n    \"crash\\nmain.main:+12\": 1\n   }\n  }\n ],\n \"Config\": \"v0.7.0\"\n}";

#[test]
fn a_report_of_gos_client_is_parsed_and_written_in_canonical_form() {
    let report = Report::decode(SENT.as_bytes()).expect("a report");
    assert_eq!((report.week.to_string().as_str(), report.last_week), ("2026-02-08", None));
    assert_eq!((report.x.get(), report.config.number()), (0.0625, 7));
    assert!(matches!(report.programs[0].program.0, Cow::Borrowed("example.org/p")));
    let encoded = String::from_utf8(report.encode()).expect("text");
    assert_eq!(
        encoded,
        "{\"Week\":\"2026-02-08\",\"LastWeek\":\"\",\"X\":0.0625,\"Programs\":[{\"Program\":\
         \"example.org/p\",\"Version\":\"v1.2.0\",\"GoVersion\":\"go1.26.8\",\"GOOS\":\"linux\",\
         \"GOARCH\":\"amd64\",\"Counters\":{\"verb:<help>\":1,\"verb:run\":3},\"Stacks\":\
         {\"crash\\nmain.main:+12\":1}}],\"Config\":\"v0.7.0\"}"
    );
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    assert_eq!(value(&encoded), value(SENT));
}

#[test]
fn a_public_row_is_the_same_whether_it_is_copied_or_written() {
    let with = SENT.replace("\"LastWeek\": \"\"", "\"LastWeek\": \"2026-02-01\"");
    let empty = r#"{"Week":"2026-02-08","LastWeek":"","X":1e-9,"Programs":null,"Config":"v0.1.0"}"#;
    let named = with.replace("verb:run", r#",\"Programs\":"#);
    for text in [SENT, &with, empty, &named] {
        let report = Report::decode(text.as_bytes()).expect("a report");
        for x in [1e-9, 0.1, 1.0].map(|x| X::new(x).expect("an X")) {
            assert_eq!(report.encode_public_from(&report.encode(), x), report.encode_public(x));
        }
    }
}

#[test]
fn a_public_row_has_no_last_week_and_the_given_x() {
    let sent = SENT.replace("\"LastWeek\": \"\"", "\"LastWeek\": \"2026-02-01\"");
    let report = Report::decode(sent.as_bytes()).expect("a report");
    assert!(report.last_week.is_some());
    let row = report.encode_public(X::new(0.1).expect("an X"));
    let text = std::str::from_utf8(&row).expect("text");
    assert!(text.starts_with("{\"Week\":\"2026-02-08\",\"X\":0.1,\"Programs\":[{\"Program\":"));
    assert!(text.ends_with("}],\"Config\":\"v0.7.0\"}"), "{text}");
    let read = Report::decode(&row).expect("a public row");
    assert_eq!((read.last_week, read.x.get()), (None, 0.1));
    assert_eq!(
        (read.week, &read.programs, read.config),
        (report.week, &report.programs, report.config)
    );
    assert_eq!(read.encode_public(read.x), row);
}

#[test]
fn nothing_counted_is_written_as_go_writes_it() {
    let json =
        r#"{"Week":"2026-02-08","LastWeek":"2026-02-01","X":1,"Programs":[],"Config":"v0.1.0"}"#;
    let encoded = Report::decode(json.as_bytes()).expect("a report").encode();
    assert_eq!(String::from_utf8(encoded.clone()).expect("text"), json.replace("[]", "null"));
    assert_eq!(Report::decode(&encoded).expect("a report").encode(), encoded);
    let nulls = SENT.replace("{\n    \"crash\\nmain.main:+12\": 1\n   }", "null");
    let report = Report::decode(nulls.as_bytes()).expect("a report");
    assert!(report.programs[0].stacks.is_empty());
}

#[test]
fn what_was_never_counted_is_left_out() {
    for count in ["0", "-3", "-9223372036854775808"] {
        let json = SENT.replacen("\": 3", &format!("\": {count}"), 1);
        let report = Report::decode(json.as_bytes()).expect("a report");
        let names: Vec<_> = report.programs[0].counters.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["verb:<help>"], "{count}");
    }
}

/// The sentence with which a report is refused.
fn refused(json: &[u8]) -> String {
    Report::decode(json).expect_err("not a report").to_string()
}

#[test]
fn malformed_reports_are_refused_with_the_position_and_the_cause() {
    let at = "the report is malformed at line";
    let cases: &[(&str, &str, &str)] = &[
        (
            "\"Config\"",
            "\"Confi\"",
            "21, column 8: unknown field `Confi`, expected one of `Week`, \
          `LastWeek`, `X`, `Programs`, `Config`",
        ),
        (
            "\"GOOS\"",
            "\"goos\"",
            "10, column 9: unknown field `goos`, expected one of `Program`, \
          `Version`, `GoVersion`, `GOOS`, `GOARCH`, `Counters`, `Stacks`",
        ),
        ("\"X\": 0.0625,", "", "22, column 1: missing field `X`"),
        ("\"LastWeek\": \"\"", "\"Week\": \"2026-02-08\"", "3, column 7: duplicate field `Week`"),
        (
            "\"verb:\\u003chelp\\u003e\"",
            "\"verb:\\u0072un\"",
            "15, column 4: \"verb:run\" is listed \
          twice",
        ),
        (
            "2026-02-08",
            "2026-02-30",
            "2, column 21: \"2026-02-30\" is not a date such as \
          2026-02-08",
        ),
        ("2026-02-08", "20260208", "2, column 19: \"20260208\" is not a date such as 2026-02-08"),
        (
            "\"LastWeek\": \"\"",
            "\"LastWeek\": \"never\"",
            "3, column 20: \"never\" is not a date \
          such as 2026-02-08",
        ),
        (
            "v0.7.0",
            "v0.7.1",
            "21, column 19: \"v0.7.1\" is not the version of a config, such as \
          v0.7.0",
        ),
        (
            "0.0625",
            "0",
            "4, column 7: invalid value: integer `0`, expected X, a number greater than 0 and \
          at most 1",
        ),
        (
            "0.0625",
            "1.5",
            "4, column 9: invalid value: floating point `1.5`, expected X, a number \
          greater than 0 and at most 1",
        ),
        (
            "0.0625",
            "-0.5",
            "4, column 10: invalid value: floating point `-0.5`, expected X, a \
          number greater than 0 and at most 1",
        ),
        (
            "0.0625",
            "2",
            "4, column 7: invalid value: integer `2`, expected X, a number greater than 0 and \
          at most 1",
        ),
        ("0.0625", "1e999", "4, column 11: number out of range"),
        (
            "0.0625",
            "\"0.5\"",
            "4, column 11: invalid type: string \"0.5\", expected X, a number \
          greater than 0 and at most 1",
        ),
        (
            "\": 3",
            "\": 3.0",
            "13, column 19: invalid type: floating point `3.0`, expected a count, \
          which is a whole number up to 9223372036854775807",
        ),
        (
            "\": 3",
            "\": 1e3",
            "13, column 19: invalid type: floating point `1000.0`, expected a \
          count, which is a whole number up to 9223372036854775807",
        ),
        (
            "\": 3",
            "\": 9223372036854775808",
            "13, column 35: invalid value: integer \
          `9223372036854775808`, expected a count, which is a whole number up to \
          9223372036854775807",
        ),
        (
            "\": 3",
            "\": \"3\"",
            "13, column 19: invalid type: string \"3\", expected a count, \
          which is a whole number up to 9223372036854775807",
        ),
    ];
    for (from, to, expected) in cases {
        assert!(SENT.contains(from), "{from}");
        let json = SENT.replacen(from, to, 1);
        assert_eq!(refused(json.as_bytes()), format!("{at} {expected}"), "{from} -> {to}");
    }
    assert_eq!(refused(b""), format!("{at} 1, column 0: EOF while parsing a value"));
    assert_eq!(
        refused(b"null"),
        format!("{at} 1, column 4: invalid type: null, expected an object")
    );
    let trailing = format!("{SENT} {{}}");
    assert_eq!(refused(trailing.as_bytes()), format!("{at} 22, column 3: trailing characters"));
}

#[test]
fn structs_are_objects_and_nothing_else() {
    let array = br#"["2026-02-08","",0.5,null,"v0.1.0"]"#;
    assert!(refused(array).ends_with("invalid type: sequence, expected an object"));
    let program = r#"["p","v","g","o","a",{},{}]"#;
    let json = format!(
        r#"{{"Week":"2026-02-08","LastWeek":"","X":1,"Programs":[{program}],"Config":"v0.1.0"}}"#
    );
    assert!(refused(json.as_bytes()).ends_with("invalid type: sequence, expected an object"));
    let deep = "[".repeat(100_000);
    assert!(refused(deep.as_bytes()).ends_with("invalid type: sequence, expected an object"));
}

#[test]
fn refusals_quote_briefly_and_on_one_line() {
    let long = "A\\n".repeat(10_000);
    for (from, to) in [
        ("\"X\"", format!("\"{long}\"")),
        ("2026-02-08", long.clone()),
        ("v0.7.0", long.clone()),
        ("0.0625", format!("\"{long}\"")),
        ("3,\n    \"verb:\\u003chelp\\u003e\"", format!("3, \"{long}\": 1, \"{long}\"")),
    ] {
        let sentence = refused(SENT.replacen(from, &to, 1).as_bytes());
        assert!(sentence.chars().count() < 300 && !sentence.contains('\n'), "{from}: {sentence}");
    }
    let mut bytes = SENT.as_bytes().to_vec();
    bytes[15] = 0xff;
    assert!(refused(&bytes).contains("invalid unicode code point"), "{}", refused(&bytes));
}

fn counts() -> impl Strategy<Value = Counts<'static>> {
    btree_map(any::<String>(), 1..=Count::MAX, 0..4).prop_map(|map| {
        let pairs = map
            .into_iter()
            .map(|(name, count)| (name.into(), Count::new(count).expect("in range")));
        Counts::from_pairs(pairs.collect()).expect("names of a map")
    })
}

fn programs() -> impl Strategy<Value = ProgramReport<'static>> {
    (vec(any::<String>(), 5), counts(), counts()).prop_map(|(strings, counters, stacks)| {
        let mut strings = strings.into_iter().map(Text::from);
        let mut next = || strings.next().expect("one of five");
        ProgramReport {
            program: next(),
            version: next(),
            toolchain: next(),
            goos: next(),
            goarch: next(),
            counters,
            stacks,
        }
    })
}

fn dates() -> impl Strategy<Value = Day> {
    (0..=Day::LAST.number()).prop_map(Day::numbered)
}

proptest! {
    #[test]
    fn every_report_reads_back_as_itself(
        week in dates(),
        last_week in proptest::option::of(dates()),
        x in (f64::MIN_POSITIVE..=1.0).prop_map(|x| X::new(x).expect("an X")),
        programs in vec(programs(), 0..3),
        config in (1..=ModuleVersion::MAX).prop_map(|n| ModuleVersion::new(n).expect("in range")),
    ) {
        let report = Report { week, last_week, x, programs, config };
        let encoded = report.encode();
        prop_assert_eq!(&Report::decode(&encoded).expect("a report"), &report);
        let start = format!("{{\"Week\":\"{week}\"");
        prop_assert!(encoded.starts_with(start.as_bytes()));
        // Whatever order and spacing it had, its canonical form is the same.
        let value: Value = serde_json::from_slice(&encoded).expect("JSON");
        let otherwise = serde_json::to_string_pretty(&value).expect("JSON");
        prop_assert_eq!(Report::decode(otherwise.as_bytes()).expect("a report").encode(), encoded);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), at in 0..SENT.len(), byte in any::<u8>()) {
        let _ = Report::decode(&bytes);
        let mut changed = SENT.as_bytes().to_vec();
        changed[at] = byte;
        if let Ok(report) = Report::decode(&changed) {
            let encoded = report.encode();
            prop_assert_eq!(Report::decode(&encoded).expect("a report"), report);
        }
    }
}
