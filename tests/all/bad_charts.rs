//! Every mistake in a charts folder gets one clear message with its location and how to fix it, and all
//! the mistakes are shown at once.

#![cfg(feature = "server")]

use candor::charts::diagnostic::Severity;
use candor::charts::{Definitions, Diagnostics, Sources, parse};

const COLLECTION: &str = "module = 'example.org/config'\ngoos = ['linux']\ngoarch = ['amd64']\n\
                          toolchains = ['go1.26.8']\n";
const PROGRAM: &str =
    "program = 'example.org/p'\nmodule = 'example.org/p'\nversions = ['v1.0.0']\n";
const CHART: &str = "[[chart]]\ntitle = 'Clients'\nissue = ['https://example.org/1']\n\
                     type = 'partition'\nprogram = 'example.org/p'\ncounter = 'p/client:{a,b}'\n";

/// Checks a good folder with some files replaced, added, or (if empty) left out.
fn check(changes: &[(&str, &[u8])]) -> Result<Definitions, Diagnostics> {
    let mut files = vec![
        ("collection.toml".to_owned(), COLLECTION.as_bytes().to_vec()),
        ("programs/p.toml".to_owned(), PROGRAM.as_bytes().to_vec()),
        ("charts/p.toml".to_owned(), CHART.as_bytes().to_vec()),
    ];
    files.retain(|(path, _)| !changes.iter().any(|(changed, _)| changed == path));
    let kept = changes.iter().filter(|(_, bytes)| !bytes.is_empty());
    files.extend(kept.map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())));
    parse(&Sources::from_files(files))
}

/// The only mistake found, as `file:line:column message`.
fn mistake(changes: &[(&str, &[u8])]) -> String {
    let errors = check(changes).expect_err("a mistake");
    let mut found = errors.iter().filter(|one| one.severity == Severity::Error);
    let (Some(one), None) = (found.next(), found.next()) else { panic!("not one:\n{errors}") };
    assert!(one.help.is_some(), "there is no way out: {one}");
    let place = |number: Option<u32>| number.map_or("-".into(), |number| number.to_string());
    format!("{}:{}:{} {}", one.file, place(one.line), place(one.column), one.message)
}

#[test]
fn a_good_folder_has_no_mistakes() {
    let definitions = check(&[]).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(definitions.charts.len(), 1);
    assert_eq!(definitions.warnings, []);
    let place = &definitions.charts[0].counter.location;
    assert_eq!(place.to_string(), "charts/p.toml:6:11");
}

