//! Where a project's configs are downloaded from, and whose signatures are believed.

use super::{Address, Trust};
use crate::gomod::ModulePath;
use crate::tlog::FRESH_FOR;
use std::time::Duration;

/// Where a project's configs come from, and who vouches for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSource {
    /// The Go module proxy: `https://HOST/goproxy`. Any proxy that has the module will do.
    pub proxy: Address,
    /// The log: `https://HOST/log`.
    pub log: Address,
    /// The module that the configs are published as.
    pub module: ModulePath,
    /// The log, and the witnesses that must have cosigned its checkpoints.
    pub trust: Trust,
    /// How old the log's checkpoint may be by the times of its witnesses: `FRESH_FOR`, a week, unless
    /// the program decides otherwise. Without witnesses the age is unknown.
    pub fresh_for: Duration,
}

impl ConfigSource {
    /// A deployment of Candor at `https://HOST`, with everything at the usual paths.
    pub fn at(url: &Address, module: ModulePath, trust: Trust) -> ConfigSource {
        ConfigSource {
            proxy: url.below("goproxy"),
            log: url.below("log"),
            module,
            trust,
            fresh_for: FRESH_FOR,
        }
    }

    /// Whether log and proxy are parts of one deployment. Then the log's server may as well answer for the
    /// proxy. Whoever chose another proxy gets all zips from there.
    pub(super) fn is_one_deployment(&self) -> bool {
        let log = self.log.as_str().strip_suffix("/log");
        log.is_some() && log == self.proxy.as_str().strip_suffix("/goproxy")
    }
}
