//! client

pub mod counter;
mod crash;
pub mod day;
pub mod folder;
pub mod mode;
pub mod program;
mod start;

pub use program::Program;
pub use start::{Options, start};
