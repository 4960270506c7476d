//! A POST to a witness, with limits on time and size.
//!
//! Redirects are not followed: they would turn the POST into a GET, and the answer would come from
//! another address than the policy's.

use std::fmt;
use std::time::Duration;
use ureq::Agent;

/// The longest answer that is read: room for a dozen ML-DSA cosignatures.
pub(super) const LONGEST: usize = 64 << 10;

/// What a witness answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// How long to wait before the next request, if it says so in seconds.
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// How witnesses are reached.
pub(super) trait Post: fmt::Debug + Send + Sync {
    /// The answer of `url`, within this time; or why there is none.
    fn post(&self, url: &str, body: &str, within: Duration) -> Result<Reply, String>;
}

/// HTTP and HTTPS, blocking, with connections that are kept open.
#[derive(Debug, Clone)]
pub(super) struct Http {
    remote: Agent,
    local: Agent,
}

impl Http {
    pub(super) fn new() -> Http {
        let settings = || {
            Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .user_agent(concat!("candor/", env!("CARGO_PKG_VERSION")))
        };
        Http {
            remote: settings().https_only(true).build().into(),
            local: settings().proxy(None).build().into(),
        }
    }
}

impl Post for Http {
    fn post(&self, url: &str, body: &str, within: Duration) -> Result<Reply, String> {
        let agent = if url.starts_with("https://") { &self.remote } else { &self.local };
        let request = agent.post(url).config().timeout_global(Some(within)).build();
        let request = request.header("Content-Type", "text/plain; charset=utf-8");
        let mut response = request.send(body).map_err(|error| error.to_string())?;
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = header.and_then(|value| Some(Duration::from_secs(value.parse().ok()?)));
        let status = response.status().as_u16();
        let read = response.body_mut().with_config().limit(LONGEST as u64 + 1).read_to_vec();
        match read {
            Ok(body) if body.len() <= LONGEST => Ok(Reply { status, retry_after, body }),
            Ok(_) | Err(ureq::Error::BodyExceedsLimit(_)) => {
                Err(format!("it answered with more than {LONGEST} bytes"))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}
