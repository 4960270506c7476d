//! What a proposal means, who asked for each string, and what changed between published configs.

#![cfg(feature = "server")]

use crate::support::go_site::GoSite;
use crate::support::{self, Charts, Deployment, candor, chart, json, refused, succeed};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The comment for a proposal.
fn comment(charts: &Charts, base: &str) -> String {
    let mut check = candor();
    check.arg("check").arg(charts.path()).args(["--base", base, "--format", "markdown"]);
    succeed(check.args(["--as-of", "2026-02-10"]))
}

fn sampled(charts: &Charts) {
    let path = charts.path().join("charts-config/collection.toml");
    let text = std::fs::read_to_string(&path).expect("the settings");
    let text = text + "[sampling]\nconfidence = 0.99\nerror = 0.01\n";
    charts.write("charts-config/collection.toml", &text);
    let program = "program = \"example.org/hello\"\nmodule = \"example.org/hello\"\n\
                   versions = [\"v1.0.0\"]\npopulation = 250000\n";
    charts.write("charts-config/programs/hello.toml", program);
    charts.commit();
}

#[test]
fn a_proposal_says_in_words_what_it_collects_how_precisely_and_who_asked() {
    let charts = Charts::new();
    sampled(&charts);
    charts.git(&["switch", "-q", "-c", "proposal"]);
    let editors = chart("Which editors?", "hello/editor:{vim,emacs,other}");
    charts.write(
        "charts-config/charts/editors.toml",
        &(editors + "expires = 2027-06-30\nerror = 0.02\n"),
    );
    let verbs = chart("Verbs", "hello/verb:{run,help,build}");
    charts.write("charts-config/charts/verbs.toml", &verbs);
    // Meanwhile, another one is merged, which is not this proposal's.
    charts.git(&["stash", "-q", "-u"]);
    charts.git(&["switch", "-q", "main"]);
    charts.add_chart("other");
    charts.git(&["switch", "-q", "proposal"]);
    charts.git(&["stash", "pop", "-q"]);
    let expected = "<!-- candor check -->\n\
        **`example.org/hello`**\n\n\
        - now also collects `hello/editor:{vim,emacs,other}`, from 1.66% of reports\n\
        - now also collects `hello/verb:build`, from 6.64% of reports\n\
        - asked for by “Which editors?”, a partition until 2027-06-30, discussed in \
        [example.org/issue/1](<https://example.org/issue/1>); about 4,147 reports a week, so each share is \
        within 2 points at 99% confidence\n\
        - asked for by “Verbs”, a partition without an end, discussed in \
        [example.org/issue/1](<https://example.org/issue/1>); about 16,588 reports a week, so each share is \
        within 1 point at 99% confidence\n\
        - 6.64% of the installations report it: about 16,588 reports a week from 250,000\n\n\
        **Look twice at**\n\n\
        - `charts/verbs.toml:6`: no bucket stands for all other answers (no-other-bucket)\n";
    assert_eq!(comment(&charts, "main"), expected);

    charts.commit();
    assert_eq!(comment(&charts, "main"), expected, "committed or not");
    assert_eq!(
        comment(&charts, "HEAD"),
        "<!-- candor check -->\n**This proposal changes nothing of what is collected.**\n"
    );
    // As text and as JSON.
    let mut check = candor();
    let text = succeed(check.arg("check").arg(charts.path()).args(["--base", "main"]));
    assert!(
        text.contains("\n  now also collects `hello/verb:build`, from 6.64% of reports\n"),
        "{text}"
    );
    let mut check = candor();
    let whole =
        json(check.arg("check").arg(charts.path()).args(["--base", "main", "--format", "json"]));
    assert_eq!(whole["proposal"]["programs"][0]["added"][0]["title"], "Which editors?");
    assert_eq!(whole["diagnostics"][0]["code"], "no-other-bucket");
}

#[test]
fn a_population_that_nobody_looked_at_for_long_is_found() {
    let charts = Charts::new();
    sampled(&charts);
    let found = |as_of: &str| {
        let mut check = candor();
        check.arg("check").arg(charts.path()).args(["--base", "main", "--as-of", as_of]);
        succeed(&mut check).contains("this population has been the same for 180 days")
    };
    // The commit is of 3 February.
    assert!(!found("2026-02-10") && !found("2026-08-01"));
    assert!(found("2026-08-03"));
    let program = charts.path().join("charts-config/programs/hello.toml");
    let text = std::fs::read_to_string(&program).expect("the program");
    let allowed = "# candor: allow old-population: counted by hand each spring\npopulation";
    charts.write("charts-config/programs/hello.toml", &text.replace("population", allowed));
    assert!(!found("2026-08-03"));
    charts.write("charts-config/programs/hello.toml", &text.replace("250000", "250001"));
    assert!(!found("2026-08-03"), "a number that is changed is not old");
}

#[test]
fn an_old_population_is_found_without_a_proposal_too() {
    let charts = Charts::new();
    sampled(&charts);
    let found = |folder: &Path, as_of: &str| {
        let mut check = candor();
        check.arg("check").arg(folder).args(["--as-of", as_of, "--json"]);
        let all = json(&mut check)["diagnostics"].clone();
        let all = all.as_array().expect("a list").iter();
        let old = all.filter(|one| one["code"] == "old-population");
        old.map(|one| (one["file"].clone(), one["line"].clone())).collect::<Vec<_>>()
    };
    // The commit is of 3 February.
    let line = [("programs/hello.toml".into(), 4.into())];
    assert_eq!(found(charts.path(), "2026-08-01"), []);
    assert_eq!(found(charts.path(), "2026-08-03"), line);
    assert_eq!(found(&charts.path().join("charts-config"), "2026-08-03"), line);
    // Outside of a repository, nobody knows.
    let copy = tempfile::TempDir::new().expect("a temporary folder");
    succeed(Command::new("cp").arg("-r").arg(charts.path().join("charts-config")).arg(copy.path()));
    assert_eq!(found(copy.path(), "2026-08-03"), []);
    // What is not committed is of today.
    let program = charts.path().join("charts-config/programs/hello.toml");
    let text = std::fs::read_to_string(program).expect("the program");
    charts.write("charts-config/programs/hello.toml", &text.replace("250000", "250001"));
    assert_eq!(found(charts.path(), "2026-08-03"), []);
}

