//! Pointers: compare-and-swap with a store whose answers may be lost.
//!
//! A swap reads the pointer, compares its bytes, and writes under the condition that it is still what was
//! read (`If-Match` with the ETag, a generation, or `If-None-Match: *` for the first time). If the answer
//! to that is lost, the write may have happened, and nobody else can tell. Reading the bytes back does not
//! settle it:
//!
//! - our bytes may be there because *another* writer swapped the same bytes for the same bytes, and
//!   then only that one has won;
//! - other bytes may be there because ours *were* there, and somebody has gone on from them. A
//!   publisher who is told "lost" would do its step a second time.
//!
//! So each swap has a random name, and a pointer's metadata has the names of the last [`REMEMBERED`] swaps
//! that won, the newest first. Every writer keeps that list, as it writes under the condition that it is
//! the one who follows. A writer that does not know what became of its swap reads the list: if its name is
//! there, it has won, even if others have won since. If not, and the list still has the name that was the
//! newest before, it has not. If that name is no longer there either, more swaps happened in between than
//! are remembered: then nothing is claimed, and the error says that it is not known.
//!
//! A swap whose bytes stay the same is a swap like any other.
//!
//! Before the list, the metadata has a hash of the bytes. Some servers read the parts of an object one after
//! the other, so that an answer may have the list of one version and the bytes of the next; such an answer
//! is asked for again. (An ETag that is older than the bytes makes a write fail, which is safe; one that is
//! newer would not be, and no server is known to give it out. versitygw does so with `--sidecar`, and not with
//! its metadata in extended attributes.)
//!
//! Still unsafe: an ETag of S3 is a hash of the bytes. A request that arrives after its writer has given
//! it up can take effect if the pointer has by then gone back to the very bytes that it expects (a
//! generation of Google's, or an ETag of Azure's, would differ). Pointers here do not go back: they hold
//! heads that grow, counters, and random names.

use super::answer::{Answer, Cause};
use super::connect::Client;
use super::retry::{Attempts, Patience, ask, until_settled};
use crate::hex::{hex, shortened};
use crate::store::Swap;
use object_store::path::Path;
use object_store::{
    Attribute, AttributeValue, Attributes, GetOptions, ObjectStore as _, PutMode, PutOptions,
    UpdateVersion,
};
use sha2::{Digest as _, Sha256};

/// How many swaps a pointer remembers: with 16 digits each, well below the 2 KB that S3 allows.
const REMEMBERED: usize = 32;
/// The name of the list in the metadata. (Azure's names have no hyphen.)
const SWAPS: &str = "candorswaps";

/// A pointer as it was read.
#[derive(Debug, Clone)]
struct There {
    bytes: Vec<u8>,
    version: UpdateVersion,
    /// The names of the swaps that won, the newest first.
    swaps: Vec<String>,
}

/// The bytes of a pointer.
pub(super) async fn read(
    client: &Client,
    path: &Path,
    patience: Patience,
) -> Result<Option<Vec<u8>>, Cause> {
    Ok(there(client, path, patience).await?.map(|there| there.bytes))
}

async fn there(client: &Client, path: &Path, patience: Patience) -> Result<Option<There>, Cause> {
    let mut attempts = Attempts::new(client, patience);
    loop {
        let Some((hash, there)) = look(client, path, patience).await? else { return Ok(None) };
        if hash.is_none_or(|hash| hash == hash_of(&there.bytes)) {
            return Ok(Some(there));
        }
        if !attempts.another(&Answer::Condition).await {
            return Err(Cause::damage(
                "its bytes are not those that it was written with",
                "restore it from the newest copy of the store",
            ));
        }
    }
}

/// What is there, and which hash its bytes had when they were written.
async fn look(
    client: &Client,
    path: &Path,
    patience: Patience,
) -> Result<Option<(Option<String>, There)>, Cause> {
    until_settled(client, patience, || async {
        let found = client.objects.get_opts(path, GetOptions::default()).await?;
        let version =
            UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
        let swaps = found.attributes.get(&Attribute::Metadata(SWAPS.into()));
        let swaps = swaps.map(AsRef::as_ref).unwrap_or_default();
        let mut swaps = swaps.split('.').filter(|name| !name.is_empty()).map(str::to_owned);
        let hash = swaps.next();
        let swaps = swaps.collect();
        Ok((hash, There { bytes: found.bytes().await?.into(), version, swaps }))
    })
    .await
}

/// A name that nobody else has.
pub(super) fn random_name() -> Result<String, Cause> {
    let mut bytes = [0; 8];
    let failed = |error| Cause::new(format!("there is no randomness: {error}"), "");
    getrandom::fill(&mut bytes).map_err(failed)?;
    Ok(hex(&bytes))
}

/// A hash of a pointer's bytes, long enough to tell versions apart.
fn hash_of(bytes: &[u8]) -> String {
    shortened(&Sha256::digest(bytes), 8)
}

/// The options of a write of `bytes` that adds `name` to the swaps that won.
pub(super) fn options(mode: PutMode, bytes: &[u8], name: &str, before: &[String]) -> PutOptions {
    let newest = std::iter::once(name).chain(before.iter().map(String::as_str));
    let list = newest.take(REMEMBERED).collect::<Vec<_>>().join(".");
    let list = format!("{}.{list}", hash_of(bytes));
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::Metadata(SWAPS.into()), AttributeValue::from(list));
    PutOptions { mode, attributes, ..PutOptions::default() }
}

