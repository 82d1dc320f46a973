use super::list::LISTS;
use super::value::{Kind, Taken};
use super::*;

fn told(file: &str, section: &str, option: &str, value: &str) -> Option<Fault> {
    fault(file, section, option, Some(value), &Named::default())
}

const NOVA: &str = "/etc/nova/nova.conf";
const CINDER: &str = "/etc/cinder/cinder.conf";

/// Every option of every file: path, section, name and what it takes.
fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static Known)> {
    LISTS.iter().flat_map(|list| {
        list.sections().flat_map(|section| {
            section.options().map(|name| match section.get(name) {
                Some(Entry::Taken(known)) => (list.path, section.name, name, known),
                _ => panic!("`{name}` is none"),
            })
        })
    })
}

/// A value that an option takes, and one that it does not; nothing where it takes any.
fn values(taken: &Taken) -> (String, Option<String>) {
    let (least, most) = taken.limits;
    let end = [least, most].into_iter().find(|limit| !limit.is_empty());
    let beyond = match taken.limits {
        ("", "") => None,
        ("", most) => Some(format!("1{most}0")),
        (least, _) => Some(format!("-9{}", least.trim_start_matches('-'))),
    };
    match taken.kind {
        _ if !taken.choices.is_empty() => (taken.choices[0].to_owned(), Some("xyzzy".into())),
        Kind::Text | Kind::List => ("a b,,c".into(), None),
        Kind::Bool => ("True".into(), Some("ja".into())),
        Kind::Int => (end.unwrap_or("-7").into(), Some(beyond.unwrap_or("1.5".into()))),
        Kind::Float => (end.unwrap_or("1e-3").into(), Some(beyond.unwrap_or("x".into()))),
        Kind::Port => (end.unwrap_or("0").into(), Some(beyond.unwrap_or("65536".into()))),
        Kind::Dict => ("a:b, c:".into(), Some("a:b,c".into())),
        Kind::Host => ("controller".into(), Some("10.0.0.256".into())),
        Kind::Ip => ("::1".into(), Some("controller".into())),
        Kind::Uri => ("http://controller:5000/v3".into(), Some("controller:5000".into())),
    }
}

#[test]
fn every_option_takes_a_value_of_its_kind_and_no_other() {
    let mut refused = 0;
    for (file, section, name, known) in all() {
        let (good, bad) = values(&known.value);
        let place = format!("{file} [{section}] {name}");
        let fine = told(file, section, name, &good);
        match (fine, known.is_leaving) {
            (None, false) => {}
            (Some(fault), true) => assert_eq!(fault.rule, Rule::DeprecatedOption, "{place}"),
            (fine, _) => panic!("{place} = {good}: {fine:?}"),
        }
        for open in ["$my_ip", "@SECRET_X@"] {
            assert!(
                told(file, section, name, open).is_none_or(|f| f.part == Part::Name),
                "{place}"
            );
        }
        let Some(bad) = bad else { continue };
        let fault = told(file, section, name, &bad).unwrap_or_else(|| panic!("{place} = {bad}"));
        assert_eq!((fault.rule, fault.part), (Rule::OptionValue, Part::Value), "{place}");
        assert!(fault.message.contains(file) && !fault.help.is_empty(), "{fault:?}");
        refused += 1;
    }
    // As many as the releases' own lists have.
    assert_eq!(all().count(), 3831);
    assert!(refused > 1800, "{refused}");
}

#[test]
fn every_old_name_leads_to_one_of_today() {
    let mut count = 0;
    for list in &LISTS {
        for line in list.text.lines().filter(|line| line.contains("\t-> ")) {
            let (_, today) = line.split_once("\t-> ").expect("an old name");
            let (section, name) = today.rsplit_once('.').expect("a section");
            let section = list.section(&fold(section)).expect("a section");
            assert!(matches!(section.get(name), Some(Entry::Taken(_))), "{line}");
            count += 1;
        }
    }
    assert_eq!(count, 474);
    let fault = told(NOVA, "DEFAULT", "auth_strategy", "keystone").expect("an old name");
    assert_eq!((fault.rule, fault.part), (Rule::RenamedOption, Part::Name));
    assert_eq!(fault.help, "write `[api] auth_strategy`");
    let fault = told(NOVA, "DATABASE", "sql_connection", "x").expect("an old name");
    assert_eq!(fault.help, "write `[database] connection`");
}

#[test]
fn every_line_of_the_lists_is_read() {
    for list in &LISTS {
        for line in list.text.lines().filter(|line| !line.starts_with(['#', '['])) {
            for field in line.split('\t').skip(1) {
                let mut taken = Taken::default();
                taken.read(field);
                let is_known = taken.kind != Kind::Text
                    || !taken.choices.is_empty()
                    || taken.limits != ("", "")
                    || taken.any_case
                    || field == "deprecated"
                    || field.starts_with("-> ");
                assert!(is_known, "{}: {line}", list.name);
            }
        }
    }
}

