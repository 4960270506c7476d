//! From a URL and the environment to a client of `object_store`.
//!
//! | variable | what |
//! | --- | --- |
//! | `AWS_*` | as Amazon's tools: keys, region, profile, endpoint; roles of containers, machines and web identities |
//! | `GOOGLE_APPLICATION_CREDENTIALS`, `GOOGLE_*` | the file of a service account, or another of Google's kinds |
//! | `AZURE_STORAGE_*` | account and key, or a shared access signature; managed identities |
//!
//! Plain http is used to this machine, and elsewhere only where `AWS_ALLOW_HTTP=true` (or
//! `GOOGLE_ALLOW_HTTP`, `AZURE_ALLOW_HTTP`) says so. Clients send each request once: whether it may be sent
//! again depends on what it was for, and [`retry`](super::retry) knows that.

use super::answer::Cause;
use super::profile;
use super::transport::{Connector, Limits};
use crate::store::bucket_url::{BucketUrl, Protocol};
use object_store::aws::{AmazonS3Builder, S3ConditionalPut, S3CopyIfNotExists};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::multipart::MultipartStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Variables by name.
pub(super) type Environment = BTreeMap<String, String>;

/// The environment of this process, as far as it is text.
pub(super) fn environment() -> Environment {
    let all = std::env::vars_os();
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// A bucket that can be spoken to.
#[derive(Clone)]
pub(super) struct Client {
    /// Where it is, if that is not its provider's own place.
    pub(super) endpoint: String,
    /// What an operator calls it: the URL, and the endpoint if there is one.
    pub(super) name: String,
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) parts: Arc<dyn MultipartStore>,
}

/// No request is sent again by `object_store` itself.
fn once() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

/// A client for the bucket of `url`. Nothing is sent.
pub(super) fn connect(
    url: &BucketUrl,
    environment: &Environment,
    limits: Limits,
) -> Result<Client, Cause> {
    match url.protocol() {
        Protocol::S3 => s3(url, environment, limits),
        Protocol::Gcs => google(url, environment, limits),
        Protocol::Azure => azure(url, environment, limits),
    }
}

fn both<S: ObjectStore + MultipartStore>(
    url: &BucketUrl,
    endpoint: Option<&str>,
    built: object_store::Result<S>,
) -> Result<Client, Cause> {
    let store =
        Arc::new(built.map_err(|error| Cause::new(error.to_string(), "correct the settings"))?);
    let endpoint = endpoint.unwrap_or_default().to_owned();
    let name = match endpoint.as_str() {
        "" => url.to_string(),
        endpoint => format!("{url} at {endpoint}"),
    };
    Ok(Client { endpoint, name, objects: store.clone(), parts: store })
}

/// Whether plain http may be used to an endpoint.
fn may_be_plain(endpoint: Option<&str>, allowed: Option<&String>) -> Result<bool, Cause> {
    let Some(rest) = endpoint.and_then(|endpoint| endpoint.strip_prefix("http://")) else {
        return Ok(false);
    };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_here = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_here || allowed.is_some_and(|value| value == "true" || value == "1") {
        return Ok(true);
    }
    let what = format!("the endpoint http://{rest} is another machine's, without TLS");
    Err(Cause::new(what, "use https, or set AWS_ALLOW_HTTP=true in a network that you trust"))
}

