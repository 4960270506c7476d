//! A witness over HTTP: one prefix for both submissions and monitors.
//!
//! <https://c2sp.org/tlog-witness>:
//!
//! | request | answers |
//! | --- | --- |
//! | `POST add-checkpoint` | 200 and a line for each cosignature; 409 with the size of the last cosigned tree, as `text/x.tlog.size`; 400, 403, 404 and 422 as in `checks`, with a sentence |
//! | `POST sign-subtree` | 200 and a line for each ML-DSA-44 cosignature of the subtree; 400, then 404 for an unknown log, 403 for a checkpoint that was not cosigned here, 422 for an invalid proof |
//! | `GET ORIGINHASH/checkpoint` | 200 and the last cosigned checkpoint, with the log's signatures and the cosignatures; 404 if there is none |
//! | `GET` the prefix itself | the witness's name and keys |
//!
//! Also: 405 for another method, 408 for a body that does not arrive, 413 for one that is too long, 429
//! with `Retry-After` for a log that submits more than its list allows, 500 if the witness cannot read or
//! write its state, 503 if it is busy. No refusal except 409 says anything about the state. Extra slashes
//! before the path are ignored.
//!
//! Nothing here depends on who asks: anyone may submit what a log has signed.

use super::{Refusal, Witness};
use crate::body::{Arrived, Bodies, BodyError, BodyLimits};
use crate::tlog::NoteSignature;
use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The longest body: twice the room for a hundred hashes and for 16 signatures of the longest kind in the
/// signed-note specification.
const LONGEST_BODY: usize = 256 << 10;
/// How many submissions' bodies are in memory at once, and their total size.
const BODIES: usize = 256;
const BYTES: usize = 16 << 20;
/// How long a submission waits for a permit.
const WAIT: Duration = Duration::from_secs(15);
/// How many requests use the disk or sign at once.
const WORKING: usize = 64;

#[derive(Debug, Clone)]
struct HttpState {
    witness: Witness,
    bodies: Bodies,
    working: Arc<Semaphore>,
}

/// All routes of a witness, at the root; to be nested below its prefix.
pub fn router(witness: Witness) -> Router {
    let bodies = Bodies::new(BodyLimits { at_once: BODIES, bytes: BYTES, ..BodyLimits::default() });
    let working = Arc::new(Semaphore::new(WORKING));
    Router::new().fallback(answer).with_state(HttpState { witness, bodies, working })
}

async fn answer(State(asked): State<HttpState>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = match (path.as_str(), path.strip_suffix("/checkpoint")) {
        ("add-checkpoint", _) => {
            let response = match *request.method() {
                Method::POST => submit(&asked, request.into_body(), Witness::add_checkpoint).await,
                _ => other_method("POST"),
            };
            asked.witness.counts().submissions.count(response.status());
            response
        }
        ("sign-subtree", _) => {
            let response = match *request.method() {
                Method::POST => submit(&asked, request.into_body(), Witness::sign_subtree).await,
                _ => other_method("POST"),
            };
            asked.witness.counts().subtrees.count(response.status());
            response
        }
        (_, Some(hash)) => {
            let response = match reads {
                true => monitor(&asked, hash.to_owned()).await,
                false => other_method("GET, HEAD"),
            };
            asked.witness.counts().monitors.count(response.status());
            response
        }
        ("", _) if reads => about(&asked.witness),
        _ => sentence(StatusCode::NOT_FOUND, "not found: this is a C2SP tlog-witness"),
    };
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().entry(CACHE_CONTROL).or_insert(no_store);
    response
}

/// A handler of a request's body.
type Answering = fn(&Witness, &[u8]) -> Result<Vec<NoteSignature>, Refusal>;

/// POST add-checkpoint, and sign-subtree.
async fn submit(asked: &HttpState, body: Body, answering: Answering) -> Response {
    let body = match read(&asked.bodies, body).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let witness = asked.witness.clone();
    match work(asked, move || answering(&witness, body.bytes())).await {
        Ok(Ok(cosignatures)) => cosigned(&cosignatures),
        Ok(Err(refusal)) => refused(&refusal),
        Err(busy) => busy,
    }
}

