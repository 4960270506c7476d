//! The pictures of one week's figures: which rows are drawn, in which order, with which notes.
//!
//! What a note says must be true of its picture: it is made from what is drawn.

use super::buckets::{self, FEW, in_reading_order, is_folded, is_rare, rows_are};
use super::picture::{Bar, BarRows, BoxRow, Picture, Shown, chosen};
use crate::aggregate::figure::{self, Base, Figure, Interval, Kind, Row, SMALL};
use crate::web::numbers;
use crate::web::numbers::{counted, grouped};

/// The most bars of unordered buckets that are drawn; the rest is in the table.
pub(super) const BARS: usize = 25;
/// The most stacks that are drawn.
pub(super) const STACKS: usize = 10;
/// The most bars of a histogram: more would be thinner than their whiskers on a phone.
pub(super) const ADJOINING: usize = 100;

/// The label of the reports with none of a figure's buckets.
pub(in crate::web) const NONE: &str = "none of these";

/// Whether an estimate is based on so few reports that it is marked.
pub(in crate::web) fn is_small(base: &Base) -> bool {
    base.effective < SMALL
}

/// What the values of a figure are, with their unit.
fn axis(figure: &Figure) -> String {
    let several = |what: &str| format!("{what}; several are possible");
    match (figure.kind, rows_are(figure), figure.rows.len()) {
        (Kind::Ratio, ..) => {
            let counter =
                |name: &str| name.split_once(":{").map_or(name, |(name, _)| name).to_owned();
            let counted = counter(figure.counter.as_deref().unwrap_or("the counter"));
            let over = counter(figure.over.as_deref().unwrap_or("the divisor"));
            format!("Counts of {counted} for each count of {over}, of one installation in the week")
        }
        (Kind::Stack, ..) => {
            several("Share of installations in which it occurred at least once in the week")
        }
        (_, "bucket", 0 | 1) => {
            "Share of installations that counted it at least once in the week".to_owned()
        }
        (_, "bucket", _) => {
            several("Share of installations that counted it at least once in the week")
        }
        (_, "platform", _) => several("Share of installations on this platform in the week"),
        (_, what, _) => several(&format!("Share of installations with this {what} in the week")),
    }
}

/// What [`Picture::of_rows`] draws.
struct Drawn<'a> {
    figure: &'a Figure,
    base: &'a Base,
    rows: &'a [Row],
    apart: Option<Bar>,
    /// The rows whose shares are marked beside those of the same bucket.
    beside: &'a [Row],
    /// Whether the shares exclude each other.
    exclusive: bool,
    /// Whether rows are drawn as they are ordered, and not in the order in which a figure of its own is read.
    as_ordered: bool,
    /// Whether stacks have ranks.
    ranked: bool,
    axis: String,
    confidence: f64,
}

impl Drawn<'_> {
    fn label(&self, row: &Row) -> String {
        let label = buckets::label_of(self.figure, row);
        if row.removed { format!("{label} †") } else { label }
    }

    fn bar(&self, row: &Row) -> Bar {
        let same = |other: &&Row| {
            (&other.label, &other.counter, &other.frames) == (&row.label, &row.counter, &row.frames)
        };
        Bar {
            label: self.label(row),
            share: row.estimate.share,
            reports: (row.estimate.reports, row.base.unwrap_or(*self.base).reports),
            beside: self.beside.iter().find(same).map(|row| row.estimate.share.value),
        }
    }

    /// The box of a distribution; `None` if quantiles are missing.
    fn boxed(&self, row: &Row) -> Option<BoxRow> {
        let quantile = |at: f64| {
            let all = &row.distribution.as_ref()?.quantiles;
            all.iter().find(|quantile| (quantile.at - at).abs() < 1e-9)
        };
        let median = quantile(0.5)?;
        Some(BoxRow {
            label: self.label(row),
            outer: (quantile(0.05)?.quotient.value, quantile(0.95)?.quotient.value),
            inner: (quantile(0.25)?.quotient.value, quantile(0.75)?.quotient.value),
            median: median.quotient,
            open: median.open,
            reports: row.base.unwrap_or(*self.base).reports,
        })
    }
}

impl Picture {
    /// The picture of one week's figure, whose intervals have this confidence.
    pub(in crate::web) fn of_week(figure: &Figure, confidence: f64) -> Picture {
        Picture::of_figure(figure, confidence, false, NONE)
    }

    /// The same with its rows as they are ordered, to stand beside pictures with the same rows.
    /// `none` names the reports with none of the figure's buckets, of which there may be more than these rows. Stacks have
    /// no ranks, which are those of one figure.
    pub(in crate::web) fn as_ordered(figure: &Figure, confidence: f64, none: &str) -> Picture {
        Picture::of_figure(figure, confidence, true, none)
    }

