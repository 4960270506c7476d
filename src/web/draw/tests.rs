//! Measures pictures: reads the elements of a drawing back, and compares them with the numbers.

use super::measured::{Area, Drawing, Element};
use super::page;
use super::picture::{Picture, Room, Shown};
use super::svg::{Across, elements};
use super::*;
use crate::aggregate::figure::{Figure, Jump, Kind};
use crate::charts_fixture::{self as fixture, AWKWARD, GOPLS, HOSTILE, NEWEST, base, estimate};
use crate::web::numbers;
use jiff::civil::date;

fn figures(program: &str) -> Vec<Figure> {
    let week = fixture::week(NEWEST);
    let found = week.programs.into_iter().find(|found| found.program == program);
    found.expect("a program").charts
}

fn figure(program: &str, id: &str) -> Figure {
    figures(program).into_iter().find(|figure| figure.id == id).expect("a figure")
}

fn trend(figure: &Figure, weeks: usize) -> Trend {
    let mut dice = fixture::Dice::new(3);
    let series = figure.rows.iter().map(|row| Series {
        label: row.label.clone(),
        points: (0..weeks)
            .map(|week| {
                let share = (row.estimate.share.value * (0.6 + 0.4 * dice.roll())).min(1.0);
                (week % 7 != 3).then(|| estimate(share, &base(2_000, 0.5)).share)
            })
            .collect(),
    });
    let newest = date(2026, 11, 15);
    let week =
        |ago| newest.saturating_sub(jiff::Span::new().weeks(i64::try_from(ago).expect("few")));
    Trend {
        weeks: (0..weeks).rev().map(week).collect(),
        series: series.collect(),
        measure: Measure::Share,
        reports: Some((1_900, 2_100)),
        jumps: (0..weeks).map(jump).collect(),
    }
}

/// Some weeks have more reports than expected, some fewer.
fn jump(week: usize) -> Option<Jump> {
    let reports = match week % 12 {
        5 => 5_000,
        9 => 100,
        _ => return None,
    };
    Some(Jump { reports, expected: 2_000.0, low: 900.0, high: 4_000.0, weeks: 8 })
}

/// What each picture is about, and the picture.
type Named = (String, Picture);

/// All pictures of the fixture's figures.
fn pictures() -> Vec<Named> {
    let mut all = Vec::new();
    for program in [GOPLS, AWKWARD, fixture::LONELY] {
        for figure in figures(program) {
            let name = format!("{} {}", program.len(), figure.id);
            let picture = Picture::of_week(&figure, 0.99);
            all.push((format!("{name} provisional"), picture.clone().provisional(true)));
            all.push((name.clone(), picture));
            for reweighted in &figure.reweighted {
                let picture = Picture::reweighted(&figure, reweighted, 0.99);
                all.push((format!("{name} reweighted"), picture));
            }
            if figure.kind == Kind::Histogram {
                all.push((format!("{name} counted most"), counted_most(&figure)));
            }
            for weeks in [1, 2, 26, 104] {
                let trend = trend(&figure, weeks);
                let picture = Picture::over_weeks(&trend, 0.99);
                let events = events(&trend.weeks);
                let named = format!("{name} {weeks} weeks with events");
                all.push((named, picture.clone().with_events(events).provisional(weeks > 2)));
                all.push((format!("{name} {weeks} weeks"), picture));
            }
        }
    }
    all
}

/// Shares of the figure's buckets that exclude each other.
fn counted_most(figure: &Figure) -> Picture {
    let mut figure = figure.clone();
    let all: f64 = figure.rows.iter().map(|row| row.estimate.share.value).sum();
    for row in &mut figure.rows {
        let mut most = row.estimate;
        most.share.value /= all;
        most.share.low /= all;
        most.share.high = (most.share.high / all).max(most.share.value);
        row.most = Some(most);
    }
    figure.none = None;
    Picture::counted_most(&figure, 0.99).expect("a picture")
}

/// Some events, several in a week, and some outside of the weeks.
fn events(weeks: &[jiff::civil::Date]) -> Vec<Event> {
    let mut events = Vec::new();
    for (index, week) in weeks.iter().enumerate().step_by(5) {
        for days in 0..=(index % 3) {
            let day =
                week.saturating_sub(jiff::Span::new().days(i64::try_from(days).expect("few")));
            let label = format!("v0.{index}.{days}");
            let title = format!("Config {label} <is> published");
            events.push(Event {
                day,
                label,
                is_config: true,
                title,
                address: Some("/config/".to_owned()),
            });
        }
    }
    let early = date(2001, 1, 1);
    events.push(Event {
        day: early,
        label: "x".into(),
        is_config: false,
        title: "x".into(),
        address: None,
    });
    events
}

