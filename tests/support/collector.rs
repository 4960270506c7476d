//! A proxy for tests of clients: it accepts uploads itself, and passes everything else on to a served
//! deployment.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// The proxy, stopped on drop.
pub struct Collector {
    pub url: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    upstream: String,
    stop: AtomicBool,
    /// The uploads in order: path and body. Recorded before they are answered.
    received: Mutex<Vec<(String, String)>>,
    /// How many requests of any kind arrived.
    requests: AtomicU64,
    /// The status that uploads are answered with.
    status: AtomicU16,
    /// How long each answer takes.
    milliseconds: AtomicU64,
    /// Whether answers are kept back.
    held: AtomicBool,
    /// Whether module zips are damaged on the way.
    tampers: AtomicBool,
}

impl Collector {
    pub fn new(upstream: &str) -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            stop: AtomicBool::new(false),
            received: Mutex::default(),
            requests: AtomicU64::new(0),
            status: AtomicU16::new(200),
            milliseconds: AtomicU64::new(0),
            held: AtomicBool::new(false),
            tampers: AtomicBool::new(false),
        });
        let at_work = shared.clone();
        let thread = std::thread::spawn(move || {
            std::thread::scope(|scope| {
                for stream in listener.incoming().flatten() {
                    if at_work.stop.load(SeqCst) {
                        return;
                    }
                    let shared = &at_work;
                    // It does not matter if the client was killed.
                    scope.spawn(move || answer(stream, shared).unwrap_or_default());
                }
            });
        });
        Collector { url, shared, thread: Some(thread) }
    }

    /// Takes the uploads received so far.
    pub fn take(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *self.shared.received.lock().expect("unpoisoned"))
    }

    /// Holds answers to uploads back until the returned value, or the proxy, is dropped.
    pub fn hold_answers(&self) -> Held<'_> {
        self.shared.held.store(true, SeqCst);
        Held(self)
    }

    /// Waits for an upload.
    pub fn wait(&self) {
        while self.shared.received.lock().expect("unpoisoned").is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for any request.
    pub fn wait_for_request(&self) {
        for _ in 0..60_000 {
            if self.shared.requests.load(SeqCst) > 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("no request arrived");
    }

    pub fn answer_with(&self, status: u16) {
        self.shared.status.store(status, SeqCst);
    }

    pub fn answer_after(&self, milliseconds: u64) {
        self.shared.milliseconds.store(milliseconds, SeqCst);
    }

    pub fn tamper(&self, tampers: bool) {
        self.shared.tampers.store(tampers, SeqCst);
    }
}

/// Answers are held back while this exists.
pub struct Held<'a>(&'a Collector);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.shared.held.store(false, SeqCst);
    }
}

fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
    let (status, body) = if request.starts_with("POST ") {
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8(body).expect("UTF-8");
        shared.received.lock().expect("unpoisoned").push((path, body));
        (shared.status.load(SeqCst), Vec::new())
    } else {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response =
            agent.get(format!("{}{path}", shared.upstream)).call().expect("upstream answers");
        let mut body = response.body_mut().read_to_vec().expect("a body");
        let has_zip = path.ends_with(".zip") || path.ends_with("/log/newest");
        if has_zip && shared.tampers.load(SeqCst) {
            body.truncate(body.len() / 2);
        }
        (response.status().as_u16(), body)
    };
    shared.requests.fetch_add(1, SeqCst);
    // In small steps: the proxy may be stopped meanwhile, or told to answer at once.
    let begun = std::time::Instant::now();
    let is_upload = request.starts_with("POST ");
    while !shared.stop.load(SeqCst)
        && (begun.elapsed() < Duration::from_millis(shared.milliseconds.load(SeqCst))
            || is_upload && shared.held.load(SeqCst))
    {
        std::thread::sleep(Duration::from_millis(1));
    }
    write!(
        stream,
        "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.shared.stop.store(true, SeqCst);
        // Wake the thread that waits for a connection.
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
