//! Addresses with a query, as paths: `/config/?before=v0.9.0` is `/config/~before=v0.9.0`, too.
//!
//! Files have no queries, so this is how a static copy of a site has the pages of long lists ([`crate::static_site`]).
//! A server answers both, so that a link from a copy also leads somewhere there. Only parameters by which lists and
//! charts are divided have such a form; what people type into forms has none.

use axum::http::uri::{PathAndQuery, Uri};

/// The parameters.
const NAMES: [&str; 4] = ["page", "before", "from", "by"];

fn is_parameter(text: &str) -> bool {
    let value = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    text.split_once('=').is_some_and(|(name, text)| {
        NAMES.contains(&name) && !text.is_empty() && text.bytes().all(value)
    })
}

/// The form of a path with a query that has no query; `None` if it has none.
pub fn path_form(path: &str, query: &str) -> Option<String> {
    let mut form = path.to_owned();
    for parameter in query.split('&') {
        if !is_parameter(parameter) {
            return None;
        }
        form.push('~');
        form.push_str(parameter);
    }
    Some(form)
}

/// The address with a query that such a path stands for; `None` if it is no such path.
pub(super) fn with_query(address: &Uri) -> Option<Uri> {
    if address.query().is_some() {
        return None;
    }
    let mut path = address.path();
    let mut parameters = Vec::new();
    while let Some((before, last)) = path.rsplit_once('~').filter(|(_, last)| is_parameter(last)) {
        parameters.insert(0, last);
        path = before;
    }
    if parameters.is_empty() {
        return None;
    }
    let mut parts = address.clone().into_parts();
    let whole = format!("{path}?{}", parameters.join("&"));
    parts.path_and_query = Some(PathAndQuery::try_from(whole).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_of_lists_have_a_path_and_back() {
        for (path, query, form) in [
            ("/config/", "before=v0.9.0", "/config/~before=v0.9.0"),
            ("/charts/@all", "page=2", "/charts/@all~page=2"),
            (
                "/charts/a/@2026-11-15/b",
                "by=version&page=2",
                "/charts/a/@2026-11-15/b~by=version~page=2",
            ),
        ] {
            assert_eq!(path_form(path, query).as_deref(), Some(form));
            let back = with_query(&form.parse().expect("an address")).expect("a form");
            assert_eq!(back.to_string(), format!("{path}?{query}"));
        }
        for query in ["", "q=x", "page=", "page=2&q=x", "page=%32", "page=a/b", "page"] {
            assert_eq!(path_form("/a", query), None, "{query}");
        }
        for path in ["/", "/~x", "/~x=1", "/~page=2/", "/~page=2?a", "/a~page="] {
            assert_eq!(with_query(&path.parse().expect("an address")), None, "{path}");
        }
    }
}
