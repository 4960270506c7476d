//! What the first download of a config costs a machine that has never seen the log: our client beside
//! `go mod download`, from one server, in turns, each with empty folders. Both download, verify and store the newest of
//! a few versions. Ours does so twice: in a process of its own, as `go` is, and inside of one that runs, as programs
//! that embed it do (those with Go's telemetry start `go`). The median of `TIMES` is printed, and the ratios: once on
//! this machine, and once through a network on which an answer takes 20 ms.
//!
//! `CHARTS` names another folder of definitions than that of Candor itself.

use candor::client::{ConfigClient, ConfigSource, FileStore, Http, Wanted};
use candor::gomod::ModulePath;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime};

const HOST: &str = "telemetry.example.org";
const MODULE: &str = "telemetry.example.org/config";

fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

fn candor(arguments: &[&str], folder: &Path) -> String {
    run(Command::new(env!("CARGO_BIN_EXE_candor")).args(arguments).current_dir(folder))
}

/// What the other process does: the whole of a first fetch.
fn fetch(arguments: &[String]) {
    let [url, key, folder] = arguments else { panic!("URL KEY FOLDER") };
    println!("{}", fetched(url, key, Path::new(folder)));
}

fn fetched(url: &str, key: &str, folder: &Path) -> String {
    let url = url.parse().expect("an address");
    let module = ModulePath::new(MODULE).expect("a path");
    let source = ConfigSource::at(&url, module, key.parse().expect("a key"));
    let memory = Arc::new(FileStore::of_memory(folder));
    let client = ConfigClient::new(source, Http::new(), memory).expect("a client");
    let config = client.fetch(Wanted::Latest, SystemTime::now()).expect("verified");
    format!("{} {}", config.version(), config.config().len())
}

/// A server on a free port, until it is dropped.
struct Server(Child, String);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(folder: &Path) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_candor"));
    command.args(["serve", "--data", "data", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let mut child = command
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let lines = BufReader::new(child.stdout.take().expect("output")).lines();
    let mut lines = lines.map(|line| line.expect("text"));
    let url = lines.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
    std::thread::spawn(move || lines.for_each(drop));
    Server(child, url.expect("an address"))
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("fetch", rest)) =
        arguments.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        return fetch(rest);
    }
    let temporary = tempfile::TempDir::new().expect("a temporary folder");
    let folder = temporary.path();
    let charts = std::env::var_os("CHARTS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("charts-config"), PathBuf::from);
    run(Command::new("cp").arg("-r").arg(charts).arg(folder.join("charts-config")));
    let collection = folder.join("charts-config/collection.toml");
    let text = std::fs::read_to_string(&collection).expect("read");
    let ours = |line: &str| match line.starts_with("module") {
        true => format!("module = '{MODULE}'"),
        false => line.to_owned(),
    };
    let text: String = text.lines().map(|line| ours(line) + "\n").collect();
    std::fs::write(&collection, &text).expect("written");
    let git = |arguments: &[&str]| run(Command::new("git").args(arguments).current_dir(folder));
    git(&["init", "-q", "-b", "main"]);
    let printed = candor(&["init", "--data", "data", "--name", HOST, "--module", MODULE], folder);
    let key = |of: &str| {
        let words = printed.split_whitespace();
        words.clone().find(|word| word.starts_with(&format!("{of}+"))).expect("a key").to_owned()
    };
    let (log, database) = (key(&format!("{HOST}/log")), key(HOST));
    for number in 0..5 {
        // One more system each time.
        let (before, after) = text.split_once("goos").expect("systems");
        let after = after.replacen('[', &format!("[\"os{number}\", "), 1);
        std::fs::write(&collection, format!("{before}goos{after}")).expect("written");
        git(&["add", "charts-config"]);
        git(&["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "A"]);
        candor(&["publish", "--data", "data", "--charts", "."], folder);
    }
    let server = serve(folder);
    let far = delay(server.1.strip_prefix("http://").expect("plain").to_owned());
    for (url, network) in [(&server.1, "this machine"), (&far, "20 ms away")] {
        compare(folder, url, network, &log, &database);
    }
}

/// The address of a server that passes everything on to another, 10 ms later in each direction.
fn delay(to: String) -> String {
    const HALF: Duration = Duration::from_millis(10);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    // Pieces follow one another, each as late as the first.
    let pass = |mut from: TcpStream, mut to: TcpStream| {
        let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
        std::thread::spawn(move || {
            for (read, bytes) in receiver {
                std::thread::sleep(HALF.saturating_sub(read.elapsed()));
                if to.write_all(&bytes).is_err() {
                    return;
                }
            }
            let _ = to.shutdown(Shutdown::Write);
        });
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                if sender.send((Instant::now(), buffer[..read].to_vec())).is_err() {
                    return;
                }
            }
        });
    };
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let to = to.clone();
            std::thread::spawn(move || {
                // As long as it takes until a connection is there.
                std::thread::sleep(2 * HALF);
                let Ok(far) = TcpStream::connect(&to) else { return };
                for stream in [&near, &far] {
                    stream.set_nodelay(true).expect("set");
                }
                let (again, back) =
                    (near.try_clone().expect("again"), far.try_clone().expect("again"));
                pass(near, far);
                pass(back, again);
            });
        }
    });
    format!("http://{address}")
}

fn compare(folder: &Path, url: &str, network: &str, log: &str, database: &str) {
    let times = std::env::var("TIMES").ok().and_then(|times| times.parse().ok()).unwrap_or(30);
    let folder = &folder.join(network);
    std::fs::create_dir(folder).expect("created");
    let (mut ours, mut inside, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..times {
        let begun = Instant::now();
        let memory = folder.join(format!("ours-{number}"));
        let mut command = Command::new(std::env::current_exe().expect("a path"));
        let said = run(command.arg("fetch").args([url, log]).arg(&memory));
        ours.push(begun.elapsed());
        assert!(said.starts_with("v0.5.0 "), "{said}");
        let begun = Instant::now();
        let said = fetched(url, log, &folder.join(format!("inside-{number}")));
        inside.push(begun.elapsed());
        assert!(said.starts_with("v0.5.0 "), "{said}");
        let begun = Instant::now();
        let cache = folder.join(format!("theirs-{number}"));
        let mut command = Command::new("go");
        command.args(["mod", "download", "-json", &format!("{MODULE}@latest")]);
        command.env("GOPROXY", format!("{url}/goproxy")).env("GOSUMDB", database);
        command.env("GOPATH", &cache).env("GOFLAGS", "-modcacherw").env("GOTELEMETRY", "off");
        command.env("GOTOOLCHAIN", "local").env_remove("GOMODCACHE").current_dir(folder);
        command.env_remove("GONOSUMDB").env_remove("GOPRIVATE").env_remove("GONOSUMCHECK");
        let said = run(&mut command);
        theirs.push(begun.elapsed());
        assert!(said.contains("v0.5.0"), "{said}");
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e3
    };
    let [ours, inside, theirs] = [&mut ours, &mut inside, &mut theirs].map(median);
    println!(
        "{network}: go mod download {theirs:.1} ms; candor as a process {ours:.1} ms, {:.1} times faster; inside of \
         a program {inside:.1} ms, {:.1} times",
        theirs / ours,
        theirs / inside
    );
}
