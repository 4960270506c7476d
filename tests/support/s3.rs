//! Servers that speak the protocol of S3, each on a free port of this machine with one empty bucket. They are
//! stopped on drop.
//!
//! | server | what it is |
//! | --- | --- |
//! | versitygw | a gateway to files, built from its Go module by `scripts/setup test` |
//! | moto | a simulation for tests, from PyPI |
//! | s3rver | a simulation for tests, from npm, that ignores all conditions |

use super::peers::{await_port, free_port, peer};
use super::python;
use candor::store::BucketStore;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const KEY: &str = "candor-test-key";
const SECRET: &str = "candor-test-secret";
/// The name of the bucket.
pub const BUCKET: &str = "candor-test";

/// A running server.
pub struct S3 {
    /// Where it is.
    pub endpoint: String,
    key: &'static str,
    secret: &'static str,
    process: Child,
    folder: TempDir,
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl S3 {
    /// Starts a program that listens on the port it is given; again if another one took that first.
    fn start(key: (&'static str, &'static str), command: impl Fn(&Path, u16) -> Command) -> S3 {
        let folder = TempDir::new().expect("a temporary folder");
        let (said, port) = (folder.path().join("said"), free_port());
        let out = File::create(&said).expect("created");
        let mut command = command(folder.path(), port);
        command.stdin(Stdio::null()).stdout(out.try_clone().expect("a file")).stderr(out);
        let mut process = command.spawn().expect("started");
        await_port(&mut process, port, &said);
        let endpoint = format!("http://127.0.0.1:{port}");
        S3 { endpoint, key: key.0, secret: key.1, process, folder }
    }

    /// Versity's gateway, whose objects are files.
    pub fn versitygw() -> S3 {
        S3::start((KEY, SECRET), |folder, port| {
            std::fs::create_dir_all(folder.join("objects").join(BUCKET)).expect("made");
            let mut gateway = peer("versitygw");
            gateway.env("ROOT_ACCESS_KEY_ID", KEY).env("ROOT_SECRET_ACCESS_KEY", SECRET);
            gateway.args([
                "--quiet",
                "--keep-alive",
                "--port",
                &format!("127.0.0.1:{port}"),
                "posix",
            ]);
            // Metadata is in extended attributes; with --sidecar, the parts of an object change one by one.
            gateway.arg(folder.join("objects"));
            gateway
        })
    }

    /// The files of versitygw's objects.
    pub fn files(&self) -> std::path::PathBuf {
        self.folder.path().join("objects").join(BUCKET)
    }

    /// Moto's server, which chooses its port.
    pub fn moto() -> S3 {
        let folder = TempDir::new().expect("a temporary folder");
        let mut command = python::script("s3_server.py");
        command.arg(BUCKET).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(File::create(folder.path().join("said")).expect("created"));
        let mut process = command.spawn().expect("started");
        let mut line = String::new();
        let out = process.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let said = || std::fs::read_to_string(folder.path().join("said")).unwrap_or_default();
        let endpoint = line.trim().to_owned();
        assert!(endpoint.starts_with("http://"), "{endpoint:?} {}", said());
        S3 { endpoint, key: KEY, secret: SECRET, process, folder }
    }

    /// A server that every writer wins.
    pub fn s3rver() -> S3 {
        S3::start(("S3RVER", "S3RVER"), |folder, port| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            let program = root.join("tests/browser/node_modules/s3rver/bin/s3rver.js");
            assert!(
                program.exists(),
                "{} is missing; run `scripts/setup test`, which installs it",
                program.display()
            );
            let mut server = Command::new("node");
            server.arg(program).args(["--address", "127.0.0.1", "--port", &port.to_string()]);
            server.args(["--silent", "--configure-bucket", BUCKET]);
            server.arg("--directory").arg(folder.join("objects"));
            server
        })
    }

    /// A folder for whoever uses it.
    pub fn home(&self) -> std::path::PathBuf {
        self.folder.path().join("home")
    }

    /// The variables by which a program finds it.
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.environment_through(&self.endpoint)
    }

    /// The same, through something else.
    pub fn environment_through(&self, endpoint: &str) -> BTreeMap<String, String> {
        let all = [
            ("AWS_ACCESS_KEY_ID", self.key),
            ("AWS_SECRET_ACCESS_KEY", self.secret),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", endpoint),
        ];
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// The URL of a store in its bucket.
    pub fn url(&self, prefix: &str) -> String {
        format!("s3://{BUCKET}/{prefix}")
    }

    /// A store in its bucket.
    pub fn store(&self, prefix: &str) -> BucketStore {
        self.store_through(prefix, &self.endpoint)
    }

    /// The same, through something else.
    pub fn store_through(&self, prefix: &str, endpoint: &str) -> BucketStore {
        let url = self.url(prefix).parse().expect("a URL");
        let scratch = self.folder.path().join("scratch");
        BucketStore::with(url, scratch, &self.environment_through(endpoint)).expect("opened")
    }
}
