//! Answers about many weeks: a program's charts, one chart, and files.

use super::address::{self, Form, Weeks};
use super::request::{Failure, Request, found};
use super::trend::{OverWeeks, all_weeks};
use super::{files, range};
use crate::web::chart_cache::LoadedWeek;
use crate::web::draw::Picture;
use crate::web::site::Site;
use axum::response::Response;
use jiff::civil::Date;
use std::sync::Arc;

impl Request {
    pub(super) async fn range(
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

    pub(super) async fn range_file(
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
