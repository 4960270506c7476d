//! The verbs of the `candor` program: one file per verb, each with `Args` and `run`.
//!
//! This file has what all verbs share: the root of the command line, printing results (`--json` or for
//! people), and the exit status: 0 done, 1 refused or found wrong, 2 wrong usage.
//!
//! | file | one idea |
//! | --- | --- |
//! | `demo` | `candor demo`: the whole pipeline in a temporary folder, narrated |
//! | `init` | `candor init`: a new deployment |
//! | `check` | `candor check`: every mistake of a charts folder |
//! | `import` | `candor import`: the Go project's records as a charts folder |
//! | `compile` | `candor compile`: the collection config of a charts folder |
//! | `publish` | `candor publish`: the config as the next version |
//! | `serve` | `candor serve`: a deployment over HTTP |
//! | `prove`, `verify` | `candor prove`, `candor verify`: proofs to check offline |
//! | `audit` | `candor audit`: an independent monitor |
//! | `verify_store` | `candor verify-store`: everything stored, recomputed |
//! | `signer` | `candor signer`: the log's one signer, and its keys |
//! | `witness` | `candor witness`: a witness of other people's logs |
//! | `merge`, `chart` | `candor merge`, `candor chart`: reports to public data and charts |
//! | `env` | `candor env`: the settings for the go command |
//! | `simulate` | `candor simulate`: a population that reports |
//! | `telemetry` | `candor telemetry`: a user's own telemetry |
//! | `completions` | `candor completions`: shell completions |
//! | **in the background of `serve`** | |
//! | `upkeep` | what is done every day: publish what expired, merge, chart |
//! | `refresh` | having witnesses cosign the log again |
//! | `expectation` | how many reports sampling expects |
//! | **shared** | |
//! | `count`, `days`, `today` | numbers with nouns; `--week`, `--start` and `--end`; the date |
//! | `input` | reading files that a user names |
//! | `listen` | listening on an address |
//! | `private` | keeping a deployment's files private |
//! | `progress` | a progress bar |
//! | `secrecy` | keeping keys out of the environment and of core dumps |
//! | `signals` | ending when asked to |
//! | `trust` | `--vkey` and `--policy` |

mod audit;
mod chart;
mod check;
mod compile;
mod completions;
mod count;
mod days;
mod demo;
mod env;
mod expectation;
mod import;
mod init;
mod input;
mod listen;
mod merge;
mod private;
mod progress;
mod prove;
mod publish;
mod refresh;
mod secrecy;
mod serve;
mod signals;
mod signer;
mod simulate;
mod telemetry;
mod today;
mod trust;
mod upkeep;
mod verify;
mod verify_store;
mod witness;

use crate::charts::Diagnostics;
use crate::client::ClientError;
use crate::terminal::{Lines, LogWriter, OneLine, json};
use clap::{Parser, Subcommand};
use serde::Serialize;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;
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
    Init(init::Args),
    Check(check::Args),
    Import(import::Args),
    Compile(compile::Args),
    Publish(publish::Args),
    Serve(serve::Args),
    Prove(prove::Args),
    Verify(verify::Args),
    Audit(audit::Args),
    VerifyStore(verify_store::Args),
    Signer(signer::Args),
    Witness(witness::Args),
    Merge(merge::Args),
    Chart(chart::Args),
    Env(env::Args),
    Simulate(simulate::Args),
    Telemetry(telemetry::Args),
    Completions(completions::Args),
}

impl Verb {
    /// Whether the verb may use the key of a log or witness.
    fn signs(&self) -> bool {
        use Verb::{Demo, Init, Publish, Serve, Signer, Witness};
        matches!(self, Demo(_) | Init(_) | Publish(_) | Serve(_) | Signer(_) | Witness(_))
    }

    /// Whether the verb writes a deployment's files.
    fn writes(&self) -> bool {
        self.signs() || matches!(self, Verb::Merge(_) | Verb::Chart(_) | Verb::VerifyStore(_))
    }
}

/// The deployment that a verb works on.
#[derive(Debug, clap::Args)]
struct DataFolder {
    /// The deployment's folder.
    #[arg(long = "data", value_name = "DIR", env = "CANDOR_DATA_DIR")]
    folder: PathBuf,
}

