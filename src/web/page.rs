//! The front page: what this is, and how to use it without trusting it.

use crate::gomod::{ModulePath, ModuleVersion};
use crate::tlog::LogVerifiers;

/// The page. Nothing in it needs escaping: module paths, host names and keys have none of `<`,
/// `>`, `&` and quotes.
pub(super) fn front(
    module: &ModulePath,
    keys: &LogVerifiers,
    newest: Option<ModuleVersion>,
) -> String {
    let LogVerifiers { host, sumdb, log } = keys;
    let newest = newest.map_or("none yet".to_string(), |version| version.to_string());
    format!(
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{host}: transparent telemetry</title>\n\
         <h1>{host}</h1>\n\
         <p>The collection config of this project says which counters may be reported by people who \
         opted in, and how often. Each version of it is a Go module, recorded for ever in a \
         transparency log.\n\
         <dl>\n\
         <dt>Module<dd><code>{module}</code>\n\
         <dt>Newest version<dd><code>{newest}</code>\n\
         <dt>Verifier key of the log<dd><code>{log}</code>\n\
         <dt>Verifier key of the checksum database<dd><code>{sumdb}</code>\n\
         </dl>\n\
         <p>To download the config and verify that it is the one everyone gets:\n\
         <pre>GOPROXY=https://{host}/goproxy GOSUMDB={sumdb} \\\n  \
         go mod download -json {module}@latest</pre>\n\
         <p>The log is served at <a href=\"/log/checkpoint\"><code>/log/</code></a>, the checksum \
         database at <a href=\"/sumdb/latest\"><code>/sumdb/</code></a>, the module at \
         <a href=\"/goproxy/{escaped}/@v/list\"><code>/goproxy/</code></a>.\n\
         </html>\n",
        escaped = module.escape(),
    )
}
