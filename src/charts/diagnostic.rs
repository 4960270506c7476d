//! What a check found: one sentence, the location it points at, and how to fix it.
//!
//! Everything that can be wrong with reviewed definitions is a [`Diagnostic`]. All diagnostics of a run
//! are shown together ([`Diagnostics`]), in the order of the files. On a terminal each is a block:
//!
//! ```text
//! error: the group is never closed
//!  --> charts/editor.toml:6:13
//!   |
//! 6 | counter = "editor/client:{vim,emacs"
//!   |             ^
//! help: end the counter with `}`
//! ```
//!
//! Whatever a proposal holds, every part of a block stays on its line, and a terminal obeys nothing in
//! it: parts are printed as [`OneLine`].
//!
//! With `--json` the same fields are serialised. Lines and columns count from one; a column counts
//! characters, not bytes.

use super::location::Location;
use crate::terminal::OneLine;
use serde::Serialize;
use std::fmt;
use std::path::Path;

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is compiled or published until it is fixed.
    Error,
    /// It is valid, but its author probably meant something else.
    Warning,
    /// Something a reviewer should know.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        })
    }
}

/// The part of a source line that is shown, and the position of the caret in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Excerpt {
    /// The line, or a window of it where the line is long. Control characters are replaced, so
    /// that a file cannot write escape sequences to its reviewer's terminal.
    pub text: String,
    /// How many characters of `text` are before the caret.
    pub caret: usize,
}

/// The code of the warning about definitions that have expired.
pub const EXPIRED: &str = "expired";
/// The code of the warning about definitions that are about to expire.
pub const EXPIRING: &str = "expiring";
/// The code of the warning about stack charts without `packages`.
pub const STACK_PACKAGES: &str = "stack-packages";
/// The code of the warning about comments that allow nothing.
pub const ALLOW: &str = "allow";
/// The code of the warning about files that look like definitions and are not read.
pub const UNREAD_FILE: &str = "unread-file";
/// The code of the warning about versions that no program reports.
pub const UNMATCHED_VERSION: &str = "unmatched-version";

/// One thing found in the reviewed files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// The lint that found it, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The file it is about.
    pub file: String,
    /// The line, counted from one; absent where the whole file is meant.
    pub line: Option<u32>,
    /// The character in the line, counted from one.
    pub column: Option<u32>,
    /// The source line.
    pub source: Option<Excerpt>,
    /// How to fix it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic about `file` as a whole.
    pub fn file(severity: Severity, file: impl Into<String>, message: impl Into<String>) -> Self {
        Diagnostic {
            severity,
            code: None,
            message: shortened(message.into()),
            file: file.into(),
            line: None,
            column: None,
            source: None,
            help: None,
        }
    }

    /// A diagnostic about a location, without its source line.
    pub fn at(severity: Severity, location: &Location, message: impl Into<String>) -> Self {
        Diagnostic {
            line: Some(location.line),
            column: Some(location.column),
            ..Diagnostic::file(severity, location.file.as_ref(), message)
        }
    }

    /// The same diagnostic, showing its source line.
    pub fn with_source(self, source: Excerpt) -> Self {
        Diagnostic { source: Some(source), ..self }
    }

    /// The same diagnostic, naming the lint that found it.
    pub fn with_code(self, code: &'static str) -> Self {
        Diagnostic { code: Some(code), ..self }
    }

    /// The same diagnostic, saying how to fix it.
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Diagnostic { help: Some(shortened(help.into())), ..self }
    }

    /// The same diagnostic, with the file's path in the charts folder `folder` as people there would name it.
    pub fn below(&self, folder: &Path) -> Diagnostic {
        let path = folder.join(&self.file);
        let path = path.strip_prefix(".").unwrap_or(&path);
        Diagnostic { file: path.display().to_string(), ..self.clone() }
    }

    fn order(&self) -> impl Ord + '_ {
        (&self.file, self.line, self.column, self.severity, &self.message)
    }
}

/// The longest message and help in bytes: proposals can make them long, so longer ones are cut.
const MAX_TEXT: usize = 2000;

