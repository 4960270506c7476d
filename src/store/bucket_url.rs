//! The URL of a store in a bucket: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
//!
//! It says where a store is, and not how to get there: credentials, regions and endpoints come from the
//! environment, as for every other program that uses the bucket.

use super::Key;
use std::fmt;
use std::str::FromStr;

/// Whose protocol a bucket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Amazon S3, and what speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

impl Protocol {
    const ALL: [(&'static str, Protocol); 3] =
        [("s3://", Protocol::S3), ("gs://", Protocol::Gcs), ("az://", Protocol::Azure)];

    fn scheme(self) -> &'static str {
        match self {
            Protocol::S3 => "s3",
            Protocol::Gcs => "gs",
            Protocol::Azure => "az",
        }
    }
}

/// A bucket, and the prefix of everything that a store has in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketUrl {
    protocol: Protocol,
    bucket: String,
    prefix: Option<Key>,
}

/// A text that is not the URL of a store in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the place of a store in a bucket; write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or \
     az://CONTAINER/PREFIX, where PREFIX is of a-z, A-Z, 0-9, '.', '-', '_', '=', '+' between slashes, or left out"
)]
pub struct BucketUrlError(String);

#[cfg_attr(not(feature = "object-stores"), allow(dead_code, reason = "nothing opens one"))]
impl BucketUrl {
    /// Whether a text has the scheme of a bucket, well-formed or not.
    pub fn is_meant_by(text: &str) -> bool {
        Protocol::ALL.iter().any(|(scheme, _)| text.starts_with(scheme))
    }

    /// Whose protocol it speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What the names of all objects begin with, without a slash at its end.
    pub fn prefix(&self) -> Option<&Key> {
        self.prefix.as_ref()
    }

    /// The same bucket and prefix, and below that `name`.
    pub fn join(&self, name: &Key) -> BucketUrl {
        let below = match &self.prefix {
            Some(prefix) => Key::new(format!("{prefix}/{name}")).unwrap_or_else(|_| name.clone()),
            None => name.clone(),
        };
        BucketUrl { prefix: Some(below), ..self.clone() }
    }

    /// Whether one of the two is inside the other, or they are the same.
    pub fn overlaps(&self, other: &BucketUrl) -> bool {
        let inside = |inner: &Option<Key>, outer: &Option<Key>| match (inner, outer) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(inner), Some(outer)) => inner
                .as_str()
                .strip_prefix(outer.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        };
        self.protocol == other.protocol
            && self.bucket == other.bucket
            && (inside(&self.prefix, &other.prefix) || inside(&other.prefix, &self.prefix))
    }
}

impl FromStr for BucketUrl {
    type Err = BucketUrlError;

    fn from_str(text: &str) -> Result<BucketUrl, BucketUrlError> {
        let wrong = || BucketUrlError(text.to_owned());
        let found = Protocol::ALL
            .iter()
            .find_map(|(scheme, protocol)| Some((*protocol, text.strip_prefix(scheme)?)));
        let (protocol, rest) = found.ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let starts = bucket.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
        if !starts || !bucket.bytes().all(is_name) || bucket.len() > 222 {
            return Err(wrong());
        }
        let prefix = match prefix.strip_suffix('/').unwrap_or(prefix) {
            "" => None,
            // Names of objects have up to 512 bytes, and of all that 1024 are allowed.
            prefix if prefix.len() > 256 => return Err(wrong()),
            prefix => Some(Key::new(prefix).map_err(|_| wrong())?),
        };
        Ok(BucketUrl { protocol, bucket: bucket.to_owned(), prefix })
    }
}

impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.protocol.scheme(), self.bucket)?;
        match &self.prefix {
            Some(prefix) => write!(f, "/{prefix}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> BucketUrl {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_url_names_a_bucket_and_a_prefix() {
        for text in ["s3://bucket", "s3://bucket/a/b", "gs://a.b/c", "az://container/x-1=y"] {
            assert_eq!(url(text).to_string(), text);
        }
        assert_eq!(url("s3://bucket/").to_string(), "s3://bucket");
        assert_eq!(url("s3://bucket/a/").to_string(), "s3://bucket/a");
        assert_eq!(url("s3://b").join(&Key::new("x/y").expect("a key")).to_string(), "s3://b/x/y");
        assert_eq!(url("s3://b/a").join(&Key::new("x").expect("a key")).to_string(), "s3://b/a/x");
        let long = format!("s3://b/{}", "a".repeat(257));
        for text in
            ["", "s3:", "s3://", "s3:///a", "s3://b//a", "s3://b/../a", "s3://b/.a", "s3://-b"]
        {
            assert!(text.parse::<BucketUrl>().is_err(), "{text}");
        }
        for text in ["https://bucket/a", "file://a", "s3://b?c", "s3://k:s@b", "s3://b/a b", &long]
        {
            assert!(text.parse::<BucketUrl>().is_err(), "{text}");
        }
        assert!(BucketUrl::is_meant_by("s3://b//a") && !BucketUrl::is_meant_by("file://a"));
    }

    #[test]
    fn places_overlap_if_one_is_inside_the_other() {
        for (one, other) in
            [("s3://b", "s3://b/a"), ("s3://b/a", "s3://b/a"), ("s3://b/a/c", "s3://b/a")]
        {
            assert!(
                url(one).overlaps(&url(other)) && url(other).overlaps(&url(one)),
                "{one} {other}"
            );
        }
        for (one, other) in [("s3://b/a", "s3://b/ab"), ("s3://b", "s3://c"), ("s3://b", "gs://b")]
        {
            assert!(!url(one).overlaps(&url(other)), "{one} {other}");
        }
    }
}
