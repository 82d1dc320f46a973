//! The installation tree: the medium's files, read where they lie in the image.

use std::collections::HashMap;
use std::io;

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::sent::{Part, Sent};
use crate::medium::{Entry, Medium, MediumError};

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
        let size = entry.size();
        let tag = format!("\"{}-{:x}-{size:x}\"", self.tag, entry.first_block().unwrap_or(0));
        Sent { path, size, tag: &tag, modified: &self.modified }.answer(method, asked, |span| {
            let reader = self.medium.reader(entry).map_err(io::Error::other)?;
            Ok(Body::new(Part::of(reader, span)?))
        })
    }
}
