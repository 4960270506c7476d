//! HTTP for `object_store` by ureq, which the program has anyway: one TLS stack, one set of certificates.
//!
//! A request blocks a thread of the runtime's pool. Answers up to [`WHOLE`] bytes are read at once, larger
//! ones as they are asked for. Nothing is sent twice here: whoever sends decides that, and knows from
//! [`Seen`] what the store said last.

use bytes::Bytes;
use hyper::body::{Body, Frame};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use std::fmt;
use std::future::Future;
use std::io::{ErrorKind, Read};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use ureq::http::header::CONTENT_LENGTH;
use ureq::http::{Method, Request, Response};
use ureq::{Agent, Timeout};

/// How large an answer may be that is read at once.
const WHOLE: u64 = 256 * 1024;
/// How much of a larger answer is read at once.
const PIECE: usize = 128 * 1024;
/// How much of a refusal is read.
const REFUSAL: u64 = 16 * 1024;

tokio::task_local! {
    /// What the store said to the last request of this operation.
    static SEEN: Arc<Mutex<Seen>>;
}

/// What the store said to the last request of an operation.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The status, if there was an answer.
    pub(super) status: Option<u16>,
    /// The beginning of the answer, if it was not what was asked for.
    pub(super) refusal: String,
}

impl Seen {
    /// Runs an operation, and returns what the store said last.
    pub(super) async fn during<T>(operation: impl Future<Output = T>) -> (T, Seen) {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let done = SEEN.scope(seen.clone(), operation).await;
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (done, seen)
    }

    fn remember(self) {
        let _ = SEEN.try_with(|seen| {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = self;
        });
    }
}

/// How long a store may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// To connect, names and TLS included.
    pub(super) connect: Duration,
    /// To begin its answer after a request was sent.
    pub(super) answer: Duration,
    /// To take or send a body.
    pub(super) body: Duration,
}

/// Makes [`Transport`]s.
#[derive(Debug)]
pub(super) struct Connector(pub(super) Limits);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let allows_http = options.get_config_value(&object_store::ClientConfigKey::AllowHttp);
        Ok(HttpClient::new(Transport::new(self.0, allows_http.as_deref() == Some("true"))))
    }
}

/// HTTP and HTTPS, by ureq.
#[derive(Debug)]
struct Transport {
    agent: Agent,
}

impl Transport {
    fn new(limits: Limits, allows_http: bool) -> Transport {
        let settings = Agent::config_builder()
            .http_status_as_error(false)
            .https_only(!allows_http)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(64)
            .max_idle_connections_per_host(64)
            .timeout_connect(Some(limits.connect))
            .timeout_send_body(Some(limits.body))
            .timeout_recv_response(Some(limits.answer))
            .timeout_recv_body(Some(limits.body))
            .user_agent(concat!("candor/", env!("CARGO_PKG_VERSION")));
        // What goes to this machine or a metadata service goes there.
        let settings = if allows_http { settings.proxy(None) } else { settings };
        Transport { agent: settings.build().into() }
    }
}

impl HttpService for Transport {
    fn call<'a, 'b>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let agent = self.agent.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = collected(body).await?;
            Seen::default().remember();
            let sent = tokio::task::spawn_blocking(move || {
                let request = Request::from_parts(head, ());
                answer_to(&agent, request, &body)
            });
            let (seen, answer) =
                sent.await.map_err(|e| HttpError::new(HttpErrorKind::Unknown, e))??;
            seen.remember();
            Ok(answer)
        })
    }
}

/// The bytes of a request. They are all there: nothing waits.
async fn collected(mut body: object_store::client::HttpRequestBody) -> Result<Bytes, HttpError> {
    let mut pieces: Vec<Bytes> = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
    {
        pieces.extend(frame?.into_data());
    }
    Ok(match pieces.len() {
        1 => pieces.pop().unwrap_or_default(),
        _ => pieces.concat().into(),
    })
}

fn answer_to(
    agent: &Agent,
    request: Request<()>,
    body: &[u8],
) -> Result<(Seen, HttpResponse), HttpError> {
    let has_body = matches!(*request.method(), Method::PUT | Method::POST | Method::PATCH);
    let answer = match has_body {
        true => agent.run(request.map(|()| body)),
        false => agent.run(request),
    };
    let (head, body) = answer.map_err(failed)?.into_parts();
    let status = head.status;
    let mut seen = Seen { status: Some(status.as_u16()), refusal: String::new() };
    let length = head.headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let mut reader = body.into_with_config().limit(u64::MAX).reader();
    let mut whole = Vec::new();
    if !status.is_success() {
        // The status says enough if the rest cannot be read.
        let _ = reader.take(REFUSAL).read_to_end(&mut whole);
        seen.refusal = String::from_utf8_lossy(&whole).into_owned();
        let text = seen.refusal.clone();
        return Ok((seen, Response::from_parts(head, HttpResponseBody::from(text))));
    }
    let body = match length {
        Some(length) if length <= WHOLE => {
            reader.read_to_end(&mut whole).map_err(interrupted)?;
            HttpResponseBody::from(whole)
        }
        _ => {
            let (send, receive) = mpsc::channel(2);
            tokio::task::spawn_blocking(move || pass_on(reader, &send));
            HttpResponseBody::new(Streamed { receive, left: length })
        }
    };
    Ok((seen, Response::from_parts(head, body)))
}

/// Passes the pieces of an answer on, until it or the interest in it ends.
fn pass_on(mut reader: impl Read, send: &mpsc::Sender<Result<Bytes, HttpError>>) {
    loop {
        let mut piece = vec![0; PIECE];
        let read = match reader.read(&mut piece) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                let _ = send.blocking_send(Err(interrupted(error)));
                return;
            }
        };
        piece.truncate(read);
        if send.blocking_send(Ok(piece.into())).is_err() {
            return;
        }
    }
}

/// A large answer, piece by piece.
struct Streamed {
    receive: mpsc::Receiver<Result<Bytes, HttpError>>,
    /// How much is still to come, if the store said how much there is.
    left: Option<u64>,
}

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let Poll::Ready(piece) = self.receive.poll_recv(context) else { return Poll::Pending };
        Poll::Ready(match piece {
            Some(Ok(piece)) => {
                let length = piece.len() as u64;
                self.left = self.left.map(|left| left.saturating_sub(length));
                Some(Ok(Frame::data(piece)))
            }
            Some(Err(error)) => Some(Err(error)),
            // The other side is gone before its time: half an answer is none.
            None if self.left.is_some_and(|left| left > 0) => {
                self.left = None;
                Some(Err(interrupted(ErrorKind::UnexpectedEof.into())))
            }
            None => None,
        })
    }
}

fn interrupted(error: std::io::Error) -> HttpError {
    HttpError::new(HttpErrorKind::Interrupted, error)
}

/// What an error of the transport means: `Connect` alone says that nothing was sent, and `Unknown` that
/// sending again does not help.
fn failed(error: ureq::Error) -> HttpError {
    use ureq::Error;
    let kind = match &error {
        Error::HostNotFound | Error::ConnectionFailed | Error::ConnectProxyFailed(_) => {
            HttpErrorKind::Connect
        }
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => HttpErrorKind::Connect,
        Error::Timeout(_) => HttpErrorKind::Timeout,
        Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => HttpErrorKind::Connect,
        Error::Io(error) if error.kind() == ErrorKind::InvalidData => HttpErrorKind::Unknown,
        Error::Io(_) | Error::Protocol(_) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}
