//! `/counters/`: a page for every counter and stack counter that the newest config collects.
//!
//! | file | one idea |
//! | --- | --- |
//! | `address` | the addresses, written and parsed |
//! | `listed` | what a config collects of a program, and which definitions ask for it |
//! | `since` | since which config |
//! | `program`, `paging` | the index, on as many pages as it needs |
//! | `page`, `stacks` | the page of one, and of those with one name before the colon |
//! | `definition` | what a definition says, also on the page of its chart |
//! | `json` | the index, and one counter, for machines |
//!
//! What is collected is from the newest config in the log; why, from the definitions behind it; and how many
//! reports have it, from the charts.

pub(super) mod address;
pub(super) mod definition;
mod json;
mod listed;
mod page;
mod paging;
mod program;
mod since;
mod stacks;

use super::charts::{self, ChartPages};
use super::layout::{self, Section};
use crate::charts::counter::chart_of;
use crate::collection::CollectionConfig;
use crate::collection::config::ProgramConfig;
use crate::gomod::ModuleVersion;
use crate::web::address::Address;
use crate::web::content_policy::PAGE_POLICY;
use crate::web::public::{ShownCatalogue, ShownIndex};
use crate::web::refusal::{Refusal, reads_pages};
use crate::web::representation::{Content, Lifetime};
use crate::web::site::Site;
use crate::web::source::LoadedConfig;
use address::{ROOT, Target};
use axum::extract::State;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use paging::Page;
use std::sync::Arc;

/// How many names are offered if there is none as asked.
const NEAR: usize = 10;

/// The place of a stack with these functions, one a line, on the page of its counter; `None` if the counter has
/// none.
pub(crate) fn stack_place(program: &str, counter: &str, functions: &str) -> Option<String> {
    Some(format!("{}#{}", address::counter(program, counter)?, stacks::anchor_of(functions)))
}

/// What all these pages are made from.
struct Request {
    site: Site,
    headers: HeaderMap,
    index: Arc<ShownIndex>,
    catalogue: Arc<ShownCatalogue>,
    /// The newest config.
    newest: Option<Arc<LoadedConfig>>,
}

/// `/counters/` and everything below it.
pub(super) async fn get(
    State(site): State<Site>,
    address: Address,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (head, index) = (site.head().await?, site.index().await?);
    let catalogue = site.catalogue(&head).await?;
    let newest = match head.newest() {
        Some(version) => Some(site.config(version).await?),
        None => None,
    };
    let request = Request { site, headers, index, catalogue, newest };
    let page = Page::parse(uri.query().unwrap_or_default());
    request.answer(address.below(ROOT), page).await
}

impl Request {
    async fn answer(&self, path: &str, page: Page) -> Result<Response, Refusal> {
        let programs = self.config().map_or(&[][..], |config| &config.programs);
        let parsed = address::parse(path, programs.iter().map(|program| program.name.as_str()));
        match parsed {
            None => Ok(self.missing(None, path)),
            Some(Target::Elsewhere) => {
                Ok(Redirect::permanent(&address::program(path)).into_response())
            }
            Some(Target::Programs) => self.all().await,
            Some(Target::Program(program)) => self.program(program, page).await,
            Some(Target::Json(program)) => self.json(program, page).await,
            Some(Target::Name(program, name)) => self.name(program, name).await,
        }
    }

    fn config(&self) -> Option<&CollectionConfig> {
        self.newest.as_ref()?.config.as_ref().ok()
    }

    fn version(&self) -> Option<ModuleVersion> {
        self.newest.as_ref().map(|newest| newest.version)
    }

    fn key(&self, path: &str) -> String {
        format!("{ROOT}{path} {:?} {:x} {}", self.version(), self.index.tag, self.catalogue.key)
    }

    async fn all(&self) -> Result<Response, Refusal> {
        let newest = self.newest.clone();
        let page = self.site.page(self.key(""), async { Ok(newest) }, |site, newest| {
            let config = newest.as_ref().and_then(|newest| newest.config.as_ref().ok());
            let body = program::all(newest.as_ref().map(|newest| newest.version), config);
            layout::page(site, "Counters and stacks", Some(Section::Charts), &body)
        });
        Ok(page.await?.respond(&self.headers, Lifetime::Seconds))
    }

