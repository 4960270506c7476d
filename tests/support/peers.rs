//! Other people's programs that implement the same specifications, built by `scripts/setup test` from
//! public modules in the versions of `tests/go_peers/go.mod`.

use super::succeed;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// One of those programs.
pub fn peer(name: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let program = target.join("peers").join(name);
    assert!(
        program.exists(),
        "{} is missing; run `scripts/setup test`, which builds it",
        program.display()
    );
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// A running witness of another project, stopped on drop.
pub struct PeerWitness {
    /// Its submission prefix.
    pub url: String,
    /// Its verifier keys.
    pub keys: Vec<String>,
    processes: Vec<Child>,
    _folder: TempDir,
}

impl Drop for PeerWitness {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A free port, since these programs do not print which one they chose.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Waits until a program listens there, or until the one that should has ended.
pub fn await_port(process: &mut Child, port: u16, log: &Path) {
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = process.try_wait().expect("its state");
        let said = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(ended.is_none(), "{}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl PeerWitness {
    /// The witness of the transparency.dev community, with a key of each kind, which knows this log.
    pub fn omniwitness(log_key: &str) -> PeerWitness {
        let folder = TempDir::new().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        let mut keys = Vec::new();
        for kind in ["ed25519", "mldsa"] {
            let mut make = peer("generate_keys");
            make.args(["--origin", &format!("omniwitness.example/{kind}")]);
            make.arg("--out_priv").arg(at(kind)).arg("--out_pub").arg(at("public"));
            if kind == "mldsa" {
                make.arg("--mldsa");
            }
            succeed(&mut make);
            keys.push(std::fs::read_to_string(at("public")).expect("a key").trim().to_owned());
            std::fs::remove_file(at("public")).expect("removed");
        }
        let origin = log_key.split('+').next().expect("a name");
        let logs = format!("Logs:\n  - Origin: {origin}\n    PublicKey: {log_key}\n");
        std::fs::write(at("logs.yaml"), logs).expect("written");
        let port = free_port();
        let mut witness = peer("omniwitness");
        witness.args(["--metrics_listen=", &format!("--listen=127.0.0.1:{port}")]);
        witness.arg("--db_file").arg(at("db")).arg("--additional_logs").arg(at("logs.yaml"));
        for kind in ["ed25519", "mldsa"] {
            witness.arg("--private_key_path").arg(at(kind));
        }
        let said = File::create(at("said")).expect("created");
        let mut process = witness.stderr(said).spawn().expect("started");
        await_port(&mut process, port, &at("said"));
        let url = format!("http://127.0.0.1:{port}");
        PeerWitness { url, keys, processes: vec![process], _folder: folder }
    }

    /// Torchwood's witness, which knows this log. Its key is in an SSH agent of its own.
    pub fn litewitness(log_key: &str) -> PeerWitness {
        let folder = TempDir::new().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        succeed(
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(at("key")),
        );
        let mut agent = Command::new("ssh-agent");
        agent.arg("-D").arg("-a").arg(at("agent")).stdout(Stdio::null());
        let mut processes = vec![agent.spawn().expect("ssh-agent; scripts/setup test installs it")];
        // Its socket is there before it listens; until then, the status is 2.
        let asked = || Command::new("ssh-add").arg("-l").env("SSH_AUTH_SOCK", at("agent")).output();
        for _ in 0..2000 {
            if asked().expect("ssh-add").status.code() != Some(2) {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        succeed(Command::new("ssh-add").arg("-q").arg(at("key")).env("SSH_AUTH_SOCK", at("agent")));
        let printed = succeed(Command::new("ssh-keygen").arg("-lf").arg(at("key.pub")));
        let fingerprint = printed.split(' ').nth(1).expect("a fingerprint");

        let port = free_port();
        let mut witness = peer("litewitness");
        witness.args(["-name", "litewitness.example", "-key", fingerprint]);
        witness.args(["-listen", &format!("127.0.0.1:{port}")]);
        witness.arg("-db").arg(at("db")).arg("-ssh-agent").arg(at("agent"));
        let said = File::create(at("said")).expect("created");
        let mut process = witness.stderr(said).spawn().expect("started");
        await_port(&mut process, port, &at("said"));
        processes.push(process);
        // What its `witnessctl add-log` and `add-key` write.
        let origin = log_key.split('+').next().expect("a name");
        let insert = "import sqlite3, sys\n\
            db = sqlite3.connect(sys.argv[1], timeout=60)\n\
            empty = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='\n\
            db.execute('INSERT INTO log VALUES (?, 0, ?)', (sys.argv[2], empty))\n\
            db.execute('INSERT INTO key VALUES (?, ?)', (sys.argv[2], sys.argv[3]))\n\
            db.commit()\n";
        succeed(Command::new("python3").args(["-c", insert]).arg(at("db")).args([origin, log_key]));
        let said = std::fs::read_to_string(at("said")).expect("text");
        let key = said.split("vkey=").nth(1).and_then(|rest| rest.split_whitespace().next());
        let keys = vec![key.expect("a verifier key").trim_matches('"').to_owned()];
        let url = format!("http://127.0.0.1:{port}");
        PeerWitness { url, keys, processes, _folder: folder }
    }
}
