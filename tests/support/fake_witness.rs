//! A witness for tests, made of our own parts. It does what the specification requires unless a test
//! changes its behaviour.

use candor::tlog::{Checkpoint, Cosigner, CosignerKind, KeyName, TreeHead, verify_consistency};
use candor::witness::AddCheckpoint;
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

/// How a witness handles a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// As the specification requires.
    Honest,
    /// Gives this answer: status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// It cosigns, but does not answer.
    CosignAndHangUp,
    /// It cosigns with another key than its own.
    OtherKey,
    /// It signs with its own key, but not what was submitted.
    BadSignature,
    /// Its own cosignature among lines by unknown keys.
    AmongOthers,
    /// It never answers.
    Hang,
}

/// Only a status.
pub fn status(status: u16) -> Behaviour {
    Behaviour::Answer(status, Vec::new(), Vec::new())
}

/// A conflict, with this body.
pub fn conflict(body: &str) -> Behaviour {
    let kind = ("Content-Type", "text/x.tlog.size".to_owned());
    Behaviour::Answer(409, vec![kind], body.as_bytes().to_vec())
}

/// The answer: status, headers, body. `None` for no answer at all.
pub type Answer = Option<(u16, Vec<(&'static str, String)>, Vec<u8>)>;

/// The witness.
pub struct FakeWitness {
    /// The key that verifies its cosignatures.
    pub key: String,
    cosigner: Cosigner,
    state: Mutex<State>,
}

struct State {
    known: TreeHead,
    time: Option<u64>,
    next: VecDeque<Behaviour>,
    otherwise: Behaviour,
    requests: Vec<AddCheckpoint>,
}

impl std::fmt::Debug for FakeWitness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FakeWitness({:.40})", self.key)
    }
}

/// The system's time, in seconds since 1970.
pub fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("a clock that is set").as_secs()
}

/// The cosigner with this name. Each name has one key.
fn cosigner(name: &str, kind: CosignerKind) -> Cosigner {
    Cosigner::new(KeyName::new(name).expect("a name"), kind, &Sha256::digest(name).into())
}

