//! The verbs of the `candor` program: one file per verb, each with `Args` and `run`.
//!
//! This file has the root of the command line. The exit status is 0 if the work was done, 1 if something was
//! refused or found wrong, and 2 for wrong usage.
//!
//! | file | one idea |
//! | --- | --- |
//! | `demo` | `candor demo`: the whole pipeline in a temporary folder, narrated |
//! | `new` | `candor new`: a new charts folder, with a first definition and CI |
//! | `init` | `candor init`: a new deployment |
//! | `check` | `candor check`: every mistake of a charts folder |
//! | `import`, `export` | `candor import`, `candor export`: the Go project's records as a charts folder, and back |
//! | `explain` | `candor explain`: who asked for a string of the config |
//! | `diff` | `candor diff`: what changed between two published configs |
//! | `versions` | `candor versions`: lists the versions and toolchains that were released since |
//! | `rates` | `candor rates`: the population of each program, from the public data |
//! | `compile` | `candor compile`: the collection config of a charts folder |
//! | `publish` | `candor publish`: the config as the next version |
//! | `serve` | `candor serve`: a deployment over HTTP |
//! | `static_site` | `candor static`: everything public as plain files |
//! | `prove`, `verify` | `candor prove`, `candor verify`: proofs to check offline |
//! | `audit` | `candor audit`: an independent monitor |
//! | `verify_store` | `candor verify-store`: everything stored, recomputed |
//! | `signer` | `candor signer`: the log's one signer, and its keys |
//! | `witness` | `candor witness`: a witness of other people's logs |
//! | `merge`, `chart` | `candor merge`, `candor chart`: reports to public data and charts |
//! | `stacks` | `candor stacks`: stacks of a week as issues of a tracker |
//! | `env` | `candor env`: the settings for the go command |
//! | `schema` | `candor schema`: JSON Schemas of a charts folder, for editors |
//! | `simulate` | `candor simulate`: a population that reports |
//! | `telemetry` | `candor telemetry`: a user's own telemetry |
//! | `completions` | `candor completions`: shell completions |
//! | `man` | `candor man`: manual pages |
//! | **in the background of `serve`** | |
//! | `upkeep` | what is done every day: publish what expired, merge, chart |
//! | `refresh` | having witnesses cosign the log again |
//! | `expectation` | how many reports sampling expects |
//! | **shared** | |
//! | `colour` | colours, on terminals |
//! | `output` | what verbs print, and failures |
//! | `own_counts` | what Candor counts of its own use, where its user has allowed it |
//! | `days`, `today` | `--week`, `--start` and `--end`; the date |
//! | `data_folder` | `--data` |
//! | `input` | reading files that a user names |
//! | `listen` | listening on an address |
//! | `log_lines` | the log on standard error |
//! | `published` | the configs that a deployment published |
//! | `patient` | downloads for people who wait |
//! | `edited` | replacing files of a charts folder, all or none |
//! | `private` | keeping a deployment's files private |
//! | `progress` | a progress bar |
//! | `runtime` | the threads of verbs that serve |
//! | `secrecy` | keeping keys out of the environment and of core dumps |
//! | `shell` | words of a shell |
//! | `signals` | ending when asked to |
//! | `trust` | `--vkey` and `--policy` |

mod audit;
mod chart;
mod check;
mod colour;
mod compile;
mod completions;
mod data_folder;
mod days;
mod demo;
mod diff;
mod edited;
mod env;
mod expectation;
mod explain;
mod export;
mod import;
mod init;
mod input;
mod listen;
mod log_lines;
mod man;
mod merge;
mod new;
mod output;
mod own_counts;
mod patient;
mod private;
mod progress;
mod prove;
mod publish;
mod published;
mod rates;
mod refresh;
mod runtime;
mod schema;
mod secrecy;
mod serve;
mod shell;
mod signals;
mod signer;
mod simulate;
mod stacks;
mod static_site;
mod telemetry;
mod today;
mod trust;
mod upkeep;
mod verify;
mod verify_store;
mod versions;
mod witness;
mod work_lease;

pub(crate) use data_folder::DataFolder;
pub(crate) use output::{Failure, Output};

use crate::terminal::OneLine;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::process::ExitCode;

