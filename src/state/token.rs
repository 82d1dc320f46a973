//! What cannot be guessed.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Half a secret's worth in an address: 128 random bits, as 32 hexadecimal digits. Its `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    /// How many digits it has.
    const DIGITS: usize = 32;

    /// A new one, of the operating system's randomness.
    ///
    /// # Errors
    /// It has none to give.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0_u8; Self::DIGITS / 2];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// What is written like one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (text.len() == Self::DIGITS && digits).then(|| Self(text.to_owned()))
    }

    /// Its digits.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether this is it. How long the answer takes tells nothing of where they differ.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        Sha256::digest(&self.0) == Sha256::digest(text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn no_two_are_alike_and_none_shows_itself() {
        let (one, other) = (Token::random().expect("random"), Token::random().expect("random"));
        assert_ne!(one, other);
        assert_eq!(Token::parse(one.reveal()), Some(one.clone()));
        assert!(one.is(one.reveal()) && !one.is(other.reveal()));
        assert!(!format!("{one:?}").contains(&one.reveal()[..4]));
    }

    #[test]
    fn what_is_none_is_none() {
        for text in
            ["", "abc", "g0000000000000000000000000000000", "A0000000000000000000000000000000"]
        {
            assert_eq!(Token::parse(text), None, "{text}");
        }
    }
}
