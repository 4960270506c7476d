//! Estimates miss the truth no more often than they promise.
//!
//! Every test simulates weeks of reports from a population in which the truth is known, counts the
//! weeks whose estimate misses it, and compares that with what the stated confidence allows: if the
//! true probability of a miss were just 1%, more misses than [`allowed`] would come with a
//! probability of at most [`binomial::LEVEL`]. Seeds are fixed, so a test that passes once passes
//! always. The last tests show that intervals which promise too much do not pass.

#![cfg(feature = "server")]

use candor::aggregate::figure::Interval;
use candor::aggregate::statistics::interval::share;
use candor::aggregate::statistics::quantile::quantiles;
use candor::aggregate::statistics::raking::{Cell, Options, Target, rake};
use candor::aggregate::statistics::sample::Weights;
use candor::charts::definition::Proportion;
use candor::collection::{rate, reports_needed};
use std::num::NonZeroU64;

mod binomial;
mod rates;

use binomial::{Binomial, Random};

const WEEKS: u32 = 2000;
const CONFIDENCE: f64 = 0.99;
const SHARES: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 0.9, 0.99, 0.999];

#[test]
fn shares_of_one_half_miss_by_more_than_the_design_allows_no_more_often_than_it_says() {
    let proportion = |value| Proportion::new(value).expect("a proportion");
    let reports = reports_needed(proportion(0.01), proportion(CONFIDENCE));
    assert_eq!(reports, 16_588);
    let (mut random, halves) = (Random(1), Binomial::new(reports, 0.5));
    let missed = (0..WEEKS).filter(|_| {
        let hits = halves.draw(&mut random);
        let found = share(&equal(hits), &equal(reports), CONFIDENCE);
        (found.value - 0.5).abs() > 0.01
    });
    let missed = missed.count();
    println!("{missed} of {WEEKS} estimates were off by more than 1%, {} are allowed", allowed());
    assert!(missed <= allowed());
}

#[test]
fn intervals_of_equal_weights_cover_the_truth() {
    for (seed, p) in (10..).zip(SHARES) {
        for reports in [30, 16_588] {
            let hits = Binomial::new(reports, p);
            let week = |random: &mut Random| (equal(hits.draw(random)), equal(reports));
            assert!(covers(&format!("equal weights, {reports} reports"), p, seed, week, share));
        }
    }
}

/// Installations under one config, of which each reports with the probability `rate`.
#[derive(Clone, Copy)]
struct Stratum {
    installations: u64,
    rate: f64,
    /// The share that is estimated.
    share: f64,
}

/// What the sampling of a design for 250,000 installations gives.
fn design_rate() -> f64 {
    let proportion = |value| Proportion::new(value).expect("a proportion");
    let reports = reports_needed(proportion(0.01), proportion(CONFIDENCE));
    rate(reports, NonZeroU64::new(250_000).expect("not zero")).get()
}

/// The same at one, two or three rates: (installations, rate) with the design's rate for 0.
fn strata(of: &[(u64, f64)], shares: impl Fn(usize) -> f64) -> Vec<Stratum> {
    let rate = |rate: f64| if rate == 0.0 { design_rate() } else { rate };
    let stratum = |(place, &(installations, of)): (usize, &(u64, f64))| Stratum {
        installations,
        rate: rate(of),
        share: shares(place),
    };
    of.iter().enumerate().map(stratum).collect()
}

#[test]
fn intervals_of_several_rates_cover_the_truth() {
    for (seed, p) in (30..).zip(SHARES) {
        for (name, of) in [
            ("two rates", &[(200_000, 0.0), (50_000, 1.0)][..]),
            ("three rates", &[(150_000, 0.0), (20_000, 0.5), (5_000, 1.0)]),
            ("three rates, few reports", &[(300, 0.0), (100, 0.3), (30, 1.0)]),
        ] {
            assert!(population_is_covered(name, seed, &strata(of, |_| p), share));
        }
    }
}

#[test]
fn intervals_cover_the_truth_where_weights_and_outcome_go_together() {
    for (seed, p) in (50..).zip(SHARES) {
        for (name, of, shares) in [
            // Those with the newer config do it more often, or less.
            ("the heavy do it more", [(150_000, 0.0), (50_000, 1.0)], [p, p / 3.0]),
            ("the light do it more", [(150_000, 0.0), (50_000, 1.0)], [p / 3.0, p]),
            ("only few heavy do it", [(3_000, 0.0), (10_000, 1.0)], [p, 0.0]),
            ("all but few heavy do it", [(3_000, 0.0), (10_000, 1.0)], [1.0 - p, 1.0]),
            ("only the light do it", [(100_000, 0.0), (10_000, 0.5)], [0.0, p]),
            ("very heavy, few", [(500, 0.01), (20_000, 1.0)], [p, p / 10.0]),
        ] {
            let strata = strata(&of, |place| shares[place]);
            assert!(population_is_covered(name, seed, &strata, share));
        }
    }
}

