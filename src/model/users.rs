//! Accounts that people add to their nodes.

use std::collections::HashMap;

use serde::Serialize;

use crate::report::Rule;
use crate::spec::{Entries, Entry, Spanned, SudoSpec, UserSpec};
use crate::template::quote::is_plain_word;

use super::access::{account, public_key};
use super::settle::{Resolver, Wrong, joined};
use super::{Access, Origin, sudo, system};

/// An account beside root's and the administrator's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number, where it matters.
    pub uid: Option<u16>,
    /// Groups beside its own.
    pub groups: Vec<String>,
    /// Its public keys.
    pub keys: Vec<String>,
    /// What it may do as others, as sudoers(5) writes it after the name.
    pub sudo: Vec<String>,
    /// Its shell.
    pub shell: String,
    /// Whether it has a password.
    pub password: bool,
}

/// Numbers that useradd of CentOS 7 gives to people (`UID_MIN` and `UID_MAX` of login.defs).
pub(super) const UIDS: std::ops::RangeInclusive<u16> = 1000..=60000;

pub(super) fn resolve(
    spec: Option<&Spanned<Entries<UserSpec>>>,
    access: Option<&Access>,
    r: &mut Resolver,
) -> Vec<Account> {
    let administrator = access.and_then(|access| access.user.as_deref());
    let mut accounts = Vec::new();
    // The installer makes the administrator's account first.
    let mut uids: HashMap<u16, String> =
        administrator.map(|name| (*UIDS.start(), name.to_owned())).into_iter().collect();
    for Entry { name, value } in spec.iter().flat_map(|s| &s.value.0) {
        let user = one(name, value, r);
        if administrator == Some(name.value.as_str()) {
            let why = "is the administrator's account already";
            let help = "say it once: under `users`, or as `access.user`";
            r.reject(name, Wrong::of(Rule::AccountTwice, why, help));
        }
        let Some(user) = user else { continue };
        if let (Some(uid), Some(written)) = (user.uid, &value.uid)
            && let Some(other) = uids.insert(uid, user.name.clone())
        {
            let message = format!("`{}`: {uid} is taken by `{other}`", user.name);
            let help = format!("another number from {} to {}, or none", UIDS.start(), UIDS.end());
            r.tell(Rule::UidTaken, written, message, help);
        }
        accounts.push(user);
    }
    // Those that say their number come first, or another could be given it.
    accounts.sort_by_key(|account| account.uid.is_none());
    accounts
}

fn one(name: &Spanned<String>, spec: &UserSpec, r: &mut Resolver) -> Option<Account> {
    let path = |key: &str| format!("users.{}.{key}", name.value);
    let known = match new_account(&name.value) {
        Ok(known) => Some(known),
        Err(wrong) => {
            r.reject(name, wrong);
            None
        }
    };
    let groups = spec.groups.as_ref().map(|g| g.value.0.as_slice());
    let mut groups = r.settle_added(&path("groups"), groups, group);
    groups.sort();
    groups.dedup();
    let mut keys = Vec::new();
    for item in spec.ssh_authorized_keys.iter().flat_map(|keys| &keys.value.0) {
        for key in &item.value.0 {
            let one = Spanned { value: key.clone(), span: item.span, path: item.path.clone() };
            keys.extend(r.settle(&path("ssh_authorized_keys"), Some(&one), public_key));
        }
    }
    let shell = if let Some(written) = &spec.shell {
        r.settle(&path("shell"), Some(written), shell)?
    } else {
        r.note(&path("shell"), &"/bin/bash", Origin::BuiltIn);
        "/bin/bash".to_owned()
    };
    let uid =
        spec.uid.as_ref().and_then(|_| r.settle_number(&path("uid"), spec.uid.as_ref(), UIDS));
    let password = spec.password.as_ref().is_some_and(|password| password.value);
    let origin = spec.password.as_ref().map_or(Origin::BuiltIn, |p| r.origin(p.span));
    r.note(&path("password"), &if password { "yes" } else { "no" }, origin);
    let sudo = rules(&path("sudo"), spec.sudo.as_ref(), password, r);
    let is_told = known.is_none() || is_refused(name, spec, r);
    if !is_told
        && keys.is_empty()
        && !password
        && !shell.ends_with("/nologin")
        && !shell.ends_with("/false")
    {
        let message = format!("nobody can log in as `{}`", name.value);
        let help = "give it `ssh_authorized_keys` or `password: yes`; an account for no person has `shell: /sbin/nologin`";
        r.tell(Rule::UserWithoutLogin, name, message, help);
    }
    Some(Account { name: known?, uid, groups, keys, sudo, shell, password })
}

