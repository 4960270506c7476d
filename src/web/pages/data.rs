//! `/data/`: how to read the public data, its weeks with their files, and what is in them. `web::data` serves the
//! files.

use super::layout::{self, Section, Summary};
use super::project;
use crate::aggregate::edition::{LAST_AFTER, SMALLEST_BATCH};
use crate::aggregate::index::{Dataset, FORMAT, FileFormat, Index, PublicFile, week_of};
use crate::aggregate::parquet::schema::schema;
use crate::ingest::MAX_WEEK_AGE;
use crate::web::asked_address::base_address;
use crate::web::refusal::Refusal;
use crate::web::representation::Lifetime;
use crate::web::site::Site;
use crate::web::{checksums, numbers};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use jiff::civil::Date;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// What the page is about, for those who link to it.
const ABOUT: &str = "Every report in its public form, to download or to query where it is: Parquet and NDJSON, \
                     with checksums.";

/// How many weeks a page lists.
const LISTED: usize = 10;

pub(super) async fn get(
    State(site): State<Site>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let shown = site.index().await?;
    let before: Option<Date> =
        match super::config::query(&uri, "weeks-before") {
            None => None,
            Some(date) => Some(date.parse().map_err(|_| {
                Refusal::bad_request("bad request: a date is written like 2026-11-15")
            })?),
        };
    let base = base_address(&headers, &site.address());
    let key = format!("/data/ {base} {before:?} {:x}", shown.tag);
    let load = async move { Ok(shown) };
    let page = site.page(key, load, move |site, shown| {
        let licence = site.project().and_then(|project| project.licence);
        let body = body(&shown.index, &base, before, licence.as_deref());
        let title = match before {
            Some(date) => format!("Public data before {date}"),
            None => "Public data".to_owned(),
        };
        let summary = Summary::from(&title).described(ABOUT);
        layout::page(site, summary, Some(Section::Data), &body)
    });
    Ok(page.await?.respond(&headers, Lifetime::Seconds))
}

fn body(index: &Index, base: &str, before: Option<Date>, licence: Option<&str>) -> Markup {
    html! {
        h1 { "Public data" }
        p.lead {
            "Every published report is a row here, in its public form: without " code { "LastWeek" } ", with "
            code { "X" } " rounded up, and without the functions of rare stacks and of packages that no chart lists ("
            a href="/privacy#dropped" { "why" } "). All figures are computed from these rows alone, so anyone can "
            "compute them again, or others."
        }
        @if let Some(licence) = licence { p { "Licence of the data: " (project::licence(licence)) "." } }
        @if !index.problems.is_empty() {
            h2 id="problems" { "Problems" }
            p { "Not everything could be read when the data was merged. What could not be read is not counted:" }
            ul { @for problem in &index.problems { li.warn { (problem) } } }
        }
        h2 id="read" { "Read it" }
        (reading(base, newest_parquet(index)))
        h2 id="weeks" { "Weeks" }
        (weeks(index, before))
        h2 id="checksums" { "Check what you downloaded" }
        p {
            a href="/data/weeks/SHA256SUMS" { "SHA256SUMS of the weeks" } " and "
            a href="/data/days/SHA256SUMS" { "of the days" } " have the SHA-256 of every file. Next to downloaded files:"
        }
        pre { code { "curl -sO " (base) "/data/weeks/SHA256SUMS\nsha256sum --check --ignore-missing SHA256SUMS" } }
        h2 id="files" { "What is in the files" }
        p {
            "NDJSON has one report a line, with the fields on the " a href="/privacy#fields" { "privacy page" }
            " except " code { "LastWeek" } ", compressed with Zstandard or gzip. Parquet has one row for each build of a "
            "program in a report, and one for a report without any:"
        }
        (layout::wide("Columns of the Parquet files", &columns()))
        h3 id="order" { "Order and repetition" }
        p {
            "The same reports give the same bytes. Their order does not show when they arrived, and a report that "
            "was sent twice is in the data once."
        }
        h3 id="changes" { "What may still change" }
        p {
            "A day is published when it is over; again a week later, if at least "
            (numbers::counted(SMALLEST_BATCH, "report")) " came late; and a last time, with everything that is left, "
            (numbers::counted(LAST_AFTER.unsigned_abs().into(), "day")) " after it, as its reports are accepted for "
            (numbers::counted(MAX_WEEK_AGE.unsigned_abs().into(), "day")) ". Each of these is an edition. Until the "
            "last one, the files are " em { "provisional" } ": the next edition replaces them, with the same reports and "
            "more, and shows stacks that are no longer rare. After that they are " em { "final" }
            " and do not change. A week’s files change with those of its days."
        }
        h2 id="programs" { "For programs" }
        p {
            a href="/data/index.json" { "index.json" } " lists all files. Its format has a number, " code { "format" }
            ": under the same number, fields may be added, but none is removed or changed. "
            code { "/data/weeks/@latest.parquet" } " leads to the newest final week; " code { ".ndjson.zst" } " and "
            code { ".ndjson.gz" } " work as well. Pages of other sites may read everything here (CORS)."
        }
        (layout::wide("The fields of index.json", &index_fields()))
    }
}

