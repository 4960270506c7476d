//! Published marginals: shares of a whole population, to which samples can be weighted.
//!
//! ```toml
//! # marginals/survey-2026.toml
//! title   = "Developer survey 2026"
//! source  = ["https://example.org/survey-2026"]
//! program = "golang.org/x/tools/gopls"
//! trim    = 5.0                     # no weight above 5 times the average; 5 where it is not given
//!
//! [[margin]]
//! of     = "goos"                   # goos | goarch | platform | version | toolchain
//! shares = { linux = 0.45, darwin = 0.3, windows = 0.25 }
//!
//! [[margin]]
//! of     = "gopls/client:{vscode,vim,other}"    # buckets that a chart of the program collects
//! shares = { vscode = 0.6, vim = 0.2, other = 0.2 }
//! ```
//!
//! Marginals say how reports are weighted, never what is collected: the config does not depend on them.
//! `aggregate` decides which category a report is in, and computes the weights.

use super::counter::CounterExpression;
use super::location::{At, Location};
use super::program_path::ProgramPath;
use std::fmt;

/// A file of `marginals/`.
#[derive(Debug, Clone, PartialEq)]
pub struct Marginals {
    /// The file's name without folder and extension; unique among the files of marginals.
    pub id: String,
    /// Their heading, for people.
    pub title: At<String>,
    /// Where they were published; at least one link.
    pub source: Vec<At<String>>,
    /// The program whose users they describe.
    pub program: At<ProgramPath>,
    /// The largest weight allowed, as a multiple of the average; over 1.
    pub trim: f64,
    /// The margins: at least one, each of another property.
    pub margins: Vec<Margin>,
}

/// The distribution of one property in the population.
#[derive(Debug, Clone, PartialEq)]
pub struct Margin {
    /// The property.
    pub of: At<Property>,
    /// Its categories with their shares, in the order of the file; each over 0, adding up to 1.
    pub shares: Vec<(At<String>, f64)>,
}

/// What a margin is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Property {
    /// The operating system, by Go's names.
    Goos,
    /// The architecture, by Go's names.
    Goarch,
    /// Both: `linux/amd64`.
    Platform,
    /// The program's version.
    Version,
    /// The toolchain that built the program.
    Toolchain,
    /// Which of these counters counted most.
    Counter(CounterExpression),
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Property::Goos => "goos",
            Property::Goarch => "goarch",
            Property::Platform => "platform",
            Property::Version => "version",
            Property::Toolchain => "toolchain",
            Property::Counter(expression) => expression.as_str(),
        })
    }
}

impl Marginals {
    /// The counter expressions among the properties, and where they were written.
    pub(super) fn counters(&self) -> impl Iterator<Item = (&CounterExpression, &Location)> {
        self.margins.iter().filter_map(|margin| match &margin.of.value {
            Property::Counter(expression) => Some((expression, &margin.of.location)),
            _ => None,
        })
    }
}
