//! A request on its way from hyper to the router, and its answer on the way back.
//!
//! Checks what HTTP/1.1 requires of every server: a request has exactly one `Host` line, with one host (RFC
//! 9112, section 3.2).

use super::super::path_form;
use super::super::refusal::Refusal;
use super::limited_stream::Activity;
use crate::ingest::Peer;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONNECTION, HOST};
use axum::http::{HeaderMap, HeaderValue, Request, Response, Version};
use axum::response::IntoResponse;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Marks an answer whose body is streamed, with at most this many bytes in memory.
#[derive(Debug, Clone, Copy)]
pub(in crate::web) struct Streamed(pub(in crate::web) u64);

/// The router's answer to a request.
pub(super) async fn answer(
    router: Router,
    activity: Arc<Activity>,
    peer: Peer,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    let hosts = check_host(request.version(), request.headers());
    let unread = |body| RequestBody { body, ended: false, activity: activity.clone() };
    let mut request = request.map(unread);
    let response = match hosts {
        Err(refusal) => {
            let mut response = refusal.into_response();
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
        Ok(()) => {
            request.extensions_mut().insert(activity.clone());
            request.extensions_mut().insert(peer);
            if let Some(plain) = path_form::with_query(request.uri()) {
                *request.uri_mut() = plain;
            }
            let Ok(response) = TowerToHyperService::new(router).call(request).await;
            response
        }
    };
    let length = response.body().size_hint().upper().unwrap_or(u64::MAX);
    let streamed = response.extensions().get().map(|Streamed(piece)| *piece);
    activity.hold(streamed.unwrap_or(u64::MAX).min(length));
    response.map(|body| AnswerBody { body, activity })
}

fn check_host(version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut lines = headers.get_all(HOST).into_iter();
    match (lines.next(), lines.next()) {
        (Some(_), Some(_)) => Err(Refusal::bad_request("bad request: there are two Host headers")),
        (None, _) if version >= Version::HTTP_11 => {
            Err(Refusal::bad_request("bad request: HTTP/1.1 requires a Host header"))
        }
        (Some(host), None) if !is_host(host.as_bytes()) => {
            Err(Refusal::bad_request("bad request: the Host header is not a host"))
        }
        _ => Ok(()),
    }
}

/// Whether this could be a host and a port. It may be empty (RFC 9110, section 7.2).
fn is_host(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_graphic() && !b"/?#@\\,\"<>^`{|}".contains(byte))
}

/// The body of a request, which records whether it was read to the end.
#[derive(Debug)]
struct RequestBody {
    body: Incoming,
    ended: bool,
    activity: Arc<Activity>,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(None | Some(Err(_))) = frame {
            self.ended = true;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.ended && !self.body.is_end_stream() {
            self.activity.leave_unread();
        }
    }
}

/// The body of an answer, which records when hyper has all of it.
#[derive(Debug)]
pub(super) struct AnswerBody {
    body: Body,
    activity: Arc<Activity>,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.activity.hand_over();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_one_host() {
        let check = |version, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, host.parse().expect("a header value"));
            }
            check_host(version, &headers).is_ok()
        };
        for host in ["telemetry.example.org", "localhost:8080", "[::1]:80", "", "127.0.0.1"] {
            assert!(check(Version::HTTP_11, &[host]), "{host}");
            assert!(check(Version::HTTP_10, &[host]), "{host}");
        }
        for host in ["a, b", "http://a", "a/b", "user@a", "a b", "ü"] {
            assert!(!check(Version::HTTP_11, &[host]), "{host}");
            assert!(!check(Version::HTTP_10, &[host]), "{host}");
        }
        assert!(!check(Version::HTTP_11, &[]));
        assert!(check(Version::HTTP_10, &[]));
        assert!(!check(Version::HTTP_11, &["a", "a"]));
        assert!(!check(Version::HTTP_10, &["a", "b"]));
    }
}
