use super::*;
use crate::charts::parse;

const COLLECTION: &str = "module = 'example.org/config'\ngoos = ['linux']\ngoarch = ['amd64']\n\
                          toolchains = ['go1.26.0', 'go1.26.1', 'go1.26.2']\n";
const PROGRAM: &str =
    "program = 'example.org/p'\nmodule = 'example.org/p'\nversions = ['v1.0.0']\n";

/// What is found in files; without charts, beside one that is as it should be.
fn warnings(collection: &str, program: &str, charts: &str) -> Vec<Diagnostic> {
    let name = program.split('\'').nth(1).expect("a program");
    let plain = format!(
        "[[chart]]\ntitle = 'How often it starts'\nissue = ['https://example.org/1']\ntype = 'partition'\n\
         program = '{name}'\ncounter = 'starts'\n"
    );
    let charts = if charts.is_empty() { &plain } else { charts };
    let files =
        [("collection.toml", collection), ("programs/p.toml", program), ("charts/p.toml", charts)];
    let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
    let sources = Sources::from_files(files.into());
    let definitions = parse(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    lint(&definitions, &sources, &BTreeSet::new(), jiff::civil::date(2026, 2, 10)).warnings
}

/// The codes and lines that are found in files; without charts, beside one that is as it should be.
fn found(collection: &str, program: &str, charts: &str) -> Vec<(&'static str, u32)> {
    warnings(collection, program, charts)
        .iter()
        .map(|one| (one.code.unwrap_or("none"), one.line.unwrap_or(0)))
        .collect()
}

/// What is found in one chart; its counter is on line 6.
fn in_chart(title: &str, kind: &str, counter: &str) -> Vec<&'static str> {
    let chart = format!(
        "[[chart]]\ntitle = {title:?}\nissue = ['https://example.org/1']\ntype = '{kind}'\n\
         program = 'example.org/p'\ncounter = {counter:?}\n"
    );
    found(COLLECTION, PROGRAM, &chart).into_iter().map(|(code, _)| code).collect()
}

#[test]
fn titles_that_say_nothing_are_found() {
    for (title, counter) in
        [("Test", "a"), ("The metrics", "a"), ("new", "a"), ("editor", "editor"), ("x!", "a")]
    {
        assert_eq!(in_chart(title, "histogram", counter), ["vague-title"], "{title}");
    }
    for title in ["Editor distribution", "Which editors are used?", "New clients", "cmd/go usage"] {
        assert_eq!(in_chart(title, "histogram", "a"), [""; 0], "{title}");
    }
}

#[test]
fn partitions_that_leave_answers_out_are_found() {
    for counter in ["e:{vim,emacs,helix}", "e:{a,b,c,d}"] {
        assert_eq!(in_chart("Editors", "partition", counter), ["no-other-bucket"], "{counter}");
    }
    // On or off, an answer for the rest, numbers, no group, and buckets in order are whole.
    for counter in [
        "e:{on,off}",
        "e:{vim,emacs,other}",
        "e:{vim,emacs,not-set:unknown}",
        "e:{1,10,100}",
        "e",
        "e:a",
    ] {
        assert_eq!(in_chart("Editors", "partition", counter), [""; 0], "{counter}");
    }
    assert_eq!(in_chart("Editors", "histogram", "e:{a,b,c}"), [""; 0]);
}

#[test]
fn buckets_that_could_point_at_a_person_are_found() {
    for bucket in ["jane@example.org", "/home/jane", "*"] {
        let counter = format!("c:{{{bucket},other}}");
        assert_eq!(
            in_chart("Where it runs", "partition", &counter),
            ["personal-buckets"],
            "{bucket}"
        );
    }
    for bucket in ["linux-amd64", "v1.2.3", "deadbeef", "go1.26.0", "1000000", "a-b-c-d-e"] {
        let counter = format!("c:{{{bucket},other}}");
        assert_eq!(in_chart("Where it runs", "partition", &counter), [""; 0], "{bucket}");
    }
    let many: Vec<String> = (0..101).map(|number| format!("x{number}")).collect();
    let counter = format!("c:{{{}}}", many.join(","));
    assert_eq!(in_chart("Where it runs", "partition", &counter), ["many-buckets"]);
}

