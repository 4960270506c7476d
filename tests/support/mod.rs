//! Shared by the integration tests: charts repositories, deployments, a served `candor`, and the go
//! command in an environment of its own. Everything is in temporary folders; servers listen on free ports
//! and are stopped by the process that started them.
#![allow(dead_code, reason = "each test file uses its own part of this")]

pub mod book;
pub mod charted;
pub mod charts;
pub mod collector;
pub mod counter_file;
pub mod evil;
pub mod fake_witness;
pub mod fault_proxy;
pub mod forge;
pub mod go_site;
pub mod http;
pub mod json_schema;
pub mod log_bench;
pub mod measured;
pub mod moment;
pub mod mutation;
pub mod other_log;
pub mod peers;
pub mod proxy;
pub mod python;
pub mod receiver;
pub mod s3;
pub mod segments;
pub mod witnessing;

use candor::charts::Revision;
use candor::client::{ClientError, ConfigClient, ConfigSource, Http, VerifiedConfig, Wanted};
use candor::gomod::ModulePath;
use candor::publish::CompileDay;
use candor::store::FileStore;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::SystemTime;
use tempfile::TempDir;

/// The module of the deployments that tests make, unless they say otherwise.
pub const MODULE: &str = "telemetry.example.org/config";
/// The host of the deployments that tests make.
pub const HOST: &str = "telemetry.example.org";

/// The `candor` program under test.
pub fn candor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_candor"));
    command.env_remove("CANDOR_DATA_DIR").env_remove("CANDOR_LOG").stdin(Stdio::null());
    command
}

/// Builds a program of a page as its readers do, and returns the path of its binary: `name` is its package. `profiles`
/// are more settings of the manifest.
pub fn readme_program(
    name: &str,
    version: &str,
    dependency: &str,
    program: &str,
    profiles: &str,
) -> PathBuf {
    readme_program_with(name, version, dependency, program, profiles, &[])
}

/// The same, where the compiler gets these flags for the program itself; what it depends on is built as always.
pub fn readme_program_with(
    name: &str,
    version: &str,
    dependency: &str,
    program: &str,
    profiles: &str,
    flags: &[&str],
) -> PathBuf {
    let here = env!("CARGO_MANIFEST_DIR");
    assert!(dependency.contains("path = \"../candor\""), "{dependency}");
    let dependency = dependency.replace("../candor", here);
    let folder = TempDir::new().expect("a temporary folder");
    // With our profiles, its dependencies are the same as those of `--features http` here, and built once.
    let ours = fs::read_to_string(Path::new(here).join("Cargo.toml")).expect("our manifest");
    let mut ours: toml::Table = ours.parse().expect("TOML");
    ours.retain(|name, _| name == "profile");
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2024\"\n\n\
         [lints.rust]\nwarnings = \"deny\"\n\n[dependencies]\n{dependency}\n{ours}\n{profiles}"
    );
    fs::write(folder.path().join("Cargo.toml"), manifest).expect("written");
    fs::create_dir(folder.path().join("src")).expect("made");
    fs::write(folder.path().join("src/main.rs"), program).expect("written");
    // The same versions of all dependencies, which are already downloaded.
    fs::copy(Path::new(here).join("Cargo.lock"), folder.path().join("Cargo.lock")).expect("copied");
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
    let mut build = Command::new(env!("CARGO"));
    build.arg(if flags.is_empty() { "build" } else { "rustc" });
    build.args(["--offline", "--quiet"]).current_dir(folder.path());
    if !flags.is_empty() {
        build.arg("--").args(flags);
    }
    build.env("CARGO_TARGET_DIR", &built);
    // Cargo's variables for the running test are not meant for this program.
    for (name, _) in std::env::vars() {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST") {
            build.env_remove(name);
        }
    }
    succeed(&mut build);
    built.join("debug").join(name)
}

/// The Go project's inputs, which the project may not contain; `None`, said aloud, where they are not here.
pub fn go_data() -> Option<PathBuf> {
    let data = std::env::var_os("CANDOR_DATA").map(PathBuf::from);
    if data.is_none() {
        skipped("CANDOR_DATA does not name the folder with the Go project's definitions");
    }
    data
}

/// Says that a test is skipped, past the harness, which shows what a test prints only if it fails.
pub fn skipped(reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}

/// Runs a command until it ends.
pub fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"))
}

