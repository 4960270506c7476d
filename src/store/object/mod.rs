//! `s3://`, `gs://` and `az://`: a store in a bucket, by the crate `object_store` and conditional writes.
//!
//! | file | one idea |
//! | --- | --- |
//! | `connect` | from a URL and the environment to a client |
//! | `profile` | the profile files of Amazon's tools |
//! | `transport` | HTTP by ureq |
//! | `runtime` | waiting for what is asynchronous |
//! | `answer` | what an answer means, and what an operator is told |
//! | `retry` | sending again |
//! | `read`, `write` | immutable objects |
//! | `pointer` | compare-and-swap |
//! | `plain` | plain objects with headers, for others to serve |
//! | `probe` | whether a store keeps its conditions |
//!
//! What a bucket cannot do, and what that means here:
//!
//! - A batch is not atomic; but each conflict is looked for before anything is written, as in a folder.
//! - Nothing is ever removed by age: a process that dies leaves what it has written, as in a folder.
//! - Still unsafe: a request to remove an object that is delayed until after the same name was written
//!   again removes that. Names that are removed here are not used again: they have hashes or sizes in them.
//! - Still unsafe: a store that acknowledges what it then loses, or that reads what was before (S3, Google
//!   and Azure promise that they do not).

mod answer;
mod connect;
mod plain;
mod pointer;
mod probe;
mod read;
mod retry;
mod runtime;
mod transport;
mod write;

mod profile;
#[cfg(test)]
mod tests;

pub use plain::PlainBucket;

use super::bucket_url::BucketUrl;
use super::{Key, Store, StoreError, Swap, distinct, failed};
use crate::durable;
use answer::Cause;
use bytes::Bytes;
use connect::Client;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore as _, path};
use retry::{Patience, until_settled};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use transport::Limits;
use write::{Created, LARGEST, PART};

/// How many requests of one batch are under way at once.
const TOGETHER: usize = 16;

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(10),
    answer: Duration::from_secs(60),
    body: Duration::from_secs(600),
};

const PATIENCE: Patience = Patience {
    attempts: 8,
    first: Duration::from_millis(50),
    longest: Duration::from_secs(5),
    at_most: Duration::from_secs(120),
};

/// A store in a bucket.
pub struct BucketStore {
    url: BucketUrl,
    client: Client,
    scratch: PathBuf,
    patience: Patience,
}

impl fmt::Debug for BucketStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never what is known about credentials.
        f.debug_struct("BucketStore").field("url", &self.url).finish_non_exhaustive()
    }
}

impl BucketStore {
    /// The store at `url`, with the credentials of the environment. What is downloaded to be read piece by
    /// piece is in files without a name in the folder `scratch`. Nothing is sent yet.
    pub fn new(url: BucketUrl, scratch: impl Into<PathBuf>) -> Result<BucketStore, StoreError> {
        BucketStore::with(url, scratch, &connect::environment())
    }

    /// The same, with the variables of another environment.
    pub fn with(
        url: BucketUrl,
        scratch: impl Into<PathBuf>,
        environment: &BTreeMap<String, String>,
    ) -> Result<BucketStore, StoreError> {
        let client = connect::connect(&url, environment, LIMITS);
        let client = client.map_err(|cause| remote("open", &url, cause))?;
        Ok(BucketStore { url, client, scratch: scratch.into(), patience: PATIENCE })
    }

    /// For tests: the same, with short pauses before requests are sent again, and more of them.
    #[cfg(any(test, feature = "testing"))]
    pub fn hurried(mut self) -> BucketStore {
        self.patience.first = Duration::from_millis(1);
        self.patience.longest = Duration::from_millis(20);
        self.patience.attempts = 20;
        self
    }

    /// Tries out whether the store keeps the conditions of writes, once in a process. One that does not is an
    /// error that says what it did. Whatever writes does this first; to know at once, it can be done before.
    pub fn probe(&self) -> Result<(), StoreError> {
        static PROBED: Mutex<BTreeSet<(BucketUrl, String)>> = Mutex::new(BTreeSet::new());
        // Meanwhile other writers wait.
        let mut probed = PROBED.lock().unwrap_or_else(PoisonError::into_inner);
        let this = (self.url.clone(), self.client.endpoint.clone());
        if !probed.contains(&this) {
            self.probe_again()?;
            probed.insert(this);
        }
        Ok(())
    }

