//! The verb `telemetry` of a program's own command line, so that its users need no other program to decide.
//!
//! It prints plain text for people.
//!
//! | file | one idea |
//! | --- | --- |
//! | `problem` | why it could not be done, and the exit code |
//! | `view` | what was counted, and what would be sent |
//! | `rehearse` | a week in a minute, without sending it |
//! | `way_out` | what would let through what a config leaves out |
//! | `temporary` | a folder for a rehearsal, removed even if it is killed |

mod problem;
#[cfg(feature = "client")]
pub(crate) mod rehearse;
#[cfg(feature = "client")]
pub(crate) mod temporary;
mod view;
#[cfg(feature = "client")]
mod way_out;

use super::day::Day;
use super::folder::Folder;
use super::mode::{Consent, DecidedBy, Mode};
use super::start::Setup;
use crate::terminal::OneLine;
use problem::Problem;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// Carries out the arguments that follow the verb `telemetry` on a program's command line, and returns the
/// exit code of the program: 0 if it is done, 1 if it could not be done or no count of a rehearsed week would be
/// sent, 2 for wrong usage.
///
/// The program must have called [`start`](super::start()) before, which says whose telemetry this is. Without
/// arguments, or with `--help`, it prints what is in effect and what may be chosen:
///
/// | arguments | what they do |
/// | --- | --- |
/// | `on` | count, and send sampled reports of weeks that begin after today |
/// | `local` | count, and send nothing |
/// | `off` | write nothing, and send nothing |
/// | `view` | show what was counted, and exactly what would be sent |
/// | `rehearse` | make a week of what was counted, and show what would become of it; nothing is sent |
///
/// ```no_run
/// use candor::client::{Options, start, telemetry};
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     start(candor::program!("example.org/myprog"), Options::default());
///     let mut arguments = std::env::args_os().skip(1);
///     match arguments.next() {
///         Some(verb) if verb == "telemetry" => telemetry(arguments),
///         _ => ExitCode::SUCCESS,
///     }
/// }
/// ```
///
/// With clap, let it leave the arguments alone:
///
/// ```text
/// /// Choose what telemetry may do, and see all of it.
/// #[command(disable_help_flag = true)]
/// Telemetry {
///     #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
///     arguments: Vec<std::ffi::OsString>,
/// },
/// ...
/// Verb::Telemetry { arguments } => candor::client::telemetry(arguments),
/// ```
pub fn telemetry<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let mut printed = String::new();
    let done = run(Setup::of_process(), &Setup::verb(), &arguments, &mut printed);
    // A reader that has closed its end has seen enough.
    let _ = io::stdout().write_all(printed.as_bytes()).and_then(|()| io::stdout().flush());
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Problem { code, message }) => {
            // Whoever cannot be told sees the exit code.
            let _ = writeln!(io::stderr(), "{}", OneLine(message));
            ExitCode::from(code)
        }
    }
}

/// Carries out the arguments. What is to be shown is appended to `out`.
fn run(
    setup: Option<&Setup>,
    verb: &str,
    arguments: &[OsString],
    out: &mut String,
) -> Result<(), Problem> {
    let setup = setup.ok_or_else(|| {
        Problem::refused("telemetry was not set up: candor::client::start was not called")
    })?;
    let folder = setup.folder.as_ref().map_err(Problem::refused)?;
    let words: Vec<&str> = arguments
        .iter()
        .map(|argument| argument.to_str().ok_or_else(|| unknown(verb, &argument.to_string_lossy())))
        .collect::<Result<_, _>>()?;
    let mode = |mode: Mode, rest: &[&str], out: &mut String| {
        nothing_more(verb, rest)?;
        choose(setup, folder, verb, mode, out)
    };
    match *words.as_slice() {
        [] | ["-h" | "--help" | "help"] => overview(setup, folder, verb, out),
        ["on", ref rest @ ..] => mode(Mode::On, rest, out)?,
        ["local", ref rest @ ..] => mode(Mode::Local, rest, out)?,
        ["off", ref rest @ ..] => mode(Mode::Off, rest, out)?,
        ["view", ref rest @ ..] => {
            nothing_more(verb, rest)?;
            view::run(setup, folder, verb, out)?;
        }
        #[cfg(feature = "client")]
        ["rehearse", ref rest @ ..] => {
            nothing_more(verb, rest)?;
            rehearse::run(setup, folder, verb, out)?;
        }
        #[cfg(not(feature = "client"))]
        ["rehearse", ..] => {
            return Err(Problem::refused(
                "this program sends nothing, so there is nothing to rehearse",
            ));
        }
        [other, ..] => return Err(unknown(verb, other)),
    }
    Ok(())
}