/// The widths of pictures: on a phone, and on a wide screen.
const WIDTHS: [f64; 2] = [320.0, 992.0];

#[test]
fn bars_start_at_zero_and_are_proportional() {
    let figure = figure(GOPLS, "gopls-client");
    for width in WIDTHS {
        let drawing = Drawing::new(&Picture::of_week(&figure, 0.99), width);
        let bars = drawing.bars("s0");
        let rows = in_reading_order(&figure, &figure.rows);
        assert_eq!(bars.len(), rows.len());
        let zero = bars[0].left;
        let unit = (bars[0].right - zero) / rows[0].estimate.share.value;
        for (bar, row) in bars.iter().zip(&rows) {
            assert_eq!(bar.left, zero, "{}", row.label);
            let length = row.estimate.share.value * unit;
            assert!((bar.right - zero - length).abs() <= 0.1, "{}: {bar:?}", row.label);
        }
        let none = drawing.bars("q");
        let share = figure.none.expect("an estimate").share.value;
        assert!((none[0].right - zero - share * unit).abs() <= 0.1);
        assert!(none[0].top > bars.iter().map(|bar| bar.bottom).fold(0.0, f64::max) + 10.0);
    }
}

#[test]
fn whiskers_end_where_intervals_do() {
    let figure = figure(GOPLS, "gopls-client");
    for width in WIDTHS {
        let drawing = Drawing::new(&Picture::of_week(&figure, 0.99), width);
        let bars = drawing.bars("s0");
        let rows = in_reading_order(&figure, &figure.rows);
        let zero = bars[0].left;
        let unit = (bars[0].right - zero) / rows[0].estimate.share.value;
        let whiskers = drawing.whiskers();
        assert_eq!(whiskers.len(), rows.len() + 1);
        for (whisker, row) in whiskers.iter().zip(&rows) {
            let share = row.estimate.share;
            assert!((whisker.left - zero - share.low * unit).abs() <= 0.1, "{}", row.label);
            assert!((whisker.right - zero - share.high * unit).abs() <= 0.1, "{}", row.label);
        }
    }
}

#[test]
fn shares_that_do_not_exclude_each_other_do_not_adjoin() {
    let figure = figure(GOPLS, "gopls-completion-latency");
    assert_eq!(figure.kind, Kind::Histogram);
    let picture = Picture::of_week(&figure, 0.99);
    assert!(picture.axis.ends_with("several are possible"), "{}", picture.axis);
    let drawing = Drawing::new(&picture, 320.0);
    let bars = drawing.bars("s0");
    assert_eq!(bars.len(), figure.rows.len());
    for (bar, next) in bars.iter().zip(bars.iter().skip(1)) {
        assert!(next.top - bar.bottom > 5.0, "in order, with a gap");
    }
}

#[test]
fn bars_of_a_histogram_start_at_zero_and_adjoin_in_order() {
    let figure = figure(GOPLS, "gopls-completion-latency");
    let picture = counted_most(&figure);
    assert!(picture.axis.ends_with("these shares are 100%"), "{}", picture.axis);
    let Shown::Histogram(rows) = &picture.shown else { panic!("a histogram") };
    for width in WIDTHS {
        let drawing = Drawing::new(&picture, width);
        let bars = drawing.bars("s0");
        assert_eq!(bars.len(), figure.rows.len());
        let unit = (bars[0].bottom - bars[0].top) / rows.bars[0].share.value;
        let whiskers = drawing.upright_whiskers();
        for (index, (bar, row)) in bars.iter().zip(&rows.bars).enumerate() {
            let share = row.share;
            assert_eq!(bar.bottom, bars[0].bottom);
            assert!((bar.bottom - bar.top - share.value * unit).abs() <= 0.2, "{}", row.label);
            assert!((bar.bottom - whiskers[index].top - share.high * unit).abs() <= 0.2);
            assert!((bar.bottom - whiskers[index].bottom - share.low * unit).abs() <= 0.2);
            if index > 0 {
                let gap = bar.left - bars[index - 1].right;
                assert!((0.0..=4.0).contains(&gap), "{gap}");
            }
        }
    }
}

