//! `/charts/`: every chart as a picture, as a table and as files.
//!
//! | file | one idea |
//! | --- | --- |
//! | `address` | the addresses, written and parsed |
//! | `loaded` | charts, read from the store |
//! | `request`, `one_week`, `many_weeks`, `data` | the answers |
//! | `trend`, `in_week` | one chart over weeks; and in one of them |
//! | `programs`, `program`, `everything`, `section`, `range`, `format` | the pages |
//! | `chart_page`, `shown`, `asked`, `one_chart` | the page of one chart, what it shows, what is asked for of it, and the answers |
//! | `slices`, `compare`, `difference` | a chart by version and the like, and two charts beside each other |
//! | `paging` | charts on several pages |
//! | `events`, `reading`, `sharing` | what else is on a chart's page |
//! | `card`, `headline` | a chart in short: the figure that is read first, its trend and its change |
//! | `find` | every chart and counter, found by name |
//! | `counted` | what charts say of a counter, for its page |
//! | `jump` | what pages say when a number of reports jumps |
//! | `tables`, `parts` | a chart's numbers as tables |
//! | `files`, `json` (and `aggregate::chart_csv`) | a chart's numbers, and its picture, as files |
//! | `badge` | a chart's most important number, as a small picture |
//! | `feeds` | the feeds of weeks and of new charts |
//! | `teaser` | figures for the home page |
//!
//! All of it is made from `aggregate::figure` alone, which anyone can fetch too.

mod address;
mod asked;
mod badge;
mod card;
mod chart_page;
mod compare;
mod counted;
mod data;
mod difference;
mod events;
mod everything;
mod feeds;
mod files;
mod find;
mod format;
mod headline;
mod in_week;
mod json;
mod jump;
mod loaded;
mod many_weeks;
mod one_chart;
mod one_week;
mod paging;
mod parts;
mod program;
mod programs;
mod range;
mod reading;
mod request;
mod section;
mod sharing;
mod shown;
mod slices;
mod tables;
mod teaser;
mod trend;

pub(super) use address::program;
pub(super) use counted::{ChartPages, Counted, CountedIn, STACKS, Shares, Stack, counted, shares};
pub(super) use feeds::{new_charts, weeks as weeks_feed};
pub(super) use find::{contains, search};
pub(super) use tables::path;
pub(super) use teaser::{figures, front, nothing_new, old};

use crate::aggregate::index::Index;
use crate::publish::Catalogue;
use crate::web::address::Address;
use crate::web::refusal::Refusal;
use crate::web::site::Site;
use address::{Form, ROOT, Target, Weeks};
use axum::extract::State;
use axum::http::header::LINK;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use paging::Page;
use request::{Failure, Request, missing};

/// `/charts/` and everything below it.
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
            Target::Find => self.find(query).await,
            Target::FindJson => self.find_json(query).await,
            Target::Programs(week) => self.programs(path, week).await,
            Target::Program(program) => {
                let newest = self.newest_week(&program).await?;
                let response = self.week(path, &program, newest, query).await?;
                let here = address::week(&program, Weeks::One(newest));
                Ok(canonical(response, &format!("{here}{}", Page::of_week(query).query())))
            }
            Target::Week { program, weeks: Weeks::One(week) } => {
                self.week(path, &program, week, query).await
            }
            Target::Week { program, weeks: Weeks::Range(from, to) } => {
                self.range(path, program, (from, to), query).await
            }
            Target::Everything { program, weeks: Weeks::One(week) } => {
                self.everything(path, program, week, query).await
            }
            Target::Everything { program, weeks: Weeks::Range(from, to) } => {
                self.range_charts(path, program, (from, to), query).await
            }
            Target::ProgramsJson(week) => self.programs_json(path, week).await,
            Target::AllCharts { program, week } => {
                self.all_charts(path, program, week, query).await
            }
            Target::Overview { program, week } => self.overview(path, program, week, query).await,
            Target::Slices { program, week, id, by } => {
                self.slices(path, program, week, id, by, query).await
            }
            Target::Chart { program, weeks: Weeks::One(week), id, form } => match form {
                Form::Page => self.chart_page(path, &program, week, &id, query).await,
                _ => self.file(path, program, week, id, form).await,
            },
            Target::NewestChart { program, id, form } => {
                self.newest_chart(path, &program, &id, form, query).await
            }
            Target::Chart { program, weeks: Weeks::Range(from, to), id, form } => match form {
                Form::Page => self.range_chart(path, program, (from, to), id).await,
                _ => self.range_file(path, program, (from, to), id, form).await,
            },
            Target::Latest { program, rest } => self.latest(program.as_deref(), &rest).await,
            Target::AskRange(program) => match address::asked_range(query) {
                Some((from, to)) => {
                    let to = address::week(&program, Weeks::Range(from, to));
                    Ok(Redirect::to(&to).into_response())
                }
                None => Err(Refusal::bad_request("name the weeks to show: from and to").into()),
            },
        }
    }
}

/// The addresses of programs, of their charts in the newest final week, and of weeks, for a site map.
pub(super) fn listed(index: &Index, catalogue: Option<&Catalogue>) -> Vec<String> {
    let charted = || index.weeks.iter().rev().filter(|(_, week)| week.charts.is_some());
    let newest = charted().find(|(_, week)| week.data.complete).map(|(date, _)| *date);
    let mut paths = Vec::new();
    if let Some(catalogue) = catalogue {
        paths.extend(catalogue.programs.iter().map(|one| address::program(&one.program)));
        let at =
            newest.into_iter().flat_map(|week| catalogue.charts.iter().map(move |c| (week, c)));
        let at = at.filter(|(week, chart)| chart.added_on <= *week);
        paths.extend(at.map(|(week, chart)| {
            address::chart(&chart.program, Weeks::One(week), &chart.id, Form::Page)
        }));
    }
    paths.extend(charted().map(|(date, _)| format!("{ROOT}{}/", Weeks::One(*date))));
    paths
}

/// Adds the permanent address of the same page (RFC 6596).
fn canonical(mut response: Response, address: &str) -> Response {
    if let Ok(link) = HeaderValue::try_from(format!("<{address}>; rel=\"canonical\"")) {
        response.headers_mut().insert(LINK, link);
    }
    response
}
