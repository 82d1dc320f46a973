//! What is no secret, or would break what it lands in.

use std::collections::BTreeSet;

use super::endpoints::EndpointCertificate;
use super::{Checked, ENDPOINTS_TLS, HostKey, HostKeyType, Secret, Source};

/// What is too well known to be a secret: the install guide's placeholders and what people type instead.
const WELL_KNOWN: [&str; 15] = [
    "password",
    "passw0rd",
    "secret",
    "secrete",
    "changeme",
    "openstack",
    "admin",
    "root",
    "centos",
    "train",
    "rabbitpass",
    "qwerty",
    "letmein",
    "vagrant",
    "welcome",
];

/// Shorter ones can be guessed.
const SHORTEST: usize = 8;

/// Checks a value; what is wrong is told without showing it, and with the way out.
pub(super) fn check(name: &str, value: &str, source: Source) -> Result<Checked, String> {
    let read = match HostKeyType::of(name) {
        Some(kind) => HostKey::read(kind, value).map(|key| (Some(key), None)),
        None if name == ENDPOINTS_TLS => {
            EndpointCertificate::read(value).map(|certificate| (None, Some(certificate)))
        }
        None => weakness(name, value).map_or(Ok((None, None)), Err),
    };
    let value = Secret(value.to_owned());
    match read {
        Ok((host_key, certificate)) => Ok(Checked { value, host_key, certificate, source }),
        Err(what) => Err(format!("{what}; {}", way_out(source))),
    }
}

/// What to do about a value that cannot be used.
pub(super) fn way_out(source: Source) -> &'static str {
    match source {
        Source::File => "delete the line and run `trainyard secrets` to have one made",
        Source::Environment => "set another value, or none to have the file's",
    }
}

/// Why a value is no secret.
fn weakness(name: &str, value: &str) -> Option<String> {
    let folded = value.to_lowercase();
    let word = folded.trim_matches(|c: char| c.is_ascii_digit());
    let different = folded.chars().collect::<BTreeSet<_>>().len();
    if value.is_empty() {
        Some("empty".into())
    } else if WELL_KNOWN.contains(&word) || folded == name.to_lowercase() || different < 4 {
        Some("well known".into())
    } else if word.is_empty() && value.len() < 20 {
        Some("a run of digits".into())
    } else if value.len() < SHORTEST {
        Some(format!("shorter than {SHORTEST} characters"))
    } else if !value.bytes().all(|b| b.is_ascii_alphanumeric()) {
        // They land in URLs, in INI files that expand `$` and `%`, and in shell and SQL.
        let what =
            "letters and digits only: others break the URLs and configuration files it lands in";
        Some(what.into())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_weak_is_told_and_never_shown() {
        for (weak, told) in [
            ("", "empty"),
            ("password1", "well known"),
            ("Password123", "well known"),
            ("openstack123", "well known"),
            ("1qwerty2", "well known"),
            ("welcome1", "well known"),
            ("A_Secret", "well known"),
            ("aaaaaaaa", "well known"),
            ("12345678", "a run of digits"),
            ("sh0rt", "shorter than"),
            ("has space", "letters and digits"),
            ("pa$$word1", "letters and digits"),
        ] {
            let problem = check("A_SECRET", weak, Source::File).expect_err("weak");
            assert!(problem.starts_with(told), "{weak}: {problem}");
            assert!(weak.is_empty() || !problem.contains(weak), "{problem}");
        }
        for good in ["ownvalue123", "48151623420815162342"] {
            assert!(check("A_SECRET", good, Source::File).is_ok(), "{good}");
        }
    }

    #[test]
    fn whatever_would_need_an_escape_is_refused_with_the_reason() {
        let ascii = (0..=127_u8).map(char::from).filter(|c| !c.is_ascii_alphanumeric());
        // What is a letter or a digit elsewhere, and what looks like nothing.
        let others = ['é', '한', '٣', 'Ａ', '\u{a0}', '\u{200b}', '\u{2028}', '😀'];
        for c in ascii.chain(others) {
            for value in
                [format!("Own{c}Value42x"), format!("{c}OwnValue42x"), format!("OwnValue42x{c}")]
            {
                let problem = check("RABBIT_PASS", &value, Source::File).expect_err("refused");
                let wanted =
                    "letters and digits only: others break the URLs and configuration files";
                assert!(problem.starts_with(wanted), "{c:?}: {problem}");
                assert!(!problem.contains("42x"), "{problem}");
            }
        }
    }

    #[test]
    fn the_way_out_is_that_of_the_source() {
        let told = |source| check("A", "", source).expect_err("empty");
        assert!(told(Source::File).contains("delete the line"));
        assert!(told(Source::Environment).contains("set another value"));
    }
}
