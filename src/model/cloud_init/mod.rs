//! What people add to the user-data, in cloud-init's own words: each key known, each value as the type that its key wants.

mod accounts;
mod commands;
mod files;
mod forms;
mod keys;
mod top;
mod values;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::report::{Finding, Findings, Rule, Sources, did_you_mean};
use crate::spec::{Data, SettingsSpec, Spanned};

use self::keys::Verdict;
use self::top::TOP;
use self::values::Checker;
use super::settle::Resolver;
use super::{Access, Account, CustomFile, Origin};

/// What people add to the user-data.
#[derive(Clone, Debug, Default)]
pub struct CloudInit {
    /// The keys and what stands under each. Lists come after trainyard's own of the same key.
    pub data: Arc<Map<String, Value>>,
    /// The files that it writes.
    pub files: Vec<Spanned<String>>,
    /// Keys that are missing in it: the mapping, and what is told.
    missing: Vec<(Spanned<()>, String)>,
}

/// What the lab has that these additions may not have as well.
pub(super) struct Others<'a> {
    pub access: Option<&'a Access>,
    pub accounts: &'a [Account],
    pub files: &'a [CustomFile],
}

pub(super) fn resolve(spec: &SettingsSpec, others: &Others, r: &mut Resolver) -> CloudInit {
    let Some(written) = &spec.cloud_init else {
        r.note("cloud_init", &"none", Origin::BuiltIn);
        return CloudInit::default();
    };
    let mut checker = Checker { r, others, files: Vec::new(), missing: Vec::new() };
    let mut data = Map::new();
    for (key, value) in written.value.entries() {
        let Some(form) = checker.form(key, TOP) else { continue };
        if matches!(value.value, Data::Nothing) {
            continue;
        }
        let at = format!("cloud_init.{}", key.value);
        let Some(settled) = checker.value(form, &at, value) else { continue };
        if values::is_nothing(&settled) {
            continue;
        }
        data.insert(key.value.clone(), settled);
    }
    CloudInit { data: data.into(), files: checker.files, missing: checker.missing }
}

/// Tells keys that are missing in what a node has. What the lab or a role says may be a part of it.
pub(super) fn tell_missing(of: &CloudInit, r: &mut Resolver) {
    for (at, message) in &of.missing {
        r.tell(Rule::CloudInitValue, at, message, "cloud-init does nothing without it");
    }
}

/// What is told of a key that is not handed on.
fn refuse(
    key: &Spanned<String>,
    verdict: Option<Verdict>,
    known: &[keys::Known],
    r: &mut Resolver,
) {
    let name = &key.value;
    let (rule, message, help) = match verdict {
        Some(Verdict::Refused(why, help)) => {
            (Rule::CloudInitKey, format!("`{name}` {why}"), help.to_owned())
        }
        Some(Verdict::Unheard(help)) => {
            let message =
                format!("`{name}` is of a module that cloud-init of CentOS 7 does not run");
            (Rule::CloudInitUnknown, message, help.to_owned())
        }
        Some(Verdict::Later(help)) => {
            let message = format!("`{name}` came after cloud-init 19.4, which CentOS 7 has");
            (Rule::CloudInitUnknown, message, help.to_owned())
        }
        _ => {
            let message = format!("`{name}` is nothing that cloud-init 19.4 knows here");
            (Rule::CloudInitUnknown, message, did_you_mean(name, keys::taken(known)))
        }
    };
    r.tell(rule, key, message, help);
}

/// A mapping with nothing in it is as good as none.
fn is_empty(value: &Data) -> bool {
    matches!(value, Data::Map(entries) if entries.iter().all(|(_, v)| matches!(v.value, Data::Nothing)))
}

/// What is wrong with what stands under these keys, by the same rules, where nothing else is said over it: in a user-data of a person's
/// own. Keys that have no form here are let be.
#[must_use]
pub fn cloud_init_faults<'d>(
    entries: impl Iterator<Item = &'d (Spanned<String>, Spanned<Data>)>,
) -> Vec<Finding> {
    let mut findings = Findings::default();
    let sources = Sources::new("");
    let mut resolver = Resolver { findings: &mut findings, sources: &sources, origins: Vec::new() };
    // Accounts and files are trainyard's to say there.
    let others = Others { access: None, accounts: &[], files: &[] };
    let (files, missing) = (Vec::new(), Vec::new());
    let mut checker = Checker { r: &mut resolver, others: &others, files, missing };
    for (key, value) in entries {
        let Some(Verdict::Taken(form)) = keys::verdict(&key.value, TOP) else { continue };
        tell_nothing(key, value, checker.r);
        if !matches!(value.value, Data::Nothing) {
            checker.value(form, &key.value, value);
        }
    }
    let of = CloudInit { missing: checker.missing, ..CloudInit::default() };
    tell_missing(&of, &mut resolver);
    findings.sorted()
}

/// Tells keys that have nothing: there is nothing that it would take back, and modules of 19.4 stumble over it.
fn tell_nothing(key: &Spanned<String>, value: &Spanned<Data>, r: &mut Resolver) {
    if matches!(value.value, Data::Nothing) {
        let message =
            format!("`{}` has nothing, over which cloud-init 19.4 may stumble", key.value);
        r.tell(Rule::CloudInitValue, key, message, "leave the key out");
    }
    if let Data::List(items) = &value.value {
        let inside = items.iter().flat_map(|item| item.value.entries());
        inside.for_each(|(key, value)| tell_nothing(key, value, r));
    }
    value.value.entries().iter().for_each(|(key, value)| tell_nothing(key, value, r));
}

/// Why a key at the top of a user-data is refused, and what to do instead; nothing where it is not.
#[must_use]
pub fn cloud_init_refuses(name: &str) -> Option<(&'static str, &'static str)> {
    match keys::verdict(name, TOP) {
        Some(Verdict::Refused(why, help)) => Some((why, help)),
        _ => None,
    }
}
