//! Checks that a public row says no more than figures need: it has no LastWeek, its X is one of its config's
//! rates, it is in the canonical form of reports, and its position only depends on its contents.

use super::fetch::FetchError;
use super::versions::Versions;
use crate::collection::frame::TOO_FEW;
use crate::gomod::ModuleVersion;
use crate::ingest::Report;
use jiff::civil::Date;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// How many rows of a day are remembered by their hashes: the first ones, sorted by hash.
pub(super) const REMEMBERED: usize = 4096;

/// The rates in force under configs.
#[derive(Default)]
pub(super) struct Rates(HashMap<ModuleVersion, Result<Vec<f64>, FetchError>>);

impl Rates {
    fn of(
        &mut self,
        version: ModuleVersion,
        versions: &mut Versions<'_>,
    ) -> Result<&[f64], FetchError> {
        let rates = self.0.entry(version).or_insert_with(|| {
            let config = versions.config(version)?;
            Ok(config.rates().map(crate::collection::config::Rate::get).collect())
        });
        rates.as_deref().map_err(|trouble| trouble.clone())
    }
}

/// Checks the rows of one file, in order.
#[derive(Debug, Default)]
pub(super) struct RowForms {
    last: Option<(Date, [u8; 32])>,
    /// Hashes of the first rows whose stacks are all shown.
    pub(super) first: Vec<u64>,
}

impl RowForms {
    /// What is wrong with the next row, without its line feed.
    pub(super) fn next(
        &mut self,
        line: &[u8],
        report: &Report<'_>,
        (rates, versions): (&mut Rates, &mut Versions<'_>),
    ) -> Result<Result<(), String>, FetchError> {
        let rates = rates.of(report.config, versions)?;
        Ok(self.check(line, report, rates))
    }

    fn check(&mut self, line: &[u8], report: &Report<'_>, rates: &[f64]) -> Result<(), String> {
        let hash: [u8; 32] = Sha256::digest(line).into();
        let position = (report.week.civil(), hash);
        let in_order = self.last.is_none_or(|last| last <= position);
        self.last = Some(position);
        if self.first.len() < REMEMBERED && !has_hidden_stack(report) {
            let [a, b, c, d, e, f, g, h, ..] = hash;
            self.first.push(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
        }
        if report.encode_public(report.x) != line {
            return Err("it is not in the form of public rows, which have no LastWeek".to_owned());
        }
        // X was replaced by a rate, so the numbers are identical.
        if !rates.iter().any(|rate| rate.to_bits() == report.x.get().to_bits()) {
            return Err(format!("its X, {}, is not one of its config's rates", report.x.get()));
        }
        if !in_order {
            return Err("rows are not in the order of their hashes".to_owned());
        }
        Ok(())
    }
}

/// Whether the report has a hidden stack, which a later edition may show.
fn has_hidden_stack(report: &Report<'_>) -> bool {
    let stacks = report.programs.iter().flat_map(|program| program.stacks.iter());
    stacks.into_iter().any(|(name, _)| name.split_once('\n').is_some_and(|(_, all)| all == TOO_FEW))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(verb: &str, x: f64) -> String {
        format!(
            "{{\"Week\":\"2026-02-08\",\"X\":{x},\"Programs\":[{{\"Program\":\"a.b/c\",\"Version\":\
             \"v1.0.0\",\"GoVersion\":\"go1.26.8\",\"GOOS\":\"linux\",\"GOARCH\":\"amd64\",\
             \"Counters\":{{\"{verb}\":1}},\"Stacks\":{{}}}}],\"Config\":\"v0.1.0\"}}"
        )
    }

    /// Checks lines, one after the other.
    fn said(lines: &[String]) -> Vec<Result<(), String>> {
        let mut forms = RowForms::default();
        let one = |line: &String| {
            let report = Report::decode(line.as_bytes()).expect("a report");
            forms.check(line.as_bytes(), &report, &[0.1, 0.5])
        };
        lines.iter().map(one).collect()
    }

    fn sorted(mut lines: Vec<String>) -> Vec<String> {
        lines.sort_by_key(|line| Sha256::digest(line).to_vec());
        lines
    }

    #[test]
    fn rows_in_form_and_order_are_right_and_equal_ones_count_twice() {
        let lines = sorted(vec![line("a", 0.1), line("a", 0.1), line("b", 0.5), line("c", 0.5)]);
        assert!(said(&lines).iter().all(Result::is_ok), "{:?}", said(&lines));
        let mut backwards = lines;
        backwards.reverse();
        assert!(said(&backwards)[3].as_ref().is_err_and(|e| e.contains("order of their hashes")));
    }

    #[test]
    fn an_exact_x_and_a_last_week_are_found() {
        let exact = said(&[line("a", 0.0999)]);
        assert!(exact[0].as_ref().is_err_and(|e| e.contains("one of its config's rates")));
        for last_week in ["", "2026-02-01"] {
            let chained =
                line("a", 0.1).replace("\"X\"", &format!("\"LastWeek\":\"{last_week}\",\"X\""));
            assert!(said(&[chained])[0].as_ref().is_err_and(|e| e.contains("no LastWeek")));
        }
    }
}
