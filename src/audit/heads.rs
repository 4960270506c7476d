//! The served head: its signature, its cosignatures and their age, and whether it continues what was seen
//! before.

use super::fetch::{Remote, RemoteTiles};
use super::fork::forked;
use super::keys::{AuditKeys, Signed, foreign, is_foreign};
use super::state::AuditState;
use super::verdict::{Check, Verdict, VerdictId};
use crate::count::duration;
use crate::count::entries;
use crate::tlog::{AcceptedCheckpoint, CheckpointRefused, Contradiction, Note, NoteError, Policy};
use std::time::Duration;

/// How far a witness's clock may be ahead of this one. Later times do not count.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// The first three verdicts, and what was found.
pub(super) struct HeadVerdicts {
    pub signature: Verdict,
    pub witnesses: Verdict,
    pub consistency: Verdict,
    /// The head, if it is signed by the log's key.
    pub head: Option<Signed>,
    /// Whether the served head continues what was seen before.
    pub continues: bool,
    /// Whether tiles failed, so that only the entries can show whether it does.
    pub undecided: bool,
    pub evidence: Vec<Contradiction>,
}

/// The current time, and how old a head may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Freshness {
    /// In seconds since 1970.
    pub now: u64,
    pub within: Duration,
}

/// Downloads and checks the checkpoint.
pub(super) fn check_head(
    remote: &Remote<'_>,
    prefix: &str,
    keys: &AuditKeys,
    state: &AuditState,
    freshness: Freshness,
) -> HeadVerdicts {
    let path = format!("{prefix}checkpoint");
    let mut check = Check::of(VerdictId::Signature);
    let opened = match remote.ask(&path, Note::MAXIMUM_LENGTH) {
        Err(trouble) => {
            check.failed(&trouble);
            None
        }
        Ok(note) => match keys.open(&note) {
            Ok(signed) => Some(signed),
            Err(error) => {
                not_signed(&remote.url(&path), &note, &error, keys, state, &mut check);
                None
            }
        },
    };
    let Some(signed) = opened else {
        let no_head = "there is no head that the log's key signed";
        return HeadVerdicts {
            signature: check.verdict(""),
            witnesses: Verdict::unchecked(VerdictId::Witnesses, no_head),
            consistency: Verdict::unchecked(VerdictId::Consistency, no_head),
            head: None,
            continues: false,
            undecided: false,
            evidence: Vec::new(),
        };
    };
    let head = signed.checkpoint.head();
    let by = keys.log().map(|key| key.name().to_string()).unwrap_or_default();
    let signature = check.verdict(format!("{by} signed a tree of {}", entries(head.size)));
    let witnesses = witnesses(&signed, keys, freshness);
    let mut check = Check::of(VerdictId::Consistency);
    let mut found = Consistency { evidence: Vec::new(), undecided: false };
    let tiles = RemoteTiles::of_log(remote, prefix);
    let good = match seen_before(state, keys) {
        Err(reason) => {
            check.unchecked(reason);
            String::new()
        }
        Ok(None) => "this is the first run; later heads are held to this one".to_owned(),
        Ok(Some(seen)) => {
            found.continues(&seen, &signed, &tiles, keys, &mut check);
            let old = seen.checkpoint.head().size;
            match state.heads {
                1 => format!("it continues the tree of {} that was seen before", entries(old)),
                heads => format!(
                    "it continues all {heads} heads that were seen before, the last of {}",
                    entries(old)
                ),
            }
        }
    };
    let continues = check.is_ok();
    HeadVerdicts {
        signature,
        witnesses,
        consistency: check.verdict(good),
        head: Some(signed),
        continues,
        undecided: found.undecided,
        evidence: found.evidence,
    }
}

/// Reports a checkpoint that the log's key did not sign.
///
/// It is only wrong if the key itself proves that: an auditor with the wrong key sees the same as one who is
/// shown another log.
fn not_signed(
    url: &str,
    note: &[u8],
    error: &CheckpointRefused,
    keys: &AuditKeys,
    state: &AuditState,
    check: &mut Check,
) {
    if is_foreign(error) {
        return check.unchecked(foreign(url, error));
    }
    let by_another = matches!(
        error,
        CheckpointRefused::UnknownLog(..) | CheckpointRefused::Note(NoteError::NotSigned { .. })
    );
    if !by_another {
        return check.wrong(format!("{url}: {error}"));
    }
    let key = keys.log().map(|key| format!("{}+{}", key.name(), key.id())).unwrap_or_default();
    let of = match error {
        CheckpointRefused::UnknownLog(origin, _) => format!("it is of the log {}", origin.as_str()),
        other => other.to_string(),
    };
    if str::from_utf8(note).is_ok_and(|note| keys.open_sumdb(note).is_ok()) {
        check.wrong(format!("{url} is the tree of the checksum database, and not of the log"));
    } else if state.newest.is_some() {
        check.wrong(format!(
            "{url} is not signed by {key}, which signed what was seen here before: {of}"
        ));
    } else {
        check.unchecked(format!(
            "{url} is not signed by the key you gave, {key}; is it the right one? ({of})"
        ));
    }
}

/// The newest head of earlier runs, verified again.
fn seen_before(state: &AuditState, keys: &AuditKeys) -> Result<Option<Signed>, String> {
    let Some(note) = &state.newest else { return Ok(None) };
    keys.open(note.as_bytes())
        .map(Some)
        .map_err(|error| format!("the head in the state file is damaged: {error}"))
}

struct Consistency {
    evidence: Vec<Contradiction>,
    undecided: bool,
}