fn shortened(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map(|code| format!("[{code}]")).unwrap_or_default();
        write!(f, "{}{code}: {}", self.severity, OneLine(&self.message))?;
        let file = OneLine(&self.file);
        match (self.line, self.column) {
            (Some(line), Some(column)) => {
                let margin = " ".repeat(line.to_string().len());
                write!(f, "\n{margin}--> {file}:{line}:{column}")?;
                if let Some(source) = &self.source {
                    let before = " ".repeat(source.caret);
                    let text = OneLine(source.text.trim_end());
                    write!(f, "\n{margin} |\n{line} | {text}")?;
                    write!(f, "\n{margin} | {before}^")?;
                }
            }
            _ => write!(f, "\n --> {file}")?,
        }
        match &self.help {
            Some(help) => write!(f, "\nhelp: {}", OneLine(help)),
            None => Ok(()),
        }
    }
}

/// All the errors of a run: at least one, in the order of files, lines and columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Sorts what was found; `None` where nothing was.
    pub fn new(mut found: Vec<Diagnostic>) -> Option<Diagnostics> {
        found.sort_by(|a, b| a.order().cmp(&b.order()));
        found.dedup();
        (!found.is_empty()).then_some(Diagnostics(found))
    }

    /// The same diagnostics, with the paths of files as people name them who named the folder so.
    pub fn below(&self, folder: &Path) -> Diagnostics {
        Diagnostics(self.0.iter().map(|diagnostic| diagnostic.below(folder)).collect())
    }

    /// The diagnostics in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Diagnostics(vec![diagnostic])
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, diagnostic) in self.0.iter().enumerate() {
            let gap = if number == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: &str, line: u32, column: u32) -> Diagnostic {
        let location = Location { file: file.into(), line, column };
        Diagnostic::at(Severity::Error, &location, format!("{line}"))
    }

    #[test]
    fn a_block_shows_message_place_line_caret_and_help() {
        let source = Excerpt { text: "type = \"pie\"".into(), caret: 7 };
        let shown = at("charts/a.toml", 12, 8).with_source(source).with_help("bake it").to_string();
        let expected = "error: 12\n  --> charts/a.toml:12:8\n   |\n12 | type = \"pie\"\n   |        ^\n\
                        help: bake it";
        assert_eq!(shown, expected);
    }

    #[test]
    fn nothing_from_a_proposal_breaks_out_of_its_line() {
        let evil = "a\u{1b}[2J\nerror: forged\u{202e}";
        let source = Excerpt { text: evil.into(), caret: 0 };
        let location = Location { file: evil.into(), line: 1, column: 1 };
        let shown = Diagnostic::at(Severity::Error, &location, evil).with_source(source);
        let whole = Diagnostic::file(Severity::Note, evil, evil).with_help(evil);
        let shown = format!("{}\n{whole}", shown.with_help(evil));
        let escaped = "a\\u{1b}[2J\\nerror: forged\\u{202e}";
        assert_eq!(shown.matches(escaped).count(), 7, "{shown}");
        assert_eq!(shown.lines().count(), 9, "{shown}");
        assert!(!shown.replace('\n', "").contains(crate::terminal::is_unfit), "{shown}");
    }

    #[test]
    fn a_whole_file_has_no_line() {
        let shown = Diagnostic::file(Severity::Warning, "collection.toml", "missing").to_string();
        assert_eq!(shown, "warning: missing\n --> collection.toml");
    }

    #[test]
    fn diagnostics_are_in_the_order_of_the_files_and_never_empty() {
        assert_eq!(Diagnostics::new(Vec::new()), None);
        let (a, b, c) = (at("a", 2, 9), at("a", 10, 1), at("b", 1, 1));
        let sorted = Diagnostics::new(vec![c.clone(), b.clone(), a.clone(), b.clone()]);
        assert_eq!(sorted, Some(Diagnostics(vec![a, b, c])));
    }

    #[test]
    fn json_has_every_field() {
        let json = serde_json::to_value(Diagnostics::from(at("a", 1, 2).with_help("h"))).unwrap();
        let expected = serde_json::json!([{
            "severity": "error", "message": "1", "file": "a", "line": 1, "column": 2,
            "source": null, "help": "h",
        }]);
        assert_eq!(json, expected);
    }
}
