//! Accounts that people add to their nodes.

use crate::report::Rule;

use super::decode::{Added, Decode, OneOrMany, Spanned, record};
use super::files::{PublicKeys, Reader};
use super::shape::Shape;
use super::tree::{Node, Value};

record! {
    /// An account.
    UserSpec {
        /// Groups beside its own; those that the system does not have are made.
        groups: Added<String> = "[wheel, developers]",
        /// Public keys, or files that hold them.
        ssh_authorized_keys: Added<PublicKeys> = "[alice.pub]",
        /// What it may do as others: `yes` for everything (with its password, if it has one), or rules as sudoers(5) has them.
        sudo: SudoSpec = "[\"ALL=(ALL) NOPASSWD: /usr/bin/systemctl restart httpd\"]" else "`no`",
        /// Its shell.
        shell: String = "/bin/bash" else "`/bin/bash`",
        /// Its number.
        uid: u64 = "1500" else "the next that is free",
        /// Whether it has a password, which `trainyard secrets` makes.
        password: bool = "yes" else "`no`",
    }
}

/// What an account may do as others.
#[derive(Clone, Debug)]
pub enum SudoSpec {
    /// Everything, or nothing.
    All(bool),
    /// What these rules say.
    Rules(Vec<Spanned<String>>),
}

impl Decode for SudoSpec {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Scalar(text) if !text.contains('=') => {
                let word = text.to_ascii_lowercase();
                if ["yes", "true", "on", "no", "false", "off"].contains(&&*word) {
                    return bool::decode(node, r).map(Self::All);
                }
                let message = format!("`{text}` cannot be used here");
                let help = "`yes` for everything, `no`, or rules such as `ALL=(ALL) NOPASSWD: /usr/bin/systemctl restart httpd`";
                r.findings.tell(Rule::Value, &node.path, node.span, message, help);
                None
            }
            _ => OneOrMany::decode(node, r).map(|rules| Self::Rules(rules.0)),
        }
    }

    fn shape() -> Shape {
        OneOrMany::<String>::shape()
    }
}
