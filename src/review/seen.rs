//! How many of a program's installations have the versions that a chart counts.
//!
//! A chart with a `version` counts that one and later ones. The definitions say how many installations report,
//! and not which versions they have; a deployment's charts do.

use crate::charts::Definitions;
use crate::charts::definition::Chart;
use crate::charts::program_path::ProgramPath;
use crate::charts::version::Version;
use crate::collection::reporting_versions;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// The versions that a program was seen with in a week, as its public charts say.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenVersions {
    /// The last day of the week.
    pub week: Date,
    /// About how many installations had each version.
    pub installations: Vec<(String, f64)>,
}

/// The versions of each program, by its path.
pub type SeenPrograms = BTreeMap<String, SeenVersions>;

impl SeenVersions {
    /// The share of the installations with this version or a later one; `None` if there were none at all.
    pub fn share_since(&self, program: &ProgramPath, first: &Version) -> Option<f64> {
        let is_counted = |version: &str| {
            program.parse_version(version).is_some_and(|version| version.at_least(first))
        };
        let all: f64 = self.installations.iter().map(|(_, number)| number).sum();
        let counted = self.installations.iter().filter(|(version, _)| is_counted(version));
        let counted: f64 = counted.map(|(_, number)| number).sum();
        (all > 0.0).then(|| (counted / all).clamp(0.0, 1.0))
    }
}

/// The version from which a chart counts, if an earlier one may report, too.
pub fn counts_since<'c>(chart: &'c Chart, definitions: &Definitions) -> Option<&'c Version> {
    let first = chart.version.as_deref()?;
    let mut programs = definitions.programs.iter();
    let program = programs.find(|program| program.program.value == chart.program.value)?;
    let mut reporting = reporting_versions(definitions, program).into_iter();
    reporting.any(|version| !version.at_least(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_share_is_that_of_a_version_and_later_ones() {
        let program = ProgramPath::parse("example.org/p").expect("a path");
        let version = |text| program.parse_version(text).expect("a version");
        let seen = |installations: &[(&str, f64)]| SeenVersions {
            week: date(2026, 11, 15),
            installations: installations.iter().map(|(v, n)| ((*v).to_owned(), *n)).collect(),
        };
        let some = seen(&[("v1.0.0", 70.0), ("v1.10.0", 20.0), ("v2.0.0", 5.0), ("devel", 5.0)]);
        for (first, share) in [("v1.0.0", 1.0), ("v1.9.0", 0.3), ("v2.0.0", 0.1), ("v3.0.0", 0.05)]
        {
            let found = some.share_since(&program, &version(first)).expect("a share");
            assert!((found - share).abs() < 1e-9, "{first}: {found}");
        }
        // What is no version of the program is not counted, and is there all the same.
        let odd = seen(&[("v1.0.0", 1.0), ("other", 1.0)]);
        assert_eq!(odd.share_since(&program, &version("v1.0.0")), Some(0.5));
        assert_eq!(seen(&[]).share_since(&program, &version("v1.0.0")), None);
    }
}
