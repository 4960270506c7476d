//! Each rule of the front door, with the sentence by which a client learns of it.

use super::*;
use crate::ingest::parse_date;
use crate::ingest::testing::{config, now, report};

fn refused(json: &str, date: &str, sample_rate: f64) -> Result<CheckedReport, Refusal> {
    let config = LoggedConfig::new(ModuleVersion::FIRST, &config(sample_rate));
    let report = Report::decode(json.as_bytes())?;
    check(&report, parse_date(date).expect("a date"), &config, now())
}

#[test]
fn an_allowed_report_is_written_anew() {
    let json = report(0.25);
    let spaced = json
        .replace(":{", " : {\n")
        .replace("\"rare\":2,\"verb:run\":3", "\"verb:run\":3, \"rare\":2");
    let checked = refused(&spaced, "2026-02-08", 1.0).expect("allowed");
    assert_eq!(std::str::from_utf8(checked.bytes()), Ok(json.as_str()));
    assert_eq!(checked.week().to_string(), "2026-02-08");
    assert_eq!(checked.oldest().to_string(), "2026-01-13");
    assert_eq!(checked.identity(), Identity::of(json.as_bytes()));
    let other = refused(&report(0.251), "2026-02-08", 1.0).expect("allowed");
    assert_ne!(other.identity(), checked.identity());
}

#[test]
fn every_rule_has_its_sentence() {
    // What is changed in a report that is allowed, to what, and what is said of it.
    let cases: &[(&str, &str, &str)] = &[
        (
            "\"2026-02-08\"",
            "\"2026-02-01\"",
            "the report is of the week 2026-02-01, but was sent to /upload/2026-02-08",
        ),
        (
            "\"2026-02-01\"",
            "\"2026-02-08\"",
            "the last week 2026-02-08 is not before the week 2026-02-08",
        ),
        ("v0.1.0", "v0.2.0", "config v0.2.0 is not in the log"),
        ("\"X\":0.2", "\"X\":0.6", "X is 0.6, over the sample rate 0.5 of config v0.1.0"),
        ("\"X\":0.2", "\"X\":0.3", "counter \"rare\" has the rate 0.25, and X is 0.3"),
        ("example.org/p", "example.org/q", "program \"example.org/q\" is not in config v0.1.0"),
        (
            "v1.2.0",
            "v1.2.1",
            "version \"v1.2.1\" of program \"example.org/p\" is not in config v0.1.0",
        ),
        ("go1.26.8", "go1.26.9", "GoVersion \"go1.26.9\" is not in config v0.1.0"),
        ("linux", "plan9", "GOOS \"plan9\" is not in config v0.1.0"),
        ("amd64", "", "GOARCH \"\" is not in config v0.1.0"),
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
        (
            "main.main:+12,+0x34\\n",
            "a:+1\\nb:+1\\nc:+1\\nd:+1\\n",
            "stack \"crash\" has 5 frames, and at most 4 are collected",
        ),
        (
            "runtime.main:=283",
            "a:+1\\nb:+1\\nc:+1\\nrunt\\ntruncated\\n",
            "stack \"crash\" has 5 frames, and at most 4 are collected",
        ),
        (
            "main.main:+12",
            "a secret:+12",
            "stack \"crash\" has the frame \"a secret:+12,+0x34\", which is not of the form \
             function:+line",
        ),
        (
            "=283",
            "=283\\n",
            "stack \"crash\" has the frame \"\", which is not of the form function:+line",
        ),
        (
            "runtime.main:=283",
            "/home/alice\\ntruncated\\n",
            "stack \"crash\" has the frame \"/home/alice\", which is not of the form function:+line",
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

#[test]
fn a_stack_that_go_has_cut_is_allowed() {
    for frames in ["main.main:+1\\nruntime.ma", "main.main:+1\\n", "golang.org/x/t\u{fffd}"] {
        let json = report(0.2).replace(
            "main.main:+12,+0x34\\nruntime.main:=283",
            &format!("{frames}\\ntruncated\\n"),
        );
        refused(&json, "2026-02-08", 0.5).unwrap_or_else(|e| panic!("{frames}: {e}"));
    }
}

#[test]
fn one_build_reports_once() {
    let json = report(0.2);
    let (start, rest) = json.split_once("[{").expect("a list");
    let (program, end) = rest.rsplit_once("}]").expect("a list");
    let twice = format!("{start}[{{{program}}},{{{program}}}]{end}");
    let refusal = refused(&twice, "2026-02-08", 0.5).expect_err("twice");
    let sentence =
        "program \"example.org/p\" is there twice in one version, toolchain and platform";
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
    assert_eq!(refusal.to_string(), "X is 0.25, over the sample rate 0 of config v0.1.0");
}

#[test]
fn weeks_are_taken_for_28_days_and_not_before_they_end() {
    let config = LoggedConfig::new(ModuleVersion::FIRST, &config(1.0));
    let at = |week: &str, now: &str| {
        let json = report(0.2).replace("2026-02-08", week).replace("2026-02-01", "2000-01-01");
        let report = Report::decode(json.as_bytes()).expect("a report");
        let checked = check(&report, report.week, &config, now.parse().expect("a time"));
        checked.map(drop).map_err(|refusal| refusal.to_string())
    };
    let future = || Err("the week 2026-02-08 is in the future".to_owned());
    let too_old = || Err("the week 2026-02-08 is over 28 days old".to_owned());
    for (now, expected) in [
        ("2026-02-07T12:00:00Z", future()),
        ("2026-02-07T22:59:59Z", future()),
        // A client's clock may be an hour ahead.
        ("2026-02-07T23:00:00Z", Ok(())),
        ("2026-02-08T00:00:00Z", Ok(())),
        ("2026-03-08T23:59:59Z", Ok(())),
        ("2026-03-09T00:00:00Z", too_old()),
    ] {
        assert_eq!(at("2026-02-08", now), expected, "{now}");
    }
    // The ends of the calendar.
    assert!(at("9999-12-30", "9999-12-30T22:00:00Z").is_ok());
    assert!(at("0000-01-01", "2026-02-10T00:00:00Z").is_err());
}
