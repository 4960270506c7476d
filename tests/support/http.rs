//! A man in the middle: passes requests on to a server and may change what comes back.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Changes a body on its way to the client, given the path that was asked for.
pub type Change = dyn Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync;

/// A proxy in front of another server; stopped on drop.
pub struct Meddler {
    pub url: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Meddler {
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

/// Answers one request and closes. A client that goes away early is its own business.
fn answer(mut stream: TcpStream, upstream: &str, change: &Change) {
    let mut lines = BufReader::new(stream.try_clone().expect("clone the stream")).lines();
    let Some(Ok(request)) = lines.next() else { return };
    for line in lines.by_ref() {
        if line.is_ok_and(|line| line.is_empty()) {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.get(format!("{upstream}{path}")).call().expect("upstream answers");
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(1 << 30).read_to_vec().expect("a body");
    let body = change(&path, body);
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&body);
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
