//! The system log as it comes over a network: RFC 3164 as programs write it, RFC 5424, and how RFC 6587 has one message follow another.

/// Bytes of a message that are kept; RFC 5424 asks receivers for 2048.
pub const LONGEST: usize = 8 << 10;
/// What RFC 5424 calls severities, from 0.
const SEVERITIES: [&str; 8] =
    ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// What somebody's log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// How bad it is.
    pub severity: &'static str,
    /// The program's name, where it has one.
    pub tag: String,
    /// What it says, on one line.
    pub text: String,
}

impl Message {
    /// What these bytes say. Whatever they are, they say something: who sends them is not there to be told.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]);
        let (priority, rest) = priority(&text).unwrap_or((13, &text));
        let severity = SEVERITIES[usize::from(priority & 7)];
        let (tag, text) = match rest.strip_prefix("1 ") {
            Some(structured) => of_5424(structured),
            None => of_3164(rest),
        };
        Self { severity, tag: one_line(tag), text: one_line(text) }
    }
}

/// `<PRI>`: facility times eight and severity, at most 191.
fn priority(text: &str) -> Option<(u8, &str)> {
    let (number, rest) = text.strip_prefix('<')?.split_once('>')?;
    let is_number = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let priority = is_number.then(|| number.parse().ok()).flatten()?;
    (priority <= 191).then_some((priority, rest))
}

/// Time, host, program, process, kind and data, each `-` where it is not known; then the message.
fn of_5424(text: &str) -> (&str, &str) {
    let mut rest = text;
    let mut word = || {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = after;
        word
    };
    let (_time, _host, program, _process, _kind) = (word(), word(), word(), word(), word());
    let message = after_data(rest).trim_start();
    (if program == "-" { "" } else { program }, message.trim_start_matches('\u{feff}'))
}

/// What comes after `-`, or after elements in brackets, in whose values a `\` takes its meaning from the next letter.
fn after_data(text: &str) -> &str {
    let mut rest = text.strip_prefix('-').unwrap_or(text);
    while let Some(inside) = rest.strip_prefix('[') {
        let (mut quoted, mut escaped) = (false, false);
        let end = inside.char_indices().find(|(_, letter)| {
            let is_end = *letter == ']' && !quoted;
            if *letter == '"' && !escaped {
                quoted = !quoted;
            }
            escaped = *letter == '\\' && !escaped;
            is_end
        });
        let Some((end, _)) = end else { return inside };
        rest = &inside[end + 1..];
    }
    rest
}

/// `Nov 26 07:40:01 host program[7]: text`, or with a time as in RFC 5424; or without any of it, as small programs have it.
fn of_3164(text: &str) -> (&str, &str) {
    let after_time = after_short_time(text).or_else(|| after_long_time(text));
    // What has no time has no host.
    let rest = match after_time {
        Some(rest) => rest.split_once(' ').map_or(rest, |(_host, rest)| rest),
        None => text,
    };
    let is_of_tag = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    let end = rest.find(|letter| !is_of_tag(letter)).unwrap_or(rest.len());
    let (tag, after) = rest.split_at(end);
    let after = match after.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        Some((_process, after)) => after,
        None => after,
    };
    match after.strip_prefix(':') {
        Some(text) if !tag.is_empty() => (tag, text.trim_start()),
        _ => ("", rest),
    }
}

fn after_short_time(text: &str) -> Option<&str> {
    const SHAPE: &[u8] = b"Aaa _9 99:99:99 ";
    let time = text.as_bytes().get(..SHAPE.len())?;
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'A' => byte.is_ascii_uppercase(),
        b'a' => byte.is_ascii_lowercase(),
        b'9' => byte.is_ascii_digit(),
        b'_' => byte.is_ascii_digit() || *byte == b' ',
        same => byte == same,
    };
    time.iter().zip(SHAPE).all(fits).then(|| &text[SHAPE.len()..])
}

fn after_long_time(text: &str) -> Option<&str> {
    let (time, rest) = text.split_once(' ')?;
    let bytes = time.as_bytes();
    let is_time = bytes.len() >= 19
        && bytes[4] == b'-'
        && bytes[10] == b'T'
        && bytes[..4].iter().all(u8::is_ascii_digit);
    is_time.then_some(rest)
}

/// On one line, without what a terminal would take for an order.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    text.trim_end().to_owned()
}

/// Messages that come one after the other on a connection: each begins with its length and a blank, or ends with a line feed or a zero.
#[derive(Debug, Default)]
pub struct Frames {
    /// The beginning of what is not whole yet.
    begun: Vec<u8>,
    /// Bytes of a counted message that are still to come, the kept ones in `begun`.
    counted: Option<usize>,
    /// Whether the rest of a line is left out, because it is too long.
    too_long: bool,
}

