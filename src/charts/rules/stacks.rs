//! What claims of stacks may say, and that they claim what they say.

use crate::charts::claims::{Claim, StackClaims};
use crate::charts::definition::ChartKind;
use crate::charts::found::Found;
use crate::charts::parsed::Parsed;
use crate::charts::program_path::ProgramPath;
use std::collections::HashMap;

/// The most texts that the predicates of a file may have together, and the most bytes that its examples may:
/// each is compared with each.
const MAX_TEXTS: usize = 4000;
const MAX_EXAMPLES: usize = 512 << 10;

/// Adds to `found` every broken rule of the files of `stacks/`:
///
/// - a program has at most one, and a file in `programs/`;
/// - an issue is one of the repository's;
/// - a claim claims its own examples, and no claim of another issue does;
/// - a program without a stack chart is a warning.
pub(super) fn check(parsed: &Parsed, found: &mut Found) {
    let mut first: HashMap<&ProgramPath, &StackClaims> = HashMap::new();
    for claims in &parsed.stacks {
        let (program, at) = (&claims.program.value, &claims.program.location);
        if let Some(other) = first.insert(program, claims) {
            let message = format!(
                "the stacks of `{program}` have two files: this and {}",
                other.program.location.file
            );
            found.push(parsed.error(at, 0, message).with_help("merge them into one"));
        }
        let listed = parsed.programs.iter().any(|listed| listed.program.value == *program);
        let collects = |kind: &ChartKind| matches!(kind, ChartKind::Stack { .. });
        let mut charts = parsed.charts.iter();
        if !listed && parsed.programs_complete {
            let message = format!("there is no file for the program `{program}`");
            let help = "add one to programs/, or correct the name";
            found.push(parsed.error(at, 0, message).with_help(help));
        } else if !charts.any(|chart| chart.program.value == *program && collects(&chart.kind)) {
            let message = format!("no chart collects stacks of `{program}`");
            let help = "add one of the type \"stack\", or remove this file";
            found.push(parsed.warning(at, message).with_help(help));
        }
        check_issues(parsed, claims, found);
        check_examples(parsed, claims, found);
    }
}

/// Finds issues that are elsewhere than the file says.
fn check_issues(parsed: &Parsed, claims: &StackClaims, found: &mut Found) {
    let Some(repository) = &claims.repository else { return };
    for claim in &claims.claims {
        let issue = claim.issue.value.strip_prefix(&repository.value);
        let number = issue.and_then(|issue| {
            issue.strip_prefix("/issues/").or_else(|| issue.strip_prefix("/-/issues/"))
        });
        let is_number = |number: &str| {
            (1..=18).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !number.is_some_and(is_number) {
            let message = format!("this is not an issue of {}", repository.value);
            let help = format!("write it like `{}/issues/123`", repository.value);
            found.push(parsed.error(&claim.issue.location, 0, message).with_help(help));
        }
    }
}

/// Tests claims on the examples.
fn check_examples(parsed: &Parsed, claims: &StackClaims, found: &mut Found) {
    let texts: usize = claims.claims.iter().map(|claim| claim.when.texts()).sum();
    let examples = claims.claims.iter().flat_map(|claim| &claim.stacks);
    let bytes: usize = examples.map(|stack| stack.value.len()).sum();
    if texts > MAX_TEXTS || bytes > MAX_EXAMPLES {
        let message = format!(
            "the claims are too much to be tested: at most {MAX_TEXTS} texts in predicates, and \
             {MAX_EXAMPLES} bytes of stacks"
        );
        let help = "remove claims of issues that were closed long ago";
        found.push(parsed.error(&claims.program.location, 0, message).with_help(help));
        return;
    }
    for claim in &claims.claims {
        for (example, frames) in claim.examples() {
            let claiming: Vec<&Claim> = claims.claiming(&frames).collect();
            if !claiming.iter().any(|other| std::ptr::eq(*other, claim)) {
                let message = "the claim does not claim this stack".to_owned();
                let help =
                    format!("correct the stack, or `when` in line {}", claim.when.location.line);
                found.push(parsed.error(&example.location, 0, message).with_help(help));
            }
            let other = claiming.iter().find(|other| other.issue.value != claim.issue.value);
            if let Some(other) = other {
                let message = format!(
                    "another claim, in line {}, claims this stack, too, for {}",
                    other.location.line, other.issue.value
                );
                let help = "a stack belongs to one issue: exclude it from one of the two with `&& !\"...\"`";
                found.push(parsed.error(&example.location, 0, message).with_help(help));
            }
        }
    }
}
