//! Answers for programs: what there is, and slices, as JSON.
//!
//! Files about all charts of a program are in parts, `?from=CHART`: each links to the next.

use super::address::{self, Form, Weeks};
use super::loaded::{self, Which};
use super::request::{Failure, Request};
use super::{files, json};
use crate::aggregate::figure::{Breakdown, Dimension, ProgramCharts, WeekCharts};
use crate::web::representation::Content;
use crate::web::site::Site;
use axum::response::Response;
use jiff::civil::Date;

/// Writes a part of a file, given the address of the next one.
type Write = fn(&WeekCharts, &ProgramCharts, Option<String>) -> String;

/// The id of the chart with which a part begins. Ids need no decoding.
fn begins_with(query: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == "from").map(|(_, from)| from.to_owned())
}

/// The address of the part of a file that begins with a chart.
fn next_part(path: &str, program: &str, week: Date, from: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or_default();
    format!("{}{file}?from={from}", address::week(program, Weeks::One(week)))
}

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
        query: &str,
    ) -> Result<Response, Failure> {
        self.of_program(path, program, week, ("overview", json::overview), query).await
    }

    /// All charts of a program in a week.
    pub(super) async fn all_charts(
        &self,
        path: &str,
        program: String,
        week: Date,
        query: &str,
    ) -> Result<Response, Failure> {
        self.of_program(path, program, week, ("charts", json::all), query).await
    }

    /// A file about all of a program's charts in a week.
    async fn of_program(
        &self,
        path: &str,
        program: String,
        week: Date,
        (word, write): (&str, Write),
        query: &str,
    ) -> Result<Response, Failure> {
        let from = begins_with(query);
        let page = loaded::page(&self.site, &self.index, week, &program, from.clone()).await?;
        let (loaded, next) = page.map_or((None, None), |(loaded, next)| (Some(loaded), next));
        let loaded = self.found(&program, week, loaded).await?;
        if let Some(from) = &from
            && loaded.program(&program).is_none_or(|program| program.charts.is_empty())
        {
            return Err(self.no_chart(&program, Weeks::One(week), from));
        }
        let name = address::file_name(&program, Weeks::One(week), word, Form::Json);
        let next = next.map(|next| next_part(path, &program, week, &next));
        let write = move |_: &Site, ()| {
            let charts = loaded.program(&program);
            charts.map_or(String::new(), |charts| write(loaded.charts(), charts, next))
        };
        let key = self.key(&format!("{path} {}", from.unwrap_or_default()));
        let made = self.site.cached(key, Content::Json, async { Ok(()) }, write);
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
        query: &str,
    ) -> Result<Response, Failure> {
        let which = id.clone().map_or(Which::First(0), |id| Which::Ids(vec![id]));
        let loaded = self.loaded(&program, week, which).await?;
        let charts = loaded.program(&program).map_or(&[][..], |program| &program.charts);
        if let Some(id) = &id
            && charts.is_empty()
        {
            return Err(self.no_chart(&program, Weeks::One(week), id));
        }
        let from = begins_with(query).filter(|_| id.is_none());
        let (found, next): (Vec<(String, Breakdown)>, _) = match &id {
            Some(id) => {
                let of = (program.as_str(), id.as_str());
                let slices = loaded::slices(&self.site, &self.index, week, of, by).await?;
                (slices.into_iter().map(|slices| (id.clone(), slices)).collect(), None)
            }
            None => {
                let (site, from) = (&self.site, from.clone());
                loaded::page_of_slices(site, &self.index, week, &program, by, from).await?
            }
        };
        if let Some(from) = &from
            && found.is_empty()
        {
            return Err(self.no_chart(&program, Weeks::One(week), from));
        }
        let next = next.map(|next| next_part(path, &program, week, &next));
        let word = id.as_deref().unwrap_or("charts");
        let word = format!("{word}-by-{}", crate::aggregate::chart_csv::name_of(by));
        let name = address::file_name(&program, Weeks::One(week), &word, Form::Json);
        let write = move |_: &Site, ()| {
            let charts = loaded.program(&program);
            let of = id.as_deref();
            charts.map_or(String::new(), |charts| {
                json::slices(loaded.charts(), charts, of, by, (&found, next))
            })
        };
        let key = self.key(&format!("{path} {}", from.unwrap_or_default()));
        let made = self.site.cached(key, Content::Json, async { Ok(()) }, write);
        Ok(files::named(self.respond(&*made.await?), &name, Form::Json))
    }
}