/// The Parquet file of the newest week with reports.
fn newest_parquet(index: &Index) -> Option<&str> {
    let weeks = index.weeks.values().rev().filter(|week| week.data.reports > 0);
    let mut files = weeks.flat_map(|week| &week.data.files);
    let found = files.find(|file| file.format == FileFormat::Parquet);
    found.map(|file| file.name.as_str())
}

/// Some commands to begin with: three lines for DuckDB, and one each for other tools.
fn reading(base: &str, newest: Option<&str>) -> Markup {
    let file = format!("{base}/data/weeks/{}", newest.unwrap_or("week-2026-11-15.parquet"));
    let others = [
        (
            "pandas",
            format!(
                "python3 -c \"import pandas; print(pandas.read_parquet('{file}').groupby('program').report.nunique())\""
            ),
        ),
        (
            "ClickHouse",
            format!(
                "clickhouse local -q \"SELECT program, uniqExact(report) AS reports FROM url('{file}', Parquet) GROUP BY program\""
            ),
        ),
    ];
    html! {
        @if newest.is_none() { p { "There is no week yet. These commands will work once there is the week that they name." } }
        p { "Nothing has to be downloaded first. In DuckDB, how many reports each version has in a week:" }
        pre { code {
            "duckdb -c \"SELECT program, version, count(DISTINCT report) AS reports\n"
            "FROM '" (file) "'\n"
            "GROUP BY ALL ORDER BY program, reports DESC\""
        } }
        details {
            summary { "In pandas or ClickHouse" }
            @for (tool, line) in others { h3 { (tool) } pre { code { (line) } } }
        }
    }
}

/// A week, with its days that have data.
struct WeekOfData<'a> {
    last_day: Date,
    data: Option<&'a Dataset>,
    days: Vec<(Date, &'a Dataset)>,
}

/// All weeks, newest first. A day may be there before its week.
fn all_weeks(index: &Index) -> Vec<WeekOfData<'_>> {
    let mut weeks: BTreeMap<Date, WeekOfData<'_>> = BTreeMap::new();
    let empty = |last_day| WeekOfData { last_day, data: None, days: Vec::new() };
    for (date, week) in &index.weeks {
        weeks.entry(*date).or_insert_with(|| empty(*date)).data = Some(&week.data);
    }
    for (date, day) in &index.days {
        let last_day = week_of(*date);
        weeks.entry(last_day).or_insert_with(|| empty(last_day)).days.push((*date, day));
    }
    weeks.into_values().rev().collect()
}

/// The list of weeks, and links to older and newer ones.
fn weeks(index: &Index, before: Option<Date>) -> Markup {
    let all = all_weeks(index);
    let listed = all.iter().filter(|week| before.is_none_or(|before| week.last_day < before));
    let listed: Vec<&WeekOfData<'_>> = listed.collect();
    let page = listed.get(..LISTED.min(listed.len())).unwrap_or_default();
    let older = page.last().filter(|_| listed.len() > LISTED).map(|week| week.last_day);
    html! {
        @if page.is_empty() {
            p { "There are none yet." }
        } @else {
            (layout::wide("Weeks, newest first", &table(page)))
        }
        nav.pages aria-label="More weeks" {
            @if before.is_some() { a href="/data/" { "Newest weeks" } }
            @if let Some(older) = older { a href={ "/data/?weeks-before=" (older) } rel="next" { "Older weeks" } }
        }
    }
}

