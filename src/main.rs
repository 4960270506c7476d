//! The `candor` program. Everything it does is in the library; this only dispatches.

fn main() -> std::process::ExitCode {
    candor::program()
}
