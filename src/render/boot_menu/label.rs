//! udev's spelling of a file system's label, which `hd:LABEL=` must use: the installer looks for
//! /dev/disk/by-label/ and what stands after the `=`.

use std::fmt::Write as _;

/// Escapes a label as udev names its link: ASCII letters and digits and `#+-.:=@_` stay, and so does any
/// character beyond ASCII (the encoding rule of libblkid's `blkid_encode_string`); every other byte becomes
/// `\x` and two hexadecimal digits.
#[must_use]
pub fn escape_label(label: &str) -> String {
    let mut escaped = String::with_capacity(label.len());
    for character in label.chars() {
        if character.is_ascii_alphanumeric()
            || "#+-.:=@_".contains(character)
            || !character.is_ascii()
        {
            escaped.push(character);
        } else {
            // ASCII only: one byte. Writing to a string cannot fail.
            let _ = write!(escaped, "\\x{:02x}", u32::from(character));
        }
    }
    escaped
}

/// The label that an escaped one stands for; `None` when the bytes are no UTF-8. A backslash that does not
/// begin `\xNN` stands for itself.
#[must_use]
pub fn unescape_label(escaped: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let [first, after @ ..] = rest {
        if let Some(byte) = escaped_byte(rest) {
            bytes.push(byte);
            rest = &rest[4..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The byte for which a leading `\xNN` stands.
fn escaped_byte(text: &[u8]) -> Option<u8> {
    let [b'\\', b'x', high, low, ..] = text else { return None };
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_labels_of_real_media() {
        for (label, escaped) in [
            ("CentOS 7 x86_64", r"CentOS\x207\x20x86_64"),
            ("OEMDRV", "OEMDRV"),
            ("a/b", r"a\x2fb"),
            (r"a\x20b", r"a\x5cx20b"),
            ("#+-.:=@_", "#+-.:=@_"),
            ("50%", r"50\x25"),
            ("Größe 1", r"Größe\x201"),
        ] {
            assert_eq!(escape_label(label), escaped);
            assert_eq!(unescape_label(escaped).as_deref(), Some(label));
        }
        assert_eq!(unescape_label(r"\xff"), None);
        assert_eq!(unescape_label(r"\xg0\"), Some(r"\xg0\".into()));
    }

    proptest! {
        #[test]
        fn unescaping_gives_the_label_back(label: String) {
            let escaped = escape_label(&label);
            prop_assert!(escaped.chars().all(|c| !c.is_ascii() || c.is_ascii_alphanumeric() || "#+-.:=@_\\".contains(c)));
            prop_assert_eq!(unescape_label(&escaped), Some(label));
        }
    }
}
