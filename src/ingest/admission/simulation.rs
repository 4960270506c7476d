//! Simulates weeks of honest uploads and of floods with the code that admits uploads. The tables in the
//! module's documentation and in the README are from here: `cargo test --lib admission::simulation --
//! --nocapture`.

use super::budget::{Budget, Budgets, ChosenBudgets};
use super::peer::{Prefix, Source};
use crate::ingest::limits::DAYS as REMEMBERED_DAYS;
use crate::ingest::{Limits, MAX_WEEK_AGE};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

const DAY: u64 = 24 * 3600;
/// The typical size of a report.
const BYTES: u64 = 1500;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn expecting(week: u64) -> Budgets {
    ChosenBudgets::default().where_expected(Some(week))
}

/// A network of an honest household, or of a university.
fn honest(number: u64) -> Prefix {
    Prefix::of(Source::Address(Ipv4Addr::from((number as u32 + 0x0100_0000) << 8).into()))
}

fn hostile(number: u64) -> Prefix {
    Prefix::of(Source::Address(
        Ipv6Addr::from_bits((0x2001_0000 + u128::from(number)) << 80).into(),
    ))
}

/// Numbers that look random and are the same each time (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// A university behind one address: for each week, how many reports are stored by the end of each day
/// from its Monday on. `others` households send at any time.
fn university(machines: u64, others: u64, weeks: u64) -> Vec<Vec<u64>> {
    let mut budget = Budget::new(expecting(machines + others));
    let mut numbers = Numbers(1);
    // Who sends when, and the report of which week; households have no week here.
    let mut coming: BTreeMap<u64, Vec<(Option<u64>, u64)>> = BTreeMap::new();
    for week in 0..weeks {
        for machine in 0..machines {
            let monday = week * 7 * DAY + 8 * 3600 + numbers.below(2 * 3600);
            coming.entry(monday).or_default().push((Some(week), machine));
        }
        for household in 0..others {
            let moment = week * 7 * DAY + numbers.below(7 * DAY);
            coming.entry(moment).or_default().push((None, week * others + household));
        }
    }
    let days = (weeks + 4) * 7;
    let mut stored = vec![vec![0; days as usize]; weeks as usize];
    let mut late = 0;
    while let Some((moment, all)) = coming.pop_first() {
        for (week, number) in all {
            let prefix = week.map_or_else(|| honest(number + 1), |_| honest(0));
            let weekend = week.is_some() && moment / DAY % 7 >= 5;
            if !weekend && budget.take(prefix, BYTES, at(moment)).is_ok() {
                if let Some(week) = week {
                    stored[week as usize][(moment / DAY - week * 7) as usize] += 1;
                }
                continue;
            }
            late += u64::from(week.is_none());
            // Once a day, until the report is 28 days old.
            if week.is_none_or(|week| moment / DAY + 1 < week * 7 + 28) {
                coming.entry(moment + DAY).or_default().push((week, number));
            }
        }
    }
    assert_eq!(late, 0, "no household is turned away because of a university");
    for week in &mut stored {
        let mut sum = 0;
        week.iter_mut().for_each(|day| {
            sum += *day;
            *day = sum;
        });
    }
    stored
}

#[test]
fn a_university_behind_one_address_gets_each_week_in_within_a_week() {
    for (others, days) in [(0, 5), (20_000, 4), (180_000, 4)] {
        let weeks = university(20_000, others, 3);
        for (number, week) in weeks.iter().enumerate() {
            println!("university beside {others}, week {number}: {:?}", &week[..7]);
            assert_eq!(week[days - 1], 20_000, "week {number}: {week:?}");
        }
    }
}

/// How a flood behaves.
#[derive(Clone, Copy, PartialEq)]
enum Flood {
    /// Sends all the time.
    Always,
    /// Sends what it can at once, then is silent until it is forgotten.
    Forgotten,
}

#[derive(Debug)]
struct Outcome {
    hostile: u64,
    /// Honest reports that were stored at the first attempt, later, and never.
    first: u64,
    later: u64,
    never: u64,
}

