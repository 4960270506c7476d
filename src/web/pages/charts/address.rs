//! The addresses of chart pages and files, written and parsed.
//!
//! ```text
//! /charts/                                programs, in the newest week
//! /charts/@2026-11-15/                    programs, in the week that ended on that day
//! /charts/@all                            every chart and counter, found by name; the same as /charts/@all.json
//! /charts/@latest/...                     redirects to the newest final week; also below PROGRAM
//! /charts/@format                         the format of the JSON and CSV files
//! /charts/PROGRAM/                        a program, in its newest week
//! /charts/PROGRAM/@2026-11-15/            a program, in that week
//! /charts/programs.json                   the programs of the newest week; also /charts/@2026-11-15/programs.json
//! /charts/PROGRAM/@2026-11-15/overview.json    what charts it has
//! /charts/PROGRAM/@2026-11-15/charts.json all its charts
//! /charts/PROGRAM/@2026-11-15/@all        all its charts on one page; also of a range of weeks
//! /charts/PROGRAM/@2026-11-15/charts@version.json   their slices; also platform, toolchain
//! /charts/PROGRAM/@2026-11-15/ID          one chart; or as a file: .csv, .json, .sql, .svg, .png; or as a .badge.svg
//! /charts/PROGRAM/@2026-11-15/ID.card.png its picture for previews of links, 1200 by 630
//! /charts/PROGRAM/@2026-11-15/ID@version.json  its slices; also platform, toolchain
//! /charts/PROGRAM/ID                      one chart, in its newest final week; its files redirect to that week
//! /charts/PROGRAM/@2026-08-16..2026-11-15/     a program over weeks
//! /charts/PROGRAM/@2026-08-16..2026-11-15/ID   one chart over weeks; .csv, .json, .svg, .png, .card.png
//! /charts/PROGRAM/@range?from=DATE&to=DATE     redirects to the weeks from one to another
//! ```
//!
//! Program paths never contain `@`, so it separates them from the rest.

use crate::aggregate::chart_csv::name_of;
use crate::aggregate::figure::Dimension;
use crate::percent;
use crate::web::latest::LATEST;
use jiff::civil::Date;
use std::fmt::{self, Display, Formatter};

/// The root of all chart addresses.
pub(super) const ROOT: &str = "/charts/";

/// The weeks that a page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weeks {
    /// The one that ended on this day.
    One(Date),
    /// From the week that ended on the first day to the one that ended on the second.
    Range(Date, Date),
}

/// The form of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Page,
    Csv,
    Json,
    Sql,
    Svg,
    Png,
    /// A picture for previews of links.
    Card,
    /// One line, for the front page of a repository.
    Badge,
}

/// What an address refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Programs(Option<Date>),
    Find,
    FindJson,
    /// The same as JSON.
    ProgramsJson(Option<Date>),
    Format,
    Program(String),
    Week {
        program: String,
        weeks: Weeks,
    },
    AllCharts {
        program: String,
        week: Date,
    },
    /// All charts of a program on one page.
    Everything {
        program: String,
        weeks: Weeks,
    },
    /// What charts a program has.
    Overview {
        program: String,
        week: Date,
    },
    /// The slices of one chart, or of all.
    Slices {
        program: String,
        week: Date,
        id: Option<String>,
        by: Dimension,
    },
    Chart {
        program: String,
        weeks: Weeks,
        id: String,
        form: Form,
    },
    /// A chart in its newest final week; or, if there is no such chart, a program without the slash at the
    /// end of its address.
    NewestChart {
        program: String,
        id: String,
        form: Form,
    },
    /// The form to choose a range of weeks.
    AskRange(String),
    /// The newest final week, of a program or of all; and what follows it in the address.
    Latest {
        program: Option<String>,
        rest: String,
    },
    /// The same address with a slash at its end.
    Elsewhere(String),
}

impl Form {
    fn ending(self) -> &'static str {
        match self {
            Form::Page => "",
            Form::Csv => ".csv",
            Form::Json => ".json",
            Form::Sql => ".sql",
            Form::Svg => ".svg",
            Form::Png => ".png",
            Form::Card => ".card.png",
            Form::Badge => ".badge.svg",
        }
    }
}

