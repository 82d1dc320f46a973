//! Names and addresses of machines.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A host name: one label by RFC 1123 (letters, digits and inner hyphens, at most 63), in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct HostName(String);

impl FromStr for HostName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        // A name of digits alone reads as an address in many places.
        if !fits || text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(
                "1 to 63 lower-case letters, digits and hyphens, not only digits, no hyphen first or last (RFC 1123)",
            );
        }
        if is_number(text) {
            return Err("another name: the C library reads this one as an address in hexadecimal");
        }
        if is_own_name(text) {
            return Err("another name: this one is every machine's for itself");
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether it reads as a number, or as a part of an address, to `inet_aton(3)`, which every resolver asks first.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    label.bytes().all(|b| b.is_ascii_digit())
        || hexadecimal.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether the first lines of /etc/hosts give this name to the machine itself.
#[must_use]
pub fn is_own_name(text: &str) -> bool {
    let first = text.split('.').next().unwrap_or(text);
    ["localhost", "localhost4", "localhost6"].iter().any(|own| own.eq_ignore_ascii_case(first))
}

impl HostName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A network interface's name: what Linux accepts (IFNAMSIZ is 16 with its end mark), and no more than letters, digits and `._-`.
///
/// # Errors
/// What is allowed.
pub fn interface_name(text: &str) -> Result<String, &'static str> {
    let fits = (1..=15).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if fits && ["lo", "all", "default", "bonding_masters"].contains(&text) {
        Err("another name: Linux has this one for itself")
    } else if fits {
        Ok(text.to_owned())
    } else {
        Err("1 to 15 letters, digits and `._-`, a letter first, such as `enp0s3`")
    }
}

/// A domain name, or a host name with or without its domain: labels by RFC 1123, 253 characters at most.
///
/// # Errors
/// What is allowed.
pub fn domain(text: &str) -> Result<String, String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // With a number at its end it would read as an address.
    let last = text.rsplit('.').next().unwrap_or(text);
    if text.len() <= 253 && text.split('.').all(label) && !is_number(last) {
        Ok(text.to_owned())
    } else {
        Err("a name of letters, digits and inner hyphens, such as `lab.example.org` (RFC 1123)"
            .into())
    }
}

/// A hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

impl Mac {
    /// The address of a machine's interface where the lab names none: VirtualBox's prefix 08:00:27
    /// and three bytes of a digest, so that the same lab has the same addresses every time. Three bytes are few for a large
    /// lab: where an address is taken, the next attempt (0 is the first) gives another.
    #[must_use]
    pub fn derived(lab: &str, node: &str, interface: &str, attempt: u32) -> Self {
        let again = if attempt == 0 { String::new() } else { format!("\n{attempt}") };
        let digest = Sha256::digest(format!("{lab}\n{node}\n{interface}{again}"));
        Self([0x08, 0x00, 0x27, digest[0], digest[1], digest[2]])
    }
}

impl FromStr for Mac {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ALLOWED: &str = "six pairs of hexadecimal digits, such as `08:00:27:aa:00:11`";
        let parts: Vec<_> = text.split([':', '-']).collect();
        if parts.len() != 6 || parts.iter().any(|p| p.len() != 2) {
            return Err(ALLOWED);
        }
        let mut bytes = [0; 6];
        for (byte, part) in bytes.iter_mut().zip(parts) {
            *byte = u8::from_str_radix(part, 16).map_err(|_| ALLOWED)?;
        }
        if bytes[0] & 1 == 1 || bytes == [0; 6] {
            return Err("an address of one interface: a group address or all zeros cannot be one");
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<_> = self.0.iter().map(|b| format!("{b:02x}")).collect();
        f.write_str(&pairs.join(":"))
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_follow_rfc_1123() {
        for good in ["controller", "compute-1", "a", "0a", "0x1g", "localhost-2"] {
            assert!(good.parse::<HostName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "a.b",
            "A",
            "a_b",
            "12",
            "localhost",
            "localhost6",
            "0x",
            "0x1f",
            &"a".repeat(64),
            "a\nb",
            "é",
        ] {
            assert!(bad.parse::<HostName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn domains_follow_rfc_1123() {
        let long = format!("{}.org", "a".repeat(250));
        for good in ["db", "db.example.org", "3com.com", "a-b.C"] {
            assert!(domain(good).is_ok(), "{good}");
        }
        for bad in [
            "", ".", "a..b", "a.", "-a.b", "a_b", "10.0.0.1", "a.0x1F", "a b", "a;b", "é.org",
            &long,
        ] {
            assert!(domain(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn interface_names_are_what_linux_takes() {
        assert!(interface_name("enp0s3").is_ok());
        for bad in ["", "lo", "3com", "a/b", "a b", "abcdefghijklmnop"] {
            assert!(interface_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hardware_addresses_are_normal_and_derived_ones_repeat() {
        assert_eq!(
            "08-00-27-AA-00-11".parse::<Mac>().map(|m| m.to_string()),
            Ok("08:00:27:aa:00:11".into())
        );
        for bad in [
            "",
            "08:00:27:aa:00",
            "01:00:27:aa:00:11",
            "00:00:00:00:00:00",
            "08:00:27:aa:00:1",
            "é8:00:27:aa:00:1",
        ] {
            assert!(bad.parse::<Mac>().is_err(), "{bad}");
        }
        let mac = Mac::derived("train", "compute", "enp0s3", 0);
        assert_eq!(mac, Mac::derived("train", "compute", "enp0s3", 0));
        assert_ne!(mac, Mac::derived("train", "compute", "enp0s3", 1));
        assert_ne!(mac, Mac::derived("train", "compute", "enp0s9", 0));
        assert!(mac.to_string().starts_with("08:00:27:"));
    }
}