    fn probe_again(&self) -> Result<(), StoreError> {
        let (client, patience) = (self.client.clone(), self.patience);
        let (probes, staging) = (self.inside(".probe")?, self.inside(".staging")?);
        self.wait("write to", None, async move {
            probe::probe(&client, &probes, &staging, patience).await
        })
    }

    /// A name in the bucket.
    fn path(&self, key: &Key) -> Result<ObjectPath, StoreError> {
        self.inside(key.as_str())
    }

    /// A name below the prefix.
    fn inside(&self, name: &str) -> Result<ObjectPath, StoreError> {
        let whole = match self.url.prefix() {
            Some(prefix) => format!("{prefix}/{name}"),
            None => name.to_owned(),
        };
        let wrong = |error: path::Error| Cause::new(error.to_string(), "");
        ObjectPath::parse(whole).map_err(|error| remote("name", &self.url, wrong(error)))
    }

    fn failed(&self, action: &'static str, key: Option<&Key>, cause: Cause) -> StoreError {
        match key {
            Some(key) => remote(action, &self.url.join(key), cause),
            None => remote(action, &self.url, cause),
        }
    }

    fn wait<T: Send + 'static>(
        &self,
        action: &'static str,
        key: Option<&Key>,
        work: impl Future<Output = Result<T, Cause>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let done = runtime::wait(work).unwrap_or_else(|reason| Err(Cause::new(reason, "")));
        done.map_err(|cause| self.failed(action, key, cause))
    }

    /// Does the same with several objects, [`TOGETHER`] at a time, and returns what came of each, in their
    /// order.
    fn for_each<T, F>(
        &self,
        action: &'static str,
        objects: Vec<(Key, Bytes)>,
        work: impl Fn(ObjectPath, Bytes) -> F,
    ) -> Result<Vec<(Key, Bytes, T)>, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Cause>> + Send + 'static,
    {
        let mut all = Vec::new();
        for (number, (key, bytes)) in objects.into_iter().enumerate() {
            let work = work(self.path(&key)?, bytes.clone());
            all.push(async move {
                let done = work.await;
                (number, key, bytes, done)
            });
        }
        let together = async move {
            let mut waiting = all.into_iter();
            let mut running = JoinSet::new();
            let mut done = Vec::new();
            loop {
                while running.len() < TOGETHER
                    && let Some(next) = waiting.next()
                {
                    running.spawn(next);
                }
                match running.join_next().await {
                    None => return Ok(done),
                    Some(Ok(result)) => done.push(result),
                    Some(Err(error)) => return Err(Cause::new(error.to_string(), "")),
                }
            }
        };
        let mut done = self.wait(action, None, together)?;
        done.sort_by_key(|(number, ..)| *number);
        let done = done.into_iter().map(|(_, key, bytes, done)| match done {
            Ok(done) => Ok((key, bytes, done)),
            Err(cause) => Err(self.failed(action, Some(&key), cause)),
        });
        done.collect()
    }

    fn conflict(&self, key: &Key) -> StoreError {
        StoreError::Conflict { location: self.url.to_string(), key: key.clone() }
    }
}

fn remote(action: &'static str, url: &BucketUrl, cause: Cause) -> StoreError {
    StoreError::Io { action, path: url.to_string(), source: io::Error::new(cause.kind(), cause) }
}

