//! Values over weeks: a line for each series, with a band for its intervals.
//!
//! The value axis starts at zero. A week without data is a gap that no line crosses; a single week between
//! two gaps is a mark with a whisker. Series differ in colour and in the shape of their marks; their names
//! and last values are in a list below, in the same order. Each week has a tooltip with all its values.
//! Events are dashed lines with a flag.

use super::label;
use super::picture::{Lines, Measure, Picture, Point, Room, SMALL, Series, TEXT};
use super::scale::Scale;
use super::scene::{Filling, Frame, Glyph, Ink, Lettering, Plot, Scene, Side, Stroke};
use super::sparkline::runs;
use crate::web::numbers;
use crate::web::numbers::counted;

/// The height of the part with the lines.
const PLOT: f64 = 240.0;
const AXIS: f64 = 26.0;
/// The height of marks on weeks, and of a row of flags.
const MARKS: f64 = 16.0;
/// The height of a row of the list of series.
const LEGEND: f64 = 20.0;
/// With up to this many weeks, every value has a mark.
const MARKED: usize = 30;
/// How many rows of flags there are at most; more events have no flag.
const FLAGS: usize = 3;

/// A value as text.
pub(super) fn value(measure: Measure, value: f64) -> String {
    match measure {
        Measure::Share => numbers::percent(value),
        Measure::Quotient => numbers::quotient(value),
    }
}

/// What the tooltip of a week says.
fn tooltip(lines: &Lines, week: usize) -> String {
    let mut text = String::new();
    if let Some(last) = lines.weeks.get(week) {
        let first = last.saturating_sub(jiff::Span::new().days(6));
        text.push_str(&numbers::week(first, *last));
    }
    if let Some(Some(reports)) = lines.reports.get(week) {
        text.push_str(&format!(", n = {}", counted(*reports, "report")));
    }
    for (_, series) in &lines.series {
        let Some(Some(point)) = series.points.get(week) else { continue };
        let range = match lines.measure {
            Measure::Share => numbers::percent_range(point.low, point.high),
            Measure::Quotient => {
                format!("{} to {}", numbers::quotient(point.low), numbers::quotient(point.high))
            }
        };
        let value = value(lines.measure, point.value);
        text.push_str(&format!("\n{}: {value} ({range})", label::plain(&series.label)));
    }
    text
}

/// Where the flag of each event is: its row, and `None` where there is no room.
fn flags(lines: &Lines, plot: &Plot, room: Room) -> Vec<(f64, Option<usize>)> {
    let mut ends = [f64::NEG_INFINITY; FLAGS];
    let place = |event: &super::event::Event| {
        let x = plot.x(event.place(&lines.weeks).unwrap_or_default());
        let width = room.share(label::width(&event.label, SMALL) + 10.0);
        // On the left of its line if it would go beyond the picture.
        let from = if x + width > 1.0 { x - width } else { x };
        let row = ends.iter().position(|end| *end <= from);
        if let Some(end) = row.and_then(|row| ends.get_mut(row)) {
            *end = from + width;
        }
        (x, row)
    };
    lines.events.iter().map(place).collect()
}

