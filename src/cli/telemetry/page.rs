//! `candor telemetry view` as a web page of this machine.
//!
//! One page, made anew for each request; no scripts, nothing from elsewhere, every text escaped.
//! What it shows is the user's own, so it is served on a loopback address only, and only to
//! requests that name such an address as their host: a page from elsewhere, whose name was made to
//! lead here (DNS rebinding), gets nothing.

use super::view::{Seen, build, sent, state, withheld, withheld_line};
use super::{Failure, Output, reason};
use crate::terminal::is_unfit;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// The longest head of a request.
const LONGEST_HEAD: u64 = 16 << 10;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
    padding:0 1rem;color:#1b1b1f;background:#fff}table{border-collapse:collapse;width:100%}\
    td,th{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;\
    border-bottom:1px solid #ddd}pre{background:#f4f4f6;padding:1rem;\
    overflow:auto}code,pre,td{overflow-wrap:anywhere;white-space:pre-wrap}\
    @media(prefers-color-scheme:dark){body{color:#e4e4e8;background:#18181b}pre{background:#26262b}\
    td,th{border-color:#444}}";

/// The page.
pub(super) fn render(seen: &Seen) -> String {
    let mut page = Page(String::new());
    let preview = &seen.preview;
    page.raw(
        "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
              content=\"width=device-width\"><title>Telemetry on this machine</title><style>",
    );
    page.raw(STYLE);
    page.raw("</style>\n<h1>Telemetry on this machine</h1>\n<table>");
    let mode = format!("{} ({})", preview.consent.mode, reason(&preview.consent, &seen.folder));
    for (name, value) in [
        ("Project", seen.project.as_str()),
        ("Mode", mode.as_str()),
        ("Folder", &seen.folder.display().to_string()),
        ("Reports go to", seen.upload.as_deref().unwrap_or("nowhere yet")),
        ("Config", seen.config.as_deref().unwrap_or("none known yet")),
    ] {
        page.row(&[name, value]);
    }
    page.raw("</table>\n");
    for week in &preview.weeks {
        let end = if week.ended { "Ended" } else { "Ends" };
        page.element("h2", &format!("{end} on {}", week.end));
        page.raw("<h3>Counted</h3>\n");
        for program in &week.counted.programs {
            page.element("h4", &build(&program.build));
            page.raw("<table>");
            for (name, count) in program.counters.iter().chain(&program.stacks) {
                page.row(&[name, &count.to_string()]);
            }
            page.raw("</table>\n");
        }
        page.raw("<h3>Sent</h3>\n");
        page.element("p", &state(week, seen.sample_rate));
        if let Some(report) = sent(week) {
            page.element("pre", &report.to_json());
            page.raw("<h3>Withheld</h3>\n<ul>");
            for withheld in withheld(week) {
                page.element("li", &withheld_line(withheld));
            }
            page.raw("</ul>\n");
        }
    }
    if preview.weeks.is_empty() {
        page.element("p", "Nothing is counted just now.");
    }
    for (week, text) in &preview.ready {
        page.element("h2", &format!("Waits to be sent for {week}, as it is"));
        page.element("pre", text);
    }
    if !preview.sent.is_empty() {
        page.raw("<h2>Sent before</h2>\n<ul>");
        for week in &preview.sent {
            page.element("li", &week.to_string());
        }
        page.raw("</ul>\n");
    }
    for (_, reason) in &preview.unreadable {
        page.element("p", &format!("Passed over: {reason}"));
    }
    page.0
}

struct Page(String);

impl Page {
    fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c if c != '\n' && is_unfit(c) => {
                    // Writing to memory does not fail.
                    let _ = write!(self.0, "{}", c.escape_unicode());
                }
                c => self.0.push(c),
            }
        }
    }

    fn element(&mut self, name: &str, text: &str) {
        self.raw(&format!("<{name}>"));
        self.text(text);
        self.raw(&format!("</{name}>\n"));
    }

    fn row(&mut self, cells: &[&str]) {
        self.raw("<tr>");
        for cell in cells {
            self.element("td", cell);
        }
        self.raw("</tr>");
    }
}

/// Where the page is.
#[derive(Debug, Serialize)]
struct Serving {
    url: String,
}

