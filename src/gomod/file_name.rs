//! File names that Go accepts in a module: valid on every file system.
//!
//! `CheckFilePath` of golang.org/x/mod/module, for one element of a path.

/// Whether this is one element of a file path by Go's rules (`CheckFilePath`), in ASCII: Go allows any
/// Unicode letter, but we need none.
pub(super) fn is_file_element(element: &str) -> bool {
    const PUNCTUATION: &str = "!#$%&()+,-.=@[]^_{}~ ";
    !element.is_empty()
        && !element.ends_with('.')
        && element.chars().all(|c| c.is_ascii_alphanumeric() || PUNCTUATION.contains(c))
        && !is_reserved_on_windows(element)
}

/// Whether Windows reserves this file name, up to its first dot, for a device.
pub(super) fn is_reserved_on_windows(element: &str) -> bool {
    let stem = element.split('.').next().unwrap_or(element).to_ascii_lowercase();
    match stem.as_str() {
        "con" | "prn" | "aux" | "nul" => true,
        _ => stem
            .strip_prefix("com")
            .or_else(|| stem.strip_prefix("lpt"))
            .is_some_and(|number| matches!(number.as_bytes(), [b'1'..=b'9'])),
    }
}
