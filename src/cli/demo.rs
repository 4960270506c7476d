//! `candor demo`: the whole pipeline in a temporary folder, narrated.
//!
//! It is also the shortest description of how the parts fit together: read [`Demo::tell`].
//!
//! | file | one idea |
//! | --- | --- |
//! | `narrator` | the demonstration's state, and telling its chapters |
//! | `project` | commits, publishing, and misusing a key |
//! | `witness` | a witness on this machine |
//! | `weeks` | a population that reports by a clock of its own |
//! | `results` | weeks of reports, and what they show |
//! | `audited` | an audit of everything |
//! | `growth` | another story: a population that grows, and rates that follow it |

mod audited;
mod growth;
mod narrator;
pub(super) mod project;
mod results;
mod weeks;
mod witness;

use super::env::GoEnvironment;
use super::{Failure, Output};
use crate::audit::AuditReport;
use crate::client::{ClientError, ConfigClient, ConfigSource, Http, VerifiedConfig, Wanted};
use crate::publish::{Deployment, OWN_STORE, Publication};
use crate::store::FileStore;
use crate::terminal::OneLine;
use crate::web;
use jiff::civil::Date;
use narrator::{Demo, Served};
use project::{commit, copy_key, publish, strings};
use results::Reported;
use serde::Serialize;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;
use weeks::{StoryClock, receiver_slot};
use witness::WITNESS;

/// Run the whole pipeline in a temporary folder, and explain what happens.
///
/// Makes a charts repository and a deployment, publishes versions, serves them, downloads them as a
/// client would, shows what a client refuses, lets a simulated population report for some weeks, and
/// makes a website of charts. Leaves nothing behind, except in a bucket that is named by --store.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor demo\n  \
    candor demo --keep-serving\n  \
    candor demo --store s3://example-bucket/demo\n  \
    candor demo --growth --plot growth.svg")]
pub(super) struct Args {
    /// Keep serving the website at the end, until interrupted.
    #[arg(long, conflicts_with = "growth")]
    keep_serving: bool,
    /// How many weeks of reports pass. Without it 12, and 30 of a growing population.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=500))]
    weeks: Option<u16>,
    /// Where the deployment's store is: a bucket, as in `candor init --store`, instead of the temporary folder. It
    /// must have no deployment yet, and what is stored stays there.
    #[arg(long, value_name = "URL", default_value = OWN_STORE)]
    store: String,
    #[command(flatten)]
    growth: growth::Growth,
}

/// How many weeks of reports pass where nobody says so.
const WEEKS: u16 = 12;

/// The reviewed definitions of the story's first commit, and what its second and third add.
const FIRST_COMMIT: &[(&str, &str)] = &[
    ("collection.toml", include_str!("../../testdata/demo/collection.toml")),
    ("programs/hello.toml", include_str!("../../testdata/demo/programs/hello.toml")),
    ("charts/verbs.toml", include_str!("../../testdata/demo/charts/verbs.toml")),
];
const SECOND_COMMIT: &[(&str, &str)] =
    &[("charts/crashes.toml", include_str!("../../testdata/demo/charts/crashes.toml"))];

const THIRD_COMMIT: &[(&str, &str)] = &[
    ("programs/tools.toml", include_str!("../../testdata/demo/programs/tools.toml")),
    ("charts/questions.toml", include_str!("../../testdata/demo/charts/questions.toml")),
    ("charts/tools.toml", include_str!("../../testdata/demo/charts/tools.toml")),
    ("marginals/survey.toml", include_str!("../../testdata/demo/marginals/survey.toml")),
];

