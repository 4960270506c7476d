//! Evidence: contradicting statements of a log, in one file that anyone can check.
//!
//! Anyone with the log's verifier key can check it, on any machine, without a network:
//!
//! ```text
//! candor-evidence/v1
//! # seen at https://telemetry.example.org/log/           remarks; not authenticated
//! not-contained                                          the kind, one of those below
//!
//! > telemetry.example.org/log                            a signed note, each line after "> ",
//! > 3                                                    an empty line as ">" alone
//! > CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//! >
//! > — telemetry.example.org/log Uw2QOkn8srV1yJGh2VYR...
//!
//! > telemetry.example.org/log                            another one
//! ...
//!
//! root BASE64                                            the failed proof
//! BASE64                                                 its hashes, the lowest first
//! ```
//!
//! | kind | what is in the file | what it proves, with which key |
//! | --- | --- | --- |
//! | `two-roots` | two notes | the log signed two trees of one size; the log's |
//! | `not-contained` | an older and a newer note; the root that the newer tree has at the older one's size, and the consistency proof from it | the log signed a tree that does not continue an older one; the log's |
//! | `two-entries` | two notes, each with the entry at one `index` and its inclusion proof | the log signed two trees with different entries at one index; the log's |
//! | `wrong-record` | a note with an entry and its inclusion proof | the log of a Candor deployment signed a tree where entry N-1 is not the record of v0.N.0, so a version is missing or used twice; the log's |
//! | `witness-went-back` | a note that a witness cosigned, and one of a smaller tree that it cosigned later | the witness called a tree the largest after it had seen a larger one; the witness's |
//!
//! The two protocols of a log count as one log: a note of the checksum database and a tlog-tiles note can
//! contradict each other just as two notes of one protocol can, for one key signs both.
//!
//! # What cannot be proved this way
//!
//! That an old head was *served* after a newer one (a rollback): the log's signature has no time, and
//! every log signs heads that continue one another. If the old head was cosigned again, the witness's
//! times prove it against the witness (`witness-went-back`); otherwise you can only tell others what you
//! saw. The same goes for a zip that is not the one in its record: then nothing that the log signed is
//! wrong.

use super::{Checkpoint, CheckpointError, ConsistencyProof, CosignerKey, Entry, Hash, Protocol};
use super::{InclusionProof, KeyName, LeafIndex, LogVerifiers, Note, NoteError, Origin};
use super::{ProofError, Record, TreeHead, VerifierKey};
use super::{verify_consistency, verify_inclusion};
use crate::gomod::ModuleVersion;
use std::fmt;

/// The first line of every file of evidence.
pub const EVIDENCE: &str = "candor-evidence/v1";

/// Contradicting statements, as kept in a file. Nothing is known about their truth: see
/// [`Evidence::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Where and when it was seen, one line each. Not authenticated.
    pub remarks: Vec<String>,
    /// The statements.
    pub shows: Contradiction,
}

/// A contradiction between signed statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contradiction {
    /// Two signed trees of one size.
    TwoRoots {
        /// The one that was seen first.
        first: String,
        /// The other.
        second: String,
    },
    /// A signed tree that does not begin with an older one.
    NotContained {
        /// The smaller tree.
        older: String,
        /// The larger tree.
        newer: String,
        /// The root that the larger tree has at the size of the smaller one.
        prefix_root: Hash,
        /// The consistency proof from `prefix_root` to the larger tree.
        proof: ConsistencyProof,
    },
    /// Two signed trees with different entries at one index.
    TwoEntries {
        /// The index.
        index: LeafIndex,
        /// What one of them has there.
        first: ProvedEntry,
        /// What the other has there.
        second: ProvedEntry,
    },
    /// A signed tree with an entry that is not the record for its index.
    WrongRecord {
        /// The index.
        index: LeafIndex,
        /// What the tree has there.
        entry: ProvedEntry,
    },
    /// A witness that called a tree the largest after it had seen a larger one.
    WitnessWentBack {
        /// The larger tree, cosigned first.
        larger: String,
        /// The smaller tree, cosigned later.
        smaller: String,
    },
}

