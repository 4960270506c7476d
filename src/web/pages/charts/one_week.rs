//! Answers about one week: programs, a program's charts, one chart, and files.

use super::address::{self, Form, Weeks};
use super::find::{self, Asked, Searched, There};
use super::loaded::{self, Which};
use super::paging::Page;
use super::request::{Failure, Request, found, missing};
use super::trend::{OverWeeks, all_weeks};
use super::{badge, everything, files, json, jump, program, programs, section};
use crate::aggregate::figure::{Figure, Kind, ProgramCharts, WeekCharts};
use crate::web::chart_cache::LoadedWeek;
use crate::web::draw::Picture;
use crate::web::pages::layout::{self, Section, Summary};
use crate::web::refusal::Refusal;
use crate::web::representation::Content;
use crate::web::site::Site;
use axum::response::Response;
use jiff::civil::Date;
use maud::html;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Request {
    pub(super) async fn programs(
        &self,
        path: &str,
        asked: Option<Date>,
    ) -> Result<Response, Failure> {
        let week = asked.or(self.weeks.first().copied());
        let loaded = match week {
            None => None,
            Some(week) => match loaded::outline(&self.site, &self.index, week).await? {
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
        let draw = move || programs::body(loaded.as_deref().map(|loaded| &loaded.outline), &weeks);
        Ok(self.respond(&*self.page(path, &title, draw).await?))
    }

    /// Everything, found by name.
    pub(super) async fn find(&self, query: &str) -> Result<Response, Failure> {
        let asked = Asked::parse(query);
        let searched = self.searched().await?;
        let key = format!("{} {}", asked.address(), searched.key);
        let load = self.there(searched.charted(&asked));
        let draw = move |site: &Site, there| {
            let body = find::body(&asked, &searched, &there);
            layout::page(site, &asked.title(), Some(Section::Charts), &body)
        };
        let page = self.site.page(key, load, draw);
        Ok(self.respond(&*page.await?))
    }

    /// The same for machines.
    pub(super) async fn find_json(&self, query: &str) -> Result<Response, Failure> {
        let asked = Asked::parse(query);
        let searched = self.searched().await?;
        let key = format!("{} {}", asked.json_address(), searched.key);
        let load = self.there(searched.charted(&asked));
        let write = move |_: &Site, there| find::json(&asked, &searched, &there);
        let made = self.site.cached(key, Content::Json, load, write);
        Ok(self.respond(&*made.await?))
    }

    /// Which charts these programs have in a week.
    fn there(
        &self,
        of: Option<(Date, BTreeSet<String>)>,
    ) -> impl Future<Output = Result<There, Refusal>> + Send + 'static {
        let (site, index) = (self.site.clone(), self.index.clone());
        async move {
            let mut there = There::new();
            let Some((week, programs)) = of else { return Ok(there) };
            for program in programs {
                let ids = loaded::ids(&site, &index, week, &program).await?;
                there.insert(program, ids);
            }
            Ok(there)
        }
    }

    async fn searched(&self) -> Result<Searched, Failure> {
        let head = self.site.head().await?;
        let catalogue = self.site.catalogue(&head).await?;
        let newest = match head.newest() {
            Some(version) => Some(self.site.config(version).await?),
            None => None,
        };
        Ok(Searched::new(catalogue, newest, self.weeks.first().copied()))
    }

    /// A program's charts in short, on as many pages as they need.
    pub(super) async fn week(
        &self,
        path: &str,
        program: &str,
        week: Date,
        query: &str,
    ) -> Result<Response, Failure> {
        let page = Page::of_week(query);
        let path = &format!("{path}{}", page.query());
        if let Some(made) = self.made(path).await {
            return Ok(made);
        }
        let which = Which::Part(page.first(), page.most());
        let loaded = self.loaded(program, week, which).await?;
        let all = self.number_of_charts(program, week).await?;
        let here = address::week(program, Weeks::One(week));
        if !page.is_of(all) {
            return Err(no_page(here));
        }
        let trends = self.trends(program, week, &loaded).await?;
        let (name, weeks) = (program.to_owned(), self.weeks.clone());
        let title = format!("{program}, {}{}", programs::week_of(week), page.title());
        let summary = Summary::from(&title).at(format!("{here}{}", page.query()));
        let draw = move || {
            let Some(charts) = loaded.program(&name) else { return html! {} };
            program::body(loaded.charts(), charts, (page, all), &trends, &weeks)
        };
        Ok(self.respond(&*self.page(path, summary, draw).await?))
    }

    /// All charts of a program, on as many pages as they need.
    pub(super) async fn everything(
        &self,
        path: &str,
        program: String,
        week: Date,
        query: &str,
    ) -> Result<Response, Failure> {
        let page = Page::parse(query, 1);
        let path = &format!("{path}{}", page.query());
        if let Some(made) = self.made(path).await {
            return Ok(made);
        }
        let which = Which::Part(page.first(), page.most());
        let loaded = self.loaded(&program, week, which).await?;
        let all = self.number_of_charts(&program, week).await?;
        if !page.is_of(all) {
            return Err(no_page(format!("{}@all", address::week(&program, Weeks::One(week)))));
        }
        let before = self.before(&program, week, &loaded, None).await?;
        let weeks = self.weeks.clone();
        let title = format!("All charts of {program}, {}{}", programs::week_of(week), page.title());
        let here = address::week(&program, Weeks::One(week));
        let summary = Summary::from(&title).at(format!("{here}@all{}", page.query()));
        let draw = move || {
            let Some(charts) = loaded.program(&program) else { return html! {} };
            let pictures: Vec<_> = charts
                .charts
                .iter()
                .map(|figure| picture(loaded.charts(), charts, figure, &before))
                .collect();
            everything::body(loaded.charts(), charts, &pictures, &weeks, (page, all))
        };
        Ok(self.respond(&*self.page(path, summary, draw).await?))
    }

    /// How many charts a program has in a week.
    async fn number_of_charts(&self, program: &str, week: Date) -> Result<usize, Failure> {
        let outline = loaded::outline(&self.site, &self.index, week).await?;
        let of = outline.as_ref().and_then(|outline| outline.outline.program(program));
        Ok(of.map_or(0, |of| usize::try_from(of.charts).unwrap_or(usize::MAX)))
    }

    /// A chart as a file.
    pub(super) async fn file(
        &self,
        path: &str,
        program: String,
        week: Date,
        id: String,
        form: Form,
    ) -> Result<Response, Failure> {
        let loaded = self.loaded_chart(&program, week, &id).await?;
        if found(&loaded, &program, &id).is_none() {
            return Err(self.no_chart(&program, Weeks::One(week), &id));
        };
        if form == Form::Sql {
            let query = self.query_of(&loaded, &program, &id).await?;
            let name = address::file_name(&program, Weeks::One(week), &id, form);
            let write = move |_: &Site, ()| query.into_bytes();
            let key = self.key(&format!("{path} {}", self.base()));
            let made = self.site.cached(key, Content::Text, async { Ok(()) }, write);
            return Ok(files::named(self.respond(&*made.await?), &name, form));
        }
        let before = match form {
            Form::Svg | Form::Png | Form::Card => {
                self.before(&program, week, &loaded, Some(&id)).await?
            }
            _ => Vec::new(),
        };
        let name = address::file_name(&program, Weeks::One(week), &id, form);
        let write = move |site: &Site, ()| {
            let Some((charts, figure)) = found(&loaded, &program, &id) else {
                return Vec::new();
            };
            match form {
                Form::Json => json::one(loaded.charts(), charts, figure).into_bytes(),
                Form::Csv => files::csv(&[(loaded.charts(), charts, figure)]).into_bytes(),
                Form::Badge => badge::of(figure).into_bytes(),
                Form::Svg | Form::Png | Form::Card | Form::Sql | Form::Page => {
                    let drawn = picture(loaded.charts(), charts, figure, &before);
                    let days = section::days(loaded.charts());
                    files::drawn(
                        &drawn,
                        form,
                        site,
                        &program,
                        Weeks::One(week),
                        (&id, &figure.title),
                        &days,
                    )
                }
            }
        };
        let made = self.site.cached(self.key(path), files::content(form), async { Ok(()) }, write);
        Ok(files::named(self.respond(&*made.await?), &name, form))
    }
}

/// The failure for a page that is not there, with the address of the first one.
pub(super) fn no_page(first: String) -> Failure {
    missing("not found: there are fewer pages than that", &[("The first page".to_owned(), first)])
}

/// The picture of a chart in a week; for a time series, over the weeks up to it.
fn picture(
    week: &WeekCharts,
    charts: &ProgramCharts,
    figure: &Figure,
    before: &[Arc<LoadedWeek>],
) -> Picture {
    if figure.kind != Kind::Timeseries || before.is_empty() {
        let jump = jump::of_chart(week, charts, figure);
        let note = jump.map(|(of, jump)| jump::note(of, &jump));
        let drawn = Picture::of_week(figure, week.confidence).with_note(note);
        return drawn.provisional(!week.complete);
    }
    let program = charts.program.as_str();
    let first = before.first().map_or(week.week, |first| first.charts().week);
    let over = OverWeeks::new(&all_weeks(first, week.week), before, program, &figure.id);
    Picture::over_weeks(&over.trend, week.confidence)
        .with_reports(over.reports())
        .provisional_weeks(over.may_change)
}
