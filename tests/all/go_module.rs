//! The real `go` command downloads the modules that `gomod` builds, and computes the same hashes. No
//! checksum database is used here: the proxy is a folder, so that only the module is tested.

#![cfg(feature = "server")]

use candor::gomod::{
    CommitTime, DOC, Info, Module, ModulePath, ModuleVersion, ObjectId, Provenance, RepositoryPath,
    RepositoryUrl, read_file,
};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const PATHS: [&str; 5] = [
    "golang.org/x/telemetry/config",
    "telemetry.example.org/Config",
    "telemetry.example.org/ConFig/A.b_c~d-E",
    "example.org",
    "a-1.example.org/v/x~y",
];

fn provenance() -> Provenance {
    Provenance {
        repository: RepositoryUrl::public("https://u:t@git.example.org/charts?a=b"),
        commit: ObjectId::new("a".repeat(40)).expect("an object name"),
        tree: ObjectId::new("b".repeat(40)).expect("an object name"),
        path: RepositoryPath::new("charts-config").expect("a path"),
        as_of: "2026-02-04".parse().expect("a day"),
        time: CommitTime::from_unix_seconds(1_770_091_506).expect("a time"),
        program_version: "0.1.0".into(),
    }
}

fn build(path: &ModulePath, number: u64, config: &str) -> Module {
    let version = ModuleVersion::new(number).expect("a version");
    Module::build(path.clone(), version, config.as_bytes().to_vec(), provenance())
        .expect("a module")
}

/// Writes a version's files where `go` expects them in a `file://` proxy.
fn lay_out(proxy: &Path, module: &Module) {
    let folder = proxy.join(module.path().escape()).join("@v");
    fs::create_dir_all(&folder).expect("a folder");
    let write = |suffix: &str, bytes: &[u8]| {
        fs::write(folder.join(format!("{}.{suffix}", module.version())), bytes).expect("a file");
    };
    write("info", &Info::of(module).to_json());
    write("mod", module.go_mod());
    write("zip", module.zip());
    let mut list = fs::read_to_string(folder.join("list")).unwrap_or_default();
    list += &format!("{}\n", module.version());
    fs::write(folder.join("list"), list).expect("a file");
}

/// Runs a Go tool that uses only the proxy in `root/proxy`.
fn run(root: &Path, tool: &str, arguments: &[&str]) -> Output {
    Command::new(tool)
        .args(arguments)
        .current_dir(root)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", root)
        .env("GOENV", "off")
        .env("GOPATH", root.join("gopath"))
        .env("GOCACHE", root.join("gocache"))
        .env("GOFLAGS", "-modcacherw -mod=mod")
        .env("GOPROXY", format!("file://{}", root.join("proxy").display()))
        .env("GOSUMDB", "off")
        .env("GOTOOLCHAIN", "local")
        .output()
        .unwrap_or_else(|error| panic!("cannot run {tool} ({error}); install Go 1.21 or later"))
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

#[test]
fn the_go_command_downloads_what_was_built_and_computes_the_same_hashes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    for path in PATHS {
        let path = ModulePath::new(path).expect("a path");
        let modules = [build(&path, 9, "{}\n"), build(&path, 10, "{\"SampleRate\": 1}\n")];
        modules.iter().for_each(|module| lay_out(&root.join("proxy"), module));
        for (query, module) in [("latest", &modules[1]), ("v0.9.0", &modules[0])] {
            let output = run(root, "go", &["mod", "download", "-json", &format!("{path}@{query}")]);
            let answer: Value = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|_| panic!("{path}@{query}: {}", text(&output.stderr)));
            assert_eq!(answer["Error"], Value::Null, "{path}@{query}");
            assert_eq!(answer["Version"], module.version().to_string());
            assert_eq!(answer["Sum"], module.zip_hash().to_string());
            assert_eq!(answer["GoModSum"], module.go_mod_hash().to_string());
            let info = fs::read(answer["Info"].as_str().expect("a path")).expect("the .info file");
            let info: Value = serde_json::from_slice(&info).expect("JSON");
            assert_eq!(info["Time"], "2026-02-03T04:05:06Z");
            assert_eq!(info["Origin"]["URL"], "https://git.example.org/charts");
            let config = Path::new(answer["Dir"].as_str().expect("a path")).join("config.json");
            assert_eq!(fs::read(config).expect("the config"), module.config());
        }
    }
}

#[test]
fn the_go_tools_read_the_package_as_intended() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    let path = ModulePath::new("telemetry.example.org/config").expect("a path");
    let module = build(&path, 1, "{}\n");
    lay_out(&root.join("proxy"), &module);
    fs::write(root.join("go.mod"), format!("module m\n\ngo 1.16\n\nrequire {path} v0.1.0\n"))
        .expect("a file");
    let output = run(root, "go", &["list", "-f", "{{.Name}}: {{.Doc}}", path.as_str()]);
    assert_eq!(
        text(&output.stdout),
        "config: Package config holds the collection config of telemetry.example.org/config.\n",
        "{}",
        text(&output.stderr)
    );
    let doc = read_file(module.zip(), &path, module.version(), DOC).expect("doc.go");
    fs::write(root.join(DOC), doc).expect("a file");
    let output = run(root, "gofmt", &["-l", DOC]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "", "doc.go is formatted as gofmt does it");
}
