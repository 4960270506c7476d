//! A program that counts how it is used.
//!
//! ```text
//! cargo run --example counting --no-default-features --features count -- build
//! ```
//!
//! Nothing is counted until the user allows it. To try it, allow it for a folder among the system's
//! temporary files, which leaves your own telemetry alone:
//!
//! ```text
//! mkdir -p /tmp/telemetry && echo local > /tmp/telemetry/mode
//! ```

use candor::client::counter::{self, Counter, StackCounter, Status};
use candor::client::folder::Folder;
use candor::client::{Options, Program, start};

// Created at compile time: no code runs for them when the program starts.
static BUILDS: Counter = Counter::new("counting/verb:build");
static OTHERS: Counter = Counter::new("counting/verb:other");
static SURPRISES: StackCounter = StackCounter::new("counting/surprise", 8);

fn main() {
    // Once, before everything else. A real program would not set the folder, and would say with
    // `Options::upload` where reports go.
    let folder = Folder::at(std::env::temp_dir().join("telemetry"));
    let program = Program::new("example.org/counting", env!("CARGO_PKG_VERSION"));
    start(program, Options::default().folder(folder).count_panics());

    match std::env::args().nth(1).as_deref() {
        Some("build") => BUILDS.inc(),
        Some("panic") => panic!("counted by its stack; this message is not"),
        Some(_) => OTHERS.inc(),
        None => SURPRISES.inc(),
    }

    // Only for this example: a program need not check.
    match counter::status() {
        Status::Counting(file) => println!("counted in {}", file.display()),
        Status::Off(why) => println!("not counted: {why:?}"),
        other => println!("not counted: {other:?}"),
    }
}
