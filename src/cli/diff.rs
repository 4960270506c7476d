//! `candor diff`: what changed between two published configs.

use super::published::Where;
use super::{Failure, Output};
use crate::collection::difference::{Change, Difference, difference};
use crate::gomod::ModuleVersion;
use crate::review;
use crate::terminal::OneLine;
use serde::Serialize;
use std::fmt;

/// Show what changed between two published configs, in words.
///
/// Only what a config means counts: what clients may report under one version and not under the other. What
/// a site shows is taken as it is; `candor audit` checks that it is what the log says.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor diff v0.3.0 v0.4.0 --url https://telemetry.example.org\n  \
    candor diff v0.3.0 latest --data /srv/candor --json")]
pub(super) struct Args {
    /// The version to compare with.
    #[arg(value_name = "V1")]
    from: Wanted,
    /// The other version, or `latest`.
    #[arg(value_name = "V2")]
    to: Wanted,
    #[command(flatten)]
    deployment: Where,
}

/// A version, or the newest one.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Version(ModuleVersion),
    Latest,
}

impl std::str::FromStr for Wanted {
    type Err = <ModuleVersion as std::str::FromStr>::Err;

    fn from_str(text: &str) -> Result<Wanted, Self::Err> {
        match text {
            "latest" => Ok(Wanted::Latest),
            text => text.parse().map(Wanted::Version),
        }
    }
}

/// What is printed.
#[derive(Serialize)]
struct Compared {
    from: ModuleVersion,
    to: ModuleVersion,
    /// The changes, as sentences.
    changes: Vec<Change>,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let none = "name the deployment with --url URL or --data DIR";
    let published = args.deployment.open()?.ok_or_else(|| Failure::usage(none))?;
    let version = |wanted| match wanted {
        Wanted::Version(version) => Ok(version),
        Wanted::Latest => {
            published.newest().ok_or_else(|| Failure::new("nothing has been published"))
        }
    };
    let (from, to) = (version(args.from)?, version(args.to)?);
    let Difference { changes } = difference(&published.config(from)?, &published.config(to)?);
    let compared = Compared { from, to, changes };
    out.result(&compared, &compared)
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Compared { from, to, changes } = self;
        if changes.is_empty() {
            return writeln!(f, "{from} and {to} collect the same");
        }
        writeln!(f, "compared with {from}, config {to}:")?;
        let mut is_cut = false;
        for change in changes {
            let short = review::change_in_short(change);
            writeln!(f, "  {}", OneLine(&short))?;
            is_cut |= short != change.to_string();
        }
        match is_cut {
            true => writeln!(f, "long lists are cut: --json shows them whole"),
            false => Ok(()),
        }
    }
}
