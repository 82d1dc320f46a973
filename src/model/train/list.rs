//! The lists of options, as they are read.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::value::Taken;

/// What a configuration file takes.
pub(super) struct List {
    /// Its name.
    pub name: &'static str,
    /// Where it is on a node.
    pub path: &'static str,
    /// The list as it is written.
    pub text: &'static str,
    /// The sections by their folded names; read when the first asks.
    sections: OnceLock<BTreeMap<String, Section>>,
}

/// A section of a file.
pub(super) struct Section {
    /// Its name.
    pub name: &'static str,
    entries: BTreeMap<&'static str, Entry>,
}

/// What a name in a section is.
pub(super) enum Entry {
    /// An option.
    Taken(Known),
    /// The old name of one that has this section and this name today.
    Renamed((&'static str, &'static str)),
}

/// An option.
pub(super) struct Known {
    /// What it takes.
    pub value: Taken,
    /// Whether a later release does not have it.
    pub is_leaving: bool,
}

macro_rules! lists {
    ($( $name:literal $path:literal, )*) => {
        /// All of them.
        pub(super) static LISTS: [List; 11] = [$( List {
            name: $name,
            path: $path,
            text: include_str!(concat!($name, ".tsv")),
            sections: OnceLock::new(),
        }, )*];
    };
}

lists! {
    "keystone" "/etc/keystone/keystone.conf",
    "glance-api" "/etc/glance/glance-api.conf",
    "placement" "/etc/placement/placement.conf",
    "nova" "/etc/nova/nova.conf",
    "neutron" "/etc/neutron/neutron.conf",
    "ml2_conf" "/etc/neutron/plugins/ml2/ml2_conf.ini",
    "linuxbridge_agent" "/etc/neutron/plugins/ml2/linuxbridge_agent.ini",
    "dhcp_agent" "/etc/neutron/dhcp_agent.ini",
    "l3_agent" "/etc/neutron/l3_agent.ini",
    "metadata_agent" "/etc/neutron/metadata_agent.ini",
    "cinder" "/etc/cinder/cinder.conf",
}

/// The list of a file on a node.
pub(super) fn of(path: &str) -> Option<&'static List> {
    LISTS.iter().find(|list| list.path == path)
}

impl List {
    fn read(&'static self) -> &'static BTreeMap<String, Section> {
        self.sections.get_or_init(|| read(self.text))
    }

    /// All sections.
    pub fn sections(&'static self) -> impl Iterator<Item = &'static Section> {
        self.read().values()
    }

    /// The section of a folded name.
    pub fn section(&'static self, folded: &str) -> Option<&'static Section> {
        self.read().get(folded)
    }
}

impl Section {
    /// What a name is here.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// The names of the options.
    pub fn options(&self) -> impl Iterator<Item = &'static str> {
        let options = self.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Taken(_)));
        options.map(|(name, _)| *name)
    }
}

fn read(text: &'static str) -> BTreeMap<String, Section> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut section = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            continue;
        }
        // Old names are listed for the spelling that they once had, too: `[DATABASE]` is `[database]`.
        let new = || Section { name: section, entries: BTreeMap::new() };
        let into = sections.entry(super::fold(section)).or_insert_with(new);
        let mut fields = line.split('\t');
        let Some(name) = fields.next() else { continue };
        let mut known = Known { value: Taken::default(), is_leaving: false };
        let mut renamed = None;
        for field in fields {
            match field.strip_prefix("-> ") {
                Some(today) => renamed = today.rsplit_once('.'),
                None if field == "deprecated" => known.is_leaving = true,
                None => known.value.read(field),
            }
        }
        let entry = renamed.map_or(Entry::Taken(known), Entry::Renamed);
        if matches!(entry, Entry::Taken(_)) {
            into.name = section;
        }
        into.entries.insert(name, entry);
    }
    sections
}