#[test]
fn every_bucket_that_could_is_named() {
    let chart = "[[chart]]\ntitle = 'Where it runs'\nissue = ['https://example.org/1']\ntype = 'partition'\n\
                 program = 'example.org/p'\ncounter = 'c:{j@x.org,vim,/home/j,k@x.org,other}'\n";
    let all = warnings(COLLECTION, PROGRAM, chart);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(
        all[0].message,
        "the buckets `j@x.org`, `k@x.org` each look like an e-mail address; the bucket `/home/j` looks like a path \
         on one machine"
    );
}

#[test]
fn characters_that_nobody_sees_are_found_in_every_text() {
    let chart = |title: &str, more: &str| {
        format!(
            "[[chart]]\ntitle = \"{title}\"\nissue = ['https://example.org/1']\ntype = 'partition'\n\
             program = 'example.org/p'\ncounter = 'starts'\n{more}"
        )
    };
    let hidden = |charts: &str| {
        let all = found(COLLECTION, PROGRAM, charts);
        assert!(all.iter().all(|(code, _)| *code == "hidden-character"), "{all:?}");
        all.into_iter().map(|(_, line)| line).collect::<Vec<_>>()
    };
    for c in [
        '\u{200b}',
        '\u{ad}',
        '\u{2060}',
        '\u{feff}',
        '\u{fe0f}',
        '\u{e0041}',
        '\u{e0101}',
        '\u{3164}',
        '\u{200d}',
        '\u{34f}',
        '\u{fffc}',
        '\u{e000}',
        '\u{f8ff}',
        '\u{f0000}',
        '\u{10fffd}',
    ] {
        assert_eq!(
            hidden(&chart(&format!("How often{c} it starts"), "")),
            [2],
            "{}",
            c.escape_unicode()
        );
        let described =
            chart("How often it starts", &format!("description = '''\nOne\ntwo{c}'''\n"));
        assert_eq!(hidden(&described), [7], "{}", c.escape_unicode());
        let comment = chart("How often it starts", &format!("# a note{c}\n"));
        assert_eq!(hidden(&comment), [7], "{}", c.escape_unicode());
    }
    assert_eq!(hidden(&format!("\u{feff}{}", chart("How often it starts", ""))), [1]);
    for escape in ["\\u202e", "\\u200B", "\\U000E0041", "\\ufeff", "\\u2066"] {
        assert_eq!(hidden(&chart(&format!("How often{escape} it starts"), "")), [2], "{escape}");
    }
    assert_eq!(hidden(&chart("How often it starts", "description = \"a\\u001Bb\"\n")), [7]);
    // Line ends, letters of all languages and quoted escapes are seen.
    let plain = "description = \"Café\\n日本語 \\\\u202e — “x”\"\n";
    assert_eq!(hidden(&chart("How often it starts", plain)), [0; 0]);
    // Those beside them are seen.
    let plain = "description = 'a\u{fffd}\u{f900}'\n";
    assert_eq!(hidden(&chart("How often it starts", plain)), [0; 0]);
    let comment = "# candor: allow hidden-character: an emoji\ndescription = 'a\u{fe0f}'\n";
    assert_eq!(hidden(&chart("How often it starts", comment)), [0; 0]);
}

