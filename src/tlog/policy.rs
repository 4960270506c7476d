//! Policies: which logs and witnesses to trust, and how many witnesses are enough.
//!
//! <https://c2sp.org/tlog-policy>, a file of lines:
//!
//! ```text
//! log VKEY [URL]
//! witness NAME VKEY [URL]
//! group NAME all|any|K NAME...
//! quorum NAME|none
//! ```
//!
//! The file is octets: names and URLs may be any, they are compared byte by byte, and only tabs, spaces
//! and line ends separate words. Names of witnesses and groups only have a meaning within the file.
//!
//! A checkpoint is accepted if one of the logs signed it and the witnesses that cosigned it reach the
//! quorum. Verifying a cosignature is left to `cosigner`; how old one may be, to the caller.

use super::{Checkpoint, CheckpointError, CosignatureTime, CosignerKey, Note, NoteError, Origin};
use super::{VerifierKey, VerifierKeyError};
use crate::text::listed;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The most logs, witnesses and groups that a policy may have of each; the specification asks for
/// 32 at least.
const MAXIMUM: usize = 1024;

/// A policy: logs, witnesses, groups and a quorum, which may be `none`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Quorum,
}

/// A log of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLog {
    /// Its key, whose name is the log's origin.
    pub key: VerifierKey,
    /// Where it can be reached; what that means is up to the application.
    pub url: Option<Octets>,
}

/// A witness of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWitness {
    /// What the policy calls it.
    pub name: Octets,
    /// Its key.
    pub key: CosignerKey,
    /// Where checkpoints are submitted to it.
    pub url: Option<Octets>,
}

/// Text of a policy, which need not be Unicode. Shown with replacement characters where it is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Octets(Vec<u8>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: Octets,
    threshold: usize,
    members: Vec<Member>,
}

/// Something that a name stands for: an index into the witnesses or the groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quorum {
    None,
    Of(Member),
}

/// A malformed policy, with the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {reason}")]
pub struct PolicyError {
    /// The line, counted from one.
    pub line: usize,
    /// What is wrong, and how to fix it.
    pub reason: PolicyFault,
}

/// What is wrong with a line of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFault {
    /// Not one of the four kinds of lines.
    #[error("no line begins with {0:?}; write log, witness, group or quorum")]
    Keyword(String),
    /// Too few or too many words.
    #[error("write it like `{0}`")]
    Form(&'static str),
    /// A control character other than tab and line end.
    #[error("it has the control character {0:#04x}; only tabs and line ends may be there")]
    Character(u8),
    /// A key is malformed or of the wrong type.
    #[error(transparent)]
    Key(#[from] VerifierKeyError),
    /// Two lines have one public key.
    #[error(
        "its public key is already on line {0}, perhaps under another name; remove one of \
             the two"
    )]
    DuplicateKey(usize),
    /// A name is given twice, or is `none`.
    #[error("the name {0:?} is taken; choose another")]
    DuplicateName(String),
    /// A name that no earlier line defines.
    #[error("no earlier line defines {0:?}; define it first")]
    Unknown(String),
    /// A name is a member twice, in this group or in another.
    #[error("{0:?} is already a member of a group, and each may count only once")]
    DuplicateMember(String),
    /// A threshold that cannot be reached, or is always reached.
    #[error("its threshold must be `all`, `any`, or a number from 1 to {0}")]
    Threshold(usize),
    /// A second quorum.
    #[error("there is already a quorum on line {0}; remove one of the two")]
    DuplicateQuorum(usize),
    /// No quorum at all.
    #[error("there is no quorum; end the policy with `quorum NAME`, or `quorum none`")]
    NoQuorum,
    /// More than are accepted.
    #[error("a policy may have at most {MAXIMUM} {0}")]
    TooMany(&'static str),
    /// The file is too long.
    #[error("a policy may have at most {} bytes", Policy::MAXIMUM_LENGTH)]
    TooLong,
}

/// Why a checkpoint is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointRefused {
    /// The note is malformed, or a known key's signature on it is bad.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Its text is not a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// No log of the policy has this name.
    #[error("the policy does not list the log {0}; it lists {1}")]
    UnknownLog(Origin, String),
    /// Too few witnesses cosigned.
    #[error("too few of the policy's witnesses cosigned: {cosigned}; missing: {missing}")]
    Quorum {
        /// Those that did, as the policy calls them.
        cosigned: String,
        /// Those that did not.
        missing: String,
    },
}

