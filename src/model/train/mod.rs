//! What OpenStack Train takes in its configuration files. A service passes over a section or an option that it does not know in
//! silence, and dies of a value that is none: here both are told before a node is made.
//!
//! The lists are the releases' own: `scripts/dev/train-options.py` says how they are made, the head of each from which release.
//! What plug-ins of others add is not in them. How names and values are read is oslo.config 6.11.3's way, which is Train's.

mod list;
mod value;

use list::{Entry, Known, List, Section};

use crate::report::{Rule, did_you_mean, nearest};

/// Options whose values are names of sections: the lists, the option, and the sections whose options those have.
const NAMING: [(&[&str], &str, &[&str]); 4] = [
    (&["cinder"], "enabled_backends", &["backend_defaults", "backend"]),
    (&["cinder"], "fc_fabric_names", &["brcd_fabric_example", "cisco_fabric_example"]),
    (&["glance-api"], "enabled_backends", STORES),
    (
        &["cinder", "glance-api", "neutron", "nova", "placement"],
        "auth_section",
        &["keystone_authtoken"],
    ),
];

/// What a store of glance's may be.
const STORES: &[&str] = &[
    "cinder",
    "file",
    "glance.store.http.store",
    "glance.store.rbd.store",
    "glance.store.sheepdog.store",
    "glance.store.swift.store",
    "glance.store.vmware_datastore.store",
];

/// Stores that glance has without being told.
const RESERVED: [&str; 2] = ["os_glance_staging_store", "os_glance_tasks_store"];

/// Options that guides of older releases name and Train has no more: the name, and what does the same today, with its section
/// where that is another.
const GONE: [(&str, Option<&str>, &str); 17] = [
    ("admin_password", None, "password"),
    ("admin_tenant_name", None, "project_name"),
    ("admin_user", None, "username"),
    ("identity_uri", None, "auth_url"),
    ("iscsi_helper", None, "target_helper"),
    ("iscsi_ip_address", None, "target_ip_address"),
    ("iscsi_port", None, "target_port"),
    ("iscsi_protocol", None, "target_protocol"),
    ("iscsi_target_prefix", None, "target_prefix"),
    ("libvirt_type", Some("libvirt"), "virt_type"),
    ("nova_metadata_ip", None, "nova_metadata_host"),
    ("os_region_name", None, "region_name"),
    ("rabbit_host", Some("DEFAULT"), "transport_url"),
    ("rabbit_hosts", Some("DEFAULT"), "transport_url"),
    ("rabbit_password", Some("DEFAULT"), "transport_url"),
    ("rabbit_userid", Some("DEFAULT"), "transport_url"),
    ("rpc_backend", Some("DEFAULT"), "transport_url"),
];

/// Where the files lie that there are lists of.
pub fn paths() -> impl Iterator<Item = &'static str> {
    list::LISTS.iter().map(|list| list.path)
}

/// What is wrong with an option of a file.
#[derive(Debug)]
pub struct Fault {
    /// The rule that it does not keep.
    pub rule: Rule,
    /// What of the option it is.
    pub part: Part,
    /// What is wrong.
    pub message: String,
    /// What is allowed, and what to do.
    pub help: String,
}

/// A part of an option, which has its own place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The section.
    Section,
    /// The option's name.
    Name,
    /// Its value.
    Value,
}

