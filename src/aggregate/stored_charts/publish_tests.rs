//! Charting a week writes that week and the series of its span, whatever was lost before.

use super::*;
use crate::aggregate::index::{Dataset, Week};
use crate::charts_fixture as fixture;
use crate::store::{MemoryStore, Store as _};
use std::sync::Arc;

const LONELY: &str = fixture::LONELY;

/// Weeks of two spans, oldest first.
fn weeks() -> [Date; 4] {
    let last = span_of(fixture::NEWEST).saturating_sub(1.week());
    [-1, 0, 1, 2].map(|weeks| last + weeks.weeks())
}

fn charts(week: Date, programs: &[&str]) -> WeekCharts {
    let mut charts = fixture::week(week);
    charts.programs.retain(|one| programs.contains(&one.program.as_str()));
    charts.programs.iter_mut().for_each(|program| program.charts.truncate(4));
    charts
}

fn publish(data: &PublicData, charts: WeekCharts) {
    let index = data.index().expect("an index");
    let (programs, mut around) = (charts.programs.clone(), charts);
    around.programs.clear();
    let mut new = NewCharts::begin(data, &index, around).expect("begun");
    for program in programs {
        new.add(program, None).expect("stored");
    }
    assert!(new.publish("x", |_| true).expect("published").is_some());
}

/// A store with charts of these weeks.
fn published(weeks: &[Date]) -> (Arc<MemoryStore>, PublicData) {
    let store = Arc::new(MemoryStore::new());
    let data = PublicData::new(store.clone());
    data.update(|index| {
        for week in weeks {
            let data = Dataset { reports: 1, ..Dataset::default() };
            index.weeks.insert(*week, Week { data, charts: None });
        }
        Ok::<_, PublicError>(())
    })
    .expect("an index");
    for week in weeks {
        publish(&data, charts(*week, &[fixture::GOPLS, LONELY]));
    }
    (store, data)
}

/// The series of a program in a span: each week's charts.
fn series(data: &PublicData, week: Date, program: &str) -> ByWeek {
    let (index, span) = (data.index().expect("an index"), span_of(week));
    let outline = data.span_outline(&index, span).expect("read").expect("an outline");
    let Some(of) = outline.programs.get(program) else { return ByWeek::new() };
    let series = data.series(span, (program, of), Wanted::All).expect("read").by_week();
    assert_eq!(series.keys().copied().collect::<Vec<_>>(), of.weeks);
    series
}

#[test]
fn series_have_what_each_week_has() {
    let weeks = weeks();
    let (_, data) = published(&weeks);
    for (week, same_span) in weeks.iter().zip([0..2, 0..2, 2..4, 2..4]) {
        let found = series(&data, *week, fixture::GOPLS);
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), weeks[same_span]);
        for (week, found) in found {
            let expected = charts(week, &[fixture::GOPLS]).programs.remove(0);
            let rows = |figures: Vec<Figure>| -> Vec<_> {
                figures.into_iter().map(|figure| (figure.id, figure.base, figure.rows)).collect()
            };
            let reduced = expected.charts.into_iter().map(reduced).collect();
            assert_eq!(rows(found.charts), rows(reduced), "{week}");
        }
    }
}

#[test]
fn charting_a_week_leaves_the_objects_of_others_alone() {
    let weeks = weeks();
    let (store, data) = published(&weeks[..3]);
    let before = store.snapshot().objects;
    data.update(|index| {
        index.weeks.insert(weeks[3], Week::default());
        Ok::<_, PublicError>(())
    })
    .expect("an index");
    publish(&data, charts(weeks[3], &[fixture::GOPLS, LONELY]));
    let after = store.snapshot().objects;
    assert!(before.iter().all(|(key, bytes)| after.get(key) == Some(bytes)));
    let new: Vec<&Key> = after.keys().filter(|key| !before.contains_key(key)).collect();
    let expected = [week_folder(weeks[3]), span_folder(weeks[2]), "public".to_owned()];
    for key in &new {
        let (folder, _) = key.as_str().rsplit_once('/').expect("a folder");
        assert!(expected.iter().any(|name| name == folder), "{key}");
    }
    // Figures, slices and series of two programs, and two outlines.
    assert_eq!(new.len(), 8, "{new:?}");
}

#[test]
fn a_program_that_a_week_no_longer_has_is_no_longer_in_its_series() {
    let weeks = weeks();
    let (_, data) = published(&weeks);
    publish(&data, charts(weeks[1], &[fixture::GOPLS]));
    let found: Vec<Date> = series(&data, weeks[1], LONELY).into_keys().collect();
    assert_eq!(found, [weeks[0]]);
    publish(&data, charts(weeks[0], &[fixture::GOPLS]));
    assert!(series(&data, weeks[0], LONELY).is_empty());
    assert_eq!(series(&data, weeks[3], LONELY).len(), 2, "in the other span");
}

#[test]
fn whatever_is_lost_of_a_span_is_made_again_with_its_next_week() {
    let weeks = weeks();
    let (store, data) = published(&weeks);
    let index = data.index().expect("an index");
    for span in index.series.keys() {
        let left = leftovers(&data, &index, &span_folder(*span)).expect("read").flatten();
        left.iter().flatten().for_each(|key| store.remove(key).expect("removed"));
    }
    let whole = store.snapshot();
    let outlines = index.series.values().map(|series| public_key(&series.sha256));
    let outlines: Vec<String> = outlines.collect();
    let of_series = |key: &&Key| {
        key.as_str().starts_with("charts/from-") || outlines.contains(&key.to_string())
    };
    let keys: Vec<&Key> = whole.objects.keys().filter(of_series).collect();
    // The series of two programs in two spans, and two outlines.
    assert_eq!(keys.len(), 6, "{keys:?}");
    for key in keys {
        let mut lost = whole.clone();
        lost.objects.remove(key);
        store.restore(&lost);
        for week in [weeks[1], weeks[3]] {
            publish(&data, charts(week, &[fixture::GOPLS, LONELY]));
        }
        let found = store.snapshot();
        assert!(whole.objects.iter().all(|(key, bytes)| found.objects.get(key) == Some(bytes)));
        let now = data.index().expect("an index");
        assert_eq!((now.series, now.weeks), (index.series.clone(), index.weeks.clone()), "{key}");
    }
}

#[test]
fn one_chart_is_read_without_the_others() {
    let weeks = weeks();
    let (store, data) = published(&weeks[2..]);
    let index = data.index().expect("an index");
    let outline = data.week_outline(&index, weeks[3]).expect("read").expect("an outline");
    let of = outline.program(fixture::GOPLS).expect("a program");
    // Every other chart is damaged.
    let mut damaged = store.snapshot();
    let key = Key::new(format!("{}/{}", week_folder(weeks[3]), of.figures.sha256)).expect("a key");
    let object = damaged.objects.get_mut(&key).expect("the object");
    let first = of.figures.directory as usize;
    let second = first + object[first..].iter().position(|byte| *byte == b'\n').expect("one") + 1;
    object[second..].iter_mut().for_each(|byte| *byte ^= 1);
    store.restore(&damaged);
    let read = data.program_charts(weeks[3], of, Wanted::First(1)).expect("whole");
    assert_eq!(read.charts.len(), 1);
    let said = data.program_charts(weeks[3], of, Wanted::All).expect_err("damaged").to_string();
    assert!(said.contains("is damaged") && said.contains("`candor chart --week"), "{said}");
}
