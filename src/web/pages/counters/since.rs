//! Since which config a counter is collected, found without reading all of them.

use super::listed;
use crate::gomod::ModuleVersion;
use crate::web::refusal::Refusal;
use crate::web::site::Site;
use crate::web::source::LoadedConfig;
use jiff::civil::Date;
use std::sync::Arc;

/// How many configs before the newest are searched for a counter that it does not have.
const REMOVED: u64 = 20;

/// A config that has a counter, where the one before it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Since {
    pub(super) version: ModuleVersion,
    /// The day for which it was compiled.
    pub(super) as_of: Date,
}

fn has(config: &LoadedConfig, program: &str, name: &str) -> bool {
    let found = config.config.as_ref().ok().and_then(|config| listed::program(config, program));
    found.is_some_and(|program| !listed::named(program, name).is_empty())
}

/// The config that brought a counter, given one that has it. By halving: of a counter that was removed and came
/// back it may be any of those that brought it.
pub(super) async fn since(
    site: &Site,
    with: &Arc<LoadedConfig>,
    program: &str,
    name: &str,
) -> Result<Since, Refusal> {
    let mut with = with.clone();
    let mut without = 0;
    while with.version.number() - without > 1 {
        let middle = u64::midpoint(without, with.version.number());
        let Ok(version) = ModuleVersion::new(middle) else { break };
        let config = site.config(version).await?;
        match has(&config, program, name) {
            true => with = config,
            false => without = middle,
        }
    }
    Ok(Since { version: with.version, as_of: with.provenance.as_of.civil() })
}

/// The last config that had a counter which the newest one has not; only some configs back.
pub(super) async fn last_with(
    site: &Site,
    newest: ModuleVersion,
    program: &str,
    name: &str,
) -> Result<Option<Arc<LoadedConfig>>, Refusal> {
    let newest = newest.number();
    for number in (newest.saturating_sub(REMOVED).max(1)..newest).rev() {
        let Ok(version) = ModuleVersion::new(number) else { continue };
        let config = site.config(version).await?;
        if has(&config, program, name) {
            return Ok(Some(config));
        }
    }
    Ok(None)
}