#[test]
fn a_population_that_moves_no_rate_is_said_in_a_line() {
    let charts = Charts::new();
    sampled(&charts);
    let program = charts.path().join("charts-config/programs/hello.toml");
    let text = std::fs::read_to_string(program).expect("the program");
    let write = |population: &str| {
        let text = text.replace("population = 250000\n", population);
        charts.write("charts-config/programs/hello.toml", &text);
    };
    write("population = 5000\n");
    charts.commit();
    charts.git(&["tag", "base"]);
    let unchanged =
        "<!-- candor check -->\n**This proposal changes nothing of what is collected.**\n";
    assert_eq!(comment(&charts, "base"), unchanged);
    write("population = 7000\n");
    let expected = format!(
        "{unchanged}\n**`example.org/hello`**\n\n\
         - another accuracy: “Verbs”; about 7,000 reports a week, so each share is within 1.5 points at 99% confidence \
         (before, 5,000 reports and 1.8 points)\n\
         - `population` is 7,000 (before, 5,000); no rate changes with it\n"
    );
    assert_eq!(comment(&charts, "base"), expected);
    let mut check = candor();
    let whole = json(check.arg("check").arg(charts.path()).args(["--base", "base", "--json"]));
    let population = &whole["proposal"]["programs"][0]["population"];
    assert_eq!((&population["now"], &population["before"]), (&7000.into(), &5000.into()));
    write("");
    let found = comment(&charts, "base");
    let line = "\n- `population` is not stated any more (before, 5,000); no rate changes with it\n";
    assert!(found.contains(line), "{found}");
    // Where a rate changes, the line about it says how many there are.
    write("population = 250000\n");
    let found = comment(&charts, "base");
    assert!(!found.contains("`population` is"), "{found}");
    assert!(found.contains("about 16,588 reports a week from 250,000\n"), "{found}");
}

#[test]
fn files_that_look_like_definitions_and_are_not_read_are_named() {
    let charts = Charts::new();
    charts.write("charts-config/charts/verbs.toml.orig", "what was there before a merge\n");
    charts.commit();
    for file in ["programs/hello.toml~", "charts/.new.toml.swp", "charts/#new.toml#"] {
        charts.write(&format!("charts-config/{file}"), "not a definition");
    }
    let named = |arguments: &[&str]| {
        let mut check = candor();
        let all = json(check.arg("check").arg(charts.path()).arg("--json").args(arguments));
        assert_eq!(all["valid"], true);
        let all = all["diagnostics"].as_array().expect("a list").iter();
        let unread = all.filter(|one| {
            one["severity"] == "warning"
                && one["message"].as_str().is_some_and(|message| message.contains("is not read"))
        });
        unread.map(|one| one["file"].as_str().expect("a file").to_owned()).collect::<Vec<_>>()
    };
    let new = ["charts/#new.toml#", "charts/.new.toml.swp", "programs/hello.toml~"];
    let all = [new[0], new[1], "charts/verbs.toml.orig", new[2]];
    assert_eq!(named(&[]), all);
    assert_eq!(named(&["--base", "HEAD"]), new, "what was there before is not the proposal's");
    let said = succeed(candor().arg("check").arg(charts.path()));
    assert!(said.contains("no mistakes: 1 chart, 1 program"), "{said}");
    assert!(
        said.contains("warning[unread-file]: this file is not read, since its name is not that of a definition"),
        "{said}"
    );
    // Where a file is missing, it may be among them.
    let missing = charts.path().join("charts-config/collection.toml");
    std::fs::rename(&missing, missing.with_extension("toml~")).expect("renamed");
    let said = refused(candor().arg("check").arg(charts.path()).args(["--base", "HEAD"]), 1);
    let place = missing.display();
    assert!(said.contains(&format!("error: the file is missing\n --> {place}\n")), "{said}");
    assert!(said.contains(&format!(" --> {place}~\n")), "{said}");
    assert!(!said.contains("verbs.toml.orig"), "it was there before: {said}");
}

#[test]
fn a_long_list_that_is_cut_says_how_to_see_all_of_it() {
    let charts = Charts::new();
    charts.git(&["tag", "base"]);
    let program = |many: u32| {
        let versions: Vec<String> = (0..many).map(|patch| format!("\"v1.0.{patch}\"")).collect();
        format!(
            "program = \"example.org/hello\"\nmodule = \"example.org/hello\"\nversions = [{}]\n",
            versions.join(", ")
        )
    };
    charts.write("charts-config/programs/hello.toml", &program(30));
    let found = comment(&charts, "base");
    assert!(found.contains("… 25 more"), "{found}");
    let footer = "\n\nLong lists are cut. `candor check charts-config --base base --as-of 2026-02-10` shows them whole.\n";
    assert!(found.ends_with(footer), "{found}");
    charts.write("charts-config/programs/hello.toml", &program(3));
    let found = comment(&charts, "base");
    assert!(!found.contains("shows them whole"), "{found}");
}

#[test]
fn all_of_a_few_thousand_charts_are_explained() {
    let charts = Charts::new();
    let padding = "[padding]\nreleases = 6\nmajor = 0\nminor = 3\npatch = 6\nprerelease = 4\n";
    let program = charts.path().join("charts-config/programs/hello.toml");
    let text = std::fs::read_to_string(program).expect("the program");
    charts.write("charts-config/programs/hello.toml", &(text + padding));
    let many: Vec<String> = (0..3000)
        .map(|number| chart(&format!("Number {number}?"), &format!("hello/n{number}:{{a,other}}")))
        .collect();
    for (at, some) in many.chunks(1000).enumerate() {
        charts.write(&format!("charts-config/charts/many{at}.toml"), &some.concat());
    }
    charts.commit();
    let text = succeed(candor().arg("explain").arg(charts.path()).arg("--all"));
    let headings = text.lines().filter(|line| !line.starts_with(' ') && !line.is_empty());
    let (counters, others): (Vec<&str>, Vec<&str>) =
        headings.partition(|line| line.starts_with("counter "));
    // Each chart has a paragraph, and so has what many of them share.
    assert_eq!(counters.len(), 3001);
    assert!(
        counters.contains(
            &"counter hello/n2999:{a,other} of example.org/hello, from 100% of the reports"
        )
    );
    assert_eq!(others.len(), 6, "{others:?}");
    assert!(text.contains("and 2998 other charts"));
    let versions =
        "versions v1.0.1-pre.1, v1.0.1-pre.2, v1.0.1-pre.3, v1.0.1-pre.4, v1.0.1, v1.0.2-pre.1, ";
    assert!(others[5].starts_with(versions), "{others:?}");
}

