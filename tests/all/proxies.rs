//! The sites of `packaging/nginx` and `packaging/caddy` do what `docs/proxy.md` says: behind the real programs, over
//! TLS, people read pages, the go command downloads a config, programs upload, each network has its own budget, and
//! afterwards no file contains a client's address. The sites are used as they are; only ports, paths and
//! certificates are replaced.

#![cfg(feature = "server")]

use crate::support;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::proxy::{Kind, Proxy, replaced};
use support::{Deployment, Go, HOST, MODULE, Server, contents, receiver, run, succeed, text};
use tempfile::TempDir;
use tokio::net::TcpSocket;

/// The clients' addresses, each in its own network. None of these may be found.
const CLIENTS: [[u8; 4]; 3] = [[127, 77, 188, 199], [127, 201, 113, 177], [127, 143, 212, 231]];
/// How large a report may be, for Candor and for the proxies.
const LARGEST: usize = candor::ingest::MAX_BODY;

impl Proxy {
    /// curl, from an address of this machine.
    fn curl(&self, from: [u8; 4], path: &str) -> Command {
        let port = self.address.port();
        let mut command = Command::new("curl");
        command.args([
            "--silent",
            "--show-error",
            "--interface",
            &Ipv4Addr::from(from).to_string(),
        ]);
        command.arg("--resolve").arg(format!("{HOST}:{port}:127.0.0.1"));
        command.arg("--cacert").arg(self.certificate()).stdin(Stdio::null());
        command.arg(format!("https://{HOST}:{port}{path}"));
        command
    }

    /// The status of an upload. Headers of clients are not believed.
    fn upload(&self, from: [u8; 4], number: u64, report: &str) -> String {
        let mut command = self.curl(from, &format!("/upload/{}", receiver::week()));
        command.args([
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
            "--data-binary",
            "@-",
        ]);
        command.args(["--header", "Content-Type: application/json", "--header", "Expect:"]);
        // If it were believed, each upload would come from a network of its own.
        command.args(["--header", &format!("X-Forwarded-For: 10.0.{number}.1")]);
        command.args(["--header", &format!("Forwarded: for=10.0.{number}.1")]);
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), report).expect("written");
        text(&run(command.stdin(File::open(file.path()).expect("a file"))).stdout)
    }

    /// The headers, in small letters, and the body of an answer.
    fn get(&self, path: &str, headers: &[&str]) -> (String, Vec<u8>) {
        let mut command = self.curl(CLIENTS[0], path);
        command.args(["--include", "--http1.1"]);
        headers.iter().for_each(|header| {
            command.args(["--header", header]);
        });
        let output = run(&mut command);
        let end = output.stdout.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("{path}: {}", text(&output.stderr)));
        (text(&output.stdout[..end]).to_lowercase(), output.stdout[end + 4..].to_vec())
    }
}

/// Sends bytes that are no TLS from a client's address, and reads what comes back.
fn exchange(to: SocketAddr, from: [u8; 4], bytes: &[u8]) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let mut stream = runtime.expect("a runtime").block_on(async {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((Ipv4Addr::from(from), 0).into()).expect("a loopback address of our own");
        let stream = socket.connect(to).await.expect("connected").into_std().expect("a socket");
        stream.set_nonblocking(false).expect("a socket that blocks");
        stream
    });
    // A proxy may answer and close before it has read everything.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    text(&answer)
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

/// Everything that clients do, one after the other; returns the answers to their good uploads, of which each sends as
/// many as are accepted.
fn visit(proxy: &Proxy) -> Vec<Vec<String>> {
    let mut answers = Vec::new();
    for (place, client) in (0..).zip(CLIENTS) {
        let mut of_client: Vec<String> = Vec::new();
        while of_client.len() < 13 && of_client.last().is_none_or(|status| status == "200") {
            let number = place * 20 + of_client.len() as u64;
            of_client.push(proxy.upload(client, number, &receiver::report(number)));
        }
        answers.push(of_client);
    }
    for client in CLIENTS {
        succeed(proxy.curl(client, "/").arg("--fail"));
        let bad = proxy.upload(client, 100, "{}");
        assert!(["400", "503"].contains(&bad.as_str()), "{bad}");
        let large = proxy.upload(client, 1, &"x".repeat(600 << 10));
        assert!(["400", "413", "503"].contains(&large.as_str()), "{large}");
        // One that breaks off, one for a page that does not exist, one without TLS, one that is not HTTP.
        let mut slow = proxy.curl(client, "/upload/2026-11-22");
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), "x".repeat(100 << 10)).expect("written");
        slow.args(["--max-time", "0.2", "--limit-rate", "20k", "--upload-file"]).arg(file.path());
        assert!(!run(slow.args(["--request", "POST"])).status.success(), "it did not break off");
        succeed(proxy.curl(client, "/nothing").args(["--output", "/dev/null"]));
        exchange(proxy.address, client, b"GET / HTTP/1.1\r\nHost: telemetry.example.org\r\n\r\n");
        exchange(proxy.address, client, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    }
    answers
}

/// How many requests for this part of the site the server answered with 200.
fn answered(server: &Server, part: &str) -> u64 {
    let metrics = server.health("/metrics").1;
    let name = format!("candor_requests_total{{part=\"{part}\",status=\"200\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{name} in {metrics}"))
}

