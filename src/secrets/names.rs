//! The names of secrets: what each is for, and which variable of the environment can hold it.

use indexmap::IndexMap;

use super::{ENDPOINTS_TLS, Endpoints, GivenCertificate};
use crate::tool::SECRET_VARIABLES;

/// An SSH host key's type. CentOS 7's OpenSSH 7.4 makes these three of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKeyType {
    /// RSA, made with 3072 bits.
    Rsa,
    /// ECDSA on the curve nistp256.
    Ecdsa,
    /// Ed25519.
    Ed25519,
}

impl HostKeyType {
    /// Every type, in the order of sshd's own configuration.
    pub const ALL: [Self; 3] = [Self::Rsa, Self::Ecdsa, Self::Ed25519];

    /// Its name in file names, for `ssh-keygen -t` and for cloud-init.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ecdsa => "ecdsa",
            Self::Ed25519 => "ed25519",
        }
    }

    /// Its name in the protocol (RFC 4253, RFC 5656, RFC 8709).
    #[must_use]
    pub fn algorithm(self) -> &'static str {
        match self {
            Self::Rsa => "ssh-rsa",
            Self::Ecdsa => "ecdsa-sha2-nistp256",
            Self::Ed25519 => "ssh-ed25519",
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Rsa => "SSH_HOST_KEY_RSA_",
            Self::Ecdsa => "SSH_HOST_KEY_ECDSA_",
            Self::Ed25519 => "SSH_HOST_KEY_ED25519_",
        }
    }

    /// The type of the host key that has this name, if it is a host key's.
    pub(super) fn of(name: &str) -> Option<Self> {
        let names = |kind: &Self| name.strip_prefix(kind.prefix()).is_some_and(|n| !n.is_empty());
        Self::ALL.into_iter().find(names)
    }
}

/// The name under which a node's host key is kept.
#[must_use]
pub fn host_key_name(kind: HostKeyType, node: &str) -> String {
    format!("{}{node}", kind.prefix())
}

/// What the name of an account's password begins with.
const ACCOUNT_PASSWORD: &str = "USER_PASS_";

/// The name under which the password of an account is kept, other than root's and the administrator's.
#[must_use]
pub fn account_password_name(account: &str) -> String {
    format!("{ACCOUNT_PASSWORD}{account}")
}

/// The name under which a password's salt is kept.
#[must_use]
pub fn salt_of(name: &str) -> String {
    format!("{name}{SALT}")
}

const SALT: &str = "_SALT";

/// What the name of a password's hash ends with, where a node has it beside its secrets.
const HASH: &str = "_HASH";

/// Whether a name is one of those that trainyard makes of other names, so that none can be given to something else.
#[must_use]
pub fn is_derived(name: &str) -> bool {
    name.starts_with(ACCOUNT_PASSWORD)
        || name.starts_with("SSH_HOST_KEY_")
        || [HASH, SALT].iter().any(|end| name.ends_with(end))
}

/// The variable of the environment that can hold a secret. A shell's variables have no `-` in their
/// names, and a node's name has no `_`, so that one can stand for the other.
#[must_use]
pub fn variable(name: &str) -> String {
    format!("{SECRET_VARIABLES}{}", name.replace('-', "_"))
}

/// The secrets that a lab can ask for, in the order of the file, each with what it is for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    purposes: IndexMap<String, String>,
    /// The lab file has errors, so any node and any account may be one of its, and it may have TLS.
    any_node: bool,
    /// What the lab has by TLS.
    pub(super) endpoints: Option<Endpoints>,
}

impl Wanted {
    /// These, the salts of those that are logins, and the host keys of the nodes; `None` where the
    /// nodes are not known.
    #[must_use]
    pub fn new(
        purposes: impl IntoIterator<Item = (String, String)>,
        logins: &[&str],
        nodes: Option<&[&str]>,
    ) -> Self {
        let mut purposes: IndexMap<_, _> = purposes.into_iter().collect();
        for login in logins {
            let purpose = format!("the salt of {login}'s hash; a new one changes what is rendered");
            purposes.insert(salt_of(login), purpose);
        }
        for node in nodes.unwrap_or_default() {
            for kind in HostKeyType::ALL {
                let purpose = format!("SSH host key ({}) of {node}", kind.as_str());
                purposes.insert(host_key_name(kind, node), purpose);
            }
        }
        Self { purposes, any_node: nodes.is_none(), endpoints: None }
    }

    /// With a certificate for these, or without any.
    #[must_use]
    pub fn with_endpoints(mut self, endpoints: Option<Endpoints>) -> Self {
        if endpoints.is_none() {
            self.purposes.shift_remove(ENDPOINTS_TLS);
        }
        self.endpoints = endpoints;
        self
    }

    /// The names and addresses that the certificate of the endpoints is for; none where the lab has none.
    #[must_use]
    pub fn endpoint_hosts(&self) -> &[String] {
        self.endpoints.as_ref().map_or(&[], |endpoints| &endpoints.hosts)
    }

    /// The person's own certificate, which stands for a secret.
    pub(super) fn given(&self) -> Option<&GivenCertificate> {
        self.endpoints.as_ref()?.given.as_ref()
    }

    /// Whether something can ask for a secret of this name.
    #[must_use]
    pub fn asks_for(&self, name: &str) -> bool {
        let may_be = || {
            HostKeyType::of(name).is_some()
                || name.starts_with(ACCOUNT_PASSWORD)
                || name == ENDPOINTS_TLS
        };
        self.purposes.contains_key(name) || self.any_node && may_be()
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.purposes.keys().map(String::as_str)
    }

    /// What a secret is for, where its name is known.
    #[must_use]
    pub fn purpose(&self, name: &str) -> Option<&str> {
        self.purposes.get(name).map(String::as_str)
    }

    /// The name for which a variable of the environment stands, without its prefix.
    pub(super) fn of_variable(&self, rest: &str) -> Option<String> {
        let name = if let Some(kind) = HostKeyType::of(rest) {
            let node = rest.strip_prefix(kind.prefix()).unwrap_or_default();
            host_key_name(kind, &node.replace('_', "-"))
        } else {
            // An account's name may have both signs.
            let known = self.names().find(|name| name.replace('-', "_") == rest);
            known.unwrap_or(rest).to_owned()
        };
        (self.asks_for(&name) && !rest.contains('-')).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_and_a_name_stand_for_each_other() {
        let account = account_password_name("a-b_c");
        let purposes = ["RABBIT_PASS", &account].map(|name| (name.to_owned(), "x".to_owned()));
        let wanted = Wanted::new(purposes, &["ROOT_PASS", &account], Some(&["compute-1"]));
        for name in [
            "RABBIT_PASS",
            "ROOT_PASS_SALT",
            "SSH_HOST_KEY_ED25519_compute-1",
            "USER_PASS_a-b_c",
            "USER_PASS_a-b_c_SALT",
        ] {
            let variable = variable(name);
            assert!(variable.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{variable}");
            let rest = variable.strip_prefix(SECRET_VARIABLES).expect("the prefix");
            assert_eq!(wanted.of_variable(rest).as_deref(), Some(name));
        }
        for unknown in ["RABIT_PASS", "SSH_HOST_KEY_RSA_other", "SSH_HOST_KEY_RSA_", "rabbit_pass"]
        {
            assert_eq!(wanted.of_variable(unknown), None, "{unknown}");
        }
        // While the nodes are not known, none is unknown.
        let name = "SSH_HOST_KEY_RSA_other";
        assert_eq!(Wanted::new([], &[], None).of_variable(name).as_deref(), Some(name));
    }
}
