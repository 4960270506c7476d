//! The configs that a deployment published: from its folder, or from its site.
//!
//! From the folder, each is checked against the log's signed head. What a site shows is taken as it is:
//! whether it is what the log says is what `candor audit` checks.

use super::Failure;
use super::patient::Patient;
use crate::client::{Address, Download as _, TransportError};
use crate::collection::CollectionConfig;
use crate::gomod::ModuleVersion;
use crate::publish::{Deployment, Versions};
use crate::store::Key;
use crate::tlog::{CHECKPOINT, Published, TreeHead};
use serde::Deserialize;
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// The longest config that is read, in bytes.
const LONGEST: usize = 64 << 20;

/// Which deployment: its folder, or the address of its site.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(super) struct Where {
    /// The deployment's folder [env: CANDOR_DATA_DIR, unless there is --url].
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// The address of the deployment's site.
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<Address>,
}

/// The published configs of a deployment.
pub(super) enum PublishedConfigs {
    Folder { versions: Versions, head: TreeHead },
    Site { http: Patient, address: Address, newest: Option<ModuleVersion> },
}

/// The part of `/config/index.json` that is needed.
#[derive(Deserialize)]
struct Index {
    versions: Vec<Indexed>,
}

#[derive(Deserialize)]
struct Indexed {
    version: ModuleVersion,
}

impl Where {
    /// The folder, if no address is given.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        let usual = || std::env::var_os("CANDOR_DATA_DIR").map(PathBuf::from);
        self.data.clone().or_else(usual).filter(|_| self.url.is_none())
    }

    /// The published configs; `None` if no deployment was named.
    pub(super) fn open(&self) -> Result<Option<PublishedConfigs>, Failure> {
        if let Some(address) = &self.url {
            return of_site(address).map(Some);
        }
        let usual = || std::env::var_os("CANDOR_DATA_DIR").map(PathBuf::from);
        match self.data.clone().or_else(usual) {
            Some(folder) => of_folder(&folder),
            None => Ok(None),
        }
    }
}

fn of_folder(folder: &Path) -> Result<Option<PublishedConfigs>, Failure> {
    let deployment = Deployment::open(folder)?;
    let Some(checkpoint) = deployment.store.pointer(&Key::new(CHECKPOINT)?)? else {
        return Ok(None);
    };
    let head = Published::open(&checkpoint, deployment.verifiers())?.head();
    let versions = Versions::new(deployment.module.clone(), deployment.store.clone());
    Ok(Some(PublishedConfigs::Folder { versions, head }))
}

/// The configs of the site at an address.
pub(super) fn of_site(address: &Address) -> Result<PublishedConfigs, Failure> {
    let http = Patient::new();
    let index: Index = serde_json::from_slice(&get(&http, &address.join("config/index.json"))?)
        .map_err(|error| {
            not_a_site(address, &format_args!("its list of configs is not one ({error})"))
        })?;
    let newest = index.versions.first().map(|first| first.version);
    Ok(PublishedConfigs::Site { http, address: address.clone(), newest })
}

fn get(http: &Patient, url: &str) -> Result<Vec<u8>, Failure> {
    download(http, url, LONGEST)?
        .ok_or_else(|| not_a_site(&url, &"there is nothing at this address"))
}

/// What a deployment's site has at an address; `None` if it says that nothing is there.
pub(super) fn download(
    http: &Patient,
    url: &str,
    limit: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    http.get(url, limit).map_err(|error| match error {
        TransportError::Failed { reason, .. } => no_answer(&url, &reason),
        status @ TransportError::Status { .. } => Failure::new(status.to_string()),
        other => not_a_site(&url, &other),
    })
}

/// Nobody answers.
pub(super) fn no_answer(url: &dyn Display, reason: &dyn Display) -> Failure {
    Failure::new(format!(
        "cannot reach {url}: {reason}; correct the address given with --url, or try again once the network and the \
         site work"
    ))
}

/// Somebody else answers.
pub(super) fn not_a_site(address: &dyn Display, reason: &dyn Display) -> Failure {
    Failure::new(format!(
        "{address} is not a deployment's: {reason}; give the address of its site with --url, which has /config/index.json \
         below it, like https://telemetry.example.org"
    ))
}

impl PublishedConfigs {
    /// The newest version.
    pub(super) fn newest(&self) -> Option<ModuleVersion> {
        match self {
            PublishedConfigs::Folder { head, .. } => Versions::newest(*head),
            PublishedConfigs::Site { newest, .. } => *newest,
        }
    }

    /// The config of a version.
    pub(super) fn config(&self, version: ModuleVersion) -> Result<CollectionConfig, Failure> {
        let unknown = |newest: Option<ModuleVersion>| {
            let newest = match newest {
                Some(newest) => format!("the newest is {newest}"),
                None => "nothing has been published".to_owned(),
            };
            Failure::new(format!("the deployment has no config {version}: {newest}"))
        };
        if self.newest().is_none_or(|newest| version.number() > newest.number()) {
            return Err(unknown(self.newest()));
        }
        let json = match self {
            PublishedConfigs::Folder { versions, head } => {
                versions.module(*head, version)?.config().to_vec()
            }
            PublishedConfigs::Site { http, address, .. } => {
                get(http, &address.join(&format!("config/{version}.json")))?
            }
        };
        CollectionConfig::from_json(&json).map_err(|error| {
            Failure::new(format!("the config {version} is not understood: {error}"))
        })
    }
}
