//! A chart in short: its question, the figure that is read first, its trend, and how much it changed.

use super::address::{self, Form, Weeks};
use super::headline::Headline;
use super::jump::{self, Of};
use super::tables::{name, path, small};
use crate::aggregate::figure::{Figure, Jump};
use crate::web::draw;
use crate::web::numbers;
use crate::web::numbers::counted;
use maud::{Markup, html};
use std::num::NonZero;
use std::thread::{self, available_parallelism};

/// A chart that is shown as a card.
#[derive(Debug)]
pub(super) struct Card<'a> {
    pub(super) program: &'a str,
    /// The weeks that it leads to.
    pub(super) weeks: Weeks,
    pub(super) figure: &'a Figure,
    /// `None` if there is nothing to say.
    pub(super) headline: Option<Headline>,
    /// The confidence of its intervals.
    pub(super) confidence: f64,
    /// Whether its newest week may still change.
    pub(super) provisional: bool,
    pub(super) jump: Option<(Of, Jump)>,
}

/// The most threads that compute changes.
const THREADS: usize = 4;
/// The fewest cards that are worth a thread.
const FEWEST: usize = 4;

/// Computes the changes of cards, on several processors, as each takes a millisecond.
pub(super) fn compute(cards: &[&Card<'_>]) {
    let threads = available_parallelism().map_or(1, NonZero::get).min(THREADS);
    let each = cards.len().div_ceil(threads).max(FEWEST);
    let compute = |part: &[&Card<'_>]| {
        for card in part {
            if let Some(change) = card.headline.as_ref().and_then(Headline::change) {
                change.difference(card.confidence);
            }
        }
    };
    thread::scope(|scope| {
        for part in cards.chunks(each) {
            // What no thread computes is computed when it is shown.
            let _ = thread::Builder::new().spawn_scoped(scope, move || compute(part));
        }
    });
}

/// How many cards were compared with another week.
pub(super) fn compared(cards: &[Card<'_>]) -> usize {
    let change = |card: &&Card<'_>| card.headline.as_ref().and_then(Headline::change).is_some();
    cards.iter().filter(change).count()
}

/// Cards beside each other. With `programs`, each says which program it is of.
pub(super) fn grid(cards: &[Card<'_>], programs: bool) -> Markup {
    compute(&cards.iter().collect::<Vec<_>>());
    html! {
        ul.cards.charted { @for card in cards { li.card { (shown(card, programs)) } } }
    }
}

fn shown(card: &Card<'_>, program: bool) -> Markup {
    let figure = card.figure;
    html! {
        h3 {
            a href=(address::chart(card.program, card.weeks, &figure.id, Form::Page)) {
                (name(&figure.title))
            }
        }
        @if program { p.of { (path(card.program)) } }
        @match &card.headline {
            None => p.headline { "–" },
            Some(headline) => {
                (headline.figure())
                (headline.trend(&draw::plain(&figure.title), card.provisional))
                (headline.changed(card.confidence))
            }
        }
        @if let Some((of, jump)) = card.jump { p { (jump::mark(of, &jump)) } }
        p.reports {
            @match figure.base.reports {
                0 => "no report could have contained it",
                reports => { (counted(reports, "report")) (small(&figure.base)) }
            }
            @if !figure.collected { " " span.mark { "no longer collected" } }
        }
    }
}

/// How cards are read, and how many of them would be marked by chance. `compared` is how many were compared with
/// another week.
pub(super) fn explained(confidence: f64, weeks: &str, compared: usize) -> Markup {
    let chance = (1.0 - confidence) * compared as f64;
    let confidence = numbers::confidence(confidence);
    html! {
        p.note {
            "Each card shows the bucket that most installations had in the week; for stacks, the share of "
            "installations with any stack; for ratios, the median. Below it are the " (confidence)
            " confidence interval and the trend; each trend has a scale of its own. An arrow marks a change over " (weeks)
            " that is larger than chance would explain (" (confidence) " confidence)."
            @if chance >= 0.05 {
                " If nothing had changed, on average at most " (numbers::quotient(chance)) " of the "
                (counted(compared as u64, "chart")) " that were compared would be marked by chance alone."
            }
        }
    }
}
