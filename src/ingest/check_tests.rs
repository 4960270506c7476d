//! Each rule of the receiver, with the sentence that a client gets.

use super::*;
use crate::gomod::ModuleVersion;
use crate::ingest::testing::{config, now, report};

fn refused(json: &str, date: &str, sample_rate: f64) -> Result<CheckedReport, NotAccepted> {
    let config = LoggedConfig::new(ModuleVersion::FIRST, &config(sample_rate));
    let report = Report::decode(json.as_bytes()).map_err(Refusal::from)?;
    check(&report, date.parse().expect("a date"), &config, now())
}

#[test]
fn an_allowed_report_is_stored_as_its_public_row() {
    let json = report(0.25);
    let spaced = json
        .replace(":{", " : {\n")
        .replace("\"rare\":2,\"verb:run\":3", "\"verb:run\":3, \"rare\":2");
    let checked = refused(&spaced, "2026-02-08", 1.0).expect("allowed");
    assert_eq!(std::str::from_utf8(checked.bytes()), Ok(json.as_str()), "all of it tells it apart");
    let row = json.replace("\"LastWeek\":\"2026-02-01\",", "").replace("\"X\":0.25", "\"X\":0.5");
    assert_eq!(std::str::from_utf8(checked.row()), Ok(row.as_str()), "and this is stored");
    assert_eq!(checked.week().to_string(), "2026-02-08");
    assert_eq!(checked.oldest().to_string(), "2026-01-13");
    let other = refused(&report(0.251), "2026-02-08", 1.0).expect("allowed");
    assert_ne!(other.bytes(), checked.bytes());
    assert_eq!(other.row(), checked.row());
}

#[test]
fn every_broken_rule_is_refused_with_a_sentence() {
    // A change to an allowed report, and the sentence with which it is refused.
    let cases: &[(&str, &str, &str)] = &[
        (
            "\"2026-02-08\"",
            "\"2026-02-01\"",
            "the report is of the week 2026-02-01, but was sent to /upload/2026-02-08",
        ),
        ("v0.1.0", "v0.2.0", "config v0.2.0 is not in the log"),
        ("\"X\":0.2", "\"X\":0.6", "X is 0.6, above the sample rate 0.5 of config v0.1.0"),
        ("\"X\":0.2", "\"X\":0.3", "counter \"rare\" has the rate 0.25, and X is 0.3"),
        ("example.org/p", "example.org/q", "program \"example.org/q\" is not in config v0.1.0"),
        (
            "v1.2.0",
            "v1.2.1",
            "version \"v1.2.1\" of program \"example.org/p\" is not in config v0.1.0",
        ),
        ("go1.26.8", "go1.26.9", "GoVersion \"go1.26.9\" is not in config v0.1.0"),
        (
            "verb:run",
            "verb:{run,help}",
            "counter \"verb:{run,help}\" of program \"example.org/p\" is not in config v0.1.0",
        ),
        (
            "verb:run",
            "crash",
            "counter \"crash\" of program \"example.org/p\" is not in config v0.1.0",
        ),
        (
            "crash\\n",
            "crush\\n",
            "stack \"crush\" of program \"example.org/p\" is not in config v0.1.0",
        ),
        (
            "crash\\n",
            "rare\\n",
            "stack \"rare\" of program \"example.org/p\" is not in config v0.1.0",
        ),
        (
            "crash\\nmain.main:+12,+0x34\\nruntime.main:=283",
            "crash",
            "stack \"crash\" has no frames",
        ),
    ];
    for (from, to, sentence) in cases {
        let json = report(0.2);
        assert!(json.contains(from), "{from}");
        let outcome = refused(&json.replacen(from, to, 1), "2026-02-08", 0.5);
        assert_eq!(outcome.expect_err(to).to_string(), *sentence, "{from} -> {to}");
    }
    refused(&report(0.2), "2026-02-08", 0.5).expect("what was changed is allowed");
}

/// The stored form of a report in which something was changed.
fn stored(changes: &[(&str, &str)]) -> String {
    let mut json = report(0.2);
    for (from, to) in changes {
        assert!(json.contains(from), "{from}");
        json = json.replacen(from, to, 1);
    }
    let checked = refused(&json, "2026-02-08", 0.5).unwrap_or_else(|e| panic!("{json}: {e}"));
    String::from_utf8(checked.row().to_vec()).expect("text")
}

/// The public row of a report: the rates are 0.25 and 0.5.
fn row(json: &str) -> String {
    json.replace("\"LastWeek\":\"2026-02-01\",", "").replace("\"X\":0.2,", "\"X\":0.25,")
}

