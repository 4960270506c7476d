//! Shared by all honest clients: the server's address, the time, and the result of every request.

use crate::wire::{self, Answer};
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How often to measure how late this process wakes up.
const TICK: Duration = Duration::from_millis(40);

/// Who made a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Reader,
    Sender,
    /// Nobody: how late this process itself wakes up.
    Clock,
}

/// A request that was made, by the soak's time.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    pub who: Who,
    pub began: Duration,
    pub ended: Duration,
    /// `None` if the connection failed, broke or gave no answer in time.
    pub status: Option<u16>,
}

/// Shared by all clients.
#[derive(Debug)]
pub struct Clients {
    begin: Instant,
    address: Mutex<SocketAddr>,
    requests: Mutex<Vec<Request>>,
    number: AtomicU64,
}

impl Clients {
    pub fn new(address: SocketAddr) -> Clients {
        Clients {
            begin: Instant::now(),
            address: Mutex::new(address),
            requests: Mutex::default(),
            number: AtomicU64::new(0),
        }
    }

    /// The soak's time.
    pub fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Where the server listens, or did until it was killed.
    pub fn address(&self) -> SocketAddr {
        *self.address.lock().expect("unpoisoned")
    }

    pub fn move_to(&self, address: SocketAddr) {
        *self.address.lock().expect("unpoisoned") = address;
    }

    /// Makes a request from its own network, and notes the result. A request in pieces is slow on
    /// purpose, so its time is not noted.
    pub async fn exchange(
        &self,
        who: Who,
        request: &[u8],
        pieces: usize,
        pause: Duration,
    ) -> io::Result<Answer> {
        let from = wire::honest(self.number.fetch_add(1, Relaxed));
        let began = self.now();
        let answer = wire::exchange(self.address(), from, request, pieces, pause).await;
        if pieces == 1 {
            let status = answer.as_ref().ok().map(|answer| answer.status);
            let request = Request { who, began, ended: self.now(), status };
            self.requests.lock().expect("unpoisoned").push(request);
        }
        answer
    }

    /// Notes, for ever, how late this process wakes up, which is not the server's fault.
    pub async fn watch_clock(&self) {
        loop {
            let due = self.now() + TICK;
            tokio::time::sleep(TICK).await;
            let request =
                Request { who: Who::Clock, began: due, ended: self.now(), status: Some(200) };
            self.requests.lock().expect("unpoisoned").push(request);
        }
    }

    /// Forgets all requests so far.
    pub fn forget(&self) {
        self.requests.lock().expect("unpoisoned").clear();
    }

    /// All requests.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("unpoisoned").clone()
    }
}
