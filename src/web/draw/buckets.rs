//! The names of buckets: which have an order of their own, and the ranges that a histogram's stand for.

use crate::aggregate::figure::{Figure, Kind, Row};
use crate::collection::frame::TOO_FEW;
use crate::web::numbers::grouped;

/// The bucket for everything else, which is always last.
const OTHER: &str = "other";

/// What is shown of the stacks that are only counted together, as too few reports have them.
pub(in crate::web) const RARE: &str = "stacks too rare to show";

/// The name of a stack by its innermost frame.
pub(in crate::web) fn stack_name(frame: &str) -> &str {
    if frame == TOO_FEW { RARE } else { frame }
}

/// Whether a row stands for all stacks that are too rare to be shown.
pub(in crate::web) fn is_rare(figure: &Figure, row: &Row) -> bool {
    figure.kind == Kind::Stack && row.label == TOO_FEW
}

/// Whether rows keep their order, rather than being sorted by share: those of a histogram, of versions, and
/// those whose names are numbers or versions.
pub(super) fn have_order(figure: &Figure, rows: &[Row]) -> bool {
    match figure.kind {
        Kind::Histogram | Kind::Stack => true,
        Kind::Partition | Kind::Timeseries | Kind::Ratio => {
            if figure.counter.is_none() {
                return true;
            }
            let named = || rows.iter().filter(|row| row.label != OTHER);
            named().count() > 1 && named().all(|row| is_number_or_version(&row.label))
        }
    }
}

/// Whether a name begins as a number or a version does: `10`, `<10ms`, `v1.2.3`, `go1.26`, `1.95.0`.
fn is_number_or_version(label: &str) -> bool {
    let label = label.trim_start_matches(['<', '>', '=', '≤', '≥', '~', '+']).trim_start();
    let label =
        ["go", "rust", "v"].iter().find_map(|name| label.strip_prefix(name)).unwrap_or(label);
    label.starts_with(|c: char| c.is_ascii_digit())
}

/// Rows in the order in which people read them: the largest share first, or else as they are; `other` and stacks that
/// are too rare to be shown last.
pub(in crate::web) fn in_reading_order<'a>(figure: &Figure, rows: &'a [Row]) -> Vec<&'a Row> {
    let mut all: Vec<&Row> = rows.iter().collect();
    if !have_order(figure, rows) {
        let size = |row: &Row| match &row.distribution {
            None => row.estimate.share.value,
            Some(found) => found.quantiles.iter().map(|quantile| quantile.quotient.value).sum(),
        };
        all.sort_by(|a, b| {
            let other = |row: &Row| row.label == OTHER;
            other(a).cmp(&other(b)).then(size(b).total_cmp(&size(a)))
        });
    }
    // Stable: the others stay in their order.
    all.sort_by_key(|row| is_rare(figure, row));
    all
}

/// The name of a row as it is shown. Where all buckets of a histogram are whole numbers, each is the lowest
/// value of a range that ends before the next: `10 to 19`, `20 and more`.
pub(in crate::web) fn label_of(figure: &Figure, row: &Row) -> String {
    if figure.kind != Kind::Histogram {
        let name = if is_rare(figure, row) { RARE } else { &row.label };
        return name.to_owned();
    }
    let number = |label: &str| label.parse::<u64>().ok().filter(|n| n.to_string() == label);
    let current = || figure.rows.iter().filter(|other| !other.removed && other.label != OTHER);
    let Some(from) = number(&row.label) else { return row.label.clone() };
    if row.removed || current().count() < 2 || !current().all(|row| number(&row.label).is_some()) {
        return row.label.clone();
    }
    let next = current().filter_map(|row| number(&row.label)).filter(|next| *next > from).min();
    match next {
        None => format!("{} and more", grouped(from)),
        Some(next) if next == from + 1 => grouped(from),
        Some(next) => format!("{} to {}", grouped(from), grouped(next - 1)),
    }
}

/// Versions, platforms and toolchains with fewer reports than this share a row.
pub(in crate::web) const FEW: u64 = 20;

/// Whether a row of a figure is one of those that share a row: those of versions, platforms and toolchains,
/// if the figure itself has more reports.
pub(in crate::web) fn is_folded(figure: &Figure, row: &Row) -> bool {
    figure.counter.is_none() && figure.base.reports >= FEW && row.estimate.reports < FEW
}

/// What the rows of a figure are, in the singular.
pub(in crate::web) fn rows_are(figure: &Figure) -> &'static str {
    match (figure.kind, figure.counter.is_some(), figure.id.as_str()) {
        (Kind::Stack, ..) => "stack",
        (_, false, "program-versions") => "version",
        (_, false, "platforms") => "platform",
        (_, false, "toolchains") => "toolchain",
        _ => "bucket",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts_fixture as fixture;

    fn figure(kind: Kind, labels: &[(&str, f64)]) -> Figure {
        let week = fixture::week(fixture::NEWEST);
        let mut found = week.programs.into_iter().flat_map(|program| program.charts);
        let mut figure = found.find(|figure| figure.counter.is_some()).expect("a figure");
        let template = figure.rows.first().expect("a row").clone();
        let row = |(label, share): &(&str, f64)| {
            let mut row = template.clone();
            row.label = (*label).to_owned();
            row.estimate.share.value = *share;
            row.distribution = None;
            row
        };
        figure.kind = kind;
        figure.rows = labels.iter().map(row).collect();
        figure
    }

    fn ordered(labels: &[(&str, f64)]) -> Vec<String> {
        let figure = figure(Kind::Partition, labels);
        in_reading_order(&figure, &figure.rows).iter().map(|row| row.label.clone()).collect()
    }

    #[test]
    fn buckets_are_sorted_by_share_unless_they_are_numbers_or_versions() {
        assert_eq!(
            ordered(&[("vim", 0.1), ("other", 0.9), ("emacs", 0.3)]),
            ["emacs", "vim", "other"]
        );
        for labels in [["1", "20"], ["<10ms", ">=10ms"], ["v1.2.0", "v1.10.0"], ["go1.9", "go1.20"]]
        {
            let shares = [(labels[0], 0.1), (labels[1], 0.3), ("other", 0.6)];
            assert_eq!(ordered(&shares), [labels[0], labels[1], "other"]);
        }
    }

    #[test]
    fn stacks_that_are_too_rare_to_be_shown_are_last_and_say_so() {
        let figure = figure(Kind::Stack, &[(TOO_FEW, 0.9), ("main.b", 0.3), ("main.a", 0.3)]);
        let rows = in_reading_order(&figure, &figure.rows);
        let names: Vec<_> = rows.into_iter().map(|row| label_of(&figure, row)).collect();
        assert_eq!(names, ["main.b", "main.a", RARE]);
    }

    #[test]
    fn whole_numbers_of_a_histogram_are_ranges() {
        let labels = |labels: &[&str]| {
            let rows: Vec<_> = labels.iter().map(|label| (*label, 0.1)).collect();
            let figure = figure(Kind::Histogram, &rows);
            figure.rows.iter().map(|row| label_of(&figure, row)).collect::<Vec<_>>()
        };
        assert_eq!(
            labels(&["0", "1", "10", "1000", "20000"]),
            ["0", "1 to 9", "10 to 999", "1,000 to 19,999", "20,000 and more"]
        );
        assert_eq!(labels(&["<10ms", "10ms"]), ["<10ms", "10ms"]);
        assert_eq!(labels(&["10", "many"]), ["10", "many"]);
        assert_eq!(labels(&["010", "20"]), ["010", "20"]);
    }
}
