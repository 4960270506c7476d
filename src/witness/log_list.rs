//! Lists of the logs that a witness cosigns, in the format of the public witness network.
//!
//! <https://witness-network.org/log-list-format>: lines, of which blank ones and those that start with
//! `#` are ignored. The first is `logs/v0`; then, for each log and in this order:
//!
//! ```text
//! vkey VKEY          the log's key; several logs with one origin are one log with several keys
//! origin ORIGIN      the log's origin; omitted, or `none`, if that is the key's name
//! bastion URL        optional and ignored: this witness is reached at its address
//! qpd NUMBER         how many checkpoints a day the log may submit
//! contact TEXT       how the log's operator is reached
//! ```
//!
//! `bastion` is accepted after `qpd` too: the format's page has it in both places.

use super::LogKey;
use crate::tlog::{Origin, VerifierKeyError};
use std::fmt::{self, Write as _};

/// The first line that counts.
const HEADER: &str = "logs/v0";

/// One log of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedLog {
    /// The first line of its checkpoints.
    pub origin: Origin,
    /// The key that signs them.
    pub key: LogKey,
    /// How many checkpoints a day it may submit: at least one.
    pub per_day: u64,
    /// How its operator is reached, for people.
    pub contact: String,
}

/// A malformed list: which line, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct LogListError {
    /// Counted from one; the last one if something is missing at the end.
    pub line: usize,
    /// What is wrong.
    pub problem: LogListProblem,
}

/// What may be wrong with a line of a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogListProblem {
    /// The list does not start with its header.
    #[error("a list of logs begins with the line `{HEADER}`")]
    Header,
    /// Another line belongs here.
    #[error("expected `{0}` and its value")]
    Expected(&'static str),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] VerifierKeyError),
    /// An origin is invalid.
    #[error("an origin must not be empty or have control characters")]
    Origin,
    /// A number is invalid.
    #[error("`qpd` is the number of checkpoints a day, 1 or more")]
    Number,
}

impl ListedLog {
    /// Reads a list.
    pub fn parse_list(text: &str) -> Result<Vec<ListedLog>, LogListError> {
        use LogListProblem::{Expected, Header, Number};
        let numbered = (1..).zip(text.lines()).map(|(number, line)| (number, line.trim()));
        let mut lines =
            numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).peekable();
        let last = text.lines().count().max(1);
        let at = |line: usize| move |problem| LogListError { line, problem };
        match lines.next() {
            Some((_, HEADER)) => {}
            first => return Err(at(first.map_or(last, |(line, _)| line))(Header)),
        }
        let mut logs = Vec::new();
        while lines.peek().is_some() {
            // The value of the next line, if that has this name.
            let mut optional = |name: &str| {
                let found = lines.next_if(|(_, line)| value(line, name).is_some());
                found.and_then(|(number, line)| Some((number, value(line, name)?)))
            };
            let key = optional("vkey");
            let origin = key.and_then(|_| optional("origin"));
            let bastion = key.and_then(|_| optional("bastion"));
            let per_day = key.and_then(|_| optional("qpd"));
            if bastion.is_none() && per_day.is_some() {
                optional("bastion");
            }
            let contact = per_day.and_then(|_| optional("contact"));
            let here = lines.peek().map_or(last, |(line, _)| *line);
            let expected = |name| move || at(here)(Expected(name));
            let (line, key) = key.ok_or_else(expected("vkey"))?;
            let key: LogKey = key.parse().map_err(|e| at(line)(LogListProblem::Key(e)))?;
            let (line, per_day) = per_day.ok_or_else(expected("qpd"))?;
            let per_day = per_day.parse().ok().filter(|number| *number > 0);
            let per_day = per_day.ok_or_else(|| at(line)(Number))?;
            let (_, contact) = contact.ok_or_else(expected("contact"))?;
            let origin = match origin {
                None | Some((_, "none")) => Origin::from(key.name().clone()),
                Some((line, origin)) => {
                    Origin::new(origin).map_err(|_| at(line)(LogListProblem::Origin))?
                }
            };
            logs.push(ListedLog { origin, key, per_day, contact: contact.to_owned() });
        }
        Ok(logs)
    }

    /// A list with no logs in it.
    pub fn empty_list() -> String {
        format!(
            "# The logs that this witness cosigns, in the format of the public witness network\n\
             # (https://witness-network.org/log-list-format). It is reloaded when it changes; put a\n\
             # new list in its place with a rename, so that nobody sees half of it.\n{HEADER}\n"
        )
    }
}

