//! Answers about many weeks: a program's charts, one chart, and files.

use super::address::{self, Form, Weeks};
use super::loaded::{Series, Which};
use super::one_week::no_page;
use super::paging::Page;
use super::request::{Failure, Request, found};
use super::trend::{OverWeeks, all_weeks};
use super::{files, json, program, range};
use crate::web::chart_cache::LoadedWeek;
use crate::web::representation::Content;
use crate::web::site::Site;
use axum::response::Response;
use jiff::civil::Date;
use std::collections::HashSet;
use std::sync::Arc;

impl Request {
    /// A program over weeks, on as many pages as its charts need.
    pub(super) async fn range(
        &self,
        path: &str,
        program: String,
        (from, to): (Date, Date),
        query: &str,
    ) -> Result<Response, Failure> {
        let range = Weeks::Range(from, to);
        let page = Page::of_cards(query, all_weeks(from, to).len());
        let path = &format!("{path}{}", page.query());
        if let Some(made) = self.made(path).await {
            return Ok(made);
        }
        let (shown, all) = self.charts_of_page(&program, (from, to), page).await?;
        if !page.is_of(all) {
            return Err(no_page(address::week(&program, range)));
        }
        let series = self.series(&program, from, to, Which::Ids(shown.clone())).await?;
        let weeks = self.weeks.clone();
        let title = format!("{program}, {from} to {to}{}", page.title());
        let draw = move || {
            let many = program::Many { series: &series, shown: &shown, page, all };
            program::over_weeks(&program, (from, to), &many, &weeks)
        };
        Ok(self.respond(&*self.page(path, &title, draw).await?))
    }

    /// The ids of the charts on a page of all that a program has in some weeks, and how many it has.
    async fn charts_of_page(
        &self,
        program: &str,
        (from, to): (Date, Date),
        page: Page,
    ) -> Result<(Vec<String>, usize), Failure> {
        let none = self.series(program, from, to, Which::Ids(Vec::new())).await?;
        let ids = ids_of(&none);
        let all = ids.len();
        Ok((ids.into_iter().skip(page.first()).take(page.most()).collect(), all))
    }

    /// All charts of a program over weeks, on as many pages as they need.
    pub(super) async fn range_charts(
        &self,
        path: &str,
        program: String,
        (from, to): (Date, Date),
        query: &str,
    ) -> Result<Response, Failure> {
        let range = Weeks::Range(from, to);
        let page = Page::parse(query, all_weeks(from, to).len());
        let path = &format!("{path}{}", page.query());
        if let Some(made) = self.made(path).await {
            return Ok(made);
        }
        // First which charts there are, and then those of the page.
        let (shown, all) = self.charts_of_page(&program, (from, to), page).await?;
        if !page.is_of(all) {
            return Err(no_page(format!("{}@all", address::week(&program, range))));
        }
        let charts = self.over_weeks(&program, from, to, Which::Ids(shown.clone())).await?;
        let mut charted = all_charts_of(&charts, &program);
        charted.sort_by_key(|(id, _)| shown.iter().position(|shown| shown == id));
        let weeks = self.weeks.clone();
        let title = range::title(&program, None, (from, to)) + &page.title();
        let provisional = self.provisional();
        let draw = move || {
            let days = all_weeks(from, to);
            let confidence = charts.last().map_or(0.99, |week| week.charts().confidence);
            let drawn = |(id, title)| range::Charted::new(&days, &charts, &program, id, title);
            let drawn: Vec<_> = charted.iter().map(|(id, title)| drawn((id, title))).collect();
            let last = charts.iter().rev().find(|week| week.program(&program).is_some());
            let last = last.map(|week| week.charts().week);
            let of = range::Many { charts: &drawn, last, page, all };
            range::program(&program, (from, to), &of, confidence, &weeks, &provisional)
        };
        Ok(self.respond(&*self.page(path, &title, draw).await?))
    }

