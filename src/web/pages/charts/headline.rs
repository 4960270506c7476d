//! What is read first of a chart: one figure with its interval, over weeks, and how much it changed.
//!
//! | kind | its figure |
//! | --- | --- |
//! | partition, histogram, time series | the share of the bucket that most installations have |
//! | ratio | the median of the row that most installations have |
//! | stack | the share of installations that have any of its stacks |
//!
//! **Changes** are measured from [`APART`] weeks before, so that a week's noise or a holiday weighs less, or
//! from the chart's first week if it is younger. If the interval of the difference
//! (`aggregate::statistics::difference`) does not include 0, the change is marked.

use super::in_week::InWeek;
use crate::aggregate::figure::{Figure, Interval, Kind, Row};
use crate::aggregate::statistics::difference::{self, is_beyond};
use crate::web::draw::{self, Measure};
use crate::web::numbers;
use maud::{Markup, html};
use std::sync::OnceLock;

/// How many weeks a trend has.
pub(super) const TREND: i64 = 26;
/// From how many weeks before changes are measured.
pub(super) const APART: usize = 4;

/// What a headline is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Of {
    /// The bucket with this label.
    Bucket(String),
    /// The median of the row with this label.
    Median(String),
    /// Any stack.
    AnyStack,
}

/// The figure that is read first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Headline {
    of: Of,
    /// What it is of, in words.
    named: String,
    value: Value,
    /// By week, the newest last; without the weeks before the first value.
    points: Vec<Option<Value>>,
    change: Option<Change>,
}

/// A value with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Value {
    interval: Interval,
    /// Whether there is no upper bound.
    open: bool,
}

/// Two weeks of a figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// How many weeks they are apart.
    weeks: usize,
    before: Interval,
    after: Interval,
    measure: Measure,
    /// The difference, once it was asked for.
    difference: OnceLock<Interval>,
}

impl Change {
    /// The difference, with its interval; always with the same confidence, that of its weeks. Of shares, this takes
    /// a millisecond the first time.
    pub(super) fn difference(&self, confidence: f64) -> Interval {
        *self.difference.get_or_init(|| match self.measure {
            Measure::Share => difference::of_shares(&self.before, &self.after, confidence),
            Measure::Quotient => difference::of_medians(&self.before, &self.after),
        })
    }

    /// Whether it is more than chance explains.
    pub(super) fn is_beyond(&self, confidence: f64) -> bool {
        is_beyond(&self.difference(confidence))
    }

    /// How much of it chance does not explain; of a median, as a part of what it was. 0 if chance explains all.
    pub(super) fn beyond(&self, confidence: f64) -> f64 {
        self.beyond_of(&self.difference(confidence))
    }

    /// About the same, at once: the squares of the distances to the bounds are added.
    pub(super) fn beyond_roughly(&self) -> f64 {
        self.beyond_of(&difference::of_medians(&self.before, &self.after))
    }

    fn beyond_of(&self, Interval { low, high, .. }: &Interval) -> f64 {
        let beyond = low.max(-high).max(0.0);
        match self.measure {
            Measure::Share => beyond,
            Measure::Quotient => (beyond / self.before.value.abs().max(f64::MIN_POSITIVE)).min(1.0),
        }
    }
}

/// The row that most installations have; of a chart that is still collected, one that is, too.
fn first_row(figure: &Figure) -> Option<&Row> {
    let rows = figure.rows.iter().filter(|row| !row.removed || !figure.collected);
    // The first of equal ones.
    rows.rev().max_by(|a, b| a.estimate.share.value.total_cmp(&b.estimate.share.value))
}

/// A bucket's name with the end of its counter's, as in `client:vscode`: `20` alone says nothing.
fn named(row: &Row) -> String {
    let Some((counter, bucket)) = row.counter.as_deref().and_then(|name| name.split_once(':'))
    else {
        return row.label.clone();
    };
    let last = counter.rsplit('/').next().unwrap_or(counter);
    format!("{last}:{bucket}")
}

impl Of {
    /// What the figure is of, and that in words.
    fn new(figure: &Figure) -> Option<(Of, String)> {
        Some(match figure.kind {
            Kind::Stack => (Of::AnyStack, "with any of its stacks".to_owned()),
            Kind::Ratio => {
                let row = first_row(figure)?;
                (Of::Median(row.label.clone()), format!("median of {}", named(row)))
            }
            _ => {
                let row = first_row(figure)?;
                (Of::Bucket(row.label.clone()), named(row))
            }
        })
    }

    /// The kind of its values.
    fn measure(&self) -> Measure {
        match self {
            Of::Median(_) => Measure::Quotient,
            Of::Bucket(_) | Of::AnyStack => Measure::Share,
        }
    }

