//! Nobody can lock others out: with the real server's limits, there are more unfinished uploads, idle
//! connections, or clients that do not receive their answers than there is room for, and still an honest
//! upload, a page, the checkpoint and the module proxy succeed.
//!
//! Every test checks that it did fill the server, which made room for others.

#![cfg(feature = "server")]
#![cfg(unix)]

mod support;

use candor::aggregate::index::{Dataset, FileFormat, PublicFile};
use candor::aggregate::{PublicData, PublicError};
use candor::publish::Deployment;
use candor::store::Key;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use support::{MODULE, candor, receiver};
use tempfile::TempDir;

/// Bodies and connections that the server has room for.
const UPLOADS: usize = 1024;
const CONNECTIONS: usize = 4096;

/// A server of a deployment of its own; killed on drop.
struct Server {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Server {
    fn start() -> Server {
        Server::start_with(Command::new(env!("CARGO_BIN_EXE_candor")), "127.0.0.1:0", |_| {})
    }

    fn start_with(mut command: Command, listen: &str, prepare: impl FnOnce(&Path)) -> Server {
        let folder = TempDir::new().expect("a temporary folder");
        receiver::deploy(folder.path());
        prepare(folder.path());
        let mut child = command
            .args(["serve", "--no-charts", "--listen", listen, "--data"])
            .arg(folder.path())
            .env_remove("CANDOR_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("start candor serve");
        let mut stdout = BufReader::new(child.stdout.take().expect("a piped stdout"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a first line");
        let url = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let url = url.unwrap_or_else(|| panic!("{line:?}"));
        let server = Server { child, url, _folder: folder };
        // Reports are accepted a moment after that.
        while !server.upload().contains(" 200 ") {
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    fn connect(&self) -> TcpStream {
        let address = self.url.strip_prefix("http://").expect("an address");
        let stream = TcpStream::connect(address).expect("connected");
        // Everything that is waited for takes far less time.
        stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a timeout");
        stream
    }

    /// The answer to a request on a new connection.
    fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("sent");
        read_all(&mut stream)
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    }

    /// Sends a report that was never sent before.
    fn upload(&self) -> String {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let report = receiver::report(NUMBER.fetch_add(1, SeqCst));
        self.ask(&receiver::request("Connection: close\r\n", &report))
    }

    /// Honest clients get what they ask for.
    fn assert_open(&self) {
        let list = format!("/goproxy/{MODULE}/@v/list");
        for path in ["/", "/log/checkpoint", &list, "/latest"] {
            let answer = self.get(path);
            assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        }
        let answer = self.upload();
        assert!(answer.starts_with("HTTP/1.1 200 "), "an upload: {answer}");
    }

    /// An upload whose body the server waits for.
    fn begin_upload(&self, length: usize) -> TcpStream {
        let mut stream = self.connect();
        let head = format!(
            "POST /upload/{} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
            receiver::week()
        );
        stream.write_all(head.as_bytes()).expect("sent");
        let expected = b"HTTP/1.1 100 Continue\r\n\r\n";
        let mut answer = [0; 25];
        stream.read_exact(&mut answer).expect("an interim answer");
        assert_eq!(&answer, expected);
        stream
    }

    /// The memory of the server's process, in bytes.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("Linux tells of its processes");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is received until the connection ends, including by a reset.
fn read_all(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Raises this process's limit of open files.
fn need_files(count: usize) {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit of open files");
    let count = count as u64;
    assert!(hard >= count, "this test opens {count} files: raise the limit (`ulimit -Hn`)");
    if soft < count {
        setrlimit(Resource::RLIMIT_NOFILE, count, hard).expect("raise the number of open files");
    }
}

#[test]
fn unfinished_uploads_do_not_lock_others_out() {
    need_files(3000);
    let server = Server::start();
    // An honest one on a slow line, which has sent most of a large report.
    let report = receiver::report(1 << 40);
    let report = format!("{report}{}", " ".repeat(200_000 - report.len()));
    let mut slow = server.begin_upload(report.len());
    let (most, rest) = report.split_at(150_000);
    slow.write_all(most.as_bytes()).expect("sent");
    let mut flood: Vec<_> = (0..UPLOADS + 200).map(|_| server.begin_upload(1000)).collect();
    server.assert_open();
    // They had filled the server: the first of them made room, and was told to try again later.
    let given_up = read_all(&mut flood[0]);
    assert!(given_up.starts_with("HTTP/1.1 503 "), "{given_up}");
    assert!(given_up.contains("retry-after: "), "{given_up}");
    slow.write_all(rest.as_bytes()).expect("sent");
    let answer = read_all(&mut slow);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn idle_connections_do_not_lock_others_out() {
    need_files(6000);
    let server = Server::start();
    let mut idle = Vec::new();
    for number in 0..CONNECTIONS + 200 {
        let mut stream = server.connect();
        // Some were used, some never were, and some have begun to send a request.
        match number % 3 {
            0 => {
                let ask = b"HEAD /log/checkpoint HTTP/1.1\r\nHost: x\r\n\r\n";
                stream.write_all(ask).expect("sent");
                let mut status = [0; 13];
                stream.read_exact(&mut status).expect("an answer");
                assert_eq!(&status, b"HTTP/1.1 200 ");
            }
            1 => stream.write_all(b"GET /log/check").expect("sent"),
            _ => {}
        }
        idle.push(stream);
    }
    server.assert_open();
    // They had filled the server: the first of them was closed, the last was not.
    let mut is_open = |number: usize| {
        let stream = &mut idle[number];
        stream.set_nonblocking(true).expect("nonblocking");
        stream.read(&mut [0; 1 << 16]).is_err_and(|e| e.kind() == ErrorKind::WouldBlock)
    };
    assert!(is_open(CONNECTIONS + 199));
    // (Were this machine so slow that it took longer, its time for a head would be over, too.)
    assert!(!is_open(1));
}

/// Adds a day of public data that is one large file.
fn add_large_file(deployment: &Path, length: usize) -> String {
    let store = Deployment::open(deployment).expect("a deployment").store;
    let bytes = vec![b'x'; length];
    let sha256: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    let key = Key::new(format!("public/{sha256}")).expect("a key");
    store.put(&[(key, bytes)]).expect("stored");
    let format = FileFormat::Parquet;
    let name = format!("2026-02-08.{}", format.extension());
    let file = PublicFile { name: name.clone(), format, bytes: length as u64, sha256 };
    let changed = PublicData::new(store).update(|index| {
        let dataset = Dataset { files: vec![file.clone()], ..Dataset::default() };
        index.days.insert("2026-02-08".parse().expect("a date"), dataset);
        Ok::<_, PublicError>(())
    });
    changed.expect("indexed");
    format!("/data/days/{name}")
}

#[test]
fn clients_that_do_not_read_use_little_memory() {
    const RECEIVERS: usize = 1000;
    need_files(3000);
    let mut path = String::new();
    let candor = Command::new(env!("CARGO_BIN_EXE_candor"));
    // More than the sockets of both sides can buffer.
    let server = Server::start_with(candor, "127.0.0.1:0", |folder| {
        path = add_large_file(folder, 64 << 20);
    });
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let receive = || {
        let mut stream = server.connect();
        stream.write_all(request.as_bytes()).expect("sent");
        let mut status = [0; 13];
        stream.read_exact(&mut status).expect("an answer");
        assert_eq!(&status, b"HTTP/1.1 200 ");
        stream
    };
    let first = receive();
    server.assert_open();
    let before = server.memory();
    let receivers: Vec<_> = (0..RECEIVERS).map(|_| receive()).collect();
    server.assert_open();
    let each = server.memory().saturating_sub(before) / RECEIVERS as u64;
    println!("{each} bytes for each of {RECEIVERS} receivers");
    assert!(each < 100_000, "{each} bytes for each receiver");
    drop((first, receivers));
}

#[test]
fn budgets_fit_a_low_limit_of_open_files() {
    need_files(2000);
    let log = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut limited = Command::new("sh");
    let script = "ulimit -n 160; exec \"$0\" \"$@\" 2>\"$LOG\"";
    limited.args(["-c", script, env!("CARGO_BIN_EXE_candor")]).env("LOG", log.path());
    let server = Server::start_with(limited, "127.0.0.1:0", |_| {});
    let mut idle: Vec<_> = (0..500).map(|_| server.connect()).collect();
    server.assert_open();
    assert_eq!(read_all(&mut idle[0]), "");
    let _uploads: Vec<_> = (0..100).map(|_| server.begin_upload(1000)).collect();
    server.assert_open();
    let said = std::fs::read_to_string(log.path()).expect("a log");
    assert!(said.contains("this process may have 160 files open"), "{said}");
    assert!(!said.contains("cannot accept"), "{said}");
}

#[test]
fn an_upload_that_is_refused_unread_gets_its_answer() {
    let server = Server::start();
    let mut stream = server.connect();
    let body = vec![b' '; 900_000];
    let head = format!(
        "POST /upload/{} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        receiver::week(),
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    // The server has refused, and reads on for a moment, as otherwise the connection would be reset while
    // the client is still writing.
    stream.write_all(&body).expect("sent");
    stream.shutdown(Shutdown::Write).expect("shut down");
    let answer = read_all(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("larger than 262144 bytes"), "{answer}");
}

#[test]
fn uploads_work_in_every_form_that_http_allows() {
    let server = Server::start();
    let report = receiver::report(1 << 41);
    let head = |version: &str, rest: &str| {
        let week = receiver::week();
        format!(
            "POST /upload/{week} HTTP/{version}\r\nHost: x\r\nContent-Type: application/json\r\n{rest}\r\n"
        )
    };
    let length = format!("Content-Length: {}\r\n", report.len());
    let whole = server.ask(&format!("{}{report}", head("1.0", &length)));
    assert!(whole.starts_with("HTTP/1.0 200 ") || whole.starts_with("HTTP/1.1 200 "), "{whole}");
    // In chunks of one byte, each in a packet of its own.
    let mut stream = server.connect();
    stream.set_nodelay(true).expect("no delay");
    let chunked = head("1.1", "Transfer-Encoding: chunked\r\nConnection: close\r\n");
    stream.write_all(chunked.as_bytes()).expect("sent");
    for byte in report.bytes() {
        stream.write_all(&[b'1', b'\r', b'\n', byte, b'\r', b'\n']).expect("sent");
    }
    stream.write_all(b"0\r\n\r\n").expect("sent");
    assert!(read_all(&mut stream).starts_with("HTTP/1.1 200 "));
    // Several on one connection, sent at once.
    let one = format!("{}{report}", head("1.1", &length));
    let last = format!("{}{report}", head("1.1", &(length + "Connection: close\r\n")));
    let answers = server.ask(&format!("{one}{one}{last}"));
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 3, "{answers}");
    let mut waits = server.begin_upload(report.len());
    waits.write_all(report.as_bytes()).expect("sent");
    assert!(read_all(&mut waits).starts_with("HTTP/1.1 200 "));
    // One that ends too early, while its client still reads.
    let mut half = server.begin_upload(report.len());
    half.write_all(b"{").expect("sent");
    half.shutdown(Shutdown::Write).expect("shut down");
    assert!(!read_all(&mut half).contains(" 200 "));
}

#[test]
fn a_server_can_listen_on_names_ports_and_unix_sockets() {
    for listen in ["localhost:0", ":0"] {
        let candor = Command::new(env!("CARGO_BIN_EXE_candor"));
        let server = Server::start_with(candor, listen, |_| {});
        server.assert_open();
    }
    let folder = TempDir::new().expect("a temporary folder");
    let socket = folder.path().join("candor.sock");
    let deployment = folder.path().join("deployment");
    receiver::deploy(&deployment);
    let serve = || {
        let mut child = candor()
            .args(["serve", "--read-only", "--listen"])
            .arg(format!("unix:{}", socket.display()))
            .arg("--data")
            .arg(&deployment)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("start candor serve");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a piped stdout"));
        stdout.read_line(&mut line).expect("a first line");
        assert_eq!(line, format!("listening on unix:{}\n", socket.display()));
        child
    };
    // The first one is killed, and leaves its socket; the second one is asked to stop.
    for kill in ["-KILL", "-TERM"] {
        let mut child = serve();
        let mut stream = UnixStream::connect(&socket).expect("connected");
        let ask = "GET /log/checkpoint HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(ask.as_bytes()).expect("sent");
        assert!(read_all(&mut stream).starts_with("HTTP/1.1 200 "));
        let killed = Command::new("kill").args([kill, &child.id().to_string()]).status();
        assert!(killed.expect("kill").success());
        child.wait().expect("it ends");
        assert_eq!(socket.exists(), kill == "-KILL");
    }
}