#[test]
fn a_hidden_character_is_named_once_a_line_and_said_to_be_what_it_is() {
    let chart = |more: &str| {
        format!(
            "[[chart]]\ntitle = 'How often it starts'\nissue = ['https://example.org/1']\ntype = 'partition'\n\
             program = 'example.org/p'\ncounter = 'starts'\n{more}"
        )
    };
    let said = |more: &str| {
        let all = warnings(COLLECTION, PROGRAM, &chart(more));
        all.into_iter().map(|one| (one.line.unwrap_or(0), one.message)).collect::<Vec<_>>()
    };
    let invisible = |line| (line, "the text has an invisible character, U+200B".to_owned());
    assert_eq!(said("# one\u{200b} two\u{200b} three\u{200b}\n"), [invisible(7)]);
    assert_eq!(said("# one\u{200b}\n# two\u{200b}\n"), [invisible(7), invisible(8)]);
    assert_eq!(said("# one\u{200b}\n\n# two\u{200b} three\u{ad}\n"), [invisible(7), invisible(9)]);
    let meaningless = |code: &str, how: &str| {
        let message = format!("the text has a meaningless character, U+{code}{how}");
        [(7, message)]
    };
    assert_eq!(said("description = 'a\u{e000}'\n"), meaningless("E000", ""));
    assert_eq!(said("# \u{fffc}\n"), meaningless("FFFC", ""));
    let escaped = meaningless("FFFC", ", written as an escape");
    assert_eq!(said("description = \"a\\uFFFC\"\n"), escaped);
}

#[test]
fn padding_that_allows_what_no_go_module_has_is_found() {
    let program = |module: &str, versions: &str, major: u64, more: &str| {
        let padding = format!(
            "[padding]\nreleases = 2\nmajor = {major}\nminor = 1\npatch = 1\nprerelease = 0\n"
        );
        let program = format!(
            "program = '{module}/cmd/p'\nmodule = '{module}'\nversions = [{versions}]\n{more}\n{padding}"
        );
        warnings(COLLECTION, &program, "")
    };
    let all = program("example.org/p", "'v1.3.0'", 1, "");
    let said: Vec<_> = all.iter().map(|one| (one.code, one.line, one.message.as_str())).collect();
    let message = "this allows `v2.0.0` and one more version, which are none of this Go module: its path would end in /v2";
    assert_eq!(said, [(Some("unmatched-version"), Some(5), message)]);
    let all = program("example.org/p/v2", "'v2.3.0'", 1, "");
    let messages: Vec<_> = all.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "this allows `v3.0.0` and one more version, which are none of a module whose path ends in v2"
        ]
    );
    let allowed = "# candor: allow unmatched-version: as Go's generator has it";
    for (module, versions, major, more) in [
        ("example.org/p", "'v1.3.0'", 0, ""),
        ("example.org/p", "'v0.3.0'", 1, ""),
        ("example.org/p/v2", "'v2.3.0'", 0, ""),
        ("example.org/p", "'v1.3.0'", 1, "versions_from = 'crates:p'"),
        ("example.org/p", "'v1.3.0'", 1, allowed),
    ] {
        assert_eq!(
            program(module, versions, major, more),
            [],
            "{module} {versions} {major} {more}"
        );
    }
}

#[test]
fn one_counter_in_two_charts_is_found() {
    let chart = |title: &str, counter: &str| {
        format!(
            "[[chart]]\ntitle = '{title}'\nissue = ['https://example.org/1']\ntype = 'partition'\n\
             program = 'example.org/p'\ncounter = '{counter}'\n"
        )
    };
    let two =
        chart("Editors", "editor:{vim,other}") + &chart("More editors", "editor:{emacs,helix}");
    assert_eq!(found(COLLECTION, PROGRAM, &two), [("split-counter", 12)]);
    let apart = chart("Editors", "editor:{vim,other}") + &chart("Flags", "flag:{x,y}");
    assert_eq!(found(COLLECTION, PROGRAM, &apart), []);
}

