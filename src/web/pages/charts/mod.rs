//! `/charts/`: every chart as a picture, as a table and as files.
//!
//! | file | one idea |
//! | --- | --- |
//! | `address` | the addresses, read and written |
//! | `loaded` | weeks' charts in memory |
//! | `trend` | one chart over weeks |
//! | `programs`, `program`, `section`, `range`, `format` | the pages |
//! | `tables` | a chart's numbers as tables |
//! | `files`, `csv`, `json` | a chart's numbers, and its picture, as files |
//! | `teaser` | the newest charts, for the home page |
//!
//! All of it is made from `aggregate::figure` alone, which anyone can fetch too.

mod address;
mod csv;
mod files;
mod format;
mod json;
mod loaded;
mod program;
mod programs;
mod range;
mod section;
mod tables;
mod teaser;
mod trend;

pub(in crate::web) use loaded::ChartShelves;
pub(super) use teaser::{newest, teaser};

use super::layout::{self, Section};
use crate::aggregate::figure::{Figure, Kind, ProgramCharts, WeekCharts};
use crate::web::address::Address;
use crate::web::draw::Picture;
use crate::web::public::ShownIndex;
use crate::web::refusal::{Refusal, reads_pages};
use crate::web::representation::{Content, Lifetime, PAGE_POLICY, Representation};
use crate::web::site::Site;
use address::{Form, ROOT, Target, Weeks};
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, LINK};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::Date;
use loaded::LoadedWeek;
use maud::{Markup, html};
use std::sync::Arc;
use trend::{MOST_WEEKS, OverWeeks, TIME_SERIES, all_weeks};

/// A request for something about charts.
struct Request {
    site: Site,
    index: Arc<ShownIndex>,
    headers: HeaderMap,
    /// The weeks that have charts, the newest first.
    weeks: Vec<Date>,
}

/// Why there is no answer: nothing is there, or it cannot be given.
enum Failure {
    /// What is not there, as a sentence, and links to what is.
    Missing(String, Vec<(String, String)>),
    Refused(Refusal),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(refusal)
    }
}

/// `/charts/` and all below it.
pub(super) async fn get(
    State(site): State<Site>,
    address: Address,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let index = site.index().await?;
    let weeks = loaded::weeks(&index);
    let request = Request { site, index, headers, weeks };
    let path = address.below(ROOT);
    let answer = match Target::parse(path) {
        Some(target) => request.answer(path, target, uri.query().unwrap_or_default()).await,
        None => Err(missing("not found: no chart has this address", &[])),
    };
    match answer {
        Ok(response) => Ok(response),
        Err(Failure::Refused(refusal)) => Err(refusal),
        Err(Failure::Missing(sentence, links)) => Ok(request.not_found(&sentence, &links)),
    }
}

fn missing(sentence: impl Into<String>, links: &[(String, String)]) -> Failure {
    Failure::Missing(sentence.into(), links.to_vec())
}

impl Request {
    async fn answer(&self, path: &str, target: Target, query: &str) -> Result<Response, Failure> {
        match target {
            Target::Elsewhere(path) => {
                Ok(Redirect::permanent(&format!("{ROOT}{path}")).into_response())
            }
            Target::Format => {
                let page = self.page(path, "Chart files", format::body);
                Ok(self.respond(&*page.await?))
            }
            Target::Programs(week) => self.programs(path, week).await,
            Target::Program(program) => {
                let (newest, loaded) = self.newest_with(&program).await?;
                let response = self.week(path, &program, newest, loaded).await?;
                Ok(canonical(response, &address::week(&program, Weeks::One(newest))))
            }
            Target::Week { program, weeks: Weeks::One(week) } => {
                let loaded = self.loaded(&program, week).await?;
                self.week(path, &program, week, loaded).await
            }
            Target::Week { program, weeks: Weeks::Range(from, to) } => {
                self.range(path, program, from, to, None).await
            }
            Target::AllCharts { program, week } => self.all_charts(path, program, week).await,
            Target::Chart { program, weeks: Weeks::One(week), id, form } => {
                self.chart(path, program, week, id, form).await
            }
            Target::Chart { program, weeks: Weeks::Range(from, to), id, form } => match form {
                Form::Page => self.range(path, program, from, to, Some(id)).await,
                _ => self.range_file(path, program, (from, to), id, form).await,
            },
            Target::AskRange(program) => match address::asked_range(query) {
                Some((from, to)) => {
                    let to = address::week(&program, Weeks::Range(from, to));
                    Ok(Redirect::to(&to).into_response())
                }
                None => {
                    Err(Refusal::bad_request("the weeks to show must be named: from and to").into())
                }
            },
        }
    }