#[test]
fn what_honest_clients_cannot_know_is_left_out_and_the_rest_is_accepted() {
    let frames = "main.main:+12,+0x34\\nruntime.main:=283";
    let stack = format!("\"crash\\n{frames}\":1");
    // What a client sends, and what is stored.
    for (sent, kept) in [
        // More frames than are collected.
        ("a:+1\\nb:+1\\nc:+1\\nd:+1\\ne:+1", "\"crash\\na:+1\\nb:+1\\nc:+1\\nd:+1\":1"),
        ("a\\nb\\nc\\nd\\nrunt\\ntruncated\\n", "\"crash\\na\\nb\\nc\\nd\\ntruncated\":1"),
        ("a\\nb\\nc\\nd\\ne\\nf\\ntruncated\\n", "\"crash\\na\\nb\\nc\\nd\":1"),
        ("a\\nb\\nc\\nd\\n/home/alice", "\"crash\\na\\nb\\nc\\nd\":1"),
        // Stacks that Go has truncated.
        ("main.main:+1\\nruntime.ma\\ntruncated\\n", "\"crash\\nmain.main:+1\\ntruncated\":1"),
        ("main.main:+1\\n\\ntruncated\\n", "\"crash\\nmain.main:+1\\ntruncated\":1"),
        ("a.b:+1\\ngolang.org/x/t\u{fffd}\\ntruncated\\n", "\"crash\\na.b:+1\\ntruncated\":1"),
        // Functions that Go generates.
        (
            "type:.hash.struct { A interface {}; B string }:+0,+0x17",
            "\"crash\\ntype:.hash.struct { A interface {}; B string }:+0,+0x17\":1",
        ),
        (":=0,+0x0", "\"crash\\n.:=0,+0x0\":1"),
        // Malformed frames: the stack is left out, the rest is stored.
        ("a secret:+12", ""),
        ("/home/alice", ""),
        ("main.main:+12,+0x7fff5c0ffee0", ""),
        ("main.main:+12\\n", ""),
        ("std::vector<int, std::allocator<int> >::at:=7,+0x1", ""),
        ("main.main:+12\\n\\u202emain.main:+1", ""),
        ("", ""),
    ] {
        let expected = row(&report(0.2).replace(&stack, kept));
        assert_eq!(stored(&[(frames, sent)]), expected, "{sent}");
    }
    let counters = "\"rare\":2,\"verb:run\":3";
    for (sent, kept) in [
        ("\"rare\":0,\"verb:run\":3", "\"verb:run\":3"),
        ("\"rare\":-1,\"verb:run\":-9223372036854775808", ""),
        ("\"rare\":9223372036854775807", "\"rare\":9223372036854775807"),
    ] {
        let expected = row(&report(0.2).replace(counters, kept));
        assert_eq!(stored(&[(counters, sent)]), expected, "{sent}");
    }
    for last_week in ["2026-02-08", "2026-02-09", "9999-12-31"] {
        assert_eq!(stored(&[("2026-02-01", last_week)]), row(&report(0.2)));
    }
}

#[test]
fn stacks_that_are_equal_down_to_the_depth_are_added_up() {
    let stack = "\"crash\\nmain.main:+12,+0x34\\nruntime.main:=283\":1";
    for (sent, kept) in [
        ("\"crash\\na\\nb\\nc\\nd\\ne\":3,\"crash\\na\\nb\\nc\\nd\\nf\":4", 7),
        ("\"crash\\na\\nb\\nc\\nd\":9223372036854775807,\"crash\\na\\nb\\nc\\nd\\nf\":1", i64::MAX),
    ] {
        let kept = format!("\"crash\\na\\nb\\nc\\nd\":{kept}");
        assert_eq!(stored(&[(stack, sent)]), row(&report(0.2).replace(stack, &kept)));
    }
}