fn s3(url: &BucketUrl, environment: &Environment, limits: Limits) -> Result<Client, Cause> {
    let profile = profile::read(environment)?;
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let mut builder = AmazonS3Builder::new();
    let from_profile = [
        ("region", "AWS_REGION"),
        ("endpoint_url", "AWS_ENDPOINT_URL"),
        ("aws_access_key_id", "AWS_ACCESS_KEY_ID"),
        ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
        ("aws_session_token", "AWS_SESSION_TOKEN"),
    ];
    // Keys, secrets and tokens belong together: they come from one place.
    let has_keys = set("AWS_ACCESS_KEY_ID").is_some() || set("AWS_SECRET_ACCESS_KEY").is_some();
    for (name, variable) in from_profile {
        let is_secret = name.starts_with("aws_");
        if let (Some(value), Ok(key)) = (profile.get(name), variable.to_ascii_lowercase().parse())
            && !(is_secret && has_keys)
        {
            builder = builder.with_config(key, value);
        }
    }
    for (name, value) in environment.iter().filter(|(_, value)| !value.is_empty()) {
        let Some(_) = name.strip_prefix("AWS_") else { continue };
        if let Ok(key) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];
    let endpoint = endpoint.iter().find_map(|name| set(name)).or(profile.get("endpoint_url"));
    let endpoint = endpoint.map(String::as_str);
    let plain = may_be_plain(endpoint, set("AWS_ALLOW_HTTP"))?;
    let found = has_keys || profile.contains_key("aws_access_key_id");
    let role = [
        "AWS_ROLE_ARN",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    if !found
        && !role.iter().any(|name| set(name).is_some())
        && set("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value == "true")
    {
        return Err(no_credentials());
    }
    both(
        url,
        endpoint,
        builder
            .with_bucket_name(url.bucket())
            .with_allow_http(plain)
            .with_retry(once())
            .with_http_connector(Connector(limits))
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_copy_if_not_exists(S3CopyIfNotExists::Multipart)
            .with_disable_bulk_delete(true)
            .with_disable_tagging(true)
            .build(),
    )
}

/// What to do where no credentials are found.
pub(super) fn no_credentials() -> Cause {
    Cause::new(
        "there are no credentials",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile of ~/.aws/credentials in AWS_PROFILE",
    )
}

fn google(url: &BucketUrl, environment: &Environment, limits: Limits) -> Result<Client, Cause> {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let mut builder = GoogleCloudStorageBuilder::new();
    for (name, value) in environment.iter().filter(|(_, value)| !value.is_empty()) {
        if name.starts_with("GOOGLE_")
            && let Ok(key) = name.to_ascii_lowercase().parse()
        {
            builder = builder.with_config(key, value);
        }
    }
    let endpoint = set("GOOGLE_BASE_URL").map(String::as_str);
    let plain = may_be_plain(endpoint, set("GOOGLE_ALLOW_HTTP"))?;
    let options = ClientOptions::new().with_allow_http(plain);
    both(
        url,
        endpoint,
        builder
            .with_bucket_name(url.bucket())
            .with_client_options(options)
            .with_retry(once())
            .with_http_connector(Connector(limits))
            .build(),
    )
}

fn azure(url: &BucketUrl, environment: &Environment, limits: Limits) -> Result<Client, Cause> {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let mut builder = MicrosoftAzureBuilder::new();
    for (name, value) in environment.iter().filter(|(_, value)| !value.is_empty()) {
        if name.starts_with("AZURE_")
            && let Ok(key) = name.to_ascii_lowercase().parse()
        {
            builder = builder.with_config(key, value);
        }
    }
    let endpoint = ["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"].iter().find_map(|name| set(name));
    let endpoint = endpoint.map(String::as_str);
    let plain = may_be_plain(endpoint, set("AZURE_ALLOW_HTTP"))?;
    both(
        url,
        endpoint,
        builder
            .with_container_name(url.bucket())
            .with_allow_http(plain)
            .with_retry(once())
            .with_http_connector(Connector(limits))
            .build(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_or_allowed() {
        let allowed = "true".to_owned();
        for endpoint in ["http://localhost:1/a", "http://127.0.0.1:9000", "http://[::1]:1"] {
            assert!(may_be_plain(Some(endpoint), None).expect("allowed"), "{endpoint}");
        }
        for endpoint in [None, Some("https://other")] {
            assert!(!may_be_plain(endpoint, Some(&allowed)).expect("https"));
        }
        for endpoint in ["http://10.0.0.1", "http://minio:9000", "http://localhost.example"] {
            assert!(may_be_plain(Some(endpoint), None).is_err(), "{endpoint}");
            assert!(may_be_plain(Some(endpoint), Some(&allowed)).expect("allowed"), "{endpoint}");
        }
    }
}