#[test]
fn a_mistake_in_a_chart_is_shown_where_it_is() {
    // What is replaced in the good chart, the replacement, and the message.
    let cases = [
        ("title = 'Clients'\n", "", "1:1 there is no `title`"),
        ("issue = ['https://example.org/1']\n", "", "1:1 there is no `issue`"),
        ("type = 'partition'\n", "", "1:1 there is no `type`"),
        ("program = 'example.org/p'\n", "", "1:1 there is no `program`"),
        ("counter = 'p/client:{a,b}'\n", "", "1:1 there is no `counter`"),
        ("title = 'Clients'", "title = 7", "2:9 `title` must be a string, not a whole number"),
        ("title = 'Clients'", "title = ' '", "2:9 the title is empty"),
        ("title = 'Clients'", "title = \"a\\nb\"", "2:9 the title has a line break"),
        ("title = 'Clients'", "titel = 'x'\ntitle = 'y'", "2:1 unknown key `titel`"),
        ("['https://example.org/1']", "[]", "3:9 `issue` is empty"),
        ("['https://example.org/1']", "'https://example.org/1'", "3:9 `issue` must be an array"),
        ("['https://example.org/1']", "['#1']", "3:10 \"#1\" is not a link"),
        ("['https://example.org/1']", "[7]", "3:10 `issue` must hold strings"),
        ("['https://example.org/1']", "['https://a.b', 'https://a.b']", "3:25 `issue` lists"),
        ("'partition'", "'pie'", "4:8 there is no chart type \"pie\""),
        ("'partition'", "'stack'", "1:1 a stack chart has no `depth`"),
        ("'partition'", "'stack'\ndepth = 0", "5:9 `depth` must be a whole number from 1 to 128"),
        ("'partition'", "'stack'\ndepth = 129", "5:9 `depth` must be a whole number from 1 to 128"),
        ("'partition'", "'stack'\ndepth = -1", "5:9 `depth` must be a whole number from 1 to 128"),
        ("'partition'", "'partition'\ndepth = 9", "5:9 only stack charts have `depth`"),
        (
            "'partition'",
            "'ratio'\nover='p/x'\npackages = ['p']",
            "6:12 only stack charts have `packages`",
        ),
        ("'partition'", "'stack'\ndepth = 9\npackages = 'p'", "6:12 `packages` must be an array"),
        ("'partition'", "'stack'\ndepth = 9\npackages = []", "6:12 `packages` is empty"),
        ("'partition'", "'stack'\ndepth = 9\npackages = ['a//b']", "6:13 \"a//b\" is not a path"),
        ("'partition'", "'stack'\ndepth = 9\npackages = ['a::b']", "6:13 \"a::b\" is not a path"),
        (
            "'partition'",
            "'stack'\ndepth = 9\npackages = ['a', 'a']",
            "6:18 `packages` lists \"a\" twice",
        ),
        ("'partition'", "'ratio'", "1:1 a ratio chart has no `over`"),
        ("'partition'", "'partition'\nover = 'x'", "5:8 only ratio charts have `over`"),
        ("'partition'", "'ratio'\nover = 'x:{a,b}'", "5:8 `over` must be one counter"),
        (
            "'partition'",
            "'ratio'\nover = 'p/client:a'",
            "5:8 the chart divides `p/client:a` by itself",
        ),
        ("'example.org/p'", "'example.org/q'", "5:11 there is no file for the program"),
        ("'example.org/p'", "'example.org//p'", "5:11 \"example.org//p\" is not a path"),
        ("'p/client:{a,b}'", "'p/client:{}'", "6:21 the group is empty"),
        ("'p/client:{a,b}'", "'p/client:{a,{b}}'", "6:24 groups do not nest"),
        ("'p/client:{a,b}'", "'p/client:{a,b'", "6:21 the group is never closed"),
        ("'p/client:{a,b}'", "'p/client:{a,b,}'", "6:26 there is no bucket between"),
        ("'p/client:{a,b}'", "'p/client:{a,b,a}'", "6:26 the bucket `a` is listed twice"),
        (
            "'p/client:{a,b}'",
            "\"\"\"p/client:{\\\n  a,\\\n  b c}\"\"\"",
            "8:4 a counter name cannot hold a space",
        ),
        ("'p/client:{a,b}'", "'c'\nversion = '1.0.0'", "7:11 \"1.0.0\" is not a semantic version"),
        ("'p/client:{a,b}'", "'c'\nversion = 'v1.0'", "7:11 \"v1.0\" is not a semantic version"),
        (
            "'p/client:{a,b}'",
            "'c'\nversion = 'go1.26'",
            "7:11 \"go1.26\" is not a semantic version",
        ),
        ("'p/client:{a,b}'", "'c'\nerror = 1", "7:9 `error` must lie between 0 and 1"),
        ("'p/client:{a,b}'", "'c'\nerror = nan", "7:9 `error` must lie between 0 and 1"),
        ("'p/client:{a,b}'", "'c'\nerror = 0.1", "7:9 an `error` means nothing without"),
        ("'p/client:{a,b}'", "'c'\nexpires = '2027-06-30'", "7:11 `expires` must be a date"),
        (
            "'p/client:{a,b}'",
            "'c'\nexpires = 2027-06-30T00:00:00Z",
            "7:11 `expires` must be a date",
        ),
        ("[[chart]]", "[chart]", "1:1 `chart` is not a list"),
        ("[[chart]]", "[[charts]]", "1:3 unknown key `charts`"),
        (
            "title = 'Clients'",
            "title = 'Clients\u{202e}'",
            "2:17 the line has an invisible character",
        ),
        ("title = 'Clients'", "title = 'Clients", "2:17 the TOML is malformed: "),
        (
            "title = 'Clients'",
            "title = 'a'\ntitle = 'b'",
            "3:1 the TOML is malformed: duplicate key",
        ),
    ];
    for (good, bad, expected) in cases {
        assert!(CHART.contains(good), "{good}");
        let found = mistake(&[("charts/p.toml", CHART.replacen(good, bad, 1).as_bytes())]);
        let expected = format!("charts/p.toml:{expected}");
        assert!(found.starts_with(&expected), "{bad:?}\n   found: {found}\nexpected: {expected}");
    }
}

