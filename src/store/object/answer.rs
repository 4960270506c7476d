//! What an answer of the store means, and the words for it.
//!
//! After a request that changes something, four things can be known:
//!
//! | meaning | what happened to the request | examples |
//! | --- | --- | --- |
//! | done | it took effect | 200 |
//! | [`Answer::Condition`] | its condition did not hold; it had no effect | 412, 409 |
//! | [`Answer::NotSent`] | it never left, and had no effect | connection refused |
//! | [`Answer::Unclear`] | it may have had its effect, or have it yet | timeout, reset, 500, 503 |
//! | [`Answer::Refused`] | it had no effect, and would have none if it were sent again | 403, 400 |
//!
//! What reads may be sent again after all but the last.

use super::transport::Seen;
use crate::store::OUTAGE;
use crate::terminal::OneLine;
use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use std::error::Error as _;
use std::io::ErrorKind;

/// Why there is no result.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// There is no such object.
    Missing,
    /// The condition of the request did not hold.
    Condition,
    /// The request did not reach the store.
    NotSent(Cause),
    /// The request may have taken effect, and may do so yet.
    Unclear(Cause),
    /// The store refuses, and would do so again.
    Refused(Cause),
}

/// What went wrong, and the way out.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}{}{way_out}", if way_out.is_empty() { "" } else { "; " })]
pub(super) struct Cause {
    what: String,
    way_out: String,
    is_damage: bool,
}

impl Cause {
    pub(super) fn new(what: impl Into<String>, way_out: impl Into<String>) -> Cause {
        Cause { what: what.into(), way_out: way_out.into(), is_damage: false }
    }

    /// Something in the store is damaged.
    pub(super) fn damage(what: impl Into<String>, way_out: impl Into<String>) -> Cause {
        Cause { is_damage: true, ..Cause::new(what, way_out) }
    }

    /// The kind of the error that it causes.
    pub(super) fn kind(&self) -> ErrorKind {
        if self.is_damage { ErrorKind::InvalidData } else { OUTAGE }
    }
}

/// The refusals that an operator can do something about: a code of S3, Google or Azure, what it means, and
/// the way out.
const REFUSALS: &[(&[&str], &str, &str)] = &[
    (
        &["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"],
        "there is no such bucket",
        "make it, or correct the URL",
    ),
    (
        &[
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "InvalidToken",
            "AuthenticationFailed",
            "UserNotFound",
        ],
        "the store does not accept the credentials",
        "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE and ~/.aws/credentials, \
         GOOGLE_APPLICATION_CREDENTIALS, or AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
    ),
    (&["ExpiredToken", "TokenRefreshRequired"], "the credentials have expired", "get new ones"),
    (
        &["RequestTimeTooSkewed", "RequestExpired"],
        "the clocks of this machine and of the store differ by too much",
        "set this machine's clock",
    ),
    (
        &["AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraint"],
        "the bucket is in another region",
        "name that in AWS_REGION",
    ),
    (
        &["AccessDenied", "AllAccessDisabled", "AuthorizationFailure"],
        "the credentials may not do this",
        "let them get, put, delete and list objects of this bucket",
    ),
    (&["QuotaExceeded", "InsufficientCapacity"], "the store is full", "make room there"),
    (
        &["NotImplemented", "MethodNotAllowed"],
        "the store does not know this request",
        "use a store with conditional writes (see docs/operating.md)",
    ),
];

/// What the three call an object that is not there. (An answer to HEAD has no text.)
const MISSING: &[&str] = &[
    "NoSuchKey",
    "NoSuchUpload",
    "NoSuchVersion",
    "BlobNotFound",
    "ResourceNotFound",
    "No such object",
];

/// What the S3 protocol calls an answer that only sounds final.
const PASSING: &[&str] = &["RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable"];

impl Answer {
    /// What an error means, of which `seen` is what the store said last.
    pub(super) fn to(error: &Error, seen: &Seen) -> Answer {
        let says = |codes: &[&str]| codes.iter().any(|code| seen.refusal.contains(code));
        let known = REFUSALS.iter().find(|(codes, ..)| says(codes));
        if let Some((codes, what, way_out)) = known
            && !matches!(seen.status, Some(409 | 412 | 500..))
        {
            let code = codes.iter().find(|code| seen.refusal.contains(**code)).unwrap_or(&"");
            let status = seen.status.map(|status| format!("{status} ")).unwrap_or_default();
            return Answer::Refused(Cause::new(format!("{what} ({status}{code})"), *way_out));
        }
        match error {
            // A 404 that says something else comes from somebody else, and not from the bucket.
            Error::NotFound { .. } if seen.refusal.trim().is_empty() || says(MISSING) => {
                return Answer::Missing;
            }
            Error::Precondition { .. }
            | Error::AlreadyExists { .. }
            | Error::NotModified { .. } => {
                return Answer::Condition;
            }
            _ => {}
        }
        let said = || format!("the store answered {}", Answer::excerpt(seen));
        match seen.status {
            _ if says(PASSING) => Answer::Unclear(Cause::new(said(), "")),
            Some(408 | 429 | 500..) => Answer::Unclear(Cause::new(said(), "")),
            Some(301 | 302 | 307 | 308) => Answer::Refused(Cause::new(
                said(),
                "the bucket seems to be in another region: name that in AWS_REGION",
            )),
            Some(401 | 403) => Answer::Refused(Cause::new(
                said(),
                "check the credentials, and what they may do with this bucket",
            )),
            Some(404) => Answer::Refused(Cause::new(
                said(),
                "is that the address of a store (AWS_ENDPOINT_URL, GOOGLE_BASE_URL or AZURE_STORAGE_ENDPOINT)?",
            )),
            Some(400..) => Answer::Refused(Cause::new(said(), "")),
            // An answer that could not be read to its end, or understood.
            Some(_) => Answer::Unclear(Cause::new(
                format!("an answer was lost: {}", Answer::innermost(error)),
                "",
            )),
            None => Answer::without_answer(error),
        }
    }

