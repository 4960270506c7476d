//! Immutable objects: created if they are not there, and compared if they are.
//!
//! If the answer to a creation is lost, sending it again settles it: either it is created now, or
//! something is there, which is read and compared. Whoever wrote the same bytes, wrote them.
//!
//! An object of up to [`PART`] bytes is one request. A larger file is uploaded in parts of this size under
//! a name in `.staging/`, which no [`Key`](crate::store::Key) can have, and copied from there to its own
//! name if that is free; the copy is the store's own work. So no name is ever seen with half of its bytes,
//! and a store needs no conditions on multipart uploads beyond those of S3, Google and Azure. What an
//! upload leaves in `.staging/` when it is killed is removed a day later by the next writer that starts
//! ([`probe`](super::probe)); of unfinished uploads, the bucket's own lifecycle rule should get rid.
//!
//! Limit: 5 GiB a file, which is what S3 copies at once.

use super::answer::{Answer, Cause};
use super::connect::Client;
use super::pointer::random_name;
use super::retry::{Attempts, Patience, ask, until_settled};
use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, GetOptions, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions,
    PutPayload,
};
use std::fs::File;
use std::io::Read as _;

/// How large an object may be that is one request, and how large the parts of others are.
pub(super) const PART: u64 = 16 * 1024 * 1024;
/// How large an object may be.
pub(super) const LARGEST: u64 = 5 * 1024 * 1024 * 1024;

/// What became of a creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Created {
    /// The object is there with these bytes.
    Stored,
    /// It is there with others.
    Conflict,
}

/// The bytes of an object.
pub(super) async fn get(
    client: &Client,
    path: &Path,
    patience: Patience,
) -> Result<Option<Bytes>, Cause> {
    until_settled(client, patience, || async {
        client.objects.get_opts(path, GetOptions::default()).await?.bytes().await
    })
    .await
}

/// Creates an object in one request.
pub(super) async fn create(
    client: &Client,
    path: &Path,
    patience: Patience,
    bytes: Bytes,
) -> Result<Created, Cause> {
    let mut attempts = Attempts::new(client, patience);
    loop {
        let options = PutOptions::from(PutMode::Create);
        let request = client.objects.put_opts(path, bytes.clone().into(), options);
        let answer = match ask(request).await {
            Ok(_) => return Ok(Created::Stored),
            Err(Answer::Refused(cause)) => return Err(cause),
            Err(Answer::Condition) => match get(client, path, patience).await? {
                Some(there) if there == bytes => return Ok(Created::Stored),
                Some(_) => return Ok(Created::Conflict),
                // Removed in between, or two creations that got in each other's way.
                None => Answer::Condition,
            },
            Err(other) => other,
        };
        if !attempts.another(&answer).await {
            return Err(attempts.given_up(answer));
        }
    }
}

/// Removes an object, if there is one.
pub(super) async fn remove(client: &Client, path: &Path, patience: Patience) -> Result<(), Cause> {
    until_settled(client, patience, || client.objects.delete(path)).await.map(drop)
}

/// How a file is read, piece by piece.
type Pieces<'a> = &'a mut (dyn FnMut(usize) -> std::io::Result<Bytes> + Send);

/// Creates an object from a large file.
pub(super) async fn create_from(
    client: &Client,
    path: &Path,
    staging: &Path,
    patience: Patience,
    mut file: File,
    length: u64,
) -> Result<Created, Cause> {
    // Most often it is not there; if it is, nothing needs to be sent.
    if let Some(created) = compare(client, path, patience, &mut file, length).await? {
        return Ok(created);
    }
    rewind(&mut file)?;
    let mut pieces = |most: usize| {
        let mut piece = Vec::new();
        (&mut file).take(most as u64).read_to_end(&mut piece)?;
        Ok(piece.into())
    };
    let staged = staging.clone().join(random_name()?);
    let uploaded = upload(client, &staged, patience, &mut pieces, length).await;
    let created = match uploaded {
        Ok(()) => copy(client, &staged, path, patience, &mut file, length).await,
        Err(cause) => Err(cause),
    };
    // Whatever happened; a later start removes what is left.
    let _ = remove(client, &staged, patience).await;
    created
}

