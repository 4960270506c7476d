//! `SHA256SUMS` below `/data/weeks/` and `/data/days/`: the hashes of all files there, as `sha256sum --check` reads
//! them (GNU coreutils: the hash in hex, two spaces, the name).

use crate::aggregate::index::{Dataset, Index, PublicFile};

/// The name of the list in each folder.
pub(super) const NAME: &str = "SHA256SUMS";

/// A file's line, with its line end.
pub(super) fn line(file: &PublicFile) -> String {
    format!("{}  {}\n", file.sha256, file.name)
}

/// The list of a folder, `weeks` or `days`; `None` for any other.
pub(super) fn list(index: &Index, folder: &str) -> Option<String> {
    let lines = |data: &Dataset| data.files.iter().map(line).collect::<String>();
    match folder {
        "weeks" => Some(index.weeks.values().map(|week| lines(&week.data)).collect()),
        "days" => Some(index.days.values().map(lines).collect()),
        _ => None,
    }
}
