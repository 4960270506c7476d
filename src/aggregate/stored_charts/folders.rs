//! The names of the folders that charts are stored in.

use jiff::civil::Date;

/// The folder of all objects that are named by outlines.
pub const FOLDER: &str = "charts/";

/// The folder of a week's objects.
pub(super) fn week_folder(week: Date) -> String {
    format!("{FOLDER}{week}")
}

/// The folder of a span's objects.
pub(super) fn span_folder(span: Date) -> String {
    format!("{FOLDER}from-{span}")
}
