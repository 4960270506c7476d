//! The JSON text of the files about a version.

use serde::Serialize;

/// JSON with a newline at the end, indented by `indent`, or on one line where that is empty.
pub(super) fn to_json(value: &impl Serialize, indent: &[u8]) -> Vec<u8> {
    let mut json = Vec::new();
    // Writing to memory cannot fail, and neither can serialising these fields, which are strings.
    let _ = if indent.is_empty() {
        serde_json::to_writer(&mut json, value)
    } else {
        let formatter = serde_json::ser::PrettyFormatter::with_indent(indent);
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut json, formatter))
    };
    json.push(b'\n');
    json
}