fn rewind(file: &mut File) -> Result<(), Cause> {
    std::io::Seek::rewind(file).map_err(|error| unreadable(&error))
}

fn unreadable(error: &std::io::Error) -> Cause {
    Cause::new(format!("the file that is to be stored cannot be read: {error}"), "")
}

/// Uploads a file in parts.
async fn upload(
    client: &Client,
    staged: &Path,
    patience: Patience,
    pieces: Pieces<'_>,
    length: u64,
) -> Result<(), Cause> {
    let gone = || Cause::new("the upload is gone", "run the command again");
    let begin = until_settled(client, patience, || client.parts.create_multipart(staged)).await?;
    let id = begin.ok_or_else(gone)?;
    let sent = async {
        let mut parts = Vec::new();
        let mut left = length;
        while left > 0 {
            let piece = pieces(PART as usize).map_err(|error| unreadable(&error))?;
            if piece.is_empty() {
                return Err(Cause::new("the file that is to be stored became shorter", ""));
            }
            left = left.saturating_sub(piece.len() as u64);
            let number = parts.len();
            let send =
                || client.parts.put_part(staged, &id, number, PutPayload::from(piece.clone()));
            parts.push(until_settled(client, patience, send).await?.ok_or_else(gone)?);
        }
        let mut attempts = Attempts::new(client, patience);
        loop {
            let answer =
                match ask(client.parts.complete_multipart(staged, &id, parts.clone())).await {
                    Ok(_) => return Ok(()),
                    Err(Answer::Refused(cause)) => return Err(cause),
                    Err(other) => other,
                };
            // It may have happened, and then there is no such upload any more. Nobody else has this name.
            let there = until_settled(client, patience, || client.objects.head(staged)).await?;
            if there.is_some_and(|there| there.size == length) {
                return Ok(());
            }
            if !attempts.another(&answer).await {
                return Err(attempts.given_up(answer));
            }
        }
    };
    let sent = sent.await;
    if sent.is_err() {
        let _ = ask(client.parts.abort_multipart(staged, &id)).await;
    }
    sent
}

/// Copies what was staged to its name, if that is free.
async fn copy(
    client: &Client,
    staged: &Path,
    path: &Path,
    patience: Patience,
    file: &mut File,
    length: u64,
) -> Result<Created, Cause> {
    let mut attempts = Attempts::new(client, patience);
    loop {
        let options = CopyOptions { mode: CopyMode::Create, ..CopyOptions::default() };
        let answer = match ask(client.objects.copy_opts(staged, path, options)).await {
            Ok(()) => return Ok(Created::Stored),
            Err(Answer::Refused(cause)) => return Err(cause),
            Err(Answer::Condition) => match compare(client, path, patience, file, length).await? {
                Some(created) => return Ok(created),
                None => Answer::Condition,
            },
            Err(other) => other,
        };
        if !attempts.another(&answer).await {
            return Err(attempts.given_up(answer));
        }
    }
}

/// Compares an object with a file, a piece at a time; `None` if there is none.
async fn compare(
    client: &Client,
    path: &Path,
    patience: Patience,
    file: &mut File,
    length: u64,
) -> Result<Option<Created>, Cause> {
    let Some(there) = until_settled(client, patience, || client.objects.head(path)).await? else {
        return Ok(None);
    };
    if there.size != length {
        return Ok(Some(Created::Conflict));
    }
    rewind(file)?;
    let mut at = 0;
    while at < length {
        let end = length.min(at + PART);
        let read =
            until_settled(client, patience, || client.objects.get_range(path, at..end)).await?;
        let Some(read) = read else { return Ok(None) };
        let mut own = Vec::new();
        file.take(end - at).read_to_end(&mut own).map_err(|error| unreadable(&error))?;
        if own != read {
            return Ok(Some(Created::Conflict));
        }
        at = end;
    }
    Ok(Some(Created::Stored))
}
