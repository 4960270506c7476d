//! A server that answers the part of the APIs of GitHub and GitLab that CI uses, on loopback.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

/// A token that may read.
pub const READER: &str = "reader-token";
/// A token that may write, too.
pub const WRITER: &str = "writer-token";
/// The name under which workflows comment on GitHub.
pub const BOT: &str = "github-actions[bot]";
/// The number of the account whose token `WRITER` is on GitLab.
pub const ACCOUNT: u64 = 7;

/// What is there, as the APIs show it.
#[derive(Debug, Default)]
pub struct Held {
    /// Pull requests or merge requests.
    pub proposals: Vec<Value>,
    /// Comments or notes, each with the proposal that it is `on`.
    pub comments: Vec<Value>,
    /// The branches for which a workflow was started.
    pub started: Vec<Value>,
    /// What was written: methods and paths.
    pub writes: Vec<String>,
}

impl Held {
    fn next_id(&self) -> u64 {
        100 + (self.proposals.len() + self.comments.len()) as u64
    }

    /// The texts of the comments on a proposal.
    pub fn texts(&self, number: u64) -> Vec<&str> {
        let on = self.comments.iter().filter(|comment| comment["on"] == number);
        on.map(|comment| comment["body"].as_str().expect("a text")).collect()
    }
}

/// The server; stopped on drop.
pub struct Forge {
    pub url: String,
    held: Arc<Mutex<Held>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Forge {
    pub fn new() -> Forge {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (held, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (shared, stopped) = (Arc::clone(&held), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                answer(stream, &shared);
            }
        });
        Forge { url, held, stop, thread: Some(thread) }
    }

    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().expect("no panic")
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Request {
    method: String,
    path: String,
    query: HashMap<String, String>,
    token: String,
    body: Value,
}

fn answer(stream: TcpStream, held: &Mutex<Held>) {
    let Some(request) = read(&stream) else { return };
    let mut held = held.lock().expect("no panic");
    let (status, body) = handle(&request, &mut held);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let _ = write!(
        &stream,
        "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, address) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
    let mut bytes = vec![0; header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    // curl calls JSON a form, too, unless it is told.
    let body = serde_json::from_str(&text).unwrap_or_else(|_| json!(pairs(&text)));
    let (path, query) = address.split_once('?').unwrap_or((&address, ""));
    let bearer = header("authorization");
    let token = bearer.strip_prefix("Bearer ").map(str::to_owned);
    Some(Request {
        method,
        path: path.to_owned(),
        query: pairs(query),
        token: token.unwrap_or_else(|| header("private-token")),
        body,
    })
}

/// A query or a form.
fn pairs(text: &str) -> HashMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| digit.expect("a digit"));
                let digits = str::from_utf8(&digits).expect("digits");
                u8::from_str_radix(digits, 16).expect("hexadecimal")
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).expect("text")
}

fn handle(request: &Request, held: &mut Held) -> (u16, Value) {
    let writes = request.method != "GET";
    if request.token != WRITER && (writes || request.token != READER) {
        return (403, json!({"message": "the token may not do that"}));
    }
    if writes {
        held.writes.push(format!("{} {}", request.method, request.path));
    }
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let number = |text: &str| text.parse::<u64>().expect("a number");
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["repos", _, _, "pulls"]) => {
            let open = held.proposals.iter().filter(|one| {
                request.query.get("head").is_none_or(|head| one["head"]["label"] == head.as_str())
            });
            (200, open.cloned().collect())
        }
        ("POST", ["repos", _, _, "pulls"]) => {
            let (id, head) = (held.next_id(), &request.body["head"]);
            let label = format!("ada:{}", head.as_str().expect("a branch"));
            let mut pull = request.body.clone();
            pull["number"] = json!(id);
            pull["head"] = json!({"label": label});
            held.proposals.push(pull.clone());
            (201, pull)
        }
        ("PATCH", ["repos", _, _, "pulls", id]) => {
            let id = number(id);
            (200, change(&mut held.proposals, "number", id, &request.body, "body"))
        }
        ("GET", ["repos", _, _, "issues", on, "comments"]) => {
            (200, page(&held.comments, number(on), request))
        }
        ("POST", ["repos", _, _, "issues", on, "comments"]) => {
            let comment = json!({"id": held.next_id(), "on": number(on), "user": {"login": BOT},
                                 "body": request.body["body"]});
            held.comments.push(comment.clone());
            (201, comment)
        }
        ("PATCH", ["repos", _, _, "issues", "comments", id]) => {
            (200, change(&mut held.comments, "id", number(id), &request.body, "body"))
        }
        ("POST", ["repos", _, _, "actions", "workflows", "candor-check.yml", "dispatches"]) => {
            held.started.push(request.body["ref"].clone());
            (204, Value::Null)
        }
        ("GET", ["api", "v4", "user"]) => (200, json!({"id": ACCOUNT})),
        ("GET", ["api", "v4", "projects", _, "merge_requests"]) => {
            let open = held.proposals.iter().filter(|one| {
                ["source_branch", "target_branch"].iter().all(|name| {
                    request.query.get(*name).is_none_or(|value| one[*name] == value.as_str())
                })
            });
            (200, open.cloned().collect())
        }
        ("POST", ["api", "v4", "projects", _, "merge_requests"]) => {
            let mut merge = request.body.clone();
            merge["iid"] = json!(held.next_id());
            held.proposals.push(merge.clone());
            (201, merge)
        }
        ("PUT", ["api", "v4", "projects", _, "merge_requests", id]) => {
            let id = number(id);
            (200, change(&mut held.proposals, "iid", id, &request.body, "description"))
        }
        ("GET", ["api", "v4", "projects", _, "merge_requests", on, "notes"]) => {
            (200, page(&held.comments, number(on), request))
        }
        ("POST", ["api", "v4", "projects", _, "merge_requests", on, "notes"]) => {
            let note = json!({"id": held.next_id(), "on": number(on), "author": {"id": ACCOUNT},
                              "body": request.body["body"]});
            held.comments.push(note.clone());
            (201, note)
        }
        ("PUT", ["api", "v4", "projects", _, "merge_requests", _, "notes", id]) => {
            (200, change(&mut held.comments, "id", number(id), &request.body, "body"))
        }
        _ => (404, json!({"message": "not found"})),
    }
}

/// A page of the comments on a proposal.
fn page(comments: &[Value], on: u64, request: &Request) -> Value {
    let number = |name: &str, otherwise: usize| {
        request.query.get(name).map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let (size, page) = (number("per_page", 30), number("page", 1));
    let on = comments.iter().filter(|comment| comment["on"] == on);
    on.skip((page - 1) * size).take(size).cloned().collect()
}

/// Changes the text of something; anything else of it stays.
fn change(all: &mut [Value], name: &str, id: u64, to: &Value, text: &str) -> Value {
    let found = all.iter_mut().find(|one| one[name] == id).expect("it is there");
    found[text] = to[text].clone();
    found.clone()
}