/// An entry, and the proof that a signed tree has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedEntry {
    /// The signed note of the tree.
    pub note: String,
    /// The entry.
    pub entry: Entry,
    /// The inclusion proof, from the entry to the tree's root.
    pub proof: InclusionProof,
}

/// The keys that evidence is checked with.
#[derive(Debug, Clone, Copy)]
pub struct EvidenceKeys<'k> {
    /// Keys of logs: `HOST/log`, or `HOST` as the `go` command knows it.
    pub logs: &'k [VerifierKey],
    /// Keys of witnesses; needed only for evidence against one.
    pub witnesses: &'k [CosignerKey],
}

/// What was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// One sentence that says who did what.
    pub sentence: String,
    /// The given witnesses that cosigned both statements.
    pub witnesses: Vec<KeyName>,
}

/// Bytes that are not a file of evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a file of evidence: {0}")]
pub struct EvidenceError(pub(super) &'static str);

/// Why evidence proves nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotEvidence {
    /// A statement is malformed, or a signature on it is bad.
    #[error("the {which} statement is not accepted: {source}")]
    Statement {
        /// Which one.
        which: &'static str,
        /// What is wrong with it.
        source: CheckpointError,
    },
    /// No given key belongs to the log of a statement.
    #[error(
        "the {which} statement is of the log \"{origin}\", and none of the given keys is that \
         log's; give its verifier key"
    )]
    UnknownLog {
        /// Which one.
        which: &'static str,
        /// The first line of the statement.
        origin: Origin,
    },
    /// The statements are of different logs.
    #[error("the statements are of different logs, so they do not contradict each other")]
    TwoLogs,
    /// A proof in the file does not lead to the signed root.
    #[error("the proof in it does not belong to its statements: {0}")]
    Proof(#[from] ProofError),
    /// The statements are genuine, and can both be true.
    #[error("its statements are genuine, but they do not contradict each other: {0}")]
    NoContradiction(&'static str),
    /// No given key belongs to a witness that cosigned both.
    #[error("none of the given witness keys cosigned both statements; give the witness's key")]
    UnknownWitness,
}

/// A statement whose signature was verified.
struct Statement {
    note: Note,
    checkpoint: Checkpoint,
    /// The log's key under the name it was given.
    key: VerifierKey,
}

impl Evidence {
    /// The contradiction, without remarks.
    pub fn new(shows: Contradiction) -> Evidence {
        Evidence { remarks: Vec::new(), shows }
    }

    /// The same with one more remark, of which line ends and control characters are removed.
    #[must_use]
    pub fn remark(mut self, line: impl Into<String>) -> Evidence {
        let line: String = line.into();
        self.remarks.push(line.chars().filter(|c| !c.is_control()).collect());
        self
    }

    /// Checks what the file says with nothing but these keys.
    pub fn check(&self, keys: EvidenceKeys<'_>) -> Result<Proved, NotEvidence> {
        self.shows.check(keys)
    }
}

impl Contradiction {
    fn check(&self, keys: EvidenceKeys<'_>) -> Result<Proved, NotEvidence> {
        match self {
            Contradiction::TwoRoots { first, second } => two_roots(first, second, keys),
            Contradiction::NotContained { older, newer, prefix_root, proof } => {
                not_contained([older, newer], *prefix_root, proof, keys)
            }
            Contradiction::TwoEntries { index, first, second } => {
                two_entries(*index, first, second, keys)
            }
            Contradiction::WrongRecord { index, entry } => wrong_record(*index, entry, keys),
            Contradiction::WitnessWentBack { larger, smaller } => {
                witness_went_back(larger, smaller, keys)
            }
        }
    }

    /// The line that names the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Contradiction::TwoRoots { .. } => "two-roots",
            Contradiction::NotContained { .. } => "not-contained",
            Contradiction::TwoEntries { .. } => "two-entries",
            Contradiction::WrongRecord { .. } => "wrong-record",
            Contradiction::WitnessWentBack { .. } => "witness-went-back",
        }
    }
}