    fn without_answer(error: &Error) -> Answer {
        let mut next = error.source();
        while let Some(source) = next {
            if let Some(error) = source.downcast_ref::<HttpError>() {
                let cause = |way_out: &str| Cause::new(Answer::innermost(error), way_out);
                return match error.kind() {
                    HttpErrorKind::Connect => Answer::NotSent(cause(
                        "is the address right (AWS_ENDPOINT_URL, GOOGLE_BASE_URL or AZURE_STORAGE_ENDPOINT, where it is not the \
                         provider's own), and is there a way to it?",
                    )),
                    HttpErrorKind::Unknown | HttpErrorKind::Decode => Answer::Refused(cause("")),
                    _ => Answer::Unclear(cause("")),
                };
            }
            next = source.source();
        }
        // Nothing was sent: a name, a setting, or credentials that cannot be read.
        Answer::Refused(Cause::new(OneLine(error).to_string(), ""))
    }

    /// The status and the beginning of a refusal.
    fn excerpt(seen: &Seen) -> String {
        let status = seen.status.unwrap_or_default();
        let text: String = OneLine(&seen.refusal).to_string().chars().take(300).collect();
        match text.trim() {
            "" => status.to_string(),
            text => format!("{status}: {text}"),
        }
    }

    /// The last of the causes, which says what happened rather than where.
    fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
        let mut last = error;
        while let Some(source) = last.source() {
            last = source;
        }
        OneLine(last).to_string()
    }

    /// What an operator is told, if this is how it ends.
    pub(super) fn into_cause(self) -> Cause {
        match self {
            Answer::NotSent(cause) | Answer::Unclear(cause) | Answer::Refused(cause) => cause,
            Answer::Missing => Cause::new("the object is not there", ""),
            Answer::Condition => Cause::new("others keep changing it", "run the command again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, refusal: &str) -> Answer {
        let source = "it failed".into();
        let error = match status {
            404 => Error::NotFound { path: "a".to_owned(), source },
            412 => Error::Precondition { path: "a".to_owned(), source },
            409 => Error::AlreadyExists { path: "a".to_owned(), source },
            _ => Error::Generic { store: "S3", source },
        };
        Answer::to(&error, &Seen { status: Some(status), refusal: refusal.to_owned() })
    }

    #[test]
    fn only_what_had_no_effect_for_certain_is_called_so() {
        assert!(matches!(answer(404, "<Code>NoSuchKey</Code>"), Answer::Missing));
        assert!(matches!(answer(404, ""), Answer::Missing));
        assert!(matches!(answer(404, "<h1>Not here</h1>"), Answer::Refused(_)), "of a proxy");
        assert!(matches!(answer(412, ""), Answer::Condition));
        assert!(matches!(answer(409, "<Code>OperationAborted</Code>"), Answer::Condition));
        for (status, text) in [(500, ""), (503, "SlowDown"), (429, ""), (400, "RequestTimeout")] {
            assert!(matches!(answer(status, text), Answer::Unclear(_)), "{status} {text}");
        }
        // A proxy may say anything in its own failure.
        assert!(matches!(answer(502, "AccessDenied"), Answer::Unclear(_)));
        assert!(matches!(answer(200, ""), Answer::Unclear(_)));
        for (status, text) in [(400, "what?"), (403, ""), (404, "NoSuchBucket"), (301, "")] {
            assert!(matches!(answer(status, text), Answer::Refused(_)), "{status} {text}");
        }
    }

    #[test]
    fn a_refusal_says_the_way_out() {
        for (status, code, words) in [
            (404, "NoSuchBucket", "make it, or correct the URL"),
            (403, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
            (403, "RequestTimeTooSkewed", "set this machine's clock"),
            (301, "PermanentRedirect", "AWS_REGION"),
            (403, "AccessDenied", "get, put, delete and list"),
        ] {
            let text = answer(status, &format!("<Code>{code}</Code>")).into_cause().to_string();
            assert!(text.contains(words) && text.contains(code), "{text}");
        }
    }
}
