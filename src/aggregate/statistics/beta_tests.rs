use super::*;
use proptest::prelude::*;

/// The probability of `k` or more hits in `n` tries, summed term by term.
fn at_least(n: u32, k: u32, p: f64) -> f64 {
    let mut ln_choose = 0.0;
    let mut sum = 0.0;
    for hits in 0..=n {
        if hits > 0 {
            ln_choose += f64::from(n - hits + 1).ln() - f64::from(hits).ln();
        }
        if hits >= k {
            let (hits, misses) = (f64::from(hits), f64::from(n - hits));
            sum += (ln_choose + hits * p.ln() + misses * (-p).ln_1p()).exp();
        }
    }
    sum
}

fn close(found: f64, expected: f64, relative: f64) -> bool {
    (found - expected).abs() <= relative * expected.abs()
}

/// a, b, p, and the values that Beta(a, b) stays under and exceeds with probability p: solved with
/// mpmath 1.4.1 at 34 digits, the distribution function by its hypergeometric series (a + b < 300)
/// or by quadrature of the density.
const QUANTILES: [(f64, f64, f64, f64, f64); 14] = [
    (1.0, 1.0, 0.005, 0.005, 0.995),
    (0.5, 0.5, 0.025, 0.001_541_333_133_436_012, 0.998_458_666_866_564),
    (0.5, 1000.0, 0.005, 1.964_012_033_360_721e-8, 0.003_932_949_632_792_709),
    (1.0, 16_588.0, 0.005, 3.021_787_476_611_067e-7, 0.000_319_355_636_469_317),
    (2.0, 9.0, 0.025, 0.025_210_726_326_833_37, 0.445_016_117_028_195_4),
    (3.7, 41.2, 0.001, 0.008_162_815_406_583_611, 0.255_222_599_961_128_3),
    (8294.0, 8295.0, 0.005, 0.489_971_245_534_286_2, 0.509_968_487_206_629_9),
    (16.0, 16_573.0, 0.005, 0.000_456_276_349_850_780_7, 0.001_697_183_668_399_958_8),
    (16_573.0, 16.0, 0.005, 0.998_302_816_331_6, 0.999_543_723_650_149_2),
    (1e3, 1e6, 0.25, 0.000_977_526_443_210_800_8, 0.001_020_113_297_411_656_3),
    (1e6, 1e6, 0.005, 0.499_089_307_457_598_3, 0.500_910_692_542_401_7),
    (5e8, 5e8, 0.005, 0.499_959_272_562_742_25, 0.500_040_727_437_257_7),
    (12.0, 1e9, 0.005, 4.943_116_711_716_39e-9, 2.277_925_558_353_214e-8),
    (1e6, 12.5, 1e-9, 0.999_953_609_369_201_7, 0.999_998_864_843_730_1),
];

#[test]
fn quantiles_agree_with_independent_values() {
    for (a, b, p, low, high) in QUANTILES {
        let (lower, upper) = (lower_quantile(a, b, p), upper_quantile(a, b, p));
        assert!(close(lower, low, 1e-12), "Beta({a}, {b}) below {p}: {lower} is not {low}");
        assert!(close(upper, high, 1e-12), "Beta({a}, {b}) above {p}: {upper} is not {high}");
        // So it is where the complement is what is small.
        let mirrored = 1.0 - upper_quantile(b, a, p);
        assert!((mirrored - low).abs() < 1e-15, "{mirrored} is not {low}");
    }
}

#[test]
fn the_distribution_function_agrees_with_independent_values() {
    // mpmath 1.4.1, betainc at 34 digits.
    let facts = [
        (2.0, 3.0, 0.4, 0.5248),
        (0.5, 0.5, 0.1, 0.204_832_764_699_133_45),
        (30.0, 70.0, 0.35, 0.861_575_475_866_109_2),
        (1000.0, 1000.0, 0.55, 0.999_996_316_801_131),
        (0.2, 5.0, 0.9, 0.999_999_365_903_388_3),
    ];
    for (a, b, x, expected) in facts {
        let found = cumulative(a, b, x);
        assert!(close(found, expected, 1e-13), "Beta({a}, {b}) at {x}: {found} is not {expected}");
    }
    assert_eq!(cumulative(2.0, 3.0, 0.0), 0.0);
    assert_eq!(cumulative(2.0, 3.0, 1.0), 1.0);
    assert!(cumulative(0.0, 3.0, 0.5).is_nan());
    assert!(cumulative(2.0, 3.0, f64::NAN).is_nan());
}

proptest! {
    #[test]
    fn the_distribution_function_is_the_sum_of_binomial_tails(
        (n, k) in (1_u32..=200).prop_flat_map(|n| (Just(n), 1..=n)),
        p in 0.001..0.999,
    ) {
        let found = cumulative(f64::from(k), f64::from(n - k + 1), p);
        let expected = at_least(n, k, p);
        // Numbers of less than about 1e-307 have fewer digits.
        let enough = close(found, expected, 1e-11) || found.max(expected) < 1e-300;
        prop_assert!(enough, "{found} is not {expected}");
    }

    #[test]
    fn a_quantile_is_where_the_distribution_function_is_that(
        a in (-3.0..9.0).prop_map(|power: f64| 10_f64.powf(power)),
        b in (-3.0..9.0).prop_map(|power: f64| 10_f64.powf(power)),
        p in 1e-6..0.5,
    ) {
        let quantile = lower_quantile(a, b, p);
        prop_assert!((0.0..=1.0).contains(&quantile));
        // Where neither it nor its complement is too small to be told from 0, and where a last
        // digit of it is not worth more than what is asked for.
        if (1e-300..0.999).contains(&quantile) {
            let found = cumulative(a, b, quantile);
            prop_assert!(close(found, p, 1e-7), "Beta({a}, {b}): {found} is not {p}");
        }
        prop_assert!(upper_quantile(a, b, p) >= quantile);
    }
}