/// Transparent telemetry that any open-source project can host.
///
/// What is collected is decided in the open: reviewed chart definitions are compiled into the
/// smallest possible collection config, published as a Go module pinned by a transparency log.
#[derive(Debug, Parser)]
#[command(name = "candor", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    /// Print the result as JSON on standard output.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Demo(demo::Args),
    New(new::Args),
    Init(init::Args),
    Check(check::Args),
    Explain(explain::Args),
    Diff(diff::Args),
    Versions(versions::Args),
    Rates(rates::Args),
    Import(import::Args),
    Export(export::Args),
    Compile(compile::Args),
    Publish(publish::Args),
    Serve(serve::Args),
    Static(static_site::Args),
    Prove(prove::Args),
    Verify(verify::Args),
    Audit(audit::Args),
    VerifyStore(verify_store::Args),
    Signer(signer::Args),
    Witness(witness::Args),
    Merge(merge::Args),
    Chart(chart::Args),
    Stacks(stacks::Args),
    Env(env::Args),
    Schema(schema::Args),
    Simulate(simulate::Args),
    Telemetry(telemetry::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Verb {
    /// Whether the verb may use the key of a log or witness.
    fn signs(&self) -> bool {
        use Verb::{Demo, Init, Publish, Serve, Signer, Witness};
        matches!(self, Demo(_) | Init(_) | Publish(_) | Serve(_) | Signer(_) | Witness(_))
    }

    /// Whether the verb changes what is counted, and is therefore not counted itself.
    fn decides_about_counting(&self) -> bool {
        matches!(self, Verb::Telemetry(args) if args.decides())
    }

    /// Whether the verb writes a deployment's files.
    fn writes(&self) -> bool {
        self.signs() || matches!(self, Verb::Merge(_) | Verb::Chart(_) | Verb::VerifyStore(_))
    }
}

/// Runs the program on the process's arguments.
pub fn main() -> ExitCode {
    if let Err(failure) = secrecy::take_keys_from_environment() {
        Output { json: false }.say_failure(&failure);
        return ExitCode::from(failure.status);
    }
    let matched = Cli::command().try_get_matches().and_then(|matches| {
        let name = matches.subcommand_name().unwrap_or_default().to_owned();
        let cli = Cli::from_arg_matches(&matches);
        cli.map(|cli| (cli, name)).map_err(|error| error.format(&mut Cli::command()))
    });
    let (cli, name) = match matched {
        Ok(matched) => matched,
        Err(error) => {
            if error.use_stderr() {
                own_counts::begin();
                own_counts::ended(2);
            }
            return usage(error);
        }
    };
    let out = Output { json: cli.json };
    if !cli.verb.decides_about_counting() {
        own_counts::begin();
        own_counts::verb(&name);
    }
    if cli.verb.signs() {
        secrecy::forbid_dumps();
    }
    if cli.verb.writes() {
        private::make_private_files();
    }
    // Servers have a log of their own.
    if !matches!(cli.verb, Verb::Serve(_) | Verb::Witness(_)) {
        log_lines::say_what_stores_do();
    }
    let done = match cli.verb {
        Verb::Demo(args) => demo::run(args, out),
        Verb::New(args) => new::run(args, out),
        Verb::Init(args) => init::run(args, out),
        Verb::Check(args) => check::run(args, out),
        Verb::Explain(args) => explain::run(args, out),
        Verb::Diff(args) => diff::run(args, out),
        Verb::Versions(args) => versions::run(args, out),
        Verb::Rates(args) => rates::run(args, out),
        Verb::Import(args) => import::run(args, out),
        Verb::Export(args) => export::run(args, out),
        Verb::Compile(args) => compile::run(args, out),
        Verb::Publish(args) => publish::run(args, out),
        Verb::Serve(args) => serve::run(args, out),
        Verb::Static(args) => static_site::run(args, out),
        Verb::Prove(args) => prove::run(args, out),
        Verb::Verify(args) => verify::run(args, out),
        Verb::Audit(args) => audit::run(args, out),
        Verb::VerifyStore(args) => verify_store::run(args, out),
        Verb::Signer(args) => signer::run(args, out),
        Verb::Witness(args) => witness::run(args, out),
        Verb::Merge(args) => merge::run(args, out),
        Verb::Chart(args) => chart::run(args, out),
        Verb::Stacks(args) => stacks::run(args, out),
        Verb::Env(args) => env::run(args, out),
        Verb::Schema(args) => schema::run(args, out),
        Verb::Simulate(args) => simulate::run(args, out),
        Verb::Telemetry(args) => telemetry::run(args, out),
        Verb::Completions(args) => completions::run(&args, Cli::command(), out),
        Verb::Man(args) => man::run(&args, Cli::command(), out),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            own_counts::ended(failure.status);
            out.say_failure(&failure);
            ExitCode::from(failure.status)
        }
    }
}

/// Prints help, or what is wrong with the command line, whose words may come from anywhere.
fn usage(error: clap::Error) -> ExitCode {
    let status = ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    if !error.use_stderr() {
        // If the reader closed the pipe, it has read enough.
        let _ = error.print();
        return status;
    }
    // The same command line with escaped words has the same mistake, and quotes them escaped.
    let escaped = std::env::args_os().map(|word| OneLine(word.to_string_lossy()).to_string());
    let error = Cli::try_parse_from(escaped).err().unwrap_or(error);
    let json = std::env::args_os().any(|word| word == "--json");
    let failure = Failure { lines: true, ..Failure::usage(error.render().to_string().trim_end()) };
    Output { json }.say_usage(&failure);
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_has_an_example_in_its_help() {
        for verb in Cli::command().get_subcommands() {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "candor {} --help", verb.get_name());
        }
    }
}