/// The sections that options of a lab or of its stages name, such as cinder's back ends.
#[derive(Clone, Debug, Default)]
pub struct Named(Vec<(&'static str, &'static [&'static str], Option<String>)>);

impl Named {
    /// Takes in an option of a file, which may name sections; `is_final` is false where its value is not known yet.
    pub fn read(&mut self, file: &str, option: &str, value: &str, is_final: bool) {
        let Some(list) = list::of(file) else { return };
        let is_naming =
            |(lists, name, _): &&(&[&str], &str, _)| *name == option && lists.contains(&list.name);
        let Some((_, _, models)) = NAMING.iter().find(is_naming) else { return };
        if !is_final || is_open(value) {
            self.0.push((list.name, models, None));
            return;
        }
        // Glance's names have the kind of their store behind them.
        let names = value::unquoted(value).split(',');
        let names = names.map(|name| name.split(':').next().unwrap_or(name).trim());
        self.0.extend(names.map(|name| (list.name, *models, Some(fold(name)))));
    }

    fn of<'n>(
        &'n self,
        list: &'n List,
    ) -> impl Iterator<Item = (&'static [&'static str], Option<&'n str>)> {
        let reserved = RESERVED.iter().filter(|_| list.name == "glance-api");
        let reserved = reserved.map(|name| (STORES, Some(*name)));
        let own = self.0.iter().filter(|(of, ..)| *of == list.name);
        own.map(|(_, models, name)| (*models, name.as_deref())).chain(reserved)
    }
}

/// What is wrong with an option of a file; nothing where that file is none of those that are known here. A value that is not
/// known yet is left out.
#[must_use]
pub fn fault(
    file: &str,
    section: &str,
    option: &str,
    value: Option<&str>,
    named: &Named,
) -> Option<Fault> {
    let list = list::of(file)?;
    let sections = sections(list, section, named);
    let found = || sections.iter().filter_map(|section| Some((section, section.get(option)?)));
    let value = value.filter(|value| !is_open(value)).map(value::unquoted);
    let takes = |known: &&Known| value.is_none_or(|value| known.value.takes(value));
    let options = || {
        found().filter_map(|(_, entry)| match entry {
            Entry::Taken(known) => Some(known),
            Entry::Renamed(_) => None,
        })
    };
    let renamed = found().find_map(|(section, entry)| match entry {
        Entry::Renamed(today) => Some((section, *today)),
        Entry::Taken(_) => None,
    });
    let place = format!("`[{section}] {option}`");
    let told = |rule, part, message, help| Some(Fault { rule, part, message, help });
    // Two kinds of back end may have an option of one name.
    if let Some(known) = options().find(takes).or_else(|| options().next()) {
        if !takes(&known) {
            let shown = value.filter(|_| !known.value.may_hold_password());
            let shown = shown.map_or("this".to_owned(), |value| format!("`{value}`"));
            let message = format!("{shown} is no value of {place} in `{file}`");
            return told(Rule::OptionValue, Part::Value, message, known.value.allowed());
        }
        if known.is_leaving {
            let message = format!("{place} in `{file}` works, and goes away after Train");
            let help = "leave it out where you do not need it".to_owned();
            return told(Rule::DeprecatedOption, Part::Name, message, help);
        }
        return None;
    }
    if let Some((model, (of, name))) = renamed {
        // What a back end's section has is listed once for all of them.
        let is_models = of == model.name && fold(of) != fold(section);
        let of = if is_models { section } else { of };
        let message = format!("{place} is an old name in `{file}`");
        let help = format!("write `[{of}] {name}`");
        return told(Rule::RenamedOption, Part::Name, message, help);
    }
    if sections.iter().all(|section| section.options().next().is_none()) {
        let message = format!("`{file}` has no section `{section}` in Train");
        return told(Rule::UnknownOption, Part::Section, message, other(list, section, named));
    }
    let message = format!("`[{section}]` of `{file}` has no option `{option}` in Train");
    for (_, of, name) in GONE.iter().filter(|(old, ..)| *old == option) {
        let is_here = |section: &Section| matches!(section.get(name), Some(Entry::Taken(_)));
        let other = of.and_then(|of| list.section(of));
        if sections.iter().copied().filter(|_| of.is_none()).chain(other).any(is_here) {
            let help = format!("write `[{}] {name}` in its place", of.unwrap_or(section));
            return told(Rule::UnknownOption, Part::Name, message, help);
        }
    }
    told(Rule::UnknownOption, Part::Name, message, advice(list, &sections, option))
}

/// What may be meant by a section that a file does not have.
fn other(list: &'static List, section: &str, named: &Named) -> String {
    let known = list.sections().filter(|s| s.options().next().is_some()).map(|s| s.name);
    let known: Vec<&str> = known.chain(named.of(list).filter_map(|(_, name)| name)).collect();
    if let Some(name) = spelled(section, known.iter().copied()) {
        return meant(name);
    }
    let help = did_you_mean(section, known.iter().copied());
    let has_back_ends = NAMING
        .iter()
        .any(|(lists, name, _)| lists.contains(&list.name) && *name == "enabled_backends");
    if has_back_ends && nearest(section, known).is_none() {
        return format!("name a back end in `[DEFAULT] enabled_backends`; {help}");
    }
    help
}

/// What may be meant by an option that its section does not have.
fn advice(list: &'static List, sections: &[&Section], option: &str) -> String {
    let own = || sections.iter().flat_map(|section| section.options());
    if let Some(name) = spelled(option, own()) {
        return format!("write `{name}`: names are read as they are written, with `_` and not `-`");
    }
    let mut elsewhere = list.sections().filter(|s| matches!(s.get(option), Some(Entry::Taken(_))));
    if let (Some(section), None) = (elsewhere.next(), elsewhere.next()) {
        return format!("did you mean `[{}] {option}`?", section.name);
    }
    nearest(option, own()).map_or_else(
        || "Train's configuration reference says what this section takes; options of a plug-in of others go into a file of their own".to_owned(),
        meant,
    )
}

fn meant(name: &str) -> String {
    format!("did you mean `{name}`?")
}

/// The name that differs in nothing but capitals and strokes.
fn spelled<'n>(given: &str, mut names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let plain = |name: &str| name.to_ascii_lowercase().replace('-', "_");
    let given = plain(given);
    names.find(|name| plain(name) == given)
}

/// The sections whose options one of this name may have.
fn sections(list: &'static List, section: &str, named: &Named) -> Vec<&'static Section> {
    let folded = fold(section);
    let own = list.section(&folded);
    // Where only the node knows the names, one that is none else may be among them.
    let is_meant = |name: Option<&str>| name.map_or(own.is_none(), |name| name == folded);
    let models = named.of(list).filter(|(_, name)| is_meant(*name)).flat_map(|(models, _)| models);
    own.into_iter().chain(models.filter_map(|model| list.section(model))).collect()
}

/// A section's name as oslo.config compares it: in small letters, but for `DEFAULT`, which is none but itself.
fn fold(section: &str) -> String {
    if section == "DEFAULT" { section.to_owned() } else { section.to_lowercase() }
}

/// Whether only the node knows what a value is: a secret, or what other options say.
fn is_open(value: &str) -> bool {
    value.contains('$') || value.contains("@SECRET_")
}

#[cfg(test)]
mod tests;
