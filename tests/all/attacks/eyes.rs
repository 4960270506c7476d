//! The observers who might notice: each looks first as a newcomer and then, if it noticed nothing, as one
//! that saw the honest log before.

use crate::attacks::table::{Eye, Seen, When, settled};
use crate::attacks::world::Honest;
use crate::support::other_log::body;
use crate::support::witnessing::{Answer, WitnessFolder, submit};
use crate::support::{Client, Deployment, Go, MODULE, candor, run, text};
use candor::client::{Http, RemoteLog, Wanted};
use candor::tlog::{TreeSize, prove_consistency};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Looks as a newcomer, and if nothing is noticed, as one that returns. `look` is told whether it
/// returns.
fn looks(eye: Eye, look: impl Fn(bool) -> Option<String>) -> Seen {
    for (returns, when) in [(false, When::AtOnce), (true, When::NextLook)] {
        if let Some(message) = look(returns) {
            return Seen { eye, when, message: settled(&message) };
        }
    }
    Seen { eye, when: When::Never, message: String::new() }
}

/// What is shown at `after`, to observers who may have seen what was at `before`.
pub struct Shown<'a> {
    pub honest: &'a Honest,
    pub before: &'a str,
    pub after: &'a str,
}

impl Shown<'_> {
    pub fn client(&self) -> Seen {
        looks(Eye::Client, |returns| {
            let mut client = Client::new(&self.honest.deployment, self.after);
            if returns {
                client = client.at(self.before);
                client.fetch(Wanted::Latest).expect("honest so far");
                client = client.at(self.after);
            }
            client.fetch(Wanted::Latest).err().map(|error| error.to_string())
        })
    }

    pub fn go(&self) -> Seen {
        looks(Eye::Go, |returns| {
            let mut go = Go::new(&self.honest.deployment, self.after);
            if returns {
                go.point_at(&self.honest.deployment, self.before);
                // It does not ask about what is in its cache: so far only the first version.
                go.must_download(MODULE, "v0.1.0");
                go.point_at(&self.honest.deployment, self.after);
            }
            let (printed, stderr) = go.download(MODULE, "latest");
            let failed = printed["Error"].as_str().map(str::to_owned);
            failed.or_else(|| printed["Sum"].is_null().then_some(stderr))
        })
    }

    pub fn audit(&self) -> Seen {
        let folder = TempDir::new().expect("a folder");
        looks(Eye::Audit, |returns| {
            let state = folder.path().join(format!("{returns}"));
            if returns {
                audit(self.honest, &self.honest.deployment, self.before, &state);
            }
            audit(self.honest, &self.honest.deployment, self.after, &state)
        })
    }

    /// A witness of the log, to which its owner submits what is shown.
    pub fn witness(&self) -> Seen {
        looks(Eye::Witness, |returns| {
            let witness = WitnessFolder::new();
            witness.add_log(&self.honest.deployment.log_key);
            let server = witness.serve();
            let mut size = 0;
            if returns {
                let answer = submitted(&server.url, self.before, size);
                assert_eq!(answer.status, 200, "{answer:?}");
                size = shown_size(self.before);
            }
            let answer = submitted(&server.url, self.after, size);
            refusal(&answer)
        })
    }

    /// A reader of the pages of the log and of its newest version.
    pub fn browser(&self) -> Seen {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/look.mjs");
        let mut node = Command::new("node");
        node.arg(script).args([self.before, self.after, "/log/"]);
        let output = run(node.args(["/config/v0.1.0", "/config/v0.2.0"]));
        assert!(output.status.success(), "{}", text(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let when = match said["when"].as_str().expect("when") {
            "at once" => When::AtOnce,
            "at its next look" => When::NextLook,
            _ => When::Never,
        };
        Seen { eye: Eye::Browser, when, message: settled(said["message"].as_str().expect("text")) }
    }

    /// The reports of everyone who looks at a log.
    pub fn all(&self) -> Vec<Seen> {
        vec![self.client(), self.go(), self.witness(), self.audit(), self.browser()]
    }

    /// The reports of those who have nothing to compare with.
    pub fn newcomers(&self) -> Vec<Seen> {
        vec![self.client(), self.go(), self.audit_once(), self.browser()]
    }

    fn audit_once(&self) -> Seen {
        let folder = TempDir::new().expect("a folder");
        let state = folder.path().join("state");
        let found = audit(self.honest, &self.honest.deployment, self.after, &state);
        let when = if found.is_some() { When::AtOnce } else { When::Never };
        Seen { eye: Eye::Audit, when, message: settled(&found.unwrap_or_default()) }
    }

    /// The same without the witness, which only sees tree heads.
    pub fn readers(&self) -> Vec<Seen> {
        vec![self.client(), self.go(), self.audit(), self.browser()]
    }
}

/// The answer of a witness that does not cosign.
pub fn refusal(answer: &Answer) -> Option<String> {
    (answer.status != 200).then(|| format!("{} {}", answer.status, answer.body.trim()))
}

fn note(url: &str) -> Vec<u8> {
    let log = format!("{url}/log").parse().expect("an address");
    RemoteLog::new(&log, &Http::new()).checkpoint().expect("a checkpoint")
}

fn shown_size(url: &str) -> u64 {
    let size = text(&note(url)).lines().nth(1).and_then(|line| line.parse().ok());
    size.expect("a size")
}

/// Submits what is shown at an address to a witness, as a continuation of a log of this size.
fn submitted(witness: &str, url: &str, old: u64) -> Answer {
    let (note, http) = (note(url), Http::new());
    let log = format!("{url}/log").parse().expect("an address");
    let remote = RemoteLog::new(&log, &http);
    let new = shown_size(url);
    let proof = match old {
        0 => Vec::new(),
        old if old <= new => {
            let [old, new] = [old, new].map(|size| TreeSize::new(size).expect("a size"));
            prove_consistency(old, new, &remote).expect("a proof").hashes().to_vec()
        }
        _ => Vec::new(),
    };
    submit(witness, body(old, &proof, &text(&note)))
}

/// What `candor audit` finds wrong.
pub fn audit(honest: &Honest, of: &Deployment, url: &str, state: &Path) -> Option<String> {
    let mut command = candor();
    command.args(["--json", "audit", url, "--vkey", &of.log_key]);
    command.arg("--charts").arg(honest.source.charts.path()).arg("--state").arg(state);
    wrong(&run(&mut command).stdout)
}

/// The verdicts of an audit that are wrong.
pub fn wrong(printed: &[u8]) -> Option<String> {
    let said: Value = serde_json::from_slice(printed).expect("JSON");
    let verdicts = said["verdicts"].as_array().expect("verdicts").iter();
    let wrong = verdicts.filter(|verdict| verdict["state"] == "wrong");
    let line = |verdict: &Value| {
        let text = |name: &str| verdict[name].as_str().expect("text").to_owned();
        format!("{}: {}", text("id"), text("sentence"))
    };
    let lines: Vec<String> = wrong.map(line).collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}