    async fn programs(&self, path: &str, asked: Option<Date>) -> Result<Response, Failure> {
        let week = asked.or(self.weeks.first().copied());
        let loaded = match week {
            None => None,
            Some(week) => match loaded::week(&self.site, &self.index, week).await? {
                None => return Err(self.no_week(week)),
                loaded => loaded,
            },
        };
        let all = self.index.index.weeks.iter().rev().filter(|(_, week)| week.charts.is_some());
        let weeks: Vec<_> =
            all.map(|(date, week)| (*date, week.data.reports, week.data.complete)).collect();
        let title = match asked {
            None => "Charts".to_owned(),
            Some(week) => format!("Charts of {}", programs::week_of(week)),
        };
        let draw = move || programs::body(loaded.as_deref().map(LoadedWeek::charts), &weeks);
        Ok(self.respond(&*self.page(path, &title, draw).await?))
    }

    /// All charts of a program in a week.
    async fn week(
        &self,
        path: &str,
        program: &str,
        week: Date,
        loaded: Arc<LoadedWeek>,
    ) -> Result<Response, Failure> {
        let before = self.before(program, week, &loaded, None).await?;
        let (name, weeks) = (program.to_owned(), self.weeks.clone());
        let title = format!("{program}, {}", programs::week_of(week));
        let draw = move || {
            let Some(charts) = loaded.program(&name) else { return html! {} };
            let pictures: Vec<_> = charts
                .charts
                .iter()
                .map(|figure| picture(loaded.charts(), &name, figure, &before))
                .collect();
            program::body(loaded.charts(), charts, &pictures, &weeks)
        };
        Ok(self.respond(&*self.page(path, &title, draw).await?))
    }

    async fn all_charts(
        &self,
        path: &str,
        program: String,
        week: Date,
    ) -> Result<Response, Failure> {
        let loaded = self.loaded(&program, week).await?;
        let name = address::file_name(&program, Weeks::One(week), "charts", Form::Json);
        let write = move |_: &Site, ()| {
            let charts = loaded.program(&program);
            charts.map_or(String::new(), |charts| json::all(loaded.charts(), charts))
        };
        let made = self.site.made(self.key(path), Content::Json, async { Ok(()) }, write);
        Ok(files::named(self.respond(&*made.await?), &name, Form::Json))
    }

