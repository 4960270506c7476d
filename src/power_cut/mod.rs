//! Every promise, in every state that a power cut may leave.
//!
//! A [`Scenario`] runs the real code once, below a folder that is recorded
//! ([`durable::recorder`](crate::durable)). Then the power is cut after every single operation of the
//! record: what may be on the disk at that point ([`disk`], [`states`]) is laid out in a folder, the
//! real program is started on it, and every promise that was made before the cut is checked.
//!
//! Then the same for a program that lacks one of its syncs, for each of them: some promise must
//! break. A sync that nothing needs, and a promise that nothing checks, are both found so.

mod disk;
mod publishing;
mod replay;
mod states;

use replay::{Replayed, replay, survivors};
use std::path::Path;

/// A run of the real program, and what must hold after a power cut anywhere in it.
struct Scenario {
    name: &'static str,
    /// Below which folder it was run.
    root: std::path::PathBuf,
    record: crate::durable::recorder::Record,
    check: Box<dyn Fn(&Path, &replay::Before<'_>) -> Result<(), String>>,
}

/// Syncs that no promise needs, and why they are kept: a part of the path, and of the line.
const KEPT: [(&str, &str); 0] = [];

fn keeps_its_promises(scenario: &Scenario) {
    let Replayed { states, points, broken, .. } = replay(scenario);
    println!("{}: {states} states at {points} points", scenario.name);
    assert!(broken.is_none(), "{}: {}", scenario.name, broken.unwrap_or_default());
}

#[test]
fn publishing_keeps_its_promises() {
    keeps_its_promises(&publishing::scenario());
}

#[test]
fn every_sync_is_needed() {
    let scenarios = [publishing::scenario()];
    let (sites, survivors) = survivors(&scenarios);
    println!("{} of {sites} mutants killed", sites - survivors.len());
    let surplus: Vec<_> =
        survivors.iter().filter(|site| !KEPT.iter().any(|(kept, _)| site.contains(kept))).collect();
    assert!(surplus.is_empty(), "no promise needs these syncs: {surplus:#?}");
}
