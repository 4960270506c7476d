//! A request to a witness: a checkpoint, and the proof that it continues an older one.
//!
//! <https://c2sp.org/tlog-witness>, "add-checkpoint":
//!
//! ```text
//! old 20852014                  the size of the tree that the witness cosigned last, or 0 BASE64
//!                the consistency proof from it: one hash a line
//!
//! ORIGIN                        the signed note of the new checkpoint
//! ```
//!
//! This is only the format. Whether the note is signed and the proof valid is left to the witness.

use crate::tlog::{ConsistencyProof, Hash, Note, NoteError, TreeSize};
use std::fmt;

/// The most hashes that a client may send. No tree of fewer than 2^63 leaves needs more.
const MOST_HASHES: usize = 63;

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the tree that the sender believes the witness to have cosigned last.
    pub old: TreeSize,
    /// The consistency proof from that tree to the checkpoint's.
    pub proof: ConsistencyProof,
    /// The signed note of the checkpoint.
    pub note: Note,
}

/// A malformed request, which is answered with 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddCheckpointError {
    /// A line is malformed.
    #[error("{0}")]
    Malformed(&'static str),
    /// The checkpoint is not a note.
    #[error("the checkpoint is malformed: {0}")]
    Note(#[from] NoteError),
}

impl AddCheckpoint {
    /// The longest body in bytes: a note, and what may come before it.
    #[cfg(any(test, feature = "testing"))]
    pub const MAXIMUM_LENGTH: usize = Note::MAXIMUM_LENGTH + 64 * 64;

    /// Reads the body of a request.
    pub fn parse(bytes: &[u8]) -> Result<AddCheckpoint, AddCheckpointError> {
        use AddCheckpointError::Malformed;
        let (head, note) = split(bytes)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")?.parse().ok());
        let old = old.ok_or(Malformed("the first line is not `old SIZE`"))?;
        let proof = ConsistencyProof::new(hashes(lines)?);
        Ok(AddCheckpoint { old, proof, note: Note::parse(note)? })
    }
}

/// The part before a request's empty line, and the note after it.
pub(super) fn split(bytes: &[u8]) -> Result<(&str, &[u8]), AddCheckpointError> {
    use AddCheckpointError::Malformed;
    let at = bytes.windows(2).position(|two| two == b"\n\n");
    let (head, note) = at
        .and_then(|at| Some((bytes.get(..at)?, bytes.get(at + 2..)?)))
        .ok_or(Malformed("the body has no empty line before the checkpoint"))?;
    let head = str::from_utf8(head).map_err(|_| Malformed("the body is not UTF-8"))?;
    Ok((head, note))
}

/// The hashes of a proof.
pub(super) fn hashes<'l>(
    lines: impl Iterator<Item = &'l str>,
) -> Result<Vec<Hash>, AddCheckpointError> {
    use AddCheckpointError::Malformed;
    let mut hashes = Vec::new();
    for line in lines {
        if hashes.len() == MOST_HASHES {
            return Err(Malformed("the proof has more than 63 hashes"));
        }
        hashes
            .push(line.parse().map_err(|_| Malformed("the proof has a line that is not a hash"))?);
    }
    Ok(hashes)
}

impl fmt::Display for AddCheckpoint {
    /// The body of the request.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.hashes().iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const EXAMPLE: &str = "old 20852014\n\
        PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
        jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
        5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
        /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\
        \n\
        example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
        \n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";

    #[test]
    fn the_example_of_the_specification() {
        let request = AddCheckpoint::parse(EXAMPLE.as_bytes()).expect("the example");
        assert_eq!(request.old.get(), 20_852_014);
        assert_eq!(request.proof.hashes().len(), 4);
        assert_eq!(request.note.signatures().len(), 2);
        assert_eq!(request.to_string(), EXAMPLE);
    }

    #[test]
    fn malformed_requests_are_refused() {
        let hash = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
        let many = |count: usize| EXAMPLE.replacen(hash, &hash.repeat(count), 1);
        assert!(AddCheckpoint::parse(many(60).as_bytes()).is_ok(), "63 hashes");
        for bad in [
            String::new(),
            many(61),
            EXAMPLE.replacen("old ", "Old ", 1),
            EXAMPLE.replacen("old 2", "old 02", 1),
            EXAMPLE.replacen("old 2", "old -2", 1),
            EXAMPLE.replacen("old 20852014\n", "", 1),
            EXAMPLE.replacen("PlRN", "PlR", 1),
            EXAMPLE.replacen("\n\n", "\n", 1),
            EXAMPLE.replacen('\n', "\r\n", 1),
            EXAMPLE.trim_end().to_owned(),
        ] {
            assert!(AddCheckpoint::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(AddCheckpoint::parse(b"old \xff\n\nx").is_err());
    }
}
