//! Who may log in.

use crate::report::Span;
use crate::spec::{AccessSpec, Spanned};

use super::settle::{Choice, Resolver, choose, word};
use super::{Access, Origin, RootLogin};

pub(super) fn resolve(spec: Option<&Spanned<AccessSpec>>, r: &mut Resolver) -> Access {
    let spec = spec.map(|s| &s.value);
    let authorized_keys = r.settle_list(
        "access.ssh_authorized_keys",
        spec.and_then(|s| s.ssh_authorized_keys.as_ref()).map(|k| (k.span, k.value.as_slice())),
        Vec::new(),
        public_key,
    );
    let root_login = r.settle(
        "access.root_login",
        spec.and_then(|s| s.root_login.as_ref()),
        Choice::new(RootLogin::Password, "password"),
        |text| {
            choose(
                text,
                &[
                    ("password", RootLogin::Password),
                    ("key", RootLogin::Key),
                    ("locked", RootLogin::Locked),
                ],
            )
        },
    );
    let user = r.settle_optional(spec.and_then(|s| s.user.as_ref()), |text| match word(text, 32, "_-") {
        Ok(name) if name != "root" && name == name.to_lowercase() && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') => Ok(name),
        _ => Err("an account other than root: 1 to 32 lower-case letters, digits and `_-`, a letter first"),
    });
    if user.is_none() {
        r.note("access.user", &"none", Origin::Default);
    }
    let way_in = match root_login.0 {
        RootLogin::Password => true,
        RootLogin::Key => !authorized_keys.is_empty(),
        RootLogin::Locked => user.is_some(),
    };
    if !way_in {
        let span = spec.and_then(|s| s.root_login.as_ref()).map_or(Span::default(), |v| v.span);
        r.findings.error("access.root_login", span, "nobody could log in to these nodes", "add a key to `access.ssh_authorized_keys`, name an `access.user`, or use `root_login: password`");
    }
    Access { authorized_keys, root_login: root_login.0, user }
}

/// One line as an `authorized_keys` file holds it: type, base64, comment, one blank between them.
///
/// # Errors
/// What is allowed.
pub fn public_key(text: &str) -> Result<String, String> {
    let known = [
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
    ];
    if text.contains("PRIVATE KEY") {
        return Err(
            "this is a private key: put the public one here (its file ends in `.pub`)".into()
        );
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    let (kind, data) = (parts.first().unwrap_or(&""), parts.get(1).unwrap_or(&""));
    let base64 = data.len() >= 40
        && data.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
        && data.starts_with("AAAA");
    if known.contains(kind) && base64 && !text.trim().chars().any(char::is_control) {
        Ok(parts.join(" "))
    } else {
        Err("a public key on one line, such as `ssh-ed25519 AAAA… me@host`".into())
    }
}