/// Serves the page until the process is asked to end.
pub(super) fn serve(
    address: SocketAddr,
    page: &dyn Fn() -> Result<String, Failure>,
    out: Output,
) -> Result<(), Failure> {
    if !address.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "{address} can be reached from other machines; the page shows what is yours alone. \
             Use a loopback address, such as 127.0.0.1:0"
        )));
    }
    crate::cli::signals::end_when_asked()?;
    let listener = TcpListener::bind(address).map_err(|e| {
        let advice = match e.kind() {
            ErrorKind::AddrInUse => {
                "; another program has it: name another port, or none for a free one"
            }
            ErrorKind::PermissionDenied => "; ports below 1024 need privileges: name another",
            _ => "",
        };
        Failure::new(format!("cannot listen on {address}: {e}{advice}"))
    })?;
    let url = format!("http://{}/", listener.local_addr()?);
    out.line(&Serving { url: url.clone() }, format!("serving {url}\nCtrl-C ends it\n"))?;
    for stream in listener.incoming().flatten() {
        // Someone who went away, or was too slow: the next one is served.
        let _ = answer(&stream, page);
    }
    Ok(())
}

fn answer(
    mut stream: &TcpStream,
    page: &dyn Fn() -> Result<String, Failure>,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    let mut head = Vec::new();
    let mut reader = BufReader::new(stream.take(LONGEST_HEAD));
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head)? == 0 {
            break;
        }
    }
    let (status, body) = match respond(&String::from_utf8_lossy(&head), page) {
        Ok(page) => ("200 OK", page),
        Err((status, message)) => (status, message),
    };
    let kind = if status.starts_with("200") { "text/html" } else { "text/plain" };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; \
         frame-ancestors 'none'\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\
         Cross-Origin-Resource-Policy: same-origin\r\nReferrer-Policy: no-referrer\r\n\
         Connection: close\r\n\r\n",
        body.len()
    )?;
    if !head.starts_with(b"HEAD ") {
        stream.write_all(body.as_bytes())?;
    }
    Ok(())
}

type Refused = (&'static str, String);

fn respond(head: &str, page: &dyn Fn() -> Result<String, Failure>) -> Result<String, Refused> {
    let mut lines = head.split("\r\n");
    let request: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let hosts: Vec<&str> = lines
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map(|(_, value)| value.trim())
        .collect();
    match (request.as_slice(), hosts.as_slice()) {
        (_, [host]) if !is_this_machine(host) => {
            Err(("403 Forbidden", "this page is for this machine alone\n".to_owned()))
        }
        (["GET" | "HEAD", "/", _], [_]) => page()
            .map_err(|failure| ("500 Internal Server Error", format!("{}\n", failure.message))),
        (["GET" | "HEAD", _, _], [_]) => {
            Err(("404 Not Found", "there is one page here: /\n".to_owned()))
        }
        _ => Err(("400 Bad Request", "this is not a request for a page\n".to_owned())),
    }
}

/// Whether a request's host, with or without a port, is a loopback address or `localhost`.
fn is_this_machine(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let address = host.trim_start_matches('[').trim_end_matches(']');
    name == "localhost"
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_answered() {
        let page = || Ok("page".to_owned());
        for (request, host, status) in [
            ("GET / HTTP/1.1", "127.0.0.1:1234", None),
            ("GET / HTTP/1.1", "[::1]:1234", None),
            ("GET / HTTP/1.1", "localhost:1234", None),
            ("HEAD / HTTP/1.1", "localhost", None),
            ("GET / HTTP/1.1", "127.0.0.1", None),
            ("GET / HTTP/1.1", "evil.example:1234", Some("403 Forbidden")),
            ("GET / HTTP/1.1", "localhost.evil.example", Some("403 Forbidden")),
            ("GET / HTTP/1.1", "10.0.0.1:1234", Some("403 Forbidden")),
            ("GET /x HTTP/1.1", "localhost", Some("404 Not Found")),
            ("POST / HTTP/1.1", "localhost", Some("400 Bad Request")),
            ("nonsense", "localhost", Some("400 Bad Request")),
        ] {
            let answer = respond(&format!("{request}\r\nHost: {host}\r\n\r\n"), &page);
            assert_eq!(answer.err().map(|(status, _)| status), status, "{request} {host}");
        }
        let without = respond("GET / HTTP/1.1\r\n\r\n", &page);
        assert!(without.is_err());
        let two = respond("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", &page);
        assert!(two.is_err());
    }

    #[test]
    fn every_text_is_escaped() {
        let mut page = Page(String::new());
        page.element("p", "<script>alert('&\"')</script>\u{202e}\u{1b}\n");
        let expected =
            "<p>&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;\\u{202e}\\u{1b}\n</p>\n";
        assert_eq!(page.0, expected);
    }
}
