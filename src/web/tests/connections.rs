//! Over loopback: limits on connections, which one is closed to make room, and graceful shutdown.
//!
//! Tests do not rely on timing: they wait until the server has answered, a handler has started, or a body
//! was dropped.

use super::fixture::Fixture;
use crate::web::serve;
use crate::web::server::{Budget, Limits, Listener, run};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::routing::get;
use hyper::body::Frame;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

const GET: &[u8] = b"GET /log/checkpoint HTTP/1.1\r\nhost: x\r\n\r\n";

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(router: Router, limits: Limits) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(listener, router, limits, async {
            let _ = stopped.await;
        }));
        Server { address, stop, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// A connection that was used for one request, and has nothing to do.
    async fn idle(&self) -> TcpStream {
        let mut stream = self.connect().await;
        assert!(ask(&mut stream, GET).await.starts_with("HTTP/1.1 200"));
        stream
    }
}

fn budget(connections: usize, readers: usize) -> Limits {
    let limits = Limits::default();
    // No time limit ends before the test does.
    let head = Duration::from_secs(3600);
    Limits { budget: Budget { connections, readers, ..limits.budget }, head, ..limits }
}

/// Waits for something that must happen, for far longer than it can take.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(120), future).await;
    waited.unwrap_or_else(|_| panic!("{what}"))
}

/// What the server sends until it closes.
async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset also ends the connection.
    let _ = soon("the server closes the connection", stream.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One answer's first bytes, on a connection that stays open.
async fn read_some(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4096];
    let count = soon("an answer", stream.read(&mut bytes)).await.expect("bytes");
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

async fn ask(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.write_all(request).await.expect("sent");
    read_some(stream).await
}

/// A handler that signals when it has started, and waits until it may continue.
struct Handler {
    router: Router,
    begun: mpsc::UnboundedReceiver<()>,
    go_on: Arc<Notify>,
}

impl Handler {
    fn new() -> Handler {
        let (begins, begun) = mpsc::unbounded_channel();
        let go_on = Arc::new(Notify::new());
        let waits = go_on.clone();
        let slow = get(async move || {
            let _ = begins.send(());
            waits.notified().await;
            "finished"
        });
        Handler { router: Router::new().route("/", slow), begun, go_on }
    }

    /// A connection whose request this handler is processing.
    async fn busy(&mut self, server: &Server) -> TcpStream {
        let mut stream = server.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        soon("the handler begins", self.begun.recv()).await.expect("begun");
        stream
    }
}

/// An endless body, which signals when it is dropped.
struct Endless(Option<oneshot::Sender<()>>);

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 4096])))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        if let Some(dropped) = self.0.take() {
            let _ = dropped.send(());
        }
    }
}

