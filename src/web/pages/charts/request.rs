//! A request for charts: loads the weeks it needs, and answers if they do not exist.

use super::address::{self, ROOT, Weeks};
use super::headline::TREND;
use super::loaded::{self, Series, Which};
use super::trend::{MOST_WEEKS, TIME_SERIES};
use super::{programs, tables};
use crate::aggregate::figure::{Figure, Kind, ProgramCharts};
use crate::aggregate::index::week_of;
use crate::web::asked_address::base_address;
use crate::web::chart_cache::LoadedWeek;
use crate::web::content_policy::PAGE_POLICY;
use crate::web::latest;
use crate::web::pages::layout::{self, Section, Summary};
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
    /// The newest week in which a program has charts.
    pub(super) async fn newest_week(&self, program: &str) -> Result<Date, Failure> {
        let newest = loaded::newest_week(&self.site, &self.index, program).await?;
        let sentence = || format!("not found: there are no charts of {program}");
        newest.ok_or_else(|| missing(sentence(), &[]))
    }

    /// A redirect to the newest final week, of a program or of all; to the newest one if none is final yet.
    pub(super) async fn latest(
        &self,
        program: Option<&str>,
        rest: &str,
    ) -> Result<Response, Failure> {
        let is_final =
            |week: &Date| self.index.index.weeks.get(week).is_some_and(|week| week.data.complete);
        let (finished, others): (Vec<Date>, Vec<Date>) =
            self.weeks.iter().take(TIME_SERIES as usize).copied().partition(is_final);
        for week in finished.into_iter().chain(others) {
            let root = match program {
                None => ROOT.to_owned(),
                Some(program) => {
                    let outline = loaded::outline(&self.site, &self.index, week).await?;
                    if outline.is_none_or(|found| found.outline.program(program).is_none()) {
                        continue;
                    }
                    address::program(program)
                }
            };
            return Ok(latest::redirect(&format!("{root}{}{rest}", Weeks::One(week))));
        }
        Err(missing("not found: there are no charts yet", &[]))
    }

    /// A program's charts of a week, without slices.
    pub(super) async fn loaded(
        &self,
        program: &str,
        week: Date,
        which: Which,
    ) -> Result<Arc<LoadedWeek>, Failure> {
        let loaded = loaded::program(&self.site, &self.index, week, program, which).await?;
        self.found(program, week, loaded).await
    }

    /// One chart of a week, with slices.
    pub(super) async fn loaded_chart(
        &self,
        program: &str,
        week: Date,
        id: &str,
    ) -> Result<Arc<LoadedWeek>, Failure> {
        let loaded = loaded::chart(&self.site, &self.index, week, program, id).await?;
        self.found(program, week, loaded).await
    }

    pub(super) async fn found(
        &self,
        program: &str,
        week: Date,
        loaded: Option<LoadedWeek>,
    ) -> Result<Arc<LoadedWeek>, Failure> {
        if let Some(loaded) = loaded {
            return Ok(Arc::new(loaded));
        }
        if loaded::outline(&self.site, &self.index, week).await?.is_none() {
            return Err(self.no_week(week));
        }
        let links = [("Programs of that week".to_owned(), format!("{ROOT}{}/", Weeks::One(week)))];
        Err(missing(
            format!("not found: there are no charts of {program} in the week to {week}"),
            &links,
        ))
    }

    /// The weeks up to one, for its time series: all of them, or the one with this id.
    pub(super) async fn before(
        &self,
        program: &str,
        week: Date,
        loaded: &LoadedWeek,
        id: Option<&str>,
    ) -> Result<Vec<Arc<LoadedWeek>>, Failure> {
        let charts = loaded.program(program).map_or(&[][..], |program| &program.charts);
        let wanted = |figure: &&Figure| {
            figure.kind == Kind::Timeseries && id.is_none_or(|id| id == figure.id)
        };
        let ids: Vec<String> =
            charts.iter().filter(wanted).map(|figure| figure.id.clone()).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let first = week.saturating_sub(jiff::Span::new().weeks(TIME_SERIES - 1));
        self.over_weeks(program, first, week, Which::Ids(ids)).await
    }

    /// Some charts of a week over the weeks up to it, for their trends.
    pub(super) async fn trends(
        &self,
        program: &str,
        week: Date,
        loaded: &LoadedWeek,
    ) -> Result<Series, Failure> {
        let charts = loaded.program(program).map_or(&[][..], |program| &program.charts);
        let ids = charts.iter().map(|figure| figure.id.clone()).collect();
        let first = week.saturating_sub(jiff::Span::new().weeks(TREND - 1));
        let (site, which) = (&self.site, Which::Ids(ids));
        Ok(loaded::series(site, &self.index, program, (first, week), which).await?)
    }

    /// Some of a program's charts over weeks.
    pub(super) async fn series(
        &self,
        program: &str,
        from: Date,
        to: Date,
        which: Which,
    ) -> Result<Series, Failure> {
        let longest = from.saturating_add(jiff::Span::new().weeks(MOST_WEEKS as i64 - 1));
        if to > longest {
            let sentence = format!("at most {MOST_WEEKS} weeks are shown at once; name fewer");
            return Err(Refusal::bad_request(sentence).into());
        }
        // Lines are drawn from week to week, so both ends must be the last days of weeks.
        if week_of(from) != from || week_of(to) != to {
            return Err(missing("not found: weeks are named after their last day, a Sunday", &[]));
        }
        let series = loaded::series(&self.site, &self.index, program, (from, to), which).await?;
        if series.program.is_empty() {
            let sentence = format!(
                "not found: there are no charts of {program} in the weeks from {from} to {to}"
            );
            return Err(missing(sentence, &[]));
        }
        Ok(series)
    }

    /// The same as charts of weeks, oldest first.
    pub(super) async fn over_weeks(
        &self,
        program: &str,
        from: Date,
        to: Date,
        which: Which,
    ) -> Result<Vec<Arc<LoadedWeek>>, Failure> {
        Ok(loaded::over_weeks(self.series(program, from, to, which).await?))
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
        missing(format!("not found: there was no chart {id} of {program} then"), &links)
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
        let page = layout::page(&self.site, "Not found", Some(Section::Charts), &body);
        let mut response = refusal.with_body(page.into_string(), Content::Html);
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
        response
    }

    pub(super) fn key(&self, path: &str) -> String {
        format!("{ROOT}{path} {:x}", self.index.tag)
    }

    /// The address that was asked, for commands and queries.
    pub(super) fn base(&self) -> String {
        base_address(&self.headers, &self.site.address())
    }

    pub(super) async fn page(
        &self,
        path: &str,
        summary: impl Into<Summary>,
        draw: impl FnOnce() -> Markup + Send + 'static,
    ) -> Result<Arc<Representation>, Refusal> {
        let summary = summary.into().plain().at(address::whole(path));
        let render =
            move |site: &Site, ()| layout::page(site, summary, Some(Section::Charts), &draw());
        self.site.page(self.key(path), async { Ok(()) }, render).await
    }

    /// A page that was made before: then nothing is loaded for it.
    pub(super) async fn made(&self, path: &str) -> Option<Response> {
        let made = self.site.made_page(self.key(path)).await?;
        Some(self.respond(&made))
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
