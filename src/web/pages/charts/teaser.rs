//! The newest charts on the home page: one picture per program.

use super::address::{self, ROOT, Weeks};
use super::jump;
use super::loaded;
use super::section::{completeness, days};
use super::tables::{self, name};
use crate::aggregate::figure::{Figure, Kind, ProgramCharts, WeekCharts};
use crate::web::chart_cache::LoadedWeek;
use crate::web::draw::{self, Picture};
use crate::web::numbers::counted;
use crate::web::public::ShownIndex;
use crate::web::site::Site;
use maud::{Markup, html};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The most programs that are shown.
const PROGRAMS: usize = 6;
/// How long the home page waits for its charts.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most rows in a picture.
const ROWS: usize = 6;

/// The newest week's charts, if they exist and can be read soon. If they cannot, their own pages show the
/// error, not the home page.
pub(in crate::web) async fn newest(
    site: &Site,
    index: &Arc<ShownIndex>,
) -> Option<Arc<LoadedWeek>> {
    let newest = loaded::weeks(index).into_iter().next()?;
    let (site, index) = (site.clone(), index.clone());
    // A separate task, so that a slow load still completes for the next request.
    let load = tokio::spawn(async move { loaded::week(&site, &index, newest).await });
    timeout(PATIENCE, load).await.ok()?.ok()?.ok().flatten()
}

/// The chart to show: the first reviewed one with enough reports, or else the first with any.
fn chosen_chart(program: &ProgramCharts) -> Option<&Figure> {
    let drawn = |figure: &&Figure| {
        matches!(figure.kind, Kind::Partition | Kind::Histogram | Kind::Timeseries)
            && figure.base.reports > 0
            && !figure.rows.is_empty()
    };
    let reviewed = |figure: &&Figure| {
        figure.counter.is_some()
            && figure.collected
            && figure.rows.len() > 1
            && !draw::is_small(&figure.base)
    };
    let all = || program.charts.iter().filter(drawn);
    all().find(reviewed).or_else(|| all().next())
}

/// The newest charts, for the home page; nothing where there are none.
pub(in crate::web) fn teaser(week: &WeekCharts) -> Markup {
    let mut programs: Vec<_> = week
        .programs
        .iter()
        .filter_map(|program| Some((program, chosen_chart(program)?)))
        .collect();
    programs.sort_by(|(a, _), (b, _)| b.reports.cmp(&a.reports).then(a.program.cmp(&b.program)));
    programs.truncate(PROGRAMS);
    html! {
        @if !programs.is_empty() {
            h2 { "The newest charts" }
            p {
                (days(week)) ", from " (counted(week.reports, "report")) ". "
                (completeness(week.complete)) " " a href=(ROOT) { "All programs and weeks" }
            }
            ul.cards.teasers {
                @for (index, (program, figure)) in programs.iter().enumerate() {
                    li.card { (card(week, program, figure, index)) }
                }
            }
        }
    }
}

fn card(week: &WeekCharts, program: &ProgramCharts, figure: &Figure, index: usize) -> Markup {
    let path = program.program.as_str();
    let mut shown = figure.clone();
    // A few bars are enough here, whatever the kind of chart.
    shown.rows.truncate(ROWS);
    shown.kind = match figure.kind {
        Kind::Histogram => Kind::Histogram,
        _ => Kind::Partition,
    };
    if figure.kind == Kind::Histogram {
        shown.rows.clone_from(&figure.rows);
    }
    let left_out = figure.rows.len() - shown.rows.len();
    let picture = Picture::of_week(&shown, week.confidence);
    html! {
        h3 { a href=(address::program(path)) { (tables::path(path)) } }
        p.note {
            (name(&figure.title))
            @if left_out > 0 { ", the first " (shown.rows.len()) " of " (figure.rows.len()) " rows" }
        }
        @if let Some((of, jump)) = jump::of_chart(week, program, figure) {
            p.note { (jump::mark(of, &jump)) }
        }
        figure.drawing { (draw::inline_narrow(&picture, &format!("t{index}"), &figure.title)) }
        p.note {
            a href=(address::week(path, Weeks::One(week.week))) {
                "All " (counted(program.charts.len() as u64, "chart"))
            }
        }
    }
}
