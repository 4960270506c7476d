//! Sending one report: `POST UPLOAD/DATE`, as Go's client does (golang/telemetry
//! `internal/upload/upload.go`).
//!
//! What an answer means: 200, the report is stored. Of the rest, 4xx says that this report will
//! never be taken, except for those that only say "not now" (408, 425, 429); all others, and no
//! answer at all, mean that it may be sent again. Whether the server has it is then unknown, so
//! what is sent again are the same bytes, which a server counts once.

use super::Http;
use std::fmt;
use ureq::Error;

/// The most of an answer that is read, in bytes. What a server has to say is a sentence.
const LONGEST_ANSWER: u64 = 1024;

/// How reports reach a server.
pub trait Upload: fmt::Debug + Send + Sync {
    /// Sends a report.
    ///
    /// # Errors
    ///
    /// There was no answer.
    fn post(&self, url: &str, report: &str) -> Result<Answer, UploadError>;
}

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It has stored the report.
    Taken,
    /// It will never take it.
    Refused(String),
    /// It cannot take it now.
    Later(String),
}

/// No answer.
#[derive(Debug, thiserror::Error)]
#[error("cannot send the report to {url}: {reason}")]
pub struct UploadError {
    url: String,
    reason: String,
}

impl UploadError {
    /// This happened instead of an answer.
    pub fn new(url: impl Into<String>, reason: impl fmt::Display) -> UploadError {
        UploadError { url: url.into(), reason: reason.to_string() }
    }
}

impl Answer {
    /// Understands an HTTP status and what came with it.
    pub fn of(status: u16, body: &[u8]) -> Answer {
        // From outside: one line, of printable characters.
        let body = String::from_utf8_lossy(body);
        let words: Vec<&str> = body.split(|c: char| c.is_whitespace() || c.is_control()).collect();
        let sentence: String =
            words.join(" ").chars().filter(|c| !is_invisible(*c)).take(300).collect();
        let said = format!("status {status} {}", sentence.trim()).trim_end().to_owned();
        match status {
            200 => Answer::Taken,
            408 | 425 | 429 => Answer::Later(said),
            400..=499 => Answer::Refused(said),
            _ => Answer::Later(said),
        }
    }
}

/// Characters that change how the text around them is shown on a terminal.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl Upload for Http {
    fn post(&self, url: &str, report: &str) -> Result<Answer, UploadError> {
        let failed = |error: Error| UploadError::new(url, error);
        let request = self.agent(url).post(url).header("Content-Type", "application/json");
        let mut response = request.send(report).map_err(failed)?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec();
        // The status says what matters; a body that is too long or cut off says nothing more.
        Ok(Answer::of(status, &body.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_decides_whether_a_report_is_sent_again() {
        for (status, taken, again) in [
            (200, true, false),
            (201, false, true),
            (204, false, true),
            (302, false, true),
            (400, false, false),
            (404, false, false),
            (408, false, true),
            (413, false, false),
            (429, false, true),
            (500, false, true),
            (503, false, true),
        ] {
            let answer = Answer::of(status, b"");
            assert_eq!(answer == Answer::Taken, taken, "{status}");
            assert_eq!(matches!(answer, Answer::Later(_)), again, "{status}");
        }
    }

    #[test]
    fn what_a_server_says_stays_one_line() {
        let long = "x".repeat(1000);
        for (body, said) in [
            ("the week is over", "status 400 the week is over"),
            ("a\nb\r\n\x1b[31mc", "status 400 a b   [31mc"),
            ("", "status 400"),
            ("a\u{202e}b", "status 400 ab"),
        ] {
            assert_eq!(Answer::of(400, body.as_bytes()), Answer::Refused(said.to_owned()));
        }
        let Answer::Refused(said) = Answer::of(400, long.as_bytes()) else { panic!("refused") };
        assert_eq!(said.len(), "status 400 ".len() + 300);
        assert!(matches!(Answer::of(400, b"\xff"), Answer::Refused(_)));
    }
}
