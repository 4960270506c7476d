//! Which files of reporting a folder has, and what is in their way.

use super::error::ReportError;
use super::paths::{local_report, own_folder, pending, ready, refused, sent};
use crate::client::counter::SUFFIX;
use crate::client::files;
use crate::client::folder::Folder;
use crate::day::Day;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The files of reporting in a folder. Reading the listing creates nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Counter files, expired or not, sorted by name.
    pub counter_files: Vec<PathBuf>,
    /// Weeks with a local report.
    pub local: BTreeSet<Day>,
    /// Weeks for which it is not decided what is sent.
    pub pending: BTreeSet<Day>,
    /// Weeks with a report that waits to be sent.
    pub ready: BTreeSet<Day>,
    /// Weeks whose report the server refused.
    pub refused: BTreeSet<Day>,
    /// Weeks whose report was sent.
    pub sent: BTreeSet<Day>,
}

impl Listing {
    /// Reads a folder. If it does not exist, there are no files.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn read(folder: &Folder) -> Result<Listing, ReportError> {
        let mut listing = Listing::default();
        for name in names(&folder.local())? {
            let day = |prefix: &str, suffix: &str| -> Option<Day> {
                name.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok()
            };
            if name.ends_with(SUFFIX) {
                listing.counter_files.push(folder.local().join(&name));
            } else if let Some(week) = day("local.", ".json") {
                listing.local.insert(week);
            } else if let Some(week) = day("", ".pending") {
                listing.pending.insert(week);
            } else if let Some(week) = day("", ".json") {
                listing.ready.insert(week);
            } else if let Some(week) = day("", ".json.refused") {
                listing.refused.insert(week);
            }
        }
        for name in names(&folder.upload())? {
            listing.sent.extend(name.strip_suffix(".json").and_then(|day| day.parse::<Day>().ok()));
        }
        listing.counter_files.sort_unstable();
        Ok(listing)
    }

    /// The paths of all these files in this folder.
    pub fn paths(&self, folder: &Folder) -> Vec<PathBuf> {
        type PathOf = fn(&Folder, Day) -> PathBuf;
        let kinds: [(&BTreeSet<Day>, PathOf); 5] = [
            (&self.local, local_report),
            (&self.pending, pending),
            (&self.ready, ready),
            (&self.refused, refused),
            (&self.sent, sent),
        ];
        let of_weeks =
            kinds.iter().flat_map(|(weeks, path)| weeks.iter().map(|week| path(folder, *week)));
        self.counter_files.iter().cloned().chain(of_weeks).collect()
    }

    /// The last week before this one whose report was sent. Go's client takes the last of all weeks;
    /// in the report of a week that was found late, a server would refuse that.
    pub fn last_sent_before(&self, week: Day) -> Option<Day> {
        self.sent.range(..week).next_back().copied()
    }
}

fn names(folder: &Path) -> Result<Vec<String>, ReportError> {
    // Links are not followed, here as when writing.
    let entries = match files::check_folder(folder).and_then(|()| fs::read_dir(folder)) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(ReportError::io("read", folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(ReportError::io("read", folder))?.file_name();
        // No file of ours has a name that is not UTF-8.
        names.extend(name.into_string());
    }
    Ok(names)
}

/// Things that have the names of a folder's own files and folders but cannot be used, and stop its
/// work until somebody removes them. Creates nothing.
pub fn obstacles(folder: &Folder) -> Vec<ReportError> {
    let mut found = Vec::new();
    let mut note = |path: &Path, checked: io::Result<()>| match checked {
        Err(e) if e.kind() != ErrorKind::NotFound => {
            found.push(ReportError::io("use", path)(e));
            false
        }
        _ => true,
    };
    // Nothing is looked up in something that is not a folder.
    if note(folder.path(), files::check_folder(folder.path())) {
        for part in [folder.local(), folder.upload()] {
            note(&part, files::check_folder(&part));
        }
        let own = own_folder(folder);
        if note(&own, files::check_folder(&own)) {
            let names = OWN_FILES.map(|name| own.join(name));
            let unfit: Vec<_> =
                names.into_iter().filter(|path| !note(path, files::check_name(path))).collect();
            if let Err((path, e)) = files::check_tree(&own)
                && !unfit.contains(&path)
            {
                note(&path, Err(e));
            }
        }
        // A folder that cannot be listed is reported above.
        for path in Listing::read(folder).unwrap_or_default().paths(folder) {
            note(&path, files::check_name(&path));
        }
    }
    found
}

/// The files in Candor's own folder.
const OWN_FILES: [&str; 9] = [
    "lock",
    "tmp",
    "destination.json",
    "config.json",
    "failure.json",
    "unsent",
    "worker",
    "worked",
    "attempt",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::report::ReportFolder;

    #[test]
    fn files_are_known_by_their_names() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(temporary.path().join("telemetry"));
        let _locked = ReportFolder::lock(&folder).expect("locked").expect("free");
        for name in [
            "tool@v1.0.0-rust1.95.0-linux-amd64-2026-11-15.v1.count",
            "local.2026-11-08.json",
            "2026-11-15.pending",
            "2026-11-08.json",
            "2026-11-01.json.refused",
            "gopls-2026-11-02.json",
            "2026-13-01.json",
            "weekends",
        ] {
            fs::write(folder.local().join(name), "").expect("write");
        }
        fs::write(folder.upload().join("2026-10-25.json"), "").expect("write");
        fs::write(folder.upload().join("2026-11-01.json.lock"), "").expect("write");
        let listing = Listing::read(&folder).expect("read");
        let day = |text: &str| text.parse::<Day>().expect("a day");
        assert_eq!(listing.counter_files.len(), 1);
        assert_eq!(listing.local, [day("2026-11-08")].into());
        assert_eq!(listing.pending, [day("2026-11-15")].into());
        assert_eq!(listing.ready, [day("2026-11-08")].into());
        assert_eq!(listing.refused, [day("2026-11-01")].into());
        assert_eq!(listing.sent, [day("2026-10-25")].into());
        assert_eq!(listing.last_sent_before(day("2026-11-01")), Some(day("2026-10-25")));
        assert_eq!(listing.last_sent_before(day("2026-10-25")), None);
        let missing = Folder::at(folder.path().join("missing"));
        assert_eq!(Listing::read(&missing).expect("read"), Listing::default());
    }
}
