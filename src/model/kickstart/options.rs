//! The options of the commands that `kickstart.commands` takes. What pykickstart cannot read stops the installation.

use std::net::IpAddr;

use crate::model::settle::word;
use crate::model::users::{UIDS, new_account};

/// What becomes of the words of a command.
pub(super) struct Options {
    /// Each with its form.
    pub known: &'static [(&'static str, Form)],
    /// Without which there is none.
    pub needed: &'static [&'static str],
    /// Of two, the first is nothing without the second.
    pub with: &'static [(&'static str, &'static str)],
    /// What may be written.
    pub help: &'static str,
}

/// What an option's value is.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// A name or an address.
    Host,
    Port,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A group that the system does not have.
    Group,
    Gid,
}

pub(super) const NONE: Options =
    Options { known: &[], needed: &[], with: &[], help: "the command by itself" };

pub(super) const LOGGING: Options = Options {
    known: &[
        ("--host", Form::Host),
        ("--port", Form::Port),
        ("--level", Form::Word(&["debug", "info", "warning", "error", "critical"])),
    ],
    needed: &[],
    with: &[("--port", "--host")],
    help: "`logging --host=10.0.0.5 --port=514 --level=info`, or some of it: a port needs a host, and a level is `debug`, `info`, `warning`, `error` or `critical`",
};

pub(super) const GROUP: Options = Options {
    known: &[("--name", Form::Group), ("--gid", Form::Gid)],
    needed: &["--name"],
    with: &[],
    help: "`group --name=developers`, which CentOS 7 and the services' packages do not have, and with `--gid=1500` a number from 1000 to 60000",
};

impl Options {
    /// Checks the words after the command.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub(super) fn check(&self, words: &[&str]) -> Result<(), String> {
        let mut seen: Vec<&str> = Vec::new();
        for word in words {
            let (option, value) = word.split_once('=').unwrap_or((word, ""));
            let known = self.known.iter().find(|(name, _)| *name == option);
            let Some((name, form)) = known else {
                return Err("has what that command does not take".into());
            };
            if seen.contains(name) {
                return Err(format!("has `{name}` twice"));
            }
            if !form.fits(value) {
                return Err(format!("has a `{name}` that cannot be used"));
            }
            seen.push(name);
        }
        if let Some(needed) = self.needed.iter().find(|needed| !seen.contains(needed)) {
            return Err(format!("has no `{needed}`"));
        }
        let alone = |(one, other): &&(&str, &str)| seen.contains(one) && !seen.contains(other);
        match self.with.iter().find(alone) {
            Some((one, other)) => Err(format!("has `{one}` without `{other}`")),
            None => Ok(()),
        }
    }
}

impl Form {
    fn fits(self, text: &str) -> bool {
        let number = |text: &str| text.parse().ok().filter(|n: &u16| n.to_string() == text);
        match self {
            Self::Host => word(text, 253, ".-").is_ok() || text.parse::<IpAddr>().is_ok(),
            Self::Port => number(text).is_some_and(|port| port > 0),
            Self::Word(words) => words.contains(&text),
            Self::Group => new_account(text).is_ok(),
            Self::Gid => number(text).is_some_and(|gid| UIDS.contains(&gid)),
        }
    }
}
