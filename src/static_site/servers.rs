//! What servers of a folder need to know, since files have no headers: `_headers` for hosts that read it (Netlify,
//! Cloudflare Pages), and `.candor/nginx.conf` to include in a `server` of nginx. Buckets keep headers themselves.

use crate::gomod::ModulePath;

/// A kind of files: a regular expression of nginx and patterns of `_headers`, each below the base path, where [`MODULE`]
/// is the module's path; the type, and how long they may be kept.
struct Kind {
    nginx: &'static str,
    patterns: &'static [&'static str],
    content_type: &'static str,
    lifetime: &'static str,
}

const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const SECONDS: &str = "public, max-age=5";
const MINUTES: &str = "public, max-age=300";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const ATOM: &str = "application/atom+xml; charset=utf-8";
const BYTES: &str = "application/octet-stream";

/// In a pattern of `_headers`.
const MODULE: &str = "{module}";

/// The first that fits is meant.
const KINDS: [Kind; 12] = [
    Kind {
        nginx: "(sumdb/|goproxy/sumdb/[^/]+/)?tile/8/data/",
        patterns: &["/tile/8/data/*", "/sumdb/tile/8/data/*", "/goproxy/sumdb/:host/tile/8/data/*"],
        content_type: TEXT,
        lifetime: IMMUTABLE,
    },
    Kind {
        nginx: "(log/|sumdb/|goproxy/sumdb/[^/]+/)?tile/",
        patterns: &["/log/tile/*"],
        content_type: BYTES,
        lifetime: IMMUTABLE,
    },
    Kind {
        nginx: "((sumdb/|goproxy/sumdb/[^/]+/)?(lookup/|latest$)|log/checkpoint$|goproxy/.*/@v/list$)",
        patterns: &[
            "/lookup/*",
            "/sumdb/lookup/*",
            "/goproxy/sumdb/:host/lookup/*",
            "/latest",
            "/sumdb/latest",
            "/goproxy/sumdb/:host/latest",
            "/log/checkpoint",
            "/goproxy/{module}/@v/list",
        ],
        content_type: TEXT,
        lifetime: SECONDS,
    },
    Kind {
        nginx: "((sumdb/|goproxy/sumdb/[^/]+/)supported$|log/policy$)",
        patterns: &["/log/policy", "/sumdb/supported", "/goproxy/sumdb/:host/supported"],
        content_type: TEXT,
        lifetime: MINUTES,
    },
    Kind {
        nginx: "goproxy/.*/@latest$",
        patterns: &["/goproxy/{module}/@latest"],
        content_type: JSON,
        lifetime: SECONDS,
    },
    Kind {
        nginx: "log/newest$",
        patterns: &["/log/newest"],
        content_type: BYTES,
        lifetime: SECONDS,
    },
    Kind {
        nginx: "goproxy/.*\\.(zip|mod|info)$",
        patterns: &[],
        content_type: "",
        lifetime: IMMUTABLE,
    },
    Kind {
        nginx: "config/v[0-9.]+\\.json$",
        patterns: &[],
        content_type: JSON,
        lifetime: IMMUTABLE,
    },
    Kind {
        nginx: "data/.*SHA256SUMS$",
        patterns: &["/data/weeks/SHA256SUMS", "/data/days/SHA256SUMS"],
        content_type: TEXT,
        lifetime: MINUTES,
    },
    Kind { nginx: ".*atom\\.xml$", patterns: &[], content_type: ATOM, lifetime: SECONDS },
    // Pages of counters and buckets whose names end as those of files do.
    Kind {
        nginx: "counters/.*\\.(txt|mod|sql|tlog-proof|info|zip|css|svg|png|csv|xml|zst|parquet|gz)$",
        patterns: &[],
        content_type: HTML,
        lifetime: SECONDS,
    },
    Kind { nginx: ".*\\.json~[^/]*$", patterns: &[], content_type: JSON, lifetime: SECONDS },
];

/// Types by the end of a name; other files are pages.
const ENDINGS: [(&str, &str); 11] = [
    (TEXT, "txt mod sql tlog-proof"),
    (HTML, "html"),
    (JSON, "json info"),
    ("application/zip", "zip"),
    ("text/css; charset=utf-8", "css"),
    ("image/svg+xml", "svg"),
    ("image/png", "png"),
    ("text/csv; charset=utf-8; header=present", "csv"),
    ("application/xml; charset=utf-8", "xml"),
    ("application/zstd", "zst"),
    ("application/vnd.apache.parquet", "parquet"),
];

/// What every answer has, as from our own server.
const ALL: [(&str, &str); 5] = [
    ("Access-Control-Allow-Origin", "*"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    // The rest of a page's policy is in the page.
    ("Content-Security-Policy", "frame-ancestors 'none'"),
];

/// The files, by name.
pub(super) fn files(base: &str, module: &ModulePath) -> [(&'static str, String); 2] {
    [("_headers", headers(base, &module.escape())), (".candor/nginx.conf", nginx(base))]
}

fn headers(base: &str, module: &str) -> String {
    let mut text = format!("{base}/*\n");
    for (name, value) in ALL {
        text.push_str(&format!("  {name}: {value}\n"));
    }
    for kind in &KINDS {
        for pattern in kind.patterns {
            let pattern = pattern.replace(MODULE, module);
            let (content_type, lifetime) = (kind.content_type, kind.lifetime);
            text.push_str(&format!(
                "{base}{pattern}\n  ! Content-Type\n  Content-Type: {content_type}\n  Cache-Control: {lifetime}\n"
            ));
        }
    }
    text
}

fn nginx(base: &str) -> String {
    let always: String =
        ALL.iter().map(|(name, value)| format!(" add_header {name} \"{value}\" always;")).collect();
    let mut text = format!(
        "# Include this in a server whose root is the folder, or the one above {base}/ if there is a base path.\n\
         error_page 404 {base}/404.html;\n\
         location {base}/ {{\n    \
             try_files $uri $uri/index.html =404;\n    \
             absolute_redirect off;\n    \
             default_type \"{HTML}\";\n    \
             types {{\n"
    );
    for (content_type, endings) in ENDINGS {
        text.push_str(&format!("        \"{content_type}\" {endings};\n"));
    }
    text.push_str(&format!(
        "        application/gzip gz;\n    }}\n    add_header Cache-Control \"{SECONDS}\";{always}\n"
    ));
    for kind in &KINDS {
        let types = match kind.content_type {
            "" => String::new(),
            content_type => format!("types {{ }} default_type \"{content_type}\"; "),
        };
        text.push_str(&format!(
            "    location ~ \"^{base}/{}\" {{ {types}add_header Cache-Control \"{}\";{always} }}\n",
            kind.nginx, kind.lifetime
        ));
    }
    // Its names have a hash in them.
    text.push_str(&format!(
        "    location ~ \"^{base}/(style|icon)\\.[0-9a-f]+\\.\" {{ add_header Cache-Control \"{IMMUTABLE}\";{always} }}\n    \
             location ^~ {base}/.candor/ {{ return 404; }}\n}}\n"
    ));
    text
}
