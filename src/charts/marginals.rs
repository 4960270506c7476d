//! Published marginals: shares of a whole population, to which samples can be weighted.
//!
//! ```toml
//! # marginals/survey-2026.toml
//! title   = "Developer survey 2026"
//! source  = ["https://example.org/survey-2026"]
//! program = "golang.org/x/tools/gopls"
//! trim    = 5.0                     # no weight above 5 times the average; 5 where it is not given
//!
//! [[margin]]
//! of     = "goos"                   # goos | goarch | platform | version | toolchain
//! shares = { linux = 0.45, darwin = 0.3, windows = 0.25 }
//!
//! [[margin]]
//! of     = "gopls/client:{vscode,vim,other}"    # buckets that a chart of the program collects
//! shares = { vscode = 0.6, vim = 0.2, other = 0.2 }
//! ```
//!
//! They say how reports are weighted, never what is collected: the config does not depend on them.
//! What a report's category is, and how weights are found, is `aggregate`'s business.

use super::counter::CounterExpression;
use super::definition::{At, ChartKind, ProgramPath};
use super::diagnostic::{Diagnostic, Place, Severity};
use super::found::Found;
use super::parse::Parsed;
use super::rules::Owners;
use super::schema::{expression, link, optional, path, required, title, version_of};
use super::table::{Key, Problem, Reader, Table};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The largest weight that is allowed where a file does not say, as a multiple of the average.
const TRIM: f64 = 5.0;
/// How far from 1 shares may add up: they are written with a few digits.
const TOLERANCE: f64 = 1e-6;

const MARGINALS: &[Key] = &[
    required("title", "title = \"Developer survey 2026\""),
    required("source", "source = [\"https://example.org/survey-2026\"]"),
    required("program", "program = \"golang.org/x/tools/gopls\""),
    optional("trim", "trim = 5.0"),
    required("margin", "[[margin]]"),
];
const MARGIN: &[Key] = &[
    required("of", "of = \"goos\""),
    required("shares", "shares = { linux = 0.45, darwin = 0.3, windows = 0.25 }"),
];

/// A file of `marginals/`.
#[derive(Debug, Clone, PartialEq)]
pub struct Marginals {
    /// The file's name without folder and ending; no other file of marginals has it.
    pub id: String,
    /// What they are, for people.
    pub title: At<String>,
    /// Where they were published; at least one link.
    pub source: Vec<At<String>>,
    /// The program whose users they describe.
    pub program: At<ProgramPath>,
    /// The largest weight allowed, as a multiple of the average one; over 1.
    pub trim: f64,
    /// The margins: at least one, each of something else.
    pub margins: Vec<Margin>,
}

/// How one property is distributed in the population.
#[derive(Debug, Clone, PartialEq)]
pub struct Margin {
    /// The property.
    pub of: At<Property>,
    /// Its categories with their shares, as written; over 0, adding up to 1.
    pub shares: Vec<(At<String>, f64)>,
}

/// What a margin is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Property {
    /// The operating system, by Go's names.
    Goos,
    /// The architecture, by Go's names.
    Goarch,
    /// Both: `linux/amd64`.
    Platform,
    /// The program's version.
    Version,
    /// The toolchain that built the program.
    Toolchain,
    /// Which of these counters counted most.
    Counter(CounterExpression),
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Property::Goos => "goos",
            Property::Goarch => "goarch",
            Property::Platform => "platform",
            Property::Version => "version",
            Property::Toolchain => "toolchain",
            Property::Counter(expression) => expression.as_str(),
        })
    }
}

/// Reads a file of `marginals/`.
pub(super) fn marginals(reader: &mut Reader, file: &DeTable) -> Option<Marginals> {
    let id = file_id(reader);
    let table = reader.open(file, 0, MARGINALS);
    let title = table.string(reader, "title", title);
    let source = table.strings(reader, "source", link);
    let program = table.string(reader, "program", path);
    let trim = match table.get("trim") {
        None => Some(TRIM),
        Some(_) => table.number(reader, "trim", trim).map(|trim| trim.value),
    };
    let margins = margins(reader, &table, program.as_deref());
    Some(Marginals {
        id: id?,
        title: title?,
        source: source?,
        program: program?,
        trim: trim?,
        margins: margins?,
    })
}

/// The name under which the file's marginals are shown and linked to.
fn file_id(reader: &mut Reader) -> Option<String> {
    let path = reader.text.file().clone();
    let name = path.rsplit('/').next().unwrap_or(&path);
    let id = name.strip_suffix(".toml").unwrap_or(name);
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !id.is_empty() && id.bytes().all(plain) {
        return Some(id.to_owned());
    }
    let message = format!("{name:?} names marginals, and is part of addresses");
    reader.error(0, message, "rename the file: lower-case letters, digits and `-`");
    None
}

fn trim(number: f64) -> Result<f64, Problem> {
    if number > 1.0 && number.is_finite() {
        return Ok(number);
    }
    let message = "`trim` must be over 1: some weights are always above the average";
    Err(Problem::new(message, "write it like `trim = 5.0`"))
}