#[test]
fn a_mistake_in_a_program_is_shown_where_it_is() {
    let cases = [
        ("module = 'example.org/p'\n", "", "1:11 there is no `module`"),
        (
            "module = 'example.org/p'",
            "module = 'example.org/pp'",
            "2:10 the module `example.org/pp` is not a prefix",
        ),
        (
            "module = 'example.org/p'",
            "module = 'example'",
            "2:10 the module `example` is not a prefix",
        ),
        ("versions = ['v1.0.0']", "", "1:11 no version of this program may report"),
        ("versions = ['v1.0.0']", "versions = []", "3:12 `versions` is empty"),
        ("versions = ['v1.0.0']", "versions = ['one']", "3:13 \"one\" is not a semantic version"),
        (
            "versions = ['v1.0.0']",
            "versions = ['v1.0.0', 'v1.0.0']",
            "3:23 `versions` lists \"v1.0.0\" twice",
        ),
        (
            "versions = ['v1.0.0']",
            "version = ['v1.0.0']\n[padding]\nreleases = 1\nmajor = 0\nminor = 0\npatch = 0\nprerelease = 0",
            "3:1 unknown key `version`",
        ),
        (
            "versions = ['v1.0.0']",
            "versions = ['v1.0.0']\npopulation = 0",
            "4:14 `population` must be",
        ),
        (
            "versions = ['v1.0.0']",
            "versions = ['v1.0.0']\npopulation = 1.5",
            "4:14 `population` must be",
        ),
        (
            "versions = ['v1.0.0']",
            "versions = ['v1.0.0']\npadding = 3",
            "4:11 `padding` must be a table",
        ),
        (
            "versions = ['v1.0.0']",
            "[padding]\nreleases = 1\nmajor = 0\nminor = 0\nprerelease = 0",
            "3:1 there is no `patch`",
        ),
        (
            "versions = ['v1.0.0']",
            "[padding]\nreleases = 1\nmajor = 0\nminor = 0\npatch = 99\nprerelease = 0",
            "7:9 `patch` must be",
        ),
    ];
    for (good, bad, expected) in cases {
        assert!(PROGRAM.contains(good), "{good}");
        let found = mistake(&[("programs/p.toml", PROGRAM.replacen(good, bad, 1).as_bytes())]);
        let expected = format!("programs/p.toml:{expected}");
        assert!(found.starts_with(&expected), "{bad:?}\n   found: {found}\nexpected: {expected}");
    }
}

#[test]
fn a_mistake_in_the_collection_is_shown_where_it_is() {
    let cases = [
        ("module = 'example.org/config'\n", "", "1:1 there is no `module`"),
        (
            "'example.org/config'",
            "'example.org/../config'",
            "1:10 \"example.org/../config\" is not a path",
        ),
        ("goos = ['linux']", "goos = []", "2:8 `goos` is empty"),
        ("goos = ['linux']", "goos = ['Linux ']", "2:9 \"Linux \" cannot be a name here"),
        ("goos = ['linux']", "goos = ['linux', 'linux']", "2:18 `goos` lists \"linux\" twice"),
        ("['go1.26.8']", "['go1.26.8']\n[sampling]\nerror = 0.1", "5:1 there is no `confidence`"),
        (
            "['go1.26.8']",
            "['go1.26.8']\n[sampling]\nerror = 0.1\nconfidence = 1.0",
            "7:14 `confidence` must lie",
        ),
        (
            "['go1.26.8']",
            "['go1.26.8']\n[sampling]\nerror = 0.1\nconfidense = 0.9\nconfidence = 0.9",
            "7:1 unknown key `confidense`",
        ),
    ];
    for (good, bad, expected) in cases {
        assert!(COLLECTION.contains(good), "{good}");
        let found = mistake(&[("collection.toml", COLLECTION.replacen(good, bad, 1).as_bytes())]);
        let expected = format!("collection.toml:{expected}");
        assert!(found.starts_with(&expected), "{bad:?}\n   found: {found}\nexpected: {expected}");
    }
}

