//! An import under way, and the diagnostics it has found so far.

use crate::charts::diagnostic::{Diagnostic, Severity};
use crate::charts::location::Location;
use crate::charts::text::SourceText;

/// An import under way.
pub(super) struct Importer<'a> {
    /// The records' file.
    pub(super) text: &'a SourceText,
    pub(super) found: Vec<Diagnostic>,
}

impl Importer<'_> {
    pub(super) fn failed(&self) -> bool {
        self.found.iter().any(|one| one.severity == Severity::Error)
    }

    /// Adds a diagnostic about a line of the records.
    pub(super) fn report(&mut self, severity: Severity, line: u32, message: String, help: &str) {
        self.found.push(at_line(self.text, severity, line, message).with_help(help));
    }
}

/// A diagnostic about a line of the records.
pub(super) fn at_line(
    text: &SourceText,
    severity: Severity,
    line: u32,
    message: String,
) -> Diagnostic {
    let location = Location { file: text.file().clone(), line, column: 1 };
    text.diagnostic_at(severity, &location, message)
}
