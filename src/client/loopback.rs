//! Shared by the tests of HTTP: a server on a free port of this machine that answers what a test wants,
//! and connections that treat it like a server with TLS.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, NextTimeout, TcpConnector, Transport,
};
use ureq::{Agent, Error};

/// A server on a free port of this machine, until it is dropped.
#[derive(Debug)]
pub struct Loopback {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Loopback {
    /// A server that answers each request, head and body, with what `answer` returns. If that is empty,
    /// nothing is sent, and the connection stays open until the client closes it.
    pub fn new(answer: impl Fn(&str) -> String + Send + 'static) -> Loopback {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let stopped = Arc::new(AtomicBool::new(false));
        let (received, stop) = (Arc::clone(&requests), Arc::clone(&stopped));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                if stop.load(SeqCst) {
                    return;
                }
                let Some(request) = read_request(&mut stream) else { continue };
                let answer = answer(&request);
                received.lock().expect("unpoisoned").push(request);
                // The client may close the connection if the answer is too long.
                let _ = stream.write_all(answer.as_bytes());
                if answer.is_empty() {
                    let _ = stream.read(&mut [0]);
                }
            }
        });
        Loopback { address, requests, stopped, thread: Some(thread) }
    }

    /// An answer that closes the connection.
    pub fn answer(status: &str, headers: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    }

    /// The address of a path.
    pub fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.address)
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("unpoisoned").clone()
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.stopped.store(true, SeqCst);
        // Wakes the thread, which waits for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server failed");
        }
    }
}

/// A request with header names in lower case. `None` if the client closed the connection.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.extend(byte),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
    let head = String::from_utf8(head).expect("text");
    let lines = head.lines().map(|line| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
        None => line.to_owned(),
    });
    let head: String = lines.map(|line| line + "\n").collect();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).expect("text"))
}

/// Agents with these settings that speak plain HTTP to https addresses, as if it were TLS: they treat
/// answers like those of real servers.
pub fn pretend_tls(settings: ConfigBuilder<AgentScope>) -> Agent {
    Agent::with_parts(
        settings.build(),
        PretendTls(TcpConnector::default()),
        DefaultResolver::default(),
    )
}

#[derive(Debug)]
struct PretendTls(TcpConnector);

#[derive(Debug)]
struct Pretended(Box<dyn Transport>);

impl<In: Transport> Connector<In> for PretendTls {
    type Out = Pretended;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Pretended>, Error> {
        let connected = self.0.connect(details, chained)?;
        Ok(connected.map(|transport| Pretended(Box::new(transport))))
    }
}

impl Transport for Pretended {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}
