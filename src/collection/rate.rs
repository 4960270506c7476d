//! How many reports are needed, and therefore which share of the population must report.
//!
//! A proportion estimated from n sampled reports is, with probability c, within
//! z(c) / (2 sqrt n) of the truth, where z(c) is the two-sided normal quantile. For an error e
//! this takes n(e, c) = (z(c) / 2e)² reports: 16,588 for 1% at 99%. Of a population of N the
//! rate is then min(1, n / N), as exactly as a 64-bit float can hold.

use super::config::Rate;
use crate::charts::definition::Proportion;
use std::num::NonZeroU64;

/// The number of reports for which a proportion's error is at most `error` with probability
/// `confidence`. At most 2^53, a count no population reaches.
pub fn reports_needed(error: Proportion, confidence: Proportion) -> u64 {
    let z = normal_quantile(f64::midpoint(1.0, confidence.get()));
    let n = (z / (2.0 * error.get())).powi(2).ceil();
    // The cast is exact: the number is whole, and between 0 and 2^53.
    n.clamp(1.0, 9_007_199_254_740_992.0) as u64
}

/// The half-width of the interval of a share that so many reports estimate, at most: the inverse of
/// [`reports_needed`].
pub fn error_of(reports: f64, confidence: Proportion) -> f64 {
    let z = normal_quantile(f64::midpoint(1.0, confidence.get()));
    (z / (2.0 * reports.max(1.0).sqrt())).min(1.0)
}

/// The share of `population` that gives `reports` reports; at most all of it.
pub fn rate(reports: u64, population: NonZeroU64) -> Rate {
    // Exact up to 2^53, which no population reaches.
    let share = reports as f64 / population.get() as f64;
    Rate::new(share.min(1.0)).unwrap_or(Rate::ALL)
}

/// The number below which a standard normal variable falls with probability `p`.
///
/// Wichura's algorithm AS 241 (PPND16; Applied Statistics 37, 1988), accurate to about one part
/// in 10^16.
pub fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(0.180_625 - q * q, &CENTRAL);
    }
    let tail = (-p.min(1.0 - p).ln()).sqrt();
    let magnitude = if tail <= 5.0 { ratio(tail - 1.6, &MIDDLE) } else { ratio(tail - 5.0, &FAR) };
    magnitude.copysign(q)
}

/// Two polynomials' coefficients, highest power first.
type Coefficients = ([f64; 8], [f64; 8]);

fn ratio(x: f64, (numerator, denominator): &Coefficients) -> f64 {
    let polynomial = |coefficients: &[f64; 8]| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    polynomial(numerator) / polynomial(denominator)
}

const CENTRAL: Coefficients = (
    [
        2_509.080_928_730_122_7,
        33_430.575_583_588_13,
        67_265.770_927_008_7,
        45_921.953_931_549_87,
        13_731.693_765_509_46,
        1_971.590_950_306_551_3,
        133.141_667_891_784_38,
        3.387_132_872_796_366_5,
    ],
    [
        5_226.495_278_852_545,
        28_729.085_735_721_943,
        39_307.895_800_092_71,
        21_213.794_301_586_597,
        5_394.196_021_424_751,
        687.187_007_492_057_9,
        42.313_330_701_600_91,
        1.0,
    ],
);
const MIDDLE: Coefficients = (
    [
        7.745_450_142_783_414e-4,
        0.022_723_844_989_269_184,
        0.241_780_725_177_450_6,
        1.270_458_252_452_368_4,
        3.647_848_324_763_204_5,
        5.769_497_221_460_691,
        4.630_337_846_156_546,
        1.423_437_110_749_683_5,
    ],
    [
        1.050_750_071_644_416_9e-9,
        5.475_938_084_995_345e-4,
        0.015_198_666_563_616_457,
        0.148_103_976_427_480_08,
        0.689_767_334_985_1,
        1.676_384_830_183_803_8,
        2.053_191_626_637_759,
        1.0,
    ],
);
const FAR: Coefficients = (
    [
        2.010_334_399_292_288_1e-7,
        2.711_555_568_743_487_6e-5,
        0.001_242_660_947_388_078_4,
        0.026_532_189_526_576_124,
        0.296_560_571_828_504_87,
        1.784_826_539_917_291_3,
        5.463_784_911_164_114,
        6.657_904_643_501_103,
    ],
    [
        2.044_263_103_389_939_8e-15,
        1.421_511_758_316_446e-7,
        1.846_318_317_510_054_8e-5,
        7.868_691_311_456_133e-4,
        0.014_875_361_290_850_615,
        0.136_929_880_922_735_8,
        0.599_832_206_555_888,
        1.0,
    ],
);

#[cfg(test)]
mod tests {
    use super::*;

    fn proportion(value: f64) -> Proportion {
        Proportion::new(value).expect("between 0 and 1")
    }

    #[test]
    fn quantiles_agree_with_published_values() {
        let facts = [
            (0.5, 0.674_489_750_196_081_7),
            (0.8, 1.281_551_565_544_600_8),
            (0.9, 1.644_853_626_951_471_5),
            (0.95, 1.959_963_984_540_053_6),
            (0.99, 2.575_829_303_548_9),
            (0.999, 3.290_526_731_491_925_5),
            (0.9999, 3.890_591_886_413_12),
            (0.999_999_999, 6.109_410_191_663_286),
            (0.01, 0.012_533_469_508_069_278),
            (1e-6, 1.253_314_137_212_722_6e-6),
        ];
        for (confidence, z) in facts {
            let found = normal_quantile(f64::midpoint(1.0, confidence));
            assert!((found - z).abs() < 1e-9, "{confidence}: {found} is not {z}");
        }
        assert!((normal_quantile(0.005) + 2.575_829_303_548_9).abs() < 1e-9);
        assert_eq!(normal_quantile(0.5), 0.0);
    }

    #[test]
    fn the_reports_needed_are_those_of_the_design() {
        let cases = [(0.01, 0.99, 16_588), (0.01, 0.95, 9_604), (0.05, 0.95, 385), (0.5, 0.01, 1)];
        for (error, confidence, reports) in cases {
            assert_eq!(reports_needed(proportion(error), proportion(confidence)), reports);
        }
        assert_eq!(reports_needed(proportion(1e-300), proportion(0.99)), 1 << 53);
    }

    #[test]
    fn a_rate_is_the_share_that_is_needed() {
        let cases = [
            (16_588, 250_000, 0.066352),
            (16_588, 16_588, 1.0),
            (16_588, 1, 1.0),
            (1, 2, 0.5),
            (2, 3, 2.0 / 3.0),
            (9_999, 10_000, 0.9999),
            (0, 10, 0.0),
        ];
        for (reports, population, expected) in cases {
            let population = NonZeroU64::new(population).expect("not zero");
            assert_eq!(rate(reports, population).get(), expected, "{reports} of {population}");
        }
    }
}
