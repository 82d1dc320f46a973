//! SHA-256 digests, of texts and of files.

use std::fmt::{self, Display, Formatter};
use std::fs::File;
use std::io;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::interrupt::{self, Interrupted};

/// Bytes that are read at a time: few enough for the processor's cache.
const BUFFER: usize = 1 << 18;

/// A SHA-256 digest; written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// Why a file has no digest.
#[derive(Debug, thiserror::Error)]
pub enum Undigested {
    /// The person asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Digest {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_hash(Sha256::new_with_prefix(bytes))
    }

    /// From what a hash function has seen.
    pub(crate) fn from_hash(hash: Sha256) -> Self {
        Self(hash.finalize().into())
    }

    /// Of a file. `on_bytes` is told how far it is.
    ///
    /// # Errors
    /// It cannot be read, or the person asked to stop.
    pub fn of_file(path: &Path, on_bytes: impl FnMut(u64)) -> Result<Self, Undigested> {
        Self::of_reader(File::open(path)?, on_bytes)
    }

    /// Of all that a reader has. `on_bytes` is told how far it is.
    ///
    /// # Errors
    /// It cannot be read, or the person asked to stop.
    pub fn of_reader(
        mut file: impl io::Read,
        mut on_bytes: impl FnMut(u64),
    ) -> Result<Self, Undigested> {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; BUFFER];
        let mut done = 0;
        loop {
            interrupt::check()?;
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok(Self::from_hash(hash));
            }
            hash.update(&buffer[..count]);
            done += count as u64;
            on_bytes(done);
        }
    }

    /// Its first 16 digits: a folder of the cache.
    pub(crate) fn short(&self) -> String {
        self.to_string()[..16].to_owned()
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no SHA-256: that is 64 hexadecimal digits");
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl Display for Digest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;

    #[test]
    fn a_digest_is_64_hexadecimal_digits() {
        let text = "07b94e6b1a0b0260b94c83d6bb76b26bf7a310dc78d7a9c7432809fb9bc6194a";
        assert_eq!(text.parse::<Digest>().expect("a digest").to_string(), text);
        assert_eq!(text.to_uppercase().parse::<Digest>().expect("a digest").to_string(), text);
        for wrong in ["", &text[1..], &format!("{text}0"), &text.replace('0', "g"), &"é".repeat(32)]
        {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }
}