fn everything_works_behind(kind: Kind) {
    if !kind.is_here() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    receiver::deploy(folder.path());
    let (module, none) = (MODULE.to_owned(), String::new);
    let deployment = Deployment { folder, module, log_key: none(), sumdb_key: none() };
    let mut command = support::serve_command(deployment.path());
    command
        .args(["--trusted-proxy", "127.0.0.1", "--day-reports", "12"])
        .env("CANDOR_LOG", "trace");
    let server = Server::start(&mut command);
    let proxy = Proxy::start(kind, &kind.site(), &server);
    while server.health("/health/uploads").0 != 200 {}
    let answers = visit(&proxy);
    // Each of three networks uses all that it can, and leaves something for the others.
    for of_client in &answers {
        let ends = (of_client.first().map(String::as_str), of_client.last().map(String::as_str));
        assert_eq!(ends, (Some("200"), Some("503")), "{answers:?}");
    }
    let (_, health) = server.health("/health");
    assert!(!health.contains("was not named"), "{health}");
    // A body of the largest size is Candor's to refuse; what is larger, nginx does not even pass on.
    let too_large = proxy.upload(CLIENTS[0], 1, &"x".repeat(LARGEST + 1));
    assert_eq!(too_large, if kind == Kind::Nginx { "413" } else { "400" });
    assert!(["400", "503"].contains(&proxy.upload(CLIENTS[0], 1, &"x".repeat(LARGEST)).as_str()));

    // The go command: config, proofs, checksum database.
    let url = format!("https://{}", proxy.address);
    let mut go = Go::new(&deployment, &url);
    let certificate = proxy.certificate().display().to_string();
    go.environment.push(("SSL_CERT_FILE".to_owned(), certificate));
    assert_eq!(go.must_download(MODULE, "latest")["Version"], "v0.2.0");

    // What never changes is said to be so; what Candor compresses arrives as it compressed it.
    let zip = format!("/goproxy/{MODULE}/@v/v0.2.0.zip");
    let (headers, bytes) = proxy.get(&zip, &[]);
    assert!(headers.contains("immutable"), "{headers}");
    assert_eq!(bytes, server.get(&zip).1);
    if kind == Kind::Nginx {
        let before = answered(&server, "goproxy");
        assert_eq!(proxy.get(&zip, &[]).1, bytes);
        assert_eq!(answered(&server, "goproxy"), before, "nginx asked again");
        let (headers, _) = proxy.get("/log/checkpoint", &[]);
        assert!(!headers.contains("immutable"), "{headers}");
        let moved = exchange(
            proxy.plain,
            CLIENTS[0],
            b"GET /charts/ HTTP/1.0\r\nHost: telemetry.example.org\r\n\r\n",
        );
        assert!(
            moved.contains("308")
                && moved.contains("Location: https://telemetry.example.org/charts/"),
            "{moved}"
        );
    }
    let (plain, page) = proxy.get("/privacy", &["Accept-Encoding: identity"]);
    let (packed, smaller) = proxy.get("/privacy", &["Accept-Encoding: gzip"]);
    assert!(packed.contains("content-encoding: gzip") && smaller.len() < page.len(), "{packed}");
    let tag =
        |headers: &str| headers.lines().find(|line| line.starts_with("etag:")).map(str::to_owned);
    assert!(
        tag(&plain).is_some() && tag(&packed).is_some_and(|tag| !tag.contains("w/")),
        "{plain}\n{packed}"
    );
    assert_ne!(tag(&plain), tag(&packed));

    let metrics = server.health("/metrics").1;
    // What a service manager would keep of it.
    let said = server.stop_and_read_log();
    assert!(said.contains("health and metrics on"), "{said}");
    // And what a proxy does when there is nobody behind it.
    let (broken, _) = proxy.get("/", &[]);
    assert!(broken.contains(" 502"), "{broken}");
    fs::write(deployment.path().join("candor.log"), health + &metrics + &said).expect("written");
    assert_eq!(found(&[deployment.path(), proxy.folder.path()]), Vec::<PathBuf>::new());
}

#[test]
fn everything_works_behind_nginx_and_no_address_is_kept() {
    everything_works_behind(Kind::Nginx);
}

#[test]
fn everything_works_behind_caddy_and_no_address_is_kept() {
    everything_works_behind(Kind::Caddy);
}

/// The search works: the same with the proxies' own logging.
#[test]
fn addresses_are_found_if_a_proxy_logs_them() {
    let deployment = Deployment::new();
    let server = deployment.serve();
    for kind in [Kind::Nginx, Kind::Caddy] {
        if !kind.is_here() {
            continue;
        }
        let site = kind.site();
        let (change, file) = match kind {
            Kind::Nginx => (("access_log off;", String::new()), "access.log"),
            Kind::Caddy => {
                let logging = "reverse_proxy".to_owned();
                (
                    ("reverse_proxy", format!("log {{\n\t\toutput stderr\n\t}}\n\t{logging}")),
                    "standard-error",
                )
            }
        };
        let mut site = replaced(&site, &[change]);
        if kind == Kind::Caddy {
            site = replaced(&site, &[("\t\tinclude tls\n", String::new())]);
        }
        let proxy = Proxy::start(kind, &site, &server);
        CLIENTS.iter().for_each(|client| drop(run(&mut proxy.curl(*client, "/"))));
        let kept = proxy.folder.path().to_owned();
        while found(&[&kept]).is_empty() {}
        assert_eq!(found(&[&kept]), [kept.join(file)]);
    }
}