#[test]
fn what_is_removed_and_reworded_is_said_too() {
    let charts = Charts::new();
    charts.add_chart("old");
    charts.git(&["tag", "base"]);
    charts.git(&["rm", "-q", "charts-config/charts/old.toml"]);
    charts
        .write("charts-config/charts/verbs.toml", &chart("Which verbs?", "hello/verb:{run,help}"));
    let comment = comment(&charts, "base");
    for line in [
        "- no longer collects `hello/old`\n",
        "- no longer asked for by “old”, a partition without an end, discussed in ",
        "- only the words change of “Which verbs?”, a partition without an end",
    ] {
        assert!(comment.contains(line), "{comment}");
    }
}

#[test]
fn the_first_definitions_are_a_proposal_as_well() {
    let charts = Charts::new();
    charts.git(&["checkout", "-q", "--orphan", "empty"]);
    charts.git(&["rm", "-rqf", "."]);
    charts.git(&["commit", "-q", "--allow-empty", "-m", "Nothing yet"]);
    charts.git(&["switch", "-q", "-c", "proposal"]);
    charts.git(&["checkout", "-q", "main", "--", "charts-config"]);
    let comment = comment(&charts, "empty");
    assert!(comment.contains("now also collects `hello/verb:{run,help}`"), "{comment}");
    assert!(comment.contains("- asks for 100% of all reports\n"), "{comment}");
}

#[test]
fn a_comment_obeys_nothing_that_a_proposal_says() {
    let charts = Charts::new();
    charts.git(&["tag", "base"]);
    let evil = "@everyone <img src=x> [x](https://evil.example) **bold** `code`";
    charts.write("charts-config/charts/evil.toml", &chart(evil, "hello/evil"));
    let comment = comment(&charts, "base");
    // Words of which a forge would make something are code, in which it looks for nothing.
    let shown = "“`@everyone` &#60;img src\\=x&#62; `[x](https://evil.example)` \\*\\*bold\\*\\* &#96;code&#96;”";
    assert!(comment.contains(shown), "{comment}");
}

#[test]
fn a_chart_of_new_versions_is_not_said_to_be_more_accurate_than_it_is() {
    let charts = Charts::new();
    sampled(&charts);
    charts.git(&["tag", "base"]);
    let path = charts.path().join("charts-config/programs/hello.toml");
    let text = std::fs::read_to_string(path).expect("the program");
    let two = text.replace("[\"v1.0.0\"]", "[\"v1.0.0\", \"v1.1.0\"]");
    charts.write("charts-config/programs/hello.toml", &two);
    let new = chart("Which editors?", "hello/editor:{vim,other}") + "version = \"v1.1.0\"\n";
    charts.write("charts-config/charts/editors.toml", &new);
    let expected = "; counts `v1.1.0` and later, and it is not known how many installations have those: at most 16,588 reports a week, so \
                    each share is within 1 point at best, at 99% confidence\n";
    let found = comment(&charts, "base");
    assert!(found.contains(expected), "{found}");
    // Without a population, at least this is said.
    charts.write("charts-config/programs/hello.toml", &two.replace("population = 250000\n", ""));
    let found = comment(&charts, "base");
    assert!(found.contains("issue/1>); counts `v1.1.0` and later\n"), "{found}");
    charts.write("charts-config/programs/hello.toml", &two);
    // Where all that report are counted, nothing is left open.
    charts.write("charts-config/charts/editors.toml", &new.replace("v1.1.0", "v1.0.0"));
    let found = comment(&charts, "base");
    assert!(
        found.contains("; about 16,588 reports a week, so each share is within 1 point at 99%"),
        "{found}"
    );
}

#[test]
fn an_order_an_end_and_claims_are_said_for_what_they_are() {
    let charts = Charts::new();
    let ends = |day: &str| chart("Why?", "hello/why") + &format!("expires = {day}\n");
    charts.write("charts-config/charts/why.toml", &ends("2026-02-01"));
    charts.write("charts-config/charts/soon.toml", &ends("2026-03-01").replace("why", "soon"));
    charts.commit();
    charts.git(&["tag", "base"]);
    charts.write("charts-config/charts/verbs.toml", &chart("Verbs", "hello/verb:{help,run}"));
    let found = comment(&charts, "base");
    for line in [
        "- the same buckets in another order: “Verbs”, a partition without an end",
        "- “Why?” expired on 2026-02-01, and is not collected any more\n",
        "- “Why?” is collected until 2026-03-01\n",
    ] {
        assert!(found.contains(line), "{line}: {found}");
    }
    assert_eq!(found.matches("expired on").count(), 1, "told once: {found}");
    assert!(!found.contains("asked for by"), "{found}");

    let crash = "[[chart]]\ntitle = \"Crashes\"\nissue = [\"https://example.org/1\"]\ntype = \"stack\"\ndepth = 8\n\
                 packages = [\"example.org/hello\"]\nprogram = \"example.org/hello\"\ncounter = \"hello/crash\"\n";
    charts.write("charts-config/charts/crash.toml", crash);
    charts.commit();
    charts.git(&["tag", "-f", "base"]);
    let claims = "program = \"example.org/hello\"\nrepository = \"https://github.com/example/hello\"\n\n[[claim]]\n\
                  issue = \"https://github.com/example/hello/issues/7\"\nwhen = 'top \"hello.Read\"'\n\
                  fixed = \"v1.1.0\"\nstacks = [\"example.org/hello.Read:+1\\nexample.org/hello.main:+2\"]\n";
    charts.write("charts-config/stacks/hello.toml", claims);
    let found = comment(&charts, "base");
    let expected =
        "<!-- candor check -->\n**This proposal changes nothing of what is collected.**\n\n";
    assert!(found.starts_with(expected), "{found}");
    let claim = "**Claims of stacks of `example.org/hello`**\n\n- claims stacks that match `top \"hello.Read\"` for \
                 [github.com/example/hello/issues/7](<https://github.com/example/hello/issues/7>), fixed in `v1.1.0`\n";
    assert!(found.contains(claim), "{found}");
    charts.commit();
    charts.git(&["tag", "-f", "base"]);
    charts.write(
        "charts-config/stacks/hello.toml",
        &claims.replace("repository", "top = 1\nrepository"),
    );
    let found = comment(&charts, "base");
    assert!(found.contains("- changes how stacks are grouped"), "{found}");
}

