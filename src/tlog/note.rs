//! Signed notes: text, a blank line, and a line for each signature.
//!
//! <https://c2sp.org/signed-note>, which is also Go's `golang.org/x/mod/sumdb/note`:
//!
//! ```text
//! This is an example message.
//!
//! — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
//! ```
//!
//! Parsing says nothing about truth: only [`Note::verify`] does. What the text means is left to
//! `checkpoint`.

use super::{KeyId, KeyName, Signer, VerifierKey};
use crate::text::listed;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::fmt;

/// The start of a signature line: an em dash and a space.
const SIGNATURE_MARK: &str = "— ";

/// A note: its text, and signatures that may or may not be good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    id: KeyId,
    signature: Vec<u8>,
}

/// Bytes that are not a note, or a note that must not be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The note breaks the format.
    #[error("this is not a signed note: {0}")]
    Malformed(&'static str),
    /// A signature line breaks the format.
    #[error("this is not a signed note: signature line {line} {reason}")]
    SignatureLine {
        /// Which signature line, counted from one.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// None of the known keys signed.
    #[error(
        "the note is not signed by {wanted}; it carries signatures by {found}: it comes from \
         another signer, or the key to verify it with is out of date"
    )]
    NotSigned {
        /// The known keys, as `NAME+KEYID`.
        wanted: String,
        /// The keys that signed, as `NAME+KEYID`.
        found: String,
    },
    /// A known key's signature does not belong to this text.
    #[error("the signature by {name}+{id} does not match the note: it was changed or forged")]
    Forged {
        /// The key's name.
        name: KeyName,
        /// The key's ID.
        id: KeyId,
    },
    /// Two different known keys share a name and an ID.
    #[error("two different verifier keys are called {name}+{id}: remove the one that is not yours")]
    Ambiguous {
        /// The keys' name.
        name: KeyName,
        /// The keys' ID.
        id: KeyId,
    },
}

impl Note {
    /// The longest note that is parsed, in bytes. Go's client takes no more either.
    pub const MAXIMUM_LENGTH: usize = 1_000_000;

    /// The most signatures that a note may have. The specification asks for at least 16; Go's
    /// client takes 100.
    pub const MAXIMUM_SIGNATURES: usize = 100;

    /// Parses a note. Its signatures are not verified.
    pub fn parse(bytes: &[u8]) -> Result<Note, NoteError> {
        use NoteError::Malformed;
        if bytes.len() > Note::MAXIMUM_LENGTH {
            return Err(Malformed("it is longer than 1,000,000 bytes"));
        }
        let whole = str::from_utf8(bytes).map_err(|_| Malformed("it is not UTF-8"))?;
        check_characters(whole)?;
        // Counted from the last blank line: the text may have some of its own.
        let split = whole.rfind("\n\n").ok_or(Malformed("it has no blank line"))?;
        let (text, block) = (&whole[..=split], &whole[split + 2..]);
        let lines = match block.strip_suffix('\n') {
            Some(lines) => lines,
            None if block.is_empty() => return Err(Malformed("it has no signatures")),
            None => return Err(Malformed("its last line has no line end")),
        };
        let mut signatures = Vec::new();
        for (number, line) in lines.split('\n').enumerate() {
            if number >= Note::MAXIMUM_SIGNATURES {
                return Err(Malformed("it has more than 100 signatures"));
            }
            let at = |reason| NoteError::SignatureLine { line: number + 1, reason };
            signatures.push(NoteSignature::parse(line).map_err(at)?);
        }
        Ok(Note { text: text.to_owned(), signatures })
    }