#[test]
fn intervals_of_raked_weights_cover_the_truth() {
    // Installations by system (two) and editor (three). Opting in depends on both: a bias that no
    // sampling rate can correct, but the published margins can.
    let installations = [[60_000, 30_000, 10_000], [20_000, 40_000, 40_000]];
    let opted = |system: usize, editor: usize| [0.05, 0.2][system] * [1.0, 0.4, 0.7][editor];
    let margin = |counts: [u64; 3]| Target { wanted: counts.map(|count| count as f64).to_vec() };
    let editors: [u64; 3] =
        std::array::from_fn(|editor| installations.iter().map(|of| of[editor]).sum());
    let systems = installations.map(|of| of.iter().sum::<u64>() as f64).to_vec();
    let targets = [Target { wanted: systems }, margin(editors)];
    let mut before = 0;
    for (seed, p) in (70..).zip(SHARES) {
        // The truth differs between all six.
        let odds = |system: usize, editor: usize| {
            p / (1.0 - p) * [0.4, 1.0, 2.0][editor] * [1.0, 1.7][system]
        };
        let mut groups = Vec::new();
        for (system, of) in installations.iter().enumerate() {
            for (editor, &count) in of.iter().enumerate() {
                let odds = odds(system, editor);
                let stratum = Stratum {
                    installations: count,
                    rate: opted(system, editor),
                    share: odds / (1.0 + odds),
                };
                groups.push((system as u32, editor as u32, Draws::new(stratum)));
            }
        }
        let truth = true_share(groups.iter().map(|group| &group.2));
        let week = |random: &mut Random| {
            let drawn: Vec<(u64, u64)> = groups.iter().map(|group| group.2.draw(random)).collect();
            let cell = |((system, editor, _), &(_, reports)): (&(u32, u32, Draws), &(u64, u64))| {
                Cell { categories: vec![Some(*system), Some(*editor)], weight: 1.0, reports }
            };
            let cells: Vec<Cell> = groups.iter().zip(&drawn).map(cell).collect();
            let raked = rake(&cells, &targets, &Options::default());
            assert!(raked.converged && raked.trimmed == 0);
            let mut hit = Weights::default();
            raked.weights.iter().zip(&drawn).for_each(|(weight, of)| hit.add_many(*weight, of.0));
            (hit, raked.base)
        };
        assert!(covers("raked weights", truth, seed, week, share));
        let unweighted = |random: &mut Random| {
            let drawn = groups.iter().map(|group| group.2.draw(random));
            let (hits, reports) = drawn.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
            (equal(hits), equal(reports))
        };
        before += u32::from(!covers("the same unweighted", truth, seed, unweighted, share));
    }
    // A bias that is smaller than the width of the bounds would not show.
    assert!(before >= 7, "there was a bias to be taken away for {before} of 9 shares");
}

#[test]
fn intervals_of_quantiles_cover_the_truth() {
    // Values between 0 and 1 of which, under two configs, u^power is uniform.
    let at = [0.05, 0.25, 0.5, 0.75, 0.95];
    for (seed, powers) in (90..).zip([[1.0, 1.0], [0.3, 1.0], [1.0, 0.3]]) {
        let (counts, weights) = ([200, 100], [1.0 / 0.2, 1.0]);
        let up_to = |value: f64| {
            let [heavy, light] = powers.map(|power| value.powf(power));
            (heavy * 1000.0 + light * 100.0) / 1100.0
        };
        let (mut random, mut missed) = (Random(seed), [0; 5]);
        for _ in 0..WEEKS {
            let mut values = Vec::new();
            for ((count, weight), power) in counts.into_iter().zip(weights).zip(powers) {
                values.extend((0..count).map(|_| (random.uniform().powf(1.0 / power), weight)));
            }
            for (missed, found) in missed.iter_mut().zip(quantiles(&mut values, &at, CONFIDENCE)) {
                let (low, high) = (up_to(found.quotient.low), up_to(found.quotient.high));
                let high = if found.open { 1.0 } else { high };
                *missed += usize::from(!(low <= found.at && found.at <= high));
            }
        }
        println!("quantiles: {missed:?} missed, {} allowed", allowed());
        assert!(missed.into_iter().all(|missed| missed <= allowed()), "{missed:?}");
    }
}

