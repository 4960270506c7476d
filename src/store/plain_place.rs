//! Where plain objects are to be: a folder, or a bucket.

use super::StoreError;
use super::bucket_url::BucketUrl;
use super::plain::{PlainFolder, PlainStore};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where plain objects are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlainPlace {
    /// `file:///FOLDER`
    Folder(PathBuf),
    /// `s3://`, `gs://` or `az://`
    Bucket(BucketUrl),
}

/// A text that names no place for files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no place for files; write file:///FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX"
)]
pub struct PlainPlaceError(String);

impl FromStr for PlainPlace {
    type Err = PlainPlaceError;

    fn from_str(text: &str) -> Result<PlainPlace, PlainPlaceError> {
        let wrong = || PlainPlaceError(text.chars().take(200).collect());
        if let Some(path) = text.strip_prefix("file://") {
            let path = crate::percent::decoded(path).ok_or_else(wrong)?;
            let path = PathBuf::from(path);
            return path.is_absolute().then_some(PlainPlace::Folder(path)).ok_or_else(wrong);
        }
        text.parse().map(PlainPlace::Bucket).map_err(|_| wrong())
    }
}

impl fmt::Display for PlainPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlainPlace::Folder(folder) => write!(f, "file://{}", folder.display()),
            PlainPlace::Bucket(url) => url.fmt(f),
        }
    }
}

impl PlainPlace {
    /// Opens it; nothing is read or written yet.
    pub fn open(&self) -> Result<Box<dyn PlainStore>, StoreError> {
        match self {
            PlainPlace::Folder(folder) => Ok(Box::new(PlainFolder::new(folder.clone()))),
            #[cfg(feature = "object-stores")]
            PlainPlace::Bucket(url) => Ok(Box::new(super::object::PlainBucket::new(url.clone())?)),
            #[cfg(not(feature = "object-stores"))]
            PlainPlace::Bucket(url) => {
                let source = std::io::Error::other(
                    "this program was built without object stores; build it with --features object-stores",
                );
                Err(StoreError::Io { action: "open", path: format!("{url}"), source })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_urls() {
        let folder = |path: &str| Ok(PlainPlace::Folder(path.into()));
        assert_eq!("file:///srv/www".parse(), folder("/srv/www"));
        assert_eq!("file:///srv/a%20b".parse(), folder("/srv/a b"));
        assert!(matches!("s3://bucket/a".parse(), Ok(PlainPlace::Bucket(_))));
        for text in ["", "/srv/www", "file://srv", "https://example.org", "s3://"] {
            assert!(text.parse::<PlainPlace>().is_err(), "{text}");
        }
    }
}