    /// The note of `text`, signed by each of the signers, which embedders do not have.
    ///
    /// The text must end in a line end and hold no control character but line ends.
    #[doc(hidden)]
    pub fn sign(text: impl Into<String>, signers: &[&Signer]) -> Result<Note, NoteError> {
        let text = text.into();
        check_characters(&text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::Malformed("its text does not end in a line end"));
        }
        let sign = |signer: &&Signer| NoteSignature {
            name: signer.verifier_key().name().clone(),
            id: signer.verifier_key().id(),
            signature: signer.sign(text.as_bytes()).to_vec(),
        };
        let signatures = signers.iter().map(sign).collect();
        Ok(Note { text, signatures })
    }

    /// The same note with one more signature.
    #[must_use]
    pub fn with(mut self, signature: NoteSignature) -> Note {
        self.signatures.push(signature);
        self
    }

    /// The text, with its last line end and without the blank line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signatures, good or not, in order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Checks that at least one of `keys` signed, and returns those that did.
    ///
    /// Signatures by other keys are ignored, even if they share a name or an ID with a known one. If a
    /// known key's signature is bad, the note is refused whatever else is on it: someone tampered with
    /// it. (Go checks only the first signature of a key; we check each one.)
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, NoteError> {
        let mut signed: Vec<&VerifierKey> = Vec::new();
        for signature in &self.signatures {
            let (name, id) = (signature.name.clone(), signature.id);
            let mut known = keys.iter().filter(|key| *key.name() == name && key.id() == id);
            let Some(key) = known.next() else { continue };
            if known.any(|other| other != key) {
                return Err(NoteError::Ambiguous { name, id });
            }
            if !key.verifies(self.text.as_bytes(), &signature.signature) {
                return Err(NoteError::Forged { name, id });
            }
            if !signed.contains(&key) {
                signed.push(key);
            }
        }
        if !signed.is_empty() {
            return Ok(signed);
        }
        let wanted = keys.iter().map(|key| format!("{}+{}", key.name(), key.id()));
        let found = self.signatures.iter().map(|s| format!("{}+{}", s.name, s.id));
        let named = |keys: Vec<String>| match keys.is_empty() {
            true => "no key".to_owned(),
            false => listed(&keys, 4),
        };
        Err(NoteError::NotSigned { wanted: named(wanted.collect()), found: named(found.collect()) })
    }
}

/// ASCII control characters other than line ends make a note unreadable or misleading.
fn check_characters(text: &str) -> Result<(), NoteError> {
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(NoteError::Malformed("it has a control character that is not a line end"));
    }
    Ok(())
}

impl NoteSignature {
    /// A signature made elsewhere.
    pub(super) fn new(name: KeyName, id: KeyId, signature: Vec<u8>) -> NoteSignature {
        NoteSignature { name, id, signature }
    }

    /// The name of the key that is said to have signed.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The ID of the key that is said to have signed.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The signature itself, without the key ID.
    pub fn bytes(&self) -> &[u8] {
        &self.signature
    }