impl Store for BucketStore {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let (client, path, patience) = (self.client.clone(), self.path(key)?, self.patience);
        let read = async move { write::get(&client, &path, patience).await };
        Ok(self.wait("read", Some(key), read)?.map(Vec::from))
    }

    fn put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        let batch = distinct(objects).map_err(|key| self.conflict(key))?;
        self.probe()?;
        let batch: Vec<_> = batch
            .into_iter()
            .map(|(key, bytes)| (key.clone(), Bytes::copy_from_slice(bytes)))
            .collect();
        let patience = self.patience;
        // A single one is created, and compared if it is there. Of several, nothing may be written if one
        // is there with other bytes.
        let missing = match batch.len() {
            0 | 1 => batch,
            _ => {
                let there = self.for_each("read", batch, |path, _| {
                    let client = self.client.clone();
                    async move { write::get(&client, &path, patience).await }
                })?;
                let other = there
                    .iter()
                    .find(|(_, bytes, there)| there.as_ref().is_some_and(|there| there != bytes));
                if let Some((key, ..)) = other {
                    return Err(self.conflict(key));
                }
                there
                    .into_iter()
                    .filter(|(.., there)| there.is_none())
                    .map(|(key, bytes, _)| (key, bytes))
                    .collect()
            }
        };
        let created = self.for_each("write", missing, |path, bytes| {
            let client = self.client.clone();
            async move { write::create(&client, &path, patience, bytes).await }
        })?;
        match created.iter().find(|(.., created)| *created == Created::Conflict) {
            Some((key, ..)) => Err(self.conflict(key)),
            None => Ok(()),
        }
    }

    fn put_file(&self, key: &Key, scratch: &Path) -> Result<(), StoreError> {
        let unreadable = |error| failed("read", scratch, error);
        let file = File::open(scratch).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        if length > LARGEST {
            let what =
                format!("{} has {length} bytes, and a bucket takes {LARGEST}", scratch.display());
            return Err(self.failed("write", Some(key), Cause::new(what, "")));
        }
        self.probe()?;
        let (client, path, patience) = (self.client.clone(), self.path(key)?, self.patience);
        let created = if length <= PART {
            let bytes = Bytes::from(std::fs::read(scratch).map_err(unreadable)?);
            let create = async move { write::create(&client, &path, patience, bytes).await };
            self.wait("write", Some(key), create)?
        } else {
            let staging = self.inside(".staging")?;
            let create = async move {
                write::create_from(&client, &path, &staging, patience, file, length).await
            };
            self.wait("write", Some(key), create)?
        };
        match created {
            Created::Stored => durable::remove_unsynced(scratch)
                .map(drop)
                .map_err(|e| failed("remove", scratch, e)),
            Created::Conflict => Err(self.conflict(key)),
        }
    }

    fn open(&self, key: &Key) -> Result<Option<File>, StoreError> {
        // A machine that only answers readers makes no folder, and may not even write to its own.
        let beside = self.scratch.parent().filter(|folder| !folder.as_os_str().is_empty());
        let own = tempfile::tempfile_in(&self.scratch);
        let own = own.or_else(|error| beside.map_or(Err(error), tempfile::tempfile_in));
        let file = own.or_else(|error| tempfile::tempfile().map_err(|_| error));
        let mut file = file.map_err(|e| failed("create a file in", &self.scratch, e))?;
        let (client, path, patience) = (self.client.clone(), self.path(key)?, self.patience);
        let download = async move {
            let found = read::download(&client, &path, patience, &mut file).await?;
            Ok(found.then_some(file))
        };
        self.wait("read", Some(key), download)
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        let (client, path, patience) = (self.client.clone(), self.path(key)?, self.patience);
        let remove = async move { write::remove(&client, &path, patience).await };
        self.wait("remove", Some(key), remove)
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>, StoreError> {
        let (client, path, patience) = (self.client.clone(), self.path(folder)?, self.patience);
        let list = async move {
            until_settled(&client, patience, || client.objects.list_with_delimiter(Some(&path)))
                .await
        };
        let listed = self.wait("list", Some(folder), list)?;
        let objects = listed.map(|listed| listed.objects).unwrap_or_default();
        // What is no name of ours is not ours.
        let names = objects.iter().filter_map(|object| {
            let name = object.location.filename()?;
            Key::new(format!("{folder}/{name}")).ok()
        });
        Ok(names.collect())
    }

    fn pointer(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let (client, path, patience) = (self.client.clone(), self.path(key)?, self.patience);
        let read = async move { pointer::read(&client, &path, patience).await };
        self.wait("read", Some(key), read)
    }

    fn swap(&self, key: &Key, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        self.probe()?;
        let (client, path, patience) = (self.client.clone(), self.path(key)?, self.patience);
        let (expected, new) = (expected.map(<[u8]>::to_vec), new.to_vec());
        let swap = async move { pointer::swap(&client, &path, patience, expected, new).await };
        self.wait("change", Some(key), swap)
    }
}
