//! Parts of files and conditional requests (RFC 9110, sections 13 and 14).

use axum::http::{HeaderMap, HeaderName, header};

/// Bytes of a file that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where they begin.
    pub first: u64,
    /// How many.
    pub length: u64,
}

/// What a request wants of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The whole.
    All,
    /// A part.
    Part(Span),
    /// A part that it does not have.
    Impossible,
}

/// What a request wants of a file of this size. What is not understood, and more than one part, is the whole.
#[must_use]
pub fn wanted(asked: &HeaderMap, size: u64, tag: &str, modified: &str) -> Wanted {
    let Some(range) = text(asked, &header::RANGE).and_then(|range| range.strip_prefix("bytes="))
    else {
        return Wanted::All;
    };
    // The file may be another one than the part that is there already.
    if text(asked, &header::IF_RANGE).is_some_and(|known| known != tag && known != modified) {
        return Wanted::All;
    }
    let Some((first, last)) = range.trim().split_once('-') else { return Wanted::All };
    match (number(first), number(last)) {
        (Some(first), last) if last.is_some() || last_is_open(range) => {
            let last = last.unwrap_or(u64::MAX).min(size.saturating_sub(1));
            match last.checked_sub(first) {
                Some(more) if first < size => Wanted::Part(Span { first, length: more + 1 }),
                // The last before the first is no range at all.
                None if first < size => Wanted::All,
                _ => Wanted::Impossible,
            }
        }
        (None, Some(count)) if first.is_empty() => {
            let length = count.min(size);
            if length == 0 {
                return Wanted::Impossible;
            }
            Wanted::Part(Span { first: size - length, length })
        }
        _ => Wanted::All,
    }
}

fn last_is_open(range: &str) -> bool {
    range.trim().ends_with('-')
}

/// Whether who asks has the file already.
#[must_use]
pub fn is_unchanged(asked: &HeaderMap, tag: &str, modified: &str) -> bool {
    match text(asked, &header::IF_NONE_MATCH) {
        Some(known) => known.split(',').map(str::trim).any(|one| {
            // What is as good as it is the same, here (RFC 9110, section 13.1.2).
            one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
        }),
        None => text(asked, &header::IF_MODIFIED_SINCE).is_some_and(|since| {
            let [since, written] = [since, modified].map(httpdate::parse_http_date);
            since.is_ok_and(|since| written.is_ok_and(|written| since >= written))
        }),
    }
}

fn text<'a>(asked: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    asked.get(name)?.to_str().ok()
}

/// Digits only: `parse` would take a sign as well.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{Span, Wanted, is_unchanged, wanted};

    fn asked(range: &str) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).expect("a value"));
        wanted(&headers, 1000, "\"tag\"", "a date")
    }

    #[test]
    fn parts_are_as_the_standard_says() {
        let part = |first, length| Wanted::Part(Span { first, length });
        assert_eq!(asked("bytes=0-0"), part(0, 1));
        assert_eq!(asked("bytes=0-999"), part(0, 1000));
        assert_eq!(asked("bytes=500-"), part(500, 500));
        assert_eq!(asked("bytes=999-5000"), part(999, 1));
        assert_eq!(asked("bytes=-1"), part(999, 1));
        assert_eq!(asked("bytes=-5000"), part(0, 1000));
        for range in ["bytes=1000-", "bytes=1000-1001", "bytes=-0"] {
            assert_eq!(asked(range), Wanted::Impossible, "{range}");
        }
        for range in [
            "bytes=5-4",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=0-0,5-6",
            "items=0-1",
            "bytes=99999999999999999999-",
            "bytes=--1",
            "bytes=1-2-3",
        ] {
            assert_eq!(asked(range), Wanted::All, "{range}");
        }
    }

    #[test]
    fn an_empty_file_has_no_parts() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-"));
        assert_eq!(wanted(&headers, 0, "t", "d"), Wanted::Impossible);
    }

    #[test]
    fn a_part_of_another_file_is_the_whole() {
        for (known, expected) in [
            ("\"tag\"", Wanted::Part(Span { first: 5, length: 5 })),
            ("a date", Wanted::Part(Span { first: 5, length: 5 })),
            ("\"other\"", Wanted::All),
            ("another date", Wanted::All),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_static("bytes=5-9"));
            headers.insert(header::IF_RANGE, HeaderValue::from_static(known));
            assert_eq!(wanted(&headers, 1000, "\"tag\"", "a date"), expected, "{known}");
        }
    }

    #[test]
    fn what_is_there_already_is_not_sent_again() {
        let with = |name, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            is_unchanged(&headers, "\"tag\"", "Thu, 26 Nov 2026 07:40:01 GMT")
        };
        assert!(with(header::IF_NONE_MATCH, "\"tag\""));
        assert!(with(header::IF_NONE_MATCH, "\"other\", \"tag\""));
        assert!(with(header::IF_NONE_MATCH, "*"));
        assert!(!with(header::IF_NONE_MATCH, "\"other\""));
        assert!(with(header::IF_NONE_MATCH, "\"other\", W/\"tag\""));
        assert!(!with(header::IF_NONE_MATCH, "W/\"other\"") && !with(header::IF_NONE_MATCH, "tag"));
        for (date, wanted) in [
            ("Thu, 26 Nov 2026 07:40:01 GMT", true),
            ("Fri, 27 Nov 2026 00:00:00 GMT", true),
            ("Thursday, 26-Nov-26 07:40:02 GMT", true),
            ("Thu, 26 Nov 2026 07:40:00 GMT", false),
            ("a date", false),
        ] {
            assert_eq!(with(header::IF_MODIFIED_SINCE, date), wanted, "{date}");
        }
        assert!(!is_unchanged(&HeaderMap::new(), "\"tag\"", "a date"));
    }
}
