//! `/check`: the commands that check each promise, with this deployment's names and keys filled in. A test
//! runs every command on the page (`tests/all/check_page.rs`).

use super::layout::{self, Summary};
use super::{promises, words};
use crate::aggregate::index::{FileFormat, Index};
use crate::gomod::Provenance;
use crate::web::asked_address::base_address;
use crate::web::refusal::Refusal;
use crate::web::representation::Lifetime;
use crate::web::site::Site;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};

/// What the page is about, for those who link to it.
const ABOUT: &str =
    "The commands that check what this site promises, with its names and keys filled in.";

/// The program's own repository, whose README says how to install it.
const CANDOR: &str = env!("CARGO_PKG_REPOSITORY");

/// Used if the repository has no public address.
const REPOSITORY: &str = "REPOSITORY";

pub(super) async fn get(State(site): State<Site>, headers: HeaderMap) -> Result<Response, Refusal> {
    let newest = site.head().await?.newest();
    let index = site.index().await?;
    let base = base_address(&headers, &site.address());
    let promised = promises::Settings::of(&site);
    let key = format!("/check {base} {newest:?} {:x} {}", index.tag, promised.key());
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
        let body = body(site, &base, newest, &index.index, &promised);
        let summary = Summary::from("Check it yourself").described(ABOUT);
        layout::page(site, summary, None, &body)
    });
    Ok(page.await?.respond(&headers, Lifetime::Seconds))
}

/// One thing to check.
struct Check {
    /// Its anchor on the page.
    id: &'static str,
    promise: &'static str,
    /// What the commands do, and what they show.
    explanation: &'static str,
    /// What else has to be true for the promise to hold here.
    condition: Markup,
    commands: String,
}

fn body(
    site: &Site,
    base: &str,
    newest: Option<(&str, &Provenance)>,
    index: &Index,
    promised: &promises::Settings,
) -> Markup {
    let project = site.project();
    let project = project.as_ref();
    html! {
        h1 { "Check it yourself" }
        p.lead {
            "You do not have to take this site’s word for it. Each of these checks takes a minute or two, with "
            code { "go" } ", " code { "git" } ", " code { "duckdb" } " or " code { "candor" } ", the program that runs "
            "this site: " (words::link(CANDOR, &html! { "where to get it" })) ". What cannot be checked is at the end."
        }
        p {
            "Compare the keys below with those in a program that you have, or on "
            @match project.and_then(|project| project.home_page.as_ref()) {
                Some(page) => (words::link(page, &html! { "the project’s home page" })),
                None => "pages of the project that are not served from here",
            }
            ": a dishonest server could show you other keys, and the commands would then agree with it."
        }
        dl.facts {
            dt { "Verifier key of the log" } dd { code { (site.keys().log) } }
            dt { "Verifier key of the checksum database" } dd { code { (site.keys().sumdb) } }
        }
        @match newest {
            None => p { "No config has been published yet, so there is nothing to check." },
            Some((version, provenance)) => {
                @for check in checks(site, base, version, provenance, index, promised) {
                    h2 id=(check.id) { (check.promise) }
                    p { (check.explanation) }
                    (check.condition)
                    pre { code { (check.commands) } }
                }
            }
        }
        h2 id="unchecked" { "What cannot be checked from outside" }
        ul {
            li {
                "What happens to addresses. " (promises::addresses(promised)) " You have the program’s source and the "
                "operator’s word."
            }
            li {
                "That every accepted report is published: for this, too, you have only the operator’s word."
            }
            li {
                "That people’s own reports are in the figures: anyone can "
                a href="/privacy#flood" { "send false ones" } "."
            }
        }
        p {
            "What is sent is decided on your own machine, by a program whose source you have. What it can send is on "
            "the " a href="/privacy" { "privacy page" } "."
        }
    }
}

fn checks(
    site: &Site,
    base: &str,
    version: &str,
    provenance: &Provenance,
    index: &Index,
    promised: &promises::Settings,
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
            id: "config",
            promise: "Everyone gets the same config",
            explanation: "The go command checks the module against the transparency log, and remembers the log’s \
                   newest entry. Run it again next week: if the log had changed its history in between, the \
                   command would report a SECURITY ERROR. To compare with somebody else, compare the Sum \
                   that both of you get, or the root hash on the log’s page.",
            condition: html! { p { (promises::one_log(promised)) } },
            commands: format!(
                "GOPROXY={base}/goproxy GOSUMDB={sumdb} \\\n  go mod download -json {module}@latest"
            ),
        },
        Check {
            id: "definitions",
            promise: "The config is what the reviewed definitions compile to",
            explanation: "Compile the commit that the newest version names, and compare: cmp prints nothing if \
                   the two are identical.",
            condition: html! {
                @if provenance.repository.as_str().is_empty() {
                    p {
                        "The config does not say where the repository of the definitions is: ask the project for its "
                        "address, and write it in the place of " code { (REPOSITORY) } "."
                    }
                }
            },
            commands: format!(
                "git clone {repository} charts\n\
                 git -C charts checkout {commit}\n\
                 candor compile {charts} --as-of {day} --out config.json\n\
                 curl -s {base}/config/{version}.json | cmp - config.json"
            ),
        },
        Check {
            id: "proof",
            promise: "Every version can be proved, even when this server is gone",
            explanation: "Keep two files, the version and its proof. With the log’s key, they can be checked offline at \
                   any time.",
            condition: html! {},
            commands: format!(
                "curl -sO {files}.zip\n\
                 curl -sO {files}.tlog-proof\n\
                 candor verify {version}.tlog-proof --vkey {log} --zip {version}.zip"
            ),
        },
        Check {
            id: "everything",
            promise: "Everything at once",
            explanation: "This audit downloads the whole log, compiles every version again, checks every report in \
                   the public data and computes every chart again. It remembers what it saw: if the log ever \
                   contradicts that, it writes a file that proves it to anyone.",
            condition: html! {},
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
            id: "figures",
            promise: "The figures come from the public data, and from nothing else",
            explanation: "Count how many reports each program has in a week, and look at some of them. The charts \
                   of that week say how many reports they are based on.",
            condition: html! {},
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