#[test]
fn a_comment_is_never_longer_than_a_forge_takes() {
    let charts = Charts::new();
    charts.git(&["tag", "base"]);
    let many: String = (0..1500)
        .map(|number| chart("Test", &format!("hello/number{number}:{{one,two,three}}")))
        .collect();
    charts.write("charts-config/charts/many.toml", &many);
    let found = comment(&charts, "base");
    assert!((30_000..=60_000).contains(&found.len()), "{} bytes", found.len());
    assert!(found.starts_with("<!-- candor check -->\n**`example.org/hello`**"), "{found}");
    // Each section is cut, and none disappears.
    assert!(found.contains("… 1490 more, from"), "{found}");
    assert!(
        found.contains(" of 1490 in full</summary>\n\n  `hello/number10:{one,two,three}`, "),
        "{found}"
    );
    assert!(found.contains("- … ") && found.contains("**Look twice at**"), "{found}");
    let last = found.lines().last().expect("a line");
    assert!(
        last.starts_with("**Not everything fits into a comment:** ")
            && last.contains(" groups are left out.")
            && last.ends_with(
                "`candor check charts-config --base base --as-of 2026-02-10` shows everything."
            ),
        "{last}"
    );
    // And so it does.
    let mut check = candor();
    check.args(["check", "charts-config", "--base", "base", "--as-of", "2026-02-10"]);
    let text = succeed(check.current_dir(charts.path()));
    for number in 0..1500 {
        assert!(text.contains(&format!("`hello/number{number}:{{one,two,three}}`")), "{number}");
    }
    assert!(!text.contains('…'), "something is cut");
}

#[test]
fn nothing_that_is_newly_collected_is_hidden_in_a_long_group() {
    let charts = Charts::new();
    charts.git(&["tag", "base"]);
    let buckets: Vec<String> = (0..60).map(|number| format!("b{number}")).collect();
    let group = format!("hello/x:{{{},salary-over-100k,other}}", buckets.join(","));
    charts.write("charts-config/charts/x.toml", &chart("Which x?", &group));
    let found = comment(&charts, "base");
    let folded = format!(
        "more}}`, from every report\n  <details><summary>In full</summary>\n\n  `{group}`\n\n  </details>\n"
    );
    assert!(found.contains("hello/x:{b0,") && found.contains(&folded), "{found}");
    assert!(!found.contains("Long lists are cut"), "all of it is there: {found}");
    let mut check = candor();
    let text = succeed(check.arg("check").arg(charts.path()).args(["--base", "base"]));
    assert!(text.contains(&format!("now also collects `{group}`, from every report\n")), "{text}");
}

#[test]
fn a_changed_end_and_who_asked_are_told_as_a_change() {
    let charts = Charts::new();
    let why = chart("Why?", "hello/why") + "expires = 2027-11-27\n";
    charts.write("charts-config/charts/why.toml", &why);
    charts.commit();
    charts.git(&["tag", "base"]);
    let told = |text: &str| {
        charts.write("charts-config/charts/why.toml", text);
        let found = comment(&charts, "base");
        assert!(!found.contains("asked for by") && !found.contains("only the words"), "{found}");
        found
    };
    let found = told(&why.replace("2027-11-27", "2099-12-30"));
    let line = "- changed: “Why?”, a partition, collected until 2099-12-30 (before, until 2027-11-27: about 72 years \
                longer)\n";
    assert!(found.contains(line), "{found}");
    let mut check = candor();
    let whole = json(check.arg("check").arg(charts.path()).args(["--base", "base", "--json"]));
    let program = &whole["proposal"]["programs"][0];
    assert_eq!(program["added"], Value::Array(Vec::new()));
    assert_eq!(program["changed"][0]["before"]["expires"], "2027-11-27");
    let found = told(&why.replace("expires = 2027-11-27\n", ""));
    assert!(found.contains(", collected without an end (before, until 2027-11-27)\n"), "{found}");
    let found = told(&why.replace("2027-11-27", "2027-11-20"));
    assert!(found.contains("(before, until 2027-11-27: 7 days shorter)\n"), "{found}");
    let found = told(&why.replace("issue/1", "issue/2"));
    let line = "- changed: “Why?”, a partition, now discussed in [example.org/issue/2](<https://example.org/issue/2>) \
                (before, in [example.org/issue/1](<https://example.org/issue/1>))\n";
    assert!(found.contains(line), "{found}");
    // With more buckets, both are said.
    let more = why.replace("hello/why", "hello/why:{a,b}").replace("2027-11-27", "2028-11-27");
    charts.write("charts-config/charts/why.toml", &more);
    let found = comment(&charts, "base");
    assert!(found.contains("a partition until 2028-11-27, discussed in "), "{found}");
    assert!(found.contains(" (before, until 2027-11-27: about 12 months longer)"), "{found}");
}

#[test]
fn a_proposal_that_repairs_its_base_passes_and_shows_everything() {
    let charts = Charts::new();
    let broken = chart("Why?", "hello/why").replace("title = \"Why?\"\n", "");
    charts.write("charts-config/charts/why.toml", &broken);
    charts.commit();
    charts.git(&["tag", "base"]);
    charts.write("charts-config/charts/why.toml", &chart("Why?", "hello/why"));
    let found = comment(&charts, "base");
    let start = "<!-- candor check -->\n**Nothing can be compared: the definitions that this would change have \
                 mistakes**\n\n- in commit `";
    assert!(found.starts_with(start), "{found}");
    assert!(found.contains("`: `charts/why.toml:1`: "), "{found}");
    assert!(found.contains("; below is everything that the new definitions collect\n"), "{found}");
    assert!(
        found.contains("- now also collects `hello/verb:{run,help}` and `hello/why`"),
        "{found}"
    );
    // Who breaks it again is refused, with a comment.
    charts.write("charts-config/charts/why.toml", &broken);
    let mut check = candor();
    check.arg("check").arg(charts.path()).args(["--base", "base", "--format", "markdown"]);
    let output = check.output().expect("run candor");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("**Mistakes**"));
}

#[test]
fn another_population_says_what_becomes_of_the_accuracy() {
    let charts = Charts::new();
    sampled(&charts);
    charts.git(&["tag", "base"]);
    let collection = charts.path().join("charts-config/collection.toml");
    let text = std::fs::read_to_string(&collection).expect("the settings");
    charts.write("charts-config/collection.toml", &text.replace("error = 0.01", "error = 0.02"));
    let found = comment(&charts, "base");
    let line = "- another accuracy: “Verbs”; about 4,147 reports a week, so each share is within 2 points at 99% \
                confidence (before, 16,588 reports and 1 point)\n";
    assert!(found.contains(line), "{found}");
}

