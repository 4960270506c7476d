//! Colours, where a terminal shows them, and its user has not asked for none (<https://no-color.org>,
//! <https://bixense.com/clicolors>).
//!
//! They are put into the finished text, whose values have been escaped: what comes from elsewhere brings none, and
//! does not begin a line.

use std::ffi::OsString;
use std::io::IsTerminal;

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[1;31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[1;33m";
const BLUE: &str = "\x1b[34m";
const CYAN: &str = "\x1b[36m";
const PLAIN: &str = "\x1b[0m";

/// How lines begin, and what this is painted with.
const BEGINNINGS: [(&str, &str); 11] = [
    ("error", RED),
    ("warning", YELLOW),
    ("note", CYAN),
    ("help:", CYAN),
    ("candor:", BOLD),
    ("SECURITY ERROR", RED),
    ("ALARM", RED),
    ("WRONG", RED),
    ("ok   ", GREEN),
    ("?    ", YELLOW),
    ("not merged:", YELLOW),
];

/// The text as this stream is to get it.
pub(super) fn for_stream(stream: &impl IsTerminal, text: String) -> String {
    let is_wanted = stream.is_terminal() && allowed(|name| std::env::var_os(name));
    if is_wanted { painted(&text) } else { text }
}

/// Whether the environment has colours.
fn allowed(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is = |name: &str, value: &str| variable(name).is_some_and(|found| found == value);
    variable("NO_COLOR").is_none_or(|value| value.is_empty())
        && !is("CLICOLOR", "0")
        && !is("TERM", "dumb")
}

/// The text with colours.
fn painted(text: &str) -> String {
    let mut painted = String::with_capacity(text.len() + 64);
    // Inside a diagnostic, from the place on: the source has its number before it.
    let mut has_source = false;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start();
        if trimmed.starts_with("--> ") {
            has_source = true;
            let (margin, place) = line.split_at(line.len() - trimmed.len());
            painted += &format!("{margin}{BLUE}-->{PLAIN}{}", place.trim_start_matches("-->"));
            continue;
        }
        let gutter = line.find('|').filter(|at| {
            line[..*at].trim().bytes().all(|byte| byte.is_ascii_digit())
                && line[..*at].ends_with(' ')
        });
        match gutter {
            Some(at) if has_source => {
                let (number, source) = line.split_at(at + 1);
                let source = match source.trim() {
                    "^" => source.replace('^', &format!("{RED}^{PLAIN}")),
                    _ => source.to_owned(),
                };
                painted += &format!("{BLUE}{number}{PLAIN}{source}");
            }
            _ => {
                has_source = false;
                painted += &beginning(line);
            }
        }
    }
    painted
}

/// A line whose beginning says what it is.
fn beginning(line: &str) -> String {
    for (begins, colour) in BEGINNINGS {
        let Some(rest) = line.strip_prefix(begins) else { continue };
        let (code, rest) = match rest.split_once(']').filter(|(code, _)| code.starts_with('[')) {
            Some((code, rest)) => (format!("{code}]"), rest),
            None => (String::new(), rest),
        };
        // A word that only begins so is another word.
        let is_whole = begins.ends_with([':', ' ']) || !rest.starts_with(char::is_alphanumeric);
        if is_whole {
            return format!("{colour}{begins}{code}{PLAIN}{rest}");
        }
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_may_ask_for_none() {
        for (name, value, expected) in [
            ("NO_COLOR", "1", false),
            ("NO_COLOR", "", true),
            ("CLICOLOR", "0", false),
            ("CLICOLOR", "1", true),
            ("CLICOLOR_FORCE", "1", true),
            ("TERM", "dumb", false),
            ("TERM", "xterm", true),
        ] {
            let variable = |asked: &str| (asked == name).then(|| OsString::from(value));
            assert_eq!(allowed(variable), expected, "{name}={value}");
        }
        // In tests, standard output is no terminal.
        let file = std::fs::File::open(file!()).or_else(|_| std::fs::File::open("Cargo.toml"));
        let said = for_stream(&file.expect("a file"), "error: x\n".to_owned());
        assert_eq!(said, "error: x\n");
    }

    #[test]
    fn what_a_line_is_has_a_colour_and_nothing_else_changes() {
        let text = "error[some-code]: it is wrong\n  --> charts/a.toml:12:8\n   |\n12 | type = \"a | b\"\n   |        \
                    ^\nhelp: mend it\n\nnotes are no notes\na | b\nok    root       fine\ncandor: no\n";
        let painted = painted(text);
        let expected = format!(
            "{RED}error[some-code]{PLAIN}: it is wrong\n  {BLUE}-->{PLAIN} charts/a.toml:12:8\n{BLUE}   |{PLAIN}\n\
             {BLUE}12 |{PLAIN} type = \"a | b\"\n{BLUE}   |{PLAIN}        {RED}^{PLAIN}\n{CYAN}help:{PLAIN} mend it\n\n\
             notes are no notes\na | b\n{GREEN}ok   {PLAIN} root       fine\n{BOLD}candor:{PLAIN} no\n"
        );
        assert_eq!(painted, expected);
        let mut plain = painted;
        for code in [BOLD, RED, GREEN, YELLOW, BLUE, CYAN, PLAIN] {
            plain = plain.replace(code, "");
        }
        assert_eq!(plain, text);
    }
}