const HOST: &str = "telemetry.example.org";
const MODULE: &str = "telemetry.example.org/config";

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let runtime = super::runtime::many_threads()?;
    // First of all, so that nothing is left behind: when asked to stop, the story ends at the next chapter
    // and the folder is removed.
    let stopped = Arc::new(AtomicBool::new(false));
    let stop = stopped.clone();
    let signal = {
        let _entered = runtime.enter();
        super::signals::stop_signal()
    };
    runtime.spawn(async move {
        signal.await;
        stop.store(true, Ordering::Relaxed);
    });
    let folder = tempfile::Builder::new()
        .prefix("candor-demo-")
        .tempdir()
        .map_err(|e| Failure::new(format!("cannot make a temporary folder: {e}")))?;
    let chapter = AtomicU8::new(0);
    let weeks = args.weeks.unwrap_or(if args.growth.growth { growth::WEEKS } else { WEEKS });
    let left = match args.store == OWN_STORE {
        true => String::new(),
        false => format!("What was stored is still at {}.\n", OneLine(&args.store)),
    };
    let (folder_path, store) = (folder.path().to_owned(), args.store);
    let demo = Demo { out, folder: folder_path, store, weeks, runtime, chapter, stopped };
    if args.growth.growth {
        let grown = demo.grow(&args.growth);
        drop(demo);
        let grown = grown?;
        return out.result(&grown, &grown);
    }
    let shown = demo.tell(args.keep_serving);
    drop(demo);
    let path = folder.path().display().to_string();
    folder.close().map_err(|e| Failure::new(format!("cannot remove {path}: {e}")))?;
    let text = format!("\nThat is all. Nothing is left on this machine.\n{left}");
    out.result(&shown?, text)
}

/// What the demonstration showed, for `--json`.
#[derive(Debug, Serialize)]
struct Shown {
    published: Vec<Publication>,
    verified_by_go: bool,
    refused: String,
    reported: Reported,
    audited: AuditReport,
}

/// The days of the commits, all of which are before the first week of reports.
struct Days {
    first: Date,
    second: Date,
    third: Date,
}

