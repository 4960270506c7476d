//! A witness over HTTP, below its prefix, which is both for submissions and for monitors.
//!
//! <https://c2sp.org/tlog-witness>:
//!
//! | request | answers |
//! | --- | --- |
//! | `POST add-checkpoint` | 200 and a line for each cosignature; 409 with the size of the tree that was cosigned last, as `text/x.tlog.size`; 400, 403, 404 and 422 as `verdict` has it, with a sentence |
//! | `POST sign-subtree` | 200 and a line for each ML-DSA-44 cosignature of the subtree; 400, then 404 for an unknown log, 403 for a checkpoint that was not cosigned here, 422 for a proof that proves nothing |
//! | `GET ORIGINHASH/checkpoint` | 200 and the checkpoint that was cosigned last, with the log's signatures and the cosignatures; 404 where there is none |
//! | `GET` the prefix itself | the witness's name and keys |
//!
//! And besides: 405 for another method, 408 for a body that does not arrive, 413 for one that is too
//! long, 429 with `Retry-After` for a log that submits more than its list says, 500 where the witness
//! cannot read or write what it remembers, 503 where too much is under way. No refusal but 409 promises
//! anything about the state. Slashes before the path may be doubled.
//!
//! Nothing is known here of who asks: anyone may submit what a log has signed.

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

/// The longest body: room for a hundred hashes and for 16 signatures of the longest kind that the
/// specification of notes speaks of, twice over.
const LONGEST_BODY: usize = 256 << 10;
/// Submissions whose bodies are in memory at once, and the bytes that these have together.
const BODIES: usize = 256;
const BYTES: usize = 16 << 20;
/// How long a submission waits for its turn.
const WAIT: Duration = Duration::from_secs(15);
/// Submissions and monitors that use the disk or sign at once.
const WORKING: usize = 64;

#[derive(Debug, Clone)]
struct Asked {
    witness: Witness,
    bodies: Bodies,
    working: Arc<Semaphore>,
}

/// Everything that a witness answers, at the root; to be nested below its prefix.
pub fn router(witness: Witness) -> Router {
    let bodies = Bodies::new(BodyLimits { at_once: BODIES, bytes: BYTES, ..BodyLimits::default() });
    let working = Arc::new(Semaphore::new(WORKING));
    Router::new().fallback(answer).with_state(Asked { witness, bodies, working })
}

async fn answer(State(asked): State<Asked>, request: Request) -> Response {
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

/// What a witness answers to a body.
type Answering = fn(&Witness, &[u8]) -> Result<Vec<NoteSignature>, Refusal>;

/// POST add-checkpoint, and sign-subtree.
async fn submit(asked: &Asked, body: Body, answering: Answering) -> Response {
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
    // Not read at all where it says so.
    let announced = body.size_hint().lower() > LONGEST_BODY as u64;
    let read = match announced {
        true => Err(BodyError::TooLarge),
        false => bodies.read(body, LONGEST_BODY).await,
    };
    read.map_err(|error| match error {
        BodyError::TooLarge => {
            sentence(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than any that is needed")
        }
        BodyError::Unfinished => sentence(StatusCode::BAD_REQUEST, "the body ended too early"),
        BodyError::TooSlow => sentence(StatusCode::REQUEST_TIMEOUT, "the body arrived too slowly"),
        BodyError::Full => busy(),
    })
}

/// GET ORIGINHASH/checkpoint.
async fn monitor(asked: &Asked, hash: String) -> Response {
    let witness = asked.witness.clone();
    match work(asked, move || witness.cosigned(&hash)).await {
        Ok(Ok(Some(checkpoint))) => {
            // The specification lets monitors be an hour behind.
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

/// Runs what blocks, if there is room for it.
async fn work<T: Send + 'static>(
    asked: &Asked,
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
    let mut response = sentence(StatusCode::METHOD_NOT_ALLOWED, "this is not done by that method");
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
