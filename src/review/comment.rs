//! A proposal as a comment in Markdown: short enough for a forge, with long lists folded.

use super::lints::Lint;
use super::markdown::{code, message};
use super::proposal::Proposal;
use super::words::{CUT, document, marked};
use crate::charts::diagnostic::{Diagnostic, Severity};
use crate::count::count;
use std::fmt::Write;

/// How a comment begins, by which the one that a proposal already has is found.
pub const MARK: &str = "<!-- candor check -->";

/// The longest comment, in bytes: GitHub takes 65,536 characters, and a workflow may add a line.
const LONGEST_COMMENT: usize = 60_000;
/// To how many lines sections are cut, one after the other, until a comment is short enough.
const MOST_LINES: [usize; 11] = [1000, 500, 300, 200, 150, 100, 50, 25, 10, 3, 1];
/// The most bytes around folded groups.
const FOLD: usize = 120;
/// The most bytes of the line that says what is left out, with its command.
const SAYS_WHAT_IS_LEFT_OUT: usize = 600;
/// Begins the line that says what is left out.
const LEFT_OUT: &str = "**Not everything fits into a comment:**";

/// The proposal as a comment in Markdown, with what was found in the definitions. Long lists of what is newly
/// collected are folded. What is too much for a comment is left out, and counted; `command` prints everything.
pub fn markdown(proposal: Option<&Proposal>, found: &[Diagnostic], command: &str) -> String {
    let mut sections = Vec::new();
    for (heading, items) in proposal.into_iter().flat_map(|proposal| document(proposal).0) {
        let lines = items.iter().map(|item| Line {
            text: format!("- {}\n", marked(item.short.as_ref().unwrap_or(&item.whole))),
            groups: item.groups.iter().map(|group| code(group)).collect(),
            is_cut: item.short.is_some() && item.groups.is_empty(),
        });
        let lines = lines.collect();
        sections.push(Section { heading: marked(&heading), lines, is_finding: false });
    }
    // The proposal's own section names these.
    let is_told = |one: &Diagnostic| {
        proposal.is_some()
            && [Lint::Expired, Lint::Expiring].iter().any(|lint| one.code == Some(lint.code()))
    };
    let found: Vec<&Diagnostic> = found.iter().filter(|one| !is_told(one)).collect();
    for (severity, title) in [(Severity::Error, "Mistakes"), (Severity::Warning, "Look twice at")] {
        let found = found.iter().filter(|one| one.severity == severity);
        let lines: Vec<Line> = found
            .map(|one| Line { text: markdown_line(one), groups: Vec::new(), is_cut: false })
            .collect();
        if !lines.is_empty() {
            sections.push(Section { heading: title.to_owned(), lines, is_finding: true });
        }
    }
    fitting(sections, command)
}

/// A line of Markdown, and the groups of counters that are folded below it, as code.
struct Line {
    text: String,
    groups: Vec<String>,
    /// Whether the text leaves names out that are not among the groups, either.
    is_cut: bool,
}

/// A heading and what is below it.
struct Section {
    heading: String,
    lines: Vec<Line>,
    /// Whether it is what was found in the definitions.
    is_finding: bool,
}

/// Sections as a comment that is not too long.
fn fitting(mut sections: Vec<Section>, command: &str) -> String {
    let write = |sections: &[Section], most, room| written(sections, most, room, 0, command);
    let whole = write(&sections, usize::MAX, usize::MAX);
    if whole.len() <= LONGEST_COMMENT {
        return whole;
    }
    // What is newly collected has half of the room, if it needs it.
    let groups = whole.len() - write(&sections, usize::MAX, 0).len().min(whole.len());
    let room = LONGEST_COMMENT - groups.min(LONGEST_COMMENT / 2) - SAYS_WHAT_IS_LEFT_OUT;
    let fits = |sections: &[Section], most| write(sections, most, 0).len() <= room;
    // The longest sections are cut first.
    let [.., least] = MOST_LINES;
    let all = [usize::MAX].into_iter().chain(MOST_LINES);
    let most = all.into_iter().find(|most| fits(&sections, *most)).unwrap_or(least);
    let all: usize = sections.iter().map(|section| section.lines.len()).sum();
    if !fits(&sections, most) {
        // There are too many sections. What was found comes first.
        sections.sort_by_key(|section| !section.is_finding);
        while sections.len() > 1 && !fits(&sections, most) {
            sections.truncate(sections.len() - sections.len().div_ceil(8));
        }
    }
    let kept: usize = sections.iter().map(|section| section.lines.len()).sum();
    let gone = all - kept;
    let without = written(&sections, most, 0, gone, command).len() + SAYS_WHAT_IS_LEFT_OUT;
    written(&sections, most, LONGEST_COMMENT.saturating_sub(without), gone, command)
}

/// Sections as Markdown, each with so many lines, and so many bytes of folded groups. `gone` are the lines of
/// sections that are left out already.
fn written(
    sections: &[Section],
    most: usize,
    mut room: usize,
    gone: usize,
    command: &str,
) -> String {
    let mut out = format!("{MARK}\n");
    let (mut left, mut hidden, mut has_cut) = (gone, 0, false);
    for Section { heading, lines, .. } in sections {
        let _ = write!(out, "**{heading}**\n\n");
        for line in lines.iter().take(most) {
            out.push_str(&line.text);
            let (folded, more) = folded(&line.groups, room);
            room = room.saturating_sub(folded.len());
            out.push_str(&folded);
            hidden += more;
            has_cut |= line.is_cut;
        }
        let cut = lines.get(most..).unwrap_or_default();
        if !cut.is_empty() {
            let _ = writeln!(out, "- {CUT} {} more", cut.len());
            left += cut.len();
        }
        if !lines.is_empty() {
            out.push('\n');
        }
    }
    let mut what = Vec::new();
    if left > 0 {
        what.push(count(left, "line"));
    }
    if hidden > 0 {
        what.push(count(hidden, "group"));
    }
    if !what.is_empty() {
        let are = if left + hidden == 1 { "is" } else { "are" };
        let what = what.join(" and ");
        let _ =
            writeln!(out, "{LEFT_OUT} {what} {are} left out. {} shows everything.", code(command));
    } else if has_cut {
        let _ = writeln!(out, "Long lists are cut. {} shows them whole.", code(command));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// As many groups as there is room for, folded below a line, and how many there is none for.
fn folded(groups: &[String], room: usize) -> (String, usize) {
    let mut length = FOLD;
    let fitting = groups.iter().take_while(|group| {
        length += group.len() + 2;
        length <= room
    });
    let shown: Vec<&str> = fitting.map(String::as_str).collect();
    let more = groups.len() - shown.len();
    if shown.is_empty() {
        return (String::new(), more);
    }
    let (which, end) = match more {
        0 => ("In full".to_owned(), String::new()),
        _ => {
            (format!("{} of {} in full", shown.len(), groups.len()), format!(", {CUT} {more} more"))
        }
    };
    let list = shown.join(", ");
    let text = format!("  <details><summary>{which}</summary>\n\n  {list}{end}\n\n  </details>\n");
    (text, more)
}

fn markdown_line(found: &Diagnostic) -> String {
    let place = match found.line {
        Some(line) => format!("{}:{line}", found.file),
        None => found.file.clone(),
    };
    let lint = found.code.map(|code| format!(" ({code})")).unwrap_or_default();
    format!("- {}: {}{lint}\n", code(&place), message(&found.message))
}
