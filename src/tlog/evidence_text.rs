//! Reads and writes the text of a file of evidence; what it proves is left to `evidence`.

use super::evidence::{Contradiction, EVIDENCE, Evidence, EvidenceError, ProvedEntry};
use super::{ConsistencyProof, Entry, Hash, InclusionProof, LeafIndex};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::fmt;
use std::iter::Peekable;

/// The longest file in bytes: two notes, with two more bytes a line, and two entries.
const MAXIMUM_LENGTH: usize = 6_000_000;
/// More than the longest proof: a tree has fewer than 2^63 leaves.
const MOST_HASHES: usize = 128;

impl Evidence {
    /// Whether these bytes begin as a file of evidence does.
    pub fn is_evidence(bytes: &[u8]) -> bool {
        bytes.split(|byte| *byte == b'\n').next() == Some(EVIDENCE.as_bytes())
    }

    /// Reads a file of evidence.
    pub fn parse(bytes: &[u8]) -> Result<Evidence, EvidenceError> {
        if bytes.len() > MAXIMUM_LENGTH {
            return Err(EvidenceError("it is longer than 6,000,000 bytes"));
        }
        let whole = str::from_utf8(bytes).map_err(|_| EvidenceError("it is not UTF-8"))?;
        let whole = whole.strip_suffix('\n').ok_or(EvidenceError("its end is cut off"))?;
        let mut lines = Lines(whole.split('\n').peekable());
        if lines.next() != Some(EVIDENCE) {
            return Err(EvidenceError("its first line is not candor-evidence/v1"));
        }
        let mut remarks = Vec::new();
        while let Some(remark) = lines.after("# ") {
            remarks.push(remark.to_owned());
        }
        let kind = lines.next().unwrap_or_default();
        let shows = match kind {
            "two-roots" => Contradiction::TwoRoots { first: lines.note()?, second: lines.note()? },
            "not-contained" => {
                let (older, newer) = (lines.note()?, lines.note()?);
                lines.blank()?;
                let root = lines.after("root ").and_then(|root| root.parse().ok());
                let prefix_root = root.ok_or(EvidenceError("it has no root"))?;
                let proof = ConsistencyProof::new(lines.hashes()?);
                Contradiction::NotContained { older, newer, prefix_root, proof }
            }
            "two-entries" => {
                let index = lines.index()?;
                let (first, second) = (lines.proved_entry()?, lines.proved_entry()?);
                Contradiction::TwoEntries { index, first, second }
            }
            "wrong-record" => {
                Contradiction::WrongRecord { index: lines.index()?, entry: lines.proved_entry()? }
            }
            "witness-went-back" => {
                Contradiction::WitnessWentBack { larger: lines.note()?, smaller: lines.note()? }
            }
            _ => {
                return Err(EvidenceError(
                    "it is of a kind that this program does not know; a newer one may",
                ));
            }
        };
        match lines.next() {
            None => Ok(Evidence { remarks, shows }),
            Some(_) => Err(EvidenceError("it goes on after its end")),
        }
    }
}

/// The remaining lines.
struct Lines<'t>(Peekable<std::str::Split<'t, char>>);

impl<'t> Lines<'t> {
    fn next(&mut self) -> Option<&'t str> {
        self.0.next()
    }

    /// The rest of the next line, if it starts with `beginning`.
    fn after(&mut self, beginning: &str) -> Option<&'t str> {
        let rest = self.0.peek()?.strip_prefix(beginning)?;
        self.0.next();
        Some(rest)
    }

    fn blank(&mut self) -> Result<(), EvidenceError> {
        match self.next() {
            Some("") => Ok(()),
            _ => Err(EvidenceError("an empty line is missing between its parts")),
        }
    }

    /// An empty line and a note.
    fn note(&mut self) -> Result<String, EvidenceError> {
        self.blank()?;
        let mut note = String::new();
        while let Some(rest) = self.after(">") {
            match rest.strip_prefix(' ') {
                Some(line) if !line.is_empty() => note.push_str(line),
                None if rest.is_empty() => {}
                _ => return Err(EvidenceError("a line of a note does not begin with '> '")),
            }
            note.push('\n');
        }
        if note.is_empty() { Err(EvidenceError("a signed note is missing")) } else { Ok(note) }
    }

    fn index(&mut self) -> Result<LeafIndex, EvidenceError> {
        let index = self.after("index ").and_then(|index| index.parse().ok());
        index.ok_or(EvidenceError("it has no index"))
    }

    /// A note, an empty line, an entry and its proof.
    fn proved_entry(&mut self) -> Result<ProvedEntry, EvidenceError> {
        let note = self.note()?;
        self.blank()?;
        let entry = self.after("entry ").and_then(|entry| STANDARD.decode(entry).ok());
        let entry = entry.and_then(|entry| Entry::new(entry).ok());
        let entry = entry.ok_or(EvidenceError("an entry is missing"))?;
        Ok(ProvedEntry { note, entry, proof: InclusionProof::new(self.hashes()?) })
    }

    /// Hashes, one a line, up to an empty line or the end.
    fn hashes(&mut self) -> Result<Vec<Hash>, EvidenceError> {
        let mut hashes = Vec::new();
        while let Some(line) = self.0.next_if(|line| !line.is_empty()) {
            if hashes.len() == MOST_HASHES {
                return Err(EvidenceError("a proof in it has more hashes than any tree"));
            }
            let hash = line.parse().map_err(|_| {
                EvidenceError(
                    "a proof in it has a line that is \
                                                               not a hash",
                )
            })?;
            hashes.push(hash);
        }
        Ok(hashes)
    }
}

impl fmt::Display for Evidence {
    /// The text of the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{EVIDENCE}")?;
        self.remarks.iter().try_for_each(|remark| writeln!(f, "# {remark}"))?;
        writeln!(f, "{}", self.shows.kind())?;
        match &self.shows {
            Contradiction::TwoRoots { first, second }
            | Contradiction::WitnessWentBack { larger: first, smaller: second } => {
                write_note(f, first)?;
                write_note(f, second)
            }
            Contradiction::NotContained { older, newer, prefix_root, proof } => {
                write_note(f, older)?;
                write_note(f, newer)?;
                writeln!(f, "\nroot {prefix_root}")?;
                write_hashes(f, proof.hashes())
            }
            Contradiction::TwoEntries { index, first, second } => {
                writeln!(f, "index {index}")?;
                write_proved_entry(f, first)?;
                write_proved_entry(f, second)
            }
            Contradiction::WrongRecord { index, entry } => {
                writeln!(f, "index {index}")?;
                write_proved_entry(f, entry)
            }
        }
    }
}

fn write_note(f: &mut fmt::Formatter<'_>, note: &str) -> fmt::Result {
    writeln!(f)?;
    let lines = note.strip_suffix('\n').unwrap_or(note);
    lines.split('\n').try_for_each(|line| match line {
        "" => writeln!(f, ">"),
        line => writeln!(f, "> {line}"),
    })
}

fn write_hashes(f: &mut fmt::Formatter<'_>, hashes: &[Hash]) -> fmt::Result {
    hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))
}

fn write_proved_entry(f: &mut fmt::Formatter<'_>, proved: &ProvedEntry) -> fmt::Result {
    write_note(f, &proved.note)?;
    writeln!(f, "\nentry {}", STANDARD.encode(proved.entry.as_bytes()))?;
    write_hashes(f, proved.proof.hashes())
}