/// Runs a command that must succeed, and returns its standard output.
pub fn succeed(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?} failed with {}\nstdout: {}\nstderr: {}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Runs a command that must be refused with this exit status, and returns its standard error.
pub fn refused(command: &mut Command, status: i32) -> String {
    let output = run(command);
    let message = text(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(status),
        "{command:?}\nstdout: {}\nstderr: {message}",
        text(&output.stdout)
    );
    assert!(!message.contains("panicked"), "{message}");
    message
}

/// Dies by SIGKILL, like a process that the system kills because memory ran out.
pub fn die() -> ! {
    let _ = Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
    loop {
        std::thread::park();
    }
}

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A git repository with a charts folder, for tests to commit to.
pub struct Charts {
    pub folder: TempDir,
}

/// The day of a commit, for which its charts are compiled.
pub fn commit_day(revision: &Revision) -> CompileDay {
    let time = jiff::Timestamp::from_second(revision.time).expect("a time");
    CompileDay::Chosen(CompileDay::at(time).date())
}

impl Charts {
    /// A repository with one commit: one chart, of one counter with two buckets.
    pub fn new() -> Charts {
        Charts::of_module(MODULE)
    }

    /// The same, for another module.
    pub fn of_module(module: &str) -> Charts {
        let charts = Charts { folder: TempDir::new().expect("a temporary folder") };
        charts.git(&["init", "-q", "-b", "main"]);
        charts.write(
            "charts-config/collection.toml",
            &format!(
                "module = {module:?}\ngoos = [\"linux\", \"windows\"]\ngoarch = [\"amd64\"]\n\
                 toolchains = [\"rust1.95.0\"]\n"
            ),
        );
        charts.write(
            "charts-config/programs/hello.toml",
            "program = \"example.org/hello\"\nmodule = \"example.org/hello\"\n\
             versions = [\"v1.0.0\"]\n",
        );
        charts.write("charts-config/charts/verbs.toml", &chart("Verbs", "hello/verb:{run,help}"));
        charts.commit();
        charts
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the work tree.
    pub fn write(&self, file: &str, contents: &str) {
        let path = self.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("create folder");
        std::fs::write(path, contents).expect("write file");
    }

    /// Adds a chart of the counter `hello/NAME` and commits: the config changes.
    pub fn add_chart(&self, name: &str) -> String {
        let contents = chart(name, &format!("hello/{name}"));
        self.write(&format!("charts-config/charts/{name}.toml"), &contents);
        self.commit()
    }

    /// Commits everything, and returns the commit's name.
    pub fn commit(&self) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "A change"]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        succeed(
            Command::new("git")
                .args(arguments)
                .current_dir(self.path())
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_CONFIG_SYSTEM", "/dev/null")
                .env("GIT_AUTHOR_NAME", "A Maintainer")
                .env("GIT_AUTHOR_EMAIL", "maintainer@example.org")
                .env("GIT_AUTHOR_DATE", "2026-02-03T04:05:06Z")
                .env("GIT_COMMITTER_NAME", "A Maintainer")
                .env("GIT_COMMITTER_EMAIL", "maintainer@example.org")
                .env("GIT_COMMITTER_DATE", "2026-02-03T04:05:06Z"),
        )
    }
}

/// A chart definition file with one partition chart.
pub fn chart(title: &str, counter: &str) -> String {
    format!(
        "[[chart]]\ntitle = {title:?}\nissue = [\"https://example.org/issue/1\"]\n\
         type = \"partition\"\nprogram = \"example.org/hello\"\ncounter = {counter:?}\n"
    )
}

/// A deployment made by `candor init`.
pub struct Deployment {
    pub folder: TempDir,
    pub module: String,
    pub log_key: String,
    pub sumdb_key: String,
}

impl Deployment {
    pub fn new() -> Deployment {
        Deployment::of_module(MODULE)
    }

    pub fn of_module(module: &str) -> Deployment {
        let folder = TempDir::new().expect("a temporary folder");
        let made: Value = json(
            candor()
                .args(["--json", "init", "--name", HOST, "--module", module, "--data"])
                .arg(folder.path()),
        );
        let key = |name: &str| made[name].as_str().expect(name).to_owned();
        Deployment {
            module: module.to_owned(),
            log_key: key("log_key"),
            sumdb_key: key("sumdb_key"),
            folder,
        }
    }

