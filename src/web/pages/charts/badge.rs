//! A badge: a chart's title and its most important number, on one line, for the front page of a repository.

use crate::aggregate::figure::{Figure, Kind};
use crate::web::draw::{NONE, is_rare, plain};
use crate::web::numbers;
use maud::html;

/// The longest title or value, in characters.
const LONGEST: usize = 40;
/// The height, and the size of the text, in pixels.
const HEIGHT: u32 = 20;
const TEXT: u32 = 11;
/// The space at both ends of a text.
const PADDING: u32 = 6;

/// The badge of a chart in a week.
pub(super) fn of(figure: &Figure) -> String {
    draw(&figure.title, &value(figure))
}

/// The most important number of a chart, in words.
fn value(figure: &Figure) -> String {
    let reports = || numbers::counted(figure.base.reports, "report");
    let rows = figure
        .rows
        .iter()
        .filter(|row| row.estimate.reports > 0 && row.label != NONE && !is_rare(figure, row));
    match figure.kind {
        Kind::Ratio => {
            let quantiles = figure.rows.iter().filter_map(|row| row.distribution.as_ref());
            let mut quantiles = quantiles.flat_map(|distribution| &distribution.quantiles);
            match quantiles.find(|quantile| (quantile.at - 0.5).abs() < 1e-9) {
                Some(median) => format!("median {}", short(median.quotient.value)),
                None => reports(),
            }
        }
        Kind::Stack => numbers::counted(rows.count() as u64, "stack"),
        Kind::Partition | Kind::Histogram | Kind::Timeseries => {
            let largest =
                rows.max_by(|a, b| a.estimate.share.value.total_cmp(&b.estimate.share.value));
            match largest {
                Some(row) => {
                    format!("{} {}", row.label, numbers::percent(row.estimate.share.value))
                }
                None => reports(),
            }
        }
    }
}

/// A number with at most three significant digits.
fn short(number: f64) -> String {
    let decimals = match number.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{number:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A text that fits, without characters that could not be drawn.
fn fitted(text: &str) -> String {
    let text = plain(text);
    match text.chars().count() > LONGEST {
        true => text.chars().take(LONGEST - 1).chain(['…']).collect(),
        false => text,
    }
}

/// The width of a text, which the renderer is told to keep to.
fn width(text: &str) -> u32 {
    // A good average for sans-serif letters of this size.
    u32::try_from(text.chars().count()).unwrap_or(0) * 13 / 2
}

fn draw(title: &str, value: &str) -> String {
    let (title, value) = (fitted(title), fitted(value));
    let (left, right) = (width(&title) + 2 * PADDING, width(&value) + 2 * PADDING);
    let all = left + right;
    let text = |text: &str, start: u32| {
        html! {
            text x=(start + PADDING) y="14" textLength=(width(text)) lengthAdjust="spacingAndGlyphs" { (text) }
        }
    };
    let badge = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(all) height=(HEIGHT) viewBox={ "0 0 " (all) " " (HEIGHT) }
            role="img" aria-label={ (title) ": " (value) } {
            title { (title) ": " (value) }
            rect width=(all) height=(HEIGHT) rx="3" fill="#0a5a83" {}
            path d={ "M3 0h" (left - 3) "v" (HEIGHT) "H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" } fill="#3d444c" {}
            g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size=(TEXT) {
                (text(&title, 0))
                (text(&value, left))
            }
        }
    };
    badge.into_string() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_says_its_title_and_value_to_everyone() {
        let badge = draw("Editors <&> friends", "vim 44.0%");
        for part in [
            "aria-label=\"Editors &lt;&amp;&gt; friends: vim 44.0%\"",
            "<title>Editors",
            "</svg>\n",
        ] {
            assert!(badge.contains(part), "{part} is not in {badge}");
        }
        assert!(!badge.contains("style="), "{badge}");
        let long = draw(&"x".repeat(100), "1");
        assert!(long.contains(&format!("{}…<", "x".repeat(LONGEST - 1))), "{long}");
    }

    #[test]
    fn numbers_are_short() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (1.256, "1.26"),
            (12.34, "12.3"),
            (1234.5, "1234"),
            (100.0, "100"),
        ] {
            assert_eq!(short(number), text);
        }
    }
}
