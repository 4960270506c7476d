//! A change as a sentence.
//!
//! Names are separate from words, so that a page can show them in another font; in text they are between
//! backquotes.

use super::{Change, Counted, Difference, Environment};
use crate::collection::config::Rate;
use crate::collection::expand::contract;
use crate::count::count;
use std::fmt;

/// A piece of a sentence about a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phrase {
    /// Words of ours.
    Words(String),
    /// A string of a config, or a group of them.
    Name(String),
}

impl serde::Serialize for Change {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl Change {
    /// The sentence in plain text, with names between backquotes.
    pub fn text(&self) -> String {
        let text = |phrase| match phrase {
            Phrase::Words(words) => words,
            Phrase::Name(name) => format!("`{name}`"),
        };
        self.sentence().into_iter().map(text).collect()
    }

    /// The change as a sentence without a full stop.
    pub fn sentence(&self) -> Vec<Phrase> {
        let also =
            |now: &bool| if *now { "also accepts reports" } else { "no longer accepts reports" };
        let mut text = Sentence::default();
        match self {
            Change::Environments { what, now, names } => {
                let of = match what {
                    Environment::System => "from operating system",
                    Environment::Architecture => "from architecture",
                    Environment::Toolchain => "of programs built with toolchain",
                };
                let plural = if names.len() == 1 { "" } else { "s" };
                text.say(format!("{} {of}{plural} ", also(now))).names(names.clone());
            }
            Change::SampleRate { from, to } => {
                // Nothing was asked for before.
                let is_first = from.get() == 0.0;
                let (from, to) = Rate::percents(*from, *to);
                let instead = format!(" instead of {from}");
                let instead = if is_first { "" } else { &instead };
                text.say(format!("asks for {to} of all reports{instead}"));
            }
            Change::Program { program, now: true } => {
                text.say("now also collects from program ").name(program);
            }
            Change::Program { program, now: false } => {
                text.say("no longer collects anything from program ").name(program);
            }
            Change::Versions { program, now, versions } => {
                let plural = if versions.len() == 1 { "" } else { "s" };
                text.say(format!("{} from version{plural} ", also(now)));
                text.names(versions.clone()).say(" of ").name(program);
            }
            Change::Collected { program, what, names, rate } => {
                text.say(format!("now also collects {}", what.stacks())).names(what.write(names));
                text.say(" of ").name(program);
                if let Counted::Stack { depth } = what {
                    text.say(format!(", at most {} deep", frames(*depth)));
                }
                text.say(format!(", from {}", share(*rate)));
            }
            Change::Dropped { program, what, names } => {
                text.say(format!("no longer collects {}", what.stacks())).names(what.write(names));
                text.say(" of ").name(program);
            }
            Change::Rate { program, what, names, from, to } => {
                let (from, to) = Rate::percents(*from, *to);
                text.say(format!("now samples {}", what.stacks())).names(what.write(names));
                text.say(" of ").name(program).say(format!(" at {to} instead of {from}"));
            }
            Change::Depth { program, names, from, to } => {
                text.say("now collects stacks ").names(names.clone()).say(" of ").name(program);
                text.say(format!(" to a depth of {} instead of {from}", frames(*to)));
            }
        }
        text.0
    }
}

impl Counted {
    fn stacks(self) -> &'static str {
        match self {
            Counted::Counter => "",
            Counted::Stack { .. } => "stacks ",
        }
    }

    /// Names of counters in groups; groups are not written for stacks.
    fn write(self, names: &[String]) -> Vec<String> {
        match self {
            Counted::Counter => contract(names.iter().map(String::as_str)),
            Counted::Stack { .. } => names.to_vec(),
        }
    }
}

fn frames(depth: u32) -> String {
    count(depth, "frame")
}

fn share(rate: Rate) -> String {
    match rate == Rate::ALL {
        true => "every report".to_owned(),
        false => format!("{} of reports", rate.percent()),
    }
}

#[derive(Default)]
struct Sentence(Vec<Phrase>);

impl Sentence {
    fn say(&mut self, words: impl Into<String>) -> &mut Sentence {
        self.0.push(Phrase::Words(words.into()));
        self
    }

    fn name(&mut self, name: &str) -> &mut Sentence {
        self.0.push(Phrase::Name(name.to_owned()));
        self
    }

    /// `a`; `a and b`; `a, b and c`.
    fn names(&mut self, names: Vec<String>) -> &mut Sentence {
        let last = names.len().saturating_sub(1);
        for (index, name) in names.into_iter().enumerate() {
            match index {
                0 => {}
                _ if index == last => self.0.push(Phrase::Words(" and ".to_owned())),
                _ => self.0.push(Phrase::Words(", ".to_owned())),
            }
            self.0.push(Phrase::Name(name));
        }
        self
    }
}

/// The change as text, with names between backquotes.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sentence().iter().try_for_each(|phrase| match phrase {
            Phrase::Words(words) => f.write_str(words),
            Phrase::Name(name) => write!(f, "`{name}`"),
        })
    }
}

/// One change per line.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes.iter().try_for_each(|change| writeln!(f, "{change}"))
    }
}