fn margins(
    reader: &mut Reader,
    table: &Table,
    program: Option<&ProgramPath>,
) -> Option<Vec<Margin>> {
    let value = table.get("margin")?;
    let DeValue::Array(array) = value.get_ref() else {
        reader.error(value.span().start, "`margin` is not a list", "begin each with `[[margin]]`");
        return None;
    };
    if array.is_empty() {
        let help = "begin one with `[[margin]]`, with `of` and `shares`";
        reader.error(value.span().start, "there is no margin", help);
    }
    let mut margins: Vec<Margin> = Vec::with_capacity(array.len());
    let mut lines: HashMap<Property, u32> = HashMap::new();
    for element in array.iter() {
        let Some(margin) = margin(reader, element, program) else { continue };
        match lines.entry(margin.of.value.clone()) {
            Entry::Occupied(first) => {
                let message = format!(
                    "there are two margins of `{}`: this and line {}",
                    margin.of.value,
                    first.get()
                );
                reader.error_at(&margin.of.place, message, "remove one of the two");
            }
            Entry::Vacant(entry) => {
                entry.insert(margin.of.place.line);
                margins.push(margin);
            }
        }
    }
    (!array.is_empty() && margins.len() == array.len()).then_some(margins)
}

fn margin(
    reader: &mut Reader,
    element: &Spanned<DeValue>,
    program: Option<&ProgramPath>,
) -> Option<Margin> {
    let start = element.span().start;
    let DeValue::Table(inner) = element.get_ref() else {
        reader.error(start, "a margin is a table", "begin it with `[[margin]]`");
        return None;
    };
    let table = reader.open(inner, start, MARGIN);
    let of = table.string(reader, "of", |text| {
        Ok(match text {
            "goos" => Property::Goos,
            "goarch" => Property::Goarch,
            "platform" => Property::Platform,
            "version" => Property::Version,
            "toolchain" => Property::Toolchain,
            _ => Property::Counter(expression(text)?),
        })
    });
    let shares = shares(reader, &table);
    let (of, shares) = (of?, shares?);
    check_categories(reader, &of.value, &shares, program).then_some(Margin { of, shares })
}