    async fn program(&self, name: &str, page: Page) -> Result<Response, Refusal> {
        let (Some(newest), name) = (self.newest.clone(), name.to_owned()) else {
            return Ok(self.missing(None, name));
        };
        let is_there = || program_of(&newest, &name).is_some_and(|one| page.has_any(one));
        if page != Page::FIRST && !is_there() {
            return Ok(self.missing(None, &format!("{name}/{}", page.query())));
        }
        let (site, index, catalogue) =
            (self.site.clone(), self.index.clone(), self.catalogue.clone());
        let wanted = name.clone();
        let load = async move { Ok(ChartPages::find(&site, &index, &wanted).await) };
        let key = self.key(&format!("{name}/{}", page.query()));
        let made = self.site.page(key, load, move |site, pages| {
            let found = program_of(&newest, &name);
            let body = found.map(|program| {
                program::one(newest.version, program, catalogue.catalogue.as_ref(), &pages, page)
            });
            let title = format!("What {name} may report{}", page.title());
            self::page(site, &title, &body.unwrap_or_default())
        });
        Ok(made.await?.respond(&self.headers, Lifetime::Seconds))
    }

    async fn json(&self, name: &str, page: Page) -> Result<Response, Refusal> {
        let Some(newest) = self.newest.clone() else { return Ok(self.missing(None, name)) };
        let is_there =
            || program_of(&newest, name).is_some_and(|one| !page.of_file(one).groups.is_empty());
        if page != Page::FIRST && !is_there() {
            return Ok(self.missing(None, &format!("{name}/index.json{}", page.query())));
        }
        let (name, catalogue) = (name.to_owned(), self.catalogue.clone());
        let key = self.key(&format!("{name}/index.json{}", page.query()));
        let made = self.site.cached(key, Content::Json, async { Ok(()) }, move |_, ()| {
            let program = program_of(&newest, &name);
            program.map_or(String::new(), |program| {
                json::written(program, newest.version, catalogue.catalogue.as_ref(), page)
            })
        });
        Ok(made.await?.respond(&self.headers, Lifetime::Seconds))
    }

    /// The page of a counter, or of all with the same name before the colon.
    async fn name(&self, program: &str, name: &str) -> Result<Response, Refusal> {
        let Some(newest) = self.newest.clone() else {
            return Ok(self.missing(Some(program), name));
        };
        let found = program_of(&newest, program);
        let is_listed =
            |name: &str| found.is_some_and(|program| !listed::named(program, name).is_empty());
        if is_listed(name) {
            return self.counter(Of::new(newest, program, name, false)).await;
        }
        if let Some(name) = name.strip_suffix(".json") {
            let last = match is_listed(name) {
                true => Some((newest.clone(), false)),
                false => since::last_with(&self.site, newest.version, program, name)
                    .await?
                    .map(|last| (last, true)),
            };
            if let Some((config, removed)) = last {
                return self.counter_json(Of::new(config, program, name, removed)).await;
            }
        }
        let chart = chart_of(name);
        // An expression, or what is before the colon.
        let is_group =
            name == chart || name.strip_prefix(chart).is_some_and(|b| b.starts_with(":{"));
        if is_group && let Some(found) = found {
            let groups = listed::groups(found).into_iter().filter(|group| group.chart == chart);
            let groups: Vec<_> = groups.collect();
            if !groups.is_empty() {
                return self.group(newest.clone(), program, chart, groups).await;
            }
        }
        match since::last_with(&self.site, newest.version, program, name).await? {
            Some(last) => self.counter(Of::new(last, program, name, true)).await,
            None => Ok(self.missing(Some(program), name)),
        }
    }

    /// The page of a counter.
    async fn counter(&self, of: Of) -> Result<Response, Refusal> {
        let (key, load) = (self.key(&format!("{}/{}", of.program, of.name)), self.gather(&of));
        let page = self.site.page(key, load, move |site, gathered| {
            let body = of.known(&gathered, page::body);
            self::page(site, &format!("{}, {}", of.name, of.program), &body)
        });
        Ok(page.await?.respond(&self.headers, Lifetime::Seconds))
    }

    /// The same for machines.
    async fn counter_json(&self, of: Of) -> Result<Response, Refusal> {
        let (key, load) = (self.key(&format!("{}/{}.json", of.program, of.name)), self.gather(&of));
        let write = move |_: &Site, gathered| of.known(&gathered, json::of_one);
        let made = self.site.cached(key, Content::Json, load, write);
        Ok(made.await?.respond(&self.headers, Lifetime::Seconds))
    }

    /// What is known of a counter beside its config.
    fn gather(&self, of: &Of) -> impl Future<Output = Result<Gathered, Refusal>> + use<> {
        let (site, index, with) = (self.site.clone(), self.index.clone(), of.config.clone());
        let (program, name, catalogue) =
            (of.program.clone(), of.name.clone(), self.catalogue.clone());
        async move {
            let asked_by = listed::asked_by(catalogue.catalogue.as_ref(), &program, &name);
            let ids: Vec<String> = asked_by.into_iter().map(|chart| chart.id.clone()).collect();
            let since = since::since(&site, &with, &program, &name).await?;
            // Without charts, the rest of the page is still right.
            let counted = charts::counted(&site, &index, (&program, &name), ids).await;
            Ok(Gathered { since, counted: counted.unwrap_or_default(), catalogue })
        }
    }

