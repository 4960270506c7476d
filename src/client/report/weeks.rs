//! From counter files to weeks: which weeks have ended, and what was counted in each.
//!
//! A running program checks the clock with every count; but clocks are adjusted, and a count may take a
//! while. So a week counts as ended 20 minutes after its end. Go's client does not wait.
//!
//! All files of a machine end on the same weekday, so the files of all programs and versions that end
//! on one day make up one week. Counts of the same build are added.

use super::json::{Build, ProgramReport};
use crate::client::counter::{CounterFile, is_stack};
use crate::day::Day;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long after its end a week is not touched.
const GRACE: Duration = Duration::from_secs(20 * 60);

/// The counts of one week.
#[derive(Debug, Clone, PartialEq)]
pub struct Week {
    /// The first day on which any of them was counted.
    pub begin: Day,
    /// The first day after it.
    pub end: Day,
    /// The counter files.
    pub files: Vec<PathBuf>,
    /// What was counted, by build.
    pub programs: Vec<ProgramReport>,
}

/// The counter files of a folder.
#[derive(Debug, Default)]
pub struct Weeks {
    /// Weeks that have ended, the oldest first.
    pub ended: Vec<Week>,
    /// Weeks that have not ended.
    pub counting: Vec<Week>,
    /// Files that could not be read, and why. They stay where they are.
    pub unreadable: Vec<(PathBuf, String)>,
}

impl Weeks {
    /// Reads counter files. One that another process has removed meanwhile is skipped.
    pub fn read(files: &[PathBuf], now: SystemTime) -> Weeks {
        let mut weeks = Weeks::default();
        let mut by_end: BTreeMap<Day, WeekOf> = BTreeMap::new();
        for path in files {
            match CounterFile::read(path) {
                Ok(file) => by_end.entry(file.metadata.end).or_default().add(path, file),
                Err(_) if !path.exists() => {}
                Err(error) => weeks.unreadable.push((path.clone(), error.to_string())),
            }
        }
        for (end, week) in by_end {
            let week = week.finish(end);
            if end.start() + GRACE < now {
                weeks.ended.push(week)
            } else {
                weeks.counting.push(week)
            }
        }
        weeks
    }
}

type Counts = BTreeMap<String, i64>;

#[derive(Default)]
struct WeekOf {
    begin: Option<Day>,
    files: Vec<PathBuf>,
    programs: BTreeMap<Build, (Counts, Counts)>,
}

impl WeekOf {
    fn add(&mut self, path: &Path, file: CounterFile) {
        let metadata = file.metadata;
        self.begin = Some(self.begin.map_or(metadata.begin, |begin| begin.min(metadata.begin)));
        self.files.push(path.to_path_buf());
        let build = Build {
            program: metadata.program,
            version: metadata.version,
            toolchain: metadata.toolchain,
            goos: metadata.goos,
            goarch: metadata.goarch,
        };
        let (counters, stacks) = self.programs.entry(build).or_default();
        for (name, count) in file.counts {
            // Go's reports hold an int64. A counter that was looked up but never counted is left out.
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            if count > 0 {
                let counts = if is_stack(&name) { &mut *stacks } else { &mut *counters };
                let sum = counts.entry(name).or_default();
                *sum = sum.saturating_add(count);
            }
        }
    }

    fn finish(self, end: Day) -> Week {
        let programs = self.programs.into_iter();
        // A build that counted nothing is left out.
        let programs = programs
            .filter(|(_, (counters, stacks))| !counters.is_empty() || !stacks.is_empty())
            .map(|(build, (counters, stacks))| ProgramReport::of(build, counters, stacks));
        Week {
            begin: self.begin.unwrap_or(end),
            end,
            files: self.files,
            programs: programs.collect(),
        }
    }
}
