//! Answers about one chart's own page.

use super::address::{self, Form, ROOT, Weeks};
use super::asked::{Asked, Note};
use super::chart_page::{self, Other};
use super::loaded::{self, Which};
use super::request::{Failure, Request, found, missing};
use super::shown::Shown;
use super::slices;
use super::trend::TIME_SERIES;
use crate::aggregate::figure::{Figure, WeekCharts};
use crate::aggregate::index::{FileFormat, PublicFile};
use crate::aggregate::recompute;
use crate::collection::CollectionConfig;
use crate::gomod::ModuleVersion;
use crate::publish::RESERVED;
use crate::web::chart_cache::LoadedWeek;
use crate::web::pages::layout::{self, Section, Summary};
use crate::web::public::ShownCatalogue;
use crate::web::refusal::Refusal;
use crate::web::site::Site;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::Date;
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most configs whose counters a query lists.
const CONFIGS: usize = 64;

/// A page that is about to be drawn.
struct Gathered {
    loaded: Arc<LoadedWeek>,
    before: Vec<Arc<LoadedWeek>>,
    /// Another week, if that is asked for.
    then: Option<Arc<LoadedWeek>>,
    weeks: Vec<(Date, bool)>,
    /// The weeks beside this one that can show what is asked for.
    kept: Vec<Date>,
    catalogue: Arc<ShownCatalogue>,
    has_data: bool,
    /// The address that was asked.
    base: String,
    program: String,
    id: String,
    asked: Asked,
    note: Option<Note>,
}

impl Gathered {
    fn figure(&self) -> Option<&Figure> {
        found(&self.loaded, &self.program, &self.id).map(|(_, figure)| figure)
    }

    /// What is shown besides; `None` if there is no such slice or week.
    fn other(&self) -> Option<Other<'_>> {
        let figure = self.figure()?;
        Some(match &self.asked {
            Asked::Whole => Other::None,
            Asked::Slices(by) => Other::Slices(slices::slices(figure, *by)?),
            Asked::Week(_) => {
                let then = self.then.as_ref()?;
                let (_, before) = found(then, &self.program, &self.id)?;
                Other::Week(then.charts(), before)
            }
            Asked::Pair { by, from, to } => {
                let by = slices::slices(figure, *by)?;
                let slice = |label: &str| by.groups.iter().find(|slice| slice.label == label);
                Other::Pair(by, slice(from)?, slice(to)?)
            }
        })
    }

    fn draw(&self, site: &Site) -> Markup {
        let Some((charts, figure)) = found(&self.loaded, &self.program, &self.id) else {
            return html! {};
        };
        let Some(other) = self.other() else { return html! {} };
        let week: &WeekCharts = self.loaded.charts();
        let address = &site.address();
        let (before, weeks) = (self.before.as_slice(), self.weeks.as_slice());
        let (has_data, kept, base) = (self.has_data, self.kept.as_slice(), self.base.as_str());
        let catalogue = self.catalogue.catalogue.as_ref();
        let shown = Shown {
            site: address,
            base,
            week,
            charts,
            figure,
            before,
            weeks,
            kept,
            catalogue,
            has_data,
            note: self.note,
        };
        let title = chart_page::title(figure, &self.program, week.week, &self.asked);
        let body = chart_page::body(&shown, &self.asked, &other);
        let address = address::chart(&self.program, Weeks::One(week.week), &self.id, Form::Page);
        let summary = Summary::from(&title).at(format!("{address}{}", self.asked.query()));
        let summary = match &figure.description {
            Some(description) => summary.described(description),
            None => summary,
        };
        let card = address::chart(&self.program, Weeks::One(week.week), &self.id, Form::Card);
        let summary = summary.with_picture(card);
        layout::page(site, summary.plain(), Some(Section::Charts), &body)
    }
}

impl Request {
    /// The page of a chart in a week.
    pub(super) async fn chart_page(
        &self,
        path: &str,
        program: &str,
        week: Date,
        id: &str,
        query: &str,
    ) -> Result<Response, Failure> {
        let asked = Asked::parse(query);
        let base = self.base();
        let note = Asked::note(query, week);
        let key = format!("{path}{} {base} {note:?}", asked.query());
        if let Some(made) = self.made(&key).await {
            return Ok(made);
        }
        let loaded = self.loaded_chart(program, week, id).await?;
        if found(&loaded, program, id).is_none() {
            return Err(self.no_chart(program, Weeks::One(week), id));
        }
        let only = || Which::Ids(vec![id.to_owned()]);
        let first = week.saturating_sub(jiff::Span::new().weeks(TIME_SERIES - 1));
        let before = match asked {
            Asked::Whole => {
                let [versions, ..] = RESERVED;
                let ids = Which::Ids(vec![versions.to_owned(), id.to_owned()]);
                self.over_weeks(program, first, week, ids).await?
            }
            _ => Vec::new(),
        };
        let then = match asked {
            Asked::Week(other) => Some(self.loaded(program, other, only()).await?),
            _ => None,
        };
        let weeks: Vec<_> =
            self.weeks.iter().map(|week| (*week, self.is_complete(*week))).collect();
        let kept = self.kept(&asked, program, (week, weeks.as_slice()), id).await?;
        let head = self.site.head().await?;
        let catalogue = self.site.catalogue(&head).await?;
        let (program, id) = (program.to_owned(), id.to_owned());
        let has_data = self.data_of(week).is_some();
        let gathered = Gathered {
            loaded,
            before,
            then,
            weeks,
            kept,
            catalogue,
            has_data,
            base,
            program,
            id,
            asked,
            note,
        };
        if gathered.other().is_none() {
            let page =
                address::chart(&gathered.program, Weeks::One(week), &gathered.id, Form::Page);
            let links = [("The whole chart".to_owned(), page)];
            let sentence = "not found: this chart has nothing of that kind to show in this week";
            return Err(missing(sentence, &links));
        }
        let key = self.key(&key);
        let draw = move |site: &Site, ()| gathered.draw(site);
        Ok(self.respond(&*self.site.page(key, async { Ok(()) }, draw).await?))
    }