impl FakeWitness {
    /// A witness with this name that has seen nothing yet. It uses the system's clock until its clock is
    /// set.
    pub fn new(name: &str, kind: CosignerKind) -> Arc<FakeWitness> {
        let cosigner = cosigner(name, kind);
        Arc::new(FakeWitness {
            key: cosigner.verifier_key().to_string(),
            cosigner,
            state: Mutex::new(State {
                known: TreeHead::EMPTY,
                time: None,
                next: VecDeque::new(),
                otherwise: Behaviour::Honest,
                requests: Vec::new(),
            }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panicked")
    }

    /// Sets the behaviour for the next requests, in order.
    pub fn next(&self, behaviours: &[Behaviour]) {
        self.state().next.extend(behaviours.iter().cloned());
    }

    /// Sets the behaviour for all others.
    pub fn always(&self, behaviour: Behaviour) {
        self.state().otherwise = behaviour;
    }

    /// Sets its clock, in seconds since 1970.
    pub fn at(&self, time: u64) {
        self.state().time = Some(time);
    }

    /// Sets the head that it has seen, of any history.
    pub fn knows(&self, head: TreeHead) {
        self.state().known = head;
    }

    /// The head that it has seen.
    pub fn known(&self) -> TreeHead {
        self.state().known
    }

    /// The requests since the last call.
    pub fn requests(&self) -> Vec<AddCheckpoint> {
        std::mem::take(&mut self.state().requests)
    }

    /// Whether there were requests since the last call of `requests`.
    pub fn was_asked(&self) -> bool {
        !self.state().requests.is_empty()
    }

    /// The old sizes of the requests since the last call.
    pub fn asked_from(&self) -> Vec<u64> {
        self.requests().iter().map(|request| request.old.get()).collect()
    }

    /// Its cosignature of a note's text at a time, regardless of what it has seen.
    pub fn cosign(&self, text: &str, time: u64) -> String {
        let checkpoint = Checkpoint::parse(text).expect("a checkpoint");
        self.cosigner.cosign(text, &checkpoint, time).expect("a cosignature").to_string()
    }

    /// Sets its clock back to the system's.
    pub fn at_system_time(&self) {
        self.state().time = None;
    }

    /// Answers a request.
    pub fn answer(&self, body: &[u8]) -> Answer {
        let mut state = self.state();
        let request = match AddCheckpoint::parse(body) {
            Ok(request) => request,
            Err(error) => return Some((400, Vec::new(), error.to_string().into_bytes())),
        };
        state.requests.push(request.clone());
        let behaviour = state.next.pop_front().unwrap_or_else(|| state.otherwise.clone());
        let checkpoint = Checkpoint::parse(request.note.text()).expect("a checkpoint");
        let cosign = |with: &Cosigner, text: &str, checkpoint: &Checkpoint| {
            let line = with
                .cosign(text, checkpoint, state.time.unwrap_or_else(now))
                .expect("a cosignature");
            format!("{line}\n")
        };
        let cosigned = |with: &Cosigner, text: &str| cosign(with, text, &checkpoint);
        let text = request.note.text();
        let ok = |body: String| Some((200, Vec::new(), body.into_bytes()));
        match behaviour {
            Behaviour::Answer(status, headers, body) => Some((status, headers, body)),
            Behaviour::Hang => None,
            Behaviour::OtherKey => {
                ok(cosigned(&cosigner("other.example", CosignerKind::Ed25519), text))
            }
            Behaviour::BadSignature => {
                let other = Checkpoint::new(checkpoint.origin().clone(), TreeHead::EMPTY);
                ok(cosign(&self.cosigner, "another text\n", &other))
            }
            Behaviour::AmongOthers => {
                let other = cosigner("other.example", CosignerKind::Ed25519);
                let lines = [
                    cosigned(&other, "x\n"),
                    cosigned(&self.cosigner, text),
                    cosigned(&other, text),
                ];
                ok(lines.concat())
            }
            Behaviour::Honest | Behaviour::CosignAndHangUp => {
                let head = checkpoint.head();
                let said = |status, body: String| Some((status, Vec::new(), body.into_bytes()));
                if request.old > head.size {
                    return said(400, String::new());
                }
                if request.old != state.known.size {
                    return said(409, format!("{}\n", state.known.size));
                }
                if verify_consistency(state.known, head, &request.proof).is_err() {
                    return said(422, String::new());
                }
                let answer = ok(cosigned(&self.cosigner, text));
                state.known = head;
                if behaviour == Behaviour::Honest { answer } else { None }
            }
        }
    }
}

/// A witness behind HTTP on this machine, until it is dropped.
pub struct Served {
    /// The witness.
    pub witness: Arc<FakeWitness>,
    /// Its submission prefix.
    pub url: String,
    address: std::net::SocketAddr,
    open: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Served {
    /// Serves a witness.
    pub fn new(name: &str, kind: CosignerKind) -> Served {
        Served::of(FakeWitness::new(name, kind))
    }

    /// Serves this witness.
    pub fn of(witness: Arc<FakeWitness>) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let open = Arc::new(Mutex::new(Some(Vec::new())));
        let (serving, connections) = (witness.clone(), open.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if connections.lock().expect("no panic").is_none() {
                    return;
                }
                let (witness, connections) = (serving.clone(), connections.clone());
                std::thread::spawn(move || converse(&witness, stream, &connections));
            }
        });
        Served { witness, url: format!("http://{address}"), address, open }
    }

    /// Its table for candor.toml.
    pub fn table(&self, name: &str) -> String {
        let (key, url) = (&self.witness.key, &self.url);
        format!("[[witness]]\nname = \"{name}\"\nkey = \"{key}\"\nurl = \"{url}\"\n")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Closes the connections on which a client still waits for an answer.
        let _ = self.open.lock().map(|mut open| open.take());
        let _ = TcpStream::connect(self.address);
    }
}

/// One request of a connection, and its answer.
fn converse(
    witness: &FakeWitness,
    mut stream: TcpStream,
    open: &Mutex<Option<Vec<TcpStream>>>,
) -> Option<()> {
    let mut read = Vec::new();
    let head = loop {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&bytes[..count]);
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let headers = String::from_utf8_lossy(&read[..head]).to_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    while read.len() < head + length {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&bytes[..count]);
    }
    if !headers.starts_with("post /add-checkpoint ") {
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").ok()?;
        return None;
    }
    let Some((status, headers, body)) = witness.answer(&read[head..]) else {
        // Kept open until the witness is gone.
        open.lock().ok()?.as_mut()?.push(stream);
        return None;
    };
    let mut answer = format!("HTTP/1.1 {status} Said\r\nConnection: close\r\n");
    for (name, value) in headers {
        answer += &format!("{name}: {value}\r\n");
    }
    answer += &format!("Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(answer.as_bytes()).ok()?;
    stream.write_all(&body).ok()
}
