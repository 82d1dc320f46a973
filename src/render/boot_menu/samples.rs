//! What the tests of both boot loaders' menus ask for.

use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;

use super::{
    BootEntry, LONGEST_TIMEOUT_SECONDS, Menu, MenuPassword, SERIAL_SPEEDS, Serial, UnattendedEntry,
    escape_label,
};

/// An entry with what a medium's own entry lacks.
pub(super) fn entry() -> UnattendedEntry {
    UnattendedEntry {
        title: "Install CentOS 7 as `controller` (erases the disk)".into(),
        extra_arguments: vec![
            r"inst.ks=hd:LABEL=CentOS\x207\x20x86_64:/ks.cfg".into(),
            "inst.text".into(),
        ],
        removed_arguments: Vec::new(),
    }
}

/// That entry after five seconds, and nothing else.
pub(super) fn menu() -> Menu {
    with(entry())
}

/// The same with another entry.
pub(super) fn with(entry: UnattendedEntry) -> Menu {
    Menu {
        entries: vec![entry],
        timeout: Some(5),
        title: None,
        serial: None,
        password: None,
        label: None,
    }
}

/// Three entries, for a person to choose from.
pub(super) fn choice() -> Menu {
    let named = |title: &str, extra: &str| UnattendedEntry {
        title: title.into(),
        extra_arguments: vec![extra.into()],
        removed_arguments: vec!["quiet".into()],
    };
    let entries = vec![entry(), named("Second", "n=2"), named("Third", "n=3")];
    Menu { entries, timeout: None, ..menu() }
}

/// A password; made once, for hashes take their time.
pub(super) fn password() -> MenuPassword {
    static MADE: LazyLock<MenuPassword> =
        LazyLock::new(|| MenuPassword::new("correct horse", "0123456789ab").unwrap());
    MADE.clone()
}

/// Any menu that can be asked for.
pub(super) fn any_menu() -> impl Strategy<Value = Menu> {
    let timeout = prop::option::of(0..=LONGEST_TIMEOUT_SECONDS);
    let title = prop::option::of("[!-\\]_-~]{1,56}");
    let speed = prop::sample::select(&SERIAL_SPEEDS[..]);
    let serial =
        prop::option::of((0..=3_u8, speed).prop_map(|(unit, speed)| Serial { unit, speed }));
    let label = prop::option::of("[A-Za-z0-9._-]([A-Za-z0-9 ._-]{0,30}[A-Za-z0-9._-])?");
    let password = prop::option::of(Just(password()));
    let asked = (1..=3_usize, timeout, title, serial, password, label);
    asked.prop_map(|(entries, timeout, title, serial, password, label)| {
        let label = label.map(|new| ("CentOS 7 x86_64".to_owned(), new));
        let mut menu = Menu { timeout, title, serial, password, label, ..choice() };
        menu.entries.truncate(entries);
        menu
    })
}

/// The argument by which the published medium's entries find it.
pub(super) const STAGE2: &str = r"inst.stage2=hd:LABEL=CentOS\x207\x20x86_64";

/// The same for another label.
pub(super) fn stage2(label: &str) -> String {
    format!("inst.stage2=hd:LABEL={}", escape_label(label))
}

/// That an edited menu's entries are those that were asked for, and then those that there were.
pub(super) fn assert_entries(after: &[BootEntry], before: Vec<BootEntry>, menu: &Menu) {
    let (ours, theirs) = after.split_at(menu.entries.len());
    for (index, (found, asked)) in ours.iter().zip(&menu.entries).enumerate() {
        assert_eq!((&found.title, found.default), (&asked.title, index == 0));
        assert!(found.submenus.is_empty() && found.arguments.ends_with(&asked.extra_arguments));
    }
    let expected = before.into_iter().map(|entry| {
        let arguments = entry.arguments.into_iter().map(|argument| match &menu.label {
            Some((_, new)) => argument.replace(STAGE2, &stage2(new)),
            None => argument,
        });
        BootEntry { arguments: arguments.collect(), default: false, ..entry }
    });
    assert_eq!(theirs, expected.collect::<Vec<_>>());
}

/// That it waits as long as was asked for.
pub(super) fn assert_timeout(found: Option<Duration>, menu: &Menu, shortest: Duration) {
    let asked = menu.timeout.map(|seconds| Duration::from_secs(seconds.into()));
    assert_eq!(found, asked.map(|asked| asked.max(shortest)));
}