impl Consistency {
    fn continues(
        &mut self,
        seen: &Signed,
        served: &Signed,
        tiles: &RemoteTiles<'_>,
        keys: &AuditKeys,
        check: &mut Check,
    ) {
        let (old, new) = (seen.checkpoint.head(), served.checkpoint.head());
        if old == new {
            return;
        }
        if new.size == old.size {
            check.wrong(format!(
                "the log was forked: it signed two trees of {}, of roots {} and {}",
                entries(old.size),
                old.root,
                new.root
            ));
            let (first, second) = (seen.note.clone(), served.note.clone());
            self.evidence.push(Contradiction::TwoRoots { first, second });
            return;
        }
        if new.size < old.size {
            self.rolled_back(seen, served, tiles, keys, check);
            return;
        }
        match forked(old, new, tiles) {
            Ok(None) => {}
            Ok(Some((root, proof))) => {
                check.wrong(format!(
                    "the log was forked: its tree of {} does not begin with the tree of {} \
                     that was seen before",
                    entries(new.size),
                    entries(old.size)
                ));
                self.evidence.push(Contradiction::NotContained {
                    older: seen.note.clone(),
                    newer: served.note.clone(),
                    prefix_root: root,
                    proof,
                });
            }
            Err(error) => {
                self.undecided = true;
                check.unchecked(format!("no proof of consistency could be made: {error}"));
            }
        }
    }

    fn rolled_back(
        &mut self,
        seen: &Signed,
        served: &Signed,
        tiles: &RemoteTiles<'_>,
        keys: &AuditKeys,
        check: &mut Check,
    ) {
        let (old, new) = (seen.checkpoint.head(), served.checkpoint.head());
        check.wrong(format!(
            "the log was rolled back, or a stale copy is served: it shows {}, and {} \
             seen before. A cache on the way may be the cause: run this again before you tell others",
            entries(new.size),
            if old.size.get() == 1 { "1 was".to_owned() } else { format!("{} were", old.size) }
        ));
        let went_back = Contradiction::WitnessWentBack {
            larger: seen.note.clone(),
            smaller: served.note.clone(),
        };
        // The tiles of the larger tree may still be there, and show whether it was also a fork.
        if let Ok(Some((root, proof))) = forked(new, old, tiles) {
            self.evidence.push(Contradiction::NotContained {
                older: served.note.clone(),
                newer: seen.note.clone(),
                prefix_root: root,
                proof,
            });
        }
        let proves = |shows: &Contradiction| {
            crate::tlog::Evidence::new(shows.clone()).check(keys.evidence()).is_ok()
        };
        if proves(&went_back) {
            self.evidence.push(went_back);
        }
    }
}

fn witnesses(signed: &Signed, keys: &AuditKeys, freshness: Freshness) -> Verdict {
    let id = VerdictId::Witnesses;
    if !keys.asks_for_witnesses() {
        let why = "no witness is asked for: whether others see the same tree, and how fresh it is, \
                   is not known (a policy with witnesses tells: --policy FILE)";
        return Verdict::not_asked(id, why);
    }
    let mut check = Check::of(id);
    let believed = match keys.policy().check(signed.note.as_bytes()) {
        Ok(believed) => believed,
        Err(error) => {
            check.wrong(error);
            return check.verdict("");
        }
    };
    let cosigned = believed.cosigned.len();
    let of = keys.policy().witnesses().len();
    let now = freshness.now.saturating_add(AHEAD.as_secs());
    let ahead: Vec<u64> = believed
        .cosigned
        .values()
        .filter_map(|time| time.seconds())
        .filter(|at| *at > now)
        .collect();
    match fresh_at(keys.policy(), &believed, now) {
        None if !ahead.is_empty() => check.unchecked(format!(
            "{cosigned} of {of} witnesses cosigned, but {} of them at a time that is {} ahead of the \
             clock here, so how fresh it is is not known: a clock is wrong, yours or the witness's",
            ahead.len(),
            duration(ahead.iter().copied().max().unwrap_or_default().saturating_sub(freshness.now))
        )),
        None => check.unchecked(format!(
            "{cosigned} of {of} witnesses cosigned, but without a time: how fresh it is is not known"
        )),
        Some(at) => {
            let age = freshness.now.saturating_sub(at);
            if age > freshness.within.as_secs() {
                check.wrong(format!(
                    "the witnesses' cosignatures are {} old, more than {}: someone may be held on an \
                     old tree",
                    duration(age),
                    duration(freshness.within.as_secs())
                ));
            }
            let without = match ahead.len() {
                0 => String::new(),
                ahead => format!("; {ahead} with a time that is ahead of the clock here do not count"),
            };
            return check.verdict(format!(
                "{cosigned} of {of} witnesses cosigned, a quorum of them {} ago{without}",
                duration(age)
            ));
        }
    }
    check.verdict("")
}

/// The latest time up to `now` by which a quorum had cosigned.
fn fresh_at(policy: &Policy, believed: &AcceptedCheckpoint, now: u64) -> Option<u64> {
    let times: Vec<(usize, u64)> = believed
        .cosigned
        .iter()
        .filter_map(|(index, time)| Some((*index, time.seconds()?)))
        .filter(|(_, at)| *at <= now)
        .collect();
    let is_quorum = |since: u64| {
        let enough = times.iter().filter(|(_, at)| *at >= since).map(|(index, _)| *index);
        policy.is_quorum(&enough.collect())
    };
    times.iter().map(|(_, at)| *at).filter(|at| is_quorum(*at)).max()
}
