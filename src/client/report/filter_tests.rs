//! What a config lets through and what it does not, one row a rule.

use super::*;
use crate::client::report::json::Draw;
use crate::collection::CollectionConfig;

const CONFIG: &str = r#"{"GOOS":["linux"],"GOARCH":["amd64"],"GoVersion":["rust1.95.0"],
    "SampleRate":0.5,"Programs":[{"Name":"example.org/tool","Versions":["v1.0.0"],
    "Counters":[{"Name":"tool/verb:{build,run}","Rate":0.5},{"Name":"tool/rare","Rate":0.1}],
    "Stacks":[{"Name":"crash/panic","Rate":0.5,"Depth":2},{"Name":"crash/rare","Rate":0.1,
    "Depth":2}]}]}"#;

fn allowed() -> Allowed {
    Allowed::new(&CollectionConfig::from_json(CONFIG.as_bytes()).expect("a config"))
}

fn build() -> Build {
    let text = |text: &str| text.to_owned();
    Build {
        program: text("example.org/tool"),
        version: text("v1.0.0"),
        toolchain: text("rust1.95.0"),
        goos: text("linux"),
        goarch: text("amd64"),
    }
}

fn local(x: f64, build: Build, counts: &[(&str, i64)]) -> LocalReport {
    let part = |stacks: bool| {
        let of_kind = counts.iter().filter(|(name, _)| name.contains('\n') == stacks);
        of_kind.map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    LocalReport {
        week: "2026-11-22".parse().expect("a day"),
        last_week: None,
        programs: vec![ProgramReport::of(build, part(false), part(true))],
        draw: Draw::of(X::try_from(x).ok(), "v0.7.0"),
    }
}

fn filtered(local: &LocalReport) -> Filtered {
    let x = local.draw.expect("drawn").x;
    filter(local, x, &allowed(), "v0.7.0", Some("2026-11-15".parse().expect("a day")))
}

#[test]
fn a_counter_or_stack_is_sent_only_if_the_config_lists_it_at_this_x() {
    let rate = |rate: f64| Rate::new(rate).expect("a rate");
    let x = |x: f64| X::try_from(x).expect("an X");
    let over_rate = |at: f64| Some(Reason::Rate { x: x(at), rate: rate(0.1) });
    for (at, name, count, reason) in [
        (0.5, "tool/verb:build", 1, None),
        (0.5, "tool/verb:run", i64::MAX, None),
        (0.5, "tool/verb:other", 1, Some(Reason::Counter)),
        (0.5, "tool/verb", 1, Some(Reason::Counter)),
        (0.5, "tool/verb:{build,run}", 1, Some(Reason::Counter)),
        (0.5, "crash/panic", 1, Some(Reason::Counter)),
        (0.1, "tool/rare", 1, None),
        (0.100_000_1, "tool/rare", 1, over_rate(0.100_000_1)),
        (0.5, "tool/verb:build", 0, Some(Reason::Zero)),
        (0.5, "tool/verb:build", -1, Some(Reason::Zero)),
        (0.5, "crash/panic\nmain.main:+1", 1, None),
        (0.5, "crash/panic\nmain.f:+1\nmain.main:+1", 1, None),
        (0.5, "crash/panic\n/home/alice/main.rs:=1", 1, Some(Reason::Frame)),
        (0.5, "crash/panic\nmain.main:+1\nthe password is x", 1, Some(Reason::Frame)),
        (0.5, "crash/panic\n", 1, Some(Reason::Frame)),
        (0.5, "crash/other\nmain.main:+1", 1, Some(Reason::Counter)),
        (0.5, "tool/verb:build\nmain.main:+1", 1, Some(Reason::Counter)),
        (0.1, "crash/rare\nmain.main:+1", 1, None),
        (0.2, "crash/rare\nmain.main:+1", 1, over_rate(0.2)),
    ] {
        let filtered = filtered(&local(at, build(), &[(name, count)]));
        let report = filtered.report.expect("the build is sent anyway");
        assert_eq!(report.last_week.expect("a week").to_string(), "2026-11-15");
        assert_eq!(report.config, "v0.7.0");
        let [program] = &report.programs[..] else { panic!("one build: {report:?}") };
        let counts: Vec<_> = program.counters.iter().chain(&program.stacks).collect();
        match reason {
            None => assert_eq!(counts, [(&name.to_owned(), &count)], "{name}"),
            Some(_) => assert!(counts.is_empty(), "{name}"),
        }
        let withheld: Vec<_> = filtered.withheld.iter().map(|withheld| withheld.reason).collect();
        assert_eq!(withheld, reason.into_iter().collect::<Vec<_>>(), "{name} at {at}");
    }
}

#[test]
fn frames_below_the_depth_are_not_sent() {
    let sent = |counts: &[(&str, i64)]| {
        let filtered = filtered(&local(0.5, build(), counts));
        let stacks = filtered.report.expect("sent").programs.remove(0).stacks;
        (stacks.into_iter().collect::<Vec<_>>(), filtered.withheld)
    };
    let deep = ["crash/panic\na\nb\nc", "crash/panic\na\nb\n/home/alice"];
    let (stacks, withheld) = sent(&[(deep[0], 2), (deep[1], 3), ("crash/panic\na", 4)]);
    let expected = [("crash/panic\na", 4), ("crash/panic\na\nb", 5)];
    assert_eq!(stacks, expected.map(|(name, count)| (name.to_owned(), count)));
    let mut names: Vec<_> = withheld.iter().map(|w| w.name.as_deref().expect("a name")).collect();
    names.sort_unstable_by_key(|name| std::cmp::Reverse(*name));
    assert_eq!(names, deep);
    assert!(withheld.iter().all(|withheld| withheld.reason == Reason::Depth { allowed: 2 }));
    // Cut by a Go client.
    let (stacks, withheld) = sent(&[("crash/panic\n:=0,+0x0\nmain.ma\ntruncated\n", i64::MAX)]);
    assert_eq!(stacks, [("crash/panic\n.:=0,+0x0\ntruncated".to_owned(), i64::MAX)]);
    assert_eq!(withheld, []);
}

#[test]
fn a_build_is_sent_only_if_the_config_lists_all_of_it() {
    type Change = fn(&mut Build);
    let changes: [(Change, Reason); 5] = [
        (|build| build.program = "example.org/other".to_owned(), Reason::Program),
        (|build| build.version = "devel".to_owned(), Reason::Version),
        (|build| build.toolchain = "devel".to_owned(), Reason::Toolchain),
        (|build| build.goos = "plan9".to_owned(), Reason::Goos),
        (|build| build.goarch = "mips".to_owned(), Reason::Goarch),
    ];
    for (change, reason) in changes {
        let mut other = build();
        change(&mut other);
        let mut report = local(0.5, other.clone(), &[("tool/verb:build", 1)]);
        let alone = filtered(&report);
        assert_eq!(alone.report, None, "{reason}");
        let reasons: Vec<_> = alone.withheld.iter().map(|withheld| withheld.reason).collect();
        assert_eq!(reasons, [reason, Reason::NothingAsked]);
        // Beside one that is listed, it is left out.
        report.programs.extend(local(0.5, build(), &[("tool/verb:run", 2)]).programs);
        let both = filtered(&report);
        let sent = both.report.expect("one is sent");
        assert_eq!(sent.programs.len(), 1);
        assert_eq!(sent.programs[0].build(), build());
        let withheld = Withheld { build: Some(other), name: None, reason };
        assert_eq!(both.withheld, [withheld]);
    }
}

#[test]
fn a_report_is_sent_only_if_it_is_in_the_sample() {
    for (x, sent) in [(f64::EPSILON / 2.0, true), (0.5, true), (0.500_000_1, false), (1.0, false)] {
        let filtered = filtered(&local(x, build(), &[("tool/verb:build", 1)]));
        assert_eq!(filtered.report.is_some(), sent, "{x}");
        let is_withheld =
            matches!(filtered.withheld[..], [Withheld { reason: Reason::NotSampled { .. }, .. }]);
        assert_eq!(is_withheld, !sent, "{x}");
    }
    // An empty config lets nothing through.
    let empty = Allowed::default();
    let x = X::try_from(0.5).expect("an X");
    let filtered = filter(&local(0.5, build(), &[("a", 1)]), x, &empty, "v0.1.0", None);
    assert_eq!(filtered.report, None);
}
