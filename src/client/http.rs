//! HTTP and HTTPS by ureq and rustls: the transport of programs that have none.
//!
//! It tells the server nothing about the user but the program's name, keeps no cookies, and gives up after a
//! minute. The feature `http` brings it.

use super::transport::{Request, Response, Transport, TransportError};
use flate2::read::GzDecoder;
use std::io::Read as _;
use std::time::Duration;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;
use ureq::{Agent, Body, Error, http};

#[cfg(feature = "server")]
const MINUTE: Duration = Duration::from_secs(60);
#[cfg(feature = "server")]
const HOURS: Duration = Duration::from_secs(6 * 3600);

/// HTTP and HTTPS, blocking.
#[derive(Debug, Clone)]
pub struct Http {
    /// Downloads from https addresses: redirects are followed, but never to plain http.
    downloads: Agent,
    /// Uploads to https addresses: no redirects. One would turn the POST into a GET, and its answer
    /// would be that of another page.
    uploads: Agent,
    /// For http on this machine: no redirects, which could lead to another machine.
    local: Agent,
}

impl Http {
    /// A transport with connections of its own.
    pub fn new() -> Http {
        Http::made_by(|settings| settings.build().into())
    }

    /// The same, where a whole answer has to come within this time.
    #[cfg(feature = "server")]
    pub fn within(limit: Duration) -> Http {
        Http::made_by(|settings| {
            let settings = settings.timeout_connect(Some(limit.min(Duration::from_secs(10))));
            settings.timeout_global(Some(limit)).build().into()
        })
    }

    /// The same, with agents that `make` builds from their settings.
    pub(super) fn made_by(make: impl Fn(ConfigBuilder<AgentScope>) -> Agent) -> Http {
        let settings = || {
            Agent::config_builder()
                .http_status_as_error(false)
                .timeout_connect(Some(Duration::from_secs(10)))
                .timeout_global(Some(Duration::from_secs(60)))
                .user_agent(concat!("candor/", env!("CARGO_PKG_VERSION")))
        };
        Http {
            downloads: make(settings().https_only(true).max_redirects(3)),
            uploads: make(settings().https_only(true).max_redirects(0)),
            local: make(settings().max_redirects(0).proxy(None)),
        }
    }

    /// The agent to download with from an address, which is https, or http on this machine.
    fn to_download(&self, url: &str) -> &Agent {
        if url.starts_with("https://") { &self.downloads } else { &self.local }
    }

    /// The agent to upload with to such an address.
    fn to_upload(&self, url: &str) -> &Agent {
        if url.starts_with("https://") { &self.uploads } else { &self.local }
    }
}

/// The header of every answer of a server that rehearses (`candor serve --rehearsal`).
#[cfg(feature = "server")]
pub const REHEARSAL_HEADER: &str = "candor-rehearsal";

impl Http {
    /// Whether the server at `url` says that it rehearses: that it charts at once what it is sent, and keeps
    /// nothing.
    #[cfg(feature = "server")]
    pub fn rehearses(&self, url: &str) -> Result<bool, TransportError> {
        let answer = self.to_download(url).head(url).call();
        let answer = answer.map_err(|error| TransportError::failed(url, error))?;
        Ok(answer.headers().contains_key(REHEARSAL_HEADER))
    }