#[test]
fn what_a_proposal_allows_itself_is_named() {
    let charts = Charts::new();
    charts.git(&["tag", "base"]);
    let who = chart("Who?", "hello/who:{alice@example.org,other}")
        .replace("counter = ", "# candor: allow personal-buckets: trust me\ncounter = ");
    charts.write("charts-config/charts/who.toml", &who);
    let found = comment(&charts, "base");
    let part = "**Allowed by this proposal itself**\n\n- `personal-buckets` allowed in `charts/who.toml:6`, because: \
                “trust me”\n";
    assert!(found.contains(part), "{found}");
    charts.commit();
    assert!(!comment(&charts, "HEAD").contains("Allowed by"), "it was there before");
}

#[test]
fn who_asks_too_early_is_told_what_to_do() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let mut git = Command::new("git");
    succeed(git.args(["init", "-q"]).arg(folder.path()));
    let message = refused(candor().arg("explain").arg(folder.path()).arg("hello"), 1);
    assert!(message.contains("has no commit yet: commit the charts folder first"), "{message}");
    assert!(message.contains(" add .` and `git -C "), "{message}");
    let charts = Charts::new();
    let program = "program = \"hello\"\nversions = [\"v1.0.0\"]\n";
    charts.write("charts-config/programs/hello.toml", program);
    let message = refused(candor().arg("check").arg(charts.path()), 1);
    assert!(
        message
            .contains("add `module = \"hello\"`: for a Rust program, it is the name of the crate"),
        "{message}"
    );
}

#[test]
fn what_older_configs_still_collect_is_not_forgotten() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    charts.add_chart("old");
    deployment.publish(&charts);
    charts.git(&["rm", "-q", "charts-config/charts/old.toml"]);
    charts.commit();
    deployment.publish(&charts);
    let mut explain = candor();
    explain.arg("explain").arg(charts.path()).arg("hello/old").arg("--data").arg(deployment.path());
    explain.args(["--as-of", "2026-02-10"]);
    let message = refused(&mut explain, 1);
    assert!(
        message.contains(
            "; but the config v0.1.0 still asks for it, and reports under it are accepted"
        ),
        "{message}"
    );
    let server = deployment.serve();
    let mut served = candor();
    served.arg("explain").arg(charts.path()).args([
        "hello/old",
        "--as-of",
        "2026-02-10",
        "--url",
        &server.url,
    ]);
    assert_eq!(refused(&mut served, 1), message);
}

#[test]
fn mistakes_have_a_comment_and_a_sarif_log_with_their_lines() {
    let charts = Charts::new();
    charts.git(&["tag", "base"]);
    charts.write("charts-config/charts/bad.toml", "[[chart]]\ntitle = \"Test\"\nkind = \"pie\"\n");
    let mut check = candor();
    check.arg("check").arg(charts.path()).args(["--base", "base", "--format"]);
    let output = check.arg("markdown").output().expect("run candor");
    assert_eq!(output.status.code(), Some(1));
    let comment = String::from_utf8(output.stdout).expect("text");
    assert!(
        comment.starts_with("<!-- candor check -->\n**Mistakes**\n\n- `charts/bad.toml:"),
        "{comment}"
    );

    let log = |charts: &Charts| -> Value {
        let mut check = candor();
        check.arg("check").arg(charts.path()).args(["--format", "sarif"]);
        serde_json::from_slice(&check.output().expect("run candor").stdout).expect("JSON")
    };
    let results = log(&charts)["runs"][0]["results"].clone();
    assert_eq!(results[0]["level"], "error");
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "charts-config/charts/bad.toml");
    charts.write("charts-config/charts/bad.toml", &chart("Test", "hello/x"));
    let log = log(&charts);
    let result = &log["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"vague-title".into(), &"warning".into()));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["region"]["startLine"], 2);
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]));
}

#[test]
fn mistakes_hide_what_was_there_before_and_begin_with_what_they_are() {
    let charts = Charts::new();
    let crash = |title: &str| {
        format!(
            "[[chart]]\ntitle = \"{title}\"\nissue = [\"https://example.org/1\"]\ntype = \"stack\"\ndepth = 8\n\
             program = \"example.org/hello\"\ncounter = \"hello/{title}\"\n"
        )
    };
    charts.write("charts-config/charts/crash.toml", &crash("crashes"));
    charts.commit();
    charts.write("charts-config/charts/bugs.toml", &crash("bugs"));
    charts
        .write("charts-config/charts/verbs.toml", "[[chart]]\ntitle = \"Test\"\nkind = \"pie\"\n");
    let said = |arguments: &[&str]| {
        let output = candor().arg("check").arg(charts.path()).args(arguments).output();
        let output = output.expect("run candor");
        assert_eq!(output.status.code(), Some(1));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        text(output.stdout) + &text(output.stderr)
    };
    let all = said(&[]);
    assert!(all.starts_with("warning[stack-packages]: "), "{all}");
    assert!(all.contains("charts/bugs.toml:5") && all.contains("charts/crash.toml:5"), "{all}");
    for format in ["text", "markdown", "json", "sarif"] {
        let new = said(&["--base", "HEAD", "--format", format]);
        assert!(new.contains("charts/bugs.toml") && new.contains("charts/verbs.toml"), "{new}");
        assert!(!new.contains("charts/crash.toml"), "it was there before: {new}");
    }
}

#[test]
fn every_code_of_a_sarif_log_has_its_rule_with_a_reason() {
    let charts = Charts::new();
    // A lint, a lint that the definitions bring, a comment that allows nothing, and a file that is not read.
    let crash = "[[chart]]\ntitle = \"Test\"\nissue = [\"https://example.org/1\"]\ntype = \"stack\"\ndepth = 8\n\
                 program = \"example.org/hello\"\ncounter = \"hello/crash\"\nexpires = 2026-02-20\n";
    charts
        .write("charts-config/charts/crash.toml", &format!("# candor: allow nothing: no\n{crash}"));
    charts.write("charts-config/charts/crash.toml~", "");
    let mut check = candor();
    check.arg("check").arg(charts.path()).args(["--format", "sarif", "--as-of", "2026-02-10"]);
    let log = json(&mut check);
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let ids: BTreeSet<&str> = rules.iter().filter_map(|rule| rule["id"].as_str()).collect();
    assert_eq!(ids.len(), rules.len(), "each has one rule");
    for rule in rules {
        let said = rule["shortDescription"]["text"].as_str().expect("a description");
        assert!(said.len() > 20, "{rule}");
    }
    let found = run["results"].as_array().expect("results").iter();
    let found: BTreeSet<&str> = found.filter_map(|one| one["ruleId"].as_str()).collect();
    assert!(found.is_subset(&ids), "{found:?}");
    let expected = ["allow", "expiring", "stack-packages", "unread-file", "vague-title"];
    assert_eq!(found, expected.into(), "{log:#}");
}

