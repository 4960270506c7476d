//! What verbs print: results, as text for people or as JSON, and failures with their exit status.

use super::colour;
use crate::charts::Diagnostics;
use crate::client::ClientError;
use crate::terminal::{Lines, OneLine, json};
use serde::Serialize;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Where a verb's result goes: standard output, as text for people or as JSON for programs.
///
/// Everything that a verb prints goes through here, so that nothing in it is obeyed by a terminal: see
/// [`crate::terminal`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(super) json: bool,
}

impl Output {
    /// Prints `value` as JSON if `--json` was given, otherwise the text for people. The text keeps its line
    /// breaks, so every value in it that comes from elsewhere must be a [`OneLine`].
    pub(crate) fn result(self, value: &impl Serialize, text: impl Display) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let written = if self.json {
            writeln!(out, "{}", json(&serde_json::to_string_pretty(value)?))
        } else {
            write!(out, "{}", colour::for_stream(&io::stdout(), Lines(text).to_string()))
        };
        PRINTED.store(true, Ordering::Relaxed);
        match written.and_then(|()| out.flush()) {
            // The reader of a pipe has seen enough; this is not a failure.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|e| Failure::new(format!("cannot write the result: {e}"))),
        }
    }

    /// As [`Output::result`], for a verb that prints many results: one JSON value per line.
    pub(crate) fn line(self, value: &impl Serialize, text: impl Display) -> Result<(), Failure> {
        if !self.json {
            return self.result(value, text);
        }
        let line = json(&serde_json::to_string(value)?);
        let mut out = io::stdout().lock();
        let written = writeln!(out, "{line}").and_then(|()| out.flush());
        written.map_err(|e| Failure::new(format!("cannot write the result: {e}")))
    }

    /// Prints one line of narration, unless `--json` was given.
    pub(crate) fn narrate(self, line: impl Display) {
        if !self.json {
            let mut out = io::stdout().lock();
            // If the reader closed the pipe, the demonstration still goes on.
            let _ = writeln!(out, "{}", OneLine(line)).and_then(|()| out.flush());
        }
    }

    /// Prints a message for people, as one line on standard error.
    pub(crate) fn say(self, message: impl Display) {
        // If standard error is closed, there is nowhere to report it.
        let line = format!("{}\n", OneLine(message));
        let _ = io::stderr().lock().write_all(colour::for_stream(&io::stderr(), line).as_bytes());
    }

    /// Prints a failure: on standard error for people, and with `--json` also as JSON on standard output, unless a
    /// result is there already. So programs read one value whatever happens; of a verb that prints a value a line,
    /// such as `publish --watch`, a line says it.
    pub(crate) fn say_failure(self, failure: &Failure) {
        self.print_failure(failure);
        let message = failure.message.trim_end();
        let heads = ["error:", "error[", "warning:", "warning[", "note:"];
        if failure.lines && heads.iter().any(|head| message.starts_with(head)) {
            // Diagnostics bring their own heading, one for each mistake.
            self.say_lines(message);
        } else if failure.lines {
            self.say_lines(format_args!("candor: {message}"));
        } else if !message.is_empty() {
            self.say(format_args!("candor: {message}"));
        }
    }

    /// Prints what is wrong with the command line, in the words of its parser.
    pub(crate) fn say_usage(self, failure: &Failure) {
        self.print_failure(failure);
        self.say_lines(&failure.message);
    }

    /// The failure as JSON, with `--json`.
    fn print_failure(self, failure: &Failure) {
        if !self.json || PRINTED.load(Ordering::Relaxed) || failure.message.is_empty() {
            return;
        }
        let printed = Printed {
            error: PrintedError {
                message: failure.message.trim_end(),
                status: failure.status,
                diagnostics: failure.diagnostics.as_ref(),
            },
        };
        // In one line, as a verb that goes on prints one value a line. If standard output is closed, the message is
        // still on standard error.
        let _ = serde_json::to_string(&printed)
            .map(|text| writeln!(io::stdout().lock(), "{}", json(&text)));
    }

    /// Prints a message of several lines on standard error, such as a diagnostic. Its author must escape
    /// the values in it.
    pub(crate) fn say_lines(self, text: impl Display) {
        let text = format!("{}\n", Lines(text));
        let _ = io::stderr().lock().write_all(colour::for_stream(&io::stderr(), text).as_bytes());
    }
}

/// Whether a result has been printed on standard output: nothing may follow one that is JSON.
static PRINTED: AtomicBool = AtomicBool::new(false);

/// A failure as it is printed with `--json`.
#[derive(Serialize)]
struct Printed<'f> {
    error: PrintedError<'f>,
}

#[derive(Serialize)]
struct PrintedError<'f> {
    /// What happened, to what, and what to do.
    message: &'f str,
    /// The exit status.
    status: u8,
    /// Each mistake in definitions with its place, if that is what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostics: Option<&'f Diagnostics>,
}

/// A verb's failure: one message that says what happened, to what, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(super) message: String,
    /// Whether the line breaks in the message are its own.
    pub(super) lines: bool,
    pub(super) status: u8,
    /// The mistakes in definitions, if that is what it is.
    pub(super) diagnostics: Option<Diagnostics>,
}

impl Failure {
    /// Refused, or found wrong: exit status 1.
    pub(crate) fn new(message: impl Display) -> Failure {
        Failure { message: message.to_string(), lines: false, status: 1, diagnostics: None }
    }

    /// Found wrong, and the result that was printed already says what: exit status 1.
    pub(crate) fn reported() -> Failure {
        Failure { message: String::new(), lines: false, status: 1, diagnostics: None }
    }

    /// Wrong usage: exit status 2.
    pub(crate) fn usage(message: impl Display) -> Failure {
        Failure { message: message.to_string(), lines: false, status: 2, diagnostics: None }
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        let lines = has_lines(&error);
        let diagnostics =
            sources(&error).find_map(|one| one.downcast_ref::<Diagnostics>()).cloned();
        Failure { lines, diagnostics, ..Failure::new(error) }
    }
}

/// An error, and what it comes from.
fn sources<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// Whether an error's message has lines of its own: diagnostics, and evidence that is in no file. In any
/// other message, a line break came with a value, and is escaped.
fn has_lines(error: &(dyn Error + 'static)) -> bool {
    sources(error).any(|error| {
        error.is::<Diagnostics>()
            || matches!(
                error.downcast_ref::<ClientError>(),
                Some(ClientError::Forked { kept: None, .. })
            )
    })
}