    /// One chart of a program over weeks.
    pub(super) async fn range_chart(
        &self,
        path: &str,
        program: String,
        (from, to): (Date, Date),
        id: String,
    ) -> Result<Response, Failure> {
        if let Some(made) = self.made(path).await {
            return Ok(made);
        }
        let charts = self.over_weeks(&program, from, to, Which::Ids(vec![id.clone()])).await?;
        let found = all_charts_of(&charts, &program).into_iter().find(|(known, _)| *known == id);
        let Some((_, name)) = found else {
            return Err(self.no_chart(&program, Weeks::Range(from, to), &id));
        };
        let title = range::title(&program, Some(&name), (from, to));
        let provisional = self.provisional();
        let draw = move || {
            let days = all_weeks(from, to);
            let confidence = charts.last().map_or(0.99, |week| week.charts().confidence);
            let one = range::Charted::new(&days, &charts, &program, &id, &name);
            range::chart(&program, (from, to), &one, confidence, &provisional)
        };
        Ok(self.respond(&*self.page(path, &title, draw).await?))
    }

    /// The weeks that may still change, newest first.
    fn provisional(&self) -> Vec<Date> {
        self.weeks.iter().copied().filter(|week| !self.is_complete(*week)).collect()
    }

    pub(super) async fn range_file(
        &self,
        path: &str,
        program: String,
        (from, to): (Date, Date),
        id: String,
        form: Form,
    ) -> Result<Response, Failure> {
        let weeks = Weeks::Range(from, to);
        if form == Form::Json {
            return self.series_json(path, program, (from, to), id).await;
        }
        let charts = self.over_weeks(&program, from, to, Which::Ids(vec![id.clone()])).await?;
        let title = all_charts_of(&charts, &program).into_iter().find(|(known, _)| *known == id);
        let Some((_, title)) = title else {
            return Err(self.no_chart(&program, weeks, &id));
        };
        let name = address::file_name(&program, weeks, &id, form);
        let write = move |site: &Site, ()| match form {
            Form::Csv => {
                let every = charts.iter().filter_map(|week| {
                    let (program, figure) = found(week, &program, &id)?;
                    Some((week.charts(), program, figure))
                });
                files::csv(&every.collect::<Vec<_>>()).into_bytes()
            }
            _ => {
                let over = OverWeeks::new(&all_weeks(from, to), &charts, &program, &id);
                let confidence = charts.last().map_or(0.99, |week| week.charts().confidence);
                let drawn = over.picture(confidence);
                let days = format!("weeks that ended from {from} to {to}");
                files::drawn(&drawn, form, site, &program, weeks, (&id, &title), &days)
            }
        };
        let made = self.site.cached(self.key(path), files::content(form), async { Ok(()) }, write);
        Ok(files::named(self.respond(&*made.await?), &name, form))
    }
}

impl Request {
    async fn series_json(
        &self,
        path: &str,
        program: String,
        (from, to): (Date, Date),
        id: String,
    ) -> Result<Response, Failure> {
        let weeks = Weeks::Range(from, to);
        let all = self.series(&program, from, to, Which::Ids(vec![id.clone()])).await?;
        if all.charts.is_empty() {
            return Err(self.no_chart(&program, weeks, &id));
        }
        let name = address::file_name(&program, weeks, &id, Form::Json);
        let write = move |_: &Site, ()| {
            all.charts.first().map_or(String::new(), |one| json::series(&program, &all, one))
        };
        let made = self.site.cached(self.key(path), Content::Json, async { Ok(()) }, write);
        Ok(files::named(self.respond(&*made.await?), &name, Form::Json))
    }
}

/// The ids of a program's charts in some weeks: those of the newest week in its order, then older ones.
fn ids_of(series: &Series) -> Vec<String> {
    let mut lists: Vec<&Arc<Vec<String>>> =
        series.program.values().rev().map(|week| &week.charts).collect();
    // Most weeks have the charts of the next one.
    lists.dedup_by(|older, newer| Arc::ptr_eq(older, newer) || older == newer);
    let mut known = HashSet::new();
    let ids = lists.into_iter().flat_map(|list| list.iter());
    ids.filter(|id| known.insert(id.as_str())).cloned().collect()
}

/// The ids and titles of all charts in some weeks: those of the newest week in its order, then older ones.
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