#[test]
fn a_build_for_a_platform_that_is_not_listed_is_left_out() {
    let json = report(0.2);
    let (start, rest) = json.split_once("[{").expect("a list");
    let (program, end) = rest.rsplit_once("}]").expect("a list");
    for (from, to) in [("linux", "plan9"), ("amd64", "386"), ("amd64", "")] {
        let other = program.replace(from, to);
        let both = format!("{start}[{{{other}}},{{{program}}}]{end}");
        let checked = refused(&both, "2026-02-08", 0.5).expect("taken");
        assert_eq!(std::str::from_utf8(checked.row()), Ok(row(&json).as_str()), "{to}");
        // If nothing is left, the installation still counts.
        let alone = format!("{start}[{{{other}}}]{end}");
        let checked = refused(&alone, "2026-02-08", 0.5).expect("taken");
        let expected = row(&format!("{start}null{end}"));
        assert_eq!(std::str::from_utf8(checked.row()), Ok(expected.as_str()), "{to}");
        // What Go's client filters is refused there, too.
        let foreign = alone.replace("verb:run", "verb:other");
        let refusal = refused(&foreign, "2026-02-08", 0.5).expect_err("foreign");
        assert!(matches!(refusal, NotAccepted::Refused(Refusal::UnknownInProgram { .. })));
    }
}

#[test]
fn a_build_that_is_listed_twice_is_refused() {
    let json = report(0.2);
    let (start, rest) = json.split_once("[{").expect("a list");
    let (program, end) = rest.rsplit_once("}]").expect("a list");
    let twice = format!("{start}[{{{program}}},{{{program}}}]{end}");
    let refusal = refused(&twice, "2026-02-08", 0.5).expect_err("twice");
    let sentence =
        "program \"example.org/p\" is listed twice with the same version, toolchain and platform";
    assert_eq!(refusal.to_string(), sentence);
}

#[test]
fn a_report_without_programs_is_allowed() {
    let json = r#"{"Week":"2026-02-08","LastWeek":"","X":0.5,"Programs":null,"Config":"v0.1.0"}"#;
    refused(json, "2026-02-08", 0.5).expect("allowed");
}

#[test]
fn a_config_that_samples_nothing_allows_nothing() {
    let refusal = refused(&report(0.25), "2026-02-08", 0.0).expect_err("not sampled");
    assert_eq!(refusal.to_string(), "X is 0.25, above the sample rate 0 of config v0.1.0");
}

#[test]
fn weeks_are_taken_for_28_days_and_not_before_they_end() {
    let config = LoggedConfig::new(ModuleVersion::FIRST, &config(1.0));
    let at = |week: &str, now: &str| {
        let json = report(0.2).replace("2026-02-08", week).replace("2026-02-01", "2000-01-01");
        let report = Report::decode(json.as_bytes()).expect("a report");
        let checked = check(&report, report.week, &config, now.parse().expect("a time"));
        checked.map(drop).map_err(|not_taken| not_taken.to_string())
    };
    let future = || Err("the week 2026-02-08 is more than 7 days in the future".to_owned());
    let not_ended = || {
        let said = "the week 2026-02-08 has not ended yet; send the report again when it has";
        Err(said.to_owned())
    };
    let too_old = || Err("the week 2026-02-08 is more than 28 days old".to_owned());
    for (now, expected) in [
        ("2026-01-31T23:59:59Z", future()),
        ("2026-02-01T00:00:00Z", not_ended()),
        ("2026-02-07T12:00:00Z", not_ended()),
        ("2026-02-07T22:59:59Z", not_ended()),
        // A client's clock may be an hour ahead.
        ("2026-02-07T23:00:00Z", Ok(())),
        ("2026-02-08T00:00:00Z", Ok(())),
        ("2026-03-08T23:59:59Z", Ok(())),
        ("2026-03-09T00:00:00Z", too_old()),
    ] {
        assert_eq!(at("2026-02-08", now), expected, "{now}");
    }
    // Weeks end on any day, since each machine chooses its own.
    for day in 2..9 {
        assert_eq!(at(&format!("2026-02-0{day}"), "2026-02-10T12:00:00Z"), Ok(()));
    }
    // The ends of the calendar.
    assert!(at("9999-12-30", "9999-12-30T22:00:00Z").is_ok());
    assert!(at("1970-01-01", "2026-02-10T00:00:00Z").is_err());
}

#[test]
fn a_client_learns_when_its_week_will_be_accepted() {
    let json = report(0.2);
    let report = Report::decode(json.as_bytes()).expect("a report");
    for (now, seconds) in [
        ("2026-02-07T22:00:00Z", 3600),
        ("2026-02-01T00:00:00Z", 7 * 86_400 - 3600),
        ("2026-02-07T22:59:59Z", 60),
    ] {
        let not_taken = check_week(&report, report.week, now.parse().expect("a time"));
        let Err(NotAccepted::Unavailable(reason)) = not_taken else {
            panic!("{now}: {not_taken:?}")
        };
        assert_eq!(reason.retry_after(), seconds, "{now}");
    }
}
