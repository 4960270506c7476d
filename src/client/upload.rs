//! Sending one report: `POST UPLOAD/DATE`, as Go's client does (golang/telemetry
//! `internal/upload/upload.go`).
//!
//! # What an answer means
//!
//! | answer | from | the report |
//! | --- | --- | --- |
//! | 200 without content, or with the text `OK` | the receiver; Go's server says `OK` | is taken |
//! | 400 with a plain text | the receiver, and Go's server: it will never take this report | is put aside |
//! | any other, and none at all | a receiver that is busy; or someone on the way | is sent again, the same bytes |
//!
//! Between a client and a receiver stand proxies, caches and firewalls, which also answer: with a
//! redirect to a maintenance page, or with that page and status 200; with 404 while a path is not
//! routed, 413 where a proxy takes less than the receiver does, 403 where a firewall dislikes a
//! body, 407 where a proxy wants a password. None of them speaks for the receiver, and by next
//! week they may be gone. So only an answer that the receiver itself would give counts. The rest
//! costs one more request a day, until the week is too old to be sent at all.
//!
//! Go's client throws a report away after any 4xx, and follows redirects: a 302 turns its POST into
//! a GET, and the 200 of whatever page that leads to is taken for the receiver's. Here nothing is
//! followed; a receiver that has moved is named by a new upload address.
//!
//! What is still unsafe: an empty 200 by someone on the way is taken for the receiver's. Over https
//! nobody on the way can give it, except whom the receiver's operator has put there.
//!
//! After no answer, or a lost one, it is unknown whether the server has the report. What is sent
//! again are the same bytes, which a server counts once.

use super::Http;
use std::fmt;
use std::io::Read as _;
use ureq::Error;

/// The most of an answer that is read, in bytes. What a server has to say is a sentence.
const LONGEST_ANSWER: u64 = 1024;

/// How reports reach a server.
pub trait Upload: fmt::Debug + Send + Sync {
    /// Sends a report.
    ///
    /// # Errors
    ///
    /// There was no answer.
    fn post(&self, url: &str, report: &str) -> Result<Answer, UploadError>;
}

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It has stored the report.
    Taken,
    /// It will never take it.
    Refused(String),
    /// It cannot take it now, or somebody else has answered.
    Later(String),
}

/// No answer.
#[derive(Debug, thiserror::Error)]
#[error("cannot send the report to {url}: {reason}")]
pub struct UploadError {
    url: String,
    reason: String,
}

impl UploadError {
    /// This happened instead of an answer.
    pub fn new(url: impl Into<String>, reason: impl fmt::Display) -> UploadError {
        UploadError { url: url.into(), reason: reason.to_string() }
    }
}

impl Answer {
    /// Understands an HTTP status and what came with it: the value of Content-Type, and the
    /// beginning of the body.
    pub fn of(status: u16, content_type: Option<&str>, body: &[u8]) -> Answer {
        let media_type = content_type.and_then(|value| value.split(';').next()).map(str::trim);
        let is_text = media_type.is_some_and(|media| media.eq_ignore_ascii_case("text/plain"));
        let said = said(status, body);
        match status {
            200 if body.is_empty() || (is_text && body.trim_ascii() == b"OK") => Answer::Taken,
            400 if is_text => Answer::Refused(said),
            200 => Answer::Later(format!("a page answered, and not the receiver: {said}")),
            300..=399 => {
                Answer::Later(format!("{said}; a report is not sent on to another address"))
            }
            _ => Answer::Later(said),
        }
    }
}

/// What came from outside, as one line of printable characters.
fn said(status: u16, body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let words: Vec<&str> = body.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let sentence: String =
        words.join(" ").chars().filter(|c| !is_invisible(*c)).take(300).collect();
    format!("status {status} {}", sentence.trim()).trim_end().to_owned()
}