#[test]
fn versions_that_no_program_reports_are_found() {
    let program = |module: &str, versions: &str| {
        format!("program = '{module}/cmd/p'\nmodule = '{module}'\nversions = [\n{versions}]\n")
    };
    let found = |module: &str, versions: &str| found(COLLECTION, &program(module, versions), "");
    let pseudo = "'v1.0.0',\n'v0.0.0-20260101120000-abcdefabcdef',\n'v1.2.4-0.20260101120000-abcdefabcdef',\n";
    assert_eq!(
        found("example.org/p", pseudo),
        [("unmatched-version", 5), ("unmatched-version", 6)]
    );
    assert_eq!(found("example.org/p/v2", "'v2.0.0',\n'v1.9.0',\n"), [("unmatched-version", 5)]);
    assert_eq!(
        found("example.org/p", "'v2.0.0',\n'v1.9.0',\n'v3.0.0+incompatible',\n"),
        [("unmatched-version", 4)]
    );
    assert_eq!(found("gopkg.in/yaml.v3", "'v3.0.1',\n'v2.0.0',\n"), [("unmatched-version", 5)]);
    assert_eq!(found("gopkg.in/yaml.v1", "'v1.0.0',\n'v2.0.0',\n"), [("unmatched-version", 5)]);
    // What follows a `+` is no part of a Go module's version, except in one place.
    for (module, version) in [
        ("example.org/two/v2", "v2.1.0+incompatible"),
        ("example.org/p", "v1.9.0+incompatible"),
        ("example.org/p", "v1.9.9+meta"),
        ("example.org/p", "v1.2.4-0.20260101120000-abcdefabcdef+dirty"),
        ("example.org/p", "v0.0.0-20260101120000-abcdefabcdef+incompatible"),
    ] {
        let versions = format!("'{version}',\n");
        assert_eq!(found(module, &versions), [("unmatched-version", 4)], "{version}");
    }
    // What is no Go module may have any version.
    assert_eq!(found("candor", "'v1.0.0+meta',\n"), []);
    assert_eq!(found("candor", "'v2.0.0',\n'v1.9.0',\n'v1.0.0-rc.1',\n"), []);
    for from in ["crates", "git", "hand"] {
        let versions = format!("'v2.0.0',\n'v1.9.0']\nversions_from = '{from}' # ");
        assert_eq!(found("example.org/p", &versions), [], "{from}");
    }
}

#[test]
fn a_chart_of_versions_that_no_program_has_is_found() {
    let with = |more: &str, version: &str| {
        let chart = format!(
            "[[chart]]\ntitle = 'How often it starts'\nissue = ['https://example.org/1']\ntype = 'partition'\n\
             program = 'example.org/p'\ncounter = 'starts'\nversion = '{version}'\n"
        );
        found(COLLECTION, &format!("{PROGRAM}{more}"), &chart)
    };
    let padding = "[padding]\nreleases = 2\nmajor = 0\nminor = 1\npatch = 1\nprerelease = 0\n";
    for (padding, version) in
        [("", "v1.0.1"), ("", "v9.0.0"), (padding, "v1.9.0"), (padding, "v9.0.0")]
    {
        assert_eq!(with(padding, version), [("unmatched-version", 7)], "{version}");
    }
    // A version that padding allows is expected soon.
    for (padding, version) in [("", "v1.0.0"), ("", "v0.1.0"), (padding, "v1.1.0")] {
        assert_eq!(with(padding, version), [], "{version}");
    }
}

#[test]
fn gaps_between_toolchains_are_found() {
    let with = |toolchains: &str| {
        let list = format!("toolchains = ['{}']\n", toolchains.replace(' ', "', '"));
        let head = COLLECTION.split("toolchains").next().expect("a head");
        found(&format!("{head}{list}"), PROGRAM, "")
    };
    assert_eq!(with("go1.26.0 go1.26.2 rust1.95.0"), [("missing-toolchain", 4)]);
    assert_eq!(with("go1.26.0 go1.26.1 go1.26.2 go1.25.7 rust1.95.0 rust1.96.0"), []);
    // So many are left out that it is on purpose.
    assert_eq!(with("go1.26.0 go1.26.9"), []);
    // A whole series.
    for gap in [
        "go1.24.0 go1.26.0",
        "go1.26.0 go1.24.0",
        "go1.22.0 go1.26.0",
        "rust1.94.0 rust1.96.0",
        "go1.20 go1.22.0",
        "go1.24.0 go1.25rc1 go1.26.0",
    ] {
        assert_eq!(with(gap), [("missing-toolchain", 4)], "{gap}");
    }
    for whole in [
        "go1.25.0 go1.26.0",
        "go1.20 go1.21.0",
        "go1.21.0 go1.26.0",
        "go1.26.0 go1.28rc1",
        "go1.24.0 rust1.26.0",
        "other1.2.3 other1.4.3",
        "devel go1.26.0",
    ] {
        assert_eq!(with(whole), [], "{whole}");
    }
}

