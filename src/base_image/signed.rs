//! Signed lists of digests: `sha256sum.txt.asc`, which stands beside the images.
//!
//! The cleartext signature framework of `OpenPGP` (RFC 9580, section 7). A list is believed when exactly one signature stands under
//! it, is made by the one key that is expected, over SHA-256 or better, has not expired, and nothing stands around it;
//! and then only what is inside the signature is read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pgp::composed::{CleartextSignedMessage, Deserializable as _, SignedPublicKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::KeyDetails as _;

use super::Digest;

/// The list's name, in the folder of the images that it is about.
pub const LIST: &str = "sha256sum.txt.asc";

/// Clocks of machines that have just been installed are wrong by a time zone, seldom by more.
const CLOCK_ERROR: Duration = Duration::from_secs(24 * 3600);

/// Whose signature is believed.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The key's fingerprint in hexadecimal: it is what is trusted, the key itself may come from anywhere.
    fingerprint: String,
    key: Box<SignedPublicKey>,
}

/// Why a signed list, or a key, is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    /// This is no key.
    #[error("this is not one armored OpenPGP public key")]
    Key,
    /// The key is another one.
    #[error("the key's fingerprint is {found}, and {pinned} was expected")]
    Fingerprint {
        /// The key that is there.
        found: String,
        /// The one that is trusted.
        pinned: String,
    },
    /// This is no clear-signed text.
    #[error("it is no clear-signed text, or something stands around it")]
    Form,
    /// There is not exactly one signature.
    #[error("it carries {0} signatures, and one is expected")]
    Count(usize),
    /// The signature is of another kind.
    #[error("its signature is {0}")]
    Kind(String),
    /// It is signed by somebody else.
    #[error("it is signed by the key {found}, not by {pinned}")]
    Issuer {
        /// Who signed it.
        found: String,
        /// Who should have.
        pinned: String,
    },
    /// It was changed after it was signed.
    #[error("its signature by {0} does not hold: it was changed on the way")]
    Broken(String),
    /// The signature is past its time, or of a time to come.
    #[error("its signature {0}; is this machine's clock right?")]
    Time(String),
    /// The image is not in the list.
    #[error("it does not list `{0}`")]
    NotListed(String),
    /// The image is in the list more than once.
    #[error("it lists `{0}` with different digests")]
    Ambiguous(String),
}

impl Signer {
    /// A key that comes with the program.
    ///
    /// # Panics
    /// It is not the key that it should be; a test looks at each.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        let (text, fingerprint) = match name {
            // Published at https://www.centos.org/keys/.
            "centos-7" => (
                include_str!("keys/RPM-GPG-KEY-CentOS-7"),
                "6341AB2753D78A78A7C27BB124C6A8A7F4A80EB5",
            ),
            _ => return None,
        };
        Some(Self::pinned(text, fingerprint).expect("the keys that are built in"))
    }

    /// A key that must have this fingerprint (hexadecimal, capital letters).
    ///
    /// # Errors
    /// It is no key, or another one.
    pub fn pinned(armored: &str, fingerprint: &str) -> Result<Self, SignedError> {
        let signer = Self::from_file(armored)?;
        if signer.fingerprint == fingerprint {
            return Ok(signer);
        }
        Err(SignedError::Fingerprint { found: signer.fingerprint, pinned: fingerprint.to_owned() })
    }

    /// A key that the person trusts: an armored public key (RFC 9580).
    ///
    /// # Errors
    /// It is no key.
    pub fn from_file(armored: &str) -> Result<Self, SignedError> {
        // Its signatures over itself are of no interest (the one of CentOS 7 is over SHA-1): the fingerprint is what is trusted.
        let wrong = || SignedError::Key;
        let (keys, _) = SignedPublicKey::from_string_many(armored).map_err(|_| wrong())?;
        let keys: Vec<SignedPublicKey> = keys.collect::<Result<_, _>>().map_err(|_| wrong())?;
        let [key] = <[_; 1]>::try_from(keys).map_err(|_| wrong())?;
        let fingerprint = format!("{:X}", key.fingerprint());
        Ok(Self { fingerprint, key: Box::new(key) })
    }

    /// The key's fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The text inside a clear-signed list, once it is proved.
    ///
    /// # Errors
    /// It is not believed.
    pub fn verify(&self, list: &str, now: SystemTime) -> Result<String, SignedError> {
        let (message, _) =
            CleartextSignedMessage::from_string(list).map_err(|_| SignedError::Form)?;
        let [signature] = message.signatures() else {
            return Err(SignedError::Count(message.signatures().len()));
        };
        check_kind(signature)?;
        self.check_issuer(signature)?;
        let text = message.signed_text();
        signature
            .verify(&self.key.primary_key, text.as_bytes())
            .map_err(|_| SignedError::Broken(self.fingerprint.clone()))?;
        check_time(signature, now)?;
        Ok(text)
    }

    /// Only to say it well: the signature itself decides.
    fn check_issuer(&self, signature: &Signature) -> Result<(), SignedError> {
        let fingerprints =
            signature.issuer_fingerprint().into_iter().map(|found| format!("{found:X}"));
        let ids = signature.issuer_key_id().into_iter().map(|id| id.to_string().to_uppercase());
        let found: Vec<String> = fingerprints.chain(ids).collect();
        if found.is_empty() || found.iter().any(|found| self.fingerprint.ends_with(found)) {
            return Ok(());
        }
        Err(SignedError::Issuer { found: found[0].clone(), pinned: self.fingerprint.clone() })
    }
}

fn check_kind(signature: &Signature) -> Result<(), SignedError> {
    use HashAlgorithm::{Sha256, Sha384, Sha512};
    let wrong = |what: String| Err(SignedError::Kind(what));
    match signature.hash_alg() {
        Some(Sha256 | Sha384 | Sha512) => {}
        Some(weak) => return wrong(format!("over {weak:?}, which proves nothing")),
        None => return wrong("of an unknown version".into()),
    }
    match signature.typ() {
        Some(SignatureType::Text | SignatureType::Binary) => Ok(()),
        other => wrong(format!("no signature of a text ({other:?})")),
    }
}

fn check_time(signature: &Signature, now: SystemTime) -> Result<(), SignedError> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let Some(created) = signature.created() else {
        return Err(SignedError::Time("does not say when it was made".into()));
    };
    let created = Duration::from_secs(created.as_secs().into());
    if created > now + CLOCK_ERROR {
        return Err(SignedError::Time("was made in the future".into()));
    }
    match signature.signature_expiration_time() {
        Some(after) if after.as_secs() > 0 => {
            let after = Duration::from_secs(after.as_secs().into());
            let expired = created + after < now;
            if expired { Err(SignedError::Time("has expired".into())) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

/// The digest of a file in a list: `DIGEST  NAME` on each line, as `sha256sum` writes it.
///
/// # Errors
/// The file is not in it, or twice.
pub fn digest_in(list: &str, file: &str) -> Result<Digest, SignedError> {
    let mut found = None;
    for line in list.lines() {
        let Some((digest, name)) = line.split_once(' ') else { continue };
        // One more blank, or `*` for what was read as binary.
        let name = name.strip_prefix([' ', '*']).unwrap_or(name).trim_end();
        if let (true, Ok(digest)) = (name == file, digest.parse()) {
            if found.is_some_and(|other| other != digest) {
                return Err(SignedError::Ambiguous(file.to_owned()));
            }
            found = Some(digest);
        }
    }
    found.ok_or_else(|| SignedError::NotListed(file.to_owned()))
}
