//! The figures on the home page: how many installations a week stands for, and three charts in short.
//!
//! They are of the newest week whose reports have all arrived, or of the newest week if there is none. Of the
//! reviewed charts that are still collected and have enough reports, those are shown whose figure
//! ([`headline`](super::headline)) changed most beyond what chance explains, at most [`OF_PROGRAM`] of one program;
//! then the first ones of the programs with the most reports.

use super::address::{self, ROOT, Weeks};
use super::card::{self, Card};
use super::headline::APART;
use super::in_week;
use super::jump;
use super::loaded::{self, Series, Which};
use super::program;
use super::section::days;
use super::tables;
use crate::aggregate::figure::{ProgramCharts, WeekCharts};
use crate::aggregate::index::Index;
use crate::aggregate::statistics::total::installations;
use crate::web::draw;
use crate::web::numbers;
use crate::web::numbers::{counted, grouped};
use crate::web::public::ShownIndex;
use crate::web::refusal::Refusal;
use crate::web::site::Site;
use jiff::ToSpan;
use jiff::civil::Date;
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How many charts are shown.
const SHOWN: usize = 3;
/// How many of one program.
const OF_PROGRAM: usize = 2;
/// How many are compared exactly.
const CANDIDATES: usize = 12;
/// How many weeks their trends have.
const TREND: i64 = 13;
/// The most programs that are named.
const PROGRAMS: usize = 8;
/// How many of a program's charts are looked at.
const CHARTS: usize = 64;
/// How long the home page waits for its charts.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the home page shows.
#[derive(Debug)]
pub(in crate::web) struct Front {
    /// The programs with the most reports: their paths, reports, and how many charts they have.
    programs: Vec<(String, u64, u64)>,
    /// How many programs there are.
    all: usize,
    /// The newest week, without programs.
    week: WeekCharts,
    /// The first charts of these programs in that week, and over the weeks that their trends have.
    charts: Vec<(ProgramCharts, Series)>,
}

/// What the home page shows of the charts, if there are any and they can be read soon. If they cannot, their own
/// pages show the error, not the home page.
pub(in crate::web) async fn front(site: &Site, index: &Arc<ShownIndex>) -> Option<Front> {
    let charted = loaded::weeks(index);
    let is_final = |week: &&Date| index.index.weeks.get(week).is_some_and(|w| w.data.complete);
    let newest = *charted.iter().find(is_final).or(charted.first())?;
    let (site, index) = (site.clone(), index.clone());
    // A separate task, so that a slow load still completes for the next request.
    let load = tokio::spawn(async move { load_front(&site, &index, newest).await });
    timeout(PATIENCE, load).await.ok()?.ok()?.ok().flatten()
}

async fn load_front(
    site: &Site,
    index: &Arc<ShownIndex>,
    newest: Date,
) -> Result<Option<Front>, Refusal> {
    let Some(outline) = loaded::outline(site, index, newest).await? else { return Ok(None) };
    let all = outline.outline.programs.iter().map(|of| {
        let ProgramCharts { program, reports, .. } = &of.program;
        (program.clone(), *reports, of.charts)
    });
    let mut programs: Vec<(String, u64, u64)> = all.collect();
    let all = programs.len();
    programs.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    programs.truncate(PROGRAMS);
    let weeks = (newest.saturating_sub((TREND - 1).weeks()), newest);
    let mut loads = JoinSet::new();
    for (number, (program, ..)) in programs.iter().enumerate() {
        let (site, index, program) = (site.clone(), index.clone(), program.clone());
        loads.spawn(async move {
            let which = Which::First(CHARTS);
            (number, loaded::series(&site, &index, &program, weeks, which).await)
        });
    }
    let mut all_series = BTreeMap::new();
    while let Some(done) = loads.join_next().await {
        let stopped = |_| Refusal::unavailable("reading was interrupted; try again");
        let (number, series) = done.map_err(stopped)?;
        all_series.insert(number, series?);
    }
    let mut week = None;
    let mut charts = Vec::new();
    for series in all_series.into_values() {
        week = week.or_else(|| series.weeks.get(&newest).cloned());
        charts.extend(series.in_week(newest).map(|found| (found, series)));
    }
    Ok(week.map(|week| Front { programs, all, week, charts }))
}

