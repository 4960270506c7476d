//! `candor check`: every mistake of a charts folder, or that there are none.
//!
//! | file | one idea |
//! | --- | --- |
//! | `configs` | which configs of a deployment are open, and what these definitions change |
//! | `packages` | proposing `packages` for stack charts |

mod configs;
mod packages;

use self::configs::CheckedVersions;
use self::packages::Proposals;
use super::count::count;
use super::today::today;
use super::{Failure, Output};
use crate::charts::{Definitions, Diagnostic, charts_folder, expiring, parse, read_work_tree};
use crate::client::Address;
use jiff::civil::Date;
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

/// Check a charts folder, and show all the mistakes in it.
///
/// Nothing is collected and nothing published. Warnings alone do not fail the check; charts that expire
/// within 30 days are among them. With a deployment, it also says under which published configs reports
/// are accepted; with a program's list of dependencies, it proposes whose functions stacks may name.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    candor check charts-config\n  \
    candor check --json charts-config\n  \
    candor check charts-config --url https://telemetry.example.org\n  \
    candor check charts-config --packages-from go.sum")]
pub(super) struct Args {
    /// The charts folder, or a folder with one named charts-config.
    charts: PathBuf,
    /// Warn of what expires within 30 days of this day, in UTC [default: today].
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    /// The folder of the deployment: show which of its configs are open, closed and revoked.
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    data: Option<PathBuf>,
    /// The same for the deployment at this address, read from its site.
    #[arg(long, value_name = "URL")]
    url: Option<Address>,
    /// A go.sum or Cargo.lock of the programs: propose `packages` for each stack chart, as TOML to paste and
    /// to shorten. May be given several times. Nothing is proposed while the definitions have mistakes.
    #[arg(long, value_name = "FILE")]
    packages_from: Vec<PathBuf>,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Report<'a> {
    /// Whether there are no errors.
    valid: bool,
    /// How many charts are defined.
    charts: usize,
    /// For how many programs.
    programs: usize,
    /// Errors and warnings.
    diagnostics: Vec<&'a Diagnostic>,
    /// Whether reports under each published config are accepted, with `--data` or `--url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    configs: Option<&'a CheckedVersions>,
    /// What is proposed for each stack chart, with `--packages-from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<&'a Proposals>,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let sources = read_work_tree(&charts_folder(&args.charts))?;
    match parse(&sources) {
        Ok(mut definitions) => {
            let as_of = args.as_of.unwrap_or_else(today);
            let expiring = expiring(&definitions, &sources, as_of);
            definitions.warnings.extend(expiring);
            let configs = match (&args.data, &args.url) {
                (Some(folder), _) => Some(configs::of_folder(folder, &definitions, as_of)?),
                (_, Some(address)) => Some(configs::of_address(address, &definitions, as_of)?),
                _ => None,
            };
            let configs = configs.map(|(configs, found)| {
                definitions.warnings.extend(found);
                configs
            });
            let packages = match args.packages_from.as_slice() {
                [] => None,
                files => Some(packages::propose(files, &definitions)?),
            };
            let (configs, packages) = (configs.as_ref(), packages.as_ref());
            let (charts, programs) = (definitions.charts.len(), definitions.programs.len());
            let diagnostics = definitions.warnings.iter().collect();
            let report = Report { valid: true, charts, programs, diagnostics, configs, packages };
            out.result(&report, text(&definitions, configs, packages))
        }
        Err(errors) if !args.packages_from.is_empty() && !out.json => {
            out.say(
                "no packages are proposed while the definitions have mistakes; fix these first:",
            );
            Err(errors.into())
        }
        Err(errors) if out.json => {
            let diagnostics = errors.iter().collect();
            let (configs, packages) = (None, None);
            let report =
                Report { valid: false, charts: 0, programs: 0, diagnostics, configs, packages };
            out.result(&report, "")?;
            Err(Failure::reported())
        }
        Err(errors) => Err(errors.into()),
    }
}

fn text(
    definitions: &Definitions,
    configs: Option<&CheckedVersions>,
    packages: Option<&Proposals>,
) -> String {
    let mut text = String::new();
    for warning in &definitions.warnings {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{warning}\n");
    }
    let (charts, programs) = (definitions.charts.len(), definitions.programs.len());
    let _ =
        writeln!(text, "no mistakes: {}, {}", count(charts, "chart"), count(programs, "program"));
    let parts = [configs.map(ToString::to_string), packages.map(ToString::to_string)];
    for part in parts.into_iter().flatten() {
        let _ = write!(text, "\n{part}");
    }
    text
}