/// A checkpoint that a policy accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedCheckpoint {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The key of the log that signed it.
    pub log: VerifierKey,
    /// Which witnesses cosigned, by their index in [`Policy::witnesses`], and when.
    pub cosigned: BTreeMap<usize, CosignatureTime>,
    /// The latest time at which a quorum of witnesses said that this tree was the largest, in seconds
    /// since 1970. `None` if the policy asks for no witness, or they gave no time.
    pub fresh_at: Option<u64>,
}

impl Octets {
    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl Policy {
    /// The longest policy in bytes: room for as many ML-DSA keys as it may name.
    pub const MAXIMUM_LENGTH: usize = 4 << 20;

    /// Reads the file of a policy.
    pub fn parse(bytes: &[u8]) -> Result<Policy, PolicyError> {
        let last = bytes.iter().filter(|byte| **byte == b'\n').count().max(1);
        if bytes.len() > Policy::MAXIMUM_LENGTH {
            return Err(PolicyError { line: last, reason: PolicyFault::TooLong });
        }
        let mut parser = PolicyParser::default();
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            parser.line(number, line).map_err(|reason| PolicyError { line: number, reason })?;
        }
        let Some((quorum, _)) = parser.quorum else {
            return Err(PolicyError { line: last, reason: PolicyFault::NoQuorum });
        };
        let PolicyParser { logs, witnesses, groups, .. } = parser;
        Ok(Policy { logs, witnesses, groups, quorum })
    }

    /// The logs, in the order of the file.
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses, in the order of the file.
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// Whether the policy asks for no witness.
    pub fn needs_no_witness(&self) -> bool {
        self.quorum == Quorum::None
    }

    /// The smallest number of witnesses that can be enough.
    pub(crate) fn fewest_witnesses(&self) -> usize {
        let mut groups: Vec<usize> = Vec::new();
        // A group's members are defined before it.
        for group in &self.groups {
            let of_member = |member: &Member| match member {
                Member::Witness(_) => 1,
                Member::Group(index) => groups.get(*index).copied().unwrap_or(0),
            };
            let mut needed: Vec<usize> = group.members.iter().map(of_member).collect();
            needed.sort_unstable();
            groups.push(needed.iter().take(group.threshold).sum());
        }
        match self.quorum {
            Quorum::None => 0,
            Quorum::Of(Member::Witness(_)) => 1,
            Quorum::Of(Member::Group(index)) => groups.get(index).copied().unwrap_or(0),
        }
    }

    /// Whether these witnesses, by their indexes, are enough.
    pub fn is_quorum(&self, cosigned: &BTreeSet<usize>) -> bool {
        match self.quorum {
            Quorum::None => true,
            Quorum::Of(member) => self.witnessed(cosigned).is(member),
        }
    }

    /// Accepts the signed note of a checkpoint, or says why not.
    pub fn check(&self, bytes: &[u8]) -> Result<AcceptedCheckpoint, CheckpointRefused> {
        let note = Note::parse(bytes)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        let origin = checkpoint.origin();
        let of_log = self.logs.iter().map(|log| &log.key);
        let keys: Vec<VerifierKey> =
            of_log.filter(|key| key.name().as_str() == origin.as_str()).cloned().collect();
        if keys.is_empty() {
            let known: Vec<&str> = self.logs.iter().map(|log| log.key.name().as_str()).collect();
            return Err(CheckpointRefused::UnknownLog(origin.clone(), listed(&known, 8)));
        }
        let log = note.verify(&keys)?.first().copied().cloned();
        let log = log.ok_or(NoteError::Malformed("it has no signatures"))?;
        let mut cosigned = BTreeMap::new();
        for (index, witness) in self.witnesses.iter().enumerate() {
            if let Some(time) = witness.key.verify(&note, &checkpoint)? {
                cosigned.insert(index, time);
            }
        }
        if !self.is_quorum(&cosigned.keys().copied().collect()) {
            let named = |did: bool| {
                let witnesses = self.witnesses.iter().enumerate();
                let names = witnesses.filter(|(index, _)| cosigned.contains_key(index) == did);
                let names: Vec<String> = names.map(|(_, one)| one.name.to_string()).collect();
                listed(&names, 8)
            };
            return Err(CheckpointRefused::Quorum { cosigned: named(true), missing: named(false) });
        }
        let fresh_at = self.fresh_at(&cosigned);
        Ok(AcceptedCheckpoint { checkpoint, log, cosigned, fresh_at })
    }

