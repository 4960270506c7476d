//! What a host tells its children to do.
//!
//! The whole task is in one environment variable, so that the children need neither the host's
//! arguments nor anything it read to find its folder and destination. Linux allows 128 KiB there: with a
//! policy of about seventy witnesses with ML-DSA keys there is no child, and
//! [`Options::long_running`](crate::client::Options::long_running) and
//! [`run_uploads`](crate::client::run_uploads) do without.

use crate::client::folder::Folder;
use crate::client::report::Destination;
use crate::client::{Address, ConfigSource};
use crate::gomod::ModulePath;
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The only argument of a child.
pub const ARGUMENT: &str = "candor-telemetry-child";
/// The environment variable with the task.
pub const VARIABLE: &str = "CANDOR_TELEMETRY_CHILD";

/// The day's work for one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The telemetry folder.
    pub folder: Folder,
    /// Where its reports go.
    pub destination: Destination,
    /// The time to go by.
    pub now: SystemTime,
    /// How long the work may take.
    pub limit: Duration,
}

/// The role of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Starts the worker, and ends.
    Launch,
    /// Does the work.
    Work,
}

#[derive(Serialize, Deserialize)]
struct TaskJson {
    part: Part,
    folder: String,
    module: String,
    proxy: String,
    log: String,
    trust: String,
    fresh_for: u64,
    upload: String,
    now: u64,
    limit: u64,
}

impl Task {
    /// The task as JSON. `None` for a folder whose name is not UTF-8: there is no child for it.
    pub fn write(&self, part: Part) -> Option<String> {
        let source = &self.destination.source;
        let written = TaskJson {
            part,
            folder: self.folder.path().to_str()?.to_owned(),
            module: source.module.to_string(),
            proxy: source.proxy.to_string(),
            log: source.log.to_string(),
            trust: source.trust.to_string(),
            fresh_for: source.fresh_for.as_secs(),
            upload: self.destination.upload.to_string(),
            now: self.now.duration_since(UNIX_EPOCH).ok()?.as_secs(),
            limit: self.limit.as_secs(),
        };
        serde_json::to_string(&written).ok()
    }

    /// Reads an task.
    pub fn read(text: &str) -> Option<(Part, Task)> {
        let written: TaskJson = serde_json::from_str(text).ok()?;
        let address = |text: &str| text.parse::<Address>().ok();
        let task = Task {
            folder: Folder::at(written.folder),
            destination: Destination {
                source: ConfigSource {
                    proxy: address(&written.proxy)?,
                    log: address(&written.log)?,
                    module: ModulePath::new(&written.module).ok()?,
                    trust: written.trust.parse().ok()?,
                    fresh_for: Duration::from_secs(written.fresh_for),
                },
                upload: address(&written.upload)?,
            },
            now: UNIX_EPOCH.checked_add(Duration::from_secs(written.now))?,
            limit: Duration::from_secs(written.limit),
        };
        Some((written.part, task))
    }

    /// The environment for children: the variables that say where the user's folders, the network's
    /// proxies and the executable's libraries are, and nothing else of the host's.
    pub fn environment(
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> impl Iterator<Item = (OsString, OsString)> {
        environment.filter(|(name, _)| is_passed_on(name))
    }
}

fn is_passed_on(name: &OsStr) -> bool {
    const NAMES: [&str; 26] = [
        "path",
        "home",
        "user",
        "logname",
        "lang",
        "tmpdir",
        "temp",
        "tmp",
        // Windows.
        "appdata",
        "localappdata",
        "userprofile",
        "systemroot",
        "windir",
        // The network.
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "ssl_cert_file",
        "ssl_cert_dir",
        // Where the executable's libraries are.
        "ld_library_path",
        "dyld_library_path",
        "dyld_fallback_library_path",
        "dyld_framework_path",
        "dyld_fallback_framework_path",
        // Consent, although a host that has this set starts no child.
        "do_not_track",
        // Where coverage of tests is written; otherwise it would be to `/`.
        "llvm_profile_file",
    ];
    let Some(name) = name.to_str() else { return false };
    let name = name.to_ascii_lowercase();
    NAMES.contains(&name.as_str()) || name.starts_with("xdg_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        let key = crate::tlog::Seed::from([5; 32])
            .signer(
                crate::tlog::Protocol::TlogTiles
                    .key_name(&"telemetry.example.org".parse().expect("a host")),
            )
            .verifier_key()
            .to_string();
        let to = Destination::at("https://telemetry.example.org", "telemetry.example.org/c", &key);
        Task {
            folder: Folder::at("/home/a user/\"x\""),
            destination: to.expect("a destination"),
            now: UNIX_EPOCH + Duration::from_secs(1_795_000_000),
            limit: Duration::from_secs(300),
        }
    }

    #[test]
    fn a_task_is_read_as_it_was_written() {
        for part in [Part::Launch, Part::Work] {
            let text = task().write(part).expect("UTF-8");
            assert_eq!(Task::read(&text), Some((part, task())));
        }
        for text in ["", "1", "{}", "{\"part\":\"Launch\"}"] {
            assert_eq!(Task::read(text), None);
        }
    }

    #[test]
    fn only_chosen_variables_are_passed_on() {
        let all = [
            ("PATH", true),
            ("HOME", true),
            ("XDG_CONFIG_HOME", true),
            ("https_proxy", true),
            ("HTTPS_PROXY", true),
            ("SSL_CERT_FILE", true),
            ("LD_PRELOAD", false),
            ("AWS_SECRET_ACCESS_KEY", false),
            ("RUST_LOG", false),
            (VARIABLE, false),
        ];
        let environment = all.iter().map(|(name, _)| (OsString::from(name), OsString::from("x")));
        let passed_on: Vec<_> = Task::environment(environment).map(|(name, _)| name).collect();
        let expected: Vec<_> =
            all.iter().filter(|(_, is)| *is).map(|(name, _)| OsString::from(name)).collect();
        assert_eq!(passed_on, expected);
    }
}