/// Lines over weeks.
pub(super) fn scene(picture: &Picture, lines: &Lines, room: Room) -> Scene {
    let reach = picture.reach.unwrap_or_else(|| picture.own_reach());
    let scale = match lines.measure {
        Measure::Share => Scale::of_shares(reach, 5),
        Measure::Quotient => Scale::to(reach, 5),
    };
    let number = |tick| match lines.measure {
        Measure::Share => scale.percent(tick),
        Measure::Quotient => numbers::quotient(tick),
    };
    let widest = scale.ticks().map(|tick| label::width(&number(tick), SMALL)).fold(0.0, f64::max);
    let left = room.share(widest + 8.0);
    let last = lines.weeks.len().saturating_sub(1) as f64;
    // A margin at both ends; a single week is in the middle.
    let air = if lines.weeks.len() < 2 { 0.5 } else { last / 60.0 };
    let across = (-air, last + air);
    let frame = Frame { left, top: 0.0, right: 1.0, bottom: 0.0 };
    let mut plot = Plot { frame, across, upwards: (0.0, scale.end()) };
    let flags = flags(lines, &plot, room);
    let rows = flags.iter().filter_map(|(_, row)| *row).max().map_or(0, |row| row + 1);
    let jumps = if lines.jumps.iter().any(Option::is_some) { MARKS } else { 0.0 };
    let top = 8.0 + jumps + rows as f64 * MARKS;
    let high = room.height.map_or(PLOT, |height| (height - top - AXIS).max(60.0));
    plot.frame = Frame { top, bottom: top + high, ..frame };
    let mut scene = Scene::new(top + high + AXIS);
    for tick in scale.ticks() {
        let y = plot.y(tick);
        scene.line((left, y), (1.0, y), Stroke::new(Ink::Line, 1.0));
        scene.text_aside((left, y), -6.0, &number(tick), Lettering::new(SMALL, Side::End).muted());
    }
    dates(&mut scene, lines, &plot, room);
    let floor = plot.frame.bottom;
    scene.line((left, floor), (1.0, floor), Stroke::new(Ink::Strong, 1.0));
    draw_jumps(&mut scene, lines, &plot);
    draw_events(&mut scene, lines, &plot, room, &flags);
    for (ink, series) in &lines.series {
        bands(&mut scene, &plot, series, Ink::Series(*ink));
    }
    for (ink, series) in &lines.series {
        let may_change = if picture.provisional { lines.may_change } else { 0 };
        line(&mut scene, &plot, series, *ink, (lines.weeks.len(), may_change));
    }
    for week in 0..lines.weeks.len() {
        let has_value =
            |(_, series): &(usize, Series)| series.points.get(week).is_some_and(Option::is_some);
        if !lines.series.iter().any(has_value) {
            continue;
        }
        let at = week as f64;
        let frame = Frame { left: plot.x(at - 0.5), right: plot.x(at + 0.5), ..plot.frame };
        scene.titled(tooltip(lines, week), |scene| {
            scene.bar(frame, Ink::Strong, Filling::Unseen);
        });
    }
    scene
}

/// A triangle above each week whose number of reports jumps, with a dashed line below it.
fn draw_jumps(scene: &mut Scene, lines: &Lines, plot: &Plot) {
    let Frame { top, bottom, .. } = plot.frame;
    for (week, is_up) in lines.jumps.iter().enumerate() {
        let Some(is_up) = is_up else { continue };
        let x = plot.x(week as f64);
        let glyph = if *is_up { Glyph::Triangle } else { Glyph::TriangleDown };
        scene.mark((x, top - MARKS / 2.0), 4.5, glyph, Ink::Strong);
        scene.line((x, top), (x, bottom), Stroke::new(Ink::Muted, 1.0).dashed());
    }
}

fn draw_events(
    scene: &mut Scene,
    lines: &Lines,
    plot: &Plot,
    room: Room,
    flags: &[(f64, Option<usize>)],
) {
    let bottom = plot.frame.bottom;
    for (event, (x, row)) in lines.events.iter().zip(flags) {
        let (x, row) = (*x, *row);
        let title = label::plain(&format!("{}: {}", event.day, event.title));
        scene.titled(title, |scene| {
            let y = 8.0 + row.unwrap_or(0) as f64 * MARKS;
            let top = if row.is_some() { y } else { plot.frame.top };
            let stroke = Stroke::new(Ink::Muted, 1.0);
            let stroke = if event.is_config { stroke } else { stroke.dashed() };
            scene.line((x, top), (x, bottom), stroke);
            if row.is_some() {
                let width = room.share(label::width(&event.label, SMALL) + 10.0);
                let (side, aside) =
                    if x + width > 1.0 { (Side::End, -4.0) } else { (Side::Start, 4.0) };
                let look = Lettering::new(SMALL, side).muted().rimmed();
                scene.text_aside((x, y), aside, &event.label, look);
            }
        });
    }
}

/// The room between two dates.
const BETWEEN: f64 = 30.0;

/// A date below the axis: its week, its text, and the middle of it in pixels.
type DateBelow = (usize, String, f64);

/// The dates of every so many weeks, counted back from the last, so that it always has one; the year is with the
/// first one of each year. Those near an end are moved inwards.
fn dates_of_every(every: usize, lines: &Lines, plot: &Plot, room: Room) -> Vec<DateBelow> {
    let last = lines.weeks.len().saturating_sub(1);
    let mut year = None;
    let weeks = lines.weeks.iter().enumerate().skip(last % every).step_by(every);
    let date = |(index, week): (usize, &jiff::civil::Date)| {
        let mut date = numbers::day(*week);
        if year.replace(week.year()) != Some(week.year()) {
            date.push_str(&format!(" {}", week.year()));
        }
        let half = label::width(&date, SMALL) / 2.0;
        let middle = (plot.x(index as f64) * room.width).min(room.width - half).max(half);
        (index, date, middle)
    };
    weeks.map(date).collect()
}