    /// The latest time that a quorum's cosignatures all reach.
    fn fresh_at(&self, cosigned: &BTreeMap<usize, CosignatureTime>) -> Option<u64> {
        if self.needs_no_witness() {
            return None;
        }
        let mut times: Vec<u64> = cosigned.values().filter_map(|time| time.seconds()).collect();
        times.sort_unstable();
        times.into_iter().rev().find(|time| {
            let since = cosigned.iter().filter(|(_, at)| at.seconds() >= Some(*time));
            self.is_quorum(&since.map(|(index, _)| *index).collect())
        })
    }

    /// The policy's name for a member.
    fn name(&self, member: Member) -> String {
        let name = match member {
            Member::Witness(index) => self.witnesses.get(index).map(|witness| &witness.name),
            Member::Group(index) => self.groups.get(index).map(|group| &group.name),
        };
        name.map(Octets::to_string).unwrap_or_default()
    }

    fn witnessed(&self, cosigned: &BTreeSet<usize>) -> Witnessed {
        let mut witnessed = Witnessed { cosigned: cosigned.clone(), groups: Vec::new() };
        // A group's members are defined before it.
        for group in &self.groups {
            let count = group.members.iter().filter(|member| witnessed.is(**member)).count();
            witnessed.groups.push(count >= group.threshold);
        }
        witnessed
    }
}

impl From<VerifierKey> for Policy {
    /// The policy that accepts one log and asks for no witness.
    fn from(key: VerifierKey) -> Policy {
        let logs = vec![PolicyLog { key, url: None }];
        Policy { logs, witnesses: Vec::new(), groups: Vec::new(), quorum: Quorum::None }
    }
}

impl fmt::Display for Policy {
    /// The file of the policy, without comments; replacement characters stand for whatever is not
    /// Unicode.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url =
            |url: &Option<Octets>| url.as_ref().map_or(String::new(), |url| format!(" {url}"));
        self.logs.iter().try_for_each(|log| writeln!(f, "log {}{}", log.key, url(&log.url)))?;
        for PolicyWitness { name, key, url: at } in &self.witnesses {
            writeln!(f, "witness {name} {key}{}", url(at))?;
        }
        for Group { name, threshold, members } in &self.groups {
            write!(f, "group {name} {threshold}")?;
            members.iter().try_for_each(|member| write!(f, " {}", self.name(*member)))?;
            writeln!(f)?;
        }
        match self.quorum {
            Quorum::None => writeln!(f, "quorum none"),
            Quorum::Of(member) => writeln!(f, "quorum {}", self.name(member)),
        }
    }
}

/// Which witnesses and groups have witnessed a checkpoint.
struct Witnessed {
    cosigned: BTreeSet<usize>,
    groups: Vec<bool>,
}

impl Witnessed {
    fn is(&self, member: Member) -> bool {
        match member {
            Member::Witness(index) => self.cosigned.contains(&index),
            Member::Group(index) => self.groups.get(index).copied().unwrap_or(false),
        }
    }
}

/// A policy that is being read.
#[derive(Default)]
struct PolicyParser {
    logs: Vec<PolicyLog>,
    log_lines: Vec<usize>,
    witnesses: Vec<PolicyWitness>,
    witness_lines: Vec<usize>,
    groups: Vec<Group>,
    names: BTreeMap<Vec<u8>, Member>,
    /// The names that are already members of a group.
    used: BTreeSet<Vec<u8>>,
    quorum: Option<(Quorum, usize)>,
}

