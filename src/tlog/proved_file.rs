//! A file with the proof that its record is in a log, in one answer.
//!
//! ```text
//! candor-proved-file@v1 732      the length of the proof in bytes
//! c2sp.org/tlog-proof@v1         the proof (`tlog_proof`), of that many bytes
//! ...
//! PK...                          the file, to the end
//! ```
//!
//! A log's server answers with the newest config's zip at `newest`, so that a first fetch is one request. Nothing in
//! it is believed: the entry follows from the file, and the proof says whether the log has that entry. What it
//! lacks is a consistency proof, for the server does not know which tree the reader has seen.

use super::{TlogProof, TlogProofError};

const FIRST_WORD: &str = "candor-proved-file@v1";

/// A file, and a proof of the entry that follows from it. Nothing is known about its truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedFile {
    /// The proof.
    pub proof: TlogProof,
    /// The file.
    pub file: Vec<u8>,
}

/// Bytes that are not a file with its proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProvedFileError {
    /// The first line, or the length in it, is wrong.
    #[error(
        "this is not a file with its proof: it does not begin with {FIRST_WORD} and the proof's length"
    )]
    Malformed,
    /// The proof is not one.
    #[error(transparent)]
    Proof(#[from] TlogProofError),
}

impl ProvedFile {
    /// What is at most added to the length of the file.
    pub const LONGEST_PROOF: usize = TlogProof::MAXIMUM_LENGTH + 64;

    /// Reads an answer.
    pub fn parse(mut bytes: Vec<u8>) -> Result<ProvedFile, ProvedFileError> {
        let malformed = ProvedFileError::Malformed;
        // The line is short: nothing long is searched.
        let line_end = bytes.iter().take(64).position(|byte| *byte == b'\n');
        let Some(line_end) = line_end else { return Err(malformed) };
        let length = bytes
            .get(..line_end)
            .and_then(|line| str::from_utf8(line).ok())
            .and_then(|line| line.strip_prefix(FIRST_WORD)?.strip_prefix(' '))
            .and_then(super::tlog_proof::decimal)
            .and_then(|length| usize::try_from(length).ok());
        let proof_end = length.and_then(|length| length.checked_add(line_end + 1));
        let proof = proof_end.and_then(|end| bytes.get(line_end + 1..end));
        let (Some(proof_end), Some(proof)) = (proof_end, proof) else { return Err(malformed) };
        let proof = TlogProof::parse(proof)?;
        Ok(ProvedFile { proof, file: bytes.split_off(proof_end) })
    }

    /// The answer for a file and its proof.
    pub fn encode(proof: &TlogProof, file: &[u8]) -> Vec<u8> {
        let proof = proof.to_string();
        let first = format!("{FIRST_WORD} {}\n", proof.len());
        [first.as_bytes(), proof.as_bytes(), file].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::{Hash, InclusionProof, LeafIndex};

    fn proof() -> TlogProof {
        TlogProof {
            extra: None,
            index: LeafIndex::new(3).expect("small"),
            inclusion: InclusionProof::new(vec![Hash::from([7; 32])]),
            checkpoint: "example.org/log\n4\nroot\n\n\u{2014} key signature\n".to_owned(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for file in [&b""[..], b"PK\n\n\0\xff", b"candor-proved-file@v1 0\n"] {
            let read = ProvedFile::parse(ProvedFile::encode(&proof(), file)).expect("read");
            assert_eq!(read, ProvedFile { proof: proof(), file: file.to_vec() });
        }
    }

    #[test]
    fn anything_else_is_refused_without_a_panic() {
        let good = ProvedFile::encode(&proof(), b"");
        for length in 0..good.len() {
            assert!(ProvedFile::parse(good[..length].to_vec()).is_err(), "{length}");
        }
        for first in [
            "",
            "x\n",
            "candor-proved-file@v1\n",
            "candor-proved-file@v1 01\n",
            "candor-proved-file@v1 -1\n",
        ] {
            assert_eq!(
                ProvedFile::parse(first.into()),
                Err(ProvedFileError::Malformed),
                "{first:?}"
            );
        }
        let huge = format!("candor-proved-file@v1 {}\nx", u64::MAX);
        assert_eq!(ProvedFile::parse(huge.into()), Err(ProvedFileError::Malformed));
    }
}