impl Demo {
    /// The story, from a proposal to a client that refuses to be lied to.
    fn tell(&self, keep_serving: bool) -> Result<Shown, Failure> {
        self.begin("What is collected is decided in the open")?;
        let project = self.folder.join("project");
        let [first, second, third] = [21, 14, 7].map(|days| self.days_before_the_weeks(days));
        let days = Days { first, second, third };
        let added = commit(&project, days.first, "Count which verbs people run", FIRST_COMMIT)?;
        self.note(format_args!("Chart definitions are reviewed like code. Commit {added} adds:"));
        self.quote(FIRST_COMMIT.last().map_or("", |(_, text)| text));

        self.begin("candor init: a deployment with a key of its own")?;
        let deployment = self.deployment()?;
        if self.store != OWN_STORE {
            self.note(format_args!("Objects and pointers are in {}.", deployment.store_location()));
        }
        self.note("To verify what it publishes, anyone needs this key and nothing else:");
        self.quote(&deployment.verifiers().log);
        let (deployment, _witness) = self.have_a_witness(&deployment)?;
        self.note(format_args!("Nothing is published before {WITNESS} has seen it, too."));

        self.begin("candor publish: the smallest config, as a Go module, in a transparency log")?;
        let first = publish(&deployment, &project, days.first)?.0;
        self.note(format_args!("{}@{} is zipped and hashed:", first.module, first.version));
        self.quote(&first.sum);
        self.note(format_args!("Its hash is entry 0 of the log. The signed tree head:"));
        self.quote(format_args!("size {}, root {}", first.tree_size, first.root));

        self.begin("candor serve: module proxy, checksum database, transparency log")?;
        let clock = StoryClock::default();
        let served = self.serve(&deployment, Some(clock.clone()))?;
        self.note(format_args!("Listening on {}", served.url));

        self.begin("A client downloads the config, and trusts nothing that it cannot verify")?;
        let fetched = self.fetch(&deployment, &served.url, &first)?;
        self.verified(&fetched);
        let mut by_go = self.download_with_go(&deployment, &served.url, &first)?;
        let before = strings(&fetched)?;
        self.note("Reports may now hold these counters, and no other strings from a program:");
        before.iter().for_each(|counter| self.quote(counter));

        self.begin("A proposal is merged: the next commit is the next version")?;
        let added = commit(&project, days.second, "Collect the stacks of crashes", SECOND_COMMIT)?;
        let second = publish(&deployment, &project, days.second)?.0;
        self.note(format_args!("{}@{} from commit {added}", second.module, second.version));
        let fetched = self.fetch(&deployment, &served.url, &second)?;
        self.verified(&fetched);
        by_go &= self.download_with_go(&deployment, &served.url, &second)?;
        for string in strings(&fetched)?.difference(&before) {
            self.note(format_args!("Now also collected: {string}"));
        }
        let (newest, changed) = publish(&deployment, &project, days.second)?;
        if changed {
            return Err(Failure::new("publishing the same commit again made another version"));
        }
        self.note(format_args!("Publishing again changes nothing: {} stays.", newest.version));

        self.begin("Someone with the key shows this client another history")?;
        let forged = self.folder.join("forged");
        copy_key(&self.folder.join("deployment"), &forged)?;
        let forged = Deployment::init(&forged, HOST, MODULE)?;
        let hidden = self.folder.join("hidden");
        let spying = FIRST_COMMIT.last().map_or("", |(_, text)| text).replace("greet", "passwords");
        for (message, text) in [("A", spying.clone()), ("B", spying.replace("wave", "files"))] {
            let files = [FIRST_COMMIT[0], FIRST_COMMIT[1], ("charts/verbs.toml", text.as_str())];
            commit(&hidden, days.second, message, &files)?;
            publish(&forged, &hidden, days.second)?;
        }
        let lying = self.serve(&forged, None)?;
        let Err(refusal) = self.fetch(&deployment, &lying.url, &second) else {
            return Err(Failure::new("a client accepted a forked log"));
        };
        self.note("The signatures are good, but the client remembers what it saw, and refuses:");
        self.quote(&refusal.message);
        self.note("No report is ever sent under a config that is not provably everyone's.");
        drop(lying);

        self.begin("More is asked, and some weeks pass")?;
        let message = "Ask for editors, times, settings and languages";
        commit(&project, days.third, message, THIRD_COMMIT)?;
        let third = publish(&deployment, &project, days.third)?.0;
        let fetched = self.fetch(&deployment, &served.url, &third)?;
        let (reported, truth) = self.weeks_pass(&fetched, &served.url, &clock)?;

        self.begin("candor merge, candor chart: public data, and charts with intervals")?;
        let reported = self.results(&deployment, reported, &truth)?;

        self.begin("candor audit: someone who trusts nobody checks all of it")?;
        let audited = self.audit(&deployment, &served.url, &project, &clock)?;

        self.begin("Everyone sees the results")?;
        self.note("Graphs, tables, data, configs, log, and everything that may leave a machine:");
        self.quote(format_args!("{}/", served.url));
        self.quote(format_args!("{}/charts/example.org/hello/", served.url));
        self.quote(format_args!("{}/privacy", served.url));
        if keep_serving {
            self.note("Look around. Ctrl-C ends the story and removes everything.");
            while !self.is_stopped() {
                thread::sleep(Duration::from_millis(100));
            }
        } else {
            self.note("(Run it with --keep-serving to look around.)");
        }
        let published = vec![first, second, third];
        let refused = refusal.message;
        Ok(Shown { published, verified_by_go: by_go, refused, reported, audited })
    }

    /// A new deployment.
    fn deployment(&self) -> Result<Deployment, Failure> {
        let folder = self.folder.join("deployment");
        Ok(Deployment::init_with_store(&folder, HOST, MODULE, &self.store)?)
    }