fn two_roots(first: &str, second: &str, keys: EvidenceKeys<'_>) -> Result<Proved, NotEvidence> {
    let (first, second) = both_of_one_log(first, second, keys)?;
    let [one, other] = [first.head(), second.head()];
    if one.size != other.size {
        return Err(NotEvidence::NoContradiction("their trees have different sizes"));
    }
    if one.root == other.root {
        return Err(NotEvidence::NoContradiction("their trees are the same"));
    }
    let sentence = format!(
        "{} signed two different trees of size {}: one of root {}, one of root {}",
        first.key.name(),
        one.size,
        one.root,
        other.root
    );
    Ok(Proved { sentence, witnesses: cosigners_of_both(&first, &second, keys) })
}

fn not_contained(
    [older, newer]: [&str; 2],
    prefix_root: Hash,
    proof: &ConsistencyProof,
    keys: EvidenceKeys<'_>,
) -> Result<Proved, NotEvidence> {
    let (older, newer) = both_of_one_log(older, newer, keys)?;
    let [old, new] = [older.head(), newer.head()];
    verify_consistency(TreeHead { size: old.size, root: prefix_root }, new, proof)?;
    if prefix_root == old.root {
        return Err(NotEvidence::NoContradiction("the newer tree begins with the older one"));
    }
    let sentence = format!(
        "{} signed a tree of size {} that does not begin with the tree of size {} that it had \
         signed: its first {} entries have the root {}, and the signed root was {}",
        older.key.name(),
        new.size,
        old.size,
        old.size,
        prefix_root,
        old.root
    );
    Ok(Proved { sentence, witnesses: cosigners_of_both(&older, &newer, keys) })
}

fn two_entries(
    index: LeafIndex,
    first: &ProvedEntry,
    second: &ProvedEntry,
    keys: EvidenceKeys<'_>,
) -> Result<Proved, NotEvidence> {
    let (one, other) = both_of_one_log(&first.note, &second.note, keys)?;
    verify_inclusion(first.entry.leaf_hash(), index, one.head(), &first.proof)?;
    verify_inclusion(second.entry.leaf_hash(), index, other.head(), &second.proof)?;
    if first.entry == second.entry {
        return Err(NotEvidence::NoContradiction("both trees have the same entry there"));
    }
    let sentence = format!(
        "{} signed a tree of size {} and one of size {} that have different entries at index {index}",
        one.key.name(),
        one.head().size,
        other.head().size,
    );
    Ok(Proved { sentence, witnesses: cosigners_of_both(&one, &other, keys) })
}

fn wrong_record(
    index: LeafIndex,
    proved: &ProvedEntry,
    keys: EvidenceKeys<'_>,
) -> Result<Proved, NotEvidence> {
    let statement = Statement::open(&proved.note, "signed", keys)?;
    verify_inclusion(proved.entry.leaf_hash(), index, statement.head(), &proved.proof)?;
    let expected = ModuleVersion::new(index.get() + 1).ok().map(|version| version.to_string());
    let expected = expected.unwrap_or_default();
    let found = match Record::try_from(&proved.entry) {
        Ok(record) if record.version() == expected => {
            return Err(NotEvidence::NoContradiction("the entry is the record for its index"));
        }
        Ok(record) => format!("that of {} {}", record.module(), record.version()),
        Err(_) => "no record at all".to_owned(),
    };
    let sentence = format!(
        "{} signed a tree of size {} whose entry {index} is not the record of {expected}, but {found}",
        statement.key.name(),
        statement.head().size,
    );
    Ok(Proved { sentence, witnesses: Vec::new() })
}

