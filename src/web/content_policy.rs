//! The one script of the site, and the policy that allows it and nothing else.
//!
//! It verifies, in the reader's own browser, what the pages of the log and of config versions say. It
//! stands in those pages as it is in `pages/verify.js`, for everyone to read, and is allowed by its hash
//! (CSP `script-src`, <https://www.w3.org/TR/CSP3/#external-hash>): a page that was changed on the way,
//! or text from outside that became markup, runs nothing.

use axum::http::HeaderValue;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// What a page may do: look as the stylesheet says, show pictures and send forms, all of this site.
/// Scripts there are none, but for one on some pages.
const PAGE_POLICY_TEXT: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";
/// The same, as a header.
pub(super) const PAGE_POLICY: HeaderValue = HeaderValue::from_static(PAGE_POLICY_TEXT);

/// The script.
pub(super) const SCRIPT: &str = include_str!("pages/verify.js");

/// What a page with the script may do: as any page, and run it, and let it load this site's files.
pub(super) fn page_with_script() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let hash = STANDARD.encode(Sha256::digest(SCRIPT));
        let policy = format!("{PAGE_POLICY_TEXT}; script-src 'sha256-{hash}'; connect-src 'self'");
        // Plain ASCII.
        HeaderValue::try_from(policy).unwrap_or(PAGE_POLICY)
    });
    POLICY.clone()
}
