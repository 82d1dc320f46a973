//! What a server's answer promises, before a byte of its body is read.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    LAST_MODIFIED, LOCATION, RETRY_AFTER,
};

use crate::report::without_private;

/// What a mirror did instead of sending the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// In words that go after the mirror's URL.
    pub what: String,
    pub next: Next,
    /// What is there already may be the reason.
    pub is_doubt: bool,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The same mirror may do better; it may have said when.
    Again(Option<Duration>),
    /// This mirror will not do better.
    Elsewhere,
}

impl Trouble {
    pub fn again(what: impl Into<String>) -> Self {
        Self { what: what.into(), next: Next::Again(None), is_doubt: false }
    }

    pub fn elsewhere(what: impl Into<String>) -> Self {
        Self { what: what.into(), next: Next::Elsewhere, is_doubt: false }
    }

    /// It may do better when it is asked for all of it.
    pub fn doubt(what: impl Into<String>) -> Self {
        Self { is_doubt: true, ..Self::elsewhere(what) }
    }
}

/// An answer whose body can be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Where in the file the body begins.
    pub at: u64,
    /// The file's size, where the answer tells it.
    pub size: Option<u64>,
    /// What `If-Range` can hold the next time: a strong entity tag, or a date (RFC 9110, section 13.1.5).
    pub validator: Option<String>,
}

impl Answer {
    /// Reads the head of an answer to a request for the bytes from `wanted` on, of a file that should have `size` bytes.
    pub fn read(
        status: StatusCode,
        headers: &HeaderMap,
        wanted: u64,
        size: Option<u64>,
    ) -> Result<Self, Trouble> {
        let text = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
        let (at, found) = match status {
            StatusCode::OK => (0, text(CONTENT_LENGTH).and_then(|v| v.parse().ok())),
            StatusCode::PARTIAL_CONTENT => {
                let range = text(CONTENT_RANGE).unwrap_or_default();
                let (at, found) = content_range(range).ok_or_else(|| {
                    Trouble::doubt(format!("answers a range without saying which (`{range}`)"))
                })?;
                if at != wanted {
                    let what = format!("sends bytes from {at} on, and was asked from {wanted} on");
                    return Err(Trouble::doubt(what));
                }
                (at, found)
            }
            _ if status.is_redirection() => {
                // Others were followed.
                let to = text(LOCATION).unwrap_or_default();
                let to = without_private(to.split('?').next().unwrap_or_default());
                let what =
                    format!("redirects to `{to}`, where nobody follows: only to HTTP and HTTPS");
                return Err(Trouble::elsewhere(what));
            }
            _ => return Err(refusal(status, headers)),
        };
        if let Some(encoding) = text(CONTENT_ENCODING).filter(|e| *e != "identity") {
            let what = format!("sends the file encoded (`{encoding}`), and was asked not to");
            return Err(Trouble::elsewhere(what));
        }
        // A page may be called so by mistake; a page of just that size is none.
        let kind = text(CONTENT_TYPE).unwrap_or_default();
        let is_it = found.is_some() && found == size;
        if kind.starts_with("text/html") && !is_it {
            let what = "sends a web page, not the file: the mirror moved, or a login page of this network stands before it";
            return Err(Trouble::elsewhere(what));
        }
        if let (Some(found), Some(size)) = (found, size)
            && found != size
        {
            let what = format!("carries another file: {found} bytes, not {size}");
            return Err(Trouble::elsewhere(what));
        }
        let tag = text(ETAG).filter(|tag| tag.starts_with('"'));
        let validator = tag.or_else(|| text(LAST_MODIFIED)).map(str::to_owned);
        Ok(Self { at, size: found, validator })
    }
}

/// `bytes 5-9/10`: where it begins, and the whole size where that is told.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let at = range.split_once('-')?.0.parse().ok()?;
    Some((at, size.parse().ok()))
}