/// Whether what is said of it, of its keys or of its password cannot be used; that was told.
fn is_refused(name: &Spanned<String>, spec: &UserSpec, r: &Resolver) -> bool {
    let told = |path: &str| r.findings.has_told_within(path);
    let at = |key: &str| told(&format!("{}.{key}", name.path));
    r.findings.has_told_of(Rule::Kind, &name.path)
        || at("ssh_authorized_keys")
        || at("password")
        || spec.ssh_authorized_keys.as_ref().is_some_and(|keys| told(&keys.path))
}

/// The rules of sudo; everything is asked for with the password, if there is one.
fn rules(
    path: &str,
    spec: Option<&Spanned<SudoSpec>>,
    password: bool,
    r: &mut Resolver,
) -> Vec<String> {
    let Some(written) = spec else { return Vec::new() };
    let rules = match &written.value {
        SudoSpec::All(false) => Vec::new(),
        SudoSpec::All(true) if password => vec!["ALL=(ALL) ALL".to_owned()],
        SudoSpec::All(true) => vec!["ALL=(ALL) NOPASSWD: ALL".to_owned()],
        SudoSpec::Rules(rules) => {
            return r
                .settle_list(path, Some((written.span, rules)), |text| sudo::rule(text, "`yes`"));
        }
    };
    let origin = r.origin(written.span);
    r.note(path, &joined(&rules), origin);
    rules
}

/// The name of an account that is not there yet.
pub(super) fn new_account(text: &str) -> Result<String, Wrong> {
    let name = account(text)?;
    let why = if system::is_group(&name) {
        "is an account or a group of CentOS 7 itself"
    } else if system::is_of_service(&name) {
        "is an account that comes with a service's package"
    } else {
        return Ok(name);
    };
    Err(Wrong::of(Rule::AccountReserved, why, "another name"))
}

/// A group that the system has, or one that is made.
pub(super) fn group(text: &str) -> Result<String, Wrong> {
    let own = |_| "a group's name: 1 to 32 lower-case letters, digits and `_-`, a letter first, such as `wheel` or `developers`";
    let name = if system::is_group(text) { text.to_owned() } else { account(text).map_err(own)? };
    if system::is_of_service(&name) {
        let why = "is a group that comes with a service's package";
        let help = "another name; `usermod --append --groups` in a `first_boot` hook adds people to it when it is there";
        return Err(Wrong::of(Rule::AccountReserved, why, help));
    }
    Ok(name)
}

pub(super) fn shell(text: &str) -> Result<String, String> {
    let fits = is_plain_word(text) && text.starts_with('/') && !text.contains([':', ',']);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("the path of a shell that the node has, such as `/bin/bash`".into())
    }
}

/// What CentOS 7's package `setup` lists in /etc/shells, and what keeps people out.
const SHELLS: [&str; 8] = [
    "/bin/bash",
    "/bin/sh",
    "/usr/bin/bash",
    "/usr/bin/sh",
    "/sbin/nologin",
    "/usr/sbin/nologin",
    "/bin/false",
    "/usr/bin/false",
];

/// Tells shells that neither CentOS 7 has nor a package that the lab names after them, such as `zsh`.
pub(super) fn tell_shells(
    spec: Option<&Spanned<Entries<UserSpec>>>,
    packages: &[String],
    r: &mut Resolver,
) {
    for written in spec.iter().flat_map(|s| &s.value.0).filter_map(|e| e.value.shell.as_ref()) {
        let name = written.value.rsplit('/').next().unwrap_or_default();
        let is_of_package = packages.iter().any(|p| p.split('-').next() == Some(name));
        if !SHELLS.contains(&&*written.value) && !is_of_package && shell(&written.value).is_ok() {
            let why = "is no shell that CentOS 7 has";
            let help = "`/bin/bash`, or say under `packages` which package brings it: with none, nobody can log in";
            r.reject(written, Wrong::of(Rule::UnknownShell, why, help));
        }
    }
}