    /// Its value in a week; `None` if it cannot be known.
    fn value(&self, week: InWeek<'_>) -> Option<Value> {
        if week.reports() == 0 {
            return None;
        }
        let (interval, open) = match self {
            Of::Bucket(label) => (week.share(label)?, false),
            Of::Median(label) => {
                let median = week.median(label)?;
                (median.quotient, median.open)
            }
            Of::AnyStack => match week.none() {
                Some(none) => {
                    let Interval { value, low, high } = none.share;
                    (Interval { value: 1.0 - value, low: 1.0 - high, high: 1.0 - low }, false)
                }
                // At least as many as have the most frequent one.
                None => (week.first_share()?, false),
            },
        };
        Some(Value { interval, open })
    }
}

impl Headline {
    /// Of a chart in a week. `earlier` is the same chart in each week before, the oldest first, and `apart`
    /// from how many weeks before its change is measured. `None` if there is nothing to say.
    pub(super) fn new(
        figure: &Figure,
        earlier: &[Option<InWeek<'_>>],
        apart: usize,
    ) -> Option<Headline> {
        let (of, named) = Of::new(figure)?;
        let value = of.value(InWeek::Figure(figure))?;
        let mut points: Vec<Option<Value>> =
            earlier.iter().map(|week| week.and_then(|week| of.value(week))).collect();
        points.push(Some(value));
        let last = points.len() - 1;
        let before = (1..=apart.min(last)).rev().find_map(|weeks| {
            let before = points.get(last - weeks).copied().flatten()?;
            Some((weeks, before))
        });
        let change = before.filter(|(_, before)| !before.open && !value.open).map(
            |(weeks, Value { interval: before, .. })| Change {
                weeks,
                before,
                after: value.interval,
                measure: of.measure(),
                difference: OnceLock::new(),
            },
        );
        let first = points.iter().position(Option::is_some).unwrap_or_default();
        points.drain(..first);
        Some(Headline { of, named, value, points, change })
    }

    pub(super) fn change(&self) -> Option<&Change> {
        self.change.as_ref()
    }

    fn measure(&self) -> Measure {
        self.of.measure()
    }

    fn number(&self, value: f64) -> String {
        match self.measure() {
            Measure::Share => numbers::percent(value),
            Measure::Quotient => numbers::quotient(value),
        }
    }

    /// The figure, large, and what it is of; then its interval.
    pub(super) fn figure(&self) -> Markup {
        let Interval { value, low, high } = self.value.interval;
        html! {
            p.headline {
                span.value { (self.number(value)) } " " (super::tables::path(&self.named))
            }
            p.range {
                @match self.value.open {
                    true => { "at least " (self.number(low)) }
                    false => { (self.number(low)) " to " (self.number(high)) }
                }
            }
        }
    }

    /// Its trend; empty if there is only one week.
    pub(super) fn trend(&self, title: &str, provisional: bool) -> Markup {
        let points: Vec<_> =
            self.points.iter().map(|point| point.map(|value| value.interval)).collect();
        let name = format!("{title}, {}", self.named);
        html! {
            @if points.len() > 1 { (draw::sparkline(&points, self.measure(), &name, provisional)) }
        }
    }

    /// How it changed, in words; marked if that is more than chance explains.
    pub(super) fn changed(&self, confidence: f64) -> Markup {
        let Some(change) = &self.change else {
            return html! { p.change { "no earlier week to compare with" } };
        };
        let difference = change.difference(confidence);
        let Interval { value, low, high } = difference;
        let since = match change.weeks {
            1 => "in a week".to_owned(),
            weeks => format!("in {weeks} weeks"),
        };
        let size = |value: f64| match self.measure() {
            Measure::Share => points(value.abs()),
            Measure::Quotient => numbers::quotient(value.abs()),
        };
        let unit = match self.measure() {
            Measure::Share => " points",
            Measure::Quotient => "",
        };
        let signed = |value: f64| match size(value) {
            zero if zero == "0" => zero,
            size if value < 0.0 => format!("−{size}"),
            size => format!("+{size}"),
        };
        html! {
            @if is_beyond(&difference) {
                @let (near, far) = if value > 0.0 { (low, high) } else { (high, low) };
                p.change {
                    span.mark.(if value > 0.0 { "up" } else { "down" }) {
                        (if value > 0.0 { "▲ up " } else { "▼ down " }) (size(value)) (unit)
                    }
                    " " (since) " (" (size(near)) " to " (size(far)) ")"
                }
            } @else {
                p.change {
                    "no clear change " (since) " (" (signed(low)) " to " (signed(high)) (unit) ")"
                }
            }
        }
    }
}

/// A difference of shares, in percentage points.
fn points(difference: f64) -> String {
    let points = difference * 100.0;
    match points {
        _ if points <= 0.0 => "0".to_owned(),
        _ if points < 0.01 => "<0.01".to_owned(),
        _ if points < 1.0 => format!("{points:.2}"),
        _ => format!("{points:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts_fixture::{base, estimate, figure, ratio_row};

    fn chart(kind: Kind, reports: u64, shares: &[(&str, f64)]) -> Figure {
        figure("a", "A", kind, base(reports, 1.0), shares)
    }

    fn shown(headline: &Headline) -> String {
        html! { (headline.figure()) (headline.changed(0.99)) }.into_string()
    }

    #[test]
    fn each_kind_has_its_figure() {
        let parts = chart(Kind::Partition, 1_000, &[("vim", 0.2), ("vs<code>", 0.6), ("x", 0.6)]);
        let text = shown(&Headline::new(&parts, &[], APART).expect("a figure"));
        assert!(text.contains("60.0%</span> <bdi>a:vs&lt;code&gt;</bdi>"), "{text}");
        assert!(text.contains("no earlier week to compare with"), "{text}");

        let mut ratio = chart(Kind::Ratio, 1_000, &[]);
        ratio.rows = vec![ratio_row("net", [0.0, 0.1, 0.42, 0.9, 2.1], &ratio.base)];
        let headline = Headline::new(&ratio, &[], APART).expect("a figure");
        assert!(shown(&headline).contains("0.42</span> <bdi>median of net</bdi>"));
        assert_eq!(headline.measure(), Measure::Quotient);

        let mut stack = chart(Kind::Stack, 1_000, &[("a.b", 0.1), ("a.c", 0.05)]);
        stack.none = Some(estimate(0.87, &stack.base));
        let text = shown(&Headline::new(&stack, &[], APART).expect("a figure"));
        assert!(text.contains("13.0%</span> <bdi>with any of its stacks</bdi>"), "{text}");

        assert_eq!(Headline::new(&chart(Kind::Partition, 0, &[("a", 0.0)]), &[], APART), None);
        assert_eq!(Headline::new(&chart(Kind::Partition, 9, &[]), &[], APART), None);
    }

    #[test]
    fn a_bucket_is_named_with_its_counter() {
        let mut parts = chart(Kind::Partition, 1_000, &[("20", 0.6)]);
        let name = |parts: &Figure| Headline::new(parts, &[], APART).expect("a figure").named;
        for (counter, expected) in [
            (Some("go/platform/darwin/major-version:20"), "major-version:20"),
            (Some("go/port:a/b"), "port:a/b"),
            (Some("crash/other"), "20"),
            (None, "20"),
        ] {
            parts.rows[0].counter = counter.map(str::to_owned);
            assert_eq!(name(&parts), expected, "{counter:?}");
        }
    }

    #[test]
    fn a_change_is_measured_from_four_weeks_before_or_the_first_week() {
        let weeks = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
        let charts = weeks.map(|share| chart(Kind::Partition, 2_000, &[("a", share), ("b", 0.05)]));
        let [earlier @ .., newest] = &charts;
        let earlier: Vec<_> = earlier.iter().map(|one| Some(InWeek::Figure(one))).collect();
        let change = |earlier: &[Option<InWeek<'_>>], apart| {
            let headline = Headline::new(newest, earlier, apart).expect("a figure");
            shown(&headline)
        };
        assert!(change(&earlier, APART).contains("▲ up 40.0 points</span> in 4 weeks ("));
        assert!(change(&earlier, 100).contains("▲ up 60.0 points</span> in 6 weeks ("));
        assert!(change(&earlier[4..], APART).contains("▲ up 20.0 points</span> in 2 weeks ("));
        let gap = [earlier[0], None, None, None, earlier[5]];
        assert!(change(&gap, APART).contains("▲ up 10.0 points</span> in a week ("));
        let headline =
            Headline::new(&charts[0], &[Some(InWeek::Figure(newest))], APART).expect("a figure");
        assert!(shown(&headline).contains("▼ down 60.0 points</span> in a week ("));
        let same = Headline::new(newest, &[Some(InWeek::Figure(newest))], APART).expect("a figure");
        assert!(shown(&same).contains("no clear change in a week (−"), "{}", shown(&same));
        assert!(same.change().is_some_and(|change| change.beyond(0.99) == 0.0));
    }

    #[test]
    fn a_change_is_worth_what_chance_does_not_explain() {
        let worth = |before: f64, after: f64, reports| {
            let chart = |share| chart(Kind::Partition, reports, &[("a", share)]);
            let (before, after) = (chart(before), chart(after));
            let headline =
                Headline::new(&after, &[Some(InWeek::Figure(&before))], APART).expect("a figure");
            let change = headline.change().expect("a change");
            (change.beyond(0.99), change.beyond_roughly(), change.is_beyond(0.99))
        };
        let (more, roughly, beyond) = worth(0.2, 0.5, 2_000);
        assert!(beyond && more > 0.2 && more < 0.3 && (more - roughly).abs() < 0.02, "{more}");
        // As large a change of fewer reports is worth less, and down is as much as up.
        assert!(worth(0.2, 0.5, 200).0 < more);
        assert!((worth(0.5, 0.2, 2_000).0 - more).abs() < 0.01);
        assert_eq!(worth(0.2, 0.21, 200), (0.0, 0.0, false));
    }
}
