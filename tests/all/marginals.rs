//! Published marginals are checked as strictly as charts, and never change what is collected.

#![cfg(feature = "server")]

use candor::charts::marginals::Property;
use candor::charts::{Definitions, Diagnostics, Sources, parse};
use candor::collection::compile;

const COLLECTION: &str = "module = 'example.org/config'\ngoos = ['linux', 'darwin']\n\
                          goarch = ['amd64']\ntoolchains = ['go1.26.8']\n";
const PROGRAM: &str =
    "program = 'example.org/p'\nmodule = 'example.org/p'\nversions = ['v1.0.0']\n";
const CHARTS: &str = "[[chart]]\ntitle = 'Clients'\nissue = ['https://example.org/1']\n\
                      type = 'partition'\nprogram = 'example.org/p'\ncounter = 'p/client:{a,b,c}'\n\
                      [[chart]]\ntitle = 'Stacks'\nissue = ['https://example.org/1']\n\
                      type = 'stack'\ndepth = 4\npackages = ['example.org/p']\nprogram = 'example.org/p'\ncounter = 'crash:{x,y}'\n";
const SURVEY: &str = "title = 'Survey'\nsource = ['https://example.org/s']\n\
                      program = 'example.org/p'\n[[margin]]\nof = 'goos'\n\
                      shares = { linux = 0.75, darwin = 0.25 }\n[[margin]]\n\
                      of = 'p/client:{a,b}'\nshares = { b = 0.9, a = 0.1 }\n";

fn check(marginals: &[(&str, &str)]) -> Result<Definitions, Diagnostics> {
    let folder =
        [("collection.toml", COLLECTION), ("programs/p.toml", PROGRAM), ("charts/p.toml", CHARTS)];
    let files = folder.iter().chain(marginals);
    let files = files.map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
    parse(&Sources::from_files(files.collect()))
}

#[test]
fn marginals_are_read_in_the_order_in_which_they_were_written() {
    let definitions = check(&[("marginals/survey-2026.toml", SURVEY)]).expect("good");
    assert_eq!(definitions.warnings, []);
    let [survey] = definitions.marginals.as_slice() else { panic!("one file") };
    assert_eq!((survey.id.as_str(), survey.title.as_str()), ("survey-2026", "Survey"));
    assert_eq!(survey.trim, 5.0);
    assert_eq!(survey.margins[0].of.value, Property::Goos);
    let shares: Vec<_> =
        survey.margins[1].shares.iter().map(|(name, share)| (name.as_str(), *share)).collect();
    assert_eq!(shares, [("b", 0.9), ("a", 0.1)]);
}

#[test]
fn every_mistake_is_shown_where_it_is_with_a_remedy() {
    // What is replaced in the good file, the replacement, and the message.
    let cases = [
        ("title = 'Survey'\n", "", "1:1 there is no `title`"),
        ("title = 'Survey'", "title = ''", "1:9 the title is empty"),
        ("title = 'Survey'", "titel = 'x'\ntitle = 'y'", "1:1 unknown key `titel`"),
        ("['https://example.org/s']", "[]", "2:10 `source` is empty"),
        ("['https://example.org/s']", "['ftp://x']", "2:11 \"ftp://x\" is not a link"),
        ("'example.org/p'", "'example.org/q'", "3:11 there is no file for the program"),
        (
            "[[margin]]\nof = 'goos'",
            "trim = 1\n[[margin]]\nof = 'goos'",
            "4:8 `trim` must be over 1",
        ),
        (
            "[[margin]]\nof = 'goos'",
            "trim = inf\n[[margin]]\nof = 'goos'",
            "4:8 `trim` must be over",
        ),
        ("[[margin]]\nof = 'goos'", "[[margin]]", "4:1 there is no `of`"),
        ("'goos'", "'GOOS os'", "5:11 a counter name cannot hold a space"),
        ("'goos'", "'GOOS'", "6:12 `GOOS` has no bucket `linux`"),
        ("0.75, darwin = 0.25", "0.75, darwin = 0.24", "6:10 the shares add up to 0.99"),
        ("0.75, darwin = 0.25", "1, darwin = 0", "6:32 the share of `darwin` must be a number"),
        ("0.75, darwin = 0.25", "nan", "6:20 the share of `linux` must be a number"),
        ("0.75, darwin = 0.25", "'1'", "6:20 the share of `linux` must be a number"),
        ("{ linux = 0.75, darwin = 0.25 }", "0.5", "6:10 `shares` must be a table"),
        ("of = 'goos'", "of = 'goos'\nat = 1", "6:1 unknown key `at`"),
        ("b = 0.9, a = 0.1", "b = 0.9, d = 0.1", "9:21 `p/client:{a,b}` has no bucket `d`"),
        ("b = 0.9, a = 0.1", "b = 1", "9:12 the bucket `a` has no share"),
        ("'p/client:{a,b}'", "'p/clients:{a,b}'", "8:6 no chart of `example.org/p` counts"),
        ("'p/client:{a,b}'", "'crash:{a,b}'", "8:6 no chart of `example.org/p` counts"),
        (
            "'p/client:{a,b}'\nshares = { b = 0.9, a = 0.1 }",
            "'goos'\nshares = { linux = 1 }",
            "8:6 there are two margins of `goos`: this and line 5",
        ),
    ];
    for (good, bad, expected) in cases {
        let text = SURVEY.replacen(good, bad, 1);
        assert_ne!(text, SURVEY, "{good}");
        let errors = check(&[("marginals/s.toml", &text)]).expect_err(expected);
        let shown = errors.iter().map(|one| {
            assert!(one.help.is_some(), "there is no way out: {one}");
            format!("{}:{} {}", one.line.unwrap_or(0), one.column.unwrap_or(0), one.message)
        });
        let shown: Vec<String> = shown.collect();
        assert!(shown.iter().any(|one| one.starts_with(expected)), "{expected}: {shown:?}");
    }
}

#[test]
fn a_version_margin_has_versions_and_file_names_are_fit_for_addresses() {
    let text = SURVEY.replace("'goos'", "'version'");
    let errors = check(&[("marginals/s.toml", &text)]).expect_err("no versions").to_string();
    assert!(errors.contains("\"linux\" is not a semantic version"), "{errors}");
    assert!(errors.contains("\"darwin\" is not a semantic version"), "both are shown: {errors}");
    let errors = check(&[("marginals/A b.toml", SURVEY)]).expect_err("a name").to_string();
    assert!(errors.contains("rename the file"), "{errors}");
    let errors = check(&[("marginals/s.toml", SURVEY), ("marginals/t/s.toml", SURVEY)]);
    let errors = errors.expect_err("one name twice").to_string();
    assert!(errors.contains("marginals/s.toml has the same name"), "{errors}");
}

#[test]
fn a_survey_may_cover_more_than_is_collected_with_a_warning() {
    let text = SURVEY.replace("darwin = 0.25", "plan9 = 0.25");
    let definitions = check(&[("marginals/s.toml", &text)]).expect("good");
    let warnings: Vec<&str> = definitions.warnings.iter().map(|w| w.message.as_str()).collect();
    assert_eq!(warnings, ["no report can come from `plan9`"]);
}

#[test]
fn marginals_never_change_what_is_collected() {
    let as_of = "2026-01-01".parse().expect("a day");
    let without = compile(&check(&[]).expect("good"), as_of).to_json();
    let with = compile(&check(&[("marginals/s.toml", SURVEY)]).expect("good"), as_of).to_json();
    assert_eq!(with, without);
}
