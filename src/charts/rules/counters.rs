//! Which chart collects which counter: no counter of a program is collected twice, and `over` names a
//! counter that can divide.

use crate::charts::definition::{Chart, ChartKind};
use crate::charts::diagnostic::Diagnostic;
use crate::charts::found::Found;
use crate::charts::location::Location;
use crate::charts::marginals::Marginals;
use crate::charts::parsed::Parsed;
use crate::charts::program_path::ProgramPath;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

/// The most bytes of the names of all counters of a folder together, groups expanded.
const MAX_NAMES: usize = 64 << 20;

/// The first chart that collects each name of each program.
pub(super) type Owners<'p> = HashMap<&'p ProgramPath, HashMap<String, &'p Chart>>;

/// Whether there are few enough counter names to check each.
pub(super) fn check_size(parsed: &Parsed, found: &mut Found) -> bool {
    let margins = parsed.marginals.iter().flat_map(Marginals::counters);
    let charts = parsed.charts.iter().map(|chart| (&chart.counter.value, &chart.counter.location));
    let counters = charts.chain(margins);
    let mut size = 0_usize;
    for (counter, location) in counters {
        size = size.saturating_add(counter.expanded_len());
        if size > MAX_NAMES {
            let message = format!(
                "with this counter, the names of all counters have more than {MAX_NAMES} bytes, \
                 groups expanded"
            );
            let help = "collect fewer counters, or give them shorter names";
            found.push(parsed.error(location, 0, message).with_help(help));
            return false;
        }
    }
    true
}

/// Finds counters that one program collects twice, and divisors that cannot divide.
pub(super) fn check_names<'p>(parsed: &'p Parsed, found: &mut Found) -> Owners<'p> {
    let mut programs = Owners::new();
    for chart in &parsed.charts {
        // One message for each pair of charts, however many counters they share.
        let mut shared: BTreeMap<&Location, (&Chart, Vec<String>)> = BTreeMap::new();
        let owners = programs.entry(&chart.program.value).or_default();
        for name in chart.counter.names() {
            match owners.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(chart);
                }
                Entry::Occupied(entry) => {
                    let first = *entry.get();
                    let names = shared.entry(&first.location).or_insert((first, Vec::new()));
                    names.1.push(entry.key().clone());
                }
            }
        }
        found
            .extend(shared.into_values().map(|(first, names)| twice(parsed, chart, first, &names)));
    }
    for chart in &parsed.charts {
        let Some(over) = chart.over() else { continue };
        let owner = programs.get(&chart.program.value).and_then(|names| names.get(over.as_str()));
        let (message, help) = match owner {
            Some(owner) if std::ptr::eq(*owner, chart) => (
                format!("the chart divides `{}` by itself", over.value),
                "name another counter to divide by",
            ),
            Some(owner) if matches!(owner.kind, ChartKind::Stack { .. }) => (
                format!("`{}` is a stack counter (see {})", over.value, owner.counter.location),
                "name a plain counter to divide by",
            ),
            _ => continue,
        };
        found.push(parsed.error(&over.location, 0, message).with_help(help));
    }
    programs
}

fn twice(parsed: &Parsed, chart: &Chart, first: &Chart, names: &[String]) -> Diagnostic {
    let name = names.first().map_or("", String::as_str);
    let more = match names.len() {
        0 | 1 => String::new(),
        more => format!(" (and {} more)", more - 1),
    };
    let message = format!(
        "the counter `{name}`{more} of `{}` is collected twice: here and at {}",
        chart.program.value, first.counter.location
    );
    parsed
        .error(&chart.counter.location, chart.counter.offset_of(name), message)
        .with_help("remove it from one of the two charts")
}
