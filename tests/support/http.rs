//! A man in the middle: forwards requests to a server, and may change the answers.

use super::MODULE;
use candor::tlog::ProvedFile;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Changes a body on its way to the client, given the requested path. An error whose body is changed becomes
/// a success.
pub type Change = dyn Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync;

/// A proxy in front of another server; stopped on drop.
pub struct Meddler {
    pub url: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Meddler {
    /// A changed body that means a failure of the server, with status 500.
    pub const FAILURE: &[u8] = b"a failure of the server";

    pub fn new(
        upstream: &str,
        change: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Meddler {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let stop = Arc::new(AtomicBool::new(false));
        let (upstream, stopped) = (upstream.to_owned(), stop.clone());
        let thread = std::thread::spawn(move || {
            std::thread::scope(|scope| {
                for stream in listener.incoming().flatten() {
                    if stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    let (upstream, change): (_, &Change) = (&upstream, &change);
                    scope.spawn(move || answer(stream, upstream, change));
                }
            });
        });
        Meddler { url, stop, thread: Some(thread) }
    }
}

/// Answers one request, a GET or a POST, and closes. A client that goes away early is ignored.
fn answer(mut stream: TcpStream, server: &str, change: &Change) {
    let mut reader = BufReader::new(stream.try_clone().expect("clone the stream"));
    let mut line = || {
        let mut line = String::new();
        let read = reader.read_line(&mut line).unwrap_or(0);
        (read > 0).then(|| line.trim_end().to_owned())
    };
    let Some(request) = line() else { return };
    let (mut length, mut media_type) = (0, String::new());
    while let Some(header) = line().filter(|line| !line.is_empty()) {
        match header.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        {
            Some((name, value)) if name == "content-length" => length = value.parse().unwrap_or(0),
            Some((name, value)) if name == "content-type" => value.clone_into(&mut media_type),
            _ => {}
        }
    }
    let mut sent = vec![0; length];
    if reader.read_exact(&mut sent).is_err() {
        return;
    }
    let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("{server}{path}");
    let response = match request.starts_with("POST ") {
        true => agent.post(url).header("Content-Type", media_type).send(&sent[..]),
        false => agent.get(url).call(),
    };
    let mut response = response.expect("upstream answers");
    let media_type = response.headers().get("Content-Type").cloned();
    let media_type = media_type.as_ref().and_then(|value| value.to_str().ok()).unwrap_or("");
    let mut status = response.status().as_u16();
    let upstream = response.body_mut().with_config().limit(1 << 30).read_to_vec().expect("a body");
    let body = match path.as_str() {
        "/log/newest" => change_newest(upstream.clone(), change),
        _ => change(&path, upstream.clone()),
    };
    if body != upstream {
        status = if body == Meddler::FAILURE { 500 } else { 200 };
    }
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Status\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&body);
}

/// What is changed of a checkpoint, proof or zip is changed as well where all of them are in one answer.
fn change_newest(body: Vec<u8>, change: &Change) -> Vec<u8> {
    let changed = change("/log/newest", body.clone());
    if changed != body {
        return changed;
    }
    let Ok(ProvedFile { proof, file }) = ProvedFile::parse(body.clone()) else { return body };
    let beside = format!("/goproxy/{MODULE}/@v/v0.{}.0", proof.index.get() + 1);
    let checkpoint = change("/log/checkpoint", proof.checkpoint.clone().into_bytes());
    let mut changed = change(&format!("{beside}.tlog-proof"), proof.to_string().into_bytes());
    let file = change(&format!("{beside}.zip"), file);
    if checkpoint != proof.checkpoint.as_bytes() {
        let end = changed.windows(2).position(|two| two == b"\n\n").expect("a proof") + 2;
        changed.splice(end.., checkpoint);
    }
    let first = format!("candor-proved-file@v1 {}\n", changed.len());
    [first.as_bytes(), &changed, &file].concat()
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wake the thread that waits for a connection.
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