#[test]
fn a_mistake_between_files_names_both() {
    let more = |counter: &str, kind: &str| {
        CHART.replace("'p/client:{a,b}'", counter).replace("'partition'", kind)
    };
    let cases = [
        (
            ("charts/q.toml", more("'p/client:{c,b}'", "'partition'")),
            "charts/q.toml:6:24 the counter `p/client:b` of `example.org/p` is collected twice: here and at charts/p.toml:6:11",
        ),
        (
            ("charts/q.toml", more("\"\"\"p/client:{\\\n    c,\\\n    b}\"\"\"", "'histogram'")),
            "charts/q.toml:8:5 the counter `p/client:b` of",
        ),
        (
            ("charts/q.toml", more("'p/client:a'", "'stack'\ndepth = 4")),
            "charts/q.toml:7:11 the counter `p/client:a` of",
        ),
        (
            ("charts/a.toml", more("'p/client:{b,a}'", "'partition'")),
            "charts/p.toml:6:22 the counter `p/client:a` (and 1 more) of",
        ),
        (
            (
                "charts/q.toml",
                more("'r'", "'ratio'\nover = 's'") + &more("'s'", "'stack'\ndepth = 4"),
            ),
            "charts/q.toml:5:8 `s` is a stack counter (see charts/q.toml:14:11)",
        ),
        (
            ("programs/q.toml", PROGRAM.to_owned()),
            "programs/q.toml:1:11 the program `example.org/p` has two files: this and programs/p.toml",
        ),
        (("extra.toml", "a = 1".to_owned()), "extra.toml:-:- this file does not belong"),
        (("chart/p.toml", CHART.to_owned()), "chart/p.toml:-:- this file does not belong"),
        (("collection.toml", String::new()), "collection.toml:-:- the file is missing"),
        (("charts/p.toml", String::new()), "charts:-:- there are no chart definitions"),
        (("charts/p.toml", "# none\n".to_owned()), "charts:-:- no file has a chart definition"),
    ];
    for ((path, text), expected) in cases {
        let found = mistake(&[(path, text.as_bytes())]);
        assert!(found.starts_with(expected), "   found: {found}\nexpected: {expected}");
    }
}

#[test]
fn a_program_of_the_toolchain_has_gos_versions_and_no_padding() {
    let program = |keys: &str| format!("program = 'cmd/p'\n{keys}");
    let chart = CHART.replace("'example.org/p'", "'cmd/p'\nversion = 'go1.26'");
    let check = |keys: &str, chart: &str| {
        mistake(&[
            ("programs/p.toml", program(keys).as_bytes()),
            ("charts/p.toml", chart.as_bytes()),
        ])
    };
    let padding = "[padding]\nreleases = 1\nmajor = 0\nminor = 0\npatch = 0\nprerelease = 0";
    assert!(check(padding, &chart).contains("2:1 a `cmd/...` program has no `[padding]`"));
    let invalid = chart.replace("go1.26", "go1.9.2rc2");
    assert!(check("", &invalid).contains("\"go1.9.2rc2\" is not a Go version"));
    assert!(check("versions = ['v1.0.0']", &chart).contains("\"v1.0.0\" is not a Go version"));
}

#[test]
fn files_that_nobody_can_review_are_refused() {
    let long = format!("# {}\n{CHART}", "x".repeat(10 << 20));
    let found = mistake(&[("charts/p.toml", long.as_bytes())]);
    assert!(found.starts_with("charts/p.toml:1:1 the line has 10485762 bytes"), "{found}");

    let mut bytes = CHART.as_bytes().to_vec();
    bytes[19] = 0xff;
    let found = mistake(&[("charts/p.toml", &bytes)]);
    let expected = "charts/p.toml:2:10 the file is not UTF-8: byte 20 of the file is 0xff";
    assert_eq!(found, expected);
}

