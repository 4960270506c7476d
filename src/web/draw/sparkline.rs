//! A small trend for cards: a line with its interval, as wide as a word.
//!
//! It has no axis and no numbers, so it stands beside a figure and never alone. It starts at zero like every
//! picture, and a week without data is a gap. The last point is marked, hollow if its week is provisional.

use super::label;
use super::picture::{Measure, Point};
use crate::web::numbers;
use maud::{Markup, html};

/// Its size in pixels.
const WIDTH: f64 = 160.0;
const HEIGHT: f64 = 40.0;
/// The room for the mark at each end.
const MARGIN: f64 = 4.0;

/// A trend of these values, one per week, the newest last. `name` says what they are; it is followed by the
/// first and the last value. `provisional` says whether the last week may still change.
pub(in crate::web) fn sparkline(
    points: &[Option<Point>],
    measure: Measure,
    name: &str,
    provisional: bool,
) -> Markup {
    let top = points.iter().flatten().map(|point| point.high.max(point.value)).fold(0.0, f64::max);
    // Values that are all zero lie on the floor.
    let top = if top > 0.0 && top.is_finite() { top } else { 1.0 };
    let last = points.len().saturating_sub(1).max(1) as f64;
    let x = |week: usize| MARGIN + (WIDTH - 2.0 * MARGIN) * week as f64 / last;
    let y = |value: f64| HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * (value / top).clamp(0.0, 1.0);
    let at = |week: usize, value: f64| format!("{:.1},{:.1}", x(week), y(value));
    let joined = |points: Vec<String>| points.join(" ");
    let last = points.iter().enumerate().rev().find_map(|(week, point)| Some((week, (*point)?)));
    html! {
        svg.sparkline role="img" width=(WIDTH) height=(HEIGHT) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) }
            aria-label=(label::plain(&described(points, measure, name, provisional)))
        {
            line.floor x1=(MARGIN) x2=(WIDTH - MARGIN) y1=(y(0.0)) y2=(y(0.0)) {}
            @for run in runs(points) {
                @let over = run.iter().map(|(week, point)| at(*week, point.high));
                @let under = run.iter().rev().map(|(week, point)| at(*week, point.low));
                @match run.as_slice() {
                    [(week, only)] => {
                        line.only x1=(format!("{:.1}", x(*week))) x2=(format!("{:.1}", x(*week)))
                            y1=(format!("{:.1}", y(only.low))) y2=(format!("{:.1}", y(only.high))) {}
                    }
                    run => {
                        polygon.band points=(joined(over.chain(under).collect())) {}
                        polyline.line
                            points=(joined(run.iter().map(|(week, point)| at(*week, point.value)).collect())) {}
                    }
                }
            }
            @if let Some((week, point)) = last {
                circle.last.provisional[provisional && week + 1 == points.len()]
                    cx=(format!("{:.1}", x(week))) cy=(format!("{:.1}", y(point.value))) r="3" {}
            }
        }
    }
}

/// Runs of weeks without a gap.
pub(super) fn runs(points: &[Option<Point>]) -> Vec<Vec<(usize, Point)>> {
    let mut runs = vec![Vec::new()];
    for (week, point) in points.iter().enumerate() {
        match (point, runs.last_mut()) {
            (Some(point), Some(run)) => run.push((week, *point)),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The trend in words.
fn described(points: &[Option<Point>], measure: Measure, name: &str, provisional: bool) -> String {
    let valued: Vec<&Point> = points.iter().flatten().collect();
    let value = |point: &Point| match measure {
        Measure::Share => format!(
            "{} ({})",
            numbers::percent(point.value),
            numbers::percent_range(point.low, point.high)
        ),
        Measure::Quotient => numbers::quotient(point.value),
    };
    match valued.as_slice() {
        [] => format!("{name}: no data in these weeks"),
        [only] => format!("{name}: {} in one week", value(only)),
        [first, .., last] => format!(
            "{name} over {} weeks: from {} to {}{}",
            points.len(),
            value(first),
            value(last),
            if provisional { ", which is provisional" } else { "" }
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::figure::Interval;

    fn weeks(values: &[Option<f64>]) -> Vec<Option<Interval>> {
        let point = |value: f64| Interval { value, low: value * 0.9, high: value * 1.1 };
        values.iter().map(|value| value.map(point)).collect()
    }

    #[test]
    fn it_is_named_and_marks_its_last_point() {
        let points = weeks(&[Some(0.2), Some(0.3), None, Some(0.4)]);
        let drawn = sparkline(&points, Measure::Share, "Uses <vim>", true).into_string();
        let name = "Uses &lt;vim&gt; over 4 weeks: from 20.0% (18.0 to 22.0%) to 40.0% (36.0 to 44.0%), which is \
                    provisional";
        assert!(drawn.contains(&format!("aria-label=\"{name}\"")), "{drawn}");
        // One run of two weeks, a gap, and a single week.
        assert_eq!(drawn.matches("<polyline").count(), 1);
        assert_eq!(drawn.matches("class=\"only\"").count(), 1);
        assert!(drawn.contains("class=\"last provisional\" cx=\"156.0\""), "{drawn}");
        assert!(!drawn.contains("style"), "{drawn}");
    }

    #[test]
    fn it_starts_at_zero() {
        let drawn = sparkline(&weeks(&[Some(0.5), Some(1.0)]), Measure::Share, "a", false);
        // The top is 1.1, the floor 36 pixels down.
        assert!(
            drawn.into_string().contains("polyline class=\"line\" points=\"4.0,21.5 156.0,6.9\"")
        );
    }

    #[test]
    fn nothing_is_drawn_without_data() {
        for points in [vec![], weeks(&[None, None]), weeks(&[Some(0.0)])] {
            let drawn = sparkline(&points, Measure::Quotient, "a", false).into_string();
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
        let nothing = sparkline(&[], Measure::Share, "a", false).into_string();
        assert!(nothing.contains("no data in these weeks") && !nothing.contains("circle"));
    }
}