/// The answers are the library's own; `scripts/dev/train-values.py` asked it.
#[test]
fn values_are_read_as_by_the_library_of_train() {
    let mut count = 0;
    for line in include_str!("values.tsv").lines().filter(|line| !line.starts_with('#')) {
        let [words, value, answer] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let mut taken = Taken::default();
        // A choice may hold a blank.
        let fields = if words.contains(',') { vec![words] } else { words.split(' ').collect() };
        for field in fields {
            taken.read(field);
        }
        assert_eq!(taken.takes(value::unquoted(value)), answer == "taken", "{line}");
        count += 1;
    }
    assert!(count > 250, "{count}");
}

#[test]
fn names_are_read_as_by_the_library_of_train() {
    let help = |section, option| told(NOVA, section, option, "true").map(|fault| fault.help);
    // Sections in any capitals, but for `DEFAULT`; names as they are.
    assert_eq!(help("VNC", "enabled"), None);
    assert_eq!(help("DEFAULT", "debug"), None);
    assert_eq!(help("default", "debug").as_deref(), Some("did you mean `DEFAULT`?"));
    let spelled = "write `my_ip`: names are read as they are written, with `_` and not `-`";
    assert_eq!(help("DEFAULT", "my-ip").as_deref(), Some(spelled));
    assert_eq!(help("DEFAULT", "My_IP").as_deref(), Some(spelled));
    assert_eq!(help("vnk", "enabled").as_deref(), Some("did you mean `vnc`?"));
    assert_eq!(help("vnc", "enabeld").as_deref(), Some("did you mean `enabled`?"));
    assert_eq!(help("vnc", "virt_type").as_deref(), Some("did you mean `[libvirt] virt_type`?"));
    assert!(help("vnc", "xyzzy").is_some_and(|help| help.contains("configuration reference")));
    assert!(told("/etc/my.cnf", "x", "y", "z").is_none());
}

#[test]
fn a_back_end_has_the_options_of_back_ends_where_something_names_it() {
    let driver = |named: &Named, section| {
        fault(CINDER, section, "volume_group", Some("cinder-volumes"), named)
    };
    let mut named = Named::default();
    assert!(driver(&named, "lvm").is_some_and(|fault| fault.part == Part::Section));
    named.read(CINDER, "enabled_backends", "lvm, Fast", true);
    assert!(driver(&named, "lvm").is_none() && driver(&named, "fast").is_none());
    let mistyped = driver(&named, "lvmm").expect("no section");
    assert_eq!(mistyped.help, "did you mean `lvm`?");
    let wrong = fault(CINDER, "lvm", "volume_grup", Some("x"), &named).expect("no option");
    assert_eq!(wrong.help, "did you mean `volume_group`?");
    let old = fault(CINDER, "lvm", "netapp_volume_list", Some("x"), &named).expect("an old name");
    assert_eq!(old.help, "write `[lvm] netapp_pool_name_search_pattern`");
    let gone = fault(CINDER, "lvm", "iscsi_helper", Some("lioadm"), &named).expect("no option");
    assert_eq!(gone.help, "write `[lvm] target_helper` in its place");
    // What the node alone knows may be any name.
    named.read(CINDER, "enabled_backends", "{{ parameters.backends }}", false);
    assert!(driver(&named, "other").is_none());
    assert!(fault(CINDER, "other", "volume_grup", None, &named).is_some());
    assert!(fault(CINDER, "database", "volume_group", None, &named).is_some());
    // Glance names a store's kind as well, and has stores of its own.
    let (glance, option) = ("/etc/glance/glance-api.conf", "filesystem_store_datadir");
    let mut stores = Named::default();
    assert!(fault(glance, "fast", option, Some("/x"), &stores).is_some());
    stores.read(glance, "enabled_backends", "fast:file,slow:rbd", true);
    for section in ["fast", "slow", "os_glance_tasks_store"] {
        assert!(fault(glance, section, option, Some("/x"), &stores).is_none(), "{section}");
    }
}

#[test]
fn what_is_gone_has_its_successor() {
    for (old, of, today) in GONE {
        let faults = LISTS.iter().flat_map(|list| {
            let told = |section: &Section| told(list.path, section.name, old, "x");
            list.sections().filter_map(told).collect::<Vec<_>>()
        });
        let end = format!("{}] {today}` in its place", of.unwrap_or_default());
        assert!(faults.into_iter().any(|fault| fault.help.ends_with(&end)), "{old}");
    }
    let fault = told(NOVA, "oslo_messaging_rabbit", "rabbit_host", "x").expect("gone");
    assert_eq!(fault.help, "write `[DEFAULT] transport_url` in its place");
    let fault = told(NOVA, "placement", "os_region_name", "RegionOne").expect("gone");
    assert_eq!(fault.help, "write `[placement] region_name` in its place");
    assert!(told(NOVA, "cinder", "os_region_name", "RegionOne").is_none());
}

#[test]
fn a_value_that_may_hold_a_password_is_not_repeated() {
    let uris = all().filter(|(.., known)| known.value.kind == Kind::Uri && !known.is_leaving);
    for (file, section, name, _) in uris {
        let fault = told(file, section, name, "http//u:hunter2@h").expect("no URI");
        assert!(!fault.message.contains("hunter2"), "{fault:?}");
    }
}