    /// Another deployment with the same key that has signed nothing: an attacker's, or one that lost its
    /// state.
    pub fn twin(&self) -> Deployment {
        let folder = TempDir::new().expect("a temporary folder");
        // As after an interrupted init: a key without this folder is not used.
        for part in ["keys", "signer"] {
            std::fs::create_dir_all(folder.path().join(part)).expect("create folder");
        }
        let seed = "keys/log.seed";
        std::fs::copy(self.path().join(seed), folder.path().join(seed)).expect("copy the key");
        succeed(
            candor()
                .args(["init", "--name", HOST, "--module", &self.module, "--data"])
                .arg(folder.path()),
        );
        Deployment {
            folder,
            module: self.module.clone(),
            log_key: self.log_key.clone(),
            sumdb_key: self.sumdb_key.clone(),
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The command that publishes the checked-out commit of `charts`.
    pub fn publish_command(&self, charts: &Charts) -> Command {
        let mut command = candor();
        command.args(["--json", "publish", "--data"]).arg(self.path());
        command.arg("--charts").arg(charts.path());
        command
    }

    /// Publishes the checked-out commit of `charts`, and returns what `publish --json` says.
    pub fn publish(&self, charts: &Charts) -> Value {
        json(&mut self.publish_command(charts))
    }

    /// Serves the deployment on a free port.
    pub fn serve(&self) -> Server {
        serve(self.path())
    }

    /// The same, by a server that leaves all uploads where they are: it does not merge.
    pub fn serve_and_keep(&self) -> Server {
        Server::start(serve_command(self.path()).arg("--no-charts"))
    }
}

/// The command that serves a deployment on a free port.
pub fn serve_command(folder: &Path) -> Command {
    let mut command = candor();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder);
    command
}

/// Serves a deployment on a free port.
pub fn serve(folder: &Path) -> Server {
    Server::start(&mut serve_command(folder))
}

/// The command, started like a shell's background process: SIGINT is ignored.
pub fn in_background(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' INT; exec \"$0\" \"$@\""]).arg(command.get_program());
    shell.args(command.get_args()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// A served deployment; stopped on drop.
pub struct Server {
    child: Child,
    pub url: String,
    /// Its second listener, for health.
    admin: String,
    /// Its standard error until it ends.
    said: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts `candor serve`, and waits until it listens.
    pub fn start(command: &mut Command) -> Server {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start candor serve");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a piped stdout");
        BufReader::new(stdout).read_line(&mut line).expect("read the first line");
        let mut stderr = BufReader::new(child.stderr.take().expect("a piped stderr")).lines();
        let url = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let url = url.unwrap_or_else(|| panic!("candor serve said {line:?}"));
        let mut said = String::new();
        let pass_on = |said: &mut String, line: &str| {
            eprintln!("{line}");
            said.push_str(line);
            said.push('\n');
        };
        let admin = stderr.by_ref().map_while(Result::ok).find_map(|line| {
            pass_on(&mut said, &line);
            line.strip_prefix("health and metrics on ").map(str::to_owned)
        });
        // Further output is passed on, so that it never waits for a reader.
        let said = std::thread::spawn(move || {
            stderr.map_while(Result::ok).for_each(|line| pass_on(&mut said, &line));
            said
        });
        let admin = admin.expect("the address of its health");
        Server { child, url, admin, said: Some(said) }
    }

    /// Stops it, and returns its whole standard error.
    pub fn stop_and_read_log(mut self) -> String {
        let said = self.said.take().expect("it is stopped once");
        self.stop();
        said.join().expect("its standard error")
    }

    /// Asks the server to stop, as an operator would, and waits for it.
    pub fn stop(self) -> std::process::ExitStatus {
        self.stop_with("TERM")
    }

    /// Sends it a signal, and waits until it ends.
    pub fn stop_with(mut self, signal: &str) -> std::process::ExitStatus {
        succeed(Command::new("kill").args(["-s", signal, &self.child.id().to_string()]));
        self.child.wait().expect("wait for the server")
    }

    /// Sends it a signal that it survives.
    pub fn signal(&self, signal: &str) {
        succeed(Command::new("kill").args(["-s", signal, &self.child.id().to_string()]));
    }

    /// Kills it, as a machine without memory does.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("its end");
    }

    /// GET a path: status and body.
    pub fn get(&self, path: &str) -> (u16, Vec<u8>) {
        get(&format!("{}{path}", self.url))
    }

    /// The status of an upload of a report of `receiver`.
    pub fn upload(&self, report: &str) -> u16 {
        let url = format!("{}/upload/{}", self.url, receiver::week());
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.post(&url).header("Content-Type", "application/json");
        request.send(report).expect("an answer").status().as_u16()
    }

    /// GET a path of the second listener: status and text.
    pub fn health(&self, path: &str) -> (u16, String) {
        let (status, body) = get(&format!("{}{path}", self.admin));
        (status, text(&body))
    }
}

pub fn get(url: &str) -> (u16, Vec<u8>) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.get(url).call().expect("a response");
    let body = response.body_mut().with_config().limit(1 << 30).read_to_vec();
    (response.status().as_u16(), body.expect("a body"))
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The standard output of a command that prints JSON.
pub fn json(command: &mut Command) -> Value {
    let output = succeed(command);
    serde_json::from_str(&output).unwrap_or_else(|e| panic!("{command:?} printed {output:?}: {e}"))
}

/// A go command with empty caches that knows one deployment.
pub struct Go {
    folder: TempDir,
    pub environment: Vec<(String, String)>,
}

impl Go {
    /// The environment that `candor env` prints for the deployment, at this URL.
    pub fn new(deployment: &Deployment, url: &str) -> Go {
        let mut go =
            Go { folder: TempDir::new().expect("a temporary folder"), environment: Vec::new() };
        go.point_at(deployment, url);
        go
    }