#[test]
fn boxes_hold_the_middle_half() {
    let figure = figure(GOPLS, "gopls-bug");
    let drawing = Drawing::new(&Picture::of_week(&figure, 0.99), 720.0);
    let boxes = drawing.bars("s0");
    let rows = in_reading_order(&figure, &figure.rows);
    let quantile = |row: usize, at: usize| {
        let row = rows[row].distribution.as_ref().expect("quantiles");
        row.quantiles[at].quotient
    };
    // The first row's upper quartile gives the unit; the axis begins at zero.
    let zero = 0.0;
    let unit = (boxes[0].right - zero) / quantile(0, 3).value;
    for (row, area) in boxes.iter().enumerate() {
        assert!((area.left - zero - quantile(row, 1).value * unit).abs() <= 0.2);
        assert!((area.right - zero - quantile(row, 3).value * unit).abs() <= 0.2);
        let bracket = drawing.whiskers()[row];
        assert!((bracket.left - zero - quantile(row, 2).low * unit).abs() <= 0.2);
        assert!((bracket.right - zero - quantile(row, 2).high * unit).abs() <= 0.2);
    }
}

#[test]
fn a_week_without_data_is_a_gap_that_no_line_crosses() {
    let trend = trend(&figure(GOPLS, "gopls-goversion"), 10);
    let drawing = Drawing::new(&Picture::over_weeks(&trend, 0.99), 720.0);
    let lines: Vec<_> = drawing
        .elements
        .iter()
        .filter(|e| e.name == "polyline" && e.has_class("s0"))
        .map(|e| e.points().len())
        .collect();
    // Week 3 has no data: three points before it, six after.
    assert_eq!(lines, [3, 6]);
    assert_eq!(drawing.polygons("a").len(), 2 * trend.series.len());
}

#[test]
fn nothing_is_outside_the_picture_and_no_texts_overlap() {
    for (name, picture) in pictures() {
        for (room, width) in
            [(Room::PAGE, 320.0), (Room::PAGE, 992.0), (Room::CARD, 264.0), (Room::FILE, 720.0)]
        {
            let drawing = Drawing::of(page::scene(&picture, room), width);
            let mut texts: Vec<(Area, &str)> = Vec::new();
            for element in &drawing.elements {
                let area = element.area();
                let inside = area.left >= -1.0
                    && area.top >= -1.0
                    && area.right <= drawing.width + 1.0
                    && area.bottom <= drawing.height + 1.0;
                assert!(inside, "{name} {width}: {element:?} is at {area:?}");
                if element.name != "text" {
                    continue;
                }
                for (other, text) in &texts {
                    let apart = area.left >= other.right
                        || other.left >= area.right
                        || area.top >= other.bottom
                        || other.top >= area.bottom;
                    assert!(apart, "{name} {width}: {:?} and {text:?} overlap", element.text);
                }
                texts.push((area, &element.text));
            }
        }
    }
}

#[test]
fn names_are_escaped_and_no_style_is_inline() {
    for (name, picture) in pictures() {
        let legend = Legend {
            title: HOSTILE[0].to_owned(),
            subtitle: HOSTILE[1].to_owned(),
            source: HOSTILE[10].to_owned(),
        };
        let page = inline(&picture, "f", HOSTILE[0]).into_string();
        assert!(!page.contains("<style"), "{name}");
        let file = file(&picture, &legend).replace(file_style(), "");
        for svg in [page, file] {
            assert!(!svg.contains("<script"), "{name}");
            assert!(!svg.contains("style="), "{name}");
            let control = |c: char| c.is_control() && c != '\n';
            assert!(!svg.contains(control) && !svg.contains('\u{202e}'), "{name}");
            for part in svg.split('&').skip(1) {
                let entity = part.split(';').next().expect("an entity");
                assert!(["lt", "gt", "amp", "quot", "apos"].contains(&entity), "{name}: {entity}");
            }
        }
    }
}

