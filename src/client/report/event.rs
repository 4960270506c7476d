//! What happened in a run, for those who want to know.

use super::rules::Hold;
use crate::client::day::Day;
use crate::client::mode::Consent;
use std::fmt;
use std::path::PathBuf;

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What the user allows.
    pub consent: Consent,
    /// Another process was at it; nothing was done.
    pub busy: bool,
    /// What happened, in this order.
    pub events: Vec<Event>,
}

/// Something that happened to a week.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Its counts became a local report.
    Reported {
        /// The week.
        week: Day,
        /// Why nothing of it will be sent, if so.
        hold: Option<Hold>,
    },
    /// A report is ready to be sent.
    Ready {
        /// The week.
        week: Day,
        /// How many counters and builds are not in it.
        withheld: usize,
    },
    /// Nothing of it will be sent, by the config.
    Withheld {
        /// The week.
        week: Day,
        /// Why.
        reason: String,
    },
    /// Nothing of it is sent, by the user's choice or its age.
    Held {
        /// The week.
        week: Day,
        /// Why.
        hold: Option<Hold>,
    },
    /// It was sent.
    Sent {
        /// The week.
        week: Day,
    },
    /// The server will not take it.
    Refused {
        /// The week.
        week: Day,
        /// What the server said.
        said: String,
    },
    /// It stays here for now, and a later run tries again.
    Waits {
        /// The week.
        week: Day,
        /// Why.
        reason: String,
    },
    /// Its local report cannot be read, so nothing of it is sent.
    Lost {
        /// The week.
        week: Day,
        /// Why.
        reason: String,
    },
    /// A counter file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Summary {
    pub(super) fn new(consent: Consent) -> Summary {
        Summary { consent, busy: false, events: Vec::new() }
    }

    /// The weeks whose reports were sent.
    pub fn sent(&self) -> impl Iterator<Item = Day> {
        self.events.iter().filter_map(|event| match event {
            Event::Sent { week } => Some(*week),
            _ => None,
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Reported { week, hold: None } => write!(f, "{week}: counted"),
            Event::Reported { week, hold: Some(hold) } => {
                write!(f, "{week}: counted, stays here: {hold}")
            }
            Event::Ready { week, withheld: 0 } => write!(f, "{week}: ready to be sent"),
            Event::Ready { week, withheld } => {
                write!(
                    f,
                    "{week}: ready to be sent, without {withheld} that the config does not ask for"
                )
            }
            Event::Withheld { week, reason } => write!(f, "{week}: stays here: {reason}"),
            Event::Held { week, hold: Some(hold) } => write!(f, "{week}: stays here: {hold}"),
            Event::Held { week, hold: None } => write!(f, "{week}: stays here"),
            Event::Sent { week } => write!(f, "{week}: sent"),
            Event::Refused { week, said } => write!(f, "{week}: refused by the server: {said}"),
            Event::Waits { week, reason } => write!(f, "{week}: waits: {reason}"),
            Event::Lost { week, reason } => write!(f, "{week}: cannot be sent: {reason}"),
            Event::Unreadable { path, reason } => {
                write!(f, "{}: passed over: {reason}", path.display())
            }
        }
    }
}