    /// Serves a deployment on a free local port; with a clock, it accepts reports.
    fn serve(&self, deployment: &Deployment, clock: Option<StoryClock>) -> Result<Served, Failure> {
        let (stop, stopped) = oneshot::channel();
        let slot = clock.map(|clock| receiver_slot(deployment, clock)).transpose()?;
        self.runtime.block_on(async {
            let site = web::Site::open(
                deployment.module.clone(),
                deployment.verifiers().clone(),
                deployment.store.clone(),
            )
            .await?;
            site.set_operations(weeks::operations());
            let any = web::ListenAddress::Address(([127, 0, 0, 1], 0).into());
            let listener = super::listen::bind(&any).await?;
            let url = super::listen::url(&listener)?;
            self.runtime.spawn(web::serve(listener, None, site, slot, async {
                // Ends when the sender is dropped.
                let _ = stopped.await;
            }));
            Ok(Served { url, _stop: stop })
        })
    }

    /// Downloads a version with our own client, which remembers what it has seen of the log.
    fn fetch(
        &self,
        deployment: &Deployment,
        url: &str,
        wanted: &Publication,
    ) -> Result<VerifiedConfig, Failure> {
        let trust = deployment.verifiers().log.clone().into();
        let source = ConfigSource::at(&url.parse()?, deployment.module.clone(), trust);
        let memory = Arc::new(FileStore::new(self.folder.join("client")));
        let client = ConfigClient::new(source, Http::new(), memory)?;
        let version = Wanted::Version(wanted.version.parse()?);
        // A server checks its store about once a second, so a new version may take a moment to appear.
        for _ in 0..50 {
            match client.fetch(version, SystemTime::now()) {
                Err(ClientError::UnknownVersion { .. }) => {
                    thread::sleep(Duration::from_millis(100))
                }
                done => return Ok(done?),
            }
        }
        Ok(client.fetch(version, SystemTime::now())?)
    }

    fn verified(&self, fetched: &VerifiedConfig) {
        let head = fetched.head();
        self.note(format_args!(
            "candor's own client: {} is in the signed log (size {}), its hash is the logged one,",
            fetched.version(),
            head.size
        ));
        self.note("and the log continues what this client saw before: verified.");
    }

    /// Downloads a version with the unmodified go command, if there is one. Returns whether there is.
    fn download_with_go(
        &self,
        deployment: &Deployment,
        url: &str,
        wanted: &Publication,
    ) -> Result<bool, Failure> {
        let home = self.folder.join("go");
        fs::create_dir_all(&home)
            .map_err(|e| Failure::new(format!("cannot make {}: {e}", home.display())))?;
        let environment = GoEnvironment::new(deployment, Some(url));
        let mut go = Command::new("go");
        go.args(["mod", "download", "-json", &format!("{}@{}", wanted.module, wanted.version)])
            .current_dir(&home)
            .env("GOPROXY", environment.proxy)
            .env("GOSUMDB", environment.sumdb)
            .env("GOPATH", &home)
            .env("GOMODCACHE", home.join("cache"))
            .env("GOCACHE", home.join("build"))
            .env("GOFLAGS", "-modcacherw")
            .env("GOTOOLCHAIN", "local")
            .env("GOENV", "off")
            .env("GOTELEMETRYDIR", home.join("telemetry"))
            .envs(["GOPRIVATE", "GONOPROXY", "GONOSUMDB"].map(|name| (name, "")))
            .stdin(Stdio::null());
        let output = match go.output() {
            Ok(output) => output,
            Err(_) => {
                self.note("(There is no go command here, so only candor's own client verifies.)");
                return Ok(false);
            }
        };
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if said["Sum"] != wanted.sum.as_str() {
            return Err(Failure::new(format!(
                "`go mod download` did not verify {}@{}: {said}{}",
                wanted.module,
                wanted.version,
                String::from_utf8_lossy(&output.stderr)
            )));
        }
        self.note(format_args!(
            "The unmodified go command, given GOPROXY and GOSUMDB: {} verified.",
            wanted.version
        ));
        Ok(true)
    }
}
