//! What differs in a file from the answer that it is a copy of.
//!
//! | in an answer | in a file |
//! | --- | --- |
//! | a link with a query | the same without one ([`path_form`](crate::web::path_form)), or to what says why there is none |
//! | a form | a sentence |
//! | `Content-Security-Policy` and `Link` as headers | the same in the page's head |
//! | | in the page's foot, a link to how fresh it is |
//!
//! Everything else is as the server sends it.

use super::links::{ATTRIBUTES, Place, own};
use crate::web::Answer;

/// What is said instead of a form.
const NO_FORM: &str = "Finding and comparing by a form needs a server, and these pages are files:";

/// Changes when the same answer becomes another file.
pub(super) const VERSION: &[u8] = b"1";

/// The bytes of the file.
pub(super) fn file_of(answer: &Answer, place: &Place) -> Vec<u8> {
    let text = std::str::from_utf8(&answer.body);
    match text {
        Ok(html) if answer.content_type.starts_with("text/html") => {
            page(html, answer, place).into_bytes()
        }
        Ok(json) if answer.content_type.starts_with("application/json") => data(json).into_bytes(),
        _ => answer.body.to_vec(),
    }
}

fn page(html: &str, answer: &Answer, place: &Place) -> String {
    let base = &place.base;
    let html = without_forms(html, base);
    let html = with_links(&html, base);
    let mut head = String::new();
    if let Some(policy) = &answer.policy {
        // A page cannot say by whom it may be framed.
        let kept: Vec<&str> = policy
            .split(';')
            .map(str::trim)
            .filter(|rule| !rule.starts_with("frame-ancestors"))
            .collect();
        head.push_str(&format!(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">",
            kept.join("; ")
        ));
    }
    let canonical = answer.link.as_deref().and_then(|link| {
        let (address, rest) = link.strip_prefix('<')?.split_once('>')?;
        rest.contains("rel=\"canonical\"").then_some(address)
    });
    if let Some(address) = canonical.and_then(|address| own(address, base)?.ok()) {
        head.push_str(&format!(
            "<link rel=\"canonical\" href=\"{base}{}\">",
            address.replace('&', "&amp;")
        ));
    }
    let foot =
        format!("<p>These pages are files: <a href=\"{base}/status/\">how fresh they are</a>.</p>");
    let html = html.replacen("<head>", &format!("<head>{head}"), 1);
    match html.rfind("</div></footer>") {
        Some(at) => format!("{}{foot}{}", &html[..at], &html[at..]),
        None => html,
    }
}

/// Without forms, which do not nest.
fn without_forms(html: &str, base: &str) -> String {
    let mut kept = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, from)) = rest.split_once("<form ") {
        let Some((_, after)) = from.split_once("</form>") else { break };
        kept.push_str(before);
        kept.push_str(&format!(
            "<p class=\"note\">{NO_FORM} <a href=\"{base}/status/#server\">what is here</a>.</p>"
        ));
        rest = after;
    }
    kept.push_str(rest);
    kept
}

fn with_links(html: &str, base: &str) -> String {
    let mut kept = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find("=\"") {
        let (before, value) = rest.split_at(at + 2);
        let Some(end) = value.find('"') else { break };
        let (value, after) = value.split_at(end);
        kept.push_str(before);
        let name = before[..at].rsplit(' ').next().unwrap_or_default();
        let asked = ATTRIBUTES.contains(&name) && value.contains('?');
        match own(value, base).filter(|_| asked) {
            Some(Ok(path)) => {
                let place = value.find('#').map_or("", |at| &value[at..]);
                kept.push_str(&format!("{base}{path}{place}"));
            }
            Some(Err(_)) => kept.push_str(&format!("{base}/status/#server")),
            None => kept.push_str(value),
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// JSON whose addresses have no queries.
fn data(json: &str) -> String {
    let mut parts: Vec<String> = json.split('"').map(str::to_owned).collect();
    for part in parts.iter_mut().filter(|part| part.starts_with('/') && part.contains('?')) {
        if let Some(Ok(path)) = own(part, "") {
            *part = path;
        }
    }
    parts.join("\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;

    fn answer(kind: &str, body: &str) -> Answer {
        Answer {
            status: 200,
            content_type: kind.to_owned(),
            cache_control: String::new(),
            disposition: None,
            policy: Some("default-src 'none'; frame-ancestors 'none'; img-src 'self'".to_owned()),
            link: Some("</t/a?page=2>; rel=\"canonical\"".to_owned()),
            location: None,
            body: Bytes::from(body.to_owned()),
        }
    }

    #[test]
    fn pages_need_no_server() {
        let place = Place { base: "/t".into(), address: "https://a.example/t".into() };
        let page = "<html><head><title>x</title></head><body><form action=\"/t/find\"><input name=\"q\"></form>\
            <a href=\"/t/b?page=2#c\">?</a><a href=\"/t/e?q=x\"></a><a href=\"https://b.example/?x\"></a>\
            <footer><div></div></footer></body></html>";
        let file = String::from_utf8(file_of(&answer("text/html", page), &place)).expect("text");
        assert_eq!(
            file,
            format!(
                "<html><head><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src 'self'\">\
                 <link rel=\"canonical\" href=\"/t/a~page=2\"><title>x</title></head><body>\
                 <p class=\"note\">{NO_FORM} <a href=\"/t/status/#server\">what is here</a>.</p>\
                 <a href=\"/t/b~page=2#c\">?</a><a href=\"/t/status/#server\"></a><a href=\"https://b.example/?x\"></a>\
                 <footer><div><p>These pages are files: <a href=\"/t/status/\">how fresh they are</a>.</p></div></footer>\
                 </body></html>"
            )
        );
        let json = answer("application/json", "{\"next\": \"/a?before=v0.2.0\", \"a\": \"?\\\"\"}");
        assert_eq!(file_of(&json, &place), b"{\"next\": \"/a~before=v0.2.0\", \"a\": \"?\\\"\"}");
    }
}
