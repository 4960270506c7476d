//! The witnesses that have cosigned the tree head on a page, in words.

use super::words;
use crate::tlog::{CheckpointRefused, Policy};
use jiff::Timestamp;
use maud::{Markup, html};

/// A signed tree head checked against the deployment's policy. This is only what the server says; readers
/// can verify the signatures themselves.
pub(super) fn section(policy: Option<&Policy>, checkpoint: &str) -> Markup {
    let policy = policy.filter(|policy| !policy.witnesses().is_empty());
    html! {
        h2 id="witnesses" { "Witnesses" }
        @match policy {
            None => p {
                "This log has no witnesses: nobody else confirms that everyone sees the same log, or that it is "
                "current. Whoever has seen it before can tell if it was changed. "
                a href="/log/policy" { "The policy for verifying it" } " has the log’s key."
            },
            Some(policy) => {
                p {
                    "Witnesses are run by others, and sign that this log has only grown, and when they saw it. "
                    a href="/log/policy" { "The policy" } " has their names and keys, and says how many of them must "
                    "have signed."
                }
                (cosigned(policy, checkpoint))
            }
        }
    }
}

fn cosigned(policy: &Policy, checkpoint: &str) -> Markup {
    let believed = match policy.check(checkpoint.as_bytes()) {
        Ok(believed) => believed,
        Err(CheckpointRefused::Quorum { cosigned, missing }) => {
            return html! {
                p.warn {
                    "Too few witnesses have signed the tree head below. These have: " (cosigned) ". These have not: "
                    (missing) "."
                }
            };
        }
        Err(error) => {
            return html! { p.warn { "The tree head below does not satisfy the policy: " (error) "." } };
        }
    };
    html! {
        ul.witnesses {
            @for (index, witness) in policy.witnesses().iter().enumerate() {
                li {
                    strong { (witness.name) } " "
                    @match believed.cosigned.get(&index) {
                        None => "has not cosigned the tree head below",
                        Some(time) => {
                            "has cosigned it"
                            @if let Some(time) = time.seconds() { ", at " (moment(time)) }
                        }
                    }
                }
            }
        }
        p {
            @match (policy.needs_no_witness(), believed.fresh_at) {
                (true, _) => "The policy requires none of these signatures.",
                (false, None) => "These are as many as the policy requires.",
                (false, Some(at)) => {
                    "These are as many as the policy requires, since " (moment(at)) "."
                }
            }
        }
    }
}

/// A time in seconds since 1970.
fn moment(seconds: u64) -> Markup {
    let time = i64::try_from(seconds).ok().and_then(|at| Timestamp::from_second(at).ok());
    match time {
        Some(time) => words::moment(&time.to_string()),
        None => html! { (seconds) " seconds after 1970" },
    }
}
