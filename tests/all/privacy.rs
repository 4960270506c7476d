//! No reporter can be identified: uploads come from distinctive addresses with distinctive headers,
//! words and cookies, and afterwards none of them is in anything that the server wrote: the store, the
//! reports, its log at the finest level, its metrics.
//!
//! The server is `candor serve` itself (see `support::receiver`).

#![cfg(feature = "server")]

use crate::support;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use support::receiver::{self, Server, report, request};
use support::segments;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

/// The clients' addresses and headers. None of this may be found.
const ADDRESSES: [[u8; 4]; 3] = [[127, 0, 113, 77], [127, 44, 0, 91], [127, 200, 201, 202]];
const HEADERS: [(&str, &str); 9] = [
    ("User-Agent", "distinctive-agent/7.7"),
    ("X-Forwarded-For", "198.51.100.177"),
    ("X-Real-IP", "198.51.100.178"),
    ("Forwarded", "for=198.51.100.179;by=203.0.113.43"),
    ("CF-Connecting-IP", "2001:db8::dead:77"),
    ("Cookie", "session=distinctive-cookie"),
    ("Authorization", "Bearer distinctive-token"),
    ("Referer", "https://distinctive-referer.example/"),
    ("X-distinctive-name", "distinctive-value"),
];
/// Words in refused reports, or in parts of requests that are ignored.
const WORDS: [&str; 4] =
    ["distinctive-word", "distinctive-content", "distinctive-path", "distinctive-query"];

/// Sends a request from an address; the answer.
async fn exchange(server: &str, from: [u8; 4], request: &str) -> String {
    let socket = TcpSocket::new_v4().expect("a socket");
    let from = Ipv4Addr::from(from);
    socket.bind(SocketAddr::from((from, 0))).expect("a loopback address of our own");
    let server = server.parse().expect("an address");
    let mut stream = socket.connect(server).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8(answer).expect("text")
}

/// Sends a request from an address; the status of the answer.
async fn send(server: &str, from: [u8; 4], request: &str) -> u16 {
    let answer = exchange(server, from, request).await;
    answer.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status")
}

/// Every file in a folder, with its contents.
fn files(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("list a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.clone(), fs::read(&path).expect("read a file")));
        }
    }
}

#[test]
fn nothing_of_a_client_is_in_any_byte_that_the_server_wrote() {
    let folder = TempDir::new().expect("a temporary folder");
    let deployment = folder.path().join("deployment");
    receiver::deploy(&deployment);
    let log = folder.path().join("server.log");
    let server =
        Server::start(&deployment, "trace", Stdio::from(File::create(&log).expect("a log file")));
    let headers: String = HEADERS.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let headers = headers + "Connection: close\r\n";

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let send = |from, request: String| {
            let server = server.address.clone();
            async move { send(&server, from, &request).await }
        };
        for (number, from) in (1..).zip(ADDRESSES) {
            let report = report(number);
            let good = request(&headers, &report);
            assert_eq!(send(from, good.clone()).await, 200);
            assert_eq!(send(from, good.clone()).await, 200, "a second copy");
            assert_eq!(send(from, good.replace("POST", "PUT")).await, 405);
            let query = good.replacen(" HTTP", "?distinctive-query=1 HTTP", 1);
            assert_eq!(send(from, query).await, 200);
            let path = good.replacen("/upload/", "/upload/distinctive-path", 1);
            assert_eq!(send(from, path).await, 400);
            let typed = good.replace("application/json", "text/distinctive-content");
            assert_eq!(send(from, typed).await, 400);
            for (known, unknown) in [
                ("example.org/hello", "example.org/distinctive-word"),
                ("hello/rare", "distinctive-word"),
                ("\"Config\"", "\"distinctive-word\""),
            ] {
                let bad = report.replace(known, unknown);
                assert_eq!(send(from, request(&headers, &bad)).await, 400, "{unknown}");
            }
            // A line that is not a frame: the stack is left out.
            let stack = report.replace("hello::main:=3", "distinctive-word /home/distinctive-word");
            assert_eq!(send(from, request(&headers, &stack)).await, 200);
            // Something goes wrong, and is logged, while a client waits.
            let checkpoint = deployment.join("store/log/checkpoint");
            let aside = deployment.join("store/log/checkpoint.aside");
            fs::rename(&checkpoint, &aside).expect("move the checkpoint away");
            let newer = report.replace("v0.2.0", "v0.300.0");
            assert_eq!(send(from, request(&headers, &newer)).await, 503);
            fs::rename(&aside, &checkpoint).expect("put the checkpoint back");
            assert_eq!(send(from, request(&headers, &newer)).await, 400);
        }
    });
    // The server prints the address of its metrics in its log.
    let said = fs::read_to_string(&log).expect("the log");
    let admin = said.lines().find_map(|line| line.strip_prefix("health and metrics on http://"));
    let admin = admin.expect("an address").to_owned();
    let metrics = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let metrics = runtime.block_on(exchange(&admin, [127, 0, 0, 1], metrics));
    assert!(metrics.contains("upload"), "{metrics}");
    server.kill();

    let stored = segments::reports(&receiver::reports_folder(&deployment));
    assert_eq!(
        stored.len(),
        2 * ADDRESSES.len(),
        "each good report is there, and without its stack"
    );
    let mut written = Vec::new();
    files(folder.path(), &mut written);
    let text = fs::read_to_string(&log).expect("the log");
    assert!(text.contains("cannot read the log"), "{text}");
    written.push((PathBuf::from("metrics"), metrics.into_bytes()));
    let values = HEADERS.iter().flat_map(|(_, value)| [(*value).to_owned(), value.to_lowercase()]);
    let addresses = ADDRESSES.iter().map(|address| Ipv4Addr::from(*address).to_string());
    let parts = ["198.51.100", "2001:db8", "distinctive"].map(str::to_owned);
    let words = WORDS.map(str::to_owned);
    let all: Vec<_> = values.chain(addresses).chain(parts).chain(words).collect();
    for (path, bytes) in written {
        for word in &all {
            let there = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!there, "{word} is in {}", path.display());
        }
    }
}