async fn read(bodies: &Bodies, body: Body) -> Result<Arrived, Response> {
    // Not read at all if it announces too many bytes.
    let announced = body.size_hint().lower() > LONGEST_BODY as u64;
    let read = match announced {
        true => Err(BodyError::TooLarge),
        false => bodies.read(body, LONGEST_BODY).await,
    };
    read.map_err(|error| match error {
        BodyError::TooLarge => sentence(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long"),
        BodyError::Unfinished => sentence(StatusCode::BAD_REQUEST, "the body ended too early"),
        BodyError::TooSlow => sentence(StatusCode::REQUEST_TIMEOUT, "the body arrived too slowly"),
        BodyError::Full => busy(),
    })
}

/// GET ORIGINHASH/checkpoint.
async fn monitor(asked: &HttpState, hash: String) -> Response {
    let witness = asked.witness.clone();
    match work(asked, move || witness.cosigned(&hash)).await {
        Ok(Ok(Some(checkpoint))) => {
            // The specification allows monitors to be an hour behind.
            let headers = [
                (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
                (CACHE_CONTROL, HeaderValue::from_static("public, max-age=10")),
            ];
            (headers, checkpoint).into_response()
        }
        Ok(Ok(None)) => sentence(StatusCode::NOT_FOUND, "this witness has cosigned no such log"),
        Ok(Err(error)) => {
            tracing::error!(%error, "cannot answer a monitor");
            refused(&Refusal::Unavailable)
        }
        Err(busy) => busy,
    }
}

/// Who this is.
fn about(witness: &Witness) -> Response {
    let keys = witness.keys();
    let mut text =
        format!("{} is a witness of transparency logs (C2SP tlog-witness).\n", keys.name);
    text.push_str("It cosigns with:\n");
    for cosigner in keys.in_force(witness.time()) {
        let _ = writeln!(text, "{}", cosigner.verifier_key());
    }
    text_of(StatusCode::OK, text)
}

/// Runs blocking work, if there is a permit for it.
async fn work<T: Send + 'static>(
    asked: &HttpState,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Response> {
    let permit = timeout(WAIT, asked.working.clone().acquire_owned()).await;
    let Ok(Ok(permit)) = permit else { return Err(busy()) };
    let work = move || {
        let _permit = permit;
        work()
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| refused(&Refusal::Unavailable))
}

fn cosigned(cosignatures: &[NoteSignature]) -> Response {
    let mut text = String::new();
    for cosignature in cosignatures {
        let _ = writeln!(text, "{cosignature}");
    }
    text_of(StatusCode::OK, text)
}

fn refused(refusal: &Refusal) -> Response {
    if let Refusal::Conflict(size) = refusal {
        let headers = [(CONTENT_TYPE, HeaderValue::from_static("text/x.tlog.size"))];
        return (StatusCode::CONFLICT, headers, format!("{size}\n")).into_response();
    }
    let mut response = sentence(status(refusal), &refusal.to_string());
    if let Refusal::TooMany { wait } = refusal {
        let seconds = wait.as_secs().saturating_add(1);
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Malformed(_)
        | Refusal::MalformedSubtree(_)
        | Refusal::NoCheckpoint(_)
        | Refusal::OldIsLarger { .. } => StatusCode::BAD_REQUEST,
        Refusal::UnknownLog(_) => StatusCode::NOT_FOUND,
        Refusal::NotSigned(_) | Refusal::NotCosigned => StatusCode::FORBIDDEN,
        Refusal::Conflict(_) => StatusCode::CONFLICT,
        Refusal::EmptyRoot | Refusal::Inconsistent(_) | Refusal::NotContained(_) => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Refusal::NoSubtrees => StatusCode::NOT_IMPLEMENTED,
        Refusal::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Unavailable => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn busy() -> Response {
    let mut response = sentence(StatusCode::SERVICE_UNAVAILABLE, "the witness is busy; try again");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

fn other_method(allowed: &'static str) -> Response {
    let mut response = sentence(StatusCode::METHOD_NOT_ALLOWED, "this method is not allowed here");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn sentence(status: StatusCode, sentence: &str) -> Response {
    text_of(status, format!("{sentence}\n"))
}

fn text_of(status: StatusCode, text: String) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    (status, headers, text).into_response()
}