/// Where a verb's result goes: standard output, as text for people or as JSON for programs.
///
/// Everything that a verb prints goes through here, so that nothing in it is obeyed by a terminal: see
/// [`crate::terminal`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// Prints `value` as JSON if `--json` was given, otherwise the text for people. The text keeps its line
    /// breaks, so every value in it that comes from elsewhere must be a [`OneLine`].
    fn result(self, value: &impl Serialize, text: impl Display) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let written = if self.json {
            writeln!(out, "{}", json(&serde_json::to_string_pretty(value)?))
        } else {
            write!(out, "{}", Lines(text))
        };
        match written.and_then(|()| out.flush()) {
            // The reader of a pipe has seen enough; this is not a failure.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|e| Failure::new(format!("cannot write the result: {e}"))),
        }
    }

    /// As [`Output::result`], for a verb that prints many results: one JSON value per line.
    fn line(self, value: &impl Serialize, text: impl Display) -> Result<(), Failure> {
        if !self.json {
            return self.result(value, text);
        }
        let line = json(&serde_json::to_string(value)?);
        let mut out = io::stdout().lock();
        let written = writeln!(out, "{line}").and_then(|()| out.flush());
        written.map_err(|e| Failure::new(format!("cannot write the result: {e}")))
    }

    /// Prints one line of narration, unless `--json` was given.
    fn narrate(self, line: impl Display) {
        if !self.json {
            let mut out = io::stdout().lock();
            // If the reader closed the pipe, the demonstration still goes on.
            let _ = writeln!(out, "{}", OneLine(line)).and_then(|()| out.flush());
        }
    }

    /// Prints a message for people, as one line on standard error.
    fn say(self, message: impl Display) {
        // If standard error is closed, there is nowhere to report it.
        let _ = writeln!(io::stderr().lock(), "{}", OneLine(message));
    }

    /// Prints a failure on standard error.
    fn say_failure(self, failure: &Failure) {
        let message = failure.message.trim_end();
        if failure.lines && message.starts_with("error:") {
            // Diagnostics bring their own heading, one for each mistake.
            self.say_lines(message);
        } else if failure.lines {
            self.say_lines(format_args!("candor: {message}"));
        } else if !message.is_empty() {
            self.say(format_args!("candor: {message}"));
        }
    }

    /// Prints a message of several lines on standard error, such as a diagnostic. Its author must escape
    /// the values in it.
    fn say_lines(self, text: impl Display) {
        let _ = writeln!(io::stderr().lock(), "{}", Lines(text));
    }
}

/// A verb's failure: one message that says what happened, to what, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    /// Whether the line breaks in the message are its own.
    lines: bool,
    status: u8,
}

impl Failure {
    /// Refused, or found wrong: exit status 1.
    fn new(message: impl Display) -> Failure {
        Failure { message: message.to_string(), lines: false, status: 1 }
    }

    /// Found wrong, and the result that was printed already says what: exit status 1.
    fn reported() -> Failure {
        Failure { message: String::new(), lines: false, status: 1 }
    }

    /// Wrong usage: exit status 2.
    fn usage(message: impl Display) -> Failure {
        Failure { message: message.to_string(), lines: false, status: 2 }
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure { lines: has_lines(&error), ..Failure::new(error) }
    }
}

/// Whether an error's message has lines of its own: diagnostics, and evidence that is in no file. In any
/// other message, a line break came with a value, and is escaped.
fn has_lines(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (*error).source()).any(|error| {
        error.is::<Diagnostics>()
            || matches!(
                error.downcast_ref::<ClientError>(),
                Some(ClientError::Forked { kept: None, .. })
            )
    })
}

/// Writes log lines to standard error. `CANDOR_LOG` sets the level.
fn log_to_standard_error() {
    use tracing_subscriber::filter::LevelFilter;
    let level = std::env::var("CANDOR_LOG").ok().and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .with_writer(|| LogWriter(io::stderr()))
        .with_ansi(false)
        .with_max_level(level.unwrap_or(LevelFilter::WARN))
        .init();
}

/// Runs the program on the process's arguments.
pub fn main() -> ExitCode {
    if let Err(failure) = secrecy::take_keys_from_environment() {
        Output { json: false }.say_failure(&failure);
        return ExitCode::from(failure.status);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(error),
    };
    let out = Output { json: cli.json };
    if cli.verb.signs() {
        secrecy::forbid_dumps();
    }
    if cli.verb.writes() {
        private::make_private_files();
    }
    let done = match cli.verb {
        Verb::Demo(args) => demo::run(args, out),
        Verb::Init(args) => init::run(args, out),
        Verb::Check(args) => check::run(args, out),
        Verb::Import(args) => import::run(args, out),
        Verb::Compile(args) => compile::run(args, out),
        Verb::Publish(args) => publish::run(args, out),
        Verb::Serve(args) => serve::run(args, out),
        Verb::Prove(args) => prove::run(args, out),
        Verb::Verify(args) => verify::run(args, out),
        Verb::Audit(args) => audit::run(args, out),
        Verb::VerifyStore(args) => verify_store::run(args, out),
        Verb::Signer(args) => signer::run(args, out),
        Verb::Witness(args) => witness::run(args, out),
        Verb::Merge(args) => merge::run(args, out),
        Verb::Chart(args) => chart::run(args, out),
        Verb::Env(args) => env::run(args, out),
        Verb::Simulate(args) => simulate::run(args, out),
        Verb::Telemetry(args) => telemetry::run(args, out),
        Verb::Completions(args) => completions::run(args, out),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
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
    Output { json: false }.say_lines(error.render().to_string().trim_end());
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

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