#[test]
fn intervals_that_promise_too_much_are_found_out() {
    // The textbook's p ± z √(p (1 - p) / n), at a share of 0.1%.
    let normal = |hit: &Weights, base: &Weights, _: f64| {
        let value = hit.sum / base.sum;
        let half = 2.575_829_303_548_9 * (value * (1.0 - value) / base.effective()).sqrt();
        Interval { value, low: value - half, high: value + half }
    };
    let hits = Binomial::new(16_588, 0.001);
    let week = |random: &mut Random| (equal(hits.draw(random)), equal(16_588));
    assert!(!covers("normal", 0.001, 110, week, normal));

    // As many reports as there are, whatever their weights.
    let unweighted = |hit: &Weights, base: &Weights, confidence: f64| {
        let hits = (hit.sum / base.sum * base.reports as f64).round() as u64;
        share(&equal(hits), &equal(base.reports), confidence)
    };
    let two_rates = strata(&[(150_000, 0.0), (50_000, 1.0)], |_| 0.5);
    assert!(!population_is_covered("n for n*", 111, &two_rates, unweighted));

    // An effective sample size alone, the least of three, where hits are few and heavy.
    let effective = |hit: &Weights, base: &Weights, confidence: f64| {
        let (value, n) = (hit.sum / base.sum, base.reports as f64);
        let misses = base.squares - hit.squares;
        let variance = (hit.squares * (1.0 - value).powi(2) + misses * value.powi(2))
            / base.sum.powi(2)
            * (n / (n - 1.0));
        let linearised = if value > 0.0 { value * (1.0 - value) / variance } else { n };
        let n = n.min(base.effective()).min(linearised).round() as u64;
        share(&equal((value * n as f64).round() as u64), &equal(n), confidence)
    };
    let few_heavy = strata(&[(3_000, 0.0), (10_000, 1.0)], |place| [0.01, 0.0][place]);
    assert!(!population_is_covered("n* alone", 112, &few_heavy, effective));
}

type Method = fn(&Weights, &Weights, f64) -> Interval;

/// Whether the intervals of many weeks cover the true share of a population.
fn population_is_covered(name: &str, seed: u64, strata: &[Stratum], method: Method) -> bool {
    let draws: Vec<(Draws, f64)> =
        strata.iter().map(|&stratum| (Draws::new(stratum), 1.0 / stratum.rate)).collect();
    let truth = true_share(draws.iter().map(|draws| &draws.0));
    let week = |random: &mut Random| {
        let (mut hit, mut base) = (Weights::default(), Weights::default());
        for (draws, weight) in &draws {
            let (hits, reports) = draws.draw(random);
            hit.add_many(*weight, hits);
            base.add_many(*weight, reports);
        }
        (hit, base)
    };
    covers(name, truth, seed, week, method)
}

/// Whether the intervals of many weeks, each of hits and their base, cover the truth.
fn covers(
    name: &str,
    truth: f64,
    seed: u64,
    week: impl Fn(&mut Random) -> (Weights, Weights),
    method: Method,
) -> bool {
    let mut random = Random(seed);
    let (mut over, mut under) = (0, 0);
    for _ in 0..WEEKS {
        let (hit, base) = week(&mut random);
        let found = method(&hit, &base, CONFIDENCE);
        over += usize::from(found.low > truth);
        under += usize::from(found.high < truth);
    }
    println!("{name}, share {truth:.6}: {over} above and {under} below, {} allowed", allowed());
    over + under <= allowed()
}

/// The most misses of [`WEEKS`].
fn allowed() -> usize {
    binomial::allowed(WEEKS, 1.0 - CONFIDENCE)
}

fn equal(reports: u64) -> Weights {
    let mut weights = Weights::default();
    weights.add_many(1.0, reports);
    weights
}

/// Draws the sampled reports of a stratum: each installation is sampled independently.
struct Draws {
    installations: u64,
    doing: u64,
    hits: Binomial,
    misses: Binomial,
}

impl Draws {
    fn new(stratum: Stratum) -> Draws {
        let doing = (stratum.installations as f64 * stratum.share).round() as u64;
        Draws {
            installations: stratum.installations,
            doing,
            hits: Binomial::new(doing, stratum.rate),
            misses: Binomial::new(stratum.installations - doing, stratum.rate),
        }
    }

    /// Hits, and all reports.
    fn draw(&self, random: &mut Random) -> (u64, u64) {
        let hits = self.hits.draw(random);
        (hits, hits + self.misses.draw(random))
    }
}

fn true_share<'a>(draws: impl Iterator<Item = &'a Draws>) -> f64 {
    let (doing, all) =
        draws.fold((0, 0), |sum, draws| (sum.0 + draws.doing, sum.1 + draws.installations));
    doing as f64 / all as f64
}
