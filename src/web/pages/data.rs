//! `/data/`: a list of the public data, what it contains, and how to read it. `web::data` serves the files.

use super::layout::{self, Section};
use crate::aggregate::edition::{LAST_AFTER, SMALLEST_BATCH};
use crate::aggregate::index::{Dataset, FORMAT, FileFormat, Index};
use crate::aggregate::parquet::schema::schema;
use crate::tlog::Host;
use crate::web::numbers;
use crate::web::refusal::Refusal;
use crate::web::representation::Lifetime;
use crate::web::site::Site;
use axum::extract::State;
use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use jiff::civil::Date;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// How many weeks and days a page lists.
const LISTED: usize = 10;

pub(super) async fn get(
    State(site): State<Site>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let shown = site.index().await?;
    let before = |name| match super::config::query(&uri, name) {
        None => Ok(None),
        Some(date) => date
            .parse()
            .map(Some)
            .map_err(|_| Refusal::bad_request("bad request: a date is written like 2026-11-15")),
    };
    let pages = Pages { weeks: before("weeks-before")?, days: before("days-before")? };
    let base = base_address(&headers, &site.keys().host);
    let key = format!("/data/ {base} {pages:?} {:x}", shown.tag);
    let load = async move { Ok(shown) };
    let page = site.page(key, load, move |site, shown| {
        let body = body(&shown.index, &base, pages);
        layout::page(&site.keys().host, "Public data", Some(Section::Data), &body)
    });
    Ok(page.await?.respond(&headers, Lifetime::Seconds))
}

/// Which weeks and days are listed: the newest before these dates.
#[derive(Debug, Clone, Copy)]
struct Pages {
    weeks: Option<Date>,
    days: Option<Date>,
}

/// The site's base address, for commands that people copy: the deployment's own address, whatever the
/// request says, unless the server is accessed on the local machine.
pub(super) fn base_address(headers: &HeaderMap, host: &Host) -> String {
    let asked = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let (name, port) = match asked.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            (name, Some(port))
        }
        _ => (asked, None),
    };
    match (matches!(name, "localhost" | "127.0.0.1" | "[::1]"), port) {
        (true, Some(port)) if port.len() <= 5 => format!("http://{name}:{port}"),
        (true, None) => format!("http://{name}"),
        _ => format!("https://{host}"),
    }
}

fn body(index: &Index, base: &str, pages: Pages) -> Markup {
    let weeks: BTreeMap<Date, &Dataset> =
        index.weeks.iter().map(|(date, week)| (*date, &week.data)).collect();
    let days: BTreeMap<Date, &Dataset> =
        index.days.iter().map(|(date, day)| (*date, day)).collect();
    // The newest week with reports is the best example.
    let parquet = |data: &Dataset| {
        data.files
            .iter()
            .find(|file| file.format == FileFormat::Parquet)
            .map(|file| file.name.clone())
    };
    let example =
        weeks.values().rev().filter(|data| data.reports > 0).find_map(|data| parquet(data));
    html! {
        h1 { "Public data" }
        p.lead {
            "One row for every report in an edition, in its public form: without "
            code { "LastWeek" } ", with " code { "X" } " rounded up, and without the functions of rare "
            "stacks and of packages that no chart lists. "
            a href="/privacy#dropped" { "What is dropped, and why" }
            ". Figures are computed from these rows alone, so anyone can compute them again, or others."
        }
        @if !index.problems.is_empty() {
            h2 { "Problems" }
            p { "Not everything could be read when the data was merged. What could not be read is not counted:" }
            ul { @for problem in &index.problems { li.warn { (problem) } } }
        }
        h2 { "Weeks" }
        (section(&Listing { kind: "weeks", one: "Week to", other: pages.days.map(|d| ("days-before", d)) }, &weeks, pages.weeks))
        h2 { "Days" }
        p { "Reports by the day on which their counted week ended." }
        (section(&Listing { kind: "days", one: "Day", other: pages.weeks.map(|d| ("weeks-before", d)) }, &days, pages.days))
        h2 { "Reading it from here" }
        @if example.is_none() { p { "There is no week yet; these commands will work once the week that they name exists." } }
        (reading(base, &example.unwrap_or_else(|| "week-2026-11-15.parquet".to_owned())))
        h2 { "What is in the files" }
        p {
            "NDJSON has one report per line, with the fields that the " a href="/privacy#fields" { "privacy page" }
            " lists but for " code { "LastWeek" } ", compressed with Zstandard or gzip. Parquet holds one row for each build of a program "
            "in a report, and one for a report without any:"
        }
        (layout::wide("Columns of the Parquet files", &columns()))
        h3 { "Order and repetition" }
        p {
            "The same reports give the same bytes. Their order does not show when they arrived, and a report that "
            "was sent twice is included once."
        }
        h3 { "What may still change" }
        p {
            "A day is published in up to three editions: when it is over; a week later, if at least "
            (numbers::counted(SMALLEST_BATCH, "report")) " came late; and a last time, with everything left, "
            (numbers::counted(LAST_AFTER.unsigned_abs().into(), "day")) " after it. Until the last one its "
            "files are " em { "provisional" } ": the next edition replaces them, with the same reports and "
            "more, and shows stacks that are no longer rare. After that they are " em { "complete" }
            " and do not change. A week’s files change with those of its days."
        }
        h2 { "For machines" }
        p {
            a href="/data/index.json" { "index.json" } " lists all files. Its format has a "
            "number, " code { "format" } ": under the same number fields may be added, but none removed or changed."
        }
        (layout::wide("The fields of index.json", &index_fields()))
    }
}

