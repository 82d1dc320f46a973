//! What URLs say of a person, which nothing that is told repeats: names, passwords, and queries, which hold tokens.

use std::borrow::Cow;
use std::ops::Range;

/// A text in which no URL holds a name or a password (`http://NAME:PASSWORD@host/`, RFC 3986's userinfo), nor a query: `…` stands
/// there.
#[must_use]
pub fn without_private(text: &str) -> Cow<'_, str> {
    let found = private(text);
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

/// Where such things stand in the URLs of a text. A name and a password stand between `://` and the last `@` before what ends the
/// host; a query ends where the URL does.
pub(super) fn private(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, mark) in text.match_indices("://") {
        let start = at + mark.len();
        // One that stands in another's query is hidden with that.
        if found.last().is_some_and(|last| start < last.end) {
            continue;
        }
        let rest = &text[start..];
        let ends = |c: char| c.is_whitespace() || "/?#\"'`<>,]}".contains(c);
        let authority = &rest[..rest.find(ends).unwrap_or(rest.len())];
        if let Some(length) = authority.rfind('@').filter(|length| *length > 0) {
            found.push(start..start + length);
        }
        let url = &rest[..end(&text[..at], rest)];
        if let Some(query) = url.find('?').filter(|query| query + 1 < url.len()) {
            found.push(start + query + 1..start + url.len());
        }
    }
    found
}

/// Where a URL ends that begins so: at the quote that stands before it; else before what is no part of it.
fn end(before: &str, rest: &str) -> usize {
    let before = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if let Some(quote) = before.chars().last().filter(|c| "\"'`".contains(*c)) {
        return rest.find(quote).unwrap_or(rest.len());
    }
    let url =
        &rest[..rest.find(|c: char| c.is_whitespace() || "`<>".contains(c)).unwrap_or(rest.len())];
    url.trim_end_matches([',', ']', '}']).len()
}

#[cfg(test)]
mod tests {
    use super::without_private;

    #[test]
    fn what_is_no_ones_to_see_is_not_told() {
        for (text, told) in [
            ("http://me:pw@host/a@b", "http://…@host/a@b"),
            ("`https://a@b:c@host`, ftp://x/", "`https://…@host`, ftp://x/"),
            ("a http://x.example/?q=@ b", "a http://x.example/?… b"),
            ("`http://u:p@h/a?b c&d`: e", "`http://…@h/a?…`: e"),
            ("{a: 'http://h?b=c}', d: e}", "{a: 'http://h?…', d: e}"),
            ("[http://h?b=it's, http://i/?c]", "[http://h?…, http://i/?…]"),
            ("http://h/?to=http://u:p@i/?x", "http://h/?…"),
            ("is it `http://h`? http://h? no", "is it `http://h`? http://h? no"),
            ("{a: http://u:p@h, b: rabbit://u:p@h}", "{a: http://…@h, b: rabbit://…@h}"),
            ("me@host http://@h", "me@host http://@h"),
        ] {
            assert_eq!(without_private(text), told);
        }
    }
}
