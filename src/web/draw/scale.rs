//! Axes from zero to a round number, with ticks at round steps (1, 2, 5, 10, ...).

/// An axis that starts at zero.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    step: f64,
    steps: u32,
}

impl Scale {
    /// An axis that reaches `largest`, with about `wanted` steps.
    pub(super) fn to(largest: f64, wanted: u32) -> Scale {
        // Other values cannot be measurements, but still need an axis.
        let largest = if (1e-9..1e18).contains(&largest) { largest } else { 1.0 };
        let rough = largest / f64::from(wanted.max(1));
        let power = 10f64.powi(rough.log10().floor() as i32);
        let step = [1.0, 2.0, 5.0].into_iter().map(|unit| unit * power).find(|step| *step >= rough);
        let step = step.unwrap_or(power * 10.0);
        // A value that equals the last tick up to rounding needs no further tick.
        let steps = (largest / step - 1e-9).ceil().max(1.0) as u32;
        Scale { step, steps }
    }

    /// The same for shares: never beyond 1.
    pub(super) fn of_shares(largest: f64, wanted: u32) -> Scale {
        match largest {
            _ if largest <= 0.0 => Scale::to(0.05, wanted),
            _ => Scale::to(largest.min(1.0), wanted),
        }
    }

    /// The end of the axis.
    pub(super) fn end(&self) -> f64 {
        self.at(self.steps)
    }

    /// The ticks, including zero and the end.
    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> + '_ {
        (0..=self.steps).map(|tick| self.at(tick))
    }

    fn at(&self, tick: u32) -> f64 {
        self.step * f64::from(tick)
    }

    /// A tick's label as a percentage, with the decimals that the step needs.
    pub(super) fn percent(&self, tick: f64) -> String {
        let decimals = (-(self.step * 100.0 + 1e-12).log10().floor()).clamp(0.0, 6.0) as usize;
        format!("{:.decimals$}%", tick * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(largest: f64, wanted: u32) -> String {
        let scale = Scale::of_shares(largest, wanted);
        scale.ticks().map(|tick| scale.percent(tick)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ticks_are_round_numbers() {
        for (largest, wanted, ticks) in [
            (1.0, 5, "0% 20% 40% 60% 80% 100%"),
            (0.43, 5, "0% 10% 20% 30% 40% 50%"),
            (0.61, 4, "0% 20% 40% 60% 80%"),
            (0.03, 3, "0% 1% 2% 3%"),
            (0.0042, 4, "0.0% 0.2% 0.4% 0.6%"),
            (0.0, 5, "0% 1% 2% 3% 4% 5%"),
        ] {
            assert_eq!(labels(largest, wanted), ticks, "{largest}");
        }
    }

    #[test]
    fn every_number_has_an_axis() {
        for largest in [1e-300, 1e-7, 0.3, 1.0, 7.0, 123_456.0, 1e17, f64::MAX, f64::INFINITY] {
            let scale = Scale::to(largest, 5);
            assert!(scale.ticks().count() < 12, "{largest}");
            if (1e-9..1e18).contains(&largest) {
                assert!(scale.end() >= largest * (1.0 - 1e-6), "{largest}");
            }
        }
    }
}