/// A list, and the position of the page's other list, which its links keep.
struct Listing<'a> {
    kind: &'a str,
    one: &'a str,
    other: Option<(&'a str, Date)>,
}

fn section(listing: &Listing<'_>, all: &BTreeMap<Date, &Dataset>, before: Option<Date>) -> Markup {
    let mut newest = all.range(..before.unwrap_or(Date::MAX)).rev();
    let page: Vec<(Date, &Dataset)> =
        newest.by_ref().take(LISTED).map(|(date, data)| (*date, *data)).collect();
    let older = newest.next().and(page.last()).map(|(date, _)| *date);
    let link = |page: Option<Date>| {
        let own = page.map(|date| format!("{}-before={date}", listing.kind));
        let other = listing.other.map(|(name, date)| format!("{name}={date}"));
        let mut query: Vec<String> = own.into_iter().chain(other).collect();
        // Each page has only one address.
        query.sort_unstable();
        if query.is_empty() { "/data/".to_owned() } else { format!("/data/?{}", query.join("&")) }
    };
    if page.is_empty() {
        return html! { p { "There are none yet." } };
    }
    let caption = format!("Files of {}, newest first", listing.kind);
    html! {
        (layout::wide(&caption, &table(listing, &caption, &page)))
        nav.pages aria-label={ "More " (listing.kind) } {
            @if before.is_some() { a href=(link(None)) { "Newest " (listing.kind) } }
            @if let Some(older) = older { a href=(link(Some(older))) rel="next" { "Older " (listing.kind) } }
        }
    }
}

fn table(listing: &Listing<'_>, caption: &str, page: &[(Date, &Dataset)]) -> Markup {
    html! {
        table.full {
            caption { (caption) }
            thead { tr {
                th scope="col" { (listing.one) }
                th.number scope="col" { "Reports" }
                th.number scope="col" { "Rows" }
                th scope="col" { "File" }
                th.number scope="col" { "Size" }
                th scope="col" { "SHA-256" }
            } }
            @for (date, data) in page {
                @let lines = data.files.len().max(1);
                tbody {
                    tr {
                        th.nowrap scope="rowgroup" rowspan=(lines) { (date) br; (state(data)) }
                        td.number rowspan=(lines) { (numbers::grouped(data.reports)) }
                        td.number rowspan=(lines) { (numbers::grouped(data.rows)) }
                        @match data.files.first() {
                            Some(file) => (file_cells(listing.kind, file)),
                            None => { td colspan="3" { "no reports" } }
                        }
                    }
                    @for file in data.files.iter().skip(1) { tr { (file_cells(listing.kind, file)) } }
                }
            }
        }
    }
}

fn state(data: &Dataset) -> Markup {
    match data.complete {
        true => html! { span.mark.good { "complete" } },
        false => html! { span.mark.warn { "provisional" } },
    }
}

fn file_cells(kind: &str, file: &crate::aggregate::index::PublicFile) -> Markup {
    html! {
        td.nowrap { a href={ "/data/" (kind) "/" (file.name) } { (file.name) } }
        td.number { (numbers::size(file.bytes)) }
        td { span.hash { (file.sha256) } }
    }
}

fn reading(base: &str, name: &str) -> Markup {
    let file = format!("{base}/data/weeks/{name}");
    let lines = [
        (
            "DuckDB",
            format!(
                "duckdb -c \"SELECT program, count(DISTINCT report) AS reports FROM '{file}' GROUP BY ALL\""
            ),
        ),
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
        p { "The reports of each program in a week, with a single command in three tools:" }
        @for (tool, line) in lines { h3 { (tool) } pre { code { (line) } } }
    }
}

fn columns() -> Markup {
    html! {
        table {
            caption { "Columns of the Parquet files" }
            thead { tr {
                th scope="col" { "Column" } th scope="col" { "Type" } th scope="col" { "What is in it" }
            } }
            tbody {
                @for column in schema() {
                    tr {
                        th.term scope="row" { code { (column.name) } }
                        td { code { (column.kind) } }
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
        table {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_name_the_deployment_unless_it_is_accessed_locally() {
        let host: Host = "telemetry.example.org".parse().expect("a host");
        for (asked, base) in [
            ("telemetry.example.org", "https://telemetry.example.org"),
            ("evil.example.org", "https://telemetry.example.org"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("localhost", "http://localhost"),
            ("localhost:80", "http://localhost:80"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("127.0.0.1.evil.example.org", "https://telemetry.example.org"),
            ("localhost:80'; rm", "https://telemetry.example.org"),
            ("localhost:8080808080", "https://telemetry.example.org"),
            ("", "https://telemetry.example.org"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, asked.parse().expect("a header value"));
            assert_eq!(base_address(&headers, &host), base, "{asked}");
        }
        assert_eq!(base_address(&HeaderMap::new(), &host), "https://telemetry.example.org");
    }
}
