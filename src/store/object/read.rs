//! Objects that are too large for memory: downloaded to a scratch file that has no name.

use super::answer::{Answer, Cause};
use super::connect::Client;
use super::retry::{Attempts, Patience, ask};
use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore as _};
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::pin::Pin;
use std::task::Context;

/// The next piece of a download.
type Stream = Pin<Box<dyn futures_core::Stream<Item = object_store::Result<Bytes>> + Send>>;

/// Downloads an object into `file`, which is empty; `false` if there is no such object.
///
/// A download that is interrupted goes on where it was, if the object is still the same, and else begins
/// again.
pub(super) async fn download(
    client: &Client,
    path: &Path,
    patience: Patience,
    file: &mut File,
) -> Result<bool, Cause> {
    let unwritable = |error: std::io::Error| {
        Cause::new(
            format!("the scratch file of a download cannot be written: {error}"),
            "make room on this disk",
        )
    };
    let mut attempts = Attempts::new(client, patience);
    let mut written: u64 = 0;
    let mut e_tag: Option<String> = None;
    loop {
        let mut options = GetOptions::default();
        if written > 0 {
            options.range = Some(GetRange::Offset(written));
            options.if_match = e_tag.clone();
        }
        let before = written;
        let piece_by_piece = async {
            let found = client.objects.get_opts(path, options).await?;
            let (size, found_tag) = (found.meta.size, found.meta.e_tag.clone());
            let mut pieces: Stream = found.into_stream();
            let mut failed = None;
            while let Some(piece) = next(&mut pieces).await {
                let piece = piece?;
                if let Err(error) = file.write_all(&piece) {
                    failed = Some(error);
                    break;
                }
                written += piece.len() as u64;
                e_tag.clone_from(&found_tag);
            }
            Ok((size, failed))
        };
        let answer = match ask(piece_by_piece).await {
            Ok((_, Some(error))) => return Err(unwritable(error)),
            Ok((size, None)) if written == size => {
                file.rewind().map_err(unwritable)?;
                return Ok(true);
            }
            Ok((size, None)) => {
                let what = format!("only {written} of {size} bytes came");
                Answer::Unclear(Cause::new(what, ""))
            }
            Err(Answer::Missing) => return Ok(false),
            Err(Answer::Refused(cause)) => return Err(cause),
            Err(other) => other,
        };
        // Another object now, one whose version is not known, or a store without ranges.
        if matches!(answer, Answer::Condition) || e_tag.is_none() {
            file.set_len(0).and_then(|()| file.rewind()).map_err(unwritable)?;
            written = 0;
        }
        // As long as some of it comes each time, it comes to an end.
        if written > before && before > 0 {
            attempts = Attempts::new(client, patience);
        }
        if !attempts.another(&answer).await {
            return Err(attempts.given_up(answer));
        }
    }
}

async fn next(pieces: &mut Stream) -> Option<object_store::Result<Bytes>> {
    std::future::poll_fn(|context: &mut Context<'_>| pieces.as_mut().poll_next(context)).await
}
