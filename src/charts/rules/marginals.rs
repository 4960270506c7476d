//! What marginals may say of the other definitions.

use super::counters::Owners;
use crate::charts::counter::CounterExpression;
use crate::charts::definition::ChartKind;
use crate::charts::diagnostic::{Diagnostic, Severity};
use crate::charts::found::Found;
use crate::charts::location::At;
use crate::charts::marginals::{Margin, Marginals, Property};
use crate::charts::parsed::Parsed;
use crate::charts::program_path::ProgramPath;
use std::collections::{HashMap, HashSet};

/// Adds to `found` every broken rule between marginals and the other definitions:
///
/// - no two files have the same name, and the program has a file in `programs/`;
/// - the counters of a margin belong to one partition, histogram or time series of the program;
/// - a category that no report can be in is a warning: a survey may cover more than is collected.
pub(super) fn check(parsed: &Parsed, owners: &Owners, found: &mut Found) {
    let reporting = Reporting::of(parsed);
    let mut first: HashMap<&str, &Marginals> = HashMap::new();
    for marginals in &parsed.marginals {
        let mut report = |severity, at: &_, message: String, help: &str| {
            let diagnostic = match parsed.texts.get(&marginals.title.location.file) {
                Some(text) => text.diagnostic_at(severity, at, message),
                None => Diagnostic::at(severity, at, message),
            };
            found.push(diagnostic.with_help(help));
        };
        if let Some(other) = first.insert(&marginals.id, marginals) {
            let message = format!("{} has the same name", other.title.location.file);
            report(Severity::Error, &marginals.title.location, message, "rename one of the files");
        }
        let program = &marginals.program;
        let listed = parsed.programs.iter().any(|p| p.program.value == program.value);
        if !listed && parsed.programs_complete {
            let message = format!("there is no file for the program `{}`", program.value);
            let help = "add one to programs/, or correct the name";
            report(Severity::Error, &program.location, message, help);
        }
        for margin in &marginals.margins {
            match &margin.of.value {
                Property::Counter(expression) => {
                    if !is_collected(owners, &program.value, expression) {
                        let message = format!(
                            "no chart of `{}` counts `{}`",
                            **program,
                            expression.shortened()
                        );
                        let help = "name counters of one of its partitions, histograms or time \
                                    series";
                        report(Severity::Error, &margin.of.location, message, help);
                    }
                }
                of => {
                    for category in reporting.unreported(of, margin) {
                        let message = format!("no report can come from `{}`", category.value);
                        let help = "its share is given to the other categories; list it in \
                                    collection.toml, or correct the name";
                        report(Severity::Warning, &category.location, message, help);
                    }
                }
            }
        }
    }
}

/// Whether one chart of the program has all these counters. A chart with mistakes is not found here, but
/// then its own mistakes are reported, too.
fn is_collected(owners: &Owners, program: &ProgramPath, expression: &CounterExpression) -> bool {
    let owners = owners.get(program);
    let mut charts = expression.names().map(|name| owners?.get(&name).copied());
    let counts = |kind: &ChartKind| {
        matches!(kind, ChartKind::Partition | ChartKind::Histogram | ChartKind::Timeseries)
    };
    let Some(Some(first)) = charts.next() else { return false };
    counts(&first.kind) && charts.all(|chart| chart.is_some_and(|one| std::ptr::eq(one, first)))
}

/// The platforms and toolchains that reports may come from.
struct Reporting<'p>(Option<[HashSet<&'p str>; 3]>);

impl<'p> Reporting<'p> {
    fn of(parsed: &'p Parsed) -> Reporting<'p> {
        let set =
            |list: &'p [At<String>]| list.iter().map(|listed| listed.value.as_str()).collect();
        Reporting(
            parsed
                .collection
                .as_ref()
                .map(|one| [set(&one.goos), set(&one.goarch), set(&one.toolchains)]),
        )
    }

    /// The categories that are not among them.
    fn unreported<'m>(&self, of: &Property, margin: &'m Margin) -> Vec<&'m At<String>> {
        let Some([goos, goarch, toolchains]) = &self.0 else { return Vec::new() };
        let listed = |name: &str| match of {
            Property::Goos => goos.contains(name),
            Property::Goarch => goarch.contains(name),
            Property::Platform => name.split_once('/').is_some_and(|(os, architecture)| {
                goos.contains(os) && goarch.contains(architecture)
            }),
            Property::Toolchain => toolchains.contains(name),
            Property::Version | Property::Counter(_) => true,
        };
        margin.shares.iter().map(|(category, _)| category).filter(|c| !listed(&c.value)).collect()
    }
}
