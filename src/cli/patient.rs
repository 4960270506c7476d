//! Downloads for people who wait: an answer is waited for half a minute at most, and after three seconds a line says
//! for whom. Who did not answer once is not asked again.

use super::Output;
use crate::client::{Http, Request, Response, Transport, TransportError};
use std::collections::BTreeSet;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The longest that an answer is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// After so long, it is said what is waited for.
const SILENCE: Duration = Duration::from_secs(3);

/// Downloads within half a minute each.
#[derive(Debug)]
pub(super) struct Patient {
    http: Http,
    patience: Duration,
    /// The servers that did not answer in time.
    silent: Mutex<BTreeSet<String>>,
}

impl Patient {
    /// With connections of its own.
    pub(super) fn new() -> Patient {
        Patient::within(PATIENCE)
    }

    fn within(patience: Duration) -> Patient {
        Patient { http: Http::within(patience), patience, silent: Mutex::default() }
    }
}

/// The part of an address that says whom it asks.
fn server(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

impl Transport for Patient {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        let url = request.url;
        let server = server(url);
        let silent = || self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if silent().contains(&server) {
            let reason = "it did not answer before".to_owned();
            return Err(TransportError::Failed { url: url.to_owned(), reason });
        }
        let (answered, waiting) = channel::<()>();
        let (asked, most) = (server.clone(), self.patience.as_secs());
        thread::spawn(move || {
            if waiting.recv_timeout(SILENCE) == Err(RecvTimeoutError::Timeout) {
                let out = Output { json: false };
                out.say(format_args!("candor: waiting for {asked}, at most {most} seconds"));
            }
        });
        let begin = Instant::now();
        let answer = self.http.send(request);
        drop(answered);
        if matches!(answer, Err(TransportError::Failed { .. })) && begin.elapsed() >= self.patience
        {
            silent().insert(server);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Download as _;
    use std::net::TcpListener;

    #[test]
    fn a_silent_server_is_waited_for_once() {
        // It takes connections, and says nothing.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let patient = Patient::within(Duration::from_millis(300));
        let get = |path: &str| {
            let begin = Instant::now();
            let answer = patient.get(&format!("{url}/{path}"), 10);
            (answer.expect_err("no answer").to_string(), begin.elapsed())
        };
        let (_, waited) = get("one");
        assert!(waited >= Duration::from_millis(300), "{waited:?}");
        let (message, _) = get("two");
        assert!(message.contains("it did not answer before"), "{message}");
        assert_eq!(server("https://example.org:8/a/b"), "https://example.org:8");
    }
}
