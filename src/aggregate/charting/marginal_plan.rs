//! Which category a report belongs to, for each published margin.
//!
//! A report with several builds of a program is one installation and has one category:
//!
//! - for a property of builds (`goos`, `version`, ...), the first category in the margin's order that
//!   any of its builds has;
//! - for counters, the one with the highest count over all its builds, the first in the margin's order
//!   if several are equal; unknown if none was counted, for example because the report's config does
//!   not collect them or its X is above their rate.

use crate::charts::counter::bucket;
use crate::collection::expand;
use crate::publish::Marginals;

/// One margin.
#[derive(Debug, Clone, PartialEq)]
pub struct MarginPlan {
    /// The marginals that it belongs to: their index in the program's list.
    pub marginals: usize,
    /// The property.
    pub property: Property,
    /// The categories, in the order in which they were written.
    pub categories: Vec<String>,
    /// The published shares, by category.
    pub wanted: Vec<f64>,
    /// For a margin of counters: the counter, by category.
    pub counters: Vec<String>,
}

/// What a margin is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property {
    /// The operating system.
    Goos,
    /// The architecture.
    Goarch,
    /// Both, `linux/amd64`.
    Platform,
    /// The program's version.
    Version,
    /// The toolchain.
    Toolchain,
    /// Counters.
    Counters,
}

/// A build's properties, as reported.
#[derive(Debug, Clone, Copy)]
pub struct Properties<'a> {
    /// The program's version.
    pub version: &'a str,
    /// The toolchain.
    pub toolchain: &'a str,
    /// The operating system.
    pub goos: &'a str,
    /// The architecture.
    pub goarch: &'a str,
}

/// All margins of these marginals, one after the other.
pub fn plan_margins(marginals: &[Marginals]) -> Vec<MarginPlan> {
    let margins = marginals.iter().enumerate().flat_map(|(number, marginals)| {
        marginals.margins.iter().map(move |margin| {
            let property = match margin.of.as_str() {
                "goos" => Property::Goos,
                "goarch" => Property::Goarch,
                "platform" => Property::Platform,
                "version" => Property::Version,
                "toolchain" => Property::Toolchain,
                _ => Property::Counters,
            };
            let categories: Vec<String> =
                margin.shares.iter().map(|(category, _)| category.clone()).collect();
            let counter = |category: &String| {
                // Checked definitions only name existing buckets.
                let counter = expand(&margin.of).find(|name| bucket(&margin.of, name) == category);
                counter.unwrap_or_default()
            };
            MarginPlan {
                marginals: number,
                property,
                wanted: margin.shares.iter().map(|(_, share)| *share).collect(),
                counters: match property {
                    Property::Counters => categories.iter().map(counter).collect(),
                    _ => Vec::new(),
                },
                categories,
            }
        })
    });
    margins.collect()
}

impl MarginPlan {
    /// The category of a build; `None` also for a margin of counters.
    pub fn category(&self, build: &Properties<'_>) -> Option<usize> {
        let place = |value: &str| self.categories.iter().position(|category| category == value);
        match self.property {
            Property::Goos => place(build.goos),
            Property::Goarch => place(build.goarch),
            Property::Platform => self
                .categories
                .iter()
                .position(|category| category.split_once('/') == Some((build.goos, build.goarch))),
            Property::Version => place(build.version),
            Property::Toolchain => place(build.toolchain),
            Property::Counters => None,
        }
    }
}
