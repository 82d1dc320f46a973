//! Names and passwords in URLs, which nothing that is told repeats.

use std::borrow::Cow;
use std::ops::Range;

/// A text in which no URL holds a name or a password (`http://NAME:PASSWORD@host/`, RFC 3986's userinfo): `…` stands there.
#[must_use]
pub fn without_userinfo(text: &str) -> Cow<'_, str> {
    let found = userinfo(text);
    if found.is_empty() {
        return text.into();
    }
    let mut out = String::new();
    let mut from = 0;
    for range in found {
        out.push_str(&text[from..range.start]);
        out.push('…');
        from = range.end;
    }
    (out + &text[from..]).into()
}

/// Where names and passwords stand in the URLs of a text: between `://` and the last `@` before what ends the host.
pub(super) fn userinfo(text: &str) -> Vec<Range<usize>> {
    let begin = text.match_indices("://").map(|(at, mark)| at + mark.len());
    let mut found: Vec<Range<usize>> = Vec::new();
    for start in begin {
        let rest = &text[start..];
        let ends = |c: char| c.is_whitespace() || "/?#\"'`<>,]}".contains(c);
        let authority = &rest[..rest.find(ends).unwrap_or(rest.len())];
        if let Some(length) = authority.rfind('@').filter(|length| *length > 0) {
            found.push(start..start + length);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::without_userinfo;

    #[test]
    fn what_stands_before_a_host_is_not_told() {
        for (text, told) in [
            ("http://me:pw@host/a@b", "http://…@host/a@b"),
            ("`https://a@b:c@host`, ftp://x/", "`https://…@host`, ftp://x/"),
            ("a http://x.example/?q=@ b", "a http://x.example/?q=@ b"),
            ("{a: http://u:p@h, b: rabbit://u:p@h}", "{a: http://…@h, b: rabbit://…@h}"),
            ("me@host http://@h", "me@host http://@h"),
        ] {
            assert_eq!(without_userinfo(text), told);
        }
    }
}
