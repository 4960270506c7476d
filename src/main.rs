//! The `candor` program, which is all in the library.

fn main() -> std::process::ExitCode {
    candor::program()
}