/// Characters that change how the text around them is shown on a terminal.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl Upload for Http {
    fn post(&self, url: &str, report: &str) -> Result<Answer, UploadError> {
        let failed = |error: Error| UploadError::new(url, error);
        let request = self.to_upload(url).post(url).header("Content-Type", "application/json");
        let mut response = request.send(report).map_err(failed)?;
        let content_type = response.headers().get("Content-Type").cloned();
        let content_type = content_type.as_ref().and_then(|value| value.to_str().ok());
        let mut body = Vec::new();
        let read = response.body_mut().as_reader().take(LONGEST_ANSWER).read_to_end(&mut body);
        // Of a refusal the beginning is enough; a 200 is the receiver's only if it is whole.
        let status = response.status().as_u16();
        match read {
            Err(error) if status == 200 => Err(UploadError::new(url, error)),
            _ => Ok(Answer::of(status, content_type, &body)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::loopback::{Loopback, pretend_tls};
    use std::time::Duration;

    const PLAIN: Option<&str> = Some("text/plain; charset=utf-8");
    const HTML: Option<&str> = Some("text/html");

    #[test]
    fn only_what_the_receiver_itself_would_answer_ends_a_report() {
        #[derive(Debug, PartialEq)]
        enum Report {
            Taken,
            Refused,
            Later,
        }
        use Report::{Later, Refused, Taken};
        let page = "<html>We will be back soon</html>";
        for (status, content_type, body, becomes) in [
            // Candor's receiver.
            (200, None, "", Taken),
            (400, PLAIN, "the week 2026-02-08 is more than 28 days old\n", Refused),
            (503, PLAIN, "the report cannot be stored now; send it again later\n", Later),
            // Go's server.
            (200, PLAIN, "OK", Taken),
            (400, PLAIN, "unknown counter x\n", Refused),
            (500, PLAIN, "Internal Server Error\n", Later),
            // Whoever else stands in between, or in the receiver's place.
            (200, HTML, page, Later),
            (200, PLAIN, "Down for maintenance", Later),
            (200, Some("application/json"), "{\"error\":\"maintenance\"}", Later),
            (200, HTML, "OK", Later),
            (400, HTML, page, Later),
            (400, None, "", Later),
            (201, None, "", Later),
            (202, None, "", Later),
            (204, None, "", Later),
            (301, HTML, page, Later),
            (302, None, "", Later),
            (303, None, "", Later),
            (307, None, "", Later),
            (308, None, "", Later),
            (401, HTML, page, Later),
            (403, PLAIN, "forbidden", Later),
            (404, PLAIN, "404 page not found", Later),
            (405, PLAIN, "reports are sent with POST", Later),
            (407, HTML, page, Later),
            (408, None, "", Later),
            (410, HTML, page, Later),
            (413, HTML, page, Later),
            (415, None, "", Later),
            (421, None, "", Later),
            (425, None, "", Later),
            (429, PLAIN, "slow down", Later),
            (431, None, "", Later),
            (451, HTML, page, Later),
            (502, HTML, page, Later),
            (503, HTML, page, Later),
            (504, HTML, page, Later),
        ] {
            let became = match Answer::of(status, content_type, body.as_bytes()) {
                Answer::Taken => Taken,
                Answer::Refused(_) => Refused,
                Answer::Later(_) => Later,
            };
            assert_eq!(became, becomes, "{status} {content_type:?} {body}");
        }
    }

    #[test]
    fn what_a_server_says_stays_one_line() {
        let long = "x".repeat(1000);
        for (body, said) in [
            ("the week is over", "status 400 the week is over"),
            ("a\nb\r\n\x1b[31mc", "status 400 a b   [31mc"),
            ("", "status 400"),
            ("a\u{202e}b", "status 400 ab"),
        ] {
            assert_eq!(Answer::of(400, PLAIN, body.as_bytes()), Answer::Refused(said.to_owned()));
        }
        let Answer::Refused(said) = Answer::of(400, PLAIN, long.as_bytes()) else {
            panic!("refused")
        };
        assert_eq!(said.len(), "status 400 ".len() + 300);
        assert!(matches!(Answer::of(400, PLAIN, b"\xff"), Answer::Refused(_)));
    }

    /// What comes of a report that is sent to a server with TLS.
    fn post(server: &Loopback) -> Result<Answer, UploadError> {
        Http::made_by(pretend_tls).post(&server.url("https", "/upload/2026-11-08"), "{}")
    }

    #[test]
    fn a_report_is_posted_once_and_an_empty_200_takes_it() {
        let server = Loopback::new(|_| Loopback::answer("200 OK", "", ""));
        assert_eq!(post(&server).expect("an answer"), Answer::Taken);
        let [request] = &server.asked()[..] else { panic!("one request") };
        assert!(request.starts_with("POST /upload/2026-11-08 HTTP/1.1\n"), "{request}");
        assert!(request.contains("content-type: application/json\n"), "{request}");
        assert!(request.ends_with("\n{}"), "{request}");
    }

    #[test]
    fn a_redirected_report_is_not_taken_whatever_the_redirect_leads_to() {
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
                        // Empty, as the receiver's: nothing but not following can tell.
                        return Loopback::answer("200 OK", "", "");
                    }
                    Loopback::answer(status, "Location: /elsewhere\r\n", "moved")
                });
                let url = server.url(scheme, "/upload/2026-11-08");
                let answer = Http::made_by(pretend_tls).post(&url, "{}").expect("an answer");
                let Answer::Later(said) = answer else { panic!("{status}: {answer:?}") };
                assert!(said.contains("is not sent on"), "{said}");
                assert_eq!(server.asked().len(), 1, "{status}: {:?}", server.asked());
            }
        }
    }

    #[test]
    fn a_page_is_no_answer_and_neither_is_one_that_is_cut_off() {
        let page = "<html>Log in to this network</html>".repeat(100);
        let html = "Content-Type: text/html\r\n";
        let server = Loopback::new(move |_| Loopback::answer("200 OK", html, &page));
        assert!(matches!(post(&server), Ok(Answer::Later(_))));
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
            // A head that never comes leaves the connection open; this one closes it.
            let cut = if cut.is_empty() { "\r\n\r\n" } else { cut };
            let server = Loopback::new(move |_| cut.to_owned());
            assert!(post(&server).is_err(), "{cut:?}: {:?}", post(&server));
        }
    }

    #[test]
    fn a_proxy_that_refuses_to_connect_is_no_answer() {
        let proxy = Loopback::new(|_| {
            Loopback::answer(
                "407 Proxy Authentication Required",
                "Proxy-Authenticate: Basic\r\n",
                "",
            )
        });
        let through = ureq::Proxy::new(&proxy.url("http", "")).expect("a proxy");
        let http = Http::made_by(|settings| settings.proxy(Some(through.clone())).build().into());
        let error = http.post("https://telemetry.invalid/upload/2026-11-08", "{}");
        let error = error.expect_err("no answer").to_string();
        assert!(error.contains("407"), "{error}");
        let [request] = &proxy.asked()[..] else { panic!("one request") };
        assert!(request.starts_with("CONNECT telemetry.invalid:443 "), "{request}");
    }

    #[test]
    fn a_server_that_never_answers_is_given_up() {
        let server = Loopback::new(|_| String::new());
        let http = Http::made_by(|settings| {
            pretend_tls(settings.timeout_global(Some(Duration::from_millis(300))))
        });
        let answer = http.post(&server.url("https", "/upload/2026-11-08"), "{}");
        assert!(answer.is_err(), "{answer:?}");
        assert_eq!(server.asked().len(), 1, "the report had arrived");
    }
}
