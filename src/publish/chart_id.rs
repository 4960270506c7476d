//! The IDs of charts in URLs: made from their counters, unique within a program.
//!
//! A chart's ID is the part before the `:` of its counter, in lower case, with `-` for anything that is
//! neither a letter nor a digit: `gopls/client:{vim,emacs}` is `gopls-client`. A second chart with that
//! ID is `gopls-client-2`. So correcting a title breaks no link; a renamed counter counts something else.

use crate::charts::counter::chart_of;
use std::collections::HashSet;

/// IDs that no chart gets: those of the charts drawn for every program, and of the file of all charts.
pub const RESERVED: [&str; 4] = ["program-versions", "platforms", "toolchains", "charts"];

/// Assigns IDs to the charts of one program.
#[derive(Debug)]
pub struct ChartIds {
    taken: HashSet<String>,
}

impl Default for ChartIds {
    fn default() -> ChartIds {
        ChartIds { taken: RESERVED.map(str::to_owned).into() }
    }
}

impl ChartIds {
    /// Reserves an ID.
    pub fn take(&mut self, id: &str) {
        self.taken.insert(id.to_owned());
    }

    /// The ID of the next chart, which has this counter expression.
    pub fn name(&mut self, counter: &str) -> String {
        let chart = chart_of(counter).to_ascii_lowercase();
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let plain: String = chart.chars().map(plain).collect();
        let plain = match plain.trim_matches('-') {
            "" => "chart",
            trimmed => trimmed,
        };
        let mut id = plain.to_owned();
        let mut number = 1_u64;
        while !self.taken.insert(id.clone()) {
            number += 1;
            id = format!("{plain}-{number}");
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_named_after_its_counter_and_no_two_alike() {
        let mut ids = ChartIds::default();
        let cases = [
            ("gopls/client:{vim,emacs}", "gopls-client"),
            ("gopls/client:helix", "gopls-client-2"),
            ("GOPLS.client", "gopls-client-3"),
            ("a-2", "a-2"),
            ("a", "a"),
            ("A:b", "a-3"),
            ("toolchains:{x}", "toolchains-2"),
            ("<\"é,\">:{x}", "chart"),
        ];
        for (counter, id) in cases {
            assert_eq!(ids.name(counter), id, "{counter}");
        }
    }
}
