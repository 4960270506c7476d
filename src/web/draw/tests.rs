//! Measures pictures: reads the elements of a drawing back, and compares them with the numbers.

use super::canvas::Ink;
use super::measured::{Area, Drawing, Element};
use super::picture::{Picture, Shown, Size};
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

/// All pictures of the fixture's figures.
fn pictures() -> Vec<(String, Picture)> {
    let mut all = Vec::new();
    for program in [GOPLS, AWKWARD, fixture::LONELY] {
        for figure in figures(program) {
            let name = format!("{} {}", program.len(), figure.id);
            all.push((name.clone(), Picture::of_week(&figure, 0.99)));
            for reweighted in &figure.reweighted {
                let picture = Picture::reweighted(&figure, reweighted, 0.99);
                all.push((format!("{name} reweighted"), picture));
            }
            for weeks in [1, 2, 26, 104] {
                let picture = Picture::over_weeks(&trend(&figure, weeks), 0.99);
                all.push((format!("{name} {weeks} weeks"), picture));
            }
        }
    }
    all
}

#[test]
fn bars_start_at_zero_and_are_proportional() {
    let figure = figure(GOPLS, "gopls-client");
    for size in [Size::Wide, Size::Narrow] {
        let drawing = Drawing::new(&Picture::of_week(&figure, 0.99), size);
        let bars = drawing.bars(Ink::Series(0));
        assert_eq!(bars.len(), figure.rows.len());
        let zero = bars[0].left;
        let unit = (bars[0].right - zero) / figure.rows[0].estimate.share.value;
        for (bar, row) in bars.iter().zip(&figure.rows) {
            assert_eq!(bar.left, zero, "{}", row.label);
            let length = row.estimate.share.value * unit;
            assert!((bar.right - zero - length).abs() <= 2.0, "{}: {bar:?}", row.label);
        }
        let none = drawing.bars(Ink::Muted);
        let share = figure.none.expect("an estimate").share.value;
        assert!((none[0].right - zero - share * unit).abs() <= 2.0);
        assert!(none[0].top > bars.iter().map(|bar| bar.bottom).fold(0.0, f64::max) + 100.0);
    }
}

#[test]
fn whiskers_end_where_intervals_do() {
    let figure = figure(GOPLS, "gopls-client");
    for size in [Size::Wide, Size::Narrow] {
        let drawing = Drawing::new(&Picture::of_week(&figure, 0.99), size);
        let bars = drawing.bars(Ink::Series(0));
        let zero = bars[0].left;
        let unit = (bars[0].right - zero) / figure.rows[0].estimate.share.value;
        let whiskers = drawing.whiskers(true);
        assert_eq!(whiskers.len(), figure.rows.len() + 1);
        for (whisker, row) in whiskers.iter().zip(&figure.rows) {
            let share = row.estimate.share;
            assert!((whisker.left - zero - share.low * unit).abs() <= 2.0, "{}", row.label);
            assert!((whisker.right - zero - share.high * unit).abs() <= 2.0, "{}", row.label);
        }
    }
}

#[test]
fn bars_of_a_histogram_start_at_zero_and_adjoin_in_order() {
    let figure = figure(GOPLS, "gopls-completion-latency");
    for size in [Size::Wide, Size::Narrow] {
        let drawing = Drawing::new(&Picture::of_week(&figure, 0.99), size);
        let bars = drawing.bars(Ink::Series(0));
        assert_eq!(bars.len(), figure.rows.len());
        let unit = (bars[0].bottom - bars[0].top) / figure.rows[0].estimate.share.value;
        let whiskers = drawing.whiskers(false);
        for (index, (bar, row)) in bars.iter().zip(&figure.rows).enumerate() {
            let share = row.estimate.share;
            assert_eq!(bar.bottom, bars[0].bottom);
            assert!((bar.bottom - bar.top - share.value * unit).abs() <= 2.0, "{}", row.label);
            assert!((bar.bottom - whiskers[index].top - share.high * unit).abs() <= 2.0);
            assert!((bar.bottom - whiskers[index].bottom - share.low * unit).abs() <= 2.0);
            if index > 0 {
                let gap = bar.left - bars[index - 1].right;
                assert!((0.0..=15.0).contains(&gap), "{gap}");
            }
        }
    }
}

#[test]
fn boxes_hold_the_middle_half() {
    let figure = figure(GOPLS, "gopls-bug");
    let drawing = Drawing::new(&Picture::of_week(&figure, 0.99), Size::Wide);
    let boxes = drawing.bars(Ink::Series(0));
    let quantile = |row: usize, at: usize| {
        let row = figure.rows[row].distribution.as_ref().expect("quantiles");
        row.quantiles[at].quotient
    };
    // The first row's upper quartile gives the unit; the last row's lower one is zero.
    let zero = boxes[2].left;
    let unit = (boxes[0].right - zero) / quantile(0, 3).value;
    for (row, area) in boxes.iter().enumerate() {
        assert!((area.left - zero - quantile(row, 1).value * unit).abs() <= 2.0);
        assert!((area.right - zero - quantile(row, 3).value * unit).abs() <= 2.0);
        let bracket = drawing.whiskers(true)[row];
        assert!((bracket.left - zero - quantile(row, 2).low * unit).abs() <= 2.0);
        assert!((bracket.right - zero - quantile(row, 2).high * unit).abs() <= 2.0);
    }
}

