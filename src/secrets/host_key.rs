//! SSH host keys as OpenSSH 6.5 and later keep them: `openssh-key-v1`, described in OpenSSH's PROTOCOL.key.
//!
//! The public half stands in it unencrypted, so nothing has to be computed and no program be asked.

use std::ops::Range;

use base64ct::{Base64, Base64Unpadded, Encoding};
use sha2::{Digest, Sha256};

use super::{HostKeyType, Secret};

const MAGIC: &[u8] = b"openssh-key-v1\0";

/// How long OpenSSH makes the lines of a key file.
const LINE: usize = 70;

/// Shorter RSA keys are refused by the crypto policies of later systems, whose ssh is to know the node.
const SHORTEST_RSA: usize = 2048;

/// A node's SSH host key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey {
    kind: HostKeyType,
    /// The file's base64 without its line breaks, which is how a secrets file holds it.
    body: Secret,
    /// The public half, as the protocol has it.
    public: Vec<u8>,
    /// Which bytes of the decoded body are secret.
    secret: Range<usize>,
}

impl HostKey {
    /// Reads the base64 between the BEGIN and END lines of a private key file, and checks that it is whole.
    ///
    /// # Errors
    /// What is wrong with it, without showing it.
    pub(super) fn read(kind: HostKeyType, body: &str) -> Result<Self, String> {
        if body.is_empty() {
            return Err("empty".into());
        }
        let form =
            "not the base64 between the BEGIN and END lines of an OpenSSH private key, on one line";
        let blob = Base64::decode_vec(body).map_err(|_| form)?;
        if !blob.starts_with(MAGIC) {
            return Err(format!("{form} (`ssh-keygen -p -o` writes that form)"));
        }
        let mut fields = Fields { blob: &blob, at: MAGIC.len(), end: blob.len() };
        let damaged = || "a damaged OpenSSH private key".to_owned();
        let cipher = fields.string().ok_or_else(damaged)?;
        if &blob[cipher] != b"none" {
            return Err("a private key with a passphrase, and nobody is there to type one".into());
        }
        let (public, secret) = halves(kind, &mut fields).ok_or_else(damaged)?;
        let Some(secret) = secret else {
            return Err(format!("a private key of another type than {}", kind.algorithm()));
        };
        let public = blob[public].to_vec();
        if kind == HostKeyType::Rsa && modulus_bits(&public) < SHORTEST_RSA {
            return Err(format!("an RSA key shorter than {SHORTEST_RSA} bits"));
        }
        Ok(Self { kind, body: Secret(body.to_owned()), public, secret })
    }

    /// A key that no ssh would take, as long as a real one: for checks and measurements.
    pub(super) fn stand_in(kind: HostKeyType, seed: [u8; 32]) -> Self {
        let length = if kind == HostKeyType::Rsa { 1800 } else { 400 };
        let mut bytes = Vec::new();
        let mut last = seed;
        while bytes.len() < length {
            last = Sha256::digest(last).into();
            bytes.extend(last);
        }
        let body = Secret(Base64::encode_string(&bytes));
        Self { kind, body, public: seed.to_vec(), secret: length / 2..length - 16 }
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> HostKeyType {
        self.kind
    }

    /// The private key file.
    #[must_use]
    pub fn private_file(&self) -> String {
        let lines: Vec<_> =
            self.body.reveal().as_bytes().chunks(LINE).map(String::from_utf8_lossy).collect();
        let lines = lines.join("\n");
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{lines}\n-----END OPENSSH PRIVATE KEY-----\n")
    }

    /// The public key file, without a comment, as `ssh-keygen -y` of OpenSSH 7.4 writes it.
    #[must_use]
    pub fn public_file(&self) -> String {
        format!("{} {}\n", self.kind.algorithm(), Base64::encode_string(&self.public))
    }

    /// The public half's fingerprint, as ssh shows it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", Base64Unpadded::encode_string(&Sha256::digest(&self.public)))
    }

