//! Pages for people. Drawn on the server, read without scripts. One script there is, on the pages of
//! the log and of config versions, which verifies them in the reader's browser (`verify.js`).
//!
//! | path | page | file |
//! | --- | --- | --- |
//! | `/` | what this is, how to join and how to leave | `home` |
//! | `/charts/` and below | charts: pictures, tables, files | `charts` |
//! | `/config/` and below | what clients obey: versions, changes, a feed | `config` |
//! | `/log/` | the tree head and the newest entries | `log` |
//! | `/log/entry/N` | one entry with its proof | `entry` |
//! | `/data/` | the public data and how to read it | `data` |
//! | `/privacy` | the complete list of what may leave a machine | `privacy` |
//! | `/check` | what to run to check each promise oneself | `check` |
//! | on the pages of versions | under which configs reports are taken | `openness` |
//! | on the pages of the log and of a version | what the reader's browser verifies | `verifying`, `verify.js` |
//! | what is refused, to a browser | the sentence, and the way back | `refused` |
//! | `/style.HASH.css`, `/icon.HASH.svg` | what pages look like | `assets` |
//!
//! `layout` is the frame of them all, `words` what they say in the same way, `choices` the commands with
//! which users decide. A page is drawn once for
//! what it depends on and kept ([`Site::page`]). Everything from outside is escaped by `maud`, and
//! becomes a link only where it is an http or https address (`words`).

mod assets;
mod changes;
pub(super) mod charts;
mod check;
mod choices;
mod collected;
mod comparison;
mod config;
mod data;
mod entry;
mod example;
mod feed;
mod home;
mod layout;
mod log;
mod openness;
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