fn unknown(verb: &str, argument: &str) -> Problem {
    Problem::usage(format!(
        "unknown argument {argument:?}: `{verb}` takes on, local, off, view or rehearse"
    ))
}

fn nothing_more(verb: &str, rest: &[&str]) -> Result<(), Problem> {
    rest.first().map_or(Ok(()), |argument| Err(unknown(verb, argument)))
}

/// What is in effect, and what may be chosen.
fn overview(setup: &Setup, folder: &Folder, verb: &str, out: &mut String) {
    let consent = setup.consent(folder);
    let reason = consent.reason(folder.path());
    let reports = match setup.site() {
        Some(site) => format!("sent to {site}, once a week, if the mode is on"),
        None => "never sent".to_owned(),
    };
    let variable = setup.variable.map_or_else(String::new, |name| format!(" or {name}=off"));
    *out += &format!(
        "telemetry of {project}\n  \
         mode     {mode} ({reason})\n  \
         folder   {folder}\n  \
         reports  {reports}\n\n\
         {verb} on        count, and send sampled weekly reports\n\
         {verb} local     count, and send nothing\n\
         {verb} off       write nothing, and send nothing\n\
         {verb} view      see what was counted, and exactly what would be sent\n\
         {verb} rehearse  see what would become of a week, without sending it\n\n\
         The environment variable DO_NOT_TRACK=1{variable} means off, whatever was chosen.\n",
        project = OneLine(&setup.program.path),
        mode = consent.mode,
        reason = OneLine(reason),
        folder = OneLine(folder.path().display()),
    );
}

/// Stores the user's choice.
fn choose(
    setup: &Setup,
    folder: &Folder,
    verb: &str,
    mode: Mode,
    out: &mut String,
) -> Result<(), Problem> {
    let today = Day::of(setup.now());
    let stored = mode.store(folder, today);
    stored.map_err(|error| {
        let still = (mode == Mode::Off).then(|| still_on(&setup.consent(folder), folder));
        Problem::refused(format!("{error}{}", still.unwrap_or_default()))
    })?;
    let in_effect = setup.consent(folder);
    *out += &format!(
        "telemetry of {} is {mode}. {}{}\n",
        OneLine(&setup.program.path),
        meaning(mode, today, verb, folder),
        overridden(&in_effect),
    );
    Ok(())
}

/// How to turn it off all the same, if `off` could not be stored: a full disk and a read-only one must not decide.
fn still_on(consent: &Consent, folder: &Folder) -> String {
    if consent.mode == Mode::Off {
        return String::new();
    }
    // Where Go's own programs count, nothing means `local`.
    let remove = match folder.is_shared_with_go() {
        true => String::new(),
        false => format!(", and so does removing {}", OneLine(folder.path().display())),
    };
    format!(
        "\nTelemetry is still {}. DO_NOT_TRACK=1 in the environment turns it off all the same{remove}",
        consent.mode
    )
}

/// What a choice that was made today means. `verb` is the command that takes the others.
fn meaning(mode: Mode, today: Day, verb: &str, folder: &Folder) -> String {
    match mode {
        Mode::On => format!(
            "It counts, and sampled reports of weeks that begin after {today} are sent.\n\
             `{verb} view` shows what is counted and what would be sent."
        ),
        Mode::Local => "It counts on this machine. Nothing is sent.".to_owned(),
        Mode::Off if view::is_empty(folder) => {
            "Nothing is counted and nothing is sent. Nothing is left of earlier counts.".to_owned()
        }
        Mode::Off => format!(
            "Nothing is counted and nothing is sent. Earlier counts are still in {}.",
            OneLine(folder.path().display())
        ),
    }
}

/// What to add if the choice is not what is in effect.
fn overridden(in_effect: &Consent) -> String {
    match &in_effect.decided_by {
        DecidedBy::DoNotTrack => "\nDO_NOT_TRACK is set and overrides this: off.".to_owned(),
        DecidedBy::Variable(name) => format!("\n{name} overrides this: {}.", in_effect.mode),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
