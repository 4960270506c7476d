//! `candor env`: the two settings with which the go command uses a deployment.

use super::shell::quoted;
use super::{DataFolder, Failure, Output};
use crate::publish::Deployment;
use serde::Serialize;

/// Print GOPROXY and GOSUMDB for the go command.
///
/// The lines are in the form that a shell reads: `eval "$(candor env --data D)"`, then export.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    set -a; eval \"$(candor env --data /srv/candor --url http://127.0.0.1:8080)\"; set +a\n  \
    go mod download -json telemetry.example.org/config@latest")]
pub(super) struct Args {
    #[command(flatten)]
    data: DataFolder,
    /// Where the deployment is reached, if not at https://NAME.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// The environment of a go command that uses one deployment.
#[derive(Debug, Serialize)]
pub(super) struct GoEnvironment {
    #[serde(rename = "GOPROXY")]
    pub(super) proxy: String,
    #[serde(rename = "GOSUMDB")]
    pub(super) sumdb: String,
    /// Where its policy is, for clients that require witnesses; the go command does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
}

impl GoEnvironment {
    /// The settings for `deployment`, reached at `url` or at its own name.
    pub(super) fn new(deployment: &Deployment, url: Option<&str>) -> GoEnvironment {
        let key = &deployment.verifiers().sumdb;
        let own = format!("https://{}", deployment.host());
        let base = url.map_or(own.as_str(), |url| url.trim_end_matches('/'));
        GoEnvironment {
            proxy: format!("{base}/goproxy"),
            sumdb: match url {
                None => key.to_string(),
                // By default go uses https://NAME; any other address must be given.
                Some(_) => format!("{key} {base}/sumdb"),
            },
            policy: deployment.witnesses().map(|_| format!("{base}/log/policy")),
        }
    }
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    if let Some(url) = &args.url {
        check_url(url)?;
    }
    let deployment = Deployment::open(&args.data.folder)?;
    let environment = GoEnvironment::new(&deployment, args.url.as_deref());
    let text =
        format!("GOPROXY={}\nGOSUMDB={}\n", quoted(&environment.proxy), quoted(&environment.sumdb));
    if let Some(policy) = &environment.policy {
        out.say(format_args!(
            "the log has witnesses, which the go command does not check; candor's clients do, if they have \
             the policy at {policy}: read it once, and build it in with include_str!"
        ));
    }
    out.result(&environment, text)
}

/// Refuses what the go command would misread: a list (`,` and `|`), spaces, another scheme.
fn check_url(url: &str) -> Result<(), Failure> {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let good = host.is_some_and(|host| {
        !host.is_empty()
            && !host.starts_with('/')
            && host.bytes().all(|b| b.is_ascii_graphic() && !b",|'\"\\?#<>".contains(&b))
    });
    if good {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--url {url:?} is not an address the go command can use; write https://HOST[:PORT][/PATH]"
    )))
}