/// The charts to show, in order, and of how many they were chosen.
fn chosen(front: &Front) -> (Vec<Card<'_>>, usize) {
    let week = &front.week;
    let mut programs: Vec<&(ProgramCharts, Series)> = front.charts.iter().collect();
    programs.sort_by(|(a, _), (b, _)| b.reports.cmp(&a.reports).then(a.program.cmp(&b.program)));
    let mut cards: Vec<(f64, Card<'_>)> = Vec::new();
    for (charts, series) in programs {
        for figure in &charts.charts {
            if figure.counter.is_none() || !figure.collected || draw::is_small(&figure.base) {
                continue;
            }
            let before = in_week::before(series, figure, week.week);
            let mut card =
                program::card(week, charts, figure, &before, (Weeks::One(week.week), APART));
            card.jump = jump::of_chart(week, charts, figure);
            let Some(headline) = &card.headline else { continue };
            let beyond = headline.change().map_or(0.0, |change| change.beyond_roughly());
            cards.push((beyond, card));
        }
    }
    let has_change = |(_, card): &&(f64, Card<'_>)| {
        card.headline.as_ref().and_then(|headline| headline.change()).is_some()
    };
    let compared = cards.iter().filter(has_change).count();
    // Stable: charts without a clear change stay in their order.
    cards.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    cards.truncate(CANDIDATES);
    card::compute(&cards.iter().map(|(_, card)| card).collect::<Vec<_>>());
    for (beyond, card) in &mut cards {
        let change = card.headline.as_ref().and_then(|headline| headline.change());
        *beyond = change.map_or(0.0, |change| change.beyond(week.confidence));
    }
    cards.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut chosen: Vec<Card<'_>> = Vec::new();
    for most in [OF_PROGRAM, SHOWN] {
        let mut left = Vec::new();
        for (beyond, card) in cards {
            let of_program = chosen.iter().filter(|other| other.program == card.program).count();
            // Without a change worth showing, programs take turns.
            let most = if beyond > 0.0 { most } else { most - 1 };
            match chosen.len() < SHOWN && of_program < most {
                true => chosen.push(card),
                false => left.push((beyond, card)),
            }
        }
        cards = left;
    }
    (chosen, compared)
}

/// How many installations a week's reports stand for, and what is known of that.
fn stand_for(week: &WeekCharts) -> Markup {
    let sampled = || week.configs.iter().map(|config| (config.reports, config.sample_rate));
    let Some(number) = installations(sampled(), week.confidence) else { return html! {} };
    let all_sent = number.high <= number.low;
    html! {
        p.lead-figure {
            span.value { (numbers::total(number.value)) }
            " installations that opted in, in the week of " (days(week))
        }
        p {
            @match all_sent {
                true => {
                    (counted(week.reports, "report")) ": every installation that opted in was asked. Those whose reports "
                    "did not reach this site are not in it."
                }
                false => {
                    "An estimate from " (counted(week.reports, "report")) ", each of which stands for as "
                    "many installations as its sampling rate says. The true number lies between "
                    (numbers::total(number.low)) " and " (numbers::total(number.high)) " with "
                    (numbers::confidence(week.confidence)) " confidence."
                }
            }
            " How many people did not opt in is not known."
            @match week.complete {
                true => " It is the newest week whose reports have all arrived.",
                false => " Reports of this week may still arrive.",
            }
        }
    }
}

/// Weeks that ended longer ago than this are old: the newest one ends with the week that is running, and its reports
/// come within days.
const OLD: i32 = 15;

/// How many days ago the newest week with reports ended, if that is long ago.
pub(in crate::web) fn old(index: &Index, today: Date) -> Option<(Date, i32)> {
    let mut weeks = index.weeks.iter().rev();
    let (newest, _) = weeks.find(|(_, week)| week.data.reports > 0)?;
    let days = today.since((jiff::Unit::Day, *newest)).ok()?.get_days();
    (days > OLD).then_some((*newest, days))
}

/// That nothing new has come for long.
pub(in crate::web) fn nothing_new(old: Option<(Date, i32)>) -> Markup {
    html! {
        @if let Some((newest, days)) = old {
            p.warn {
                "The newest week with reports ended " (days) " days ago, on " time datetime=(newest) { (newest) }
                ". No newer report has been published here."
            }
        }
    }
}

/// The figures, for the home page; empty if there are none.
pub(in crate::web) fn figures(front: &Front) -> Markup {
    let week = &front.week;
    let (cards, compared) = chosen(front);
    let changed = |card: &Card<'_>| {
        let change = card.headline.as_ref().and_then(|headline| headline.change());
        change.is_some_and(|change| change.is_beyond(week.confidence))
    };
    html! {
        (stand_for(week))
        @if !cards.is_empty() {
            h2 {
                @match cards.iter().any(changed) {
                    true => "What changed most",
                    false => "Some of the reviewed charts",
                }
            }
            (card::grid(&cards, true))
            (card::explained(week.confidence, &format!("{APART} weeks"), compared))
            @if cards.iter().any(changed) && compared > cards.len() {
                p.note {
                    "These changed most of " (grouped(compared as u64)) " reviewed charts. The largest of many changes look "
                    "larger than they are."
                }
            }
        }
        @if !front.programs.is_empty() {
            h2 { "All figures" }
            p { "Of the same week, " (days(week)) ":" }
            ul.parts {
                @for (program, reports, charts) in &front.programs {
                    li {
                        a href=(address::week(program, Weeks::One(week.week))) { (tables::path(program)) }
                        br;
                        (counted(*reports, "report")) ", " (counted(*charts, "chart"))
                    }
                }
                @if front.all > front.programs.len() {
                    li { a href=(ROOT) { "All " (front.all) " programs" } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::index::{Dataset, Week};
    use jiff::civil::date;

    #[test]
    fn a_site_without_new_reports_says_since_when() {
        let mut index = Index::default();
        let today = date(2026, 11, 28);
        assert_eq!(old(&index, today), None);
        for (week, reports) in
            [(date(2026, 11, 1), 3), (date(2026, 11, 8), 3), (date(2026, 11, 15), 0)]
        {
            let data = Dataset { reports, ..Dataset::default() };
            index.weeks.insert(week, Week { data, charts: None });
        }
        assert_eq!(old(&index, today), Some((date(2026, 11, 8), 20)));
        assert_eq!(old(&index, date(2026, 11, 23)), None);
        let said = nothing_new(old(&index, today)).into_string();
        assert!(said.contains("ended 20 days ago, on <time datetime=\"2026-11-08\">"), "{said}");
    }
}