/// The value after the name in a line.
fn value<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let value = line.strip_prefix(name)?.strip_prefix(' ')?.trim();
    (!value.is_empty()).then_some(value)
}

impl fmt::Display for ListedLog {
    /// Its lines in a list, after a blank one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = format!("\nvkey {}\n", self.key);
        if self.origin.as_str() != self.key.name().as_str() {
            writeln!(lines, "origin {}", self.origin)?;
        }
        write!(f, "{lines}qpd {}\ncontact {}\n", self.per_day, self.contact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    fn parse(list: &str) -> Result<Vec<ListedLog>, LogListError> {
        ListedLog::parse_list(&list.replace("KEY", KEY))
    }

    #[test]
    fn every_variant_of_the_format_is_read() {
        let list = "#\n# List: test\n#\nlogs/v0\n\n# one\nvkey KEY\nqpd 86400\ncontact a (at) b\n\n\
             vkey KEY\norigin none\nbastion none\nqpd 24\ncontact c\n\
             vkey KEY\norigin another name, with spaces\nqpd 1\nbastion https://b.example\n  contact d  \n";
        let logs = parse(list).expect("a list");
        let told = |log: &ListedLog| (log.origin.to_string(), log.per_day, log.contact.clone());
        let origin = "example.com/foo".to_owned();
        assert_eq!(
            logs.iter().map(told).collect::<Vec<_>>(),
            [
                (origin.clone(), 86_400, "a (at) b".to_owned()),
                (origin, 24, "c".to_owned()),
                ("another name, with spaces".to_owned(), 1, "d".to_owned()),
            ]
        );
        // It is written so that it reads the same.
        let written: String = logs.iter().map(ToString::to_string).collect();
        assert_eq!(parse(&(ListedLog::empty_list() + &written)), Ok(logs));
        assert_eq!(parse(&ListedLog::empty_list()), Ok(Vec::new()));
    }

    #[test]
    fn a_malformed_list_is_refused_with_its_line() {
        for (list, said) in [
            ("", "line 1: a list of logs begins with the line `logs/v0`"),
            ("# no\nlogs/v1\n", "line 2: a list of logs begins"),
            ("logs/v0\nqpd 1\n", "line 2: expected `vkey`"),
            ("logs/v0\nvkey KEY\ncontact c\n", "line 3: expected `qpd`"),
            ("logs/v0\nvkey KEY\nqpd 1\n", "line 3: expected `contact`"),
            ("logs/v0\nvkey KEY\nqpd 1\nvkey KEY\n", "line 4: expected `contact`"),
            ("logs/v0\nvkey KEY\nqpd 0\ncontact c\n", "line 3: `qpd` is the number"),
            ("logs/v0\nvkey KEY\nqpd -1\ncontact c\n", "line 3: `qpd` is the number"),
            ("logs/v0\nvkey x\nqpd 1\ncontact c\n", "line 2: \"x\" is not a verifier key"),
            ("logs/v0\nvkey KEY\norigin a\tb\nqpd 1\ncontact c\n", "line 3: an origin must not"),
            ("logs/v0\nvkey KEY\nunknown 1\nqpd 1\ncontact c\n", "line 3: expected `qpd`"),
        ] {
            let error = parse(list).expect_err(list).to_string();
            assert!(error.starts_with(said), "{list:?}: {error}");
        }
    }
}
