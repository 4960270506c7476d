//! The states that a power cut may leave, as far as they are tested.
//!
//! Of the pending changes of names: all subsets if there are at most [`FEW`]; otherwise none, all, all
//! but each one, each one alone, and all up to each. Folders that are never synced contain nothing that
//! matters, so their changes are applied all or none.
//!
//! For each named file with pending content: the durable content, all of it, half of what is new, and
//! zeros instead of what is new. If it was written over without becoming longer: the durable content, all of
//! it, only the first half of the sectors that changed, and only the other half. With at most two such files, all combinations; otherwise the same for
//! all, and each alone. But if there are too many changes of names for all subsets, and some of them are
//! missing: only the durable content and all of it, the same for all files.

use super::disk::{Change, Disk, Entry, Names};
use crate::durable::recorder::FileNumber;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

/// Up to this many changes are tried in all combinations.
const FEW: usize = 4;

/// What a disk writes as a whole, in bytes.
const SECTOR: usize = 512;

/// Everything on a disk: files have content, folders have none.
pub(super) type State = BTreeMap<PathBuf, Option<Rc<Vec<u8>>>>;

/// The states that are tried.
pub(super) fn after_cut(disk: &Disk<'_>, never_synced: &BTreeSet<PathBuf>) -> Vec<State> {
    let mut states = Vec::new();
    let (subsets, are_all) = subsets(&disk.changes, never_synced);
    for changes in subsets {
        let names = disk.names_with(&changes);
        let mut contents = contents(disk, &names);
        if !are_all && changes.len() < disk.changes.len() {
            contents.truncate(2);
        }
        for contents in contents {
            let content = |entry: &Entry| match entry {
                Entry::Folder => None,
                Entry::File(number) => Some(
                    contents
                        .get(number)
                        .cloned()
                        .unwrap_or_else(|| disk.files[number].synced.clone()),
                ),
            };
            states.push(names.iter().map(|(path, entry)| (path.clone(), content(entry))).collect());
        }
    }
    states
}

/// The subsets that are tried, and whether they are all.
fn subsets(changes: &[Change], never_synced: &BTreeSet<PathBuf>) -> (Vec<BTreeSet<usize>>, bool) {
    let (together, each): (Vec<_>, Vec<_>) =
        changes.iter().partition(|change| never_synced.contains(&change.folder));
    let mut items: Vec<Vec<usize>> = each.iter().map(|change| vec![change.number]).collect();
    if !together.is_empty() {
        items.push(together.iter().map(|change| change.number).collect());
    }
    let count = items.len();
    let masks: Vec<Vec<bool>> = if count <= FEW {
        (0..1_usize << count)
            .map(|mask| (0..count).map(|at| mask >> at & 1 == 1).collect())
            .collect()
    } else {
        let of = |there: &dyn Fn(usize) -> bool| (0..count).map(there).collect();
        let mut masks = vec![of(&|_| false)];
        for one in 0..count {
            masks.push(of(&|at| at == one));
            masks.push(of(&|at| at != one));
            masks.push(of(&|at| at <= one));
        }
        masks
    };
    let needs: BTreeMap<usize, usize> =
        changes.iter().filter_map(|change| Some((change.number, change.needs?))).collect();
    let pending: BTreeSet<usize> = changes.iter().map(|change| change.number).collect();
    let subset = |mask: Vec<bool>| -> BTreeSet<usize> {
        let chosen = items.iter().zip(mask).filter(|(_, there)| *there);
        let chosen: BTreeSet<usize> = chosen.flat_map(|(item, _)| item.clone()).collect();
        let is_possible = |change: &usize| {
            needs.get(change).is_none_or(|need| chosen.contains(need) || !pending.contains(need))
        };
        chosen.iter().copied().filter(is_possible).collect()
    };
    (masks.into_iter().map(subset).collect(), count <= FEW)
}

type Contents = BTreeMap<FileNumber, Rc<Vec<u8>>>;

fn contents(disk: &Disk<'_>, names: &Names) -> Vec<Contents> {
    let on_its_way: BTreeSet<FileNumber> = names
        .values()
        .filter_map(|entry| match entry {
            Entry::File(number) if !disk.files[number].is_certain => Some(*number),
            _ => None,
        })
        .collect();
    let variants: Vec<(FileNumber, [Rc<Vec<u8>>; 4])> =
        on_its_way.iter().map(|number| (*number, variants(disk, *number))).collect();
    match variants.as_slice() {
        [] => vec![Contents::new()],
        [(one, variants)] => {
            variants.iter().map(|variant| [(*one, variant.clone())].into()).collect()
        }
        [(one, first), (other, second)] => {
            let pair = |(a, b): (usize, usize)| -> Contents {
                [(*one, first[a].clone()), (*other, second[b].clone())].into()
            };
            // The first two are alike.
            let mut pairs: Vec<(usize, usize)> =
                (0..4).flat_map(|a| (0..4).map(move |b| (a, b))).collect();
            pairs.sort_by_key(|(a, b)| a != b);
            pairs.into_iter().map(pair).collect()
        }
        many => {
            let alike = |at: usize| -> Contents {
                many.iter().map(|(number, variants)| (*number, variants[at].clone())).collect()
            };
            let mut all: Vec<Contents> = (0..4).map(alike).collect();
            for (number, variants) in many {
                for variant in variants {
                    let mut whole = alike(1);
                    whole.insert(*number, variant.clone());
                    all.push(whole);
                }
            }
            all
        }
    }
}

/// The durable content, all of it, half of what is new, and zeros instead of what is new; or the halves, if it is
/// as long as before.
fn variants(disk: &Disk<'_>, number: FileNumber) -> [Rc<Vec<u8>>; 4] {
    let file = &disk.files[&number];
    let (synced, now) = (&file.synced, &file.now);
    let same = synced.iter().zip(now.iter()).take_while(|(a, b)| a == b).count();
    if synced.len() == now.len() {
        let changed = synced.iter().zip(now.iter()).rposition(|(a, b)| a != b);
        let end = changed.map_or(same, |last| last + 1);
        let sectors = end.div_ceil(SECTOR) - same / SECTOR;
        let middle = (same / SECTOR + sectors / 2) * SECTOR;
        let first = [&now[..middle], &synced[middle..]].concat();
        let other = [&synced[..middle], &now[middle..]].concat();
        return [synced.clone(), now.clone(), Rc::new(first), Rc::new(other)];
    }
    let cut = now[..same + (now.len() - same) / 2].to_vec();
    let mut zeros = now[..same].to_vec();
    zeros.resize(now.len(), 0);
    [synced.clone(), now.clone(), Rc::new(cut), Rc::new(zeros)]
}