impl Target {
    /// Parses what follows `/charts/`, decoded. `None` if it is not an address of charts.
    pub(super) fn parse(path: &str) -> Option<Target> {
        match path {
            "" => return Some(Target::Programs(None)),
            "@all" => return Some(Target::Find),
            "@all.json" => return Some(Target::FindJson),
            "@format" => return Some(Target::Format),
            "programs.json" => return Some(Target::ProgramsJson(None)),
            _ => {}
        }
        if let Some(rest) = path.strip_prefix(LATEST) {
            return latest(None, rest);
        }
        if let Some(week) = path.strip_prefix('@') {
            if let Some(week) = week.strip_suffix("/programs.json") {
                return Some(Target::ProgramsJson(Some(date(week)?)));
            }
            return match week.strip_suffix('/') {
                Some(week) => Some(Target::Programs(Some(date(week)?))),
                None => date(week).map(|_| Target::Elsewhere(format!("{path}/"))),
            };
        }
        let Some((program, rest)) = path.split_once("/@") else {
            let program = path.strip_suffix('/');
            return Some(match (program, path.rsplit_once('/')) {
                (Some(program), _) => Target::Program(program.to_owned()),
                (None, Some((program, file))) => match parsed(file, &OF_A_WEEK) {
                    Some((id, form)) => {
                        Target::NewestChart { program: program.to_owned(), id, form }
                    }
                    None => Target::Elsewhere(format!("{path}/")),
                },
                (None, None) => Target::Elsewhere(format!("{path}/")),
            });
        };
        let program = program.to_owned();
        // What separates the two is the at sign of `@latest`.
        if let Some(rest) = rest.strip_prefix(LATEST.trim_start_matches('@')) {
            return latest(Some(program), rest);
        }
        if rest == "range" {
            return Some(Target::AskRange(program));
        }
        let Some((week, file)) = rest.split_once('/') else {
            weeks(rest)?;
            return Some(Target::Elsewhere(format!("{path}/")));
        };
        let weeks = weeks(week)?;
        match (weeks, file) {
            (_, "") => Some(Target::Week { program, weeks }),
            (_, "@all") => Some(Target::Everything { program, weeks }),
            (Weeks::One(week), "charts.json") => Some(Target::AllCharts { program, week }),
            (Weeks::One(week), "overview.json") => Some(Target::Overview { program, week }),
            (Weeks::One(week), file) if file.contains('@') => {
                let (id, by) = file.strip_suffix(".json")?.split_once('@')?;
                let by = Dimension::ALL.into_iter().find(|known| name_of(*known) == by)?;
                let id = (id != "charts").then(|| id.to_owned());
                let whole = id.as_ref().is_none_or(|id| is_id(id));
                whole.then_some(Target::Slices { program, week, id, by })
            }
            _ => {
                let (id, form) = match weeks {
                    Weeks::One(_) => parsed(file, &OF_A_WEEK)?,
                    Weeks::Range(..) => parsed(file, &OF_WEEKS)?,
                };
                Some(Target::Chart { program, weeks, id, form })
            }
        }
    }
}

/// The files of a chart in a week, and over weeks.
/// A card's and a badge's endings end with those of pictures.
const OF_A_WEEK: [Form; 7] =
    [Form::Csv, Form::Json, Form::Sql, Form::Badge, Form::Svg, Form::Card, Form::Png];
const OF_WEEKS: [Form; 5] = [Form::Csv, Form::Json, Form::Svg, Form::Card, Form::Png];

/// The id of a chart, and the form that the ending of its file names.
fn parsed(file: &str, forms: &[Form]) -> Option<(String, Form)> {
    let with_ending = forms
        .iter()
        .find_map(|form| file.strip_suffix(form.ending()).map(|id| (id.to_owned(), *form)));
    let (id, form) = with_ending.unwrap_or((file.to_owned(), Form::Page));
    is_id(&id).then_some((id, form))
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && !id.contains(['/', '.', '@'])
}

/// What an address with `@latest` refers to, given what follows that.
fn latest(program: Option<String>, rest: &str) -> Option<Target> {
    let rest = if rest.is_empty() { "/" } else { rest };
    // It must be an address once the week is known.
    let name = program.as_deref().map(|name| format!("{name}/")).unwrap_or_default();
    let some_week = format!("{name}{}{rest}", Weeks::One(Date::ZERO));
    match Target::parse(&some_week)? {
        Target::Elsewhere(_) => None,
        _ => Some(Target::Latest { program, rest: rest.to_owned() }),
    }
}

