//! What pages may do in a browser: their Content-Security-Policy, and the site's one script.
//!
//! The script verifies, in the reader's own browser, the pages of the log and of config versions. It is
//! inlined in those pages exactly as in `pages/verify.js`, for everyone to read, and allowed by its hash
//! (CSP `script-src`, <https://www.w3.org/TR/CSP3/#external-hash>): a page that was altered on the way,
//! or injected markup, can run no other script.

use super::draw;
use axum::http::HeaderValue;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The policy of an ordinary page: this site's stylesheet, pictures and forms, and no script.
const PAGE_POLICY_TEXT: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";
/// The same, as a header.
pub(super) const PAGE_POLICY: HeaderValue = HeaderValue::from_static(PAGE_POLICY_TEXT);

/// The script.
pub(super) const SCRIPT: &str = include_str!("pages/verify.js");

/// The policy of a page with the script: as above, and the script may run and fetch from this site.
pub(super) fn page_with_script() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let hash = STANDARD.encode(Sha256::digest(SCRIPT));
        let policy = format!("{PAGE_POLICY_TEXT}; script-src 'sha256-{hash}'; connect-src 'self'");
        // Plain ASCII.
        HeaderValue::try_from(policy).unwrap_or(PAGE_POLICY)
    });
    POLICY.clone()
}

/// The policy of a picture that is opened on its own: its style, and nothing else.
pub(super) fn picture_policy() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let hash = STANDARD.encode(Sha256::digest(draw::file_style()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors 'none'"
        );
        // Plain ASCII.
        HeaderValue::try_from(policy).unwrap_or(PAGE_POLICY)
    });
    POLICY.clone()
}