    /// Parses a signature's line, without its line end; or says what is wrong with it.
    pub fn parse(line: &str) -> Result<NoteSignature, &'static str> {
        let line = line.strip_prefix(SIGNATURE_MARK).ok_or("does not start with '— '")?;
        let (name, encoded) = line.split_once(' ').ok_or("has no signature after the name")?;
        let name = KeyName::new(name).map_err(|_| "has no valid key name")?;
        let bytes = STANDARD.decode(encoded).map_err(|_| "is not standard base64")?;
        match bytes.split_first_chunk::<4>() {
            Some((id, signature)) if !signature.is_empty() => {
                Ok(NoteSignature { name, id: KeyId::from(*id), signature: signature.to_vec() })
            }
            _ => Err("is too short to hold a key ID and a signature"),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl fmt::Display for NoteSignature {
    /// The line, without its line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.to_bytes(), self.bytes()].concat();
        write!(f, "{SIGNATURE_MARK}{} {}", self.name, STANDARD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::Seed;
    use proptest::prelude::*;

    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const EXAMPLE: &str = "This is an example message.\n\n— example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    fn key() -> VerifierKey {
        KEY.parse().expect("the example key")
    }

    fn signer(name: &str, seed: u8) -> Signer {
        Seed::from([seed; 32]).signer(KeyName::new(name).expect("a name"))
    }

    #[test]
    fn the_example_of_the_specification() {
        let note = Note::parse(EXAMPLE.as_bytes()).expect("the example");
        assert_eq!(note.text(), "This is an example message.\n");
        assert_eq!(note.verify(&[key()]), Ok(vec![&key()]));
        assert_eq!(note.to_string(), EXAMPLE);
    }

    #[test]
    fn text_may_hold_blank_lines() {
        let signer = signer("example.com/bar", 1);
        let keys = [signer.verifier_key().clone()];
        for text in ["a\n\nb\n", "\n", "a\n\n", "— not a signature\n", "\n\n— x\n"] {
            let note = Note::sign(text, &[&signer]).expect("valid text");
            let parsed = Note::parse(note.to_string().as_bytes()).expect("parses");
            assert_eq!(parsed, note, "{text:?}");
            assert_eq!(parsed.verify(&keys).map(|keys| keys.len()), Ok(1));
        }
        for text in ["", "a", "a\r\n", "\0\n", "a\tb\n"] {
            assert!(Note::sign(text, &[&signer]).is_err(), "{text:?}");
        }
    }

    #[test]
    fn malformed_notes_are_refused() {
        let line = "— example.com/foo Uw2QOkn8";
        let carriage_return = format!("text\r\n\n{line}\n");
        let no_blank_line = format!("text\n{line}\n");
        let cases: [&[u8]; 14] = [
            b"",
            b"text\n",
            b"text\n\n",
            b"text\n\n\n",
            b"text\xff\n\n",
            &EXAMPLE.as_bytes()[..EXAMPLE.len() - 1],
            no_blank_line.as_bytes(),
            carriage_return.as_bytes(),
            "text\n\n- example.com/foo Uw2QOkn8\n".as_bytes(),
            "text\n\n— example.com/foo\n".as_bytes(),
            "text\n\n— example.com/foo Uw2QOg==\n".as_bytes(), // an ID and no signature
            "text\n\n— example.com/foo  Uw2QOkn8\n".as_bytes(),
            "text\n\n— example.com+foo Uw2QOkn8\n".as_bytes(),
            "text\n\n— example.com/foo Uw2QOkn8 \n".as_bytes(),
        ];
        for case in cases {
            assert!(Note::parse(case).is_err(), "{:?}", String::from_utf8_lossy(case));
        }
        assert!(Note::parse(format!("text\n\n{line}\n").as_bytes()).is_ok());
        let many = |count| format!("text\n\n{}", format!("{line}\n").repeat(count));
        assert!(Note::parse(many(100).as_bytes()).is_ok());
        assert!(Note::parse(many(101).as_bytes()).is_err());
        let long = format!("{}\n\n{line}\n", "a".repeat(Note::MAXIMUM_LENGTH));
        assert!(Note::parse(long.as_bytes()).is_err());
    }

    #[test]
    fn unknown_keys_are_ignored_and_bad_signatures_of_known_keys_are_not() {
        let [known, same_name, other] =
            [("log", 1), ("log", 2), ("other", 3)].map(|(name, seed)| signer(name, seed));
        let keys = [known.verifier_key().clone()];
        let note = Note::sign("text\n", &[&other, &same_name, &known]).expect("a note");
        assert_eq!(note.verify(&keys), Ok(vec![&keys[0]]));

        let unsigned = Note::sign("text\n", &[&other, &same_name]).expect("a note");
        let error = unsigned.verify(&keys).expect_err("not signed by the known key");
        assert!(error.to_string().contains("not signed by log+"), "{error}");
        assert!(matches!(note.verify(&[]), Err(NoteError::NotSigned { .. })));

        let elsewhere = Note::sign("other text\n", &[&known]).expect("a note");
        let mut forged = note.clone();
        forged.signatures.extend(elsewhere.signatures);
        assert!(matches!(forged.verify(&keys), Err(NoteError::Forged { .. })));

        let mut twice = note.clone();
        twice.signatures.extend(note.signatures.clone());
        assert_eq!(twice.verify(&keys), Ok(vec![&keys[0]]), "a repeated key counts once");
    }

    #[test]
    fn two_keys_with_one_name_and_id_are_ambiguous() {
        // Key IDs have 32 bits: these two seeds were found within a second.
        let [mine, other] = [11_324_u32, 51_932].map(|number| {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&number.to_le_bytes());
            Seed::from(seed).signer(KeyName::new("log").expect("a name"))
        });
        let [one, two] = [&mine, &other].map(|signer| signer.verifier_key().clone());
        assert_eq!(one.id(), two.id());
        assert_ne!(one, two);
        let note = Note::sign("text\n", &[&mine]).expect("a note");
        for keys in [[one.clone(), two.clone()], [two.clone(), one.clone()]] {
            let refused = note.verify(&keys);
            assert!(matches!(refused, Err(NoteError::Ambiguous { .. })), "{refused:?}");
        }
        assert_eq!(note.verify(&[one.clone(), one.clone()]), Ok(vec![&one]), "one key twice");
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_noticed(at in 0..EXAMPLE.len(), bit in 0..8) {
            let mut bytes = EXAMPLE.as_bytes().to_vec();
            bytes[at] ^= 1_u8 << bit;
            let verified = Note::parse(&bytes).and_then(|note| note.verify(&[key()]).map(|_| ()));
            prop_assert!(verified.is_err());
        }

        #[test]
        fn what_parses_is_written_the_same(text in "[a-z\n— ]{0,20}", lines in "(— [a-z]{1,3} [A-Za-z+/]{8}\n){0,3}") {
            let note = format!("{text}\n\n{lines}");
            if let Ok(parsed) = Note::parse(note.as_bytes()) {
                prop_assert_eq!(parsed.to_string(), note);
            }
        }
    }
}