fn date(text: &str) -> Option<Date> {
    // A date has only one form in these addresses.
    text.parse().ok().filter(|date: &Date| date.to_string() == text)
}

fn weeks(text: &str) -> Option<Weeks> {
    match text.split_once("..") {
        None => Some(Weeks::One(date(text)?)),
        Some((from, to)) => {
            let (from, to) = (date(from)?, date(to)?);
            (from <= to).then_some(Weeks::Range(from, to))
        }
    }
}

/// The weeks of a form's query, in order.
pub(super) fn asked_range(query: &str) -> Option<(Date, Date)> {
    let value = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(key, _)| *key == name).and_then(|(_, value)| date(value))
    };
    let (from, to) = (value("from")?, value("to")?);
    Some((from.min(to), from.max(to)))
}

impl Display for Weeks {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Weeks::One(week) => write!(f, "@{week}"),
            Weeks::Range(from, to) => write!(f, "@{from}..{to}"),
        }
    }
}

/// A whole address, given what follows `/charts/`.
pub(super) fn whole(path: &str) -> String {
    let parts: Vec<String> = path.split('@').map(percent::path).collect();
    format!("{ROOT}{}", parts.join("@"))
}

/// The page of a program.
pub(in crate::web) fn program(program: &str) -> String {
    format!("{ROOT}{}/", percent::path(program))
}

/// The page of a program in some weeks.
pub(super) fn week(name: &str, weeks: Weeks) -> String {
    format!("{}{weeks}/", program(name))
}

/// A chart in some weeks.
pub(super) fn chart(program: &str, weeks: Weeks, id: &str, form: Form) -> String {
    format!("{}{}{}", week(program, weeks), percent::path(id), form.ending())
}

/// A chart in its newest final week.
pub(super) fn newest_chart(name: &str, id: &str, form: Form) -> String {
    format!("{}{}{}", program(name), percent::path(id), form.ending())
}

