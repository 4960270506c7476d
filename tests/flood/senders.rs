//! The senders: honest ones, each in its own network, and a flood's.

use crate::support::{Server, receiver};
use jiff::civil::Date;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// What the flood's reports count.
pub const HOSTILE: u64 = 7;

/// A connection for one upload after the other.
pub struct Sender {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Sender {
    pub fn new(server: &Server) -> Sender {
        let address = server.url.strip_prefix("http://").expect("a URL").to_owned();
        Sender { address, stream: None }
    }

    /// Sends a report from an address, and returns the status of the answer.
    pub fn send(&mut self, from: &str, day: Date, report: &str) -> u16 {
        let headers = format!("X-Forwarded-For: {from}\r\n");
        let request = receiver::request_of(day, &headers, report);
        let stream = self.stream.get_or_insert_with(|| {
            BufReader::new(TcpStream::connect(&self.address).expect("connected"))
        });
        stream.get_mut().write_all(request.as_bytes()).expect("sent");
        let mut line = String::new();
        stream.read_line(&mut line).expect("an answer");
        let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        let (mut length, mut close) = (0, false);
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).expect("a head");
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            close |= line == "connection: close";
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).expect("a body");
        if close {
            self.stream = None;
        }
        status
    }
}

/// A report of a day, different for each number, with one of the two counters.
fn report(day: Date, number: u64, counter: &str, count: u64) -> String {
    let x = number as f64 / 1e15 + 0.1;
    format!(
        "{{\"Week\":\"{day}\",\"LastWeek\":\"\",\"X\":{x},\"Programs\":[{{\"Program\":\
         \"example.org/hello\",\"Version\":\"v1.0.0\",\"GoVersion\":\"rust1.95.0\",\"GOOS\":\"linux\",\
         \"GOARCH\":\"amd64\",\"Counters\":{{\"hello/verb:{counter}\":{count}}},\"Stacks\":{{}}}}],\
         \"Config\":\"v0.1.0\"}}"
    )
}

/// One of honest reports, of which 44% have a counter that the flood wants to make nothing of.
pub fn honest_report(day: Date, number: u64) -> String {
    report(day, number, if number % 100 < 44 { "run" } else { "help" }, 1)
}

/// One of the flood's. By its count its public row is known; charts do not look at that.
pub fn hostile_report(day: Date, number: u64) -> String {
    report(day, 1_000_000 + number, "help", HOSTILE)
}

/// An address in an honest sender's own network.
pub fn honest(number: u64) -> String {
    format!("10.{}.{}.7", number >> 8 & 0xff, number & 0xff)
}

/// An address in one of the attacker's networks.
pub fn hostile(number: u64, networks: u64) -> String {
    format!("2001:db8:{:x}:{:x}::1", number % networks, number & 0xffff)
}
