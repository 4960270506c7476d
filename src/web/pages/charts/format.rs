//! `/charts/@format`: the format of chart files, for programmers.

use crate::aggregate::chart_csv::{COLUMNS, LAST_COLUMNS};
use crate::aggregate::figure::{FORMAT, SLICE_REPORTS, SLICE_ROWS, SLICE_STACKS, SLICES};
use crate::aggregate::stored_charts::series::STACKS;
use crate::web::pages::layout;
use maud::{Markup, html};

/// The members of a chart in JSON.
const CHART: [(&str, &str); 17] = [
    ("id", "its name in addresses: letters, digits and hyphens; the same in every week"),
    ("title, description", "for people; the description may be absent"),
    ("kind", "partition, histogram, timeseries, ratio or stack"),
    (
        "counter, over",
        "the counter expression, and of a ratio its divisor; absent if there is none",
    ),
    ("issue", "links to the discussions in which it was accepted"),
    ("definition", "file and line, and the commit that added it (added, added_on)"),
    ("collected", "whether the newest config still collects it"),
    ("rates", "the sampling rates that were in force: config, rate, reports"),
    ("base", "the reports that could have contained its counters: reports, total, effective"),
    (
        "coverage",
        "the share of the program’s installations whose config collects it and whose version counts it",
    ),
    (
        "expected",
        "how many reports were to be expected from the weeks before: reports, low, high, and the number of these \
         weeks; null if there are none, as in a first week",
    ),
    (
        "jump",
        "present if the number of reports is outside of that: reports, expected, low, high, weeks; it says \
         nothing about the cause",
    ),
    ("rows", "one per bucket or stack"),
    ("left_out", "stacks beyond the most frequent ones; absent if there are none"),
    (
        "none",
        "the reports that contained none of its counters: reports, total, share; may be absent",
    ),
    (
        "by",
        "its slices by version, platform and toolchain: dimension, groups with label, base, rows and none, and \
         rest, the values and reports that are in no group; only in the files of one chart",
    ),
    (
        "reweighted",
        "the same weighted to published marginals: id, title, source, converged, iterations, worst, \
         trimmed, margins, base, rows",
    ),
];

/// The members of a row in JSON.
const ROW: [(&str, &str); 10] = [
    ("label", "the bucket; of a stack, the function of its innermost frame"),
    ("counter", "the counter’s whole name; may be absent"),
    ("frames", "of a stack, the functions of its frames, the innermost first"),
    ("reports", "the reports that contained it"),
    ("total", "the sum of their weights, 1/rate each: an estimate of the number of installations"),
    ("share", "value, low and high: its share of the base by weight, and the interval"),
    ("base", "the reports that could have contained it, if that is not the chart’s base"),
    ("removed", "true if only older configs collect it"),
    (
        "distribution",
        "of a ratio, its quantiles: at, value, low, high, and open if there is no upper bound",
    ),
    (
        "most",
        "the reports that counted it more often than any other row (of equal ones, the first row): reports, \
         total, share of the chart’s base; with none these add up to 1. Present where a report may have \
         several rows",
    ),
];

fn table(caption: &str, rows: &[(&str, &str)]) -> Markup {
    let table = html! {
        table {
            caption { (caption) }
            thead { tr { th scope="col" { "Name" } th scope="col" { "What it is" } } }
            tbody {
                @for (name, what) in rows {
                    tr { th scope="row" { code { (name) } } td { (what) } }
                }
            }
        }
    };
    layout::wide(caption, &table)
}

