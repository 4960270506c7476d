//! Compares the editions of days with those that this auditor saw before.
//!
//! A later edition only adds: nothing is withdrawn, a late batch before the last edition is not so small
//! that it singles anyone out, and after the last one nothing changes. Earlier editions are only known from
//! the state file; on a first run there is nothing to compare with.

use super::state::{AuditState, SeenDay};
use super::verdict::Check;
use crate::count::count;
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The smallest late batch before the last edition.
const BATCH: u64 = 10;

/// The editions of days, as the index lists them.
#[derive(Debug, Default, Deserialize)]
pub(super) struct IndexedEditions {
    days: BTreeMap<Date, IndexedDay>,
}

#[derive(Debug, Deserialize)]
struct IndexedDay {
    reports: u64,
    #[serde(default)]
    edition: Option<u32>,
    /// Whether it is the last one.
    #[serde(rename = "complete")]
    is_final: bool,
    files: Vec<IndexedFile>,
}

#[derive(Debug, Deserialize)]
struct IndexedFile {
    sha256: String,
}

/// How many days were compared with an earlier edition.
pub(super) struct Compared {
    pub days: u64,
    pub before: u64,
}

/// Compares all days with what was seen before, and remembers them. `rows` are those of the days whose files
/// were read in this run.
pub(super) fn check_editions(
    said: &IndexedEditions,
    rows: &mut BTreeMap<Date, Vec<u64>>,
    state: &mut AuditState,
    check: &mut Check,
) -> Compared {
    let mut compared = Compared { days: said.days.len() as u64, before: 0 };
    for day in state.editions.keys() {
        if !day.parse().is_ok_and(|day: Date| said.days.contains_key(&day)) {
            check.wrong(format!("{day} was public, and is gone"));
        }
    }
    for (date, day) in &said.days {
        let Some(edition) = day.edition else {
            check.unchecked(format!("the index does not say of which edition {date} is"));
            continue;
        };
        let files = day.files.iter().map(|file| file.sha256.clone()).collect();
        let read = rows.remove(date);
        let mut now = SeenDay {
            edition,
            is_final: day.is_final,
            reports: day.reports,
            files,
            rows: Vec::new(),
        };
        let name = date.to_string();
        if let Some(before) = state.editions.get(&name) {
            compared.before += 1;
            now.rows = match (before.files == now.files, read) {
                (true, _) => before.rows.clone(),
                (false, Some(read)) => read,
                (false, None) => {
                    check.unchecked(format!("the rows of {date} could not be read"));
                    continue;
                }
            };
            if let Err(reason) = compare(before, &now) {
                check.wrong(format!("{date}: {reason}"));
                // The state keeps what was seen first.
                continue;
            }
        } else {
            now.rows = read.unwrap_or_default();
        }
        if now.is_final {
            now.rows = Vec::new();
        }
        state.editions.insert(name, now);
    }
    compared
}

/// Compares a day with how it was seen before.
fn compare(before: &SeenDay, now: &SeenDay) -> Result<(), String> {
    let same = before.files == now.files;
    if before.is_final && !same {
        return Err("its final edition was changed".to_owned());
    }
    if now.edition < before.edition || (before.is_final && !now.is_final) {
        return Err(format!("it went back from edition {} to {}", before.edition, now.edition));
    }
    if now.edition == before.edition && !same {
        return Err(format!("its edition {} was changed", now.edition));
    }
    if same {
        return Ok(());
    }
    let Some(added) = now.reports.checked_sub(before.reports) else {
        return Err(format!(
            "edition {} has {}, and edition {} had {}",
            now.edition,
            count(now.reports, "report"),
            before.edition,
            before.reports
        ));
    };
    if (1..BATCH).contains(&added) && !now.is_final {
        return Err(format!(
            "edition {} adds {}, which stand{} out; before the last one it must be {BATCH} or none",
            now.edition,
            count(added, "report"),
            if added == 1 { "s" } else { "" }
        ));
    }
    match missing(&before.rows, &now.rows) {
        0 => Ok(()),
        lacking => Err(format!(
            "{} of edition {} {} not in edition {}",
            count(lacking, "row"),
            before.edition,
            if lacking == 1 { "is" } else { "are" },
            now.edition
        )),
    }
}

