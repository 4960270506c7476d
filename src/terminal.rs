//! Text from elsewhere, on its way to a terminal.
//!
//! A file name, a key of a proposal, the author of a commit or the answer of a server may hold characters
//! that a terminal obeys (escape sequences), that make one line look like two, or that display text in
//! another order than it is parsed. Such characters are escaped here, as `\u{1b}`, and only here:
//! [`OneLine`] is for a single value, [`Lines`] for a text with our own line breaks.
//!
//! Everything that the program prints for people passes through one of the two at its edge (`cli`'s
//! `Output` and [`LogWriter`]), so no message can forget it. Only in a text of several lines must its
//! author wrap each value in [`OneLine`]. JSON has its own escapes for the same characters ([`json`]).

pub use crate::text::{is_escaped, is_unfit};
use std::fmt::{self, Write};
use std::io;

/// A value that stays on one line, whatever it holds.
#[derive(Debug, Clone, Copy)]
pub struct OneLine<T>(pub T);

impl<T: fmt::Display> fmt::Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { to: f, breaks: false }, "{}", self.0)
    }
}

/// A text with our own line breaks and tabs; everything else is escaped.
#[derive(Debug, Clone, Copy)]
pub struct Lines<T>(pub T);

impl<T: fmt::Display> fmt::Display for Lines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { to: f, breaks: true }, "{}", self.0)
    }
}

struct Escaping<'a, W: Write> {
    to: &'a mut W,
    /// Whether line breaks and tabs are allowed.
    breaks: bool,
}

impl<W: Write> Write for Escaping<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let passes = |c: char| !is_escaped(c) || (self.breaks && matches!(c, '\n' | '\t'));
        let mut plain = text;
        while let Some(at) = plain.find(|c| !passes(c)) {
            let (before, rest) = plain.split_at(at);
            self.to.write_str(before)?;
            let mut rest = rest.chars();
            match rest.next() {
                Some('\n') => self.to.write_str("\\n")?,
                Some('\r') => self.to.write_str("\\r")?,
                Some('\t') => self.to.write_str("\\t")?,
                Some(c) => write!(self.to, "{}", c.escape_unicode())?,
                None => {}
            }
            plain = rest.as_str();
        }
        self.to.write_str(plain)
    }
}

/// The same JSON, with such characters as JSON escapes. Line breaks stay: valid JSON has them only
/// between values.
pub fn json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) && !matches!(c, '\n' | '\t' | '\r') {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// A writer for log lines: each write is one event, and becomes one line.
#[derive(Debug)]
pub struct LogWriter<W>(pub W);

impl<W: io::Write> io::Write for LogWriter<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = format!("{}\n", OneLine(text.trim_end_matches('\n')));
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        for (text, line) in [
            ("plain text, Zürich 東京 🦀", "plain text, Zürich 東京 🦀"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{202e}turned\u{2066}", "\\u{202e}turned\\u{2066}"),
            ("\u{9b}1m \u{7f} \u{0}", "\\u{9b}1m \\u{7f} \\u{0}"),
            (
                "\u{3164}\u{2800}\u{115f}\u{34f}\u{fe0f}\u{17b4}\u{1d173}\u{e000}\u{fffc}",
                "\\u{3164}\\u{2800}\\u{115f}\\u{34f}\\u{fe0f}\\u{17b4}\\u{1d173}\\u{e000}\\u{fffc}",
            ),
            ("a\u{200b}b\u{feff}\u{2028}\u{e0041}", "a\\u{200b}b\\u{feff}\\u{2028}\\u{e0041}"),
        ] {
            assert_eq!(OneLine(text).to_string(), line);
        }
        assert_eq!(Lines("a\n\tb\r\u{1b}").to_string(), "a\n\tb\\r\\u{1b}");
    }

    #[test]
    fn one_event_of_the_log_is_one_line() {
        let mut log = LogWriter(Vec::new());
        log.write_all(b"WARN cannot read \x1b[2J\nERROR forged\n").expect("written");
        let line = "WARN cannot read \\u{1b}[2J\\nERROR forged\n";
        assert_eq!(String::from_utf8(log.0).expect("text"), line);
    }

    proptest! {
        #[test]
        fn nothing_unfit_passes(text in any::<String>()) {
            prop_assert!(!OneLine(&text).to_string().contains(is_escaped));
            let lines = Lines(&text).to_string();
            prop_assert!(!lines.replace(['\n', '\t'], "").contains(is_escaped));
        }

        #[cfg(feature = "verify")]
        #[test]
        fn escaped_json_says_the_same(text in any::<String>()) {
            let plain = serde_json::to_string_pretty(&[&text]).expect("JSON");
            let escaped = json(&plain);
            prop_assert!(!escaped.replace('\n', "").contains(is_escaped));
            let read: Vec<String> = serde_json::from_str(&escaped).expect("JSON");
            prop_assert_eq!(read, [text]);
        }
    }
}
