//! Pages for people, rendered on the server and readable without scripts. The one script, on the pages of
//! the log and of config versions, verifies them in the reader's browser (`verify.js`).
//!
//! | path | page | files |
//! | --- | --- | --- |
//! | `/` | what this is, how to join and how to leave | `home` |
//! | `/charts/` and below | charts: pictures, tables, files | `charts` |
//! | `/config/` and below | what clients obey: versions, changes, a feed | `config`, `version`, `comparison`, `changes`, `feed` |
//! | `/log/` | the tree head, its witnesses and the newest entries | `log`, `witnessed` |
//! | `/log/entry/N` | an entry with its proof | `entry` |
//! | `/data/` | the public data and how to read it | `data` |
//! | `/privacy` | the complete list of what may leave a machine | `privacy`, `example` |
//! | `/check` | the commands that check each promise | `check` |
//! | pages of versions | what a config collects, and until when its reports are accepted | `collected`, `config_states` |
//! | pages of the log and of versions | what the reader's browser verifies | `verifying`, `verify.js` |
//! | errors, in a browser | the sentence, and links | `refused` |
//! | `/style.HASH.css`, `/icon.HASH.svg` | the stylesheet and the icon | `assets` |
//!
//! `layout` is the frame of all pages, `words` has links and times, `choices` the commands to opt in and out.
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
mod config_states;
mod data;
mod entry;
mod example;
mod feed;
mod home;
mod layout;
mod log;
mod privacy;
mod refused;
mod verifying;
mod version;
mod witnessed;
pub(super) mod words;

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
        .route("/charts/", get(charts::get))
        .route("/charts/{*path}", get(charts::get))
        .route("/charts", get(async || Redirect::permanent("/charts/")))
        .route("/config/", get(config::list))
        .route("/config/{*path}", get(config::get))
        .route("/log/", get(log::get))
        .route("/log/entry/{index}", get(entry::get))
        .route("/privacy", get(privacy::get))
        .route("/privacy/", get(async || Redirect::permanent("/privacy")))
        .route("/check", get(check::get))
        .route("/check/", get(async || Redirect::permanent("/check")))
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