#[test]
fn coordinates_have_at_most_two_decimals() {
    for (name, picture) in pictures() {
        let legend = Legend { title: "t".into(), subtitle: "s".into(), source: "u".into() };
        for svg in [inline(&picture, "f", "t").into_string(), file(&picture, &legend)] {
            for tag in svg.split('<').filter_map(|tag| tag.split('>').next()) {
                for number in tag.split(|c: char| !c.is_ascii_digit() && c != '.') {
                    let decimals = number.split_once('.').map_or(0, |(_, after)| after.len());
                    assert!(decimals <= 2 || number.matches('.').count() > 1, "{name}: {tag}");
                }
            }
        }
    }
}

#[test]
fn on_a_page_positions_across_are_percentages_of_the_same_places() {
    let figure = figure(GOPLS, "gopls-client");
    let scene = page::scene(&Picture::of_week(&figure, 0.99), Room::PAGE);
    let numbers = |across: Across, name: &str| {
        let all = super::measured::elements_in(&elements(&scene, across));
        let bars = all.into_iter().filter(|e| e.name == "rect");
        let value =
            |e: Element| e.attributes[name].trim_end_matches('%').parse::<f64>().expect("a number");
        bars.map(value).collect::<Vec<f64>>()
    };
    for name in ["x", "width"] {
        let (percent, pixels) =
            (numbers(Across::Percent, name), numbers(Across::Pixels(1000.0), name));
        assert!(!percent.is_empty());
        for (percent, pixels) in percent.iter().zip(&pixels) {
            assert!((percent * 10.0 - pixels).abs() < 0.11, "{percent}% and {pixels}");
        }
    }
}

#[test]
fn a_small_sample_is_hollow_and_has_a_note() {
    let figure = figure(AWKWARD, "few");
    let picture = Picture::of_week(&figure, 0.99);
    let drawing = Drawing::new(&picture, 320.0);
    assert_eq!(drawing.bars("o").len(), figure.rows.len() + 1);
    let said = picture.sentences().join(" ");
    assert!(said.contains("n = 23 reports."), "{said}");
    assert!(said.contains("a small sample. Read") && !said.contains("worth"), "{said}");
    let mut unequal = figure.clone();
    unequal.base.effective = 12.0;
    let said = Picture::of_week(&unequal, 0.99).sentences().join(" ");
    assert!(said.contains("small sample, worth only 12 reports"), "{said}");
    let large = Picture::of_week(&self::figure(GOPLS, "gopls-client"), 0.99);
    assert!(!large.sentences().join(" ").contains("small sample"));
}

#[test]
fn the_number_of_reports_is_beside_the_picture_and_in_its_tooltips() {
    for figure in figures(GOPLS) {
        let picture = Picture::of_week(&figure, 0.99);
        let reports = crate::web::numbers::counted(figure.base.reports, "report");
        let page = inline(&picture, "f", "t").into_string();
        assert!(page.contains(&format!("n = {reports}.")), "{}", figure.id);
        for tooltip in Drawing::new(&picture, 720.0).tooltips() {
            let told = ["reports", "interval"].iter().all(|word| tooltip.contains(word));
            assert!(told, "{}: {tooltip}", figure.id);
        }
    }
}

#[test]
fn every_mark_has_a_tooltip() {
    for (name, picture) in pictures() {
        let scene = page::scene(&picture, Room::PAGE);
        let mut open = 0;
        for shape in &scene.shapes {
            match shape {
                scene::Shape::Titled(title) => {
                    assert!(!title.is_empty(), "{name}");
                    open += 1;
                }
                scene::Shape::End => open -= 1,
                scene::Shape::Bar { .. } => assert_eq!(open, 1, "{name}"),
                _ => {}
            }
        }
        assert_eq!(open, 0, "{name}");
    }
    // Of lines, each week has one with all its values.
    let trend = trend(&figure(GOPLS, "gopls-goversion"), 10);
    let reports = (0..10).map(|week| Some(100 + week)).collect();
    let picture = Picture::over_weeks(&trend, 0.99).with_reports(reports);
    let drawing = Drawing::new(&picture, 720.0);
    let tooltips = drawing.tooltips();
    assert_eq!(tooltips.len(), 9, "one week has no data");
    let Shown::Lines(lines) = &picture.shown else { panic!("lines") };
    for (_, series) in &lines.series {
        assert!(tooltips[8].contains(&series.label), "{}", tooltips[8]);
    }
    assert!(tooltips[8].starts_with("9–15 Nov 2026, n = 109 reports\n"), "{}", tooltips[8]);
}

