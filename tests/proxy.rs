//! `docs/proxy.md` holds: behind the real nginx, set up as that page says, each network has its own
//! budget, and afterwards no file contains a client's address. The settings are read from the page
//! itself.

#![cfg(feature = "server")]

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use support::{Deployment, Server, contents, receiver};
use tempfile::TempDir;
use tokio::net::TcpSocket;

/// The clients' addresses, each in its own network. None of these may be found.
const CLIENTS: [[u8; 4]; 3] = [[127, 77, 188, 199], [127, 201, 113, 177], [127, 143, 212, 231]];

/// nginx in the foreground; stopped on drop.
struct Nginx {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The block of `docs/proxy.md`.
fn settings() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/proxy.md");
    let page = fs::read_to_string(page).expect("docs/proxy.md");
    let (_, rest) = page.split_once("```nginx\n").expect("a block for nginx");
    rest.split_once("```").expect("its end").0.to_owned()
}

impl Nginx {
    /// With these settings in front of this server, on a free port and without TLS.
    fn start(settings: &str, upstream: &str) -> Nginx {
        let folder = TempDir::new().expect("a temporary folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let mut lines = String::new();
        for line in settings.lines() {
            let line = match line.trim() {
                "listen 443 ssl;" => format!("listen {address};"),
                word if word.starts_with("ssl_certificate") => continue,
                "proxy_pass http://127.0.0.1:8080;" => format!("proxy_pass {upstream};"),
                _ => line.to_owned(),
            };
            lines.push_str(&line);
            lines.push('\n');
        }
        assert!(lines.contains(&address.to_string()) && lines.contains(upstream), "{lines}");
        let place = folder.path().display();
        // Its files' paths, and how it runs here; nothing that the page mentions.
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let places: String =
            kinds.map(|kind| format!("    {kind}_temp_path {place}/{kind};\n")).concat();
        let lines = lines.replacen("http {\n", &format!("http {{\n{places}"), 1);
        let user = if is_root() { "user root;\n" } else { "" };
        let run = format!("daemon off;\nmaster_process off;\npid {place}/pid;\n{user}");
        fs::write(folder.path().join("nginx.conf"), run + &lines).expect("written");
        let child = Command::new("nginx")
            .args(["-p".as_ref(), folder.path().as_os_str()])
            .args(["-c", "nginx.conf", "-e"])
            .arg(folder.path().join("error.log"))
            .stdin(Stdio::null())
            .spawn();
        let mut child = child.unwrap_or_else(|error| {
            panic!("cannot run nginx: {error}; run scripts/setup test, or install nginx-light")
        });
        while TcpStream::connect(address).is_err() {
            assert!(child.try_wait().expect("its state").is_none(), "nginx ended:\n{lines}");
            std::thread::yield_now();
        }
        Nginx { child, address, folder }
    }
}

/// Whether this user is root, whose nginx would change to another user.
fn is_root() -> bool {
    let out = Command::new("id").arg("-u").output().expect("id");
    out.stdout.trim_ascii() == b"0"
}

/// Sends bytes from a client's address, after which it may disconnect, and reads the answer.
fn exchange(to: SocketAddr, from: [u8; 4], bytes: &[u8], ends: bool) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let stream = runtime.expect("a runtime").block_on(async {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((Ipv4Addr::from(from), 0).into()).expect("a loopback address of our own");
        let stream = socket.connect(to).await.expect("connected").into_std().expect("a socket");
        stream.set_nonblocking(false).expect("a socket that blocks");
        stream
    });
    let mut stream = stream;
    // A proxy may answer and close before it has read everything.
    let _ = stream.write_all(bytes);
    if ends {
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    support::text(&answer)
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

/// The files that contain an address as text, or more than one in binary: four bytes may occur by
/// chance, those of two addresses hardly.
fn found(folders: &[&Path]) -> Vec<PathBuf> {
    let has = |bytes: &[u8], needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
    let files = folders.iter().flat_map(|folder| contents(folder));
    let holds = |bytes: &[u8]| {
        let text = |client: &&[u8; 4]| has(bytes, Ipv4Addr::from(**client).to_string().as_bytes());
        let binary = CLIENTS.iter().filter(|client| has(bytes, &client[..])).count();
        CLIENTS.iter().any(|client| text(&client)) || binary > 1
    };
    files.filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path).collect()
}

/// Everything that clients do, from all their addresses; returns the answers to their good uploads.
fn visit(nginx: &Nginx, reports: std::ops::Range<u64>) -> Vec<Vec<String>> {
    let close = "Connection: close\r\n";
    let mut answers = vec![Vec::new(); CLIENTS.len()];
    for number in reports {
        for (place, client) in (0..).zip(CLIENTS) {
            let report = receiver::report(number * 10 + place);
            // Headers of clients are not believed.
            let lie = format!(
                "{close}X-Forwarded-For: 203.0.113.{number}\r\nForwarded: for=192.0.2.{number}\r\n"
            );
            let answer =
                exchange(nginx.address, client, receiver::request(&lie, &report).as_bytes(), false);
            answers[place as usize].push(status(&answer).to_owned());
        }
    }
    for client in CLIENTS {
        let send = |bytes: &[u8]| exchange(nginx.address, client, bytes, false);
        let break_off = |bytes: &[u8]| exchange(nginx.address, client, bytes, true);
        let page = send(
            format!("GET / HTTP/1.1\r\nHost: telemetry.example.org\r\n{close}\r\n").as_bytes(),
        );
        assert_eq!(status(&page), "200", "{page}");
        let bad = send(receiver::request(close, "{}").as_bytes());
        assert!(["400", "503"].contains(&status(&bad)), "{bad}");
        let large = send(receiver::request(close, &"x".repeat(600 << 10)).as_bytes());
        assert!(["413", "none"].contains(&status(&large)), "{large}");
        // One that breaks off, one that is not HTTP, one for a page that does not exist.
        let whole = receiver::request(close, &"x".repeat(100 << 10));
        break_off(&whole.as_bytes()[..50_000]);
        break_off(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
        send(
            format!("GET /nothing HTTP/1.1\r\nHost: telemetry.example.org\r\n{close}\r\n")
                .as_bytes(),
        );
    }
    answers
}

#[test]
fn behind_the_real_nginx_each_network_has_its_budget_and_no_address_is_kept() {
    let folder = TempDir::new().expect("a temporary folder");
    let deployment = folder.path().join("deployment");
    receiver::deploy(&deployment);
    let log = folder.path().join("candor.log");
    let mut command = support::serve_command(&deployment);
    command
        .args(["--trusted-proxy", "127.0.0.1", "--day-reports", "12"])
        .env("CANDOR_LOG", "trace");
    let server = Server::start(&mut command);
    let nginx = Nginx::start(&settings(), &server.url);
    let answers = visit(&nginx, 0..3);
    // Three networks that use all they can: each has used half of what was left, and none a third of all.
    assert_eq!(answers.iter().map(|all| &all[0]).collect::<Vec<_>>(), ["200", "200", "200"]);
    let taken = answers.iter().flatten().filter(|status| *status == "200").count();
    assert!((4..9).contains(&taken), "{answers:?}");
    assert!(answers.iter().any(|all| all.contains(&"503".to_owned())), "{answers:?}");
    let (_, health) = server.health("/health");
    assert!(!health.contains("was not named"), "{health}");
    let metrics = server.health("/metrics").1;
    // What a service manager would keep of it.
    let said = server.stop_and_read_log();
    assert!(said.contains("health and metrics on"), "{said}");
    fs::write(&log, health + &metrics + &said).expect("written");
    let kept = nginx.folder.path().to_owned();
    assert_eq!(found(&[folder.path(), &kept]), Vec::<PathBuf>::new());
}

/// The search works: the same with nginx's own logging.
#[test]
fn addresses_are_found_if_nginx_logs_them() {
    let deployment = Deployment::new();
    let server = deployment.serve();
    let settings = settings();
    let logging = settings.replace("access_log off;", "access_log access.log;");
    assert_ne!(logging, settings);
    let nginx = Nginx::start(&logging, &server.url);
    for client in CLIENTS {
        let request = "GET / HTTP/1.1\r\nHost: telemetry.example.org\r\nConnection: close\r\n\r\n";
        exchange(nginx.address, client, request.as_bytes(), false);
    }
    let kept = nginx.folder.path().to_owned();
    assert_eq!(found(&[&kept]), [kept.join("access.log")]);
}
