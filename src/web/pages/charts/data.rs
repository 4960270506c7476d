//! Answers for programs: what there is, and slices, as JSON.

use super::address::{self, Form, Weeks};
use super::loaded::{self, Which};
use super::request::{Failure, Request};
use super::{files, json};
use crate::aggregate::figure::{Breakdown, Dimension, ProgramCharts, WeekCharts};
use crate::web::representation::Content;
use crate::web::site::Site;
use axum::response::Response;
use jiff::civil::Date;

impl Request {
    /// The programs of a week, or of the newest one.
    pub(super) async fn programs_json(
        &self,
        path: &str,
        asked: Option<Date>,
    ) -> Result<Response, Failure> {
        let week = asked.or(self.weeks.first().copied());
        let outline = match week {
            None => None,
            Some(week) => match loaded::outline(&self.site, &self.index, week).await? {
                None => return Err(self.no_week(week)),
                outline => outline,
            },
        };
        let weeks = self.weeks.clone();
        let write = move |_: &Site, ()| {
            json::programs(outline.as_deref().map(|outline| &outline.outline), &weeks)
        };
        let made = self.site.cached(self.key(path), Content::Json, async { Ok(()) }, write);
        Ok(self.respond(&*made.await?))
    }

    /// What charts a program has in a week.
    pub(super) async fn overview(
        &self,
        path: &str,
        program: String,
        week: Date,
    ) -> Result<Response, Failure> {
        self.of_program(path, program, week, "overview", json::overview).await
    }

    /// All charts of a program in a week.
    pub(super) async fn all_charts(
        &self,
        path: &str,
        program: String,
        week: Date,
    ) -> Result<Response, Failure> {
        self.of_program(path, program, week, "charts", json::all).await
    }

    /// A file about all of a program's charts in a week.
    async fn of_program(
        &self,
        path: &str,
        program: String,
        week: Date,
        word: &str,
        write: fn(&WeekCharts, &ProgramCharts) -> String,
    ) -> Result<Response, Failure> {
        let loaded = self.loaded(&program, week, Which::All).await?;
        let name = address::file_name(&program, Weeks::One(week), word, Form::Json);
        let write = move |_: &Site, ()| {
            let charts = loaded.program(&program);
            charts.map_or(String::new(), |charts| write(loaded.charts(), charts))
        };
        let made = self.site.cached(self.key(path), Content::Json, async { Ok(()) }, write);
        Ok(files::named(self.respond(&*made.await?), &name, Form::Json))
    }

    /// A chart of a week by version, platform or toolchain; or all charts of the program.
    pub(super) async fn slices(
        &self,
        path: &str,
        program: String,
        week: Date,
        id: Option<String>,
        by: Dimension,
    ) -> Result<Response, Failure> {
        let which = id.clone().map_or(Which::First(0), |id| Which::Ids(vec![id]));
        let loaded = self.loaded(&program, week, which).await?;
        let charts = loaded.program(&program).map_or(&[][..], |program| &program.charts);
        if let Some(id) = &id
            && charts.is_empty()
        {
            return Err(self.no_chart(&program, Weeks::One(week), id));
        }
        let found: Vec<(String, Breakdown)> = match &id {
            Some(id) => {
                let of = (program.as_str(), id.as_str());
                let slices = loaded::slices(&self.site, &self.index, week, of, by).await?;
                slices.into_iter().map(|slices| (id.clone(), slices)).collect()
            }
            None => loaded::all_slices(&self.site, &self.index, week, &program, by).await?,
        };
        let word = id.as_deref().unwrap_or("charts");
        let word = format!("{word}-by-{}", crate::aggregate::chart_csv::name_of(by));
        let name = address::file_name(&program, Weeks::One(week), &word, Form::Json);
        let write = move |_: &Site, ()| {
            let charts = loaded.program(&program);
            let of = id.as_deref();
            charts.map_or(String::new(), |charts| {
                json::slices(loaded.charts(), charts, of, by, &found)
            })
        };
        let made = self.site.cached(self.key(path), Content::Json, async { Ok(()) }, write);
        Ok(files::named(self.respond(&*made.await?), &name, Form::Json))
    }
}