impl Frames {
    /// Takes what has come, and hands on each message that is whole. Memory is bounded whatever comes.
    pub fn push(&mut self, mut bytes: &[u8], mut message: impl FnMut(&[u8])) {
        while let Some((&first, rest)) = bytes.split_first() {
            if let Some(left) = self.counted {
                let take = left.min(bytes.len());
                self.keep(&bytes[..take]);
                bytes = &bytes[take..];
                self.counted = Some(left - take).filter(|left| *left > 0);
                if self.counted.is_none() {
                    self.end(&mut message);
                }
                continue;
            }
            bytes = rest;
            match first {
                b'\n' | 0 => self.end(&mut message),
                b' ' if self.is_length() => {
                    let length = String::from_utf8_lossy(&self.begun).parse().unwrap_or(0);
                    self.begun.clear();
                    self.counted = Some(length).filter(|length| *length > 0);
                }
                _ => self.keep(&[first]),
            }
        }
    }

    /// The connection has ended: what there is, is all.
    pub fn finish(mut self, mut message: impl FnMut(&[u8])) {
        self.end(&mut message);
    }

    fn is_length(&self) -> bool {
        // A message begins with `<`.
        (1..=6).contains(&self.begun.len()) && self.begun.iter().all(u8::is_ascii_digit)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LONGEST - self.begun.len();
        self.too_long |= bytes.len() > room;
        self.begun.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end(&mut self, message: &mut impl FnMut(&[u8])) {
        if !self.begun.is_empty() {
            message(&self.begun);
        }
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::{Frames, LONGEST, Message};

    fn said(text: &str) -> (String, String, String) {
        let message = Message::of(text.as_bytes());
        (message.severity.to_owned(), message.tag, message.text)
    }

    #[test]
    fn what_programs_send_is_read() {
        for (text, severity, tag, told) in [
            // rsyslog 8.24, as CentOS 7's installer begins it.
            (
                "<30>Nov 26 07:40:01 localhost anaconda[1234]: packaging: setting up repos",
                "info",
                "anaconda",
                "packaging: setting up repos",
            ),
            ("<11>Nov  6 07:40:01 10.0.0.31 systemd: Failed.", "err", "systemd", "Failed."),
            (
                "<13>2026-11-26T07:40:01.123456+00:00 localhost kernel: usb 1-1: new",
                "notice",
                "kernel",
                "usb 1-1: new",
            ),
            (
                "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\" eventSource=\"App\\\"]lication\"][x y=\"]\"] \u{feff}An event",
                "notice",
                "evntslog",
                "An event",
            ),
            (
                "<34>1 2003-10-11T22:14:15.003Z mymachine su - ID47 - 'su root' failed",
                "crit",
                "su",
                "'su root' failed",
            ),
            ("<15>1 - - - - - -", "debug", "", ""),
            // Small programs leave out time and host.
            ("<14>logger: a word", "info", "logger", "a word"),
            ("<14>just text: and more", "info", "", "just text: and more"),
            ("no priority", "notice", "", "no priority"),
            ("<192>too much", "notice", "", "<192>too much"),
            ("<14>a: \u{1b}[31mred\tand\u{7} more  ", "info", "a", " [31mred and  more"),
            ("", "notice", "", ""),
            ("<", "notice", "", "<"),
            ("<14>", "info", "", ""),
            ("<14>1 ", "info", "", ""),
            ("<14>1 x [", "info", "", ""),
        ] {
            let wanted = (severity.to_owned(), tag.to_owned(), told.to_owned());
            assert_eq!(said(text), wanted, "{text}");
        }
        assert!(Message::of(b"<14>x: \xff\xfe").text.contains('\u{fffd}'));
        assert_eq!(Message::of(&vec![b'x'; 100_000]).text.len(), LONGEST);
    }

    fn framed(parts: &[&[u8]]) -> Vec<String> {
        let (mut frames, mut all) = (Frames::default(), Vec::new());
        let mut keep = |bytes: &[u8]| all.push(String::from_utf8_lossy(bytes).into_owned());
        for part in parts {
            frames.push(part, &mut keep);
        }
        frames.finish(keep);
        all
    }

    #[test]
    fn messages_follow_each_other_in_both_ways_and_in_any_parts() {
        let stream = b"<14>one\n<14>two\0\n12 <14>th\nree 0<14>4\n5 <14>x<14>five";
        let wanted = ["<14>one", "<14>two", "<14>th\nree 0", "<14>4", "<14>x", "<14>five"];
        assert_eq!(framed(&[stream]), wanted);
        for at in 0..stream.len() {
            assert_eq!(framed(&[&stream[..at], &stream[at..]]), wanted, "cut at {at}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(framed(&bytes), wanted);
    }

    #[test]
    fn no_message_is_longer_than_is_kept() {
        let long = vec![b'x'; 3 * LONGEST];
        let all = framed(&[&long, b"\n<14>next\n"]);
        assert_eq!(all.iter().map(String::len).collect::<Vec<_>>(), [LONGEST, 8]);
        let counted = [format!("{} ", 3 * LONGEST).as_bytes(), &long, b"<14>next\n"].concat();
        let all = framed(&[&counted]);
        assert_eq!(all.iter().map(String::len).collect::<Vec<_>>(), [LONGEST, 8]);
        // A length that is none is text.
        assert_eq!(framed(&[b"99999999 x\n0 y\n"]), ["99999999 x", "y"]);
    }
}
