//! Somebody else's log, which signs whatever it is told to: a naive implementation of RFC 6962,
//! independent of the log's own code, and what it submits to a witness.

use candor::tlog::{
    Checkpoint, CosignerKey, Hash, KeyName, Note, NoteSignature, Origin, Seed, Signer, TreeHead,
    TreeSize, leaf_hash, node_hash,
};

/// A log with one history, or with one of several.
pub struct OtherLog {
    pub origin: Origin,
    pub signer: Signer,
    leaves: Vec<Hash>,
}

impl OtherLog {
    /// A log whose key is named as its origin.
    pub fn new(name: &str, seed: u8, leaves: usize) -> OtherLog {
        let name = KeyName::new(name).expect("a name");
        let leaves = (0..leaves).map(|number| leaf_hash(format!("leaf {number}").as_bytes()));
        OtherLog {
            origin: Origin::from(name.clone()),
            signer: Seed::from([seed; 32]).signer(name),
            leaves: leaves.collect(),
        }
    }

    /// The same log with another history after this many leaves.
    pub fn fork(&self, seed: u8, at: usize) -> OtherLog {
        let fork = OtherLog::new(self.origin.as_str(), seed, 0);
        let forked = |(number, leaf): (usize, &Hash)| match number < at {
            true => *leaf,
            false => leaf_hash(format!("other leaf {number}").as_bytes()),
        };
        OtherLog { leaves: self.leaves.iter().enumerate().map(forked).collect(), ..fork }
    }

    /// The log's key.
    pub fn vkey(&self) -> String {
        self.signer.verifier_key().to_string()
    }

    /// The head at this size.
    pub fn head(&self, size: usize) -> TreeHead {
        let tree_size = TreeSize::new(size as u64).expect("a size");
        TreeHead { size: tree_size, root: mth(&self.leaves[..size]) }
    }

    /// The signed note at this size.
    pub fn note(&self, size: usize) -> Note {
        self.sign(self.head(size), &[])
    }

    /// A note of any head, with extension lines.
    pub fn sign(&self, TreeHead { size, root }: TreeHead, extensions: &[&str]) -> Note {
        let mut text = format!("{}\n{size}\n{root}\n", self.origin);
        extensions.iter().for_each(|line| text += &format!("{line}\n"));
        Note::sign(text, &[&self.signer]).expect("a note")
    }

    /// The consistency proof between two sizes.
    pub fn proof(&self, old: usize, new: usize) -> Vec<Hash> {
        match old {
            0 => Vec::new(),
            _ => subproof(old, &self.leaves[..new], true),
        }
    }

    /// The hash of a subtree, and the proof that a tree contains it
    /// (draft-ietf-plants-merkle-tree-certs, 4.4.1).
    pub fn subtree(&self, start: usize, end: usize, size: usize) -> (Hash, Vec<Hash>) {
        let leaves = &self.leaves[..size];
        (mth(&leaves[start..end]), subtree_subproof(start, end, leaves, true))
    }

    /// What is submitted to go from one size to another.
    pub fn submission(&self, old: usize, new: usize) -> String {
        body(old, &self.proof(old, new), &self.note(new))
    }
}

/// The body of a submission.
pub fn body(old: impl std::fmt::Display, proof: &[Hash], note: &impl std::fmt::Display) -> String {
    let proof: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
    format!("old {old}\n{proof}\n{note}")
}

/// MTH(D[n])
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&mth(left), &mth(right))
        }
    }
}

/// SUBPROOF(m, D[n], b)
fn subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![mth(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let mut proof;
    if m <= left.len() {
        proof = subproof(m, left, whole);
        proof.push(mth(right));
    } else {
        proof = subproof(m - left.len(), right, false);
        proof.push(mth(left));
    }
    proof
}

/// SUBTREE_SUBPROOF(start, end, D[n], b)
fn subtree_subproof(start: usize, end: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if (start, end) == (0, leaves.len()) {
        return if whole { Vec::new() } else { vec![mth(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, other) = if end <= k {
        (subtree_subproof(start, end, left, whole), right)
    } else if k <= start {
        (subtree_subproof(start - k, end - k, right, whole), left)
    } else {
        (subtree_subproof(0, end - k, right, false), left)
    };
    proof.push(mth(other));
    proof
}

/// The largest power of two below `n`.
fn split(n: usize) -> usize {
    1 << (n - 1).ilog2()
}

/// The time of this key's cosignature among the lines that a witness answered for a note. Every signature
/// of the key must be valid.
pub fn cosigned_at(key: &CosignerKey, note: &Note, lines: &str) -> Option<u64> {
    let parse = |line: &str| NoteSignature::parse(line).expect("a signature line");
    let note = lines.lines().map(parse).fold(note.clone(), Note::with);
    let checkpoint = Checkpoint::parse_any_root(note.text()).expect("a checkpoint");
    let time = key.verify(&note, &checkpoint).expect("no bad signature");
    time.and_then(|time| time.seconds())
}