#[test]
fn a_flood_of_errors_is_cut_short() {
    let flood = "=\n".repeat(100_000);
    let errors = check(&[("charts/p.toml", flood.as_bytes())]).expect_err("refused");
    assert!(errors.iter().count() <= 110, "{}", errors.iter().count());
    assert!(errors.to_string().contains("more syntax errors in this file are not shown"));

    let flood = "[[chart]]\n".repeat(10_000);
    let errors = check(&[("charts/p.toml", flood.as_bytes())]).expect_err("refused");
    assert!(errors.iter().count() <= 1010, "{}", errors.iter().count());
    assert!(
        errors
            .to_string()
            .contains("49000 more mistakes are not shown, the first of them in this file")
    );
}

#[test]
fn all_the_mistakes_of_all_the_files_are_shown_together() {
    let charts =
        format!("{CHART}\n[[chart]]\ntitle = \nissue = 7\nexpires = 2027-13-01\nkolor = 1\n");
    let errors = check(&[
        ("collection.toml", COLLECTION.replace("'linux'", "'linux', 'linux'").as_bytes()),
        ("programs/p.toml", PROGRAM.replace("v1.0.0", "1").as_bytes()),
        ("charts/p.toml", charts.as_bytes()),
        ("charts/q.toml", CHART.as_bytes()),
    ])
    .expect_err("mistakes");
    let shown = errors.to_string();
    let expected = "error: `issue` must be an array of strings, not a whole number
  --> charts/p.toml:10:9
   |
10 | issue = 7
   |         ^
help: write it like `issue = [\"https://go.dev/issue/61038\"]`";
    assert!(shown.contains(expected), "{shown}");
    let places: Vec<_> = errors.iter().map(|e| (e.file.as_str(), e.line.unwrap_or(0))).collect();
    let expected = [
        ("charts/p.toml", 9),
        ("charts/p.toml", 10),
        ("charts/p.toml", 11),
        ("charts/p.toml", 12),
        ("charts/q.toml", 6),
        ("collection.toml", 2),
        ("programs/p.toml", 3),
    ];
    assert_eq!(places, expected, "{shown}");
}

#[test]
fn a_chart_that_counts_no_listed_version_gets_a_warning() {
    let chart = CHART.replace("type", "version = 'v2.0.0'\ntype");
    let definitions = check(&[("charts/p.toml", chart.as_bytes())]).expect("only a warning");
    let [warning] = definitions.warnings.as_slice() else { panic!("{:?}", definitions.warnings) };
    let expected = "warning[unmatched-version]: no version that may report is v2.0.0 or later\n --> charts/p.toml:4:11";
    assert!(warning.to_string().starts_with(expected), "{warning}");
}

#[test]
fn the_order_of_the_files_does_not_matter() {
    let definitions = check(&[]).expect("good");
    let mut files: Vec<_> = ["charts/p.toml", "programs/p.toml", "collection.toml"]
        .into_iter()
        .zip([CHART, PROGRAM, COLLECTION])
        .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
        .collect();
    for _ in 0..3 {
        files.rotate_left(1);
        assert_eq!(parse(&Sources::from_files(files.clone())).expect("good"), definitions);
    }
}

#[test]
fn a_stack_chart_that_may_name_any_function_gets_a_warning() {
    let warnings = |line: &str| {
        let chart = CHART.replace("'partition'", &format!("'stack'\ndepth = 9\n{line}"));
        let definitions = check(&[("charts/p.toml", chart.as_bytes())]);
        let definitions = definitions.unwrap_or_else(|errors| panic!("{line}: {errors}"));
        let shown = |one: &candor::charts::Diagnostic| {
            assert!(one.help.is_some(), "{one}");
            format!("{}:{} {}", one.line.unwrap_or(0), one.column.unwrap_or(0), one.message)
        };
        definitions.warnings.iter().map(shown).collect::<Vec<_>>()
    };
    let [none] = warnings("").try_into().expect("one warning");
    assert!(none.starts_with("5:9 the chart has no `packages`"), "{none}");
    for own in ["example.org/p", "example.org", "p", "std', 'example.org/p"] {
        assert_eq!(warnings(&format!("packages = ['{own}']\n")), Vec::<String>::new(), "{own}");
    }
    for other in ["example.org/p/internal", "example.org/pp", "other.example/p", "std"] {
        let [found] = warnings(&format!("packages = ['{other}']\n")).try_into().expect("one");
        assert_eq!(
            found, "6:13 `packages` does not cover `example.org/p`, the program's own",
            "{other}"
        );
    }
}