    /// Pieces of the secret part. However the body is broken into lines, a line of it holds one of them.
    pub(super) fn traces(&self) -> Vec<&str> {
        // Eight characters stand for 48 bits: enough that no other text has them by chance.
        const PIECE: usize = 8;
        const PIECES: usize = 6;
        let from = self.secret.start.div_ceil(3) * 4;
        let to = (self.secret.end / 3 * 4).min(from + PIECE * PIECES);
        let piece = |at: usize| self.body.reveal().get(at..at + PIECE);
        (from..to.saturating_sub(PIECE - 1)).step_by(PIECE).filter_map(piece).collect()
    }
}

/// The public half and, if the key is of that type, the secret bytes; nothing where something is missing,
/// left over, or not the same in both halves.
fn halves(kind: HostKeyType, fields: &mut Fields) -> Option<(Range<usize>, Option<Range<usize>>)> {
    let blob = fields.blob;
    // Without a passphrase nothing is derived from one.
    let (kdf, options) = (fields.string()?, fields.string()?);
    if &blob[kdf] != b"none" || !options.is_empty() || fields.number()? != 1 {
        return None;
    }
    let public = fields.string()?;
    let private = fields.string()?;
    if fields.at != fields.end {
        return None;
    }
    let mut fields = Fields { blob, at: private.start, end: private.end };
    // Where a passphrase was wrong these differ; without one, when the key is damaged.
    if fields.number()? != fields.number()? {
        return None;
    }
    let algorithm = fields.string()?;
    if &blob[algorithm.clone()] != kind.algorithm().as_bytes() {
        return Some((public, None));
    }
    // The public half names these again, in its own order.
    let (again, secret) = match kind {
        HostKeyType::Rsa => {
            let (modulus, exponent) = (fields.string()?, fields.string()?);
            let (first, _, _, last) =
                (fields.string()?, fields.string()?, fields.string()?, fields.string()?);
            (vec![exponent, modulus], first.start..last.end)
        }
        HostKeyType::Ecdsa => {
            let (curve, point) = (fields.string()?, fields.string()?);
            (vec![curve, point], fields.string()?)
        }
        HostKeyType::Ed25519 => {
            let point = fields.string()?;
            let both = fields.string()?;
            // The seed, and the public half once more.
            if both.len() != 64 || blob[both.start + 32..both.end] != blob[point.clone()] {
                return None;
            }
            (vec![point], both.start..both.start + 32)
        }
    };
    let _comment = fields.string()?;
    let padding = &blob[fields.at..fields.end];
    let padded = padding.iter().zip(1..).all(|(byte, number)| *byte == number);
    let mut named = Fields { blob, at: public.start, end: public.end };
    let mut same = blob[named.string()?] == blob[algorithm];
    for field in again {
        same &= blob[named.string()?] == blob[field];
    }
    let whole = padded && padding.len() < 8 && same && named.at == named.end;
    whole.then_some((public, Some(secret)))
}

/// How long the modulus of a public RSA key is.
fn modulus_bits(public: &[u8]) -> usize {
    let mut fields = Fields { blob: public, at: 0, end: public.len() };
    let _algorithm_and_exponent = (fields.string(), fields.string());
    let modulus = fields.string().map_or(&[][..], |modulus| &public[modulus]);
    let digits = modulus.iter().skip_while(|byte| **byte == 0).count();
    let first = modulus.get(modulus.len() - digits).map_or(8, |byte| byte.leading_zeros() as usize);
    (digits * 8).saturating_sub(first)
}

/// Numbers and strings as the SSH protocol has them (RFC 4251, section 5), by where they stand.
struct Fields<'b> {
    blob: &'b [u8],
    at: usize,
    end: usize,
}

impl Fields<'_> {
    fn bytes(&mut self, count: usize) -> Option<Range<usize>> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.end)?;
        Some(std::mem::replace(&mut self.at, end)..end)
    }

    fn number(&mut self) -> Option<u32> {
        let bytes = self.bytes(4)?;
        self.blob[bytes].try_into().ok().map(u32::from_be_bytes)
    }

    fn string(&mut self) -> Option<Range<usize>> {
        let length = self.number()?;
        self.bytes(usize::try_from(length).ok()?)
    }
}

#[cfg(test)]
mod tests;