    /// The weeks before and after a week in which a chart has what is asked for.
    async fn kept(
        &self,
        asked: &Asked,
        program: &str,
        (week, weeks): (Date, &[(Date, bool)]),
        id: &str,
    ) -> Result<Vec<Date>, Refusal> {
        let mut kept = Vec::new();
        for beside in chart_page::beside(weeks, week).into_iter().flatten() {
            let (by, labels) = match asked {
                Asked::Whole => continue,
                Asked::Week(other) => {
                    kept.extend((beside != *other).then_some(beside));
                    continue;
                }
                Asked::Slices(by) => (*by, Vec::new()),
                Asked::Pair { by, from, to } => (*by, vec![from, to]),
            };
            let found = loaded::slices(&self.site, &self.index, beside, (program, id), by).await?;
            let groups = found.map(|slices| slices.groups).unwrap_or_default();
            let has = |label: &&String| groups.iter().any(|group| group.label == **label);
            if !groups.is_empty() && labels.iter().all(has) {
                kept.push(beside);
            }
        }
        Ok(kept)
    }

    /// A chart in its newest final week; without one, in its newest week. If there is no such chart, the
    /// address may be that of a program without its last slash.
    pub(super) async fn newest_chart(
        &self,
        path: &str,
        program: &str,
        id: &str,
        form: Form,
        query: &str,
    ) -> Result<Response, Failure> {
        let Some(week) = self.newest_week_of(program, id).await? else {
            return Ok(Redirect::permanent(&format!("{ROOT}{path}/")).into_response());
        };
        let dated = address::chart(program, Weeks::One(week), id, form);
        match form {
            Form::Page => {
                let page = self.chart_page(path, program, week, id, query).await?;
                Ok(super::canonical(page, &dated))
            }
            _ => Ok(Redirect::to(&dated).into_response()),
        }
    }

    /// The newest week that has a chart, a final one if there is one.
    async fn newest_week_of(&self, program: &str, id: &str) -> Result<Option<Date>, Refusal> {
        // A chart that is in none of these weeks can still be found by week.
        let Some(newest) = loaded::newest_week(&self.site, &self.index, program).await? else {
            return Ok(None);
        };
        let first = newest.saturating_sub(jiff::Span::new().weeks(TIME_SERIES - 1));
        let which = Which::Ids(vec![id.to_owned()]);
        let series =
            loaded::series(&self.site, &self.index, program, (first, newest), which).await?;
        let Some(chart) = series.charts.first() else { return Ok(None) };
        let weeks = || chart.weeks.iter().rev().map(|week| week.week);
        Ok(weeks().find(|week| self.is_complete(*week)).or_else(|| weeks().next()))
    }

    /// Whether no report of a week can arrive any more.
    pub(super) fn is_complete(&self, week: Date) -> bool {
        self.index.index.weeks.get(&week).is_some_and(|week| week.data.complete)
    }

    /// The public data of a week that queries are for.
    fn data_of(&self, week: Date) -> Option<&PublicFile> {
        self.index.index.weeks.get(&week)?.data.file(FileFormat::Parquet)
    }

    /// The query that computes a chart again.
    pub(super) async fn query_of(
        &self,
        loaded: &LoadedWeek,
        program: &str,
        id: &str,
    ) -> Result<String, Failure> {
        let week = loaded.charts();
        let Some((_, figure)) = found(loaded, program, id) else {
            return Err(self.no_chart(program, Weeks::One(week.week), id));
        };
        let Some(file) = self.data_of(week.week) else {
            return Err(missing("not found: the public data of this week is not here", &[]));
        };
        let mut configs: BTreeMap<String, CollectionConfig> = BTreeMap::new();
        for used in week.configs.iter().rev().take(CONFIGS) {
            let Ok(version) = used.version.parse::<ModuleVersion>() else { continue };
            let loaded = self.site.config(version).await?;
            if let Ok(config) = &loaded.config {
                configs.insert(used.version.clone(), config.clone());
            }
        }
        let base = self.base();
        let query = recompute::Query {
            parquet: &format!("{base}/data/weeks/{}", file.name),
            program,
            figure,
            configs: &configs,
            part: None,
        };
        let address = address::chart(program, Weeks::One(week.week), id, Form::Page);
        let site = self.site.address();
        Ok(format!("-- {site}{address}\n{}", query.sql()))
    }
}
