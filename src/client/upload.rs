//! Sending one report: `POST UPLOAD/DATE`, as Go's client does (golang/telemetry
//! `internal/upload/upload.go`).
//!
//! # What an answer means
//!
//! | answer | from | the report |
//! | --- | --- | --- |
//! | 200, empty or with the text `OK` | the receiver; Go's server says `OK` | is accepted |
//! | 400 with plain text | the receiver or Go's server: it will never accept this report | is put aside |
//! | any other, or none at all | a busy receiver, or something in between | is sent again, byte-identical |
//!
//! Proxies, caches and firewalls between a client and a receiver answer, too: with a redirect to a
//! maintenance page, or that page with status 200; with 404 while a path is not routed, 413 if a proxy
//! accepts less than the receiver, 403 if a firewall dislikes the body, 407 if a proxy wants a
//! password. None of these is the receiver's answer, and next week they may be gone. So only an answer
//! that the receiver itself would give is final. Any other costs one more request a day, until the week
//! is too old to be sent.
//!
//! Go's client discards a report after any 4xx, and follows redirects: a 302 turns its POST into a GET,
//! and the 200 of whatever page that leads to is taken for the receiver's. Here no redirect is
//! followed; a receiver that has moved needs a new upload address.
//!
//! What is still unsafe: an empty 200 from something in between is taken for the receiver's. Over https
//! only what the receiver's operator has put there can send one.
//!
//! If the answer is lost, it is unknown whether the server has the report. The same bytes are sent
//! again, and the server counts them once.

use super::transport::{Request, Transport, TransportError};
use crate::text::is_unfit;
use std::fmt;

/// The most of an answer that is read, in bytes: enough for a sentence.
const LONGEST_ANSWER: usize = 1024;

/// Uploads, over any transport.
pub trait Upload: Transport {
    /// Sends a report.
    ///
    /// # Errors
    ///
    /// The server did not answer.
    fn post(&self, url: &str, report: &str) -> Result<Answer, UploadError> {
        let response = self
            .send(&Request { url, body: Some(report), limit: LONGEST_ANSWER })
            .map_err(|error| match error {
                TransportError::Failed { reason, .. } => UploadError::new(url, reason),
                error => UploadError::new(url, error),
            })?;
        let content_type = response.content_type.as_deref();
        let read = response.body.len().min(LONGEST_ANSWER);
        Ok(Answer::of(response.status, content_type, &response.body[..read]))
    }
}

impl<T: Transport + ?Sized> Upload for T {}

/// A server's answer to a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It has stored the report.
    Accepted,
    /// It will never accept the report.
    Refused(String),
    /// It cannot accept the report now, or something else has answered: send it again.
    Retry(String),
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
#[error("cannot send the report to {url}: {reason}")]
pub struct UploadError {
    url: String,
    reason: String,
}

impl UploadError {
    /// An error with this reason.
    pub fn new(url: impl Into<String>, reason: impl fmt::Display) -> UploadError {
        UploadError { url: url.into(), reason: reason.to_string() }
    }
}

impl Answer {
    /// Interprets an HTTP status, the value of Content-Type, and the beginning of the body.
    pub fn of(status: u16, content_type: Option<&str>, body: &[u8]) -> Answer {
        let media_type = content_type.and_then(|value| value.split(';').next()).map(str::trim);
        let is_text = media_type.is_some_and(|media| media.eq_ignore_ascii_case("text/plain"));
        let text = one_line(status, body);
        match status {
            200 if body.is_empty() || (is_text && body.trim_ascii() == b"OK") => Answer::Accepted,
            400 if is_text => Answer::Refused(text),
            200 => Answer::Retry(format!("a page answered instead of the receiver: {text}")),
            300..=399 => Answer::Retry(format!("{text}; redirects are not followed")),
            _ => Answer::Retry(text),
        }
    }
}