/// The commit that git blames for a line.
fn blamed(repository: &Path, file: &str, line: u64) -> String {
    let mut git = Command::new("git");
    git.current_dir(repository).args(["blame", "--first-parent", "--root", "-l", "-s", "-L"]);
    let blame = succeed(git.arg(format!("{line},{line}")).arg(file));
    blame.split(' ').next().expect("a commit").trim_start_matches('^').to_owned()
}

#[test]
fn every_string_of_a_config_has_a_definition_and_the_commit_that_git_blames() {
    let charts = Charts::new();
    for name in ["one", "two", "three"] {
        charts.add_chart(name);
    }
    let program = |versions: &str| {
        format!(
            "program = \"example.org/hello\"\nmodule = \"example.org/hello\"\nversions = [\n{versions}]\n"
        )
    };
    charts.write("charts-config/programs/hello.toml", &program("  \"v1.0.0\",\n"));
    charts.commit();
    charts.write("charts-config/programs/hello.toml", &program("  \"v1.0.0\",\n  \"v1.1.0\",\n"));
    charts.git(&["add", "-A"]);
    let message = "Count the next release\n\nReviewed-by: Ada Lovelace <ada@example.org>\nAcked-by: Bob <b@x.org>";
    charts.git(&["commit", "-q", "-m", message]);

    let mut explain = candor();
    let all = json(explain.args(["explain", "--json", "--all"]).arg(charts.path()));
    let all = all.as_array().expect("a list");
    let config = charts.path().join("charts-config");
    let compiled: Value =
        serde_json::from_str(&succeed(candor().arg("compile").arg(config))).expect("JSON");
    assert_eq!(explained(all), strings(&compiled));
    for one in all {
        let (file, line) =
            (one["file"].as_str().expect("a file"), one["line"].as_u64().expect("a line"));
        let introduced = one["introduced"]["commit"].as_str().expect("a commit");
        // The list of versions was written anew after the first commit, the strings in it were not.
        if one["string"] != "v1.0.0" {
            assert_eq!(introduced, blamed(charts.path(), file, line), "{one}");
        }
        let written = std::fs::read_to_string(charts.path().join(file)).expect("a file");
        let line = written.lines().nth(line as usize - 1).expect("the line");
        let string = one["string"].as_str().expect("a string").rsplit(':').next().expect("a part");
        assert!(line.contains(string), "{line} {one}");
    }
    let mut explain = candor();
    let text = succeed(explain.arg("explain").arg(charts.path()).arg("v1.1.0"));
    let expected = "version v1.1.0 of example.org/hello\n  \
        asked for by  \"one\", a partition: charts-config/charts/one.toml:1\n                \
        https://example.org/issue/1\n";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("by A Maintainer, reviewed by Ada Lovelace, Bob\n"), "{text}");
    assert!(!text.contains("@example.org"), "{text}");
    // Of a group, what is not there is said, too.
    let mut explain = candor();
    let output = explain.arg("explain").arg(charts.path()).arg("hello/verb:{run,rum,ham}").output();
    let output = output.expect("run candor");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.starts_with("counter hello/verb:run of example.org/hello, "), "{text}");
    let message = String::from_utf8(output.stderr).expect("text");
    assert!(message.contains("hello/verb:rum, hello/verb:ham are not in the config"), "{message}");
    let message = refused(candor().arg("explain").arg(charts.path()).arg("hello/verb:rum"), 1);
    assert!(message.contains("is not in the config, and no definition asks for it"), "{message}");
}

#[test]
fn a_moved_folder_and_a_merged_branch_still_name_who_wrote_it() {
    let charts = Charts::new();
    charts.git(&["switch", "-q", "-c", "branch"]);
    charts.write("charts-config/charts/why.toml", &chart("Why?", "hello/why"));
    charts.git(&["add", "-A"]);
    let message = "Ask why\n\nReviewed-by: Ada Lovelace <ada@example.org>";
    charts.git(&["commit", "-q", "-m", message, "--author", "Grace Hopper <grace@example.org>"]);
    let wrote = charts.git(&["rev-parse", "HEAD"]).trim().to_owned();
    charts.git(&["switch", "-q", "main"]);
    charts.add_chart("other");
    charts.git(&["merge", "-q", "--no-ff", "-m", "Merge the branch", "branch"]);
    let merged = charts.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let explain = |folder: &str, string: &str| -> Value {
        let mut explain = candor();
        explain.args(["explain", "--json"]).arg(charts.path()).arg(string);
        json(explain.args(["--path", folder]))[0].clone()
    };
    let check = |folder: &str| {
        let found = explain(folder, "hello/why");
        assert_eq!(found["written"]["commit"], wrote.as_str(), "{found}");
        assert_eq!(found["written"]["reviewers"][0], "Ada Lovelace");
        assert_eq!(found["introduced"]["commit"], merged.as_str(), "{found}");
        let verb = explain(folder, "hello/verb:run");
        let first = charts.git(&["rev-list", "--max-parents=0", "HEAD"]);
        assert_eq!(verb["introduced"]["commit"], first.trim(), "{verb}");
        assert!(verb["written"].is_null(), "{verb}");
    };
    check("charts-config");
    charts.git(&["mv", "charts-config", "tele"]);
    charts.git(&["commit", "-q", "-m", "Move"]);
    check("tele");
    charts.git(&["mv", "tele", "charts-config"]);
    charts.git(&["commit", "-q", "-m", "Move back"]);
    check("charts-config");
    let mut explain = candor();
    let text = succeed(explain.arg("explain").arg(charts.path()).arg("hello/why"));
    assert!(text.contains(" by Grace Hopper, reviewed by Ada Lovelace\n"), "{text}");
    assert!(text.contains("\n  merged        on "), "{text}");
}