#[test]
fn a_mistake_in_the_retention_is_shown_where_it_is() {
    let cases = [
        ("stack_minimum = 0", "6:17 `stack_minimum` must be a whole number from 1 to"),
        ("stack_minimum = '3'", "6:17 `stack_minimum` must be a whole number, not a string"),
        ("stack_minimum = 1e3", "6:17 `stack_minimum` must be a whole number, not a number"),
        (
            "stack_minimum = 99999999999999999999",
            "6:17 `stack_minimum` must be a whole number from",
        ),
        ("revoked = 'v0.3.0'", "6:11 `revoked` must be an array of strings, not a string"),
        ("revoked = []", "6:11 `revoked` is empty"),
        ("revoked = ['v0.3.0', 'v0.3.0']", "6:22 `revoked` lists \"v0.3.0\" twice"),
        ("revoked = ['v0.3.1']", "6:12 \"v0.3.1\" is not a config's version"),
        ("revoked = ['v0.0.0']", "6:12 \"v0.0.0\" is not a config's version"),
        ("revoked = ['v0.03.0']", "6:12 \"v0.03.0\" is not a config's version"),
        ("revoked = ['v0.+3.0']", "6:12 \"v0.+3.0\" is not a config's version"),
        ("revoked = ['0.3.0']", "6:12 \"0.3.0\" is not a config's version"),
        ("revoked = ['v0.9223372036854775808.0']", "6:12 \"v0.9223372036854775808.0\" is not a"),
        ("revoke = ['v0.3.0']", "6:1 unknown key `revoke`"),
    ];
    for (line, expected) in cases {
        let collection = format!("{COLLECTION}[retention]\n{line}\n");
        let found = mistake(&[("collection.toml", collection.as_bytes())]);
        let expected = format!("collection.toml:{expected}");
        assert!(found.starts_with(&expected), "{line}: {found}");
    }
    let not_a_table = format!("{COLLECTION}retention = 3\n");
    let found = mistake(&[("collection.toml", not_a_table.as_bytes())]);
    assert_eq!(found, "collection.toml:5:13 `retention` must be a table, not a whole number");
}

#[test]
fn publishing_stacks_of_a_single_report_gets_a_warning() {
    let with = |line: &str| {
        let collection = format!("{COLLECTION}[retention]\n{line}\n");
        let definitions = check(&[("collection.toml", collection.as_bytes())]);
        definitions.unwrap_or_else(|errors| panic!("{line}: {errors}"))
    };
    let open = with("stack_minimum = 1\nrevoked = ['v0.3.0', 'v0.12.0']");
    let [warning] = open.warnings.as_slice() else { panic!("not one: {:?}", open.warnings) };
    assert_eq!(
        (warning.file.as_str(), warning.line, warning.column),
        ("collection.toml", Some(6), Some(17))
    );
    assert!(
        warning.message.contains("every stack is public") && warning.help.is_some(),
        "{warning}"
    );
    let retention = &open.collection.retention;
    let revoked: Vec<u64> = retention.revoked.iter().map(|number| number.get()).collect();
    assert_eq!(
        (retention.stack_minimum.as_ref().map(|minimum| minimum.get()), revoked),
        (Some(1), vec![3, 12])
    );
    for (line, minimum) in
        [("", None), ("stack_minimum = 2", Some(2)), ("stack_minimum = 3", Some(3))]
    {
        let settings = with(line);
        let found =
            settings.collection.retention.stack_minimum.as_ref().map(|minimum| minimum.get());
        assert_eq!((found, settings.warnings), (minimum, vec![]), "{line}");
    }
}
