//! What changed between two versions, as a list.

use crate::collection::difference::{Change, Difference, Phrase, difference};
use crate::collection::{CollectionConfig, count_of};
use crate::web::numbers;
use crate::web::source::LoadedConfig;
use maud::{Markup, html};

/// A change with more names than this is collapsed.
const UNFOLDED: usize = 12;

/// Once so many bytes of `config.json` were read for a list of versions, it has no more of them: to say what changed,
/// each is read whole.
pub(super) const READ: usize = 1 << 20;

/// What changed in a version.
#[derive(Debug)]
pub(super) enum Changes {
    /// It is the first: what it collects, in a sentence.
    First(String),
    /// The difference from the one before, which may be empty.
    Since(Difference),
    /// This program does not understand one of the two.
    Unknown(String),
}

impl Changes {
    /// What changed from `old` to `new`; without an old one, everything is new.
    pub(super) fn between(old: Option<&LoadedConfig>, new: &LoadedConfig) -> Changes {
        match (old.map(understood).transpose(), understood(new)) {
            (Err(unknown), _) | (_, Err(unknown)) => Changes::Unknown(unknown),
            (Ok(None), Ok(new)) => Changes::First(first(new)),
            (Ok(Some(old)), Ok(new)) => Changes::Since(difference(old, new)),
        }
    }

    /// The sentences as text, for a feed.
    pub(super) fn sentences(&self) -> Vec<String> {
        match self {
            Changes::First(first) => vec![first.clone()],
            Changes::Unknown(unknown) => vec![unknown.clone()],
            Changes::Since(difference) if difference.is_empty() => vec![SAME.to_owned()],
            Changes::Since(difference) => {
                difference.changes.iter().map(Change::to_string).collect()
            }
        }
    }

    /// The first `limit` changes, and a link to the rest if there are more.
    pub(super) fn list(&self, limit: usize, all: &str) -> Markup {
        let Changes::Since(difference) = self else {
            return html! { @for sentence in self.sentences() { p { (super::words::capitalized(&sentence)) "." } } };
        };
        if difference.is_empty() {
            return html! { p { (super::words::capitalized(SAME)) "." } };
        }
        // What is collected comes first, and is never left out.
        let (mut shown, others): (Vec<&Change>, Vec<&Change>) =
            difference.changes.iter().partition(|change| is_of_counters(change));
        let folded = shown.split_off(shown.len().min(limit.max(UNFOLDED)));
        shown.extend(others.into_iter().take(limit.saturating_sub(shown.len())));
        let rest = difference.changes.len() - shown.len() - folded.len();
        html! {
            ul.changes {
                @for change in shown { li { (sentence(change)) } }
                @if !folded.is_empty() {
                    li {
                        details {
                            summary { (numbers::counted(folded.len() as u64, "more change")) " of what is collected" }
                            ul { @for change in folded { li { (sentence(change)) } } }
                        }
                    }
                }
                @if rest > 0 {
                    li { a href=(all) { "and " (numbers::counted(rest as u64, "more change")) } }
                }
            }
        }
    }
}

fn understood(version: &LoadedConfig) -> Result<&CollectionConfig, String> {
    let unknown =
        |reason: &String| format!("the config of {} is not understood: {reason}", version.version);
    version.config.as_ref().map_err(unknown)
}

/// Whether a change is about which counters and stacks are collected, rather than from where.
fn is_of_counters(change: &Change) -> bool {
    match change {
        Change::Environments { .. } | Change::Versions { .. } | Change::SampleRate { .. } => false,
        Change::Program { .. }
        | Change::Collected { .. }
        | Change::Dropped { .. }
        | Change::Rate { .. }
        | Change::Depth { .. } => true,
    }
}

const SAME: &str = "nothing that is collected has changed, only the formatting of the file";

/// A summary of what a first version collects.
fn first(config: &CollectionConfig) -> String {
    let counters = config.programs.iter().flat_map(|program| &program.counters);
    let counters = counters.map(|counter| count_of(&counter.name) as u64).sum();
    let stacks = config.programs.iter().map(|program| program.stacks.len() as u64).sum();
    let count = |number, what| numbers::counted(number, what);
    format!(
        "the first version collects {} and {} of {}",
        count(counters, "counter"),
        count(stacks, "stack counter"),
        count(config.programs.len() as u64, "program"),
    )
}

/// A change with its names as code; collapsed if there are many names.
fn sentence(change: &Change) -> Markup {
    let phrases = change.sentence();
    let part = |phrase: &Phrase| match phrase {
        Phrase::Words(words) => html! { (words) },
        Phrase::Name(name) => html! { code { (name) } },
    };
    let names = phrases.iter().filter(|phrase| matches!(phrase, Phrase::Name(_))).count();
    if names <= UNFOLDED {
        return html! { @for phrase in &phrases { (part(phrase)) } };
    }
    // The last name is the program's.
    let of_program = matches!(phrases.as_slice(), [.., Phrase::Words(of), _] if of == " of ");
    let names = names as u64 - u64::from(of_program);
    html! {
        details {
            summary { (summary(&phrases)) " (" (numbers::counted(names, "name")) ")" }
            @for phrase in &phrases { (part(phrase)) }
        }
    }
}

/// The words before the first name, and the program after the last.
fn summary(phrases: &[Phrase]) -> Markup {
    let start = phrases.first().into_iter();
    let end = match phrases {
        [.., Phrase::Words(of), Phrase::Name(program)] if of == " of " => Some((of, program)),
        _ => None,
    };
    html! {
        @for phrase in start { @if let Phrase::Words(words) = phrase { (words.trim_end()) } }
        @if let Some((of, program)) = end { (of) code { (program) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_new_counters_are_folded_and_none_is_left_out() {
        let config = |counters: usize| {
            let counters: Vec<_> = (0..counters)
                .map(|n| serde_json::json!({ "Name": format!("c{n}"), "Rate": f64::from(n as u32 + 1) / 1000.0 }))
                .collect();
            let json = serde_json::json!({
                "GOOS": [], "GOARCH": [], "GoVersion": [], "SampleRate": 1,
                "Programs": [{ "Name": "example.org/p", "Versions": [], "Counters": counters }],
            });
            CollectionConfig::from_json(json.to_string().as_bytes()).expect("a config")
        };
        let changes = Changes::Since(difference(&config(1), &config(101)));
        let list = changes.list(5, "/all").into_string();
        let (open, folded) = list.split_once("<details>").expect("folded");
        assert!(open.matches("<li>").count() <= UNFOLDED + 1, "{list}");
        assert!(folded.contains(" of what is collected</summary>"), "{list}");
        assert!((1..=100).all(|n| list.contains(&format!("<code>c{n}</code>"))), "{list}");
        let few = Changes::Since(difference(&config(1), &config(4))).list(5, "/all").into_string();
        assert!(!few.contains("<details>"), "{few}");
    }
}
