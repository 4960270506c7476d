//! Why a mode is in effect, in a few words.

use crate::client::mode::{Consent, DecidedBy};
use std::path::Path;

/// Why this mode is in effect in a folder, to be put in parentheses after it.
pub(super) fn reason(consent: &Consent, folder: &Path) -> String {
    match &consent.decided_by {
        DecidedBy::ModeFile => match consent.since {
            Some(since) => format!("chosen on {since}"),
            None => "chosen; the mode file does not say when".to_owned(),
        },
        DecidedBy::NoModeFile if !folder.is_dir() => {
            "nobody has chosen yet: the folder does not exist".to_owned()
        }
        DecidedBy::NoModeFile => "nobody has chosen yet".to_owned(),
        DecidedBy::DoNotTrack => "DO_NOT_TRACK is set".to_owned(),
        DecidedBy::BadModeFile(error) => error.clone(),
    }
}