/// Reads `shares`: a table whose keys are the categories.
fn shares(reader: &mut Reader, table: &Table) -> Option<Vec<(At<String>, f64)>> {
    let value = table.get("shares")?;
    let DeValue::Table(inner) = value.get_ref() else {
        table.wrong_type(reader, "shares", "a table");
        return None;
    };
    let mut shares = Vec::with_capacity(inner.len());
    for (category, share) in inner.iter() {
        let text = match share.get_ref() {
            DeValue::Float(float) => float.as_str(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            _ => "",
        };
        let name = category.get_ref();
        match text.parse::<f64>() {
            Ok(number) if number > 0.0 && number <= 1.0 => {
                let place = reader.text.place(category.span().start);
                shares.push((At { value: name.to_string(), place }, number));
            }
            _ => {
                let message = format!("the share of `{name}` must be a number over 0, at most 1");
                let help = "leave out what nobody has, and write a share like `0.45`";
                reader.error(share.span().start, message, help);
            }
        }
    }
    if shares.len() < inner.len() {
        return None;
    }
    // The parser sorts keys by name; people wrote them in an order of their own.
    shares.sort_by_key(|(category, _)| (category.place.line, category.place.column));
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    if (sum - 1.0).abs() > TOLERANCE {
        let message = format!("the shares add up to {:.9}, and not to 1", sum);
        let help = "give every category its share; one like `other` may hold the rest";
        reader.error(value.span().start, message, help);
        return None;
    }
    Some(shares)
}

/// Checks that each category is one that a report can be of.
fn check_categories(
    reader: &mut Reader,
    of: &Property,
    shares: &[(At<String>, f64)],
    program: Option<&ProgramPath>,
) -> bool {
    let mut good = true;
    let mut error = |category: &At<String>, problem: Problem| {
        reader.error_at(&category.place, problem.message, problem.help);
        good = false;
    };
    match (of, program) {
        (Property::Version, Some(program)) => {
            let version = version_of(program);
            for (category, _) in shares {
                if let Err(problem) = version(category) {
                    error(category, problem);
                }
            }
        }
        (Property::Counter(expression), _) => {
            let buckets: Vec<String> =
                expression.names().map(|name| expression.bucket(&name).to_owned()).collect();
            let known: HashSet<&str> = buckets.iter().map(String::as_str).collect();
            for (category, _) in shares.iter().filter(|(c, _)| !known.contains(c.value.as_str())) {
                let message =
                    format!("`{}` has no bucket `{}`", expression.shortened(), category.value);
                let help = format!("its buckets are {}", listed(buckets.iter()));
                error(category, Problem::new(message, help));
            }
            let given: HashSet<&str> = shares.iter().map(|(c, _)| c.value.as_str()).collect();
            let without: Vec<&String> =
                buckets.iter().filter(|bucket| !given.contains(bucket.as_str())).collect();
            if let (Some((first, _)), [_, ..]) = (shares.first(), without.as_slice()) {
                let message = match without.as_slice() {
                    [bucket] => format!("the bucket `{bucket}` has no share"),
                    _ => format!("these buckets have no share: {}", listed(without.into_iter())),
                };
                let help = "give each one, or leave it out of `of`: then what it counts is taken \
                            for unknown";
                error(first, Problem::new(message, help));
            }
        }
        _ => {}
    }
    good
}

/// A few names, and how many more there are.
fn listed<'n>(names: impl ExactSizeIterator<Item = &'n String>) -> String {
    const SHOWN: usize = 20;
    let more = names.len().saturating_sub(SHOWN);
    let shown: Vec<&str> = names.take(SHOWN).map(String::as_str).collect();
    match more {
        0 => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The counter expressions among the properties, with their places.
pub(super) fn counters(
    marginals: &Marginals,
) -> impl Iterator<Item = (&CounterExpression, &Place)> {
    marginals.margins.iter().filter_map(|margin| match &margin.of.value {
        Property::Counter(expression) => Some((expression, &margin.of.place)),
        _ => None,
    })
}

/// Adds to `found` what breaks a rule between marginals and the other definitions:
///
/// - no two files have one name, and their program has a file in `programs/`;
/// - the counters of a margin are those of one partition, histogram or time series of the program;
/// - a category that no report can be of is a warning: a survey may know of more than is collected.
pub(super) fn check(parsed: &Parsed, owners: &Owners, found: &mut Found) {
    let reporting = Reporting::of(parsed);
    let mut first: HashMap<&str, &Marginals> = HashMap::new();
    for marginals in &parsed.marginals {
        let mut report = |severity, at: &_, message: String, help: &str| {
            let diagnostic = match parsed.texts.get(&marginals.title.place.file) {
                Some(text) => text.diagnostic_at(severity, at, message),
                None => Diagnostic::place(severity, at, message),
            };
            found.push(diagnostic.with_help(help));
        };
        if let Some(other) = first.insert(&marginals.id, marginals) {
            let message = format!("{} has the same name", other.title.place.file);
            report(Severity::Error, &marginals.title.place, message, "rename one of the files");
        }
        let program = &marginals.program;
        let listed = parsed.programs.iter().any(|p| p.program.value == program.value);
        if !listed && parsed.programs_complete {
            let message = format!("there is no file for the program `{}`", program.value);
            let help = "add one to programs/, or mend the name";
            report(Severity::Error, &program.place, message, help);
        }
        for margin in &marginals.margins {
            match &margin.of.value {
                Property::Counter(expression) => {
                    if !is_collected(owners, &program.value, expression) {
                        let message = format!(
                            "no chart of `{}` counts `{}`",
                            **program,
                            expression.shortened()
                        );
                        let help = "name counters of one of its partitions, histograms or time \
                                    series";
                        report(Severity::Error, &margin.of.place, message, help);
                    }
                }
                of => {
                    for category in reporting.unreported(of, margin) {
                        let message = format!("no report can come from `{}`", category.value);
                        let help = "its share is given to the other categories; list it in \
                                    collection.toml, or mend the name";
                        report(Severity::Warning, &category.place, message, help);
                    }
                }
            }
        }
    }
}

/// Whether one chart of the program has all these counters. A chart that was not understood is
/// none, but then the marginals are not all that is wrong.
fn is_collected(owners: &Owners, program: &ProgramPath, expression: &CounterExpression) -> bool {
    let owners = owners.get(program);
    let mut charts = expression.names().map(|name| owners?.get(&name).copied());
    let counts = |kind: &ChartKind| {
        matches!(kind, ChartKind::Partition | ChartKind::Histogram | ChartKind::Timeseries)
    };
    let Some(Some(first)) = charts.next() else { return false };
    counts(&first.kind) && charts.all(|chart| chart.is_some_and(|one| std::ptr::eq(one, first)))
}

/// From what the collection takes reports.
struct Reporting<'p>(Option<[HashSet<&'p str>; 3]>);

impl<'p> Reporting<'p> {
    fn of(parsed: &'p Parsed) -> Reporting<'p> {
        let set =
            |list: &'p [At<String>]| list.iter().map(|listed| listed.value.as_str()).collect();
        Reporting(
            parsed
                .collection
                .as_ref()
                .map(|one| [set(&one.goos), set(&one.goarch), set(&one.toolchains)]),
        )
    }

    /// The categories that the collection lists nothing for.
    fn unreported<'m>(&self, of: &Property, margin: &'m Margin) -> Vec<&'m At<String>> {
        let Some([goos, goarch, toolchains]) = &self.0 else { return Vec::new() };
        let listed = |name: &str| match of {
            Property::Goos => goos.contains(name),
            Property::Goarch => goarch.contains(name),
            Property::Platform => name.split_once('/').is_some_and(|(os, architecture)| {
                goos.contains(os) && goarch.contains(architecture)
            }),
            Property::Toolchain => toolchains.contains(name),
            Property::Version | Property::Counter(_) => true,
        };
        margin.shares.iter().map(|(category, _)| category).filter(|c| !listed(&c.value)).collect()
    }
}
