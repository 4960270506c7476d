//! What a chart's page shows.

use super::address::{self, Form, Weeks};
use super::asked::{Asked, Note};
use crate::aggregate::figure::{Figure, ProgramCharts, WeekCharts};
use crate::publish::{Catalogue, CatalogueChart};
use crate::web::base_path::SiteAddress;
use crate::web::chart_cache::LoadedWeek;
use jiff::civil::Date;
use std::sync::Arc;

/// A chart with everything that its page shows.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    /// The address of the site.
    pub(super) site: &'a SiteAddress,
    /// The address that was asked, for commands.
    pub(super) base: &'a str,
    /// The week.
    pub(super) week: &'a WeekCharts,
    /// The program in that week.
    pub(super) charts: &'a ProgramCharts,
    /// The chart.
    pub(super) figure: &'a Figure,
    /// The weeks up to this one, oldest first.
    pub(super) before: &'a [Arc<LoadedWeek>],
    /// All weeks that have charts, newest first, and whether they are complete.
    pub(super) weeks: &'a [(Date, bool)],
    /// The weeks whose pages can show what is asked for of this one, of those before and after it.
    pub(super) kept: &'a [Date],
    /// The newest definitions, if they were recorded.
    pub(super) catalogue: Option<&'a Catalogue>,
    /// What is said if less is shown than was asked for.
    pub(super) note: Option<Note>,
    /// Whether the public data of the week is there, from which the chart can be computed again.
    pub(super) has_data: bool,
}

impl<'a> Shown<'a> {
    /// The newest definition of the chart, with all others, if there is one.
    pub(super) fn defined(&self) -> Option<(&'a Catalogue, &'a CatalogueChart)> {
        let catalogue = self.catalogue?;
        let same = |chart: &&CatalogueChart| {
            chart.id == self.figure.id && chart.program == self.charts.program
        };
        Some((catalogue, catalogue.charts.iter().find(same)?))
    }

    /// The address of the page in this week.
    pub(super) fn page(&self, asked: &Asked) -> String {
        format!("{}{}", self.file(Form::Page), asked.query())
    }

    /// The address of a file of this week.
    pub(super) fn file(&self, form: Form) -> String {
        let week = Weeks::One(self.week.week);
        address::chart(&self.charts.program, week, &self.figure.id, form)
    }
}