#[test]
fn texts_that_a_spreadsheet_computes_are_found() {
    assert_eq!(in_chart("=HYPERLINK(1)", "histogram", "a"), ["spreadsheet-formula"]);
    assert_eq!(in_chart("@SUM of things", "histogram", "a"), ["spreadsheet-formula"]);
    assert_eq!(in_chart("Sums", "histogram", "c:{+cmd,other}"), ["spreadsheet-formula"]);
    assert_eq!(in_chart("Sums", "histogram", "c:{-1,+1,other}"), [""; 0]);
}

#[test]
fn a_comment_with_a_reason_allows_a_lint_where_it_is() {
    let with = |above_chart: &str, above: &str, beside: &str| {
        let charts = format!(
            "{above_chart}[[chart]]\ntitle = 'Editors'\nissue = ['https://example.org/1']\ntype = 'partition'\n\
             program = 'example.org/p'\n{above}counter = 'e:{{vim,emacs,helix}}'{beside}\n"
        );
        found(COLLECTION, PROGRAM, &charts)
    };
    let allow = "# candor: allow no-other-bucket: these are all that exist\n";
    assert_eq!(with("", "", ""), [("no-other-bucket", 6)]);
    for allowed in [
        with(allow, "", ""),
        with("", allow, ""),
        with("", &format!("{allow}# more words\n"), ""),
        with("", "", &format!(" {}", allow.trim_end())),
    ] {
        assert_eq!(allowed, []);
    }
    // Without a reason, of another lint, of none, and where nothing is to be allowed.
    let line = "# candor: allow no-other-bucket:\n";
    assert_eq!(with(line, "", ""), [("allow", 1), ("no-other-bucket", 7)]);
    let line = "# candor: allow vague-title: it is fine\n";
    assert_eq!(with(line, "", ""), [("allow", 1), ("no-other-bucket", 7)]);
    let line = "# candor: allow evrything: it is fine\n";
    assert_eq!(with(line, "", ""), [("allow", 1), ("no-other-bucket", 7)]);
    let program = format!("{allow}{PROGRAM}");
    assert_eq!(found(COLLECTION, &program, ""), [("allow", 1)]);
    // However it is written, what looks like one is not ignored.
    for line in [
        "#candor: allow no-other-bucket: these are all",
        "# candor:allow no-other-bucket: these are all",
        "# Candor: allow no-other-bucket: these are all",
        "# candor allow no-other-bucket: these are all",
        "# candor: alow no-other-bucket: these are all",
        "# candor: allow",
        "## candor: ignore no-other-bucket",
        "# candor: allow no-other-bucket, vague-title: these are all",
        "# candor: allow no-other-bucket",
    ] {
        assert_eq!(
            with(&format!("{line}\n"), "", ""),
            [("allow", 1), ("no-other-bucket", 7)],
            "{line}"
        );
    }
    let line = "# What Candor allows is in its book, and candor: too\n";
    assert_eq!(with(line, "", ""), [("no-other-bucket", 7)]);
}

#[test]
fn the_warning_about_packages_can_be_allowed_too() {
    let charts = |comment: &str| {
        format!(
            "{comment}[[chart]]\ntitle = 'Crashes'\nissue = ['https://example.org/1']\ntype = 'stack'\n\
             depth = 4\nprogram = 'example.org/p'\ncounter = 'crash'\n"
        )
    };
    assert_eq!(found(COLLECTION, PROGRAM, &charts("")), [("stack-packages", 5)]);
    let comment = "# candor: allow stack-packages: plugins of any package crash it\n";
    assert_eq!(found(COLLECTION, PROGRAM, &charts(comment)), []);
}

#[test]
fn every_lint_has_a_code_of_its_own_and_a_reason() {
    let codes: std::collections::BTreeSet<_> = Lint::ALL.iter().map(|lint| lint.code()).collect();
    assert_eq!(codes.len(), Lint::ALL.len());
    assert!(Lint::ALL.iter().all(|lint| lint.reason().len() > 20));
}