/// How many of the first rows of an edition are missing from a later one. Both are sorted by hash, and of both
/// at most the same number is known.
fn missing(before: &[u64], now: &[u64]) -> usize {
    let whole = now.len() < super::public_form::REMEMBERED;
    let reach = now.last().copied().filter(|_| !whole).unwrap_or(u64::MAX);
    let mut left = now.iter().peekable();
    let mut count = 0;
    for row in before.iter().filter(|row| **row < reach || whole) {
        while left.peek().is_some_and(|other| *other < row) {
            left.next();
        }
        if left.next_if(|other| *other == row).is_none() {
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::verdict::{State, VerdictId};
    use serde_json::json;

    /// Checks an index with one day: its edition, whether that is final, and its rows.
    fn look(state: &mut AuditState, edition: u32, is_final: bool, rows: &[u64]) -> (State, String) {
        let files = [json!({ "sha256": format!("{rows:?}") })];
        let day = json!({ "reports": rows.len(), "edition": edition, "complete": is_final, "files": files });
        look_at(state, json!({ "days": { "2026-02-08": day } }), rows)
    }

    fn look_at(state: &mut AuditState, said: serde_json::Value, rows: &[u64]) -> (State, String) {
        let said: IndexedEditions = serde_json::from_value(said).expect("an index");
        let mut check = Check::of(VerdictId::Editions);
        let day = "2026-02-08".parse().expect("a day");
        let mut read = BTreeMap::from([(day, rows.to_vec())]);
        check_editions(&said, &mut read, state, &mut check);
        let verdict = check.verdict("fine");
        (verdict.state, verdict.sentence)
    }

    fn rows(from: u64, to: u64) -> Vec<u64> {
        (from..to).collect()
    }

    #[test]
    fn editions_that_only_add_are_ok() {
        let mut state = AuditState::default();
        for (edition, is_final, last) in [
            (1, false, 100),
            (1, false, 100),
            (2, false, 100),
            (2, false, 100),
            (3, true, 103),
            (3, true, 103),
        ] {
            let (found, said) = look(&mut state, edition, is_final, &rows(0, last));
            assert_eq!(found, State::Ok, "{edition}: {said}");
        }
        let mut state = AuditState::default();
        look(&mut state, 1, false, &rows(10, 100));
        assert_eq!(look(&mut state, 2, false, &rows(0, 100)).0, State::Ok);
    }

    #[test]
    fn each_broken_promise_is_found() {
        let twice = [&[5][..], &rows(0, 20)].concat();
        let mut twice = twice;
        twice.sort_unstable();
        for (before, now, says) in [
            ((1, false, rows(0, 100)), (2, false, rows(0, 103)), "adds 3 reports, which stand out"),
            ((1, false, rows(0, 100)), (1, false, rows(0, 120)), "its edition 1 was changed"),
            ((3, true, rows(0, 100)), (3, true, rows(0, 120)), "its final edition was changed"),
            (
                (2, false, rows(0, 100)),
                (1, false, rows(0, 100)),
                "it went back from edition 2 to 1",
            ),
            ((1, false, rows(0, 100)), (2, false, rows(0, 90)), "has 90 reports"),
            ((1, false, rows(0, 100)), (2, false, rows(1, 130)), "1 row of edition 1 is not in"),
            // Two equal reports count twice.
            ((1, false, twice), (3, true, rows(0, 30)), "1 row of edition 1 is not in"),
        ] {
            let mut state = AuditState::default();
            assert_eq!(look(&mut state, before.0, before.1, &before.2).0, State::Ok);
            let remembered = state.clone();
            let (found, said) = look(&mut state, now.0, now.1, &now.2);
            assert_eq!(found, State::Wrong, "{says}");
            assert!(said.contains(says), "{said}");
            // It remains wrong.
            assert_eq!(state, remembered);
        }
    }

    #[test]
    fn a_day_that_is_gone_is_found() {
        let mut state = AuditState::default();
        look(&mut state, 1, false, &rows(0, 100));
        let (found, said) = look_at(&mut state, json!({ "days": {} }), &[]);
        assert_eq!((found, said.as_str()), (State::Wrong, "2026-02-08 was public, and is gone"));
    }

    #[test]
    fn the_first_rows_of_large_days_are_compared() {
        let most = super::super::public_form::REMEMBERED as u64;
        let even: Vec<u64> = (0..most).map(|row| 2 * row).collect();
        // The same number is known of the later edition, which does not reach as far.
        let all = rows(0, most);
        assert_eq!(missing(&even, &all), 0);
        let mut without = all.clone();
        without.remove(6);
        without.push(most);
        assert_eq!(missing(&even, &without), 1);
    }
}