/// The kinds and strings that are explained.
fn explained(all: &[Value]) -> BTreeSet<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.iter()
        .map(|one| (text(&one["kind"]), text(&one["program"]), text(&one["string"])))
        .collect()
}

/// The kinds and strings of a config.
fn strings(config: &Value) -> BTreeSet<(String, String, String)> {
    let mut all = BTreeSet::new();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    for (key, kind) in [("GOOS", "goos"), ("GOARCH", "goarch"), ("GoVersion", "toolchain")] {
        all.extend(
            list(&config[key]).iter().map(|one| (kind.to_owned(), String::new(), text(one))),
        );
    }
    for program in list(&config["Programs"]) {
        let name = text(&program["Name"]);
        all.insert(("program".to_owned(), String::new(), name.clone()));
        let versions = list(&program["Versions"]);
        all.extend(versions.iter().map(|one| ("version".to_owned(), name.clone(), text(one))));
        for counter in list(&program["Counters"]) {
            let counter = text(&counter["Name"]);
            let names = match counter.split_once('{') {
                None => vec![counter.clone()],
                Some((stem, buckets)) => {
                    let buckets = buckets.trim_end_matches('}').split(',');
                    buckets.map(|bucket| format!("{stem}{bucket}")).collect()
                }
            };
            all.extend(names.into_iter().map(|one| ("counter".to_owned(), name.clone(), one)));
        }
        let stacks = list(&program["Stacks"]);
        all.extend(stacks.iter().map(|one| ("stack".to_owned(), name.clone(), text(&one["Name"]))));
    }
    all
}

#[test]
fn every_string_of_the_go_projects_config_is_explained_and_dated_by_the_configs_that_have_it() {
    let Some(site) = GoSite::new(0, 0) else { return };
    let mut explain = candor();
    explain.args(["explain", "--json", "--all"]).arg(site.repository());
    let all = json(explain.arg("--data").arg(site.deployment.path()));
    let all = all.as_array().expect("a list");
    let configs: Vec<BTreeSet<_>> = site
        .configs
        .iter()
        .map(|(revision, _)| {
            let config = std::fs::read(revision.join("config.json")).expect("a config");
            strings(&serde_json::from_slice(&config).expect("JSON"))
        })
        .collect();
    assert_eq!(&explained(all), configs.last().expect("a config"));
    assert!(all.len() > 1000, "{}", all.len());
    // The config since which it is there is that of the commit which introduced it.
    for one in all {
        let key = explained(std::slice::from_ref(one)).pop_first().expect("a string");
        let since =
            configs.iter().rposition(|config| !config.contains(&key)).map_or(0, |at| at + 1);
        assert_eq!(one["introduced"]["commit"], site.configs[since].1.as_str(), "{one}");
        assert_eq!(one["since"], format!("v0.{}.0", since + 1), "{one}");
    }
}

/// Each change of a year and a half, as it would have been proposed: what its comment says is what changes, and it
/// is short.
#[test]
fn the_comments_on_the_go_projects_history_are_right_and_short() {
    let Some(site) = GoSite::new(0, 0) else { return };
    let kept = |config: &Path| {
        let config = std::fs::read(config.join("config.json")).expect("a config");
        strings(&serde_json::from_slice(&config).expect("JSON"))
    };
    for pair in site.configs.windows(2) {
        let [(before, base), (after, commit)] = pair else { continue };
        git_checkout(site.repository(), commit);
        let check = |format: &str| {
            let mut check = candor();
            check.arg("check").arg(site.repository().join("charts-config"));
            check.args(["--base", base, "--format", format, "--as-of", "2025-01-01"]);
            succeed(&mut check)
        };
        let comment = check("markdown");
        assert!(comment.lines().count() <= 60 && comment.len() < 5_000, "{comment}");
        let proposal: Value = serde_json::from_str(&check("json")).expect("JSON");
        let proposal = proposal["proposal"].to_string();
        let (old, new) = (kept(before), kept(after));
        for (kind, program, string) in old.symmetric_difference(&new) {
            let is_new = new.contains(&(kind.clone(), program.clone(), string.clone()));
            // Counters of a group are named together.
            let named = string.split(':').all(|part| proposal.contains(part));
            assert!(named, "{kind} {string} of {program}: {is_new}");
            // A few of many are named in a comment, and the program of each.
            assert!(comment.contains(program.as_str()), "{program}: {comment}");
        }
    }
    git_checkout(site.repository(), "main");
}

fn git_checkout(repository: &Path, revision: &str) {
    let mut git = Command::new("git");
    succeed(git.current_dir(repository).args(["checkout", "-q", revision]));
}

#[test]
fn a_diff_and_the_diff_back_cancel() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    charts.add_chart("one");
    deployment.publish(&charts);
    let server = deployment.serve();
    let diff =
        |from: &str, to: &str, by: [&str; 2]| succeed(candor().args(["diff", from, to]).args(by));
    let data = deployment.path().display().to_string();
    let (url, data) = (["--url", server.url.as_str()], ["--data", data.as_str()]);
    let there = "compared with v0.1.0, config v0.2.0:\n  \
                 now also collects `hello/one` of `example.org/hello`, from every report\n";
    let back = "compared with v0.2.0, config v0.1.0:\n  no longer collects `hello/one` of `example.org/hello`\n";
    for by in [url, data] {
        assert_eq!(diff("v0.1.0", "latest", by), there);
        assert_eq!(diff("v0.2.0", "v0.1.0", by), back);
        assert_eq!(diff("v0.1.0", "v0.1.0", by), "v0.1.0 and v0.1.0 collect the same\n");
    }
    // The usual folder is that of another deployment, or of none.
    let mut elsewhere = candor();
    elsewhere.env("CANDOR_DATA_DIR", "/nonexistent").args(["diff", "v0.1.0", "latest"]);
    assert_eq!(succeed(elsewhere.args(url)), there);
    let mut usual = candor();
    usual.env("CANDOR_DATA_DIR", deployment.path()).args(["diff", "v0.1.0", "latest"]);
    assert_eq!(succeed(&mut usual), there);
    let wrong = format!("{}/somewhere/else", server.url);
    let message = refused(candor().args(["diff", "v0.1.0", "latest", "--url", &wrong]), 1);
    assert!(
        message.contains("is not a deployment's: ")
            && message.contains("give the address of its site"),
        "{message}"
    );
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let nowhere = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    let message = refused(candor().args(["diff", "v0.1.0", "latest", "--url", &nowhere]), 1);
    assert!(
        message.contains("cannot reach ")
            && message.contains("correct the address given with --url"),
        "{message}"
    );
    let message = refused(candor().args(["diff", "v0.1.0", "v0.9.0"]).args(url), 1);
    assert!(
        message.contains("the deployment has no config v0.9.0: the newest is v0.2.0"),
        "{message}"
    );
}