#[tokio::test]
async fn a_site_is_served_until_it_is_stopped() {
    let fixture = Fixture::with(2);
    let site = fixture.site().await;
    let listeners = [0, 1].map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a port"));
    let [public, private] = listeners.map(|listener| {
        listener.set_nonblocking(true).expect("nonblocking");
        TcpListener::from_std(listener).expect("a listener")
    });
    let addresses = [&public, &private].map(|l| l.local_addr().expect("an address"));
    let (stop, stopped) = oneshot::channel::<()>();
    let private = Some(Listener::from(private));
    let task = tokio::spawn(serve(public, private, site, None, async {
        let _ = stopped.await;
    }));
    let mut stream = TcpStream::connect(addresses[0]).await.expect("a connection");
    // Two requests on one connection.
    for _ in 0..2 {
        let answer = ask(&mut stream, GET).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\ntelemetry.example.org/log\n2\n"), "{answer}");
    }
    let mut admin = TcpStream::connect(addresses[1]).await.expect("a connection");
    let health = ask(&mut admin, b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    stop.send(()).expect("it runs");
    soon("it stops", task).await.expect("no panic");
    assert!(TcpStream::connect(addresses[0]).await.is_err());
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_request_is_disconnected() {
    let limits = Limits { head: Duration::from_millis(200), ..Limits::default() };
    let server = Server::start(Fixture::with(1).router().await, limits).await;
    // Nothing at all; an unfinished request; one request and then nothing; or half of another.
    let half = [GET, b"GET / HT"].concat();
    let sent = [(&b""[..], false), (b"GET / HTTP/1.1\r\nx: ", false), (GET, true), (&half, true)];
    for (sent, answered) in sent {
        let mut stream = server.connect().await;
        stream.write_all(sent).await.expect("sent");
        let answer = read_all(&mut stream).await;
        assert_eq!(answer.starts_with("HTTP/1.1 200"), answered, "{answer}");
    }
}

#[tokio::test]
async fn a_head_that_arrives_byte_by_byte_has_no_more_time() {
    let limits = Limits { head: Duration::from_millis(200), ..Limits::default() };
    let server = Server::start(Fixture::with(1).router().await, limits).await;
    let (mut reads, mut writes) = server.connect().await.into_split();
    let drip = tokio::spawn(async move {
        while writes.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let mut bytes = Vec::new();
    let _ = soon("the server closes", reads.read_to_end(&mut bytes)).await;
    soon("the client notices", drip).await.expect("no panic");
}

#[tokio::test]
async fn no_connection_is_used_for_ever() {
    let lifetime = Duration::from_millis(200);
    let limits = Limits { lifetime, last_answer: lifetime, ..Limits::default() };
    let server = Server::start(Fixture::with(1).router().await, limits).await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.expect("sent");
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_connection_that_has_been_idle_longest_makes_room() {
    let server = Server::start(Fixture::with(1).router().await, budget(3, 3)).await;
    let mut first = server.idle().await;
    // One that has sent no request is idle too; it was accepted before the next one.
    let mut silent = server.connect().await;
    let mut third = server.idle().await;
    assert!(ask(&mut first, GET).await.starts_with("HTTP/1.1 200"));
    // The oldest are now: silent, third, first.
    let mut fourth = server.idle().await;
    assert_eq!(read_all(&mut silent).await, "");
    let _fifth = server.idle().await;
    assert_eq!(read_all(&mut third).await, "");
    for open in [&mut first, &mut fourth] {
        assert!(ask(open, GET).await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn a_flood_of_idle_connections_does_not_lock_others_out() {
    let server = Server::start(Fixture::with(1).router().await, budget(16, 16)).await;
    let mut flood = Vec::new();
    for _ in 0..100 {
        flood.push(server.connect().await);
    }
    let mut honest = server.idle().await;
    for _ in 0..100 {
        flood.push(server.connect().await);
        assert!(ask(&mut honest, GET).await.starts_with("HTTP/1.1 200"));
    }
    // They did fill the server: the first ones were closed.
    assert_eq!(read_all(&mut flood[0]).await, "");
    assert_eq!(read_all(&mut flood[150]).await, "");
}

#[tokio::test]
async fn a_new_connection_is_refused_if_all_are_busy() {
    let mut handler = Handler::new();
    let server = Server::start(handler.router.clone(), budget(1, 1)).await;
    let mut busy = handler.busy(&server).await;
    let mut other = server.connect().await;
    let answer = read_all(&mut other).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 5\r\n"), "{answer}");
    handler.go_on.notify_one();
    assert!(read_some(&mut busy).await.ends_with("finished"));
    // Now it is idle, and makes room.
    let mut third = handler.busy(&server).await;
    assert_eq!(read_all(&mut busy).await, "");
    handler.go_on.notify_one();
    assert!(read_some(&mut third).await.ends_with("finished"));
}

#[tokio::test]
async fn one_reader_too_many_gets_503() {
    // Requests of the site pass the guard, so a handler of this test is mounted beside it.
    let mut handler = Handler::new();
    let site = Fixture::with(1).site().await;
    let guarded = axum::middleware::from_fn_with_state(site, crate::web::guard::guard);
    let server = Server::start(handler.router.clone().layer(guarded), budget(9, 1)).await;
    let mut busy = handler.busy(&server).await;
    let mut other = server.connect().await;
    let answer = ask(&mut other, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 5\r\n"), "{answer}");
    assert!(answer.contains("access-control-allow-origin: *\r\n"), "{answer}");
    handler.go_on.notify_one();
    assert!(read_some(&mut busy).await.ends_with("finished"));
    let mut next = handler.busy(&server).await;
    handler.go_on.notify_one();
    assert!(read_some(&mut next).await.ends_with("finished"));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::start(Fixture::with(1).router().await, Limits::default()).await;
    let mut stream = server.connect().await;
    let request = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    // The server may close before it has read all of it.
    let _ = stream.write_all(request.as_bytes()).await;
    let answer = read_all(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_request_without_a_host_or_with_two_is_refused() {
    let server = Server::start(Fixture::with(1).router().await, Limits::default()).await;
    for (request, status) in [
        ("GET /log/checkpoint HTTP/1.1\r\n\r\n", "400"),
        ("GET /log/checkpoint HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", "400"),
        ("GET /log/checkpoint HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n", "400"),
        ("GET /log/checkpoint HTTP/1.1\r\nhost: a, b\r\n\r\n", "400"),
        ("GET http://a/log/checkpoint HTTP/1.1\r\n\r\n", "400"),
        ("GET http://a/log/checkpoint HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "200"),
        ("GET /log/checkpoint HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n", "200"),
        ("GET /log/checkpoint HTTP/1.0\r\n\r\n", "200"),
        ("GET /log/checkpoint HTTP/1.0\r\nhost: a\r\nhost: b\r\n\r\n", "400"),
    ] {
        let mut stream = server.connect().await;
        stream.write_all(request.as_bytes()).await.expect("sent");
        let answer = read_all(&mut stream).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{request}{answer}");
    }
}

#[tokio::test]
async fn what_is_not_http_uses_no_resources() {
    let server = Server::start(Fixture::with(1).router().await, Limits::default()).await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nx\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut stream = server.connect().await;
        stream.write_all(garbage).await.expect("sent");
        let answer = read_all(&mut stream).await;
        let status = answer.split(' ').nth(1).unwrap_or("400");
        assert!(["400", "405"].contains(&status), "{}: {answer}", garbage.escape_ascii());
    }
    // A client that has nothing more to say, and one that goes away in the middle.
    let mut half_closed = server.connect().await;
    half_closed.write_all(b"GET / HTTP/1.1\r\nho").await.expect("sent");
    half_closed.shutdown().await.expect("shut down");
    assert!(!read_all(&mut half_closed).await.contains(" 200 "));
    let mut gone = server.connect().await;
    gone.write_all(b"GET / HTTP/1.1\r\nho").await.expect("sent");
    drop(gone);
    server.idle().await;
}

#[tokio::test]
async fn a_slow_client_gets_its_whole_answer() {
    // More than both sockets can buffer, so it is not sent completely until the client reads.
    const LENGTH: usize = 64 << 20;
    let large = get(async || Bytes::from_static(&[b'x'; 1 << 20]).repeat(64));
    let limits = Limits { head: Duration::from_millis(50), ..Limits::default() };
    let server = Server::start(Router::new().route("/", large), limits).await;
    let mut stream = server.connect().await;
    let first = ask(&mut stream, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let head = first.find("\r\n\r\n").expect("a head") + 4;
    // Longer than the head of a next request may take.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut rest = vec![0; LENGTH - (first.len() - head)];
    soon("the rest", stream.read_exact(&mut rest)).await.expect("all of it");
    // Only then does the time for the next head begin.
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn a_client_that_receives_nothing_is_disconnected() {
    let (dropped, is_dropped) = oneshot::channel();
    let body = Arc::new(std::sync::Mutex::new(Some(Endless(Some(dropped)))));
    let endless = get(async move || Body::new(body.lock().expect("whole").take().expect("once")));
    let receiving = Duration::from_millis(200);
    let limits = Limits { receiving, received_rate: u32::MAX, ..Limits::default() };
    let server = Server::start(Router::new().route("/", endless), limits).await;
    let mut stream = server.connect().await;
    let answer = ask(&mut stream, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    soon("it is given up", is_dropped).await.expect("dropped");
}

#[tokio::test]
async fn no_requests_are_read_from_a_client_that_does_not_receive_answers() {
    const REQUESTS: usize = 40_000;
    let answered = Arc::new(AtomicUsize::new(0));
    let counts = answered.clone();
    let counting = get(async move || {
        counts.fetch_add(1, SeqCst);
        [("x", "y".repeat(1000))]
    });
    let server = Server::start(Router::new().route("/", counting), Limits::default()).await;
    let (mut reads, mut writes) = server.connect().await.into_split();
    let request = b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n";
    let writer = tokio::spawn(async move {
        for _ in 0..REQUESTS {
            writes.write_all(request).await.expect("sent");
        }
        writes
    });
    // Until the server answers no more. (If it is merely slow, the rest is still true.)
    let (mut before, mut unchanged) = (0, 0);
    while unchanged < 8 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = answered.load(SeqCst);
        unchanged = if now > 0 && now == before { unchanged + 1 } else { 0 };
        before = now;
    }
    assert!((1..REQUESTS / 2).contains(&before), "{before} requests were answered unreceived");
    // Nothing is lost: a client that receives gets every answer.
    let (mut bytes, mut answers) = (vec![0; 1 << 16], 0);
    while answers < REQUESTS {
        let count = soon("answers", reads.read(&mut bytes)).await.expect("read");
        assert!(count > 0, "closed after {answers}");
        answers += bytes[..count].iter().filter(|byte| **byte == b'H').count();
    }
    drop(soon("all was sent", writer).await.expect("no panic"));
    assert_eq!(answered.load(SeqCst), REQUESTS);
}

#[tokio::test]
async fn current_requests_are_finished_before_the_server_stops() {
    let mut handler = Handler::new();
    let limits = |grace| Limits { grace, ..Limits::default() };
    let server = Server::start(handler.router.clone(), limits(Duration::from_secs(3600))).await;
    let mut stream = handler.busy(&server).await;
    server.stop.send(()).expect("it runs");
    // It has begun to stop and accepts no more connections.
    soon("it stops listening", async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    handler.go_on.notify_one();
    soon("it stops", server.task).await.expect("no panic");
    assert!(read_all(&mut stream).await.ends_with("finished"));

    let server = Server::start(handler.router.clone(), limits(Duration::ZERO)).await;
    let mut stream = handler.busy(&server).await;
    server.stop.send(()).expect("it runs");
    soon("it stops", server.task).await.expect("no panic");
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn idle_clients_do_not_keep_the_server_from_stopping() {
    let grace = Duration::from_secs(3600);
    let limits = Limits { grace, head: grace, ..Limits::default() };
    let server = Server::start(Fixture::with(1).router().await, limits).await;
    let mut unused = server.connect().await;
    let mut used = server.idle().await;
    server.stop.send(()).expect("it runs");
    soon("it stops long before the hour is over", server.task).await.expect("no panic");
    assert_eq!([read_all(&mut used).await, read_all(&mut unused).await], ["", ""]);
}