fn witness_went_back(
    larger: &str,
    smaller: &str,
    keys: EvidenceKeys<'_>,
) -> Result<Proved, NotEvidence> {
    let parse = |text: &str, which| {
        let read = || {
            let note = Note::parse(text.as_bytes())?;
            let checkpoint = Checkpoint::parse(note.text())?;
            Ok((note, checkpoint))
        };
        read().map_err(|source| NotEvidence::Statement { which, source })
    };
    let (first, large) = parse(larger, "first")?;
    let (second, small) = parse(smaller, "second")?;
    if large.origin() != small.origin() {
        return Err(NotEvidence::TwoLogs);
    }
    if small.head().size >= large.head().size {
        return Err(NotEvidence::NoContradiction("the tree cosigned later is not the smaller one"));
    }
    let forged =
        |which| move |source: NoteError| NotEvidence::Statement { which, source: source.into() };
    let mut both = false;
    for key in keys.witnesses {
        let before = key.verify(&first, &large).map_err(forged("first"))?;
        let after = key.verify(&second, &small).map_err(forged("second"))?;
        both |= before.is_some() && after.is_some();
        let times = (before.and_then(|t| t.seconds()), after.and_then(|t| t.seconds()));
        if let (Some(before), Some(after)) = times
            && before < after
        {
            let sentence = format!(
                "the witness {} said at {after} that the tree of size {} was the largest of {}, \
                 though it had cosigned one of size {} at {before} (seconds since 1970)",
                key.name(),
                small.head().size,
                small.origin(),
                large.head().size,
            );
            return Ok(Proved { sentence, witnesses: vec![key.name().clone()] });
        }
    }
    if both {
        return Err(NotEvidence::NoContradiction("the smaller tree was not cosigned later"));
    }
    Err(NotEvidence::UnknownWitness)
}

impl Statement {
    /// Opens a note that one of the logs signed, for either protocol.
    fn open(
        text: &str,
        which: &'static str,
        keys: EvidenceKeys<'_>,
    ) -> Result<Statement, NotEvidence> {
        let wrong = |source| NotEvidence::Statement { which, source };
        let note = Note::parse(text.as_bytes()).map_err(|source| wrong(source.into()))?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(wrong)?;
        let mut refused = None;
        for key in keys.logs {
            for (protocol, origin) in protocols(key) {
                if origin != *checkpoint.origin() {
                    continue;
                }
                match note.verify(std::slice::from_ref(&protocol)) {
                    Ok(_) => return Ok(Statement { note, checkpoint, key: key.clone() }),
                    Err(source) => refused = Some(source),
                }
            }
        }
        Err(match refused {
            Some(source) => wrong(source.into()),
            None => NotEvidence::UnknownLog { which, origin: checkpoint.origin().clone() },
        })
    }

    fn head(&self) -> TreeHead {
        self.checkpoint.head()
    }
}

/// The names under which a log's key signs, each with the origin that it signs.
fn protocols(key: &VerifierKey) -> Vec<(VerifierKey, Origin)> {
    let mut protocols = vec![(key.clone(), Origin::from(key.name().clone()))];
    if let Some(LogVerifiers { host, sumdb, log }) = LogVerifiers::of(key) {
        protocols.push((log, Protocol::TlogTiles.origin(&host)));
        protocols.push((sumdb, Protocol::Sumdb.origin(&host)));
    }
    protocols
}

fn both_of_one_log(
    first: &str,
    second: &str,
    keys: EvidenceKeys<'_>,
) -> Result<(Statement, Statement), NotEvidence> {
    let first = Statement::open(first, "first", keys)?;
    let second = Statement::open(second, "second", keys)?;
    if first.key == second.key { Ok((first, second)) } else { Err(NotEvidence::TwoLogs) }
}

/// The given witnesses that cosigned both. A bad cosignature does not matter: the log did sign.
fn cosigners_of_both(
    first: &Statement,
    second: &Statement,
    keys: EvidenceKeys<'_>,
) -> Vec<KeyName> {
    let cosigned = |key: &&CosignerKey| {
        [first, second].iter().all(|statement| {
            matches!(key.verify(&statement.note, &statement.checkpoint), Ok(Some(_)))
        })
    };
    keys.witnesses.iter().filter(cosigned).map(|key| key.name().clone()).collect()
}

impl fmt::Display for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)?;
        match self.witnesses.as_slice() {
            [] => Ok(()),
            names => {
                let names: Vec<&str> = names.iter().map(KeyName::as_str).collect();
                write!(f, "; cosigned by {}", names.join(", "))
            }
        }
    }
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
