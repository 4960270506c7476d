//! `/check`: what to run to check each promise oneself, with this deployment's own names and keys filled
//! in. Every command on the page is run by a test (`tests/check_page.rs`).

use super::layout;
use crate::aggregate::index::{FileFormat, Index};
use crate::gomod::Provenance;
use crate::web::refusal::Refusal;
use crate::web::representation::Lifetime;
use crate::web::site::Site;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};

/// What stands where a repository has no public address.
const REPOSITORY: &str = "REPOSITORY";

pub(super) async fn get(State(site): State<Site>, headers: HeaderMap) -> Result<Response, Refusal> {
    let newest = site.head().await?.newest();
    let index = site.index().await?;
    let base = super::data::base_address(&headers, &site.keys().host);
    let key = format!("/check {base} {newest:?} {:x}", index.tag);
    let gathered = site.clone();
    let load = async move {
        let provenance = match newest {
            Some(version) => Some(gathered.config(version).await?.provenance.clone()),
            None => None,
        };
        Ok((provenance, index))
    };
    let page = site.page(key, load, move |site, (provenance, index)| {
        let version = newest.map(|version| version.to_string());
        let newest = version.as_deref().zip(provenance.as_ref());
        let body = body(site, &base, newest, &index.index);
        layout::page(&site.keys().host, "Check it yourself", None, &body)
    });
    Ok(page.await?.respond(&headers, Lifetime::Seconds))
}

/// One thing to check.
struct Check {
    promise: &'static str,
    /// What is run, and what it shows.
    says: &'static str,
    commands: String,
}

fn body(site: &Site, base: &str, newest: Option<(&str, &Provenance)>, index: &Index) -> Markup {
    html! {
        h1 { "Check it yourself" }
        p.lead {
            "Nothing on this site has to be taken on trust. Each promise can be checked in a minute or two, "
            "with " code { "go" } ", " code { "git" } ", " code { "duckdb" } " and " code { "candor" }
            ", the program that this site runs on; none of these commands believes what this server says."
        }
        p {
            "Take the keys below from the project's repository or from a program that you have, not from "
            "this page alone: a server that lies could show you other ones. "
        }
        dl.facts {
            dt { "Verifier key of the log" } dd { code { (site.keys().log) } }
            dt { "Verifier key of the checksum database" } dd { code { (site.keys().sumdb) } }
        }
        @match newest {
            None => p { "No config was published yet: there is nothing to check." },
            Some((version, provenance)) => {
                @for check in checks(site, base, version, provenance, index) {
                    h2 { (check.promise) }
                    p { (check.says) }
                    pre { code { (check.commands) } }
                }
            }
        }
        h2 { "What cannot be checked from outside" }
        p {
            "That this server stores no addresses, and that it publishes every report that it accepts: for "
            "that there is the source of the program, and the operator's word. What is sent at all is decided "
            "on your own machine, by a program whose source you have; what may be in it is on the "
            a href="/privacy" { "privacy page" } "."
        }
    }
}

fn checks(
    site: &Site,
    base: &str,
    version: &str,
    provenance: &Provenance,
    index: &Index,
) -> Vec<Check> {
    let (module, escaped, keys) = (site.module().as_str(), site.module().escape(), site.keys());
    let (sumdb, log) = (&keys.sumdb, &keys.log);
    let repository = match provenance.repository.as_str() {
        "" => REPOSITORY,
        address => address,
    };
    let charts = match provenance.path.as_str() {
        "" => "charts".to_owned(),
        path => format!("charts/{path}"),
    };
    let (commit, day) = (provenance.commit.as_str(), provenance.as_of);
    let files = format!("{base}/goproxy/{escaped}/@v/{version}");
    let mut checks = vec![
        Check {
            promise: "Everyone gets the same config, and nobody can change it later",
            says: "The go command checks the module against the transparency log, and remembers what it saw \
                   of the log. Run it again next week, or from another network: if the log had changed what \
                   it said, or told others something else, it would say SECURITY ERROR.",
            commands: format!(
                "GOPROXY={base}/goproxy GOSUMDB={sumdb} \\\n  go mod download -json {module}@latest"
            ),
        },
        Check {
            promise: "The config is what the reviewed definitions compile to",
            says: "Compile the commit that the newest version names, and compare: cmp says nothing where \
                   the two are equal.",
            commands: format!(
                "git clone {repository} charts\n\
                 git -C charts checkout {commit}\n\
                 candor compile {charts} --as-of {day} --out config.json\n\
                 curl -s {base}/config/{version}.json | cmp - config.json"
            ),
        },
        Check {
            promise: "A version proves itself, also when this server is gone",
            says: "Keep two files: the version, and its proof. They can be checked offline for ever, with \
                   nothing but the log's key.",
            commands: format!(
                "curl -sO {files}.zip\n\
                 curl -sO {files}.tlog-proof\n\
                 candor verify {version}.tlog-proof --vkey {log} --zip {version}.zip"
            ),
        },
        Check {
            promise: "All of it, at once",
            says: "The auditor fetches the whole log, compiles every version again, looks at every report \
                   in the public data and makes every chart anew. It remembers what it saw; where the log \
                   contradicts itself it writes a file that proves it to anyone.",
            commands: format!("candor audit {base} --vkey {log}{}", charts_of(provenance)),
        },
    ];
    let week = index.weeks.values().rev().find(|week| week.data.reports > 0);
    let parquet = week.and_then(|week| {
        let is_parquet = |format: &FileFormat| *format == FileFormat::Parquet;
        week.data.files.iter().find(|file| is_parquet(&file.format)).map(|file| &file.name)
    });
    if let Some(name) = parquet {
        checks.push(Check {
            promise: "The figures are made of the public data, and of nothing else",
            says: "Count for yourself: how many reports each program has in a week, and what they hold. The \
                   charts of that week say how many reports are behind them.",
            commands: format!(
                "curl -sO {base}/data/weeks/{name}\n\
                 duckdb -c \"SELECT program, count(DISTINCT report) AS reports FROM '{name}' GROUP BY ALL\"\n\
                 duckdb -c \"SELECT * FROM '{name}' LIMIT 5\""
            ),
        });
    }
    checks
}

/// What an audit has to be told where versions name no public repository.
fn charts_of(provenance: &Provenance) -> &'static str {
    match provenance.repository.as_str() {
        "" => " --charts charts",
        _ => "",
    }
}
