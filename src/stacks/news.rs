//! What a week has of a group that none of the weeks before has.

use super::grouped::{Group, Member};
use super::observed::Observed;
use crate::charts::program_path::ProgramPath;
use crate::charts::version::Version;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Something that none of the weeks before has. Old versions and other architectures turn up by chance, as
/// reports are sampled, so they are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum News {
    /// The group itself.
    Group,
    /// A version in which it should be fixed.
    NotFixed {
        /// The version.
        version: String,
        /// The version that should fix it.
        fixed: String,
    },
    /// A version that is later than all before.
    Version {
        /// The version.
        version: String,
    },
    /// An operating system.
    System {
        /// Its name.
        system: String,
    },
    /// Stacks with other functions.
    Stacks {
        /// How many.
        count: u64,
    },
}

/// What the weeks before have of a group.
pub(super) struct Known {
    versions: BTreeSet<String>,
    systems: BTreeSet<String>,
    functions: BTreeSet<String>,
    /// Whether there are weeks before.
    compared: bool,
}

impl Known {
    pub(super) fn of(group: &Group<'_>, observed: &Observed) -> Known {
        let mut known = Known {
            versions: BTreeSet::new(),
            systems: BTreeSet::new(),
            functions: BTreeSet::new(),
            compared: observed.weeks.len() > 1,
        };
        let earlier = group.stacks.iter().filter(|stack| stack.history.first < observed.week);
        for stack in earlier {
            known.versions.extend(stack.history.before.versions.iter().cloned());
            known.systems.extend(stack.history.before.systems.iter().cloned());
            known.functions.insert(stack.functions());
        }
        known
    }

    /// Whether a stack has functions that are not known. Without weeks before, nothing is known to be new.
    pub(super) fn is_new(&self, stack: &Member<'_>) -> bool {
        self.compared && !self.functions.contains(&stack.functions())
    }

    /// The news of a group in a week.
    pub(super) fn news(&self, group: &Group<'_>, program: &ProgramPath) -> Vec<News> {
        let mut news = self.not_fixed(group, program);
        if !self.compared {
            return news;
        }
        if self.functions.is_empty() {
            news.insert(0, News::Group);
            return news;
        }
        let seen = || group.stacks.iter().flat_map(|stack| &stack.history.now);
        let parse = |version: &str| program.parse_version(version);
        let before: Vec<Version> =
            self.versions.iter().filter_map(|version| parse(version)).collect();
        let is_later = |version: &str| {
            let parsed = parse(version).filter(|version| *version != Version::Devel);
            parsed.is_some_and(|version| before.iter().all(|before| version.at_least(before)))
        };
        let is_told = |version: &str| {
            let told = |news: &News| matches!(news, News::NotFixed { version: told, .. } if told == version);
            news.iter().any(told)
        };
        let versions: BTreeSet<&str> = seen().map(|seen| seen.version.as_str()).collect();
        let versions = versions.into_iter().filter(|version| {
            !self.versions.contains(*version) && is_later(version) && !is_told(version)
        });
        let versions: Vec<News> =
            versions.map(|version| News::Version { version: version.to_owned() }).collect();
        let systems: BTreeSet<&str> = seen().map(|seen| system(&seen.platform)).collect();
        let systems = systems.into_iter().filter(|system| !self.systems.contains(*system));
        news.extend(versions);
        news.extend(systems.map(|system| News::System { system: system.to_owned() }));
        let of_week = group.stacks.iter().filter(|stack| !stack.history.now.is_empty());
        let new = of_week.filter(|stack| self.is_new(stack)).map(Member::functions);
        let new: BTreeSet<String> = new.collect();
        if !new.is_empty() {
            news.push(News::Stacks { count: new.len() as u64 });
        }
        news
    }

    /// The versions that have a stack in the week although it should be fixed in them, and did not before.
    fn not_fixed(&self, group: &Group<'_>, program: &ProgramPath) -> Vec<News> {
        let mut found: BTreeMap<&str, &str> = BTreeMap::new();
        for stack in &group.stacks {
            let Some(fixed) = stack.fixed else { continue };
            for seen in &stack.history.now {
                let version = program.parse_version(&seen.version);
                let is_later = version.is_some_and(|version| version.at_least(fixed));
                if is_later && !self.versions.contains(&seen.version) {
                    found.insert(&seen.version, fixed.as_str());
                }
            }
        }
        let news = found.into_iter().map(|(version, fixed)| News::NotFixed {
            version: version.to_owned(),
            fixed: fixed.to_owned(),
        });
        news.collect()
    }
}

/// The operating system of a platform.
pub(super) fn system(platform: &str) -> &str {
    platform.split('/').next().unwrap_or(platform)
}
