//! A chart used elsewhere: its files, a citation, a picture to embed, and the query that computes it again.

use super::address::{self, Form};
use super::section::days;
use super::shown::Shown;
use super::tables::name;
use crate::aggregate::recompute;
use crate::web::draw;
use crate::web::numbers::counted;
use maud::{Markup, html};

/// A citation of the chart in its week, which never changes once the week is final.
fn citation(shown: &Shown<'_>) -> String {
    let Shown { site, week, charts, figure, .. } = *shown;
    let state = if week.complete { "final" } else { "provisional" };
    format!(
        "“{}”, {}, week of {} ({state}, n = {}). {}. {site}{}",
        figure.title,
        charts.program,
        days(week),
        counted(figure.base.reports, "report"),
        site.host(),
        shown.file(Form::Page),
    )
}

/// HTML that shows the newest final week of the chart on another site.
fn embedded(shown: &Shown<'_>) -> String {
    let Shown { site, charts, figure, .. } = *shown;
    let address = |form| address::newest_chart(&charts.program, &figure.id, form);
    let snippet = html! {
        a href={ (site) (address(Form::Page)) } {
            img src={ (site) (address(Form::Svg)) } alt={ (draw::plain(&figure.title)) ", " (draw::plain(&charts.program)) };
        }
    };
    snippet.into_string()
}

/// Files, citation, picture and query.
pub(super) fn sharing(shown: &Shown<'_>) -> Markup {
    let Shown { figure, .. } = *shown;
    let file = |form| shown.file(form);
    html! {
        dl.facts.chart {
            dt { "Files" }
            dd.files {
                a href=(file(Form::Csv)) download { "CSV" } " "
                a href=(file(Form::Json)) { "JSON" } " "
                a href=(file(Form::Svg)) { "SVG" } " "
                a href=(file(Form::Png)) { "PNG" } " "
                a href="/charts/@format" { "their format" }
            }
            @if figure.base.reports > 0 {
                dt { "Cite" }
                dd { p.quoted { (name(&citation(shown))) } }
            }
            dt { "Embed" }
            dd {
                p { "A picture of the newest final week, which replaces itself:" }
                pre tabindex="0" { code { (embedded(shown)) } }
            }
            @if shown.has_data {
                dt { "Compute it again" }
                dd {
                    p {
                        "From the public data of the week, with DuckDB. The intervals follow from these counts and "
                        "weights."
                    }
                    pre tabindex="0" { code { "curl -s " (shown.base) (file(Form::Sql)) " | duckdb" } }
                    details {
                        summary { "The query" }
                        p.note {
                            a href=(file(Form::Sql)) { "This week’s query" }
                            " has names and rates in the place of the braces."
                        }
                        pre tabindex="0" { code { (recompute::template(figure)) } }
                    }
                }
            }
        }
    }
}