/// The name under which a file is saved, made of characters that all file systems allow.
pub(super) fn file_name(program: &str, weeks: Weeks, id: &str, form: Form) -> String {
    let base = program.rsplit('/').next().unwrap_or_default();
    let name = format!("{base}-{id}-{}", weeks.to_string().trim_start_matches('@'));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().map(|c| if plain(c) { c } else { '-' }).collect();
    format!("{}{}", name.trim_start_matches('.').replace("..", "_"), form.ending())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn addresses_are_parsed_back() {
        let names = ["golang.org/x/tools/gopls", "cmd/go", "a.b/~c+d", "charts.json", "x"];
        let one = Weeks::One(date(2026, 11, 15));
        let range = Weeks::Range(date(2026, 8, 16), date(2026, 11, 15));
        for name in names {
            let below = |address: String| address.strip_prefix(ROOT).expect("the root").to_owned();
            let owned = || name.to_owned();
            assert_eq!(Target::parse(&below(program(name))), Some(Target::Program(owned())));
            for weeks in [one, range] {
                let target = Target::Week { program: owned(), weeks };
                assert_eq!(Target::parse(&below(week(name, weeks))), Some(target));
                let all = format!("{}@all", below(week(name, weeks)));
                let target = Target::Everything { program: owned(), weeks };
                assert_eq!(Target::parse(&all), Some(target));
                for form in [Form::Page, Form::Csv, Form::Json, Form::Svg, Form::Png, Form::Card] {
                    let id = "gopls-client".to_owned();
                    let address = below(chart(name, weeks, &id, form));
                    let newest = below(newest_chart(name, &id, form));
                    let target = Target::NewestChart { program: owned(), id: id.clone(), form };
                    assert_eq!(Target::parse(&newest), Some(target));
                    let target = Target::Chart { program: owned(), weeks, id, form };
                    assert_eq!(Target::parse(&address), Some(target));
                }
            }
        }
    }

    #[test]
    fn addresses_of_data_are_parsed() {
        let week = date(2026, 11, 15);
        let slices = |id: Option<&str>, by| Target::Slices {
            program: "a/b".to_owned(),
            week,
            id: id.map(str::to_owned),
            by,
        };
        for (path, target) in [
            ("programs.json", Target::ProgramsJson(None)),
            ("@2026-11-15/programs.json", Target::ProgramsJson(Some(week))),
            ("a/b/@2026-11-15/overview.json", Target::Overview { program: "a/b".to_owned(), week }),
            ("a/b/@2026-11-15/c-d@version.json", slices(Some("c-d"), Dimension::Version)),
            ("a/b/@2026-11-15/charts@toolchain.json", slices(None, Dimension::Toolchain)),
        ] {
            assert_eq!(Target::parse(path), Some(target), "{path}");
        }
    }

    #[test]
    fn latest_stands_for_a_week() {
        let latest = |program: Option<&str>, rest: &str| {
            Some(Target::Latest { program: program.map(str::to_owned), rest: rest.to_owned() })
        };
        assert_eq!(Target::parse("@latest"), latest(None, "/"));
        assert_eq!(Target::parse("@latest/"), latest(None, "/"));
        for rest in ["/", "/charts.json", "/verbs", "/verbs.csv", "/verbs.svg", "/verbs.badge.svg"]
        {
            assert_eq!(
                Target::parse(&format!("cmd/go/@latest{rest}")),
                latest(Some("cmd/go"), rest)
            );
        }
        for path in ["@latest/x", "@latestx", "a/@latestx/", "a/@latest/b/c", "a/@latest/.svg"] {
            assert_eq!(Target::parse(path), None, "{path}");
        }
        let badge = Target::Chart {
            program: "a".to_owned(),
            weeks: Weeks::One(date(2026, 11, 15)),
            id: "b".to_owned(),
            form: Form::Badge,
        };
        assert_eq!(Target::parse("a/@2026-11-15/b.badge.svg"), Some(badge));
        assert_eq!(Target::parse("a/@2026-11-08..2026-11-15/b.badge.svg"), None);
    }

    #[test]
    fn addresses_without_their_last_slash_redirect() {
        for path in
            ["go", "a/b.c", "@2026-11-15", "cmd/go/@2026-11-15", "a/@2026-11-08..2026-11-15"]
        {
            assert_eq!(Target::parse(path), Some(Target::Elsewhere(format!("{path}/"))));
        }
        // Only the charts tell whether this is a program or a chart.
        let (program, id) = ("cmd".to_owned(), "go".to_owned());
        let target = Target::NewestChart { program, id, form: Form::Page };
        assert_eq!(Target::parse("cmd/go"), Some(target));
    }

    #[test]
    fn malformed_addresses_are_not_parsed() {
        for path in [
            "@",
            "@x/",
            "@2026-13-01/",
            "@20261115/",
            "a/@",
            "a/@x/",
            "a/@2026-11-15/b/c",
            "a/@2026-11-15/.svg",
            "a/@2026-11-15/a.b.svg",
            "a/@2026-11-15/.card.png",
            "a/@2026-11-15..2026-11-08/",
            "a/@2026-11-15/@2026-11-15/",
            "a/@2026-11-15/b@nothing.json",
            "a/@2026-11-15/@version.json",
            "a/@2026-11-15/b@version",
            "a/@2026-11-08..2026-11-15/b@version.json",
            "@x/programs.json",
        ] {
            assert_eq!(Target::parse(path), None, "{path}");
        }
    }

    #[test]
    fn a_form_s_weeks_are_put_in_order() {
        let (early, late) = (date(2026, 11, 8), date(2026, 11, 15));
        assert_eq!(asked_range("from=2026-11-15&to=2026-11-08"), Some((early, late)));
        assert_eq!(asked_range("to=2026-11-15&x=1&from=2026-11-08"), Some((early, late)));
        assert_eq!(asked_range("from=2026-11-15"), None);
    }

    #[test]
    fn file_names_only_have_safe_characters() {
        let week = Weeks::One(date(2026, 11, 15));
        assert_eq!(file_name("a.b/gopls", week, "x", Form::Csv), "gopls-x-2026-11-15.csv");
        let range = Weeks::Range(date(2026, 11, 8), date(2026, 11, 15));
        let name = file_name("a/..\"\r\n;ü", range, "x", Form::Svg);
        assert_eq!(name, "------x-2026-11-08_2026-11-15.svg");
    }
}
