//! The distribution of a ratio's quotients over reports.
//!
//! A report's quotient is its dividend divided by its divisor, both summed over its builds; without the
//! dividend it is 0, and without the divisor there is none. Tallies keep the positive quotients; how
//! many are zero follows from the base.

use super::parts::Part;
use super::tally::{ProgramTally, Quotient};
use super::weighted::{Collected, Sample};
use crate::aggregate::figure::Distribution;
use crate::aggregate::statistics::quantile::quantiles;
use std::collections::HashMap;

/// The shares at which quantiles are given.
const AT: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// Positive quotients by row of a ratio, part and config.
#[derive(Debug, Default)]
pub struct Quotients(Vec<HashMap<(u32, u32), Vec<f64>>>);

impl Quotients {
    /// The quotients of some rows, in the parts that are `wanted`.
    pub fn of(
        tally: &ProgramTally,
        rows: std::ops::Range<usize>,
        parts: &[Part],
        wanted: impl Fn(u32, &Part) -> bool,
    ) -> Quotients {
        let wanted: Vec<bool> =
            (0..).zip(parts).map(|(number, part)| wanted(number, part)).collect();
        let by_part = |quotients: &Vec<Quotient>| {
            let mut found: HashMap<(u32, u32), Vec<f64>> = HashMap::new();
            for quotient in quotients {
                for part in quotient.parts {
                    if wanted.get(part as usize) == Some(&true) {
                        found.entry((part, quotient.config)).or_default().push(quotient.value);
                    }
                }
            }
            found
        };
        let rows = rows.map(|row| tally.quotients.get(row).map(by_part).unwrap_or_default());
        Quotients(rows.collect())
    }

    /// The distribution of a row's quotients over the reports of a sample whose base is counted at
    /// `base`; `None` if there are none.
    pub fn distribution(
        &self,
        row: usize,
        sample: &Sample<'_>,
        base: usize,
        collected: Collected<'_>,
        confidence: f64,
    ) -> Option<Distribution> {
        let found = self.0.get(row)?;
        let mut values: Vec<(f64, f64)> = Vec::new();
        for member in sample.members(collected) {
            let over_zero = found.get(&(member.part, member.config)).map_or(&[][..], Vec::as_slice);
            values.extend(over_zero.iter().map(|value| (*value, member.weight)));
            let reports = usize::try_from(sample.count(member, base)).unwrap_or(usize::MAX);
            let zeros = reports.saturating_sub(over_zero.len());
            values.extend(std::iter::repeat_n((0.0, member.weight), zeros));
        }
        let quantiles = quantiles(&mut values, &AT, confidence);
        (!quantiles.is_empty()).then_some(Distribution { quantiles })
    }
}
