//! The addresses of chart pages and files, written and parsed.
//!
//! ```text
//! /charts/                                programs, in the newest week
//! /charts/@2026-11-15/                    programs, in the week that ended on that day
//! /charts/@format                         the format of the JSON and CSV files
//! /charts/PROGRAM/                        a program, in its newest week
//! /charts/PROGRAM/@2026-11-15/            a program, in that week
//! /charts/PROGRAM/@2026-11-15/charts.json all its charts
//! /charts/PROGRAM/@2026-11-15/ID          one chart; or as a file: .csv, .json, .svg
//! /charts/PROGRAM/@2026-08-16..2026-11-15/     a program over weeks
//! /charts/PROGRAM/@2026-08-16..2026-11-15/ID   one chart over weeks; .csv, .svg
//! /charts/PROGRAM/@range?from=DATE&to=DATE     redirects to the weeks from one to another
//! ```
//!
//! Program paths never contain `@`, so it separates them from the rest.

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
    Svg,
}

/// What an address refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Programs(Option<Date>),
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
    Chart {
        program: String,
        weeks: Weeks,
        id: String,
        form: Form,
    },
    /// The form to choose a range of weeks.
    AskRange(String),
    /// The same address with a slash at its end.
    Elsewhere(String),
}

impl Form {
    fn ending(self) -> &'static str {
        match self {
            Form::Page => "",
            Form::Csv => ".csv",
            Form::Json => ".json",
            Form::Svg => ".svg",
        }
    }
}

impl Target {
    /// Parses what follows `/charts/`, decoded. `None` if it is not an address of charts.
    pub(super) fn parse(path: &str) -> Option<Target> {
        match path {
            "" => return Some(Target::Programs(None)),
            "@format" => return Some(Target::Format),
            _ => {}
        }
        if let Some(week) = path.strip_prefix('@') {
            return match week.strip_suffix('/') {
                Some(week) => Some(Target::Programs(Some(date(week)?))),
                None => date(week).map(|_| Target::Elsewhere(format!("{path}/"))),
            };
        }
        let Some((program, rest)) = path.split_once("/@") else {
            let program = path.strip_suffix('/');
            return Some(match program {
                Some(program) => Target::Program(program.to_owned()),
                None => Target::Elsewhere(format!("{path}/")),
            });
        };
        let program = program.to_owned();
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
            (Weeks::One(week), "charts.json") => Some(Target::AllCharts { program, week }),
            _ => {
                let forms = [Form::Csv, Form::Json, Form::Svg];
                let with_ending = forms.into_iter().find_map(|form| {
                    file.strip_suffix(form.ending()).map(|id| (id.to_owned(), form))
                });
                let (id, form) = with_ending.unwrap_or((file.to_owned(), Form::Page));
                let whole = !id.is_empty() && !id.contains(['/', '.', '@']);
                whole.then_some(Target::Chart { program, weeks, id, form })
            }
        }
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

/// A program or chart in an address, with special characters percent-encoded (RFC 3986, section 2).
fn encoded(text: &str) -> String {
    let mut address = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => address.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b'+' | b'/' => address.push(char::from(byte)),
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}

/// The page of a program.
pub(super) fn program(program: &str) -> String {
    format!("{ROOT}{}/", encoded(program))
}

/// The page of a program in some weeks.
pub(super) fn week(name: &str, weeks: Weeks) -> String {
    format!("{}{weeks}/", program(name))
}

/// A chart in some weeks.
pub(super) fn chart(program: &str, weeks: Weeks, id: &str, form: Form) -> String {
    format!("{}{}{}", week(program, weeks), encoded(id), form.ending())
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
                for form in [Form::Page, Form::Csv, Form::Json, Form::Svg] {
                    let id = "gopls-client".to_owned();
                    let address = below(chart(name, weeks, &id, form));
                    let target = Target::Chart { program: owned(), weeks, id, form };
                    assert_eq!(Target::parse(&address), Some(target));
                }
            }
        }
    }

    #[test]
    fn addresses_without_their_last_slash_redirect() {
        for path in ["cmd/go", "@2026-11-15", "cmd/go/@2026-11-15", "a/@2026-11-08..2026-11-15"] {
            assert_eq!(Target::parse(path), Some(Target::Elsewhere(format!("{path}/"))));
        }
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
            "a/@2026-11-15..2026-11-08/",
            "a/@2026-11-15/@2026-11-15/",
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
