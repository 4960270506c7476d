//! `/check`: the commands that check each promise, with this deployment's names and keys filled in. A test
//! runs every command on the page (`tests/check_page.rs`).

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

/// Used if the repository has no public address.
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
    /// What the commands do, and what they show.
    explanation: &'static str,
    commands: String,
}

fn body(site: &Site, base: &str, newest: Option<(&str, &Provenance)>, index: &Index) -> Markup {
    html! {
        h1 { "Check it yourself" }
        p.lead {
            "You do not have to trust this site. Each promise can be checked in a minute or two, "
            "with " code { "go" } ", " code { "git" } ", " code { "duckdb" } " and " code { "candor" }
            ", the program that runs this site; none of these commands trusts what this server says."
        }
        p {
            "Take the keys below from the project's repository or from a program that you have, not only from "
            "this page: a dishonest server could show you other ones. "
        }
        dl.facts {
            dt { "Verifier key of the log" } dd { code { (site.keys().log) } }
            dt { "Verifier key of the checksum database" } dd { code { (site.keys().sumdb) } }
        }
        @match newest {
            None => p { "No config has been published yet, so there is nothing to check." },
            Some((version, provenance)) => {
                @for check in checks(site, base, version, provenance, index) {
                    h2 { (check.promise) }
                    p { (check.explanation) }
                    pre { code { (check.commands) } }
                }
            }
        }
        h2 { "What cannot be checked from outside" }
        p {
            "That this server stores no addresses, and that it publishes every report that it accepts: for "
            "this you have the program's source, and the operator's word. What is sent at all is decided "
            "on your own machine, by a program whose source you have; what it may contain is on the "
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
            explanation: "The go command checks the module against the transparency log, and remembers the state \
                   of the log. Run it again next week, or from another network: if the log had changed its \
                   history, or showed others a different one, it would report a SECURITY ERROR.",
            commands: format!(
                "GOPROXY={base}/goproxy GOSUMDB={sumdb} \\\n  go mod download -json {module}@latest"
            ),
        },
        Check {
            promise: "The config is what the reviewed definitions compile to",
            explanation: "Compile the commit that the newest version names, and compare: cmp prints nothing if \
                   the two are identical.",
            commands: format!(
                "git clone {repository} charts\n\
                 git -C charts checkout {commit}\n\
                 candor compile {charts} --as-of {day} --out config.json\n\
                 curl -s {base}/config/{version}.json | cmp - config.json"
            ),
        },
        Check {
            promise: "Every version can be proved, even when this server is gone",
            explanation: "Keep two files: the version and its proof. They can be checked offline for ever, with \
                   only the log's key.",
            commands: format!(
                "curl -sO {files}.zip\n\
                 curl -sO {files}.tlog-proof\n\
                 candor verify {version}.tlog-proof --vkey {log} --zip {version}.zip"
            ),
        },
        Check {
            promise: "Everything at once",
            explanation: "The auditor downloads the whole log, compiles every version again, checks every report \
                   in the public data and computes every chart again. It remembers what it saw; if the log \
                   contradicts itself, it writes a file that proves this to anyone.",
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
            promise: "The figures come from the public data, and from nothing else",
            explanation: "Count for yourself how many reports each program has in a week, and see what they contain. The \
                   charts of that week say how many reports they are based on.",
            commands: format!(
                "curl -sO {base}/data/weeks/{name}\n\
                 duckdb -c \"SELECT program, count(DISTINCT report) AS reports FROM '{name}' GROUP BY ALL\"\n\
                 duckdb -c \"SELECT * FROM '{name}' LIMIT 5\""
            ),
        });
    }
    checks
}

/// The option that an audit needs if versions name no public repository.
fn charts_of(provenance: &Provenance) -> &'static str {
    match provenance.repository.as_str() {
        "" => " --charts charts",
        _ => "",
    }
}
