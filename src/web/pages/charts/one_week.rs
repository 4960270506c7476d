//! Answers about one week: programs, a program's charts, one chart, and files.

use super::address::{self, Form, Weeks};
use super::loaded;
use super::request::{Failure, Request, found};
use super::trend::{OverWeeks, all_weeks};
use super::{files, json, jump, program, programs, section, tables};
use crate::aggregate::figure::{Figure, Kind, ProgramCharts, WeekCharts};
use crate::web::chart_cache::LoadedWeek;
use crate::web::draw::Picture;
use crate::web::representation::Content;
use crate::web::site::Site;
use axum::response::Response;
use jiff::civil::Date;
use maud::html;
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

    pub(super) async fn week(
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
                .map(|figure| picture(loaded.charts(), charts, figure, &before))
                .collect();
            program::body(loaded.charts(), charts, &pictures, &weeks)
        };
        Ok(self.respond(&*self.page(path, &title, draw).await?))
    }

    pub(super) async fn all_charts(
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

    pub(super) async fn chart(
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
                let Some((charts, figure)) = found(&loaded, &program, &id) else {
                    return html! {};
                };
                let drawn = picture(loaded.charts(), charts, figure, &before);
                html! {
                    h1 { (tables::name(&figure.title)) }
                    p.lead {
                        a href=(address::week(&program, Weeks::One(week))) { (tables::path(&program)) }
                        ", " (section::days(loaded.charts())) ". "
                        (section::completeness(loaded.charts().complete))
                    }
                    (program::neighbours(&program, week, &weeks, Some(&id)))
                    (section::whole(loaded.charts(), charts, figure, &drawn, tables::WHOLE))
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
                    let drawn = picture(loaded.charts(), charts, figure, &before);
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
        return Picture::of_week(figure, week.confidence).with_note(note);
    }
    let program = charts.program.as_str();
    let first = before.first().map_or(week.week, |first| first.charts().week);
    let over = OverWeeks::new(&all_weeks(first, week.week), before, program, &figure.id);
    Picture::over_weeks(&over.trend, week.confidence)
}
