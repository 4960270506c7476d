//! `--data`: the folder of the deployment that a verb works on.

use std::path::PathBuf;

/// The deployment that a verb works on.
#[derive(Debug, clap::Args)]
pub(crate) struct DataFolder {
    /// The deployment's folder.
    #[arg(long = "data", value_name = "DIR", env = "CANDOR_DATA_DIR")]
    pub(crate) folder: PathBuf,
}
