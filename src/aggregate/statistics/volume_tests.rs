//! How often the rule is wrong, and what it sees: measured on simulated deployments.

use super::*;
use crate::charts_fixture::Dice;

/// A deployment: so many reports in its first week, so much growth a week (as a logarithm), so much
/// variation.
#[derive(Clone, Copy)]
struct Simulated {
    reports: f64,
    growth: Option<f64>,
    variation: f64,
}

/// Standard normal, by Box and Muller.
fn normal(dice: &mut Dice) -> f64 {
    let (a, b) = (1.0 - dice.roll(), dice.roll());
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// A Poisson number: Knuth's product where it is small, else its normal limit.
fn arrivals(mean: f64, dice: &mut Dice) -> u64 {
    if mean > 200.0 {
        return (mean + mean.sqrt() * normal(dice)).round().max(0.0) as u64;
    }
    let (limit, mut product, mut count) = ((-mean).exp(), 1.0, 0);
    loop {
        product *= dice.roll();
        if product < limit {
            return count;
        }
        count += 1;
    }
}

fn at(reports: u64, rate: f64) -> Volume {
    let total = reports as f64 / rate;
    Volume { reports, total, effective: reports as f64, coverage: 1.0, rate }
}

/// A week after `count` others, with so many false reports for each honest one that is expected. In
/// some week the sampling rate changes.
fn week(of: Simulated, count: u32, flood: f64, dice: &mut Dice) -> (Volume, Vec<(u32, Volume)>) {
    let most = 1.2_f64.ln();
    let growth = of.growth.unwrap_or_else(|| most * (2.0 * dice.roll() - 1.0));
    let changed = (dice.roll() * f64::from(count + 1)) as u32;
    let rates = [1.0, [0.25, 0.5, 1.0, 2.0, 4.0][(dice.roll() * 5.0) as usize] * 0.25];
    let mut weeks = (0..=count).rev().map(|ago| {
        let rate = rates[usize::from(ago < changed)];
        let wave = (growth * f64::from(count - ago) + of.variation * normal(dice)).exp();
        let honest = of.reports * wave * rate;
        let false_ones = if ago == 0 { flood * honest } else { 0.0 };
        (ago, at(arrivals(honest, dice) + false_ones as u64, rate))
    });
    let mut all: Vec<_> = weeks.by_ref().collect();
    let (_, now) = all.pop().expect("this week");
    (now, all)
}

/// The shares of weeks that have too many and too few.
fn marked(of: Simulated, count: u32, flood: f64, dice: &mut Dice) -> [f64; 2] {
    const ROUNDS: u32 = 4000;
    let mut found = [0.0, 0.0];
    for _ in 0..ROUNDS {
        let (now, before) = week(of, count, flood, dice);
        let range = expected(&now, &before).expect("weeks before");
        found[0] += f64::from(now.reports as f64 > range.high);
        found[1] += f64::from((now.reports as f64) < range.low);
    }
    found.map(|found| found / f64::from(ROUNDS))
}

/// The promise: of weeks that grow or shrink by at most 20%, and vary by at most 12%, fewer than one in
/// 200 is marked, whatever the size of the deployment and the number of weeks before.
#[test]
fn fewer_than_one_in_two_hundred_ordinary_weeks_is_marked() {
    let mut dice = Dice::new(7);
    let mut worst: f64 = 0.0;
    for variation in [0.0, 0.02, 0.05, 0.12] {
        for reports in [3.0, 30.0, 300.0, 30_000.0] {
            for count in [1, 2, 3, 4, 6, 8] {
                for growth in [None, Some(1.2_f64.ln()), Some(-1.2_f64.ln())] {
                    let [many, few] =
                        marked(Simulated { reports, growth, variation }, count, 0.0, &mut dice);
                    worst = worst.max(many + few);
                    assert!(
                        many + few < 1.0 / 200.0,
                        "{reports} reports, {variation}, {count} weeks, {growth:?}: {many} {few}"
                    );
                }
            }
        }
    }
    println!("worst: {worst}");
}

/// Where weeks vary little, a flood of 40% is seen; and a flooded week among those before makes
/// nobody tolerate more than ordinary weeks need.
#[test]
fn steady_weeks_tolerate_less() {
    let mut dice = Dice::new(9);
    let steady = Simulated { reports: 16_588.0, growth: Some(0.0), variation: 0.02 };
    let [found, _] = marked(steady, 8, 0.4, &mut dice);
    assert!(found > 0.95, "{found}");
    let unsteady = Simulated { variation: VARIATION, ..steady };
    let [found, _] = marked(unsteady, 8, 0.33, &mut dice);
    assert!(found < 0.2, "{found}");
    let before = |flooded: u64| {
        let week = |ago| (ago, at(if ago == 3 { flooded } else { 16_588 }, 1.0));
        expected(&at(16_588, 1.0), &(1..=8).map(week).collect::<Vec<_>>()).expect("weeks before")
    };
    assert!(before(100_000).high < 16_588.0 * 1.65, "{:?}", before(100_000));
    assert!(before(16_600).high < 16_588.0 * 1.2, "{:?}", before(16_600));
}

/// What a flood must bring to be seen: as many false reports as these for each honest one.
#[test]
fn a_flood_of_twice_the_honest_reports_is_seen_and_so_is_a_loss_of_two_thirds() {
    let mut dice = Dice::new(8);
    for (reports, count, flood, seen) in [
        (30_000.0, 8, 1.3, 0.9),
        (30_000.0, 8, 2.0, 0.99),
        (30_000.0, 4, 2.0, 0.9),
        (1_000.0, 8, 2.0, 0.95),
        (1_000.0, 1, 3.0, 0.9),
        (30_000.0, 8, -2.0 / 3.0, 0.99),
    ] {
        let of = Simulated { reports, growth: Some(0.0), variation: 0.1 };
        let found = if flood > 0.0 {
            marked(of, count, flood, &mut dice)[0]
        } else {
            lost(of, count, -flood, &mut dice)
        };
        println!("{reports} reports, {count} weeks, {flood}: {found}");
        assert!(found > seen, "{reports} reports, {count} weeks, {flood}: {found}");
    }
}

/// The share of weeks that are marked when so much of their reports is lost.
fn lost(of: Simulated, count: u32, share: f64, dice: &mut Dice) -> f64 {
    let mut found = 0.0;
    for _ in 0..1000 {
        let (now, before) = week(of, count, 0.0, dice);
        let left = at((now.reports as f64 * (1.0 - share)) as u64, now.rate);
        let range = expected(&left, &before).expect("weeks before");
        found += f64::from((left.reports as f64) < range.low);
    }
    found / 1000.0
}
