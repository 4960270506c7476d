//! A proxy for HTTP that does to some requests what networks and servers do now and then.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It is passed on, and so is its answer.
    None,
    /// The same, after some milliseconds.
    Delayed,
    /// It is not passed on; the answer is 503.
    Unavailable,
    /// It is not passed on; the connection is closed.
    Dropped,
    /// It is passed on, and the connection closed instead of its answer.
    AnswerLost,
    /// It is passed on, and the answer is 500 instead.
    AnswerReplaced,
    /// It is passed on, and only the first half of its answer is.
    AnswerCut,
    /// The connection is closed, and it is passed on some milliseconds later.
    Late,
}

/// All that are faults.
pub const FAULTS: [Fault; 7] = [
    Fault::Delayed,
    Fault::Unavailable,
    Fault::Dropped,
    Fault::AnswerLost,
    Fault::AnswerReplaced,
    Fault::AnswerCut,
    Fault::Late,
];

struct Schedule {
    state: Mutex<u64>,
    /// How many requests of a thousand have a fault.
    often: u64,
    /// How many there were.
    faults: AtomicU64,
}

impl Schedule {
    /// SplitMix64.
    fn next(&self) -> u64 {
        let mut state = self.state.lock().expect("not poisoned");
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn fault(&self) -> Fault {
        if self.next() % 1000 >= self.often {
            return Fault::None;
        }
        self.faults.fetch_add(1, Ordering::Relaxed);
        FAULTS[(self.next() % FAULTS.len() as u64) as usize]
    }
}

/// A running proxy; stopped on drop.
pub struct FaultProxy {
    address: SocketAddr,
    schedule: Arc<Schedule>,
    stopped: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// A proxy in front of `endpoint` (`http://HOST:PORT`), which does something to `often` of a thousand requests,
    /// as the seed decides.
    pub fn start(endpoint: &str, seed: u64, often: u64) -> FaultProxy {
        let upstream: SocketAddr =
            endpoint.trim_start_matches("http://").parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let schedule =
            Arc::new(Schedule { state: Mutex::new(seed), often, faults: AtomicU64::new(0) });
        let stopped = Arc::new(AtomicBool::new(false));
        let (shared, stop) = (schedule.clone(), stopped.clone());
        let listening = thread::spawn(move || {
            for client in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(client), schedule) = (client, shared.clone()) else { continue };
                // Connections that break are the point.
                thread::spawn(move || drop(serve(client, upstream, &schedule)));
            }
        });
        FaultProxy { address, schedule, stopped, listening: Some(listening) }
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests had a fault.
    pub fn faults(&self) -> u64 {
        self.schedule.faults.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

/// Answers the requests of one connection.
fn serve(mut client: TcpStream, upstream: SocketAddr, schedule: &Schedule) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut reader = BufReader::new(client.try_clone()?);
    loop {
        let request = message(&mut reader, false)?;
        let is_head = request.starts_with(b"HEAD ");
        let fault = schedule.fault();
        let pause = Duration::from_millis(1 + schedule.next() % 30);
        let refusal = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        match fault {
            Fault::Unavailable => {
                client.write_all(refusal("503 Service Unavailable").as_bytes())?
            }
            Fault::Dropped => return Ok(()),
            Fault::Late => {
                drop((client, reader));
                thread::sleep(pause);
                return pass(upstream, &request, is_head).map(drop);
            }
            Fault::None | Fault::Delayed => {
                if fault == Fault::Delayed {
                    thread::sleep(pause);
                }
                client.write_all(&pass(upstream, &request, is_head)?)?;
            }
            Fault::AnswerLost => return pass(upstream, &request, is_head).map(drop),
            Fault::AnswerReplaced => {
                pass(upstream, &request, is_head)?;
                client.write_all(refusal("500 Internal Server Error").as_bytes())?;
            }
            Fault::AnswerCut => {
                let answer = pass(upstream, &request, is_head)?;
                return client.write_all(&answer[..answer.len() / 2]);
            }
        }
    }
}

/// Sends a request, and returns the answer.
fn pass(upstream: SocketAddr, request: &[u8], is_head: bool) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(upstream)?;
    server.set_nodelay(true)?;
    server.write_all(request)?;
    message(&mut BufReader::new(server), is_head)
}

/// One message of HTTP/1.1, head and body. An answer to HEAD has no body.
fn message(reader: &mut impl BufRead, is_to_head: bool) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    let (mut length, mut chunked) = (0, false);
    loop {
        let before = whole.len();
        if reader.read_until(b'\n', &mut whole)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&whole[before..]).trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
    }
    if is_to_head {
        return Ok(whole);
    }
    if reader.by_ref().take(length).read_to_end(&mut whole)? as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut more = chunked;
    while more {
        let before = whole.len();
        reader.read_until(b'\n', &mut whole)?;
        let size = String::from_utf8_lossy(&whole[before..]).trim().to_owned();
        let size = u64::from_str_radix(&size, 16).map_err(io::Error::other)?;
        reader.by_ref().take(size + 2).read_to_end(&mut whole)?;
        more = size > 0;
    }
    Ok(whole)
}
