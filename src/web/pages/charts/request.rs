//! A request for charts: loads the weeks it needs, and answers if they do not exist.

use super::address::{self, ROOT, Weeks};
use super::loaded;
use super::trend::{MOST_WEEKS, TIME_SERIES};
use super::{programs, tables};
use crate::aggregate::figure::{Figure, Kind, ProgramCharts};
use crate::aggregate::index::week_of;
use crate::web::chart_cache::LoadedWeek;
use crate::web::content_policy::PAGE_POLICY;
use crate::web::pages::layout::{self, Section};
use crate::web::pages::words;
use crate::web::public::ShownIndex;
use crate::web::refusal::{Refusal, reads_pages};
use crate::web::representation::{Content, Lifetime, Representation};
use crate::web::site::Site;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use maud::{Markup, html};
use std::sync::Arc;

/// A request about charts.
pub(super) struct Request {
    pub(super) site: Site,
    pub(super) index: Arc<ShownIndex>,
    pub(super) headers: HeaderMap,
    /// The weeks that have charts, newest first.
    pub(super) weeks: Vec<Date>,
}

/// Why a request cannot be answered.
pub(super) enum Failure {
    /// It does not exist: a sentence, and links to what does.
    Missing(String, Vec<(String, String)>),
    Refused(Refusal),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(refusal)
    }
}

/// A failure for what does not exist, with links to what does.
pub(super) fn missing(sentence: impl Into<String>, links: &[(String, String)]) -> Failure {
    Failure::Missing(sentence.into(), links.to_vec())
}

impl Request {
    pub(super) async fn newest_with(
        &self,
        program: &str,
    ) -> Result<(Date, Arc<LoadedWeek>), Failure> {
        // A program that is in none of these weeks can still be found by week.
        for week in self.weeks.iter().take(TIME_SERIES as usize) {
            let outline = loaded::outline(&self.site, &self.index, *week).await?;
            if outline.is_some_and(|outline| outline.program(program).is_some()) {
                return Ok((*week, self.loaded(program, *week).await?));
            }
        }
        Err(missing(format!("not found: there are no charts of {program}"), &[]))
    }

    pub(super) async fn loaded(
        &self,
        program: &str,
        week: Date,
    ) -> Result<Arc<LoadedWeek>, Failure> {
        let loaded = loaded::week(&self.site, &self.index, week).await?;
        let loaded = loaded.ok_or_else(|| self.no_week(week))?;
        if loaded.program(program).is_none() {
            let links =
                [("Programs of that week".to_owned(), format!("{ROOT}{}/", Weeks::One(week)))];
            let sentence = format!("not found: {program} has no charts in the week to {week}");
            return Err(missing(sentence, &links));
        }
        Ok(loaded)
    }

    pub(super) async fn before(
        &self,
        program: &str,
        week: Date,
        loaded: &LoadedWeek,
        id: Option<&str>,
    ) -> Result<Vec<Arc<LoadedWeek>>, Failure> {
        let charts = loaded.program(program).map_or(&[][..], |program| &program.charts);
        let wanted = |figure: &&Figure| id.is_none_or(|id| id == figure.id);
        if !charts.iter().filter(wanted).any(|figure| figure.kind == Kind::Timeseries) {
            return Ok(Vec::new());
        }
        let first = week.saturating_sub(jiff::Span::new().weeks(TIME_SERIES - 1));
        self.outlines(program, first, week).await
    }

    pub(super) async fn outlines(
        &self,
        program: &str,
        from: Date,
        to: Date,
    ) -> Result<Vec<Arc<LoadedWeek>>, Failure> {
        let between = self.weeks.iter().rev().filter(|week| (from..=to).contains(*week));
        let weeks: Vec<_> = between.copied().collect();
        let longest = from.saturating_add(jiff::Span::new().weeks(MOST_WEEKS as i64 - 1));
        if to > longest {
            let sentence = format!("at most {MOST_WEEKS} weeks are shown at once; name fewer");
            return Err(Refusal::bad_request(sentence).into());
        }
        // Lines are drawn from week to week, so both ends must be the last days of weeks.
        if week_of(from) != from || week_of(to) != to {
            return Err(missing("not found: weeks are named after their last day, a Sunday", &[]));
        }
        let mut outlines = Vec::new();
        for week in weeks {
            outlines.extend(loaded::outline(&self.site, &self.index, week).await?);
        }
        if !outlines.iter().any(|outline| outline.program(program).is_some()) {
            let sentence =
                format!("not found: {program} has no charts in the weeks from {from} to {to}");
            return Err(missing(sentence, &[]));
        }
        Ok(outlines)
    }

    pub(super) fn no_week(&self, week: Date) -> Failure {
        let near = self.weeks.iter().min_by_key(|other| {
            week.until(**other).map_or(i64::MAX, |span| i64::from(span.get_days()).abs())
        });
        let links: Vec<_> = near
            .map(|near| {
                let address = format!("{ROOT}{}/", Weeks::One(*near));
                (format!("The nearest week: {}", programs::week_of(*near)), address)
            })
            .into_iter()
            .collect();
        missing(format!("not found: there are no charts of the week to {week}"), &links)
    }

    pub(super) fn no_chart(&self, program: &str, weeks: Weeks, id: &str) -> Failure {
        let links = [(format!("All charts of {program} then"), address::week(program, weeks))];
        missing(format!("not found: {program} has no chart {id} then"), &links)
    }

    pub(super) fn not_found(&self, sentence: &str, links: &[(String, String)]) -> Response {
        let refusal = Refusal::not_found(sentence);
        if !reads_pages(&self.headers) {
            return refusal.into_response();
        }
        let said = sentence.strip_prefix("not found: ").unwrap_or(sentence);
        let body = html! {
            h1 { "Not found" }
            p.lead { (tables::name(&words::capitalized(said))) "." }
            ul {
                @for (text, address) in links { li { a href=(address) { (tables::name(text)) } } }
                li { a href=(ROOT) { "All programs and weeks" } }
            }
        };
        let page = layout::page(&self.site.keys().host, "Not found", Some(Section::Charts), &body);
        let mut response = refusal.with_body(page.into_string(), Content::Html);
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
        response
    }

    pub(super) fn key(&self, path: &str) -> String {
        format!("{ROOT}{path} {:x}", self.index.tag)
    }

    pub(super) async fn page(
        &self,
        path: &str,
        title: &str,
        draw: impl FnOnce() -> Markup + Send + 'static,
    ) -> Result<Arc<Representation>, Refusal> {
        let title = crate::web::draw::plain(title);
        let render = move |site: &Site, ()| {
            layout::page(&site.keys().host, &title, Some(Section::Charts), &draw())
        };
        self.site.page(self.key(path), async { Ok(()) }, render).await
    }

    pub(super) fn respond(&self, made: &Representation) -> Response {
        made.respond(&self.headers, Lifetime::Seconds)
    }
}

/// A program's chart in a week.
pub(super) fn found<'a>(
    week: &'a LoadedWeek,
    program: &str,
    id: &str,
) -> Option<(&'a ProgramCharts, &'a Figure)> {
    let program = week.program(program)?;
    Some((program, program.charts.iter().find(|figure| figure.id == id)?))
}
