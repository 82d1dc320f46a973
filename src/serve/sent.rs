//! A file on its way to who asks for it: whole, in part, or not at all where that one has it already.

use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::range::{self, Span};

/// Bytes that are read at once. A thousand slow clients hold as many of these.
pub const CHUNK: usize = 128 << 10;

/// What a file is.
pub struct Sent<'a> {
    /// What it is known as.
    pub path: &'a str,
    /// Its size in bytes.
    pub size: u64,
    /// Its entity tag.
    pub tag: &'a str,
    /// When it was written, as HTTP says it.
    pub modified: &'a str,
}

impl Sent<'_> {
    /// The answer to who asks for it. `open` is called where bytes of it are sent.
    pub fn answer(
        &self,
        method: &Method,
        asked: &HeaderMap,
        open: impl FnOnce(Span) -> io::Result<Body>,
    ) -> Response {
        let mut response = Response::builder()
            .header(header::ETAG, self.tag)
            .header(header::LAST_MODIFIED, self.modified)
            .header(header::ACCEPT_RANGES, "bytes")
            .header(header::CONTENT_TYPE, kind(self.path));
        if range::is_unchanged(asked, self.tag, self.modified) {
            return built(response.status(StatusCode::NOT_MODIFIED).body(Body::empty()));
        }
        let span = match range::wanted(asked, self.size, self.tag, self.modified) {
            range::Wanted::All => Span { first: 0, length: self.size },
            range::Wanted::Part(span) => {
                let last = span.first + span.length - 1;
                let said = format!("bytes {}-{last}/{}", span.first, self.size);
                response = response
                    .status(StatusCode::PARTIAL_CONTENT)
                    .header(header::CONTENT_RANGE, said);
                span
            }
            range::Wanted::Impossible => {
                let said = format!("bytes */{}", self.size);
                let response = response.status(StatusCode::RANGE_NOT_SATISFIABLE);
                return built(response.header(header::CONTENT_RANGE, said).body(Body::empty()));
            }
        };
        response = response.header(header::CONTENT_LENGTH, span.length);
        if method == Method::HEAD {
            return built(response.body(Body::empty()));
        }
        match open(span) {
            Ok(body) => built(response.body(body)),
            Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "it cannot be read\n").into_response(),
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
pub struct Part<R> {
    reader: R,
    left: u64,
}

impl<R: Read + Seek> Part<R> {
    /// The part of what a reader has.
    ///
    /// # Errors
    /// It cannot be read there.
    pub fn of(mut reader: R, span: Span) -> io::Result<Self> {
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

impl<R: Read + Seek + Unpin> http_body::Body for Part<R> {
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