#[test]
fn only_the_most_used_versions_are_drawn_and_the_rest_counted() {
    let mut figure = figure(AWKWARD, "program-versions");
    let picture = Picture::of_week(&figure, 0.99);
    let Shown::Bars(rows) = &picture.shown else { panic!("bars") };
    let drawn: Vec<_> = rows.bars.iter().map(|bar| bar.label.as_str()).collect();
    let first: Vec<_> = figure.rows.iter().take(25).map(|row| row.label.clone()).collect();
    assert_eq!(drawn, first);
    let folded = figure.rows.iter().filter(|row| is_folded(&figure, row)).count();
    let said = format!("The 25 largest; {} more in the table.", 100 - 25 - folded);
    assert!(picture.notes.contains(&said), "{:?}", picture.notes);

    figure.rows.reverse();
    let Shown::Bars(rows) = Picture::of_week(&figure, 0.99).shown else { panic!("bars") };
    let drawn: Vec<_> = rows.bars.iter().map(|bar| bar.label.as_str()).collect();
    assert_eq!(drawn, first.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn versions_with_few_reports_are_not_drawn_but_counted() {
    let mut figure = figure(AWKWARD, "program-versions");
    for row in figure.rows.iter_mut().skip(3) {
        row.estimate.reports = 19;
    }
    let picture = Picture::of_week(&figure, 0.99);
    let Shown::Bars(rows) = &picture.shown else { panic!("bars") };
    assert_eq!(rows.bars.len(), 3);
    let note = "97 versions with under 20 reports: one row of the table.";
    assert!(picture.notes.iter().any(|found| found == note), "{:?}", picture.notes);
}

#[test]
fn a_chart_that_no_report_could_have_held_is_explained_and_not_drawn() {
    let picture = Picture::of_week(&figure(AWKWARD, "unseen"), 0.99);
    let page = inline(&picture, "f", "t").into_string();
    assert!(page.starts_with("<p class=\"note\">No report of this week"), "{page}");
    assert!(!page.contains("<svg"));
}

#[test]
fn none_of_these_stands_last_and_never_sets_the_scale() {
    let mut figure = figure(GOPLS, "gopls-client");
    let reach = |figure: &Figure| Picture::of_week(figure, 0.99).own_reach();
    let before = reach(&figure);
    let none = figure.none.as_mut().expect("an estimate");
    none.share = crate::aggregate::figure::Interval { value: 0.979, low: 0.97, high: 0.985 };
    for row in &mut figure.rows {
        row.estimate.share.value /= 10.0;
        row.estimate.share.low /= 10.0;
        row.estimate.share.high /= 10.0;
    }
    assert!((reach(&figure) - before / 10.0).abs() < 1e-9);
    let picture = Picture::of_week(&figure, 0.99);
    let said = picture.sentences().join(" ");
    assert!(said.contains("The grey bar is cut: “none of these” is 97.9%."), "{said}");
    let drawing = Drawing::new(&picture, 720.0);
    assert_eq!(drawing.polygons("p").len(), 2, "two gaps in the bar");
    assert!(drawing.bars("q")[0].right <= 720.0);

    let mut trend = trend(&figure, 10);
    let high = estimate(0.979, &base(2_000, 0.5)).share;
    trend.series.push(Series { label: NONE.to_owned(), points: vec![Some(high); 10] });
    let picture = Picture::over_weeks(&trend, 0.99);
    let Shown::Lines(lines) = &picture.shown else { panic!("lines") };
    assert!(lines.series.iter().all(|(_, series)| series.label != NONE));
    let said = picture.sentences().join(" ");
    assert!(
        said.contains("“none of these” (97.9% in its last week) is only in the table"),
        "{said}"
    );
    let low = estimate(0.0001, &base(2_000_000, 0.5)).share;
    trend.series.pop();
    trend.series.insert(0, Series { label: NONE.to_owned(), points: vec![Some(low); 10] });
    let Shown::Lines(lines) = Picture::over_weeks(&trend, 0.99).shown else { panic!("lines") };
    assert_eq!(lines.series.last().map(|(_, series)| series.label.as_str()), Some(NONE));
}

/// Each sentence that names something drawn, and whether that is drawn.
#[test]
fn what_a_note_says_is_true_of_its_picture() {
    let mut said = std::collections::BTreeSet::new();
    for (name, picture) in pictures() {
        let drawing = Drawing::new(&picture, 720.0);
        let sentences = picture.sentences().join(" ");
        let count = |name: &str, class: &str| {
            drawing.elements.iter().filter(|e| e.name == name && e.has_class(class)).count()
        };
        let triangles = |up: bool| {
            let strong = drawing.elements.iter().filter(|e| {
                e.name == "polygon" && !e.attributes.contains_key("class") && e.points().len() == 3
            });
            // The first corner is the tip; y grows downwards.
            strong.filter(|e| (e.points()[0].1 < e.points()[1].1) == up).count()
        };
        let lines = matches!(picture.shown, Shown::Lines(_));
        let boxes = matches!(picture.shown, Shown::Boxes(_));
        let dagger = drawing.texts().iter().any(|text| text.contains('†'));
        let mut strokes = drawing.whiskers().len() + drawing.upright_whiskers().len();
        if let Shown::Histogram(rows) = &picture.shown {
            // Thin bars have plain strokes.
            strokes += rows.bars.len();
        }
        let diamonds =
            drawing.polygons("s1").iter().filter(|e| !lines && e.points().len() == 4).count();
        let drawn = [
            ("Diamonds", diamonds > 0),
            ("Hollow: a small sample", picture.hollow && count("rect", "o") > 0),
            ("Dashed", !lines && count("rect", "d") > 0),
            ("Hollow at the end: the last week", lines && picture.provisional),
            ("†", dagger),
            (
                "Whiskers",
                !lines && !boxes && strokes > 0 || lines && sentences.contains("Whiskers"),
            ),
            ("Bands", count("polygon", "a") > 0),
            ("Thick stroke", boxes && count("rect", "s0") > 0),
            ("▲", triangles(true) > 0),
            ("▼", triangles(false) > 0),
            ("grey bar is cut", count("polygon", "p") > 0 && sentences.contains("grey")),
        ];
        for (words, is_drawn) in drawn {
            assert_eq!(sentences.contains(words), is_drawn, "{name}: {words:?} of {sentences:?}");
            if is_drawn {
                said.insert(words);
            }
        }
        assert!(!sentences.contains("in the table") || sentences.contains("n = "), "{name}");
    }
    let all =
        ["Diamonds", "Hollow: a small sample", "Dashed", "†", "Bands", "Thick stroke", "▲", "▼"];
    for words in all {
        assert!(said.contains(words), "no picture of this test has {words:?}");
    }
}

#[test]
fn series_differ_by_more_than_colour() {
    let trend = trend(&figure(AWKWARD, "over-time"), 26);
    let picture = Picture::over_weeks(&trend, 0.99);
    let note = "The 8 largest; 4 more in the table.";
    assert!(picture.notes.iter().any(|found| found == note), "{:?}", picture.notes);
    let drawing = Drawing::new(&picture, 720.0);
    let shape = |index: usize| {
        let marks = drawing.elements.iter().filter(|e| {
            matches!(e.name.as_str(), "circle" | "polygon")
                && e.has_class(&format!("s{index}"))
                && !e.has_class("a")
        });
        // A square has corners above one another, a diamond does not.
        let above = |e: &Element| {
            let xs: std::collections::BTreeSet<i64> =
                e.points().iter().map(|point| point.0 as i64).collect();
            xs.len()
        };
        let shapes: std::collections::BTreeSet<_> =
            marks.map(|e| (e.name.clone(), e.points().len(), above(e))).collect();
        assert!(!shapes.is_empty(), "{index}");
        shapes.into_iter().next().expect("a shape")
    };
    for index in 0..3 {
        assert_ne!(shape(index), shape(index + 1));
    }
}

#[test]
fn the_same_numbers_give_the_same_bytes() {
    for ((name, once), (_, again)) in pictures().into_iter().zip(pictures()) {
        assert_eq!(
            inline(&once, "f", "t").into_string(),
            inline(&again, "f", "t").into_string(),
            "{name}"
        );
    }
}

#[test]
fn a_picture_has_a_title_and_a_description_of_its_own() {
    let figure = figure(GOPLS, "gopls-client");
    let drawn = inline(&Picture::of_week(&figure, 0.99), "f", "A title").into_string();
    assert_eq!(drawn.matches("role=\"img\"").count(), 1, "one drawing for all widths");
    assert!(drawn.contains("aria-labelledby=\"f-title\""));
    assert!(drawn.contains("<title id=\"f-title\">A title</title>"));
    assert!(drawn.contains("Largest: vscode 6"), "{drawn}");
}

#[test]
fn a_reweighted_picture_marks_the_unweighted_shares() {
    let figure = figure(GOPLS, "gopls-client");
    let reweighted = &figure.reweighted[0];
    let picture = Picture::reweighted(&figure, reweighted, 0.99);
    let drawing = Drawing::new(&picture, 720.0);
    let bars = drawing.bars("s0");
    let rows = in_reading_order(&figure, &reweighted.rows);
    let zero = bars[0].left;
    let unit = (bars[0].right - zero) / rows[0].estimate.share.value;
    let diamonds: Vec<_> = drawing.polygons("s1").iter().map(|e| e.area()).collect();
    assert_eq!(diamonds.len(), figure.rows.len());
    for (diamond, row) in diamonds.iter().zip(&rows) {
        let middle = (diamond.left + diamond.right) / 2.0;
        let same = figure.rows.iter().find(|other| other.label == row.label).expect("the same");
        let at = same.estimate.share.value * unit;
        assert!((middle - zero - at).abs() <= 0.2, "{}", row.label);
    }
    let said = picture.sentences().join(" ");
    let worth = numbers::total(reweighted.base.effective);
    assert!(said.contains(&format!("these reports are worth {worth}")), "{said}");
}

#[test]
fn stacks_are_compared_with_the_same_stack() {
    let all = figures(GOPLS).into_iter().chain(figures(AWKWARD));
    let mut figure = all.into_iter().find(|figure| figure.kind == Kind::Stack).expect("stacks");
    let mut seen = std::collections::BTreeSet::new();
    figure.rows.retain(|row| seen.insert((row.label.clone(), row.frames.clone())));
    assert!(figure.rows.len() > 2);
    figure.reweighted = self::figure(GOPLS, "gopls-client").reweighted;
    figure.reweighted[0].rows.clone_from(&figure.rows);
    let picture = Picture::reweighted(&figure, &figure.reweighted[0], 0.99);
    let Shown::Bars(rows) = &picture.shown else { panic!("bars") };
    for (bar, row) in rows.bars.iter().zip(&figure.rows) {
        assert_eq!(bar.beside, Some(row.estimate.share.value), "{}", bar.label);
    }
    assert!(picture.sentences().join(" ").contains("Diamonds"));
}

#[test]
fn ratios_that_are_all_zero_are_drawn() {
    let mut figure = figure(AWKWARD, "huge");
    figure.rows.truncate(1);
    assert_eq!(figure.kind, Kind::Ratio);
    let drawing = Drawing::new(&Picture::of_week(&figure, 0.99), 720.0);
    assert_eq!(drawing.bars("s0").len(), 1);
}

#[test]
fn events_have_a_line_a_flag_and_a_place_in_the_list() {
    let trend = trend(&figure(GOPLS, "gopls-goversion"), 26);
    let picture = Picture::over_weeks(&trend, 0.99).with_events(events(&trend.weeks));
    let Shown::Lines(lines) = &picture.shown else { panic!("lines") };
    assert!(lines.events.iter().all(|event| event.label != "x"), "outside of the weeks");
    let drawing = Drawing::new(&picture, 992.0);
    for event in &lines.events {
        assert!(drawing.tooltips().iter().any(|title| title.contains(&event.title)));
    }
    assert!(drawing.texts().contains(&"v0.5.0"), "{:?}", drawing.texts());
    let page = inline(&picture, "f", "t").into_string();
    assert_eq!(page.matches("<time").count(), lines.events.len());
    assert!(page.contains("Config v0.5.0 &lt;is&gt; published"));
}

#[test]
fn a_provisional_week_is_drawn_differently() {
    let figure = figure(GOPLS, "gopls-client");
    let picture = Picture::of_week(&figure, 0.99).provisional(true);
    assert_eq!(Drawing::new(&picture, 720.0).bars("d").len(), figure.rows.len() + 1);
    assert!(picture.sentences().join(" ").contains("Dashed: this week is provisional"));
    let picture = Picture::of_week(&figure, 0.99).provisional(false);
    assert!(Drawing::new(&picture, 720.0).bars("d").is_empty());

    // The last two weeks have values.
    let trend = trend(&figure, 27);
    let picture = Picture::over_weeks(&trend, 0.99).provisional(true);
    let drawing = Drawing::new(&picture, 720.0);
    let dashed = drawing.elements.iter().filter(|e| e.name == "polyline" && e.has_class("d"));
    assert_eq!(dashed.count(), trend.series.len());
    assert!(picture.sentences().join(" ").contains("the last week is provisional"));
}

#[test]
fn small_multiples_have_one_scale_and_the_same_colours() {
    let figure = figure(GOPLS, "gopls-goversion");
    let mut smaller = figure.clone();
    smaller.rows.reverse();
    for row in &mut smaller.rows {
        row.estimate.share.value /= 4.0;
        row.estimate.share.low /= 4.0;
        row.estimate.share.high /= 4.0;
    }
    let multiple = |name: &str, picture: Picture| Multiple {
        name: name.to_owned(),
        address: Some("/charts/".to_owned()),
        picture,
    };
    let all = [
        multiple("linux/amd64", Picture::over_weeks(&trend(&figure, 10), 0.99)),
        multiple("<windows>", Picture::over_weeks(&trend(&smaller, 10), 0.99)),
    ];
    let drawn = multiples("m", &all).into_string();
    assert!(
        drawn.contains("<h3 id=\"m-1\"><a href=\"/charts/\"><bdi>&lt;windows&gt;</bdi></a></h3>")
    );
    let ticks: Vec<String> = drawn
        .split("<svg class=\"plot\"")
        .skip(1)
        .map(|part| {
            let texts = part.split("<text class=\"q e\"").skip(1);
            texts.filter_map(|text| text.split(['<', '>']).nth(1)).collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(ticks.len(), 2);
    assert_eq!(ticks[0], ticks[1], "one scale");
    assert_eq!(drawn.matches("Bands: 99% intervals.").count(), 1, "said once");
}

#[test]
fn every_picture_can_be_a_bitmap() {
    let legend = Legend {
        title: "A title".to_owned(),
        subtitle: "golang.org/x/tools/gopls, 9–15 Nov 2026".to_owned(),
        source: "Source: https://telemetry.example.org/charts/".to_owned(),
    };
    for (name, picture) in pictures().into_iter().step_by(23) {
        for (made, size) in
            [(png(&picture, &legend), None), (card(&picture, &legend), Some((1200, 630)))]
        {
            let made = made.unwrap_or_else(|| panic!("{name} cannot be drawn"));
            let number = |at: usize| u32::from_be_bytes(made[at..at + 4].try_into().expect("four"));
            assert_eq!((number(16), number(20)), size.unwrap_or((1520, number(20))), "{name}");
        }
    }
}

/// Writes all pictures as files, to look at: `CANDOR_PICTURES=FOLDER cargo test --lib web::draw`.
#[test]
fn all_pictures_can_be_written_as_files() {
    let folder = std::env::var_os("CANDOR_PICTURES");
    for (index, (name, picture)) in pictures().into_iter().enumerate() {
        let legend = Legend {
            title: name.clone(),
            subtitle: "golang.org/x/tools/gopls, 9–15 Nov 2026".to_owned(),
            source: "Source: https://telemetry.example.org/charts/".to_owned(),
        };
        let svg = file(&picture, &legend);
        assert!(svg.starts_with("<?xml") && svg.ends_with("</svg>\n"), "{name}");
        if let Some(folder) = &folder {
            let path = std::path::Path::new(folder).join(format!("{index}.svg"));
            std::fs::write(path, svg).expect("written");
            for (kind, made) in
                [("file", png(&picture, &legend)), ("card", card(&picture, &legend))]
            {
                let path = std::path::Path::new(folder).join(format!("{index}-{kind}.png"));
                std::fs::write(path, made.expect("a picture")).expect("written");
            }
        }
    }
}

#[test]
fn weeks_whose_number_of_reports_jumps_have_a_triangle_in_its_direction() {
    let trend = trend(&figure(GOPLS, "gopls-goversion"), 26);
    let drawing = Drawing::new(&Picture::over_weeks(&trend, 0.99), 720.0);
    let triangles = drawing.elements.iter().filter(|e| {
        e.name == "polygon" && !e.attributes.contains_key("class") && e.points().len() == 3
    });
    // The first corner is the tip; y grows downwards.
    let tips: Vec<bool> = triangles.map(|e| e.points()[0].1 < e.points()[1].1).collect();
    assert_eq!(tips, [true, false, true, false]);
}
