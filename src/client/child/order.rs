//! What a host tells its children to do.
//!
//! The whole order is in one environment variable, so that the children need neither the host's
//! arguments nor what it read to find its folder and its destination. Linux has 128 KiB of room there:
//! where a policy has some seventy witnesses with ML-DSA keys there is no child, and
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
/// The environment variable with the order.
pub const VARIABLE: &str = "CANDOR_TELEMETRY_CHILD";

/// What is to be done, by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Where.
    pub folder: Folder,
    /// For whom.
    pub destination: Destination,
    /// When the host was started, as far as reports are concerned.
    pub now: SystemTime,
    /// How long it may take.
    pub limit: Duration,
}

/// Which part of it a child has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Start the worker, and end.
    Launch,
    /// Do it.
    Work,
}

#[derive(Serialize, Deserialize)]
struct Written {
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

impl Order {
    /// The order as a text. `None` for a folder whose name is not UTF-8: it has no child.
    pub fn write(&self, part: Part) -> Option<String> {
        let source = &self.destination.source;
        let written = Written {
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

    /// Reads an order.
    pub fn read(text: &str) -> Option<(Part, Order)> {
        let written: Written = serde_json::from_str(text).ok()?;
        let address = |text: &str| text.parse::<Address>().ok();
        let order = Order {
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
        Some((written.part, order))
    }

    /// The environment that children get: what finds the user's folders, the way to the network,
    /// and the libraries that the executable needs. Nothing else of the host's, and no order.
    pub fn hand_on(
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> impl Iterator<Item = (OsString, OsString)> {
        environment.filter(|(name, _)| is_handed_on(name))
    }
}

fn is_handed_on(name: &OsStr) -> bool {
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
        // Consent, though a host that has it set starts no child.
        "do_not_track",
        // Where a test's coverage goes, or it would be written to `/`.
        "llvm_profile_file",
    ];
    let Some(name) = name.to_str() else { return false };
    let name = name.to_ascii_lowercase();
    NAMES.contains(&name.as_str()) || name.starts_with("xdg_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        let key = crate::tlog::Seed::from([5; 32])
            .signer(
                crate::tlog::Protocol::TlogTiles
                    .key_name(&"telemetry.example.org".parse().expect("a host")),
            )
            .verifier_key()
            .to_string();
        let to = Destination::at("https://telemetry.example.org", "telemetry.example.org/c", &key);
        Order {
            folder: Folder::at("/home/a user/\"x\""),
            destination: to.expect("a destination"),
            now: UNIX_EPOCH + Duration::from_secs(1_795_000_000),
            limit: Duration::from_secs(300),
        }
    }

    #[test]
    fn an_order_is_read_as_it_was_written() {
        for part in [Part::Launch, Part::Work] {
            let text = order().write(part).expect("UTF-8");
            assert_eq!(Order::read(&text), Some((part, order())));
        }
        for text in ["", "1", "{}", "{\"part\":\"Launch\"}"] {
            assert_eq!(Order::read(text), None);
        }
    }

    #[test]
    fn the_environment_is_handed_on_deliberately() {
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
        let handed: Vec<_> = Order::hand_on(environment).map(|(name, _)| name).collect();
        let expected: Vec<_> =
            all.iter().filter(|(_, is)| *is).map(|(name, _)| OsString::from(name)).collect();
        assert_eq!(handed, expected);
    }
}
