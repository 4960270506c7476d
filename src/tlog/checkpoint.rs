//! Checkpoints: tree heads as signed notes.
//!
//! <https://c2sp.org/tlog-checkpoint>; the signed tree of Go's checksum database
//! (`golang.org/x/mod/sumdb/tlog`, `FormatTree`) is the same text with a fixed first line:
//!
//! ```text
//! ORIGIN                                          which log
//! 20852163                                        tree size
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=    root hash
//! ```
//!
//! Lines after the third are extensions, which both specifications allow. They are kept, so that a
//! checkpoint is written as it was read, but nothing depends on them. Candor writes none.
//!
//! Whether one checkpoint is consistent with another is left to `proof`.

use super::{Hash, KeyName, Note, NoteError, Signer, TreeHead, TreeSize, VerifierKey};
use std::fmt;

/// The first line of a checkpoint, which says what log it is of: not empty, one line, no control
/// characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

impl Origin {
    /// Checks `line` and makes it an origin.
    pub fn new(line: impl Into<String>) -> Result<Origin, CheckpointError> {
        let line = line.into();
        if line.is_empty() || line.contains(|c: char| c.is_ascii_control()) {
            return Err(CheckpointError::Malformed("the origin is empty or not one line"));
        }
        Ok(Origin(line))
    }

    /// The origin of every Go checksum database.
    pub fn go_sum_database() -> Origin {
        Origin("go.sum database tree".to_owned())
    }

    /// The line, without its line end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<KeyName> for Origin {
    /// A log's key should have its origin as its name, so a key's name is an origin.
    fn from(name: KeyName) -> Origin {
        Origin(name.into_string())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a log says about itself: its origin and its tree head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: Origin,
    head: TreeHead,
    extensions: Vec<String>,
}

/// Bytes that are not a checkpoint, or a checkpoint that must not be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note around it is malformed or not properly signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text of the note is not a checkpoint.
    #[error("this is not a checkpoint: {0}")]
    Malformed(&'static str),
    /// It is signed by the right key, but belongs to another log.
    #[error("this checkpoint is of the log {found:?}, not of {wanted:?}")]
    Origin {
        /// The origin that was expected.
        wanted: Origin,
        /// The origin that the checkpoint has.
        found: Origin,
    },
}

impl Checkpoint {
    /// The checkpoint of this log and head, without extensions.
    pub fn new(origin: Origin, head: TreeHead) -> Checkpoint {
        Checkpoint { origin, head, extensions: Vec::new() }
    }

    /// Parses the text of a note. Nothing is known about its truth: see [`Checkpoint::open`].
    pub fn parse(text: &str) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = Checkpoint::parse_any_root(text)?;
        let TreeHead { size, root } = checkpoint.head;
        if size == TreeSize::ZERO && root != Hash::EMPTY {
            let problem = "its tree is empty, but its root is not that of an empty tree";
            return Err(CheckpointError::Malformed(problem));
        }
        Ok(checkpoint)
    }