#[test]
fn two_charts_with_one_title_and_a_counter_beside_its_group_are_found() {
    let chart = |title: &str, counter: &str| {
        format!(
            "[[chart]]\ntitle = {title:?}\nissue = ['https://example.org/1']\ntype = 'partition'\n\
             program = 'example.org/p'\ncounter = {counter:?}\n"
        )
    };
    let charts = chart("Which editors?", "a") + &chart("which  editors", "b");
    assert_eq!(found(COLLECTION, PROGRAM, &charts), [("same-title", 8)]);
    let charts = chart("All commands", "c:{x,other}") + &chart("Commands run", "c");
    assert_eq!(found(COLLECTION, PROGRAM, &charts), [("split-counter", 12)]);
    let charts = chart("All commands", "c") + &chart("Commands run", "c:{x,other}");
    assert_eq!(found(COLLECTION, PROGRAM, &charts), [("split-counter", 12)]);
}

#[test]
fn an_end_has_a_code_that_a_comment_allows() {
    let chart = |comment: &str, day: &str| {
        format!(
            "[[chart]]\ntitle = 'How often?'\nissue = ['https://example.org/1']\ntype = 'partition'\n\
             program = 'example.org/p'\ncounter = 'a'\n{comment}expires = {day}\n"
        )
    };
    for (code, day) in [("expired", "2026-02-09"), ("expiring", "2026-02-20")] {
        assert_eq!(found(COLLECTION, PROGRAM, &chart("", day)), [(code, 7)]);
        let allowed = chart(&format!("# candor: allow {code}: it is wanted so\n"), day);
        assert_eq!(found(COLLECTION, PROGRAM, &allowed), []);
    }
}

#[test]
fn addresses_that_nobody_filled_in_are_found() {
    let collection = format!(
        "{COLLECTION}[project]\nname = 'p'\nopt_in = 'p on'\nopt_out = 'p off'\n\
         home_page = 'https://replace-me.example/p'\ncontact = 'https://replace-me.example/p/issues'\n"
    );
    let chart = "[[chart]]\ntitle = 'How often it starts'\nissue = ['https://replace-me.example/p/issues/1']\n\
                 type = 'partition'\nprogram = 'example.org/p'\ncounter = 'starts'\n";
    let expected = [("placeholder", 3), ("placeholder", 9), ("placeholder", 10)];
    let mut all = found(&collection, PROGRAM, chart);
    all.sort_unstable();
    assert_eq!(all, expected);
}

#[test]
fn names_that_no_program_reports_are_found_with_those_that_they_do() {
    let collection = |goos: &str, goarch: &str, toolchain: &str| {
        format!(
            "module = 'example.org/config'\ngoos = ['{goos}']\ngoarch = ['{goarch}']\n\
             toolchains = ['{toolchain}']\n"
        )
    };
    let chart = "[[chart]]\ntitle = 'How often it starts'\nissue = ['https://example.org/1']\n\
                 type = 'partition'\nprogram = 'example.org/p'\ncounter = 'starts'\n";
    let at = |goos: &str, goarch: &str, toolchain: &str| {
        let found = found(&collection(goos, goarch, toolchain), PROGRAM, chart);
        found
            .into_iter()
            .filter(|(code, _)| *code == "unknown-platform")
            .map(|(_, line)| line)
            .collect::<Vec<_>>()
    };
    for toolchain in
        ["go1.26.8", "go1.9.2rc2", "rust1.95.0", "rust1.96.0-beta.2", "devel", "python3.12.1"]
    {
        assert!(at("darwin", "arm64", toolchain).is_empty(), "{toolchain}");
    }
    for toolchain in ["1.95", "rust1.95", "stable", "rustc1.95.0", "rust"] {
        assert_eq!(at("linux", "amd64", toolchain), [4], "{toolchain}");
    }
    for (goos, goarch) in [("macos", "x64"), ("win", "aarch64"), ("osx", "i686"), ("beos", "z80")] {
        assert_eq!(at(goos, goarch, "rust1.95.0"), [2, 3], "{goos} {goarch}");
    }
}