    /// Downloads what is at `url` into `sink`, piece by piece, and returns its length, which is at most
    /// `limit` bytes; `None` if the server says that there is none. This may take hours. After an error,
    /// some of it may have been written.
    #[cfg(feature = "server")]
    pub fn download(
        &self,
        url: &str,
        limit: u64,
        sink: &mut dyn std::io::Write,
    ) -> Result<Option<u64>, TransportError> {
        let failed = |reason: String| TransportError::Failed { url: url.to_owned(), reason };
        let request = self.to_download(url).get(url).config();
        let request = request.timeout_global(None).timeout_recv_response(Some(MINUTE));
        let request = request.timeout_recv_body(Some(HOURS)).build();
        let mut response = request.call().map_err(|error| failed(error.to_string()))?;
        match response.status().as_u16() {
            200 => {}
            404 | 410 => return Ok(None),
            status => return Err(TransportError::Status { url: url.to_owned(), status }),
        }
        let body = response.body_mut();
        let too_large = || TransportError::TooLarge {
            url: url.to_owned(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        };
        if body.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut reader = body.with_config().limit(u64::MAX).reader();
        let mut taken = std::io::Read::take(&mut reader, limit.saturating_add(1));
        let bytes = std::io::copy(&mut taken, sink).map_err(|error| failed(error.to_string()))?;
        if bytes > limit { Err(too_large()) } else { Ok(Some(bytes)) }
    }
}

impl Default for Http {
    fn default() -> Http {
        Http::new()
    }
}

impl Transport for Http {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        let Request { url, body, limit } = *request;
        let failed = |error: Error| TransportError::failed(url, error);
        let mut answer: http::Response<Body> = match body {
            None => self.to_download(url).get(url).header("Accept-Encoding", "gzip").call(),
            Some(json) => {
                let request = self.to_upload(url).post(url);
                request.header("Content-Type", "application/json").send(json)
            }
        }
        .map_err(failed)?;
        let status = answer.status().as_u16();
        let content_type = answer.headers().get("Content-Type");
        let content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let longest = (limit as u64).saturating_add(1);
        let mut body = Vec::new();
        let is_gzip = answer.headers().get("Content-Encoding").is_some_and(|name| name == "gzip");
        let received = answer.body_mut().as_reader();
        // However much a few bytes say they stand for, no more than the limit is kept, nor read.
        let read = if is_gzip {
            let received = received.take(longest.saturating_add(longest / 1000 + 1024));
            GzDecoder::new(received).take(longest).read_to_end(&mut body)
        } else {
            received.take(longest).read_to_end(&mut body)
        };
        // The beginning of a refusal is enough; a 200 counts only if it is complete.
        match read {
            Err(error) if status == 200 => Err(TransportError::failed(url, error)),
            _ => Ok(Response { status, content_type, body }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::loopback::{Loopback, pretend_tls};
    use crate::client::transport::Download as _;

    /// Serves one answer on a free port of this machine and gets it.
    fn get(answer: &'static str, limit: usize) -> Result<Option<Vec<u8>>, TransportError> {
        let server = Loopback::new(move |_| answer.to_owned());
        Http::new().get(&server.url("http", "/x"), limit)
    }

    #[test]
    fn answers_are_bounded() {
        let five = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
        let unknown_length = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello";
        for answer in [five, unknown_length] {
            assert_eq!(get(answer, 5).expect("an answer"), Some(b"hello".to_vec()));
            assert!(matches!(get(answer, 4), Err(TransportError::TooLarge { limit: 4, .. })));
        }
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello";
        assert!(matches!(get(cut, 10), Err(TransportError::Failed { .. })));
    }

    #[test]
    fn gzip_is_asked_for_and_its_content_is_bounded() {
        use std::io::{Read as _, Write as _};
        let gzip = |content: &[u8]| {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(content).expect("written");
            encoder.finish().expect("finished")
        };
        let serve = |body: Vec<u8>, limit: usize| {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            let url = format!("http://{}/x", listener.local_addr().expect("an address"));
            let served = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("a client");
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).expect("a request");
                    asked.extend(byte);
                }
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                // The client may hang up before the end.
                let _ = stream.write_all(&[head.as_bytes(), &body].concat());
                String::from_utf8(asked).expect("text").to_lowercase()
            });
            let got = Http::new().get(&url, limit);
            assert!(served.join().expect("served").contains("accept-encoding: gzip"));
            got
        };
        let content = vec![b'x'; 100_000];
        assert_eq!(serve(gzip(&content), 100_000).expect("an answer"), Some(content.clone()));
        let too_large = serve(gzip(&content), 99_999);
        assert!(matches!(too_large, Err(TransportError::TooLarge { limit: 99_999, .. })));
        // A hundred megabytes in a hundred kilobytes.
        let bomb = serve(gzip(&vec![0; 100 << 20]), 1000);
        assert!(matches!(bomb, Err(TransportError::TooLarge { limit: 1000, .. })), "{bomb:?}");
        let mut cut = gzip(&content);
        cut.truncate(cut.len() - 9);
        assert!(matches!(serve(cut, 100_000), Err(TransportError::Failed { .. })));
        assert!(matches!(serve(b"hello".to_vec(), 100), Err(TransportError::Failed { .. })));
    }

    #[cfg(feature = "server")]
    #[test]
    fn downloads_piece_by_piece_are_bounded_too() {
        let five = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
        let unknown_length = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello";
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello";
        let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        let download = |answer: &'static str, limit: u64| {
            let server = Loopback::new(move |_| answer.to_owned());
            let mut sink = Vec::new();
            let bytes = Http::new().download(&server.url("http", "/x"), limit, &mut sink)?;
            assert_eq!(bytes, (!sink.is_empty()).then_some(sink.len() as u64));
            Ok::<_, TransportError>(sink)
        };
        for answer in [five, unknown_length] {
            assert_eq!(download(answer, 5).expect("an answer"), b"hello");
            assert!(matches!(download(answer, 4), Err(TransportError::TooLarge { limit: 4, .. })));
        }
        assert!(matches!(download(cut, 10), Err(TransportError::Failed { .. })));
        assert_eq!(download(missing, 10).expect("an answer"), b"");
    }

    #[test]
    fn missing_files_are_not_errors_and_other_statuses_are() {
        for status in ["404 Not Found", "410 Gone"] {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").leak();
            assert_eq!(get(answer, 5).expect("an answer"), None);
        }
        for status in ["204 Empty", "302 Found\r\nLocation: http://127.0.0.1:1/", "500 Oops"] {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").leak();
            assert!(matches!(get(answer, 5), Err(TransportError::Status { .. })), "{status}");
        }
    }

    #[test]
    fn a_download_follows_redirects_but_never_to_plain_http() {
        let server = Loopback::new(|request| match request.split(' ').nth(1) {
            Some("/near") => Loopback::answer("302 Found", "Location: /here\r\n", ""),
            Some("/here") => Loopback::answer("200 OK", "", "here"),
            Some("/round") => Loopback::answer("302 Found", "Location: /round\r\n", ""),
            _ => {
                let host = request.lines().find_map(|line| line.strip_prefix("host: "));
                let location = format!("Location: http://{}/here\r\n", host.expect("a host"));
                Loopback::answer("302 Found", &location, "")
            }
        });
        let http = Http::made_by(pretend_tls);
        let get = |path: &str| http.get(&server.url("https", path), 10);
        assert_eq!(get("/near").expect("followed"), Some(b"here".to_vec()));
        assert_eq!(server.requests().len(), 2);
        assert!(matches!(get("/plain"), Err(TransportError::Failed { .. })));
        assert_eq!(server.requests().len(), 3, "nothing was asked over plain http");
        assert!(matches!(get("/round"), Err(TransportError::Failed { .. })));
    }

    #[test]
    fn a_server_that_is_not_there_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/x", listener.local_addr().expect("an address"));
        drop(listener);
        let error = Http::new().get(&url, 5).expect_err("nobody listens");
        assert!(error.to_string().contains(&url), "{error}");
    }
}
