//! Who may log in.

use crate::report::{Rule, Span};
use crate::spec::{AccessSpec, KEY_TYPES, RootLogin, Spanned};

use super::settle::{Resolver, word};
use super::users::new_account;
use super::{Access, Origin};

pub(super) fn resolve(spec: Option<&Spanned<AccessSpec>>, r: &mut Resolver) -> Option<Access> {
    let at = spec.map_or("access", |s| &*s.path);
    let spec = spec.map(|s| &s.value);
    let mut authorized_keys = Vec::new();
    let written = spec.and_then(|s| s.ssh_authorized_keys.as_ref());
    for item in written.iter().flat_map(|keys| &keys.value.0) {
        for key in &item.value.0 {
            let one = Spanned { value: key.clone(), span: item.span, path: item.path.clone() };
            authorized_keys.extend(r.settle("access.ssh_authorized_keys", Some(&one), public_key));
        }
    }
    if authorized_keys.is_empty() {
        r.note("access.ssh_authorized_keys", &"none", Origin::BuiltIn);
    }
    let root_login = r.take("access.root_login", spec.and_then(|s| s.root_login.as_ref()));
    let user = r.settle("access.user", spec.and_then(|s| s.user.as_ref()), new_account);
    // What cannot be used was told.
    let is_told = |key: &str| r.findings.has_told_within(&format!("{at}.{key}"));
    let way_in = match root_login {
        Some(RootLogin::Password) | None => true,
        Some(RootLogin::Key) => {
            !authorized_keys.is_empty()
                || is_told("ssh_authorized_keys")
                || written.is_some_and(|keys| r.findings.has_told_within(&keys.path))
        }
        Some(RootLogin::Locked) => user.is_some() || is_told("user"),
    };
    if !way_in {
        let span = spec.and_then(|s| s.root_login.as_ref()).map_or(Span::default(), |v| v.span);
        r.findings.tell(Rule::NoLogin, "access.root_login", span, "nobody could log in to these nodes", "add a key to `access.ssh_authorized_keys`, name an `access.user`, or use `root_login: password`");
    }
    Some(Access { authorized_keys, root_login: root_login?, user })
}

/// An account's name, as useradd of CentOS 7 takes it.
///
/// # Errors
/// What is allowed.
pub(super) fn account(text: &str) -> Result<String, String> {
    match word(text, 32, "_-") {
        Ok(name)
            if name != "root"
                && name == name.to_lowercase()
                && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') =>
        {
            Ok(name)
        }
        _ => Err("an account other than root: 1 to 32 lower-case letters, digits and `_-`, a letter first".into()),
    }
}

/// One line as an `authorized_keys` file holds it: type, base64 and comment, one blank between them.
///
/// # Errors
/// What is allowed.
pub fn public_key(text: &str) -> Result<String, String> {
    if text.contains("PRIVATE KEY") {
        return Err(
            "this is a private key: put the public one here (its file ends in `.pub`)".into()
        );
    }
    let (kind, rest) = text.trim().split_once(' ').unwrap_or_default();
    let (data, comment) = rest.trim_start().split_once(' ').unwrap_or((rest.trim_start(), ""));
    let base64 = data.len() >= 40
        && data.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
        && data.starts_with("AAAA");
    if !comment.is_ascii() {
        // cloud-init of CentOS 7 is of Python 2, and gives up on the account.
        return Err("its comment is not ASCII, and cloud-init of CentOS 7 could not write it: leave the comment out or write it in ASCII".into());
    }
    if KEY_TYPES.contains(&kind) && base64 && !comment.chars().any(char::is_control) {
        Ok(format!("{kind} {data} {}", comment.trim_start()).trim_end().to_owned())
    } else {
        Err("a public key on one line, such as `ssh-ed25519 AAAA… me@host`".into())
    }
}

#[cfg(test)]
mod tests {
    use super::public_key;

    #[test]
    fn a_private_key_is_no_public_one() {
        let told = public_key("-----BEGIN OPENSSH PRIVATE KEY----- b3Blb").expect_err("private");
        assert_eq!(
            told,
            "this is a private key: put the public one here (its file ends in `.pub`)"
        );
    }
}
