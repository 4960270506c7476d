//! A page only for the user of this machine, served by a command.
//!
//! Only requests whose `Host` is `localhost` or a loopback address are answered. Otherwise a site could let
//! its own name resolve to this machine (DNS rebinding), and its scripts could read the page.

use super::server::{self, Listener};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Renders the page as HTML, or says why it cannot.
pub type RenderPage = Arc<dyn Fn() -> Result<String, String> + Send + Sync>;

/// Serves the page at `/`, rendered for each request, until the process ends.
pub async fn serve_local_page(listener: Listener, render: RenderPage) {
    let router = Router::new().fallback(answer).with_state(render);
    let limits = server::Limits::for_operators();
    server::run(listener, router, limits, std::future::pending()).await;
}

async fn answer(State(render): State<RenderPage>, request: Request) -> Response {
    let (status, media_type, body) = match respond(&request, &render) {
        Ok(page) => (StatusCode::OK, "text/html; charset=utf-8", page),
        Err((status, sentence)) => (status, "text/plain; charset=utf-8", sentence + "\n"),
    };
    let headers = [
        (CONTENT_TYPE, media_type),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (REFERRER_POLICY, "no-referrer"),
        (CONNECTION, "close"),
    ];
    (status, headers, body).into_response()
}

/// The page, or a status and a sentence.
fn respond(request: &Request, render: &RenderPage) -> Result<String, (StatusCode, String)> {
    let refuse = |status, sentence: &str| Err((status, sentence.to_owned()));
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return refuse(StatusCode::BAD_REQUEST, "the request must name one host");
    };
    if !host.to_str().is_ok_and(is_this_machine) {
        return refuse(StatusCode::FORBIDDEN, "this page is for this machine alone");
    }
    match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/") => {
            render().map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error))
        }
        (&Method::GET | &Method::HEAD, _) => {
            refuse(StatusCode::NOT_FOUND, "the only page here is /")
        }
        _ => refuse(StatusCode::BAD_REQUEST, "this is not a request for a page"),
    }
}

/// Whether a `Host`, with or without a port, is a loopback address or `localhost`.
fn is_this_machine(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let address = host.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn only_this_machine_is_answered() {
        let render: RenderPage = Arc::new(|| Ok("page".to_owned()));
        let status = |method: &str, path: &str, hosts: &[&str]| {
            let mut request = Request::builder().method(method).uri(path);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            let request = request.body(Body::empty()).expect("a request");
            respond(&request, &render).err().map(|(status, _)| status.as_u16())
        };
        for (method, path, host, expected) in [
            ("GET", "/", "127.0.0.1:1234", None),
            ("GET", "/", "[::1]:1234", None),
            ("GET", "/", "localhost:1234", None),
            ("HEAD", "/", "localhost", None),
            ("GET", "/", "127.0.0.1", None),
            ("GET", "/", "evil.example:1234", Some(403)),
            ("GET", "/", "localhost.evil.example", Some(403)),
            ("GET", "/", "10.0.0.1:1234", Some(403)),
            ("GET", "/x", "localhost", Some(404)),
            ("POST", "/", "localhost", Some(400)),
        ] {
            assert_eq!(status(method, path, &[host]), expected, "{method} {path} {host}");
        }
        assert_eq!(status("GET", "/", &[]), Some(400));
        assert_eq!(status("GET", "/", &["localhost", "localhost"]), Some(400));
    }
}
