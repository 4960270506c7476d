//! What happened in a run.

use super::rules::Hold;
use crate::client::mode::Consent;
use crate::day::Day;
use std::fmt;
use std::path::PathBuf;

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What the user allows.
    pub consent: Consent,
    /// Whether another process was making reports, so that nothing was done.
    pub busy: bool,
    /// What happened, in order.
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
        /// Why nothing of it will be sent, if nothing will.
        hold: Option<Hold>,
    },
    /// A report is ready to be sent.
    Ready {
        /// The week.
        week: Day,
        /// How many counters and builds are left out.
        withheld: usize,
    },
    /// By the config, nothing of it will be sent.
    Withheld {
        /// The week.
        week: Day,
        /// Why.
        reason: String,
    },
    /// By the user's choice or its age, nothing of it is sent.
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
    /// The server refused it for good.
    Refused {
        /// The week.
        week: Day,
        /// The server's answer.
        answer: String,
    },
    /// It could not be sent now; a later run tries again.
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
                write!(f, "{week}: counted, and not sent: {hold}")
            }
            Event::Ready { week, withheld: 0 } => write!(f, "{week}: ready to be sent"),
            Event::Ready { week, withheld } => {
                write!(
                    f,
                    "{week}: ready to be sent, without {withheld} that the config does not allow"
                )
            }
            Event::Withheld { week, reason } => write!(f, "{week}: not sent: {reason}"),
            Event::Held { week, hold: Some(hold) } => write!(f, "{week}: not sent: {hold}"),
            Event::Held { week, hold: None } => write!(f, "{week}: not sent"),
            Event::Sent { week } => write!(f, "{week}: sent"),
            Event::Refused { week, answer } => write!(f, "{week}: refused by the server: {answer}"),
            Event::Waits { week, reason } => write!(f, "{week}: waits: {reason}"),
            Event::Lost { week, reason } => write!(f, "{week}: cannot be sent: {reason}"),
            Event::Unreadable { path, reason } => {
                write!(f, "{}: skipped: {reason}", path.display())
            }
        }
    }
}
