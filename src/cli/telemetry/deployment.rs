//! `--url`, `--module`, `--vkey` and `--policy`: the deployment that reports are sent to.

use crate::cli::Failure;
use crate::client::report::Destination;
use std::fs;
use std::path::PathBuf;

/// The deployment that a folder's reports go to.
#[derive(Debug, clap::Args)]
pub(super) struct DeploymentArgs {
    /// The address of the deployment, https://HOST. The folder remembers it.
    #[arg(long, value_name = "URL", requires_all = ["module", "trust"])]
    url: Option<String>,
    /// The module under which its configs are published.
    #[arg(long, value_name = "PATH", requires = "url")]
    module: Option<String>,
    /// The verifier key of its log, HOST/log+....
    #[arg(long, value_name = "KEY", requires = "url", group = "trust")]
    vkey: Option<String>,
    /// Instead of the key, a policy that names the log and its witnesses.
    #[arg(long, value_name = "FILE", requires = "url", group = "trust")]
    policy: Option<PathBuf>,
}

impl DeploymentArgs {
    /// The deployment named on the command line, if any.
    pub(super) fn destination(&self) -> Result<Option<Destination>, Failure> {
        let trust = match (&self.vkey, &self.policy) {
            (Some(key), _) => key.clone(),
            (None, Some(file)) => fs::read_to_string(file).map_err(|error| {
                Failure::usage(format!("cannot read {}: {error}", file.display()))
            })?,
            (None, None) => return Ok(None),
        };
        match (&self.url, &self.module) {
            (Some(url), Some(module)) => {
                Destination::at(url, module, &trust).map(Some).map_err(Failure::usage)
            }
            _ => Ok(None),
        }
    }
}
