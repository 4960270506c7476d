//! The public data, read like anyone can: the files that `/data/index.json` names.

use crate::reports::Reports;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;

/// The reports in the files of days, or in those of weeks.
#[derive(Debug, Default)]
pub struct Found {
    /// How often each report occurs, by its number.
    pub times: BTreeMap<u64, u64>,
    /// How many have other contents than were sent.
    pub changed: u64,
    /// How many nobody sent.
    pub foreign: u64,
}

/// An agent that accepts any status and any size.
fn get(address: SocketAddr, path: &str) -> ureq::Body {
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    let answer = agent.get(format!("http://{address}{path}")).call();
    answer.unwrap_or_else(|e| panic!("{path}: {e}")).into_body()
}

/// The index of the public data.
pub fn index(address: SocketAddr) -> Value {
    let text = get(address, "/data/index.json").read_to_string().expect("an index");
    serde_json::from_str(&text).expect("JSON")
}

/// The address of the largest public file: of a week's reports as text.
pub fn largest(index: &Value) -> Option<String> {
    let weeks = index["weeks"].as_object()?.values();
    let files = weeks.flat_map(|week| week["data"]["files"].as_array().into_iter().flatten());
    let largest = files.max_by_key(|file| file["bytes"].as_u64())?;
    Some(format!("/data/weeks/{}", largest["name"].as_str()?))
}

/// Counts all reports in the public data: of the days, and of the weeks.
pub fn count(address: SocketAddr, reports: &Reports) -> [(&'static str, Found); 2] {
    let index = index(address);
    [("days", "/files"), ("weeks", "/data/files")].map(|(folder, files)| {
        let mut found = Found::default();
        for dataset in index[folder].as_object().into_iter().flat_map(|all| all.values()) {
            let files = dataset.pointer(files).and_then(Value::as_array).expect("files");
            let name = |file: &Value| file["name"].as_str().expect("a name").to_owned();
            let text = files.iter().map(name).find(|name| name.ends_with(".ndjson.gz"));
            let path = format!("/data/{folder}/{}", text.expect("reports as text"));
            let file = get(address, &path).into_reader();
            let lines = BufReader::new(flate2::read::MultiGzDecoder::new(file)).lines();
            for line in lines {
                let line = line.unwrap_or_else(|e| panic!("{path}: {e}"));
                let public = serde_json::from_str(&line).expect("a report a line");
                match reports.find(&public) {
                    Some((number, as_sent)) => {
                        *found.times.entry(number).or_default() += 1;
                        found.changed += u64::from(!as_sent);
                    }
                    None => found.foreign += 1,
                }
            }
        }
        (folder, found)
    })
}
