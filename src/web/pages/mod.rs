//! Pages for people, rendered on the server and readable without scripts. The one script, on the pages of
//! the log and of config versions, verifies them in the reader's browser (`verify.js`).
//!
//! | path | page | files |
//! | --- | --- | --- |
//! | `/` | what this is, how to join and how to leave | `home` |
//! | `/charts/` and below | charts: pictures, tables, files | `charts` |
//! | `/counters/` and below | what each counter is for, who asked for it, and how many reports have it | `counters` |
//! | `/config/` and below | what clients obey: versions, changes, a feed | `config`, `version`, `comparison`, `changes`, `feed` |
//! | `/log/` | the tree head, its witnesses and the newest entries | `log`, `witnessed` |
//! | `/log/entry/N` | an entry with its proof | `entry` |
//! | `/data/` | the public data and how to read it | `data` |
//! | `/privacy` | the complete list of what may leave a machine | `privacy`, `example` |
//! | `/check` | the commands that check each promise | `check` |
//! | `/help/` and below | the book of `docs/` | `help` |
//! | pages of versions | what a config collects, until when its reports are accepted, and what retired with it | `collected`, `config_part`, `config_states`, `retired` |
//! | pages of the log and of versions | what the reader's browser verifies | `verifying`, `verify.js` |
//! | `/status/`, of a static copy alone | when it was written, and what it cannot do | `files` |
//! | errors, in a browser | the sentence, and links | `refused` |
//! | `/charts/atom.xml`, `/charts/new.xml` | feeds of weeks and of new charts | `charts` |
//! | `/robots.txt`, `/sitemap.xml` | what search engines should read | `sitemap` |
//! | `/style.HASH.css`, `/icon.HASH.svg` | the stylesheet and the icon | `assets` |
//!
//! `layout` is the frame of all pages, and `project` says there whose telemetry this is. `words` has links and
//! times, `choices` the commands to opt in and out, `promises` what holds for the deployment as it is configured.
//! A page is rendered once for the data it depends on, and cached ([`Site::page`]). All text from outside is
//! escaped by `maud`, and becomes a link only if it is an http or https address (`words`).

mod assets;
mod changes;
pub(super) mod charts;
mod check;
mod choices;
mod collected;
mod comparison;
mod config;
mod config_part;
mod config_states;
mod counters;
mod data;
mod entry;
mod example;
mod feed;
mod files;
mod help;
mod home;
mod layout;
mod log;
mod privacy;
mod project;
mod promises;
mod refused;
mod retired;
mod sitemap;
mod verifying;
mod version;
mod witnessed;
pub(super) mod words;

pub use assets::stylesheet;
pub(crate) use counters::stack_place;
pub use files::WrittenAt;
pub(super) use files::page as page_of_files;
pub(super) use refused::refusal;

use super::site::Site;
use axum::Router;
use axum::http::HeaderMap;
use axum::response::Redirect;
use axum::routing::get;

/// The routes of all pages.
pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/", get(home::get))
        .route("/robots.txt", get(sitemap::robots))
        .route("/sitemap.xml", get(sitemap::whole))
        .route("/sitemap/{part}", get(sitemap::part))
        .route(layout::WEEKS_FEED, get(charts::weeks_feed))
        .route(layout::CHARTS_FEED, get(charts::new_charts))
        .route("/charts/", get(charts::get))
        .route("/charts/{*path}", get(charts::get))
        .route("/charts", get(async || Redirect::permanent("/charts/")))
        .route("/counters/", get(counters::get))
        .route("/counters/{*path}", get(counters::get))
        .route("/counters", get(async || Redirect::permanent("/counters/")))
        .route("/config/", get(config::list))
        .route("/config/{*path}", get(config::get))
        .route("/log/", get(log::get))
        .route("/log/entry/{index}", get(entry::get))
        .route("/privacy", get(privacy::get))
        .route("/privacy/", get(async || Redirect::permanent("/privacy")))
        .route("/check", get(check::get))
        .route("/check/", get(async || Redirect::permanent("/check")))
        .route("/help/", get(help::contents))
        .route("/help/{*path}", get(help::get))
        .route("/help", get(async || Redirect::permanent(layout::HELP)))
        .route("/data/", get(data::get))
        .route("/data", get(async || Redirect::permanent("/data/")))
        .route("/log", get(async || Redirect::permanent("/log/")))
        .route("/config", get(async || Redirect::permanent("/config/")))
        .route(
            assets::style().path(),
            get(async |headers: HeaderMap| assets::style().respond(&headers)),
        )
        .route(
            assets::icon().path(),
            get(async |headers: HeaderMap| assets::icon().respond(&headers)),
        )
}
