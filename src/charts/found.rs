//! What a run has found so far, up to a limit: of a million mistakes only the first are kept in memory
//! and shown.

use super::diagnostic::{Diagnostic, Diagnostics, Severity};

/// How many errors, and how many warnings, of a run are kept: more than anyone fixes before running it
/// again.
pub(super) const MAX_KEPT: usize = 1000;

/// Diagnostics in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Found {
    errors: Kept,
    others: Kept,
}

/// The first diagnostics of a kind.
#[derive(Debug, Default)]
struct Kept {
    first: Vec<Diagnostic>,
    /// How many more there were, and the file of the first of them.
    more: usize,
    more_in: Option<String>,
}

impl Kept {
    fn push(&mut self, diagnostic: Diagnostic) {
        if self.first.len() < MAX_KEPT {
            self.first.push(diagnostic);
        } else {
            self.more += 1;
            self.more_in.get_or_insert(diagnostic.file);
        }
    }
}

impl Found {
    /// Adds a diagnostic, or only counts it beyond the limit.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        match diagnostic.severity {
            Severity::Error => self.errors.push(diagnostic),
            Severity::Warning | Severity::Note => self.others.push(diagnostic),
        }
    }

    /// Adds all that was found elsewhere.
    pub(super) fn append(&mut self, other: Found) {
        for (kept, other) in [(&mut self.errors, other.errors), (&mut self.others, other.others)] {
            other.first.into_iter().for_each(|diagnostic| kept.push(diagnostic));
            kept.more += other.more;
            kept.more_in = kept.more_in.take().or(other.more_in);
        }
    }

    /// Whether further errors are only counted, so that their messages need not be written.
    pub(super) fn is_full(&self) -> bool {
        self.errors.first.len() == MAX_KEPT
    }

    /// Counts an error in `file` without a message.
    pub(super) fn count_error(&mut self, file: &str) {
        self.errors.more += 1;
        self.errors.more_in.get_or_insert_with(|| file.to_owned());
    }

    /// How many were found, kept or not.
    pub(super) fn count(&self) -> usize {
        [&self.errors, &self.others].map(|kept| kept.first.len() + kept.more).iter().sum()
    }

    /// Whether there is an error among them.
    pub(super) fn has_errors(&self) -> bool {
        !self.errors.first.is_empty()
    }

    /// What is shown; `None` if nothing was found.
    pub(super) fn finish(self) -> Option<Diagnostics> {
        let mut all = Vec::new();
        for (kept, severity, what) in [
            (self.errors, Severity::Error, "mistakes"),
            (self.others, Severity::Warning, "warnings"),
        ] {
            all.extend(kept.first);
            if let Some(file) = kept.more_in {
                let message = format!(
                    "{} more {what} are not shown, the first of them in this file",
                    kept.more
                );
                let more = Diagnostic::file(severity, file, message);
                all.push(more.with_help("fix those shown, and run the command again"));
            }
        }
        Diagnostics::new(all)
    }
}

impl Extend<Diagnostic> for Found {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }
}