    fn of_figure(figure: &Figure, confidence: f64, as_ordered: bool, none: &str) -> Picture {
        let apart_label = none;
        let apart = figure.none.map(|none| Bar {
            label: apart_label.to_owned(),
            share: none.share,
            reports: (none.reports, figure.base.reports),
            beside: None,
        });
        let mut picture = Picture::of_rows(Drawn {
            figure,
            base: &figure.base,
            rows: &figure.rows,
            apart,
            beside: &[],
            exclusive: false,
            as_ordered,
            ranked: !as_ordered,
            axis: axis(figure),
            confidence,
        });
        if figure.left_out > 0 && !matches!(picture.shown, Shown::Nothing(_)) {
            let others = grouped(figure.left_out);
            picture.notes.push(format!("Rarer stacks that are not stored: {others}."));
        }
        picture
    }

    /// The bucket that each installation counted most: shares that exclude each other. `None` if the figure
    /// does not have them, as where no installation counted several.
    pub(in crate::web) fn counted_most(figure: &Figure, confidence: f64) -> Option<Picture> {
        let most = |row: &Row| {
            let estimate = row.most?;
            Some(Row { estimate, base: None, ..row.clone() })
        };
        let rows = figure.rows.iter().map(most).collect::<Option<Vec<Row>>>()?;
        if rows.len() < 2 {
            return None;
        }
        let apart = figure.none.map(|none| Bar {
            label: NONE.to_owned(),
            share: none.share,
            reports: (none.reports, figure.base.reports),
            beside: None,
        });
        Some(Picture::of_rows(Drawn {
            figure,
            base: &figure.base,
            rows: &rows,
            apart,
            beside: &[],
            exclusive: true,
            as_ordered: false,
            ranked: true,
            axis: "Share of installations that counted it more often than any other in the week; \
                   together these shares are 100%"
                .to_owned(),
            confidence,
        }))
    }

    /// The same as [`of_week`](Picture::of_week), reweighted to published marginals, with marks at the
    /// unweighted shares.
    pub(in crate::web) fn reweighted(
        figure: &Figure,
        reweighted: &figure::Reweighted,
        confidence: f64,
    ) -> Picture {
        let base = &reweighted.base;
        let mut picture = Picture::of_rows(Drawn {
            figure,
            base,
            rows: &reweighted.rows,
            apart: None,
            beside: &figure.rows,
            exclusive: false,
            as_ordered: false,
            ranked: true,
            axis: axis(figure),
            confidence,
        });
        if let Shown::Bars(rows) | Shown::Histogram(rows) = &picture.shown {
            let marked = rows.bars.iter().any(|bar| bar.beside.is_some());
            let diamonds = if marked { "Diamonds: unweighted. " } else { "" };
            let worth = numbers::total(base.effective);
            picture
                .notes
                .push(format!("{diamonds}After weighting, these reports are worth {worth}."));
        }
        picture
    }