    /// The same user, with the deployment at another address. Caches stay.
    pub fn point_at(&mut self, deployment: &Deployment, url: &str) {
        let printed =
            json(candor().args(["--json", "env", "--url", url, "--data"]).arg(deployment.path()));
        let pairs = printed.as_object().expect("an object");
        let value = |value: &Value| value.as_str().expect("a string").to_owned();
        self.environment = pairs.iter().map(|(k, v)| (k.clone(), value(v))).collect();
    }

    /// Its download cache.
    pub fn module_cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let home = self.folder.path();
        let mut command = Command::new("go");
        command.args(arguments).current_dir(home).env_clear();
        for (name, value) in [("PATH", std::env::var("PATH")), ("TMPDIR", std::env::var("TMPDIR"))]
        {
            command.envs(value.map(|value| (name, value)));
        }
        command
            .env("HOME", home)
            .env("GOPATH", home.join("go"))
            .env("GOMODCACHE", self.module_cache())
            .env("GOCACHE", home.join("build"))
            .env("GOFLAGS", "-modcacherw")
            .env("GOTOOLCHAIN", "local")
            .env("GOTELEMETRY", "off")
            .env("GOENV", "off")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// `go mod download -json MODULE@VERSION`: what it prints, and its standard error.
    pub fn download(&self, module: &str, version: &str) -> (Value, String) {
        let query = format!("{module}@{version}");
        let output = run(&mut self.command(&["mod", "download", "-json", &query]));
        let printed = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (printed, text(&output.stderr))
    }

    /// A download that must succeed: what `go` prints.
    pub fn must_download(&self, module: &str, version: &str) -> Value {
        let (printed, stderr) = self.download(module, version);
        assert!(
            printed["Error"].is_null() && printed["Sum"].is_string(),
            "go mod download {module}@{version}: {printed}\n{stderr}"
        );
        printed
    }
}

/// Our own verifying client, without memory of the log.
pub struct Client {
    folder: TempDir,
    module: String,
    trust: String,
    url: String,
}

impl Client {
    pub fn new(deployment: &Deployment, url: &str) -> Client {
        Client {
            folder: TempDir::new().expect("a temporary folder"),
            module: deployment.module.clone(),
            trust: deployment.log_key.clone(),
            url: url.to_owned(),
        }
    }

    /// The same user, whose program trusts another key or policy.
    pub fn believing(self, trust: &str) -> Client {
        Client { trust: trust.to_owned(), ..self }
    }

    /// What its program trusts.
    pub fn trust(&self) -> &str {
        &self.trust
    }

    /// The same user, with the deployment at another address. What was seen is remembered.
    pub fn at(self, url: &str) -> Client {
        Client { url: url.to_owned(), ..self }
    }

    pub fn fetch(&self, wanted: Wanted) -> Result<VerifiedConfig, ClientError> {
        let source = ConfigSource::at(
            &self.url.parse().expect("an address"),
            ModulePath::new(self.module.as_str()).expect("a module path"),
            self.trust.parse().expect("a key or policy"),
        );
        let memory = Arc::new(FileStore::new(self.folder.path()));
        ConfigClient::new(source, Http::new(), memory)
            .expect("a client")
            .fetch(wanted, SystemTime::now())
    }
}

/// Every file below a folder with its bytes, to check that nothing changed.
pub fn contents(folder: &Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    let mut files = std::collections::BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("list a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with(".lock") {
                files.insert(path.clone(), std::fs::read(&path).expect("read a file"));
            }
        }
    }
    files
}

/// Copies a folder with everything in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("create a folder");
    for entry in std::fs::read_dir(from).expect("list a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copy a file");
        }
    }
}
