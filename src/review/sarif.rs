//! What a check found, in the format of code scanning services: SARIF 2.1.0
//! (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>).

use super::lints::Lint;
use crate::charts::diagnostic::{ALLOW, Diagnostic, Severity, UNREAD_FILE};
use serde_json::{Value, json};

/// The rule of a diagnostic without a code of its own.
const DEFINITIONS: &str = "definitions";
/// The rules beside those of the lints, which no comment can allow, and their reasons.
const OTHERS: [(&str, &str); 3] = [
    (ALLOW, "a comment that allows nothing misleads its readers"),
    (
        UNREAD_FILE,
        "nothing in a file that is not read is published, and someone may believe that it is",
    ),
    (DEFINITIONS, "the definitions are valid, and mean what was intended"),
];

/// A log of one run. `folder` is the charts folder, from the root of the repository, by which the services find
/// the files.
pub fn sarif<'d>(found: impl IntoIterator<Item = &'d Diagnostic>, folder: &str) -> Value {
    let rules = Lint::ALL.map(|lint| {
        json!({
            "id": lint.code(),
            "shortDescription": { "text": lint.reason() },
            "defaultConfiguration": { "level": "warning" },
        })
    });
    let others =
        OTHERS.map(|(id, reason)| json!({ "id": id, "shortDescription": { "text": reason } }));
    let results: Vec<Value> = found.into_iter().map(|one| result(one, folder)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "candor",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules.into_iter().chain(others).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(found: &Diagnostic, folder: &str) -> Value {
    let level = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let codes = Lint::ALL.into_iter().map(Lint::code).chain(OTHERS.map(|(code, _)| code));
    let rule = found.code.and_then(|code| codes.into_iter().find(|known| *known == code));
    let text = match &found.help {
        Some(help) => format!("{}\n{help}", found.message),
        None => found.message.clone(),
    };
    let mut place = json!({ "artifactLocation": { "uri": uri(folder, &found.file) } });
    if let Some(line) = found.line {
        place["region"] = json!({ "startLine": line, "startColumn": found.column.unwrap_or(1) });
    }
    json!({
        "ruleId": rule.unwrap_or(DEFINITIONS),
        "level": level,
        "message": { "text": text },
        "locations": [{ "physicalLocation": place }],
    })
}

/// A path from the root of the repository as a relative reference (RFC 3986, section 4.2).
fn uri(folder: &str, file: &str) -> String {
    let path = if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") };
    crate::percent::path(&path)
}