fn table(page: &[&WeekOfData<'_>]) -> Markup {
    html! {
        table.full.cells {
            caption { "Weeks, newest first. A week is named after its last day, a Sunday" }
            thead { tr {
                th scope="col" { "Week to" }
                th.number scope="col" { "Reports" }
                th scope="col" { "Files" }
                th scope="col" { "Days and checksums" }
            } }
            tbody { @for week in page { (row(week)) } }
        }
    }
}

fn row(week: &WeekOfData<'_>) -> Markup {
    let date = week.last_day;
    let all = week.data.into_iter().chain(week.days.iter().map(|(_, day)| *day));
    let sums: String = all.flat_map(|data| &data.files).map(checksums::line).collect();
    html! {
        tr id={ "week-" (date) } {
            th.nowrap scope="row" {
                (date) br;
                @if let Some(data) = week.data { (state(data)) } @else { span.mark.warn { "days only" } }
            }
            td.number data-label="Reports" { @if let Some(data) = week.data { (numbers::grouped(data.reports)) } @else { "–" } }
            td data-label="Files" { (files("weeks", week.data)) }
            td {
                details {
                    summary { (numbers::counted(week.days.len() as u64, "day")) }
                    ul.plain {
                        @for (date, day) in &week.days {
                            li {
                                (date) ", " (numbers::counted(day.reports, "report")) ", " (state(day)) " "
                                (files("days", Some(day)))
                            }
                        }
                    }
                    @if !sums.is_empty() { pre { code.hash { (sums) } } }
                }
            }
        }
    }
}

/// Links to the files of a dataset, with their sizes; Parquet first, as most want it.
fn files(folder: &str, data: Option<&Dataset>) -> Markup {
    let mut files: Vec<&PublicFile> = data.iter().flat_map(|data| &data.files).collect();
    files.sort_by_key(|file| file.format != FileFormat::Parquet);
    html! {
        @if files.is_empty() { "none" }
        @for (index, file) in files.iter().enumerate() {
            @if index > 0 { " · " }
            span.nowrap {
                a href={ "/data/" (folder) "/" (file.name) } { (format_name(file.format)) }
                " " span.muted { (numbers::size(file.bytes)) }
            }
        }
    }
}

/// What people call a format.
fn format_name(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Parquet => "Parquet",
        FileFormat::NdjsonZstd => "NDJSON (Zstandard)",
        FileFormat::NdjsonGzip => "NDJSON (gzip)",
    }
}

fn state(data: &Dataset) -> Markup {
    match data.complete {
        true => html! { span.mark.good { "final" } },
        false => html! { span.mark.warn { "provisional" } },
    }
}

fn columns() -> Markup {
    html! {
        table.cells {
            caption { "Columns of the Parquet files" }
            thead { tr {
                th scope="col" { "Column" } th scope="col" { "Type" } th scope="col" { "What is in it" }
            } }
            tbody {
                @for column in schema() {
                    tr {
                        th.term scope="row" { code { (column.name) } }
                        td data-label="Type" { code { (column.kind) } }
                        td { (column.meaning) }
                    }
                }
            }
        }
    }
}

fn index_fields() -> Markup {
    let format = format!("the number of this format: {FORMAT}");
    let fields = [
        ("format", format.as_str()),
        ("days.DATE", "the dataset of a day"),
        ("weeks.DATE.data", "the dataset of a week, which is named after its last day, a Sunday"),
        (
            "weeks.DATE.charts",
            "bytes and sha256 of the week's charts, once they exist, and made_from: a digest of what they were made from",
        ),
        ("problems", "what could not be read when the data was merged, in words"),
        ("reports, rows", "of a dataset: the number of reports, and of builds of programs in them"),
        ("text_bytes", "of a dataset: the size of its NDJSON before compression"),
        ("merges", "increases with each merge that changed something"),
        (
            "edition, published",
            "of a dataset: the number of its newest edition, from 1 to 3 (0: none), and the day on which that was published; of a week, the edition that each of its days has",
        ),
        (
            "complete",
            "of a dataset: whether that was the last edition, so that no report can be added",
        ),
        ("with_stacks", "of a dataset: how many of its reports have stacks"),
        (
            "stack_minimum",
            "of a dataset: from how many reports of the week on a stack is shown, at the latest once the week is complete; the fewest that any edition asked for",
        ),
        (
            "files",
            "of a dataset: name, format, bytes and sha256 of each file, which is below /data/days/ or /data/weeks/",
        ),
    ];
    html! {
        table.cells {
            caption { "Fields of index.json" }
            thead { tr { th scope="col" { "Field" } th scope="col" { "What is in it" } } }
            tbody {
                @for (field, meaning) in fields {
                    tr { th.term scope="row" { code { (field) } } td { (meaning) } }
                }
            }
        }
    }
}
