//! How a client reaches a server: one request, and its answer.
//!
//! [`Transport`] has one method, so that a program which has an HTTP client of its own does not get a second
//! one. [`Http`](super::Http) of the feature `http` is the transport for everybody else. What answers mean,
//! and how large they may be, is decided here and in `upload`, whatever the transport: nothing that it
//! returns is trusted.

use std::fmt;

/// How a client reaches a server.
///
/// ```
/// use candor::client::{Request, Response, Transport, TransportError};
/// # #[derive(Debug)]
/// # struct Ours;
/// # impl Ours {
/// #     fn get(&self, _: &str) -> Result<(u16, Vec<u8>), std::io::Error> { Ok((200, Vec::new())) }
/// #     fn post(&self, _: &str, _: &str) -> Result<(u16, Vec<u8>), std::io::Error> { Ok((200, Vec::new())) }
/// # }
///
/// impl Transport for Ours {
///     fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
///         let answer = match request.body {
///             None => self.get(request.url),
///             Some(json) => self.post(request.url, json),
///         };
///         let (status, body) = answer.map_err(|error| TransportError::failed(request.url, error))?;
///         Ok(Response { status, content_type: None, body })
///     }
/// }
/// ```
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends a request, and returns the answer, whatever its status.
    ///
    /// The address is https, or http on this machine. The transport
    ///
    /// - sends nothing about the user: no cookies, no language, no credentials;
    /// - follows no redirect of a request with a body, and none from https to http;
    /// - reads no more than [`Request::limit`] bytes of the answer's body and one, and gives up after a
    ///   minute or so.
    ///
    /// # Errors
    ///
    /// There was no answer, or it broke off.
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError>;
}

/// A request.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The address.
    pub url: &'a str,
    /// JSON to be sent with POST; `None` for GET.
    pub body: Option<&'a str>,
    /// The most bytes of an answer's body that are of use. One byte more shows that it is longer.
    pub limit: usize,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The value of the header Content-Type, if there is one.
    pub content_type: Option<String>,
    /// The body, or its beginning.
    pub body: Vec<u8>,
}

impl<T: Transport + ?Sized> Transport for &T {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        (**self).send(request)
    }
}

impl<T: Transport + ?Sized> Transport for std::sync::Arc<T> {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        (**self).send(request)
    }
}

/// Downloads, over any transport.
pub trait Download: Transport {
    /// The body at `url`, of at most `limit` bytes; `None` if the server says that there is none (404 or
    /// 410).
    ///
    /// # Errors
    ///
    /// There is no answer, another one, or a longer one.
    fn get(&self, url: &str, limit: usize) -> Result<Option<Vec<u8>>, TransportError> {
        let response = self.send(&Request { url, body: None, limit })?;
        match response.status {
            200 if response.body.len() > limit => {
                Err(TransportError::TooLarge { url: url.to_owned(), limit })
            }
            200 => Ok(Some(response.body)),
            404 | 410 => Ok(None),
            status => Err(TransportError::Status { url: url.to_owned(), status }),
        }
    }
}

impl<T: Transport + ?Sized> Download for T {}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The server could not be reached, or did not speak HTTP to the end.
    #[error("cannot download {url}: {reason}; check the network and try again later")]
    Failed {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The server answered with another status than 200, 404 or 410.
    #[error("{url} answered with status {status}; try again later, or ask its operator")]
    Status {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is larger than any valid one.
    #[error("{url} answered with more than {limit} bytes; the answer was dropped")]
    TooLarge {
        /// The address.
        url: String,
        /// The most that was accepted.
        limit: usize,
    },
}

impl TransportError {
    /// There was no answer from this address, for this reason.
    pub fn failed(url: impl Into<String>, reason: impl fmt::Display) -> TransportError {
        TransportError::Failed { url: url.into(), reason: reason.to_string() }
    }
}