#[test]
fn a_week_without_data_is_a_gap_that_no_line_crosses() {
    let trend = trend(&figure(GOPLS, "gopls-goversion"), 10);
    let drawing = Drawing::new(&Picture::over_weeks(&trend, 0.99), Size::Wide);
    let lines: Vec<_> = drawing
        .elements
        .iter()
        .filter(|e| e.name == "polyline" && e.is("stroke", &Ink::Series(0).code()))
        .map(|e| e.points().len())
        .collect();
    // Week 3 has no data: three points before it, six after.
    assert_eq!(lines, [3, 6]);
    let bands = drawing.elements.iter().filter(|e| e.name == "polygon" && e.is("opacity", "0.16"));
    assert_eq!(bands.count(), 2 * trend.series.len());
}

#[test]
fn nothing_is_outside_the_picture_and_no_texts_overlap() {
    for (name, picture) in pictures() {
        for size in [Size::Wide, Size::Narrow] {
            let drawing = Drawing::new(&picture, size);
            let mut texts: Vec<(Area, &str)> = Vec::new();
            for element in &drawing.elements {
                let area = element.area();
                let inside = area.left >= -1.0
                    && area.top >= -1.0
                    && area.right <= drawing.width + 1.0
                    && area.bottom <= drawing.height + 1.0;
                assert!(inside, "{name} {size:?}: {element:?} is at {area:?}");
                if element.name != "text" {
                    continue;
                }
                for (other, text) in &texts {
                    let apart = area.left >= other.right
                        || other.left >= area.right
                        || area.top >= other.bottom
                        || other.top >= area.bottom;
                    assert!(apart, "{name} {size:?}: {:?} and {text:?} overlap", element.text);
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
        for svg in [page, file(&picture, &legend)] {
            assert!(!svg.contains("<script"), "{name}");
            assert!(!svg.contains("style=") && !svg.contains("<style"), "{name}");
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
fn a_small_sample_is_hollow_and_has_a_note() {
    let figure = figure(AWKWARD, "few");
    let drawing = Drawing::new(&Picture::of_week(&figure, 0.99), Size::Narrow);
    let bars = drawing.elements.iter().filter(|e| e.name == "rect" && !e.is("opacity", "1"));
    assert_eq!(bars.count(), figure.rows.len() + 1);
    assert!(drawing.texts().join(" ").contains("small sample, worth only 23 reports"));
    let large =
        Drawing::new(&Picture::of_week(&self::figure(GOPLS, "gopls-client"), 0.99), Size::Narrow);
    assert!(!large.texts().join(" ").contains("small sample"));
}

#[test]
fn the_number_of_reports_is_in_the_picture() {
    for figure in figures(GOPLS) {
        let drawing = Drawing::new(&Picture::of_week(&figure, 0.99), Size::Wide);
        let reports = crate::web::numbers::counted(figure.base.reports, "report");
        let said = format!("n = {reports}");
        assert!(drawing.texts().join(" ").contains(&said), "{}", figure.id);
    }
}

#[test]
fn only_the_most_used_versions_are_drawn_and_the_rest_counted() {
    let mut figure = figure(AWKWARD, "program-versions");
    let picture = Picture::of_week(&figure, 0.99);
    let Shown::Bars { bars, .. } = &picture.shown else { panic!("bars") };
    let drawn: Vec<_> = bars.iter().map(|bar| bar.label.as_str()).collect();
    let first: Vec<_> = figure.rows.iter().take(25).map(|row| row.label.clone()).collect();
    assert_eq!(drawn, first);
    assert!(picture.notes.iter().any(|note| note == "75 more in the table."));

    figure.rows.reverse();
    let Shown::Bars { bars, .. } = Picture::of_week(&figure, 0.99).shown else { panic!("bars") };
    let drawn: Vec<_> = bars.iter().map(|bar| bar.label.as_str()).collect();
    assert_eq!(drawn, first.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn a_chart_that_no_report_could_have_held_is_explained_and_not_drawn() {
    let picture = Picture::of_week(&figure(AWKWARD, "unseen"), 0.99);
    let drawing = Drawing::new(&picture, Size::Wide);
    assert!(drawing.bars(Ink::Series(0)).is_empty());
    assert!(drawing.texts().join(" ").starts_with("No report of this week"));
}

#[test]
fn series_differ_by_more_than_colour() {
    let trend = trend(&figure(AWKWARD, "over-time"), 26);
    let picture = Picture::over_weeks(&trend, 0.99);
    assert!(picture.notes.iter().any(|note| note == "4 more in the table."));
    let drawing = Drawing::new(&picture, Size::Wide);
    let shape = |index: usize| {
        let ink = Ink::Series(index).code();
        let marks = drawing.elements.iter().filter(|e| {
            matches!(e.name.as_str(), "circle" | "polygon")
                && e.is("fill", &ink)
                && e.is("opacity", "1")
        });
        // A square has corners above one another, a diamond does not.
        let above = |e: &Element| {
            let xs: std::collections::BTreeSet<i64> =
                e.points().iter().map(|point| point.0 as i64).collect();
            xs.len()
        };
        let shapes: std::collections::BTreeSet<_> =
            marks.map(|e| (e.name.clone(), e.points().len(), above(e))).collect();
        assert_eq!(shapes.len(), 1, "{index}");
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
    let drawing = Drawing::new(&Picture::of_week(&figure, 0.99), Size::Narrow);
    assert!(drawing.svg.contains("role=\"img\""));
    assert!(drawing.svg.contains("aria-labelledby=\"f-narrow-title\""));
    assert!(drawing.svg.contains("<title id=\"f-narrow-title\">A title</title>"));
    assert!(drawing.svg.contains("Largest: vscode 6"), "{}", drawing.svg);
}

#[test]
fn a_reweighted_picture_marks_the_unweighted_shares() {
    let figure = figure(GOPLS, "gopls-client");
    let reweighted = &figure.reweighted[0];
    let picture = Picture::reweighted(&figure, reweighted, 0.99);
    let drawing = Drawing::new(&picture, Size::Wide);
    let bars = drawing.bars(Ink::Series(0));
    let zero = bars[0].left;
    let unit = (bars[0].right - zero) / reweighted.rows[0].estimate.share.value;
    let diamonds: Vec<_> = drawing
        .elements
        .iter()
        .filter(|e| e.name == "polygon" && e.is("fill", &Ink::Series(1).code()))
        .map(Element::area)
        .collect();
    assert_eq!(diamonds.len(), figure.rows.len());
    for (diamond, row) in diamonds.iter().zip(&figure.rows) {
        let middle = (diamond.left + diamond.right) / 2.0;
        assert!((middle - zero - row.estimate.share.value * unit).abs() <= 3.0, "{}", row.label);
    }
    let said = drawing.texts().join(" ");
    let worth = numbers::total(reweighted.base.effective);
    assert!(said.contains(&format!("these reports are worth {worth}")), "{said}");
}

#[test]
fn ratios_that_are_all_zero_are_drawn() {
    let mut figure = figure(AWKWARD, "huge");
    figure.rows.truncate(1);
    assert_eq!(figure.kind, Kind::Ratio);
    let drawing = Drawing::new(&Picture::of_week(&figure, 0.99), Size::Wide);
    assert_eq!(drawing.bars(Ink::Series(0)).len(), 1);
}

/// Writes all pictures as files, to look at: `CANDOR_PICTURES=FOLDER cargo test --lib web::draw`.
#[test]
fn all_pictures_can_be_written_as_files() {
    let folder = std::env::var_os("CANDOR_PICTURES");
    for (index, (name, picture)) in pictures().into_iter().enumerate() {
        let legend = Legend {
            title: name.clone(),
            subtitle: "golang.org/x/tools/gopls, 9–15 Nov 2026".to_owned(),
            source: "telemetry.example.org".to_owned(),
        };
        let svg = file(&picture, &legend);
        assert!(svg.starts_with("<?xml") && svg.ends_with("</svg>\n"), "{name}");
        if let Some(folder) = &folder {
            let path = std::path::Path::new(folder).join(format!("{index}.svg"));
            std::fs::write(path, svg).expect("written");
        }
    }
}

#[test]
fn weeks_whose_number_of_reports_jumps_have_a_triangle_in_its_direction() {
    let trend = trend(&figure(GOPLS, "gopls-goversion"), 26);
    let drawn = super::svg::inline(&Picture::over_weeks(&trend, 0.99), "x", "x").into_string();
    let strong = format!("fill=\"{}\"", Ink::Strong.code());
    let corners = |line: &str| {
        let points = line.split("points=\"").nth(1)?.split('"').next()?;
        let index = |pair: &str| pair.split_once(',')?.1.trim().parse::<f64>().ok();
        points.split_whitespace().map(index).collect::<Option<Vec<_>>>()
    };
    // The first corner is the tip; y grows downwards.
    let triangles =
        drawn.split('<').filter(|tag| tag.starts_with("polygon") && tag.contains(&strong));
    let tips: Vec<bool> =
        triangles.filter_map(corners).map(|corners| corners[0] < corners[1]).collect();
    // Each picture is drawn for wide and for narrow screens.
    assert_eq!(tips, [[true, false, true, false].as_slice(); 2].concat());
}