/// A flood of this many networks, for `seconds` of a week with 16,588 honest reports.
fn flood(networks: u64, seconds: u64, flood: Flood, step: u64, asks: u64) -> Outcome {
    let honest_reports = 16_588;
    let mut budget = Budget::new(expecting(honest_reports));
    let mut numbers = Numbers(networks);
    let mut coming: BTreeMap<u64, Vec<(u64, u64)>> = BTreeMap::new();
    for number in 0..honest_reports {
        coming.entry(numbers.below(7 * DAY)).or_default().push((number, 0));
    }
    let mut outcome = Outcome { hostile: 0, first: 0, later: 0, never: 0 };
    let (begin, mut next) = (DAY, 0);
    let mut moment = begin;
    loop {
        let next_honest = coming.first_key_value().map(|(moment, _)| *moment);
        let attacking = moment < begin + seconds;
        if attacking && next_honest.is_none_or(|honest| moment <= honest) {
            let pause = if flood == Flood::Forgotten { 3600 } else { step };
            // In turns, as long as anyone is admitted.
            let mut refused = 0;
            for _ in 0..asks {
                if refused >= networks {
                    break;
                }
                let admitted = budget.take(hostile(next % networks), BYTES, at(moment)).is_ok();
                refused = if admitted { 0 } else { refused + 1 };
                outcome.hostile += u64::from(admitted);
                next += 1;
            }
            moment += pause;
            continue;
        }
        let Some((now, all)) = coming.pop_first() else { break };
        for (number, tries) in all {
            if budget.take(honest(number), BYTES, at(now)).is_ok() {
                let counted = if tries == 0 { &mut outcome.first } else { &mut outcome.later };
                *counted += 1;
            } else if tries < 20 {
                coming.entry(now + DAY).or_default().push((number, tries + 1));
            } else {
                outcome.never += 1;
            }
        }
    }
    let all = honest_reports as f64 + outcome.hostile as f64;
    let moved = 44.0 * honest_reports as f64 / all;
    println!(
        "| {networks} networks, {seconds} s{} | {} | {} | {} | {} | 44% -> {moved:.1}% |",
        if flood == Flood::Forgotten { ", silent an hour each time" } else { "" },
        outcome.hostile,
        outcome.first,
        outcome.later,
        outcome.never,
    );
    outcome
}

#[test]
fn no_flood_shuts_out_honest_networks_and_each_takes_what_is_stated() {
    let day = expecting(16_588).day_reports;
    let minute = flood(1, 60, Flood::Always, 1, 10_000);
    assert_eq!((minute.later, minute.never), (0, 0));
    assert!(minute.hostile <= day / 3 + 10, "{minute:?}");
    let week = flood(1, 6 * DAY, Flood::Always, 600, 10_000);
    assert_eq!((week.later, week.never), (0, 0));
    assert!(week.hostile <= 6 * 5_000 + day / 3, "{week:?}");
    let forgotten = flood(1, 6 * DAY, Flood::Forgotten, 600, 10_000);
    assert_eq!((forgotten.later, forgotten.never), (0, 0));
    assert!(forgotten.hostile <= 7 * day, "{forgotten:?}");
    let thousand = flood(1_000, 60, Flood::Always, 1, 10_000);
    assert_eq!((thousand.later, thousand.never), (0, 0));
    assert!(thousand.hostile <= day, "{thousand:?}");
    let thousand = flood(1_000, 6 * DAY, Flood::Always, 600, 2_000);
    assert_eq!((thousand.later, thousand.never), (0, 0));
    assert!(thousand.hostile <= 7 * day, "{thousand:?}");
    // Sometimes less than one report is left: a few senders come again a day later.
    let forgotten = flood(1_000, 6 * DAY, Flood::Forgotten, 600, 5_000);
    assert!(forgotten.later < 166 && forgotten.never == 0, "{forgotten:?}");
    assert!(forgotten.hostile <= 7 * day, "{forgotten:?}");
}

#[test]
fn what_is_admitted_is_remembered_however_long_a_flood_lasts() {
    let budgets = ChosenBudgets { day_reports: Some(2_000), ..ChosenBudgets::default() };
    let budgets = budgets.where_expected(None);
    let mut budget = Budget::new(budgets);
    // A report of each day may be sent for as long as it is accepted; then it is forgotten.
    let days = MAX_WEEK_AGE.unsigned_abs() as u64 + 1;
    let (mut admitted, mut next) = (0, 0);
    for moment in (0..=days * DAY).step_by(60) {
        while budget.take(hostile(next), BYTES, at(moment)).is_ok() {
            (admitted, next) = (admitted + 1, next + 1);
        }
        next += 1;
    }
    let remembered = REMEMBERED_DAYS * budgets.day_reports;
    assert!((days * 2_000..remembered).contains(&admitted), "{admitted} of {remembered}");
    for day_reports in [2_000, 10_000_000] {
        let known = Limits::where_admitted(day_reports).known as u64;
        assert!(known >= REMEMBERED_DAYS * day_reports, "{known}");
    }
    let (small, usual) = (Limits::where_admitted(2_000).known, Limits::default().known);
    assert_eq!(small, usual, "a smaller budget than before refuses nobody");
}

#[test]
fn a_million_networks_shut_nobody_out_for_good() {
    // For a day, a hundred thousand and a million networks send ten times a second.
    for networks in [100_000, 1_000_000] {
        let outcome = flood(networks, DAY, Flood::Always, 60, 600);
        assert_eq!(outcome.never, 0, "{outcome:?}");
        assert!(outcome.hostile <= 2 * expecting(16_588).day_reports, "{outcome:?}");
    }
}