    async fn group(
        &self,
        newest: Arc<LoadedConfig>,
        program: &str,
        chart: &str,
        groups: Vec<listed::Group>,
    ) -> Result<Response, Refusal> {
        let (site, index, catalogue) =
            (self.site.clone(), self.index.clone(), self.catalogue.clone());
        let (program, chart) = (program.to_owned(), chart.to_owned());
        let wanted = program.clone();
        let names = groups.iter().flat_map(|group| &group.counters);
        let names: Vec<&str> = names.map(|counter| counter.name.as_str()).collect();
        let defined = catalogue.catalogue.as_ref();
        let asked = defined.map(|all| all.asked_by(&program, names)).unwrap_or_default();
        let asked: Vec<String> = asked.into_iter().map(|chart| chart.id.clone()).collect();
        let load = async move {
            let pages = ChartPages::find(&site, &index, &wanted).await;
            // Without charts, the rest of the page is still right.
            let shares = charts::shares(&site, &index, &wanted, asked).await;
            Ok((pages, shares.unwrap_or_default()))
        };
        let key = self.key(&format!("{program}/{chart}"));
        let page = self.site.page(key, load, move |site, (pages, shares)| {
            let found = program_of(&newest, &program);
            let body = found.map(|found| {
                let (of, counted) = ((chart.as_str(), newest.version), (&pages, shares.as_ref()));
                page::group(found, of, &groups, catalogue.catalogue.as_ref(), counted)
            });
            self::page(site, &format!("{chart}, {program}"), &body.unwrap_or_default())
        });
        Ok(page.await?.respond(&self.headers, Lifetime::Seconds))
    }

    /// The answer for what does not exist, with what may have been meant.
    fn missing(&self, program: Option<&str>, name: &str) -> Response {
        let whom = program.map_or(String::new(), |program| format!(" of {program}"));
        let refusal =
            Refusal::not_found(format!("not found: no config has a counter {name}{whom}"));
        if !reads_pages(&self.headers) {
            return refusal.into_response();
        }
        let body = page::missing(program, name, &self.near(program, name));
        let page = page(&self.site, "Not found", &body);
        let mut response = refusal.with_body(page.into_string(), Content::Html);
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
        response
    }

    /// Counters with a similar name.
    fn near(&self, program: Option<&str>, name: &str) -> Vec<(String, String)> {
        let programs = self.config().map_or(&[][..], |config| &config.programs);
        let last = name.rsplit(['/', ':']).next().unwrap_or_default();
        let mut found = Vec::new();
        for of in programs.iter().filter(|of| program.is_none_or(|program| of.name == program)) {
            let similar = listed::all(of).filter(|counter| {
                chart_of(&counter.name) == chart_of(name)
                    || (last.len() > 2 && charts::contains(&counter.name, last))
            });
            let left = NEAR - found.len();
            found.extend(similar.take(left).map(|counter| (of.name.clone(), counter.name)));
        }
        found
    }
}

/// A counter that a config has.
struct Of {
    config: Arc<LoadedConfig>,
    program: String,
    name: String,
    /// Whether newer configs have it no more.
    removed: bool,
}

/// What is known of a counter beside its config.
struct Gathered {
    since: since::Since,
    counted: Option<charts::Counted>,
    catalogue: Arc<ShownCatalogue>,
}

impl Of {
    fn new(config: Arc<LoadedConfig>, program: &str, name: &str, removed: bool) -> Of {
        Of { config, program: program.to_owned(), name: name.to_owned(), removed }
    }

    fn known<T>(&self, gathered: &Gathered, write: impl FnOnce(&page::Known<'_>) -> T) -> T {
        let (program, name) = (self.program.as_str(), self.name.as_str());
        let catalogue = gathered.catalogue.catalogue.as_ref();
        let found = program_of(&self.config, program);
        let listed = found.map(|found| listed::named(found, name)).unwrap_or_default();
        write(&page::Known {
            program,
            name,
            listed: &listed,
            version: self.config.version,
            removed: self.removed,
            since: gathered.since,
            catalogue,
            asked_by: &listed::asked_by(catalogue, program, name),
            counted: gathered.counted.as_ref(),
        })
    }
}

fn program_of<'c>(config: &'c LoadedConfig, name: &str) -> Option<&'c ProgramConfig> {
    listed::program(config.config.as_ref().ok()?, name)
}

fn page(site: &Site, title: &str, body: &maud::Markup) -> maud::Markup {
    let title = crate::web::draw::plain(title);
    layout::page(site, &title, Some(Section::Charts), body)
}
