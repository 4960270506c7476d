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
        h2 { "Witnesses" }
        @match policy {
            None => p {
                "There are no witnesses: nobody else vouches that everyone sees this log, or that it is "
                "current. Anyone who has seen it before can tell if it was changed; see "
                a href="/log/policy" { "the policy" } " for verifying it."
            },
            Some(policy) => {
                p {
                    "Witnesses are third parties that sign that this log has only grown, and when they saw it. "
                    a href="/log/policy" { "The policy" } " names them with their keys, and says how many "
                    "must have signed."
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
                    "The tree head below has no quorum. It was cosigned by: " (cosigned) "; but not by: "
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
                (true, _) => "The policy requires none of them.",
                (false, None) => "That is the quorum that the policy requires.",
                (false, Some(at)) => {
                    "That is the quorum that the policy requires; it was complete at " (moment(at)) "."
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
