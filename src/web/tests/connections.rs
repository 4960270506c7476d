//! Over loopback: limits on connections, and stopping in order.

use super::fixture::Fixture;
use crate::web::serve;
use crate::web::server::{Limits, run};
use axum::Router;
use axum::routing::get;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
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
}

/// What the server sends until it closes.
async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One answer's first bytes, on a connection that stays open.
async fn read_some(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4096];
    let count = stream.read(&mut bytes).await.expect("bytes");
    String::from_utf8_lossy(&bytes[..count]).into_owned()
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
    let task = tokio::spawn(serve(public, Some(private), site, None, async {
        let _ = stopped.await;
    }));
    let mut stream = TcpStream::connect(addresses[0]).await.expect("a connection");
    // Two requests on one connection.
    for _ in 0..2 {
        stream.write_all(GET).await.expect("sent");
        let answer = read_some(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\ntelemetry.example.org/log\n2\n"), "{answer}");
    }
    let mut admin = TcpStream::connect(addresses[1]).await.expect("a connection");
    admin.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    assert!(read_some(&mut admin).await.ends_with("ok\n"));
    stop.send(()).expect("it runs");
    task.await.expect("no panic");
    assert!(TcpStream::connect(addresses[0]).await.is_err());
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_request_is_let_go() {
    let limits = Limits { header: Duration::from_millis(200), ..Limits::default() };
    let server = Server::start(Fixture::with(1).router().await, limits).await;
    // Nothing at all; a request that never ends; one request and then nothing.
    for (sent, answered) in [(&b""[..], false), (b"GET / HTTP/1.1\r\nx: ", false), (GET, true)] {
        let mut stream = server.connect().await;
        stream.write_all(sent).await.expect("sent");
        let ended = tokio::time::timeout(Duration::from_secs(10), read_all(&mut stream)).await;
        let answer = ended.expect("the server closes the connection");
        assert_eq!(answer.starts_with("HTTP/1.1 200"), answered, "{answer}");
    }
}

#[tokio::test]
async fn no_connection_is_used_for_ever() {
    let lifetime = Duration::from_millis(200);
    let limits = Limits { lifetime, grace: lifetime, ..Limits::default() };
    let server = Server::start(Fixture::with(1).router().await, limits).await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.expect("sent");
    let ended = tokio::time::timeout(Duration::from_secs(10), read_all(&mut stream)).await;
    assert!(ended.expect("the server closes the connection").starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn one_connection_too_many_is_turned_away() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let server = Server::start(Fixture::with(1).router().await, limits).await;
    let mut held = [server.connect().await, server.connect().await];
    for stream in &mut held {
        stream.write_all(GET).await.expect("sent");
        assert!(read_some(stream).await.starts_with("HTTP/1.1 200"));
    }
    let mut third = server.connect().await;
    assert!(read_all(&mut third).await.starts_with("HTTP/1.1 503 "));
    drop(held);
    // The places are free again.
    for _ in 0..100 {
        let mut stream = server.connect().await;
        stream.write_all(GET).await.expect("sent");
        if read_some(&mut stream).await.starts_with("HTTP/1.1 200") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no place became free");
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
async fn requests_under_way_are_finished_before_the_server_stops() {
    let slow = get(|| async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        "finished"
    });
    let router = Router::new().route("/", slow);
    for (grace, finished) in [(Duration::from_secs(3600), true), (Duration::ZERO, false)] {
        let server = Server::start(router.clone(), Limits { grace, ..Limits::default() }).await;
        let mut stream = server.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.stop.send(()).expect("it runs");
        server.task.await.expect("no panic");
        assert_eq!(read_all(&mut stream).await.ends_with("finished"), finished);
    }
}

#[tokio::test]
async fn clients_that_want_nothing_do_not_keep_the_server_from_stopping() {
    let grace = Duration::from_secs(3600);
    let limits = Limits { grace, header: grace, ..Limits::default() };
    let server = Server::start(Fixture::with(1).router().await, limits).await;
    let (mut used, mut unused) = (server.connect().await, server.connect().await);
    used.write_all(GET).await.expect("sent");
    assert!(read_some(&mut used).await.starts_with("HTTP/1.1 200"));
    server.stop.send(()).expect("it runs");
    let stopped = tokio::time::timeout(Duration::from_secs(60), server.task).await;
    stopped.expect("it stops long before the hour is over").expect("no panic");
    assert_eq!([read_all(&mut used).await, read_all(&mut unused).await], ["", ""]);
}