/// What became of a swap whose answer was lost.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Won,
    /// It has not happened so far.
    NotWon,
    Unknown,
}

/// Looks for the swap `name` in what is there now; `before` is the newest swap when it was first sent.
fn fate(there: Option<&There>, name: &str, before: Option<&str>) -> Fate {
    let swaps = there.map(|there| there.swaps.as_slice()).unwrap_or_default();
    let has = |wanted: &str| swaps.iter().any(|swap| swap == wanted);
    match before {
        _ if has(name) => Fate::Won,
        Some(before) if has(before) => Fate::NotWon,
        // All that there ever were are still remembered.
        None if swaps.len() < REMEMBERED => Fate::NotWon,
        _ => Fate::Unknown,
    }
}

/// Sets the pointer to `new` if its bytes are `expected`.
pub(super) async fn swap(
    client: &Client,
    path: &Path,
    patience: Patience,
    expected: Option<Vec<u8>>,
    new: Vec<u8>,
) -> Result<Swap, Cause> {
    let name = random_name()?;
    let new = bytes::Bytes::from(new);
    let mut attempts = Attempts::new(client, patience);
    // The newest swap before the first request whose fate is open.
    let mut open: Option<Option<String>> = None;
    loop {
        // The first time, there is nothing to compare: the condition says it all.
        let found = match (&expected, &open, attempts.is_first()) {
            (None, None, true) => None,
            _ => there(client, path, patience).await.map_err(|cause| unknown(&open, cause))?,
        };
        // Even after an answer that was clear: something on the way may have sent the request twice.
        match fate(found.as_ref(), &name, open.as_ref().and_then(Option::as_deref)) {
            Fate::Won => return Ok(Swap::Won),
            Fate::NotWon => {}
            Fate::Unknown => {
                if open.is_some() {
                    return Err(unknown(
                        &open,
                        Cause::new("many others have changed it since", ""),
                    ));
                }
            }
        }
        if found.as_ref().map(|there| &there.bytes) != expected.as_ref() {
            return Ok(Swap::Lost);
        }
        let (mode, swaps) = match found {
            None => (PutMode::Create, Vec::new()),
            Some(there) => (PutMode::Update(there.version), there.swaps),
        };
        let request =
            client.objects.put_opts(path, new.clone().into(), options(mode, &new, &name, &swaps));
        let answer = match ask(request).await {
            Ok(_) => return Ok(Swap::Won),
            // Unless the store is full of surprises, the next look says why.
            Err(answer @ (Answer::Condition | Answer::Missing | Answer::NotSent(_))) => answer,
            Err(answer @ Answer::Unclear(_)) => {
                open.get_or_insert_with(|| swaps.first().cloned());
                answer
            }
            Err(Answer::Refused(cause)) => return Err(unknown(&open, cause)),
        };
        if !attempts.another(&answer).await {
            return Err(unknown(&open, attempts.given_up(answer)));
        }
    }
}

/// If a request's fate is open, the error has to say so.
fn unknown(open: &Option<Option<String>>, cause: Cause) -> Cause {
    match open {
        None => cause,
        Some(_) => Cause::new(
            format!("{cause}; whether it was changed is not known"),
            "run the command again, which looks first",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn having(swaps: &[String]) -> There {
        There {
            bytes: Vec::new(),
            version: UpdateVersion { e_tag: None, version: None },
            swaps: swaps.to_vec(),
        }
    }

    #[test]
    fn the_fate_of_a_swap_is_told_by_the_swaps_since() {
        let names: Vec<String> = (0..REMEMBERED).map(|number| format!("n{number}")).collect();
        let is = |swaps: &[String], name: &str, before: Option<&str>| {
            fate(Some(&having(swaps)), name, before)
        };
        assert_eq!(is(&names, "n0", Some("n1")), Fate::Won);
        assert_eq!(is(&names, "n7", Some("n8")), Fate::Won, "and others since");
        assert_eq!(is(&names, "other", Some("n0")), Fate::NotWon);
        assert_eq!(is(&names, "other", Some("n31")), Fate::NotWon);
        assert_eq!(is(&names, "other", Some("older")), Fate::Unknown);
        // A first swap: everything since is remembered, or the list is full.
        assert_eq!(fate(None, "other", None), Fate::NotWon);
        assert_eq!(is(&names[1..], "other", None), Fate::NotWon);
        assert_eq!(is(&names, "other", None), Fate::Unknown);
    }

    #[test]
    fn the_newest_swaps_are_remembered() {
        let names: Vec<String> = (0..REMEMBERED).map(|number| format!("n{number}")).collect();
        let options = options(PutMode::Create, b"", "new", &names);
        let list = options.attributes.get(&Attribute::Metadata(SWAPS.into())).expect("a list");
        assert!(
            list.starts_with("e3b0c44298fc1c14.new.n0.n1.") && list.ends_with(".n30"),
            "{list:?}"
        );
    }
}