/// Whether no two dates touch.
fn are_apart(dates: &[DateBelow]) -> bool {
    dates.windows(2).all(|pair| match pair {
        [(_, one, before), (_, other, after)] => {
            let needed = (label::width(one, SMALL) + label::width(other, SMALL)) / 2.0 + BETWEEN;
            after - before >= needed
        }
        _ => true,
    })
}

/// Dates below the axis, as many as fit.
fn dates(scene: &mut Scene, lines: &Lines, plot: &Plot, room: Room) {
    let fitting = (1..lines.weeks.len().max(2))
        .map(|every| dates_of_every(every, lines, plot, room))
        .find(|dates| are_apart(dates));
    // Not even two fit: the last one alone.
    let only = || dates_of_every(lines.weeks.len().max(1), lines, plot, room);
    for (index, date, middle) in fitting.unwrap_or_else(only) {
        let (x, bottom) = (plot.x(index as f64), plot.frame.bottom);
        scene.line((x, bottom), (x, bottom + 4.0), Stroke::new(Ink::Strong, 1.0));
        let look = Lettering::new(SMALL, Side::Middle).muted();
        scene.text_aside((x, bottom + 15.0), middle - x * room.width, &date, look);
    }
}

fn bands(scene: &mut Scene, plot: &Plot, series: &Series, ink: Ink) {
    for run in runs(&series.points) {
        let at = |week: usize, value: f64| plot.at((week as f64, value));
        match run.as_slice() {
            [(week, only)] => {
                scene.line(at(*week, only.low), at(*week, only.high), Stroke::new(ink, 1.5));
            }
            run => {
                let over = run.iter().map(|(week, point)| at(*week, point.high));
                let under = run.iter().rev().map(|(week, point)| at(*week, point.low));
                scene.band(over.chain(under).collect(), ink);
            }
        }
    }
}

fn line(
    scene: &mut Scene,
    plot: &Plot,
    series: &Series,
    ink: usize,
    (weeks, last): (usize, usize),
) {
    let stroke = Stroke::new(Ink::Series(ink), 2.0);
    for run in runs(&series.points) {
        let points: Vec<_> =
            run.iter().map(|(week, point): &(usize, Point)| (*week, point.value)).collect();
        let at = |(week, value): &(usize, f64)| plot.at((*week as f64, *value));
        let places: Vec<_> = points.iter().map(at).collect();
        let may_change = |week: usize| week + last >= weeks;
        let firm = points.iter().take_while(|(week, _)| !may_change(*week)).count();
        let (firm, rest) = (places.get(..firm), places.get(firm.saturating_sub(1)..));
        if let Some(firm) = firm.filter(|firm| firm.len() > 1) {
            scene.path(firm.to_vec(), stroke);
        }
        let dashed =
            rest.filter(|rest| rest.len() > 1 && firm.is_none_or(|f| f.len() < places.len()));
        if let Some(dashed) = dashed {
            scene.path(dashed.to_vec(), stroke.dashed());
        }
        for ((week, _), at) in points.iter().zip(&places) {
            if points.len() == 1 || weeks <= MARKED || may_change(*week) {
                scene.series_mark(*at, 3.2, ink, may_change(*week));
            }
        }
    }
}

/// The list of series, for a picture that is not on a page: as many beside each other as fit.
pub(super) fn legend(lines: &Lines, room: Room) -> Scene {
    let names = lines.series.iter().map(|(ink, series)| {
        let mut name = label::fit(&series.label, TEXT, room.width - 110.0);
        if let Some(last) = last_value(lines, series) {
            name.push_str(&format!(" {last}"));
        }
        (*ink, name)
    });
    let (mut x, mut y) = (0.0, LEGEND / 2.0);
    let mut scene = Scene::new(0.0);
    for (ink, name) in names {
        let width = 32.0 + label::width(&name, TEXT);
        if x > 0.0 && x + width > room.width {
            (x, y) = (0.0, y + LEGEND);
        }
        let from = room.share(x);
        let stroke = Stroke::new(Ink::Series(ink), 2.0);
        scene.line((from, y), (from + room.share(24.0), y), stroke);
        scene.series_mark((from + room.share(12.0), y), 3.6, ink, false);
        scene.text_aside((from, y), 32.0, &name, Lettering::new(TEXT, Side::Start));
        x += width + 18.0;
    }
    scene.height = y + LEGEND / 2.0 + 4.0;
    scene
}

/// The value of the last week, if it has one.
pub(super) fn last_value(lines: &Lines, series: &Series) -> Option<String> {
    let point = series.points.last().copied().flatten()?;
    Some(value(lines.measure, point.value))
}
