//! What comes from the network, made wrong at random: whatever it is, it is read in bounded memory and time, and without a panic. The same
//! texts each time; with `TRAINYARD_LONG` a hundred times as many.

use axum::http::{HeaderMap, HeaderValue, header};

use super::known;
use super::machine::machine_of;
use super::range::{Span, Wanted, wanted};
use super::syslog::{Frames, LONGEST, Message};

/// A generator of numbers that is the same everywhere (Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % most.max(1)
    }

    /// One of these, with some bytes changed, left out, doubled, or taken from another.
    fn text(&mut self, seeds: &[&str], signs: &[u8]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].as_bytes().to_vec();
        for _ in 0..self.below(6) {
            let at = self.below(bytes.len() + 1);
            match self.below(6) {
                0 if at < bytes.len() => bytes[at] = u8::try_from(self.below(256)).unwrap_or(0),
                1 => bytes.insert(at, signs[self.below(signs.len())]),
                2 => bytes.truncate(at),
                3 => bytes.extend_from_within(at..),
                4 => {
                    let other = seeds[self.below(seeds.len())].as_bytes();
                    bytes.splice(at.., other[self.below(other.len())..].iter().copied());
                }
                _ => {
                    // Now and then more than is kept.
                    let most = if self.below(20) == 0 { 3 * LONGEST } else { 300 };
                    let run = vec![signs[self.below(signs.len())]; self.below(most)];
                    bytes.splice(at..at, run).for_each(drop);
                }
            }
            bytes.truncate(4 * LONGEST);
        }
        bytes
    }
}

fn rounds() -> usize {
    if std::env::var_os("TRAINYARD_LONG").is_some() { 2_000_000 } else { 20_000 }
}

const LOGS: [&str; 8] = [
    "<30>Nov 26 07:40:01 localhost anaconda[1234]: packaging: setting up repos",
    "<13>2026-11-26T07:40:01.123456+00:00 localhost kernel: usb 1-1: new",
    "<165>1 2003-10-11T22:14:15.003Z host evntslog - ID47 [a@32473 iut=\"3\" b=\"A\\\"]l\"][x y=\"]\"] \u{feff}An event",
    "<34>1 2003-10-11T22:14:15.003Z mymachine su - ID47 - 'su root' failed",
    "12 <14>th\nree 0<14>4\n5 <14>x<14>five\0",
    "<14>logger: a word\n",
    "99999 <191>",
    "한국어 <14>x: \u{1b}[31m",
];

#[test]
fn whatever_is_logged_is_one_line_of_text() {
    let mut random = Random(1);
    for _ in 0..rounds() {
        let bytes = random.text(&LOGS, b"<>[]\"\\ :-=0123456789\n\0\xff\x1b");
        let Message { tag, text, .. } = Message::of(&bytes);
        // A byte that is no text becomes a sign of three.
        assert!(tag.len() + text.len() <= 3 * LONGEST, "{bytes:?}");
        assert!(!tag.chars().chain(text.chars()).any(char::is_control), "{bytes:?}");
    }
}

#[test]
fn whatever_is_framed_is_the_same_in_any_parts() {
    let mut random = Random(2);
    for _ in 0..rounds() {
        let bytes = random.text(&LOGS, b"<>[]\"\\ :-=0123456789\n\0\xff\x1b");
        let whole = framed(&[&bytes]);
        assert!(whole.iter().all(|message| (1..=LONGEST).contains(&message.len())), "{bytes:?}");
        assert!(whole.iter().map(Vec::len).sum::<usize>() <= bytes.len(), "{bytes:?}");
        let (one, other) = (random.below(bytes.len() + 1), random.below(bytes.len() + 1));
        let (first, last) = (one.min(other), one.max(other));
        let parts = [&bytes[..first], &bytes[first..last], &bytes[last..]];
        assert_eq!(framed(&parts), whole, "{bytes:?} cut at {first} and {last}");
    }
}

fn framed(parts: &[&[u8]]) -> Vec<Vec<u8>> {
    let (mut frames, mut all) = (Frames::default(), Vec::new());
    for part in parts {
        frames.push(part, |bytes| all.push(bytes.to_vec()));
    }
    frames.finish(|bytes| all.push(bytes.to_vec()));
    all
}

#[test]
fn whatever_part_is_asked_for_is_within_the_file() {
    let seeds = [
        "bytes=0-99",
        "bytes=5-",
        "bytes=-7",
        "bytes=0-0,5-9",
        "bytes=18446744073709551615-",
        "bytes= 1-2 ",
    ];
    let mut random = Random(3);
    for _ in 0..rounds() {
        let bytes = random.text(&seeds, b"-,= +0123456789\x7f\xff");
        let Ok(value) = HeaderValue::from_bytes(&bytes) else { continue };
        let headers = HeaderMap::from_iter([(header::RANGE, value)]);
        let size = [0, 1, 100, u64::MAX][random.below(4)];
        if let Wanted::Part(Span { first, length }) = wanted(&headers, size, "", "") {
            assert!(
                length > 0 && first.checked_add(length).is_some_and(|end| end <= size),
                "{bytes:?} of {size}"
            );
        }
    }
}

#[test]
fn whatever_a_machine_says_of_itself_is_read_or_left() {
    let seeds = [
        "eth0 52:54:00:aa:00:11",
        "ib0 80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0b:ad:01",
        "SN 1 2",
        "534e20312b",
    ];
    let mut random = Random(4);
    for _ in 0..rounds() {
        let mut headers = HeaderMap::new();
        for name in
            ["x-rhn-provisioning-mac-0", "x-rhn-provisioning-mac-1", "x-system-serial-number"]
        {
            if let Ok(value) =
                HeaderValue::from_bytes(&random.text(&seeds, b": -0123456789abcdefg\xff"))
            {
                headers.insert(name, value);
            }
        }
        let machine = machine_of(&headers);
        assert!(machine.macs.len() <= 2 && machine.uuid.is_none());
        let text = random.text(&seeds, b"0123456789abcdefg \xc3\xa9");
        let serial = known::serial(&String::from_utf8_lossy(&text));
        assert!(serial.is_none_or(|serial| serial.len() * 2 <= text.len() && !serial.is_empty()));
    }
}
