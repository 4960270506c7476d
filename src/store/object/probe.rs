//! Whether a store keeps its conditions: asked before anything is written to it.
//!
//! Some that speak the protocol of S3 ignore `If-Match` and `If-None-Match`: of any number of writers each
//! one is told that it has won, and a log on such a store would have two histories. So each process
//! that writes tries it out first, with a few small objects in `.probe/`:
//!
//! 1. an object is created; creating it again with other bytes is refused, and the first bytes are there,
//!    with their metadata;
//! 2. it is replaced under its ETag; replacing it again under the old ETag is refused;
//! 3. of [`WRITERS`] that create one object at once, one wins; and of as many that replace it.
//!
//! About twenty requests. Also, what uploads left in `.staging/` more than a day ago is removed.

use super::answer::{Answer, Cause};
use super::connect::Client;
use super::pointer::{options, random_name};
use super::retry::{Attempts, Patience, ask, until_settled};
use super::write::remove;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{Attribute, GetOptions, ObjectStore as _, PutMode, PutResult, UpdateVersion};
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;

/// How many writers race.
const WRITERS: usize = 4;
/// How old something in `.staging/` is that nobody is uploading any more.
const LEFT: Duration = Duration::from_secs(24 * 3600);

/// What a store did that none may do.
fn refused(what: &str) -> Cause {
    Cause::new(
        format!("this store cannot be used: {what}"),
        "two publishers on it could both win, and the log would have two histories. Use one with conditional \
         writes, such as Amazon S3, Google Cloud Storage, Azure Blob Storage, MinIO or versitygw, or file://DIR",
    )
}

/// One conditional write. An answer that was lost says nothing about the store, so the whole probe begins
/// again.
async fn write(
    client: &Client,
    path: &Path,
    mode: PutMode,
    bytes: &'static [u8],
) -> Result<Result<PutResult, ()>, Answer> {
    let name = random_name().map_err(Answer::Refused)?;
    let request = client.objects.put_opts(
        path,
        Bytes::from_static(bytes).into(),
        options(mode, bytes, &name, &[]),
    );
    match ask(request).await {
        Ok(written) => Ok(Ok(written)),
        Err(Answer::Condition | Answer::Missing) => Ok(Err(())),
        Err(other) => Err(other),
    }
}

/// Several conditional writes at once, each of other bytes, as the same bytes may have the same ETag; returns
/// what was written by those that have won.
async fn race(
    client: &Client,
    path: &Path,
    mode: &PutMode,
    all: [&'static [u8]; WRITERS],
) -> Result<Vec<PutResult>, Answer> {
    let mut writers = JoinSet::new();
    for bytes in all {
        let (client, path, mode) = (client.clone(), path.clone(), mode.clone());
        writers.spawn(async move { write(&client, &path, mode, bytes).await });
    }
    let mut won = Vec::new();
    while let Some(done) = writers.join_next().await {
        let lost = |_| Answer::Unclear(Cause::new("the work for the store was given up", ""));
        won.extend(done.map_err(lost)??);
    }
    Ok(won)
}

/// Tries a store out.
pub(super) async fn probe(
    client: &Client,
    probes: &Path,
    staging: &Path,
    patience: Patience,
) -> Result<(), Cause> {
    let mut attempts = Attempts::new(client, patience);
    loop {
        let name = random_name()?;
        let (one, raced) =
            (probes.clone().join(name.as_str()), probes.clone().join(format!("{name}-race")));
        let answer = conditions(client, &one, &raced).await;
        for path in [&one, &raced] {
            // Nothing depends on it.
            let _ = remove(client, path, patience).await;
        }
        let answer = match answer {
            Ok(()) => break,
            Err(Answer::Refused(cause)) => return Err(cause),
            Err(other) => other,
        };
        if !attempts.another(&answer).await {
            return Err(attempts.given_up(answer));
        }
    }
    clear(client, staging, patience).await
}

async fn conditions(client: &Client, one: &Path, raced: &Path) -> Result<(), Answer> {
    let bad = |what: &str| Err(Answer::Refused(refused(what)));
    let Ok(created) = write(client, one, PutMode::Create, b"first").await? else {
        return bad("it refused to create an object that was not there");
    };
    if write(client, one, PutMode::Create, b"second").await?.is_ok() {
        return bad(
            "it let a second writer create an object that was there (it ignores If-None-Match)",
        );
    }
    let found = ask(client.objects.get_opts(one, GetOptions::default())).await?;
    let has_metadata =
        found.attributes.iter().any(|(name, _)| matches!(name, Attribute::Metadata(_)));
    let version =
        UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
    if ask(found.bytes()).await? != b"first"[..] {
        return bad("it refused a second writer, and took its bytes all the same");
    }
    if !has_metadata {
        return bad("it does not keep the metadata of objects");
    }
    if version.e_tag.is_none() {
        return bad("its objects have no ETag");
    }
    // What writing returned has to be good for the next write, too.
    let written = UpdateVersion::from(created);
    let known = if written.e_tag.is_some() { written } else { version.clone() };
    if write(client, one, PutMode::Update(known), b"third").await?.is_err() {
        return bad("it refused to replace an object under its own ETag");
    }
    if write(client, one, PutMode::Update(version), b"fourth").await?.is_ok() {
        return bad(
            "it let a writer replace an object that had changed in between (it ignores If-Match)",
        );
    }
    let won = race(client, raced, &PutMode::Create, [b"1", b"2", b"3", b"4"]).await?;
    let [created] = &won[..] else {
        return bad(&format!(
            "of {WRITERS} writers that created one object at once, {} won",
            won.len()
        ));
    };
    let mode = PutMode::Update(UpdateVersion::from(created.clone()));
    match race(client, raced, &mode, [b"5", b"6", b"7", b"8"]).await?.len() {
        1 => Ok(()),
        won => bad(&format!("of {WRITERS} writers that replaced one object at once, {won} won")),
    }
}

/// Removes what uploads left long ago, by the store's own clock as far as it goes.
async fn clear(client: &Client, staging: &Path, patience: Patience) -> Result<(), Cause> {
    let list = || client.objects.list_with_delimiter(Some(staging));
    let Some(listed) = until_settled(client, patience, list).await? else { return Ok(()) };
    let Some(long_ago) = SystemTime::now().checked_sub(LEFT) else { return Ok(()) };
    for left in listed.objects {
        if SystemTime::from(left.last_modified) < long_ago {
            remove(client, &left.location, patience).await?;
        }
    }
    Ok(())
}