/// What an answer means that brings nothing.
pub(super) fn refusal(status: StatusCode, headers: &HeaderMap) -> Trouble {
    let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let what = match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => format!("does not have the file ({status})"),
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => format!("refuses ({status})"),
        StatusCode::RANGE_NOT_SATISFIABLE => {
            "has no more than what is there already, which is not the file".to_owned()
        }
        _ => format!("answers {status}"),
    };
    let passes = matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::TOO_EARLY
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    );
    let next = if passes {
        Next::Again(retry_after.and_then(|text| later(text, SystemTime::now())))
    } else {
        Next::Elsewhere
    };
    Trouble { what, next, is_doubt: status == StatusCode::RANGE_NOT_SATISFIABLE }
}

/// `Retry-After` is seconds, or a date (RFC 9110, section 10.2.3).
fn later(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().expect("a header's value"))
        };
        pairs.iter().map(pair).collect()
    }

    fn read(status: u16, pairs: &[(&'static str, &str)], wanted: u64) -> Result<Answer, Trouble> {
        let status = StatusCode::from_u16(status).expect("a status");
        Answer::read(status, &headers(pairs), wanted, Some(100))
    }

    #[test]
    fn a_range_begins_where_it_was_asked_for() {
        let range = |text| read(206, &[("content-range", text)], 40);
        assert_eq!(range("bytes 40-99/100").expect("an answer").at, 40);
        assert_eq!(range("bytes 40-99/*").expect("an answer").size, None);
        for wrong in ["bytes 0-99/100", "bytes 40-98/99", "", "bytes */100", "pages 40-99/100"] {
            assert_eq!(range(wrong).expect_err(wrong).next, Next::Elsewhere, "{wrong}");
        }
    }

    #[test]
    fn a_server_without_ranges_begins_anew() {
        assert_eq!(read(200, &[("content-length", "100")], 40).expect("an answer").at, 0);
    }

    #[test]
    fn what_is_no_file_is_not_taken() {
        for (pairs, word) in [
            (&[("content-length", "99")][..], "another file: 99 bytes, not 100"),
            (&[("content-encoding", "gzip")], "encoded (`gzip`)"),
            (&[("content-type", "text/html; charset=utf-8")], "a web page"),
        ] {
            let trouble = read(200, pairs, 0).expect_err(word);
            assert!(trouble.what.contains(word), "{trouble:?}");
            assert_eq!(trouble.next, Next::Elsewhere);
        }
    }

    #[test]
    fn what_passes_is_tried_again() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(read(status, &[], 0).expect_err("a refusal").next, Next::Again(None));
        }
        for status in [400, 401, 403, 404, 410, 416, 501, 304] {
            assert_eq!(read(status, &[], 0).expect_err("a refusal").next, Next::Elsewhere);
        }
        let busy = read(429, &[("retry-after", "7")], 0).expect_err("a refusal");
        assert_eq!(busy.next, Next::Again(Some(Duration::from_secs(7))));
    }

    #[test]
    fn a_date_to_come_back_at() {
        let date = "Wed, 25 Nov 2026 12:00:00 GMT";
        let noon = httpdate::parse_http_date(date).expect("a date");
        let before = noon - Duration::from_secs(90);
        assert_eq!(later(date, before), Some(Duration::from_secs(90)));
        assert_eq!(later(date, noon + Duration::from_secs(1)), Some(Duration::ZERO));
        assert_eq!(later("soon", noon), None);
    }

    #[test]
    fn only_what_is_exact_validates_a_range() {
        let validator = |pairs| read(200, pairs, 0).expect("an answer").validator;
        assert_eq!(validator(&[("etag", "\"a\"")]), Some("\"a\"".into()));
        assert_eq!(validator(&[("etag", "W/\"a\"")]), None);
        let date = "Wed, 25 Nov 2026 12:00:00 GMT";
        assert_eq!(validator(&[("etag", "W/\"a\""), ("last-modified", date)]), Some(date.into()));
    }
}
