//! A real nginx or Caddy in front of a server, over TLS, with the site of the kit: only ports, paths and certificates
//! are replaced.

use super::{HOST, Server, skipped, succeed};
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A program in front of a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Nginx,
    Caddy,
}

impl Kind {
    /// Its site in the kit.
    pub fn site(self) -> String {
        let file = match self {
            Kind::Nginx => "nginx/candor.conf",
            Kind::Caddy => "caddy/Caddyfile",
        };
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(file);
        fs::read_to_string(file).expect("a site")
    }

    /// Whether the program is here; if it may be missing, that is said.
    pub fn is_here(self) -> bool {
        let found = Command::new("caddy").arg("version").output().is_ok();
        if self == Kind::Caddy && !found {
            skipped("there is no caddy; scripts/setup test installs it where Debian has it");
            return false;
        }
        true
    }
}

/// A proxy in the foreground; stopped on drop.
pub struct Proxy {
    child: Child,
    /// Where it listens, with TLS.
    pub address: SocketAddr,
    /// Where it listens without; nginx alone, as the other's redirect is its own.
    pub plain: SocketAddr,
    pub folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A text with each of these replaced, all of which it contains.
pub fn replaced(text: &str, changes: &[(&str, String)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "the site no longer has {old:?}:\n{text}");
        text.replace(old, new)
    })
}

fn free_address() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("an address")
}

/// A certificate for the host and for loopback, and its key.
fn make_certificate(folder: &Path) {
    succeed(
        Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "2", "-subj", "/CN=telemetry.example.org", "-addext"])
            .arg("subjectAltName=DNS:telemetry.example.org,IP:127.0.0.1")
            .args(["-keyout", "key.pem", "-out", "certificate.pem"])
            .current_dir(folder),
    );
}

impl Proxy {
    /// With this site in front of this server, on free ports.
    pub fn start(kind: Kind, site: &str, server: &Server) -> Proxy {
        let folder = TempDir::new().expect("a temporary folder");
        make_certificate(folder.path());
        let (address, plain) = (free_address(), free_address());
        let upstream = server.url.strip_prefix("http://").expect("an address");
        let upstream = upstream.split('/').next().expect("a host and port");
        let place = folder.path().display().to_string();
        let mut command = match kind {
            Kind::Nginx => nginx(site, &place, address, plain, upstream),
            Kind::Caddy => caddy(site, &place, address, plain, upstream),
        };
        let said = File::create(folder.path().join("standard-error")).expect("a file");
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn();
        let mut child = started.unwrap_or_else(|error| {
            panic!("cannot run {kind:?}: {error}; run scripts/setup test, or install it")
        });
        while TcpStream::connect(address).is_err() {
            let said = fs::read_to_string(folder.path().join("standard-error")).expect("text");
            assert!(child.try_wait().expect("its state").is_none(), "{kind:?} ended:\n{said}");
            std::thread::yield_now();
        }
        Proxy { child, address, plain, folder }
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }
}

/// nginx with its site included as Debian's nginx.conf does, which logs everything unless a site says otherwise.
fn nginx(site: &str, place: &str, tls: SocketAddr, plain: SocketAddr, upstream: &str) -> Command {
    let site = replaced(
        site,
        &[
            ("listen 80;", format!("listen {plain};")),
            ("    listen [::]:80;\n", String::new()),
            ("listen 443 ssl http2;", format!("listen {tls} ssl http2;")),
            ("    listen [::]:443 ssl http2;\n", String::new()),
            (
                "/etc/letsencrypt/live/telemetry.example.org/fullchain.pem",
                format!("{place}/certificate.pem"),
            ),
            ("/etc/letsencrypt/live/telemetry.example.org/privkey.pem", format!("{place}/key.pem")),
            ("/var/lib/nginx/candor", format!("{place}/cache")),
            ("/var/www/html", format!("{place}/html")),
            ("server 127.0.0.1:8080;", format!("server {upstream};")),
        ],
    );
    fs::write(Path::new(place).join("candor.conf"), site).expect("written");
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let places: String =
        kinds.map(|kind| format!("    {kind}_temp_path {place}/{kind};\n")).concat();
    let user = if is_root() { "user root;\n" } else { "" };
    let main = format!(
        "daemon off;\nmaster_process off;\npid {place}/pid;\n{user}error_log {place}/error.log;\nevents {{}}\n\
         http {{\n{places}    access_log {place}/access.log;\n    gzip on;\n    include {place}/candor.conf;\n}}\n"
    );
    fs::write(Path::new(place).join("nginx.conf"), main).expect("written");
    let mut command = Command::new("nginx");
    command.args(["-p", place, "-c", "nginx.conf", "-e", &format!("{place}/error.log")]);
    command
}

/// Caddy, which keeps what it must in a folder of the test, and asks nobody for a certificate.
fn caddy(site: &str, place: &str, tls: SocketAddr, plain: SocketAddr, upstream: &str) -> Command {
    let port = tls.port();
    let own = format!(
        "{{\n\tadmin off\n\thttp_port {}\n\tauto_https disable_redirects\n\tlog {{",
        plain.port()
    );
    let name = format!(
        "{HOST}:{port}, 127.0.0.1:{port} {{\n\tbind 127.0.0.1\n\ttls {place}/certificate.pem {place}/key.pem\n"
    );
    let site = replaced(
        site,
        &[
            ("{\n\t# What is said", "{\n\t# What was said".to_owned()),
            ("telemetry.example.org {\n", name),
            ("reverse_proxy 127.0.0.1:8080", format!("reverse_proxy {upstream}")),
        ],
    );
    let site = site.replacen("\tlog {", own.strip_prefix("{\n").expect("its line"), 1);
    fs::write(Path::new(place).join("Caddyfile"), site).expect("written");
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(format!("{place}/Caddyfile"));
    for name in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(name, place);
    }
    command
}

/// Whether this user is root, whose nginx would change to another user.
fn is_root() -> bool {
    let out = Command::new("id").arg("-u").output().expect("id");
    out.stdout.trim_ascii() == b"0"
}