    async fn chart(
        &self,
        path: &str,
        program: String,
        week: Date,
        id: String,
        form: Form,
    ) -> Result<Response, Failure> {
        let loaded = self.loaded(&program, week).await?;
        let Some((_, figure)) = found(&loaded, &program, &id) else {
            return Err(self.no_chart(&program, Weeks::One(week), &id));
        };
        let title = format!("{}, {}", figure.title, programs::week_of(week));
        let before = match form {
            Form::Page | Form::Svg => self.before(&program, week, &loaded, Some(&id)).await?,
            Form::Csv | Form::Json => Vec::new(),
        };
        let weeks = self.weeks.clone();
        if form == Form::Page {
            let draw = move || {
                let Some((_, figure)) = found(&loaded, &program, &id) else { return html! {} };
                let drawn = picture(loaded.charts(), &program, figure, &before);
                html! {
                    h1 { (tables::name(&figure.title)) }
                    p.lead {
                        a href=(address::week(&program, Weeks::One(week))) { (tables::path(&program)) }
                        ", " (section::days(loaded.charts())) ". "
                        (section::completeness(loaded.charts().complete))
                    }
                    (program::neighbours(&program, week, &weeks, Some(&id)))
                    (section::whole(loaded.charts(), &program, figure, &drawn, tables::WHOLE))
                }
            };
            return Ok(self.respond(&*self.page(path, &title, draw).await?));
        }
        let name = address::file_name(&program, Weeks::One(week), &id, form);
        let write = move |site: &Site, ()| {
            let Some((charts, figure)) = found(&loaded, &program, &id) else {
                return String::new();
            };
            match form {
                Form::Json => json::one(loaded.charts(), charts, figure),
                Form::Csv => files::csv(&[(loaded.charts(), charts, figure)]),
                Form::Svg | Form::Page => {
                    let drawn = picture(loaded.charts(), &program, figure, &before);
                    let days = section::days(loaded.charts());
                    files::svg(
                        &drawn,
                        site,
                        &program,
                        Weeks::One(week),
                        (&id, &figure.title),
                        &days,
                    )
                }
            }
        };
        let made = self.site.made(self.key(path), files::content(form), async { Ok(()) }, write);
        Ok(files::named(self.respond(&*made.await?), &name, form))
    }

    /// Charts over weeks: all of a program, or one.
    async fn range(
        &self,
        path: &str,
        program: String,
        from: Date,
        to: Date,
        id: Option<String>,
    ) -> Result<Response, Failure> {
        let charts = self.outlines(&program, from, to).await?;
        let charted = all_charts_of(&charts, &program);
        if let Some(id) = &id
            && !charted.iter().any(|(known, _)| known == id)
        {
            return Err(self.no_chart(&program, Weeks::Range(from, to), id));
        }
        let weeks = self.weeks.clone();
        let title = format!("{program}, {from} to {to}");
        let draw = move || {
            let days = all_weeks(from, to);
            let confidence = charts.last().map_or(0.99, |week| week.charts().confidence);
            let wanted =
                charted.iter().filter(|(known, _)| id.as_ref().is_none_or(|id| id == known));
            let drawn: Vec<_> = wanted
                .map(|(id, title)| {
                    let over = OverWeeks::new(&days, &charts, &program, id);
                    let picture = Picture::over_weeks(&over.trend, confidence);
                    range::Charted { id, title, over, picture }
                })
                .collect();
            match (&id, drawn.first()) {
                (Some(_), Some(one)) => range::chart(&program, (from, to), one, confidence),
                _ => range::program(&program, (from, to), &drawn, confidence, &weeks),
            }
        };
        Ok(self.respond(&*self.page(path, &title, draw).await?))
    }

    async fn range_file(
        &self,
        path: &str,
        program: String,
        (from, to): (Date, Date),
        id: String,
        form: Form,
    ) -> Result<Response, Failure> {
        let weeks = Weeks::Range(from, to);
        let charts = self.outlines(&program, from, to).await?;
        let title = all_charts_of(&charts, &program).into_iter().find(|(known, _)| *known == id);
        let Some((_, title)) = title.filter(|_| form != Form::Json) else {
            return Err(self.no_chart(&program, weeks, &id));
        };
        let name = address::file_name(&program, weeks, &id, form);
        let write = move |site: &Site, ()| match form {
            Form::Csv => {
                let every = charts.iter().filter_map(|week| {
                    let (program, figure) = found(week, &program, &id)?;
                    Some((week.charts(), program, figure))
                });
                files::csv(&every.collect::<Vec<_>>())
            }
            _ => {
                let over = OverWeeks::new(&all_weeks(from, to), &charts, &program, &id);
                let confidence = charts.last().map_or(0.99, |week| week.charts().confidence);
                let drawn = Picture::over_weeks(&over.trend, confidence);
                let days = format!("weeks that ended from {from} to {to}");
                files::svg(&drawn, site, &program, weeks, (&id, &title), &days)
            }
        };
        let made = self.site.made(self.key(path), files::content(form), async { Ok(()) }, write);
        Ok(files::named(self.respond(&*made.await?), &name, form))
    }