#[test]
fn a_diff_that_cuts_a_long_list_says_where_it_is_whole() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    let program = charts.path().join("charts-config/programs/hello.toml");
    let text = std::fs::read_to_string(&program).expect("the program");
    let publish = |last: u32| {
        let more: String = (1..=last).map(|patch| format!(", \"v1.0.{patch}\"")).collect();
        let more = text.replace("[\"v1.0.0\"", &format!("[\"v1.0.0\"{more}"));
        charts.write("charts-config/programs/hello.toml", &more);
        charts.commit();
        deployment.publish(&charts);
    };
    publish(3);
    publish(33);
    let diff = |from: &str, to: &str| {
        let mut diff = candor();
        diff.args(["diff", from, to, "--data"]).arg(deployment.path());
        diff
    };
    let few = succeed(&mut diff("v0.1.0", "v0.2.0"));
    assert!(few.ends_with("`v1.0.1`, `v1.0.2` and `v1.0.3` of `example.org/hello`\n"), "{few}");
    let many = succeed(&mut diff("v0.2.0", "v0.3.0"));
    assert!(many.contains("`v1.0.4`, `v1.0.5`, `v1.0.6`, … 26 more and `v1.0.33`"), "{many}");
    assert!(many.ends_with("\nlong lists are cut: --json shows them whole\n"), "{many}");
    let whole = json(diff("v0.2.0", "v0.3.0").arg("--json")).to_string();
    assert!(whole.contains(", `v1.0.17`, "), "{whole}");
}

#[test]
fn what_is_exported_is_imported_as_the_same_definitions() {
    let Some(data) = support::go_data() else { return };
    let history = std::fs::read_dir(data.join("go-history")).expect("the history");
    let history = history.map(|entry| entry.expect("an entry").path());
    let mut compared = 0;
    for revision in history.chain([data.join("go")]) {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let import = |records: &Path, out: &str| {
            let mut import = candor();
            import
                .arg("import")
                .arg(records)
                .arg("--upload-config")
                .arg(revision.join("config.json"));
            succeed(import.arg("--out").arg(folder.path().join(out)));
        };
        import(&revision.join("config.txt"), "there");
        let records = folder.path().join("config.txt");
        succeed(candor().arg("export").arg(folder.path().join("there")).arg("--out").arg(&records));
        import(&records, "back");
        // Comments are for those who read the records: they are not in the definitions.
        let compiled = |name: &str| {
            let folder = folder.path().join(name);
            let sources = candor::charts::Sources::from_folder(&folder).expect("a charts folder");
            let mut definitions = candor::charts::parse(&sources).expect("definitions");
            definitions.warnings.clear();
            let charts = definitions.charts.iter().map(|chart| {
                let issue: Vec<_> = chart.issue.iter().map(|issue| issue.value.clone()).collect();
                (
                    chart.title.value.clone(),
                    issue,
                    chart.counter.value.clone(),
                    chart.version.as_deref().cloned(),
                )
            });
            (charts.collect::<Vec<_>>(), succeed(candor().arg("compile").arg(&folder)))
        };
        assert_eq!(compiled("back"), compiled("there"), "{}", revision.display());
        compared += 1;
    }
    assert_eq!(compared, 7);
}

#[test]
fn what_records_cannot_say_is_named() {
    let charts = Charts::new();
    let ratio = "[[chart]]\ntitle = \"Failed #1\"\nissue = [\"https://example.org/1\"]\ntype = \"ratio\"\n\
                 program = \"example.org/hello\"\ncounter = \"hello/failed\"\nover = \"hello/started\"\n";
    let ends = chart("Why #2?", "hello/why") + "expires = 2027-06-30\n";
    charts.write("charts-config/charts/more.toml", &format!("{ratio}\n# Why it stops.\n{ends}"));
    let output = candor().arg("export").arg(charts.path()).output().expect("run candor");
    let (records, notes) = (output.stdout, String::from_utf8(output.stderr).expect("text"));
    let expected = "title: Why No. 2?\ntype: partition\nissue: https://example.org/issue/1\n\
                    program: example.org/hello\nmodule: example.org/hello\ncounter: hello/why\n---\n\
                    title: Verbs\ntype: partition\nissue: https://example.org/issue/1\n\
                    program: example.org/hello\nmodule: example.org/hello\ncounter: hello/verb:{run,help}\n";
    assert_eq!(String::from_utf8(records).expect("text"), expected);
    for note in [
        "is a ratio, which records do not have",
        "this one would on 2027-06-30",
        "written as \"Why No. 2?\", since a `#` begins a comment in records",
        "left out: 1 comment of this file",
        "records have no versions; left out",
        "records do not say which platforms and toolchains report",
    ] {
        assert!(notes.contains(note), "{notes}");
    }
}

#[test]
fn a_link_with_a_fragment_goes_there_and_back() {
    let charts = Charts::new();
    let link = "https://github.com/example/hello/issues/1#issuecomment-42";
    let why = chart("Which # thing, in C# files?", "hello/why")
        .replace("https://example.org/issue/1", link);
    charts.write("charts-config/charts/why.toml", &why);
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let records = folder.path().join("config.txt");
    let mut export = candor();
    export.arg("export").arg(charts.path()).arg("--out").arg(&records);
    let output = export.output().expect("run candor");
    let notes = String::from_utf8(output.stderr).expect("text");
    assert!(notes.contains("Go's tools read this link without `#issuecomment-42`"), "{notes}");
    let text = std::fs::read_to_string(&records).expect("the records");
    assert!(text.contains(&format!("\nissue: {link}\n")), "{text}");
    assert!(text.contains("title: Which thing, in C files?\n"), "{text}");
    let mut import = candor();
    succeed(import.arg("import").arg(&records).arg("--out").arg(folder.path().join("back")));
    let again = succeed(candor().arg("export").arg(folder.path().join("back")));
    assert!(again.contains(&format!("\nissue: {link}\n")), "{again}");
}
