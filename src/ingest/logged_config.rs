//! One logged config, with everything that decides whether reports under it are accepted.
//!
//! A config says which strings may be reported. Until when, and whose functions a stack may name, is
//! public beside it: the next config's day closes it (`publish::config_state`), and the catalogue of
//! reviewed definitions may revoke it and lists the packages of stack charts.

use super::refusal::Refusal;
use super::unavailable::Unavailable;
use crate::collection::packages::Packages;
use crate::collection::{Allowed, CollectionConfig, expand};
use crate::gomod::ModuleVersion;
use crate::publish::{Catalogue, ConfigState};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::HashMap;
use std::sync::Arc;

/// One version of the config, indexed. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct LoggedConfig {
    version: ModuleVersion,
    allowed: Arc<Allowed>,
    /// When its definitions were committed, if that is known.
    pub(super) committed: Option<Timestamp>,
    pub(super) as_of: Option<Date>,
    /// The last day on which reports under it are accepted; `None` while it is the newest.
    pub(super) last_day: Option<Date>,
    pub(super) is_revoked: bool,
    pub(super) naming: Naming,
}

/// Whose functions the stacks under a config may name.
#[derive(Debug, Clone)]
pub(super) enum Naming {
    /// Those of any package.
    Any,
    /// As its charts say.
    Charts(Arc<StackPackages>),
    /// The definitions are not recorded yet, or cannot be read.
    Unknown,
}

/// The packages for each stack of each program; `None` if a chart lists none, so that functions of any
/// package may be named.
#[derive(Debug, Default)]
pub(super) struct StackPackages(HashMap<String, HashMap<String, Option<Packages>>>);

impl StackPackages {
    pub(super) fn new(catalogue: &Catalogue) -> StackPackages {
        let mut programs: HashMap<String, HashMap<String, Option<Packages>>> = HashMap::new();
        for chart in catalogue.charts.iter().filter(|chart| chart.kind == "stack") {
            let packages = (!chart.packages.is_empty())
                .then(|| Packages::new(&chart.packages, &chart.program));
            let stacks = programs.entry(chart.program.clone()).or_default();
            stacks.extend(expand(&chart.counter).map(|name| (name, packages.clone())));
        }
        StackPackages(programs)
    }
}

impl LoggedConfig {
    /// Indexes the config of this version, as the newest one, whose stacks may name any function.
    #[cfg(any(test, feature = "testing"))]
    pub fn new(version: ModuleVersion, config: &CollectionConfig) -> LoggedConfig {
        LoggedConfig::indexed(version, Allowed::new(config))
    }

    pub(super) fn indexed(version: ModuleVersion, allowed: Allowed) -> LoggedConfig {
        LoggedConfig {
            version,
            allowed: Arc::new(allowed),
            committed: None,
            as_of: None,
            last_day: None,
            is_revoked: false,
            naming: Naming::Any,
        }
    }

    /// The version.
    pub fn version(&self) -> ModuleVersion {
        self.version
    }

    /// What it allows.
    pub fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    /// Whether reports under it are accepted on a day.
    pub fn state(&self, today: Date) -> ConfigState {
        ConfigState::on(today, self.last_day, self.is_revoked)
    }

    /// Refuses reports under a config that is not open.
    pub(super) fn check_open(&self, today: Date) -> Result<(), Refusal> {
        let version = self.version;
        match (self.state(today), self.last_day) {
            (ConfigState::Revoked { .. }, _) => Err(Refusal::Revoked { version }),
            (ConfigState::Closed { .. }, Some(last_day)) => {
                Err(Refusal::Closed { version, last_day })
            }
            _ => Ok(()),
        }
    }

    /// Restricts the frames of a stack, which match the frame grammar, to the packages that may be named.
    pub(super) fn name_packages(
        &self,
        program: &str,
        stack: &str,
        frames: String,
    ) -> Result<String, Unavailable> {
        let charts = match &self.naming {
            Naming::Any => return Ok(frames),
            Naming::Charts(charts) => Some(charts),
            Naming::Unknown => None,
        };
        let packages = charts.and_then(|charts| charts.0.get(program)?.get(stack));
        match packages {
            Some(Some(packages)) => Ok(packages.restrict(&frames)),
            Some(None) => Ok(frames),
            // A config is logged shortly before its definitions are recorded.
            None => Err(Unavailable::Unreadable { version: self.version }),
        }
    }
}
