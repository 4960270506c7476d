//! What was counted, and what would be sent.

use super::problem::Problem;
#[cfg(not(feature = "client"))]
use crate::client::counter::{CounterFile, SUFFIX};
use crate::client::folder::Folder;
use crate::client::start::Setup;
use crate::terminal::OneLine;

/// Whether nothing is left of earlier counts.
pub fn is_empty(folder: &Folder) -> bool {
    files(folder).is_empty()
}

/// All files of counts and reports.
#[cfg(feature = "client")]
fn files(folder: &Folder) -> Vec<std::path::PathBuf> {
    crate::client::report::Listing::read(folder).map_or_else(|_| Vec::new(), |it| it.paths(folder))
}

/// The counter files.
#[cfg(not(feature = "client"))]
fn files(folder: &Folder) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder.local()).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let is_counter_file =
        |path: &std::path::PathBuf| path.to_str().is_some_and(|path| path.ends_with(SUFFIX));
    let mut files: Vec<_> = paths.filter(is_counter_file).collect();
    files.sort_unstable();
    files
}

/// Shows the mode and, by the config that this machine knows, what of each week would be sent.
#[cfg(feature = "client")]
pub fn run(setup: &Setup, folder: &Folder, verb: &str, out: &mut String) -> Result<(), Problem> {
    use crate::client::report::words::PreviewText;
    use crate::client::report::{Destination, KnownConfig, Preview};
    let bound = Destination::of_folder(folder).map_err(Problem::refused)?;
    let to = bound.as_ref().or_else(|| setup.upload.as_ref().map(|upload| &upload.to));
    let known = to.and_then(|to| KnownConfig::of_folder(folder, &to.source));
    let version = known.as_ref().map(|known| known.version.to_string());
    let config = known.as_ref().zip(version.as_deref());
    let config = config.map(|(known, version)| (&known.config, version));
    let preview = Preview::of(folder, setup.consent(folder), config, setup.now());
    let preview = preview.map_err(Problem::refused)?;
    head(setup, folder, out);
    let config = match (&known, to) {
        (Some(known), Some(to)) => format!(
            "{}, verified on {}; whether it is the newest: {}",
            known.version,
            known.fetched,
            to.freshness(Some(known))
        ),
        _ => "none yet".to_owned(),
    };
    *out += &format!("config {}\n", OneLine(config));
    let without_config = format!("`{verb} rehearse` fetches it, and shows what it lets through");
    *out += &PreviewText {
        preview: &preview,
        folder: folder.path(),
        sample_rate: known.as_ref().map(|known| known.config.sample_rate.get()),
        without_config: &without_config,
    }
    .to_string();
    Ok(())
}

/// Shows the mode, and what the counter files hold.
#[cfg(not(feature = "client"))]
pub fn run(setup: &Setup, folder: &Folder, _: &str, out: &mut String) -> Result<(), Problem> {
    head(setup, folder, out);
    let files = files(folder);
    if files.is_empty() {
        *out += "\nThere are no counts at the moment.\n";
    }
    for path in files {
        let file = match CounterFile::read(&path) {
            Ok(file) => file,
            Err(error) => {
                *out += &format!("\nSkipped: {}\n", OneLine(error));
                continue;
            }
        };
        let of = file.metadata;
        let short = of.end.why_short(of.begin);
        *out += &format!("\nThe week that began on {} and ends on {}{short}\n", of.begin, of.end);
        let build =
            format!("{}@{} {} {}/{}", of.program, of.version, of.toolchain, of.goos, of.goarch);
        *out += &format!("  {}\n", OneLine(build));
        for (name, count) in file.counts.iter().filter(|(_, count)| **count > 0) {
            let lines: Vec<_> = name.split('\n').map(|line| OneLine(line).to_string()).collect();
            *out += &format!("  {count:>9}  {}\n", lines.join("\n             "));
        }
    }
    *out += "\nNothing of it is sent: this program only counts.\n";
    Ok(())
}

fn head(setup: &Setup, folder: &Folder, out: &mut String) {
    let consent = setup.consent(folder);
    let reason = consent.reason(folder.path());
    let project = OneLine(&setup.program.path);
    *out += &format!("telemetry of {project}\nmode {} ({})\n", consent.mode, OneLine(reason));
}