impl PolicyParser {
    fn line(&mut self, number: usize, line: &[u8]) -> Result<(), PolicyFault> {
        let odd = |byte: &&u8| !matches!(**byte, b'\t' | b' '..=b'~' | 0x80..);
        if let Some(byte) = line.iter().find(odd) {
            return Err(PolicyFault::Character(*byte));
        }
        let words: Vec<&[u8]> = line
            .split(|byte| matches!(byte, b' ' | b'\t'))
            .filter(|word| !word.is_empty())
            .collect();
        match words.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", rest @ ..] => self.log(number, rest),
            [b"witness", rest @ ..] => self.witness(number, rest),
            [b"group", rest @ ..] => self.group(rest),
            [b"quorum", rest @ ..] => self.quorum(number, rest),
            [other, ..] => Err(PolicyFault::Keyword(shown(other))),
        }
    }

    fn log(&mut self, number: usize, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let (key, url) = match words {
            [key] => (key, None),
            [key, url] => (key, Some(Octets(url.to_vec()))),
            _ => return Err(PolicyFault::Form("log VKEY [URL]")),
        };
        let key: VerifierKey = text(key)?.parse()?;
        let same = self.logs.iter().position(|log| log.key.is_same_key(&key));
        if let Some(line) = same.and_then(|at| self.log_lines.get(at)) {
            return Err(PolicyFault::DuplicateKey(*line));
        }
        self.logs.push(PolicyLog { key, url });
        self.log_lines.push(number);
        within(self.logs.len(), "logs")
    }

    fn witness(&mut self, number: usize, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let (name, key, url) = match words {
            [name, key] => (name, key, None),
            [name, key, url] => (name, key, Some(Octets(url.to_vec()))),
            _ => return Err(PolicyFault::Form("witness NAME VKEY [URL]")),
        };
        let key: CosignerKey = text(key)?.parse()?;
        let same = self.witnesses.iter().position(|witness| witness.key.is_same_key(&key));
        if let Some(line) = same.and_then(|at| self.witness_lines.get(at)) {
            return Err(PolicyFault::DuplicateKey(*line));
        }
        self.define(name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push(PolicyWitness { name: Octets(name.to_vec()), key, url });
        self.witness_lines.push(number);
        within(self.witnesses.len(), "witnesses")
    }

    fn group(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let [name, threshold, names @ ..] = words else {
            return Err(PolicyFault::Form("group NAME all|any|K NAME..."));
        };
        if names.is_empty() {
            return Err(PolicyFault::Form("group NAME all|any|K NAME..."));
        }
        let mut members = Vec::with_capacity(names.len());
        for member in names {
            members.push(self.known(member)?);
            if !self.used.insert(member.to_vec()) {
                return Err(PolicyFault::DuplicateMember(shown(member)));
            }
        }
        let threshold = match *threshold {
            b"all" => members.len(),
            b"any" => 1,
            number => decimal(number)
                .filter(|k| (1..=members.len()).contains(k))
                .ok_or(PolicyFault::Threshold(members.len()))?,
        };
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { name: Octets(name.to_vec()), threshold, members });
        within(self.groups.len(), "groups")
    }

    fn quorum(&mut self, number: usize, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let [name] = words else { return Err(PolicyFault::Form("quorum NAME|none")) };
        if let Some((_, line)) = self.quorum {
            return Err(PolicyFault::DuplicateQuorum(line));
        }
        let quorum = match *name {
            b"none" => Quorum::None,
            name => Quorum::Of(self.known(name)?),
        };
        self.quorum = Some((quorum, number));
        Ok(())
    }

    fn define(&mut self, name: &[u8], member: Member) -> Result<(), PolicyFault> {
        if name == b"none" || self.names.contains_key(name) {
            return Err(PolicyFault::DuplicateName(shown(name)));
        }
        self.names.insert(name.to_vec(), member);
        Ok(())
    }

    fn known(&self, name: &[u8]) -> Result<Member, PolicyFault> {
        self.names.get(name).copied().ok_or_else(|| PolicyFault::Unknown(shown(name)))
    }
}

fn within(count: usize, what: &'static str) -> Result<(), PolicyFault> {
    if count > MAXIMUM { Err(PolicyFault::TooMany(what)) } else { Ok(()) }
}

/// A decimal number as the specification writes one.
fn decimal(word: &[u8]) -> Option<usize> {
    let digits = word.iter().all(u8::is_ascii_digit) && word.first() != Some(&b'0');
    str::from_utf8(word).ok().filter(|_| digits)?.parse().ok()
}

/// A key is text, whatever else the file contains.
fn text(word: &[u8]) -> Result<&str, PolicyFault> {
    str::from_utf8(word).map_err(|_| VerifierKeyError::Malformed(shown(word)).into())
}

fn shown(word: &[u8]) -> String {
    String::from_utf8_lossy(word).chars().take(200).collect()
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