    /// As [`Checkpoint::parse`], but the empty tree may have any root: a witness has to tell that apart
    /// from a malformed text.
    pub fn parse_any_root(text: &str) -> Result<Checkpoint, CheckpointError> {
        use CheckpointError::Malformed;
        let lines = text.strip_suffix('\n').ok_or(Malformed("its last line has no line end"))?;
        let mut lines = lines.split('\n');
        let origin = Origin::new(lines.next().unwrap_or_default())?;
        let size = lines.next().and_then(|line| line.parse::<TreeSize>().ok());
        let size = size.ok_or(Malformed("its second line is not a tree size"))?;
        let root = lines.next().and_then(|line| line.parse::<Hash>().ok());
        let root = root.ok_or(Malformed("its third line is not a root hash"))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(Malformed("it has an empty line"));
        }
        Ok(Checkpoint { origin, head: TreeHead { size, root }, extensions })
    }

    /// Opens a signed checkpoint: it must be signed by `key` and belong to the log `origin`.
    ///
    /// Signatures by other keys, such as witnesses' cosignatures, are ignored.
    pub fn open(
        bytes: &[u8],
        key: &VerifierKey,
        origin: &Origin,
    ) -> Result<Checkpoint, CheckpointError> {
        let note = Note::parse(bytes)?;
        note.verify(std::slice::from_ref(key))?;
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin == *origin {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Origin { wanted: origin.clone(), found: checkpoint.origin })
        }
    }

    /// The signed note of this checkpoint. The caller is responsible for never signing two inconsistent
    /// heads.
    #[doc(hidden)]
    pub fn sign(&self, signer: &Signer) -> Result<Note, CheckpointError> {
        Ok(Note::sign(self.to_string(), &[signer])?)
    }

    /// The log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The size and root of its tree.
    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// Lines after the third, which have no meaning here.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl fmt::Display for Checkpoint {
    /// The text of the note.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.head.size, self.head.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::{Edge, Host, Protocol, Seed, leaf_hash};
    use proptest::prelude::*;

    const BEHIND_THE_SOFA: &str = "example.com/behind-the-sofa\n20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    fn head() -> TreeHead {
        let mut edge = Edge::empty();
        edge.append(&[leaf_hash(b"a"), leaf_hash(b"b")]).expect("room");
        edge.head()
    }

    fn signed(protocol: Protocol) -> (String, VerifierKey, Origin) {
        let host: Host = "telemetry.example.org".parse().expect("a host");
        let signer = Seed::from([9; 32]).signer(protocol.key_name(&host));
        let note = Checkpoint::new(protocol.origin(&host), head()).sign(&signer).expect("a note");
        (note.to_string(), signer.verifier_key().clone(), protocol.origin(&host))
    }

    #[test]
    fn the_examples_of_the_specifications() {
        let checkpoint = Checkpoint::parse(BEHIND_THE_SOFA).expect("the example");
        assert_eq!(checkpoint.origin().as_str(), "example.com/behind-the-sofa");
        assert_eq!(checkpoint.head().size.get(), 20_852_163);
        assert_eq!(checkpoint.to_string(), BEHIND_THE_SOFA);
        let go = "go.sum database tree\n2\nnND/nri/U0xuHUrYSy0HtMeal2vzD9V4k/BO79C+QeI=\n";
        let checkpoint = Checkpoint::parse(go).expect("the example in Go's sources");
        assert_eq!(checkpoint.origin(), &Origin::go_sum_database());
        assert_eq!(checkpoint.to_string(), go);
        let future = format!("{go}more\n");
        let checkpoint = Checkpoint::parse(&future).expect("extensions are allowed");
        assert_eq!(checkpoint.extensions(), ["more"]);
        assert_eq!(checkpoint.to_string(), future);
    }

    #[test]
    fn malformed_texts_are_refused() {
        let [first, second, third] = [0, 1, 2].map(|n| BEHIND_THE_SOFA.lines().nth(n).expect("3"));
        for bad in [
            String::new(),
            "\n".into(),
            format!("{first}\n"),
            format!("{first}\n{second}\n"),
            format!("{first}\n{second}\n{third}"),
            format!("\n{second}\n{third}\n"),
            format!("{first}\n0{second}\n{third}\n"),
            format!("{first}\n-{second}\n{third}\n"),
            format!("{first}\n {second}\n{third}\n"),
            format!("{first}\n9223372036854775808\n{third}\n"),
            format!("{first}\n{second}\n{third}=\n"),
            format!("{first}\n{second}\nCsUYag==\n"),
            format!("{first}\n{second}\n{third}\n\n"),
            format!("{first}\n{second}\n{third}\n\nmore\n"),
            format!("{first}\n0\n{third}\n"),
        ] {
            assert!(Checkpoint::parse(&bad).is_err(), "{bad:?}");
        }
        assert!(Checkpoint::parse(&format!("log\n0\n{}\n", Hash::EMPTY)).is_ok());
    }

    #[test]
    fn each_protocol_opens_only_under_its_own_key_and_origin() {
        for protocol in Protocol::ALL {
            let (note, key, origin) = signed(protocol);
            let opened = Checkpoint::open(note.as_bytes(), &key, &origin).expect("opens");
            assert_eq!(opened.head(), head());
            let elsewhere = Origin::new("other.example/log").expect("an origin");
            let error = Checkpoint::open(note.as_bytes(), &key, &elsewhere).expect_err("origin");
            assert!(matches!(error, CheckpointError::Origin { .. }), "{error}");
        }
        let ((note, _, origin), (_, other, _)) =
            (signed(Protocol::TlogTiles), signed(Protocol::Sumdb));
        let error = Checkpoint::open(note.as_bytes(), &other, &origin).expect_err("another key");
        assert!(matches!(error, CheckpointError::Note(NoteError::NotSigned { .. })), "{error}");
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_noticed(at: prop::sample::Index, bit in 0..8) {
            let (note, key, origin) = signed(Protocol::TlogTiles);
            let mut bytes = note.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            prop_assert!(Checkpoint::open(&bytes, &key, &origin).is_err());
        }

        #[test]
        fn what_parses_is_written_the_same(text in "[a-c]{1,3}\n[0-9]{1,3}\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n([a-c]{0,2}\n){0,2}") {
            if let Ok(checkpoint) = Checkpoint::parse(&text) {
                prop_assert_eq!(checkpoint.to_string(), text);
            }
        }
    }
}
