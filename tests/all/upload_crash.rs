//! A 200 is never lost: the server is killed again and again with 200 uploads in flight, and afterwards
//! every acknowledged report is stored, exactly once.
//!
//! The server is `candor serve` itself (see `support::receiver`).

#![cfg(feature = "server")]

use crate::support;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::receiver::{self, Server, report, reports_folder};
use support::segments;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

const CONNECTIONS: usize = 200;
const ROUNDS: u64 = 100;

/// What the clients of all rounds know.
#[derive(Default)]
struct Clients {
    next: AtomicU64,
    acknowledged: Mutex<BTreeSet<u64>>,
    /// Sent, and no answer seen: sent again in the next round, as a client would.
    unanswered: Mutex<Vec<u64>>,
}

impl Clients {
    /// Uploads over one connection until the server is gone.
    async fn upload(&self, address: &str) {
        let Ok(mut stream) = TcpStream::connect(address).await else { return };
        loop {
            let again = self.unanswered.lock().await.pop();
            let number = again.unwrap_or_else(|| self.next.fetch_add(1, Ordering::SeqCst));
            match exchange(&mut stream, &receiver::request("", &report(number))).await {
                Some(200) => {
                    self.acknowledged.lock().await.insert(number);
                }
                Some(status) => panic!("report {number} was answered {status}"),
                None => {
                    self.unanswered.lock().await.push(number);
                    return;
                }
            }
        }
    }
}

/// One request and the status of its answer, whose body is empty; `None` if the server is gone.
async fn exchange(stream: &mut TcpStream, request: &str) -> Option<u16> {
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut buffer = [0; 1024];
        match stream.read(&mut buffer).await.ok()? {
            0 => return None,
            read => answer.extend_from_slice(&buffer[..read]),
        }
    }
    std::str::from_utf8(&answer).ok()?.split(' ').nth(1)?.parse().ok()
}

#[test]
fn every_report_that_got_a_200_is_stored_exactly_once_whenever_the_server_is_killed() {
    let folder = TempDir::new().expect("a temporary folder");
    receiver::deploy(folder.path());
    let clients = Arc::new(Clients::default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    for round in 0..ROUNDS {
        let server = Server::start_without_merges(folder.path(), "off", Stdio::null());
        runtime.block_on(async {
            let before = clients.acknowledged.lock().await.len();
            let uploads: Vec<_> = (0..CONNECTIONS)
                .map(|_| {
                    let (clients, address) = (clients.clone(), server.address.clone());
                    tokio::spawn(async move { clients.upload(&address).await })
                })
                .collect();
            // From the first answers on, at moments between and within batches.
            let enough = before + (round * round % 613) as usize;
            while clients.acknowledged.lock().await.len() < enough {
                tokio::time::sleep(std::time::Duration::from_micros(100)).await;
            }
            server.kill();
            for upload in uploads {
                upload.await.expect("no panic");
            }
        });
    }

    let acknowledged = runtime.block_on(clients.acknowledged.lock()).clone();
    let sent = clients.next.load(Ordering::SeqCst);
    // The last acknowledged reports are read as the crash left them; opening seals them.
    drop(receiver::open(folder.path()));
    let mut stored: BTreeMap<u64, u32> = BTreeMap::new();
    for row in segments::reports(&reports_folder(folder.path())) {
        *stored.entry(receiver::number_of(&row)).or_default() += 1;
    }
    for number in &acknowledged {
        assert_eq!(stored.get(number), Some(&1), "report {number}");
    }
    assert!(stored.iter().all(|(number, times)| *times == 1 && *number < sent));
    println!(
        "{ROUNDS} rounds: {sent} sent, {} acknowledged, {} stored",
        acknowledged.len(),
        stored.len()
    );
    assert!(acknowledged.len() > 10_000, "the rounds were too short: {}", acknowledged.len());
}
