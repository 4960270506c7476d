//! Plain objects in a bucket, which may be overwritten, with the headers that it serves them with.

use super::answer::Cause;
use super::connect::{self, Client, Environment};
use super::retry::{Patience, until_settled};
use super::{LIMITS, PATIENCE, TOGETHER, remote, runtime, write};
use crate::store::StoreError;
use crate::store::bucket_url::BucketUrl;
use crate::store::plain::{PlainHeaders, PlainObject, PlainStore};
use bytes::Bytes;
use object_store::path::{self, Path};
use object_store::{Attribute, Attributes, ObjectStore as _, PutOptions};
use std::fmt;
use tokio::task::JoinSet;

/// A bucket that others serve.
pub struct PlainBucket {
    url: BucketUrl,
    client: Client,
    patience: Patience,
}

impl fmt::Debug for PlainBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainBucket").field("url", &self.url).finish_non_exhaustive()
    }
}

impl PlainBucket {
    /// The objects below `url`, with the credentials of the environment. Nothing is sent yet.
    pub fn new(url: BucketUrl) -> Result<PlainBucket, StoreError> {
        PlainBucket::with(url, &connect::environment())
    }

    /// The same, with the variables of another environment.
    pub fn with(url: BucketUrl, environment: &Environment) -> Result<PlainBucket, StoreError> {
        let client = connect::connect(&url, environment, LIMITS);
        let client = client.map_err(|cause| remote("open", &url, cause))?;
        Ok(PlainBucket { url, client, patience: PATIENCE })
    }

    fn path(&self, name: &str) -> Result<Path, StoreError> {
        let whole = match self.url.prefix() {
            Some(prefix) => format!("{prefix}/{name}"),
            None => name.to_owned(),
        };
        let wrong = |error: path::Error| Cause::new(error.to_string(), "");
        Path::parse(whole).map_err(|error| remote("name", &self.url, wrong(error)))
    }

    fn failed(&self, action: &'static str, name: &str, cause: Cause) -> StoreError {
        let path = format!("{}/{name}", self.url);
        StoreError::Io { action, path, source: std::io::Error::other(cause) }
    }
}

fn attributes(headers: PlainHeaders) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::ContentType, headers.content_type.into());
    attributes.insert(Attribute::CacheControl, headers.cache_control.into());
    if let Some(disposition) = headers.disposition {
        attributes.insert(Attribute::ContentDisposition, disposition.into());
    }
    attributes
}

async fn put(
    client: Client,
    path: Path,
    patience: Patience,
    headers: PlainHeaders,
    bytes: Bytes,
) -> Result<(), Cause> {
    let attributes = attributes(headers);
    let written = until_settled(&client, patience, || {
        let options = PutOptions::from(attributes.clone());
        client.objects.put_opts(&path, bytes.clone().into(), options)
    });
    match written.await? {
        Some(_) => Ok(()),
        None => Err(Cause::new("there is no such bucket", "make it, or correct its name")),
    }
}

impl PlainStore for PlainBucket {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (client, path, patience) = (self.client.clone(), self.path(name)?, self.patience);
        let read = async move { write::get(&client, &path, patience).await };
        let read = runtime::wait(read).unwrap_or_else(|reason| Err(Cause::new(reason, "")));
        Ok(read.map_err(|cause| self.failed("read", name, cause))?.map(Vec::from))
    }

    /// Several at a time.
    fn write(&self, objects: Vec<PlainObject>) -> Result<(), StoreError> {
        let mut all = Vec::new();
        for PlainObject { name, headers, bytes } in objects {
            let path = self.path(&name)?;
            let put = put(self.client.clone(), path, self.patience, headers, bytes);
            all.push(async move { put.await.map_err(|cause| (name, cause)) });
        }
        let together = async move {
            let (mut waiting, mut running) = (all.into_iter(), JoinSet::new());
            loop {
                while running.len() < TOGETHER
                    && let Some(next) = waiting.next()
                {
                    running.spawn(next);
                }
                match running.join_next().await {
                    None => return Ok(()),
                    Some(Ok(done)) => done?,
                    Some(Err(error)) => {
                        return Err((String::new(), Cause::new(error.to_string(), "")));
                    }
                }
            }
        };
        let done = runtime::wait(together);
        let done = done.unwrap_or_else(|reason| Err((String::new(), Cause::new(reason, ""))));
        done.map_err(|(name, cause)| self.failed("write", &name, cause))
    }
}