    fn of_rows(drawn: Drawn) -> Picture {
        let Drawn { figure, base, rows, confidence, .. } = &drawn;
        if base.reports == 0 {
            let why = "No report of this week could have contained what is counted here.";
            return Picture::nothing(why);
        }
        let reports = format!("n = {}", counted(base.reports, "report"));
        if rows.is_empty() && drawn.apart.is_none() {
            return Picture::nothing(&format!("Nothing was counted ({reports})."));
        }
        let hollow = is_small(base);
        let intervals = numbers::confidence(*confidence);
        let mut notes = Vec::new();
        let ordered = match drawn.as_ordered {
            true => rows.iter().collect(),
            false => in_reading_order(figure, rows),
        };
        let (folded, ordered): (Vec<&Row>, Vec<&Row>) =
            ordered.into_iter().partition(|row| is_folded(figure, row));
        let share = |row: &&Row| row.estimate.share.value;
        let whiskers = format!("Whiskers: {intervals} intervals.");
        let (shown, chosen_rows, left_out) = match figure.kind {
            Kind::Ratio => {
                let (chosen_rows, left_out) = chosen(&ordered, BARS, share);
                let boxes: Vec<_> = chosen_rows.iter().filter_map(|row| drawn.boxed(row)).collect();
                if boxes.is_empty() {
                    return Picture::nothing(&format!("Too few reports for a median ({reports})."));
                }
                notes.push(format!(
                    "Thick stroke: median, bracket: its {intervals} interval. Box: middle half. Line: from 5% \
                     to 95% of installations."
                ));
                let without = chosen_rows.len() - boxes.len();
                if without > 0 {
                    notes.push(format!("{} without a median.", counted(without as u64, "row")));
                }
                (Shown::Boxes(boxes), chosen_rows, left_out)
            }
            Kind::Stack => {
                notes.push(whiskers);
                // Ranks distinguish stacks with the same first frame.
                let ranked = ordered.iter().take(STACKS).zip(1..);
                let bars = ranked.map(|(row, rank)| {
                    let bar = drawn.bar(row);
                    match drawn.ranked && !is_rare(figure, row) {
                        true => Bar { label: format!("{rank}. {}", bar.label), ..bar },
                        false => bar,
                    }
                });
                let bars = BarRows { bars: bars.collect(), apart: drawn.apart.clone() };
                let left_out = ordered.len().saturating_sub(STACKS);
                (Shown::Bars(bars), ordered.iter().take(STACKS).collect(), left_out)
            }
            Kind::Histogram | Kind::Partition | Kind::Timeseries => {
                notes.push(whiskers);
                let adjoining = figure.kind == Kind::Histogram && drawn.exclusive;
                let (chosen_rows, left_out) = match figure.kind {
                    Kind::Histogram => (
                        ordered.iter().take(ADJOINING).collect(),
                        ordered.len().saturating_sub(ADJOINING),
                    ),
                    _ => chosen(&ordered, BARS, share),
                };
                let bars = chosen_rows.iter().map(|row| drawn.bar(row)).collect();
                let bars = BarRows { bars, apart: drawn.apart.clone() };
                let shown = if adjoining { Shown::Histogram(bars) } else { Shown::Bars(bars) };
                (shown, chosen_rows, left_out)
            }
        };
        if hollow {
            // Reports with the same weight are worth their number, which is said already.
            let worth = match base.reports as f64 - base.effective {
                less if less < 0.5 => String::new(),
                _ => match numbers::quotient(base.effective).as_str() {
                    "1" => ", worth only 1 report".to_owned(),
                    worth => format!(", worth only {worth} reports"),
                },
            };
            notes.push(format!(
                "Hollow: a small sample{worth}. Read the intervals, not the \
                 {}.",
                if figure.kind == Kind::Ratio { "boxes" } else { "bars" }
            ));
        }
        if chosen_rows.iter().any(|row| row.removed) {
            notes.push("† is no longer collected.".to_owned());
        }
        if chosen_rows.iter().any(|row| row.base.is_some()) {
            notes.push(
                "Some rows were not collected from all these reports; the table says from how many."
                    .to_owned(),
            );
        }
        if left_out > 0 {
            let (shown, more) = (chosen_rows.len() as u64, grouped(left_out as u64));
            let which = match figure.kind {
                Kind::Histogram => "first",
                _ => "largest",
            };
            notes.push(format!("The {} {which}; {more} more in the table.", grouped(shown)));
        }
        if !folded.is_empty() {
            let what = counted(folded.len() as u64, rows_are(figure));
            notes.push(format!("{what} with under {FEW} reports: one row of the table."));
        }
        let rows: Vec<&Row> = chosen_rows.into_iter().copied().collect();
        let description = describe(&drawn, &rows);
        Picture {
            shown,
            axis: drawn.axis.clone(),
            sample: Some(reports),
            notes,
            description,
            hollow,
            provisional: false,
            reach: None,
            confidence: *confidence,
        }
    }
}

/// The picture in words: its kind, its largest values, and how many reports it is based on.
fn describe(drawn: &Drawn, rows: &[&Row]) -> String {
    let kind = drawn.figure.kind;
    let what = match kind {
        Kind::Histogram if drawn.exclusive => "Histogram",
        Kind::Ratio => "Box plot",
        _ => "Bar chart",
    };
    let mut text = format!("{what} of {}", counted(rows.len() as u64, "row"));
    let mut largest = rows.to_vec();
    largest.sort_by(|a, b| b.estimate.share.value.total_cmp(&a.estimate.share.value));
    let values = largest.iter().take(3).map(|row| {
        let label = drawn.label(row);
        match row.distribution.as_ref().and_then(|_| drawn.boxed(row)) {
            Some(found) => format!("{label}: median {}", numbers::quotient(found.median.value)),
            None => {
                let Interval { value, low, high } = row.estimate.share;
                let (value, range) = (numbers::percent(value), numbers::percent_range(low, high));
                format!("{label} {value} ({range})")
            }
        }
    });
    let values: Vec<_> = values.collect();
    if !values.is_empty() {
        text.push_str(if kind == Kind::Ratio { ". " } else { ". Largest: " });
        text.push_str(&values.join("; "));
    }
    text.push_str(&format!(
        ". From {}. The table has the numbers.",
        counted(drawn.base.reports, "report")
    ));
    text
}
