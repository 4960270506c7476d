//! `/charts/`: every chart as a picture, as a table and as files.
//!
//! | file | one idea |
//! | --- | --- |
//! | `address` | the addresses, written and parsed |
//! | `loaded` | weeks' charts, read from the store |
//! | `request`, `one_week`, `many_weeks` | the answers |
//! | `trend` | one chart over weeks |
//! | `programs`, `program`, `section`, `range`, `format` | the pages |
//! | `jump` | what pages say when a number of reports jumps |
//! | `tables`, `parts` | a chart's numbers as tables |
//! | `files`, `json` (and `aggregate::chart_csv`) | a chart's numbers, and its picture, as files |
//! | `teaser` | the newest charts, for the home page |
//!
//! All of it is made from `aggregate::figure` alone, which anyone can fetch too.

mod address;
mod files;
mod format;
mod json;
mod jump;
mod loaded;
mod many_weeks;
mod one_week;
mod parts;
mod program;
mod programs;
mod range;
mod request;
mod section;
mod tables;
mod teaser;
mod trend;

pub(super) use teaser::{newest, teaser};

use crate::web::address::Address;
use crate::web::refusal::Refusal;
use crate::web::site::Site;
use address::{Form, ROOT, Target, Weeks};
use axum::extract::State;
use axum::http::header::LINK;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse, Redirect, Response};
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
                None => Err(Refusal::bad_request("name the weeks to show: from and to").into()),
            },
        }
    }
}

/// Adds the permanent address of the same page (RFC 6596).
fn canonical(mut response: Response, address: &str) -> Response {
    if let Ok(link) = HeaderValue::try_from(format!("<{address}>; rel=\"canonical\"")) {
        response.headers_mut().insert(LINK, link);
    }
    response
}