/// A status and body from outside, as one line of printable characters.
fn one_line(status: u16, body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let words: Vec<&str> = body.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let sentence: String = words.join(" ").chars().filter(|c| !is_unfit(*c)).take(300).collect();
    format!("status {status} {}", sentence.trim()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Option<&str> = Some("text/plain; charset=utf-8");
    const HTML: Option<&str> = Some("text/html");

    #[test]
    fn only_the_receivers_own_answers_are_final() {
        #[derive(Debug, PartialEq)]
        enum Report {
            Accepted,
            Refused,
            Retry,
        }
        use Report::{Accepted, Refused, Retry};
        let page = "<html>We will be back soon</html>";
        for (status, content_type, body, expected) in [
            // Candor's receiver.
            (200, None, "", Accepted),
            (400, PLAIN, "the week 2026-02-08 is more than 28 days old\n", Refused),
            (503, PLAIN, "the report cannot be stored now; send it again later\n", Retry),
            // Go's server.
            (200, PLAIN, "OK", Accepted),
            (400, PLAIN, "unknown counter x\n", Refused),
            (500, PLAIN, "Internal Server Error\n", Retry),
            // Something in between, or in the receiver's place.
            (200, HTML, page, Retry),
            (200, PLAIN, "Down for maintenance", Retry),
            (200, Some("application/json"), "{\"error\":\"maintenance\"}", Retry),
            (200, HTML, "OK", Retry),
            (400, HTML, page, Retry),
            (400, None, "", Retry),
            (201, None, "", Retry),
            (202, None, "", Retry),
            (204, None, "", Retry),
            (301, HTML, page, Retry),
            (302, None, "", Retry),
            (303, None, "", Retry),
            (307, None, "", Retry),
            (308, None, "", Retry),
            (401, HTML, page, Retry),
            (403, PLAIN, "forbidden", Retry),
            (404, PLAIN, "404 page not found", Retry),
            (405, PLAIN, "reports are sent with POST", Retry),
            (407, HTML, page, Retry),
            (408, None, "", Retry),
            (410, HTML, page, Retry),
            (413, HTML, page, Retry),
            (415, None, "", Retry),
            (421, None, "", Retry),
            (425, None, "", Retry),
            (429, PLAIN, "slow down", Retry),
            (431, None, "", Retry),
            (451, HTML, page, Retry),
            (502, HTML, page, Retry),
            (503, HTML, page, Retry),
            (504, HTML, page, Retry),
        ] {
            let result = match Answer::of(status, content_type, body.as_bytes()) {
                Answer::Accepted => Accepted,
                Answer::Refused(_) => Refused,
                Answer::Retry(_) => Retry,
            };
            assert_eq!(result, expected, "{status} {content_type:?} {body}");
        }
    }

    #[test]
    fn a_servers_answer_becomes_one_line() {
        let long = "x".repeat(1000);
        for (body, expected) in [
            ("the week is over", "status 400 the week is over"),
            ("a\nb\r\n\x1b[31mc", "status 400 a b   [31mc"),
            ("", "status 400"),
            ("a\u{202e}b", "status 400 ab"),
        ] {
            assert_eq!(
                Answer::of(400, PLAIN, body.as_bytes()),
                Answer::Refused(expected.to_owned())
            );
        }
        let Answer::Refused(line) = Answer::of(400, PLAIN, long.as_bytes()) else {
            panic!("refused")
        };
        assert_eq!(line.len(), "status 400 ".len() + 300);
        assert!(matches!(Answer::of(400, PLAIN, b"\xff"), Answer::Refused(_)));
    }

    #[cfg(feature = "http")]
    mod over_http {
        use super::super::*;
        use crate::client::Http;
        use crate::client::loopback::{Loopback, pretend_tls};
        use std::time::Duration;

        /// Sends a report to a server with TLS.
        fn post(server: &Loopback) -> Result<Answer, UploadError> {
            Http::made_by(pretend_tls).post(&server.url("https", "/upload/2026-11-08"), "{}")
        }

        #[test]
        fn a_report_is_posted_once_and_an_empty_200_accepts_it() {
            let server = Loopback::new(|_| Loopback::answer("200 OK", "", ""));
            assert_eq!(post(&server).expect("an answer"), Answer::Accepted);
            let [request] = &server.requests()[..] else { panic!("one request") };
            assert!(request.starts_with("POST /upload/2026-11-08 HTTP/1.1\n"), "{request}");
            assert!(request.contains("content-type: application/json\n"), "{request}");
            assert!(request.ends_with("\n{}"), "{request}");
        }

        #[test]
        fn a_redirected_report_is_not_accepted_wherever_the_redirect_leads() {
            for status in [
                "301 Moved Permanently",
                "302 Found",
                "303 See Other",
                "307 Temporary Redirect",
                "308 Permanent Redirect",
            ] {
                for scheme in ["https", "http"] {
                    let server = Loopback::new(move |request| {
                        if request.contains("/elsewhere") {
                            // An empty 200, as the receiver's: only by not following is it told apart.
                            return Loopback::answer("200 OK", "", "");
                        }
                        Loopback::answer(status, "Location: /elsewhere\r\n", "moved")
                    });
                    let url = server.url(scheme, "/upload/2026-11-08");
                    let answer = Http::made_by(pretend_tls).post(&url, "{}").expect("an answer");
                    let Answer::Retry(reason) = answer else { panic!("{status}: {answer:?}") };
                    assert!(reason.contains("redirects are not followed"), "{reason}");
                    assert_eq!(server.requests().len(), 1, "{status}: {:?}", server.requests());
                }
            }
        }

        #[test]
        fn a_page_and_a_truncated_answer_are_not_the_receivers_answer() {
            let page = "<html>Log in to this network</html>".repeat(100);
            let html = "Content-Type: text/html\r\n";
            let server = Loopback::new(move |_| Loopback::answer("200 OK", html, &page));
            assert!(matches!(post(&server), Ok(Answer::Retry(_))));
            let page = "x".repeat(5000);
            let plain = "Content-Type: text/plain\r\n";
            let server = Loopback::new(move |_| Loopback::answer("400 Bad Request", plain, &page));
            assert!(matches!(post(&server), Ok(Answer::Refused(_))));
            for cut in [
                "",
                "HTTP/1.1 200",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            ] {
                // An empty text would leave the connection open; this one closes it.
                let cut = if cut.is_empty() { "\r\n\r\n" } else { cut };
                let server = Loopback::new(move |_| cut.to_owned());
                assert!(post(&server).is_err(), "{cut:?}: {:?}", post(&server));
            }
        }

        #[test]
        fn a_proxy_that_refuses_to_connect_is_not_an_answer() {
            let proxy = Loopback::new(|_| {
                Loopback::answer(
                    "407 Proxy Authentication Required",
                    "Proxy-Authenticate: Basic\r\n",
                    "",
                )
            });
            let through = ureq::Proxy::new(&proxy.url("http", "")).expect("a proxy");
            let http =
                Http::made_by(|settings| settings.proxy(Some(through.clone())).build().into());
            let error = http.post("https://telemetry.invalid/upload/2026-11-08", "{}");
            let error = error.expect_err("no answer").to_string();
            assert!(error.contains("407"), "{error}");
            let [request] = &proxy.requests()[..] else { panic!("one request") };
            assert!(request.starts_with("CONNECT telemetry.invalid:443 "), "{request}");
        }

        #[test]
        fn a_server_that_never_answers_times_out() {
            let server = Loopback::new(|_| String::new());
            let http = Http::made_by(|settings| {
                pretend_tls(settings.timeout_global(Some(Duration::from_millis(300))))
            });
            let answer = http.post(&server.url("https", "/upload/2026-11-08"), "{}");
            assert!(answer.is_err(), "{answer:?}");
            assert_eq!(server.requests().len(), 1, "the report had arrived");
        }
    }
}
