//! A running witness, and requests to it.

use super::fake_witness::FakeWitness;
use super::other_log::OtherLog;
use super::{Server, candor, json, succeed};
use candor::tlog::CosignerKey;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

pub const NAME: &str = "witness.example.org/w1";

/// A witness's folder, made by `candor witness init`.
pub struct WitnessFolder {
    pub folder: TempDir,
    pub keys: Vec<CosignerKey>,
}

/// Its answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: String,
    pub retry_after: Option<String>,
}

/// The command `candor witness VERB --data DIR`.
pub fn witness_verb(folder: &Path, verb: &str) -> Command {
    let mut command = candor();
    command.args(["--json", "witness", verb, "--data"]).arg(folder);
    command
}

impl WitnessFolder {
    pub fn new() -> WitnessFolder {
        let folder = TempDir::new().expect("a temporary folder");
        let made = json(witness_verb(folder.path(), "init").args(["--name", NAME]));
        WitnessFolder { keys: keys_of(&made), folder }
    }

    /// A witness that knows these logs.
    pub fn of_logs(logs: &[&OtherLog]) -> WitnessFolder {
        let witness = WitnessFolder::new();
        logs.iter().for_each(|log| witness.add_log(&log.vkey()));
        witness
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn add_log(&self, vkey: &str) {
        succeed(witness_verb(self.path(), "add-log").arg(vkey));
    }

    pub fn show(&self) -> Value {
        json(&mut witness_verb(self.path(), "show"))
    }

    /// The command that serves it on a free port.
    pub fn command(&self) -> Command {
        serve_command(self.path())
    }

    pub fn serve(&self) -> Server {
        Server::start(&mut self.command())
    }
}

/// The command that serves a folder's witness on a free port.
pub fn serve_command(folder: &Path) -> Command {
    let mut command = candor();
    command.args(["witness", "--listen", "127.0.0.1:0", "--data"]).arg(folder);
    command
}

/// The keys that `init` or `show` printed.
pub fn keys_of(shown: &Value) -> Vec<CosignerKey> {
    let keys = shown["keys"].as_array().expect("keys");
    let vkey = |key: &Value| key["vkey"].as_str().expect("a key").parse().expect("a key");
    keys.iter().map(vkey).collect()
}

/// Submits to a witness below this URL.
pub fn submit(url: &str, body: impl AsRef<[u8]>) -> Answer {
    try_submit(url, body).expect("an answer")
}

/// The same, but the witness may die during the request.
pub fn try_submit(url: &str, body: impl AsRef<[u8]>) -> Option<Answer> {
    let request = agent().post(format!("{url}/add-checkpoint"));
    answered(request.send(body.as_ref()).ok()?)
}

/// Submits to another path of a witness than `add-checkpoint`.
pub fn submit_to(url: &str, path: &str, body: impl AsRef<[u8]>) -> Answer {
    let sent = agent().post(format!("{url}/{path}")).send(body.as_ref());
    answered(sent.expect("an answer")).expect("a body")
}

/// Sends a GET request to a witness.
pub fn get(url: &str, path: &str) -> Answer {
    answered(agent().get(format!("{url}/{path}")).call().expect("an answer")).expect("a body")
}

pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

pub fn answered(mut response: ureq::http::Response<ureq::Body>) -> Option<Answer> {
    let header = |name: &str| {
        let value = response.headers().get(name)?.to_str().expect("text");
        Some(value.to_owned())
    };
    let (content_type, retry_after) =
        (header("content-type").unwrap_or_default(), header("retry-after"));
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string().ok()?;
    Some(Answer { status, content_type, body, retry_after })
}

/// Replaces the cosignatures of a deployment's published head with ones of this time by these witnesses,
/// as if that much time had passed, or as if the witnesses' clocks were wrong.
pub fn cosign_published(deployment: &Path, witnesses: &[&FakeWitness], time: u64) {
    let path = deployment.join("store/log/checkpoint");
    let bytes = std::fs::read(&path).expect("a pointer");
    let mut notes: Value = serde_json::from_slice(&bytes).expect("JSON");
    let note = notes["log"].as_str().expect("a note").to_owned();
    let (text, signatures) = note.split_once("\n\n").expect("signatures");
    let own = signatures.lines().next().expect("the log's own");
    let mut new = format!("{text}\n\n{own}\n");
    for witness in witnesses {
        new += &format!("{}\n", witness.cosign(&format!("{text}\n"), time));
    }
    notes["log"] = new.into();
    std::fs::write(&path, serde_json::to_vec(&notes).expect("JSON")).expect("written");
}