    /// The newest week in which a program is.
    async fn newest_with(&self, program: &str) -> Result<(Date, Arc<LoadedWeek>), Failure> {
        // Programs come and go, but seldom; one that was in none of these weeks is found by its week.
        for week in self.weeks.iter().take(TIME_SERIES as usize) {
            let outline = loaded::outline(&self.site, &self.index, *week).await?;
            if outline.is_some_and(|outline| outline.program(program).is_some()) {
                return Ok((*week, self.loaded(program, *week).await?));
            }
        }
        Err(missing(format!("not found: there are no charts of {program}"), &[]))
    }

    /// The charts of a week in which a program is.
    async fn loaded(&self, program: &str, week: Date) -> Result<Arc<LoadedWeek>, Failure> {
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

    /// What a time series on a week's page needs of the weeks before it; empty where there is none.
    async fn before(
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

    /// The outlines of the weeks from one to another that have charts, the oldest first.
    async fn outlines(
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
        // Lines are drawn from week to week: both ends must be last days of weeks.
        if crate::aggregate::index::week_of(from) != from
            || crate::aggregate::index::week_of(to) != to
        {
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

    fn no_week(&self, week: Date) -> Failure {
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

    fn no_chart(&self, program: &str, weeks: Weeks, id: &str) -> Failure {
        let links = [(format!("All charts of {program} then"), address::week(program, weeks))];
        missing(format!("not found: {program} has no chart {id} then"), &links)
    }

    /// A refusal with links to what there is.
    fn not_found(&self, sentence: &str, links: &[(String, String)]) -> Response {
        let refusal = Refusal::not_found(sentence);
        if !reads_pages(&self.headers) {
            return refusal.into_response();
        }
        let said = sentence.strip_prefix("not found: ").unwrap_or(sentence);
        let body = html! {
            h1 { "Not found" }
            p.lead { (tables::name(&super::words::capitalized(said))) "." }
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

    /// What is made of public data is kept for as long as that stays the same.
    fn key(&self, path: &str) -> String {
        format!("{ROOT}{path} {:x}", self.index.tag)
    }

    async fn page(
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

    fn respond(&self, made: &Representation) -> Response {
        made.respond(&self.headers, Lifetime::Seconds)
    }
}

/// A program's chart in a week.
fn found<'a>(
    week: &'a LoadedWeek,
    program: &str,
    id: &str,
) -> Option<(&'a ProgramCharts, &'a Figure)> {
    let program = week.program(program)?;
    Some((program, program.charts.iter().find(|figure| figure.id == id)?))
}

/// The ids and titles of all charts in some weeks: the newest week's in its order, then older ones.
fn all_charts_of(weeks: &[Arc<LoadedWeek>], program: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for charts in weeks.iter().rev().filter_map(|week| week.program(program)) {
        for figure in &charts.charts {
            if !all.iter().any(|(id, _)| *id == figure.id) {
                all.push((figure.id.clone(), figure.title.clone()));
            }
        }
    }
    all
}

/// The picture of a chart in a week; of a time series, over the weeks up to it.
fn picture(
    week: &WeekCharts,
    program: &str,
    figure: &Figure,
    before: &[Arc<LoadedWeek>],
) -> Picture {
    if figure.kind != Kind::Timeseries || before.is_empty() {
        return Picture::of_week(figure, week.confidence);
    }
    let first = before.first().map_or(week.week, |first| first.charts().week);
    let over = OverWeeks::new(&all_weeks(first, week.week), before, program, &figure.id);
    Picture::over_weeks(&over.trend, week.confidence)
}

/// Says where else the same page is, for good (RFC 6596).
fn canonical(mut response: Response, address: &str) -> Response {
    if let Ok(link) = HeaderValue::try_from(format!("<{address}>; rel=\"canonical\"")) {
        response.headers_mut().insert(LINK, link);
    }
    response
}
