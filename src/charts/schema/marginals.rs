//! The keys of a file of `marginals/`.

use super::value::{expression, link, path, title, version_of};
use crate::charts::location::At;
use crate::charts::marginals::{Margin, Marginals, Property};
use crate::charts::program_path::ProgramPath;
use crate::charts::table::{Key, Problem, Reader, Shape, Table};
use crate::text::listed;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The default of `trim`: the largest weight allowed, as a multiple of the average.
const TRIM: f64 = 5.0;
/// How far from 1 the sum of shares may be: they are written with a few digits.
const TOLERANCE: f64 = 1e-6;
/// How many buckets a message names.
const SHOWN: usize = 20;

pub(super) const MARGINALS: &[Key] = &[
    Key::required("title", Shape::Text, "title = \"Developer survey 2026\"", "What was published."),
    Key::required(
        "source",
        Shape::Texts,
        "source = [\"https://example.org/survey-2026\"]",
        "Where it was published: one link or more.",
    ),
    Key::required(
        "program",
        Shape::Text,
        "program = \"golang.org/x/tools/gopls\"",
        "The program whose users it describes.",
    ),
    Key::optional(
        "trim",
        Shape::Between(1.0, f64::INFINITY),
        "trim = 5.0",
        "The largest weight that a report may get, as a multiple of the average: 5 by default.",
    ),
    Key::required("margin", Shape::Tables(MARGIN), "[[margin]]", "The shares of one property."),
];
const MARGIN: &[Key] = &[
    Key::required(
        "of",
        Shape::Text,
        "of = \"goos\"",
        "goos, goarch, platform, version, toolchain, or a group of counters, of which an installation has the one that it \
         counted most.",
    ),
    Key::required(
        "shares",
        Shape::Shares,
        "shares = { linux = 0.45, darwin = 0.3, windows = 0.25 }",
        "The share of each category in the whole population. They add up to 1.",
    ),
];

/// Reads a file of `marginals/`.
pub(in crate::charts) fn marginals(reader: &mut Reader, file: &DeTable) -> Option<Marginals> {
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

/// The name under which the file's marginals are shown and linked.
fn file_id(reader: &mut Reader) -> Option<String> {
    let path = reader.text.file().clone();
    let name = path.rsplit('/').next().unwrap_or(&path);
    let id = name.strip_suffix(".toml").unwrap_or(name);
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !id.is_empty() && id.bytes().all(plain) {
        return Some(id.to_owned());
    }
    let message = format!("{name:?} is the name of marginals, and part of their address");
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
                reader.error_at(&margin.of.location, message, "remove one of the two");
            }
            Entry::Vacant(entry) => {
                entry.insert(margin.of.location.line);
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
                let location = reader.text.location(category.span().start);
                shares.push((At { value: name.to_string(), location }, number));
            }
            _ => {
                let message = format!("the share of `{name}` must be a number over 0, at most 1");
                let help = "leave out categories without a share, and write a share like `0.45`";
                reader.error(share.span().start, message, help);
            }
        }
    }
    if shares.len() < inner.len() {
        return None;
    }
    // The parser sorts keys by name; back to the order in which people wrote them.
    shares.sort_by_key(|(category, _)| (category.location.line, category.location.column));
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    if (sum - 1.0).abs() > TOLERANCE {
        let message = format!("the shares add up to {:.9}, not to 1", sum);
        let help = "give every category its share; one like `other` may hold the rest";
        reader.error(value.span().start, message, help);
        return None;
    }
    Some(shares)
}

/// Checks that a report can be in each category.
fn check_categories(
    reader: &mut Reader,
    of: &Property,
    shares: &[(At<String>, f64)],
    program: Option<&ProgramPath>,
) -> bool {
    let mut good = true;
    let mut error = |category: &At<String>, problem: Problem| {
        reader.error_at(&category.location, problem.message, problem.help);
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
                let help = format!("its buckets are {}", listed(&buckets, SHOWN));
                error(category, Problem::new(message, help));
            }
            let given: HashSet<&str> = shares.iter().map(|(c, _)| c.value.as_str()).collect();
            let without: Vec<&String> =
                buckets.iter().filter(|bucket| !given.contains(bucket.as_str())).collect();
            if let (Some((first, _)), [_, ..]) = (shares.first(), without.as_slice()) {
                let message = match without.as_slice() {
                    [bucket] => format!("the bucket `{bucket}` has no share"),
                    _ => format!("these buckets have no share: {}", listed(&without, SHOWN)),
                };
                let help = "give each one, or leave it out of `of`: then what it counts is \
                            unknown";
                error(first, Problem::new(message, help));
            }
        }
        _ => {}
    }
    good
}