/// The page.
pub(super) fn body() -> Markup {
    html! {
        h1 { "Chart files" }
        p.lead { "Every chart is available as JSON and as CSV. This is format " (FORMAT) "." }
        p {
            "A later format may add members and columns (columns at the end). Under the same number none is "
            "removed, and none changes its meaning; ignore what you do not know."
        }
        h2 { "Addresses" }
        pre { code {
            "/charts/programs.json                    all weeks, and the programs of the newest one\n"
            "/charts/@WEEK/programs.json              the programs of a week\n"
            "/charts/PROGRAM/@WEEK/overview.json      what charts a program has, without rows\n"
            "/charts/PROGRAM/@WEEK/charts.json        all its charts, without slices\n"
            "/charts/PROGRAM/@WEEK/charts@BY.json     their slices\n"
            "/charts/PROGRAM/@WEEK/CHART.json         one chart with its slices\n"
            "/charts/PROGRAM/@WEEK/CHART.csv\n"
            "/charts/PROGRAM/@WEEK/CHART.svg\n"
            "/charts/PROGRAM/@WEEK/CHART.png          twice as large as the SVG\n"
            "/charts/PROGRAM/@WEEK/CHART.card.png     1200 by 630 pixels, for previews of links\n"
            "/charts/PROGRAM/@WEEK/CHART@BY.json      its slices by version, platform or toolchain\n"
            "/charts/PROGRAM/@WEEK..WEEK/CHART.json   one chart over weeks\n"
            "/charts/PROGRAM/@WEEK..WEEK/CHART.csv\n"
            "/charts/PROGRAM/@WEEK..WEEK/CHART.svg\n"
            "/charts/PROGRAM/@WEEK..WEEK/CHART.png"
        } }
        p {
            "PROGRAM is the program’s path, WEEK the last day of a week (a Sunday, as 2026-11-15), CHART "
            "the id of a chart, BY " code { "version" } ", " code { "platform" } " or " code { "toolchain" }
            ". The first three files of a program are in parts if it has very many charts: while there is "
            code { "next" } ", it is the address of the next one. Which weeks there are is in "
            a href="/data/index.json" { "/data/index.json" }
            ". Answers have entity tags: ask again with If-None-Match."
        }
        h2 { "JSON" }
        p {
            "The charts are inside an object that describes them: " code { "format" } ", " code { "week" } ", "
            code { "first_day" } ", " code { "edition" } " (1 and 2 may be followed by others, 3 is the last), " code { "complete" } ", " code { "confidence" } ", " code { "configs" }
            ", " code { "definitions" } ", " code { "whole_week" } " (" code { "reports" } ", "
            code { "expected" } " and " code { "jump" } " of all programs together), "
            code { "program" } ", and its " code { "reports" } ", " code { "coverage" } ", "
            code { "expected" } " and " code { "jump" } "; then " code { "charts" } ", or of one chart " code { "chart" } "."
        }
        (table("Members of a chart", &CHART))
        (table("Members of a row", &ROW))
        h3 { "Slices" }
        p {
            "A version, platform or toolchain is a slice of a chart if at least " (SLICE_REPORTS)
            " reports with it could have contained the chart’s counters. There are at most " (SLICES)
            " slices by one of them, those with the most reports, with at most " (SLICE_ROWS)
            " rows together and " (SLICE_STACKS) " stacks each. " code { "rest" }
            " counts the others: " code { "values" } ", and their " code { "reports" } ". A report with several "
            "of these values counts once for each, in groups as well as in the rest. A group has only rows that "
            "it has reports of. Slices of one chart are in " code { "by" } "; those of all are in "
            code { "charts" } ", each with its " code { "id" } " and " code { "by" } "."
        }
        h3 { "Charts over weeks" }
        p {
            code { "weeks" } " describes all weeks of the range that have charts: completeness, configs, reports. "
            code { "series" } " has the " code { "chart" } " as in its newest week, " code { "rows" }
            " with their names, and in " code { "weeks" } " for each week that has it the members of a chart and "
            "of its rows under the same names as above. " code { "row" }
            " is the place of the row’s name, from 0. Of stacks there are the " (STACKS) " most frequent. "
            code { "first_weeks" } " says for each row the first week of the range with reports of it."
        }
        p {
            "Numbers are exact: a weight is the inverse of the rate that the config named, and nothing is "
            "rounded."
        }
        h2 { "CSV" }
        p {
            "RFC 4180, in UTF-8, with a header. Each line is a row of the whole chart, of a part of it, "
            "or of a reweighting. Files over weeks have the lines of the whole chart, week after week."
        }
        (table("Columns", &COLUMNS))
        p {
            "Ratios have fifteen more: " code { "q05" } ", " code { "q05_low" } ", " code { "q05_high" }
            ", and so on for 25, 50, 75 and 95%. They are empty for other charts."
        }
        (table("The last columns", &LAST_COLUMNS))
        h3 { "Cells that look like formulas" }
        p {
            "Spreadsheets run text that begins with " code { "=" } ", " code { "+" } ", " code { "-" } " or "
            code { "@" } ". A cell of text that begins with one of these, with a tab, a carriage return or "
            "an apostrophe gets an apostrophe in front. To restore the text, remove one apostrophe from every cell "
            "that begins with one. Numbers are never negative, and never changed."
        }
    }
}
