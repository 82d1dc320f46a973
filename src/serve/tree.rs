//! The installation tree: the medium's files, read where they lie in the image.

use std::collections::HashMap;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::range::{self, Span};
use crate::medium::{Entry, FileReader, Medium, MediumError};

/// Bytes that are read at once. A thousand slow clients hold as many of these.
const CHUNK: usize = 128 << 10;

/// The files of a medium, by path.
pub struct Tree {
    medium: Medium,
    files: HashMap<String, Entry>,
    /// Names the medium in entity tags.
    tag: String,
    /// When it was written, as HTTP says it.
    modified: String,
}

impl Tree {
    /// All files of a medium with this digest.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(medium: Medium, digest: &str) -> Result<Self, MediumError> {
        let all = medium.walk()?.into_iter().filter(|(_, entry)| entry.is_file());
        let files =
            all.map(|(path, entry)| (path.trim_start_matches('/').to_owned(), entry)).collect();
        let written = std::fs::metadata(medium.path()).and_then(|file| file.modified());
        let modified = httpdate::fmt_http_date(written.unwrap_or(std::time::UNIX_EPOCH));
        let tag = digest.chars().take(16).collect();
        Ok(Self { medium, files, tag, modified })
    }

    /// The medium.
    #[must_use]
    pub fn medium(&self) -> &Medium {
        &self.medium
    }

    /// Whether it has such a file.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// The answer to who asks for a file, by its path without a `/` before it.
    #[must_use]
    pub fn answer(&self, path: &str, method: &Method, asked: &HeaderMap) -> Response {
        let Some(entry) = self.files.get(path) else {
            return (StatusCode::NOT_FOUND, "the medium has no such file\n").into_response();
        };
        let tag =
            format!("\"{}-{:x}-{:x}\"", self.tag, entry.first_block().unwrap_or(0), entry.size());
        let mut response = Response::builder()
            .header(header::ETAG, &tag)
            .header(header::LAST_MODIFIED, &self.modified)
            .header(header::ACCEPT_RANGES, "bytes")
            .header(header::CONTENT_TYPE, kind(path));
        if range::is_unchanged(asked, &tag, &self.modified) {
            return built(response.status(StatusCode::NOT_MODIFIED).body(Body::empty()));
        }
        let span = match range::wanted(asked, entry.size(), &tag, &self.modified) {
            range::Wanted::All => Span { first: 0, length: entry.size() },
            range::Wanted::Part(span) => {
                let last = span.first + span.length - 1;
                let said = format!("bytes {}-{last}/{}", span.first, entry.size());
                response = response
                    .status(StatusCode::PARTIAL_CONTENT)
                    .header(header::CONTENT_RANGE, said);
                span
            }
            range::Wanted::Impossible => {
                let said = format!("bytes */{}", entry.size());
                let response = response.status(StatusCode::RANGE_NOT_SATISFIABLE);
                return built(response.header(header::CONTENT_RANGE, said).body(Body::empty()));
            }
        };
        response = response.header(header::CONTENT_LENGTH, span.length);
        if method == Method::HEAD {
            return built(response.body(Body::empty()));
        }
        let reader = self.medium.reader(entry).map_err(io::Error::other);
        let part = reader.and_then(|reader| Part::of(reader, span));
        match part {
            Ok(part) => built(response.body(Body::new(part))),
            Err(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "the medium cannot be read\n").into_response()
            }
        }
    }
}

fn built(response: Result<Response, axum::http::Error>) -> Response {
    response.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// What installers and browsers know files as.
fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("rpm") => "application/x-rpm",
        Some("xml") => "text/xml",
        Some("gz") => "application/gzip",
        Some("bz2") => "application/x-bzip2",
        Some("cfg" | "treeinfo" | "TBL" | "txt" | "msg") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// A part of a file on its way.
struct Part {
    reader: FileReader,
    left: u64,
}

impl Part {
    fn of(mut reader: FileReader, span: Span) -> io::Result<Self> {
        reader.seek(SeekFrom::Start(span.first))?;
        Ok(Self { reader, left: span.length })
    }

    fn read(&mut self) -> io::Result<Bytes> {
        let size = usize::try_from(self.left).unwrap_or(usize::MAX).min(CHUNK);
        let mut bytes = vec![0; size];
        self.reader.read_exact(&mut bytes)?;
        self.left -= size as u64;
        Ok(bytes.into())
    }
}

impl http_body::Body for Part {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        // What is not in memory takes a disk's time; others go on meanwhile.
        let read = tokio::task::block_in_place(|| self.read());
        Poll::Ready(Some(read.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
