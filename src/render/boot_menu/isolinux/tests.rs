use proptest::prelude::*;

use super::*;
use crate::render::boot_menu::restore;

const STOCK: &str = include_str!("../../../../tests/fixtures/boot_menu/isolinux.cfg");
const EXPECTED: &str = include_str!("../../../../tests/fixtures/boot_menu/isolinux.unattended.cfg");

fn entry() -> UnattendedEntry {
    UnattendedEntry {
        title: "Install CentOS 7 as `controller` (erases the disk)".into(),
        extra_arguments: vec![
            r"inst.ks=hd:LABEL=CentOS\x207\x20x86_64:/ks.cfg".into(),
            "inst.text".into(),
        ],
        removed_arguments: Vec::new(),
        timeout_seconds: 5,
    }
}

fn add(text: &str) -> Result<String, BootMenuError> {
    add_unattended(text, &entry(), "trainyard")
}

fn added(text: &str) -> String {
    add(text).unwrap()
}

const MENU: &str = "label linux\n  kernel vmlinuz\n  append initrd=initrd.img quiet\n";

#[test]
fn the_published_menu() {
    assert_eq!(added(STOCK), EXPECTED);
    assert_eq!(restore(EXPECTED, "trainyard").as_deref(), Some(STOCK));
    let changed: Vec<_> =
        STOCK.lines().filter(|line| !EXPECTED.lines().any(|kept| kept == *line)).collect();
    assert_eq!(changed, ["timeout 600"], "`menu default` is in the new entry too");
    assert_eq!(timeout(STOCK).map(|time| time.as_secs()), Some(60));
    assert_eq!(timeout(EXPECTED), Some(Duration::from_secs(5)));
}

#[test]
fn arguments_are_left_out() {
    let removed = |removed: &[&str]| {
        let removed_arguments = removed.iter().map(|&name| name.to_owned()).collect();
        let entry = UnattendedEntry { removed_arguments, ..entry() };
        let text = MENU.replace("quiet", "a=1  quiet  b=2");
        let text = add_unattended(&text, &entry, "trainyard").unwrap();
        entries(&text)[0].arguments.join(" ")
    };
    let rest = r"inst.ks=hd:LABEL=CentOS\x207\x20x86_64:/ks.cfg inst.text";
    assert_eq!(removed(&["quiet"]), format!("initrd=initrd.img a=1 b=2 {rest}"));
    assert_eq!(removed(&["a", "b=2", "b=3"]), format!("initrd=initrd.img quiet {rest}"));
    assert_eq!(removed(&["a=2", "qui"]), format!("initrd=initrd.img a=1 quiet b=2 {rest}"));
}

#[test]
fn the_published_entries() {
    let entries = entries(STOCK);
    let labels: Vec<_> = entries.iter().map(|entry| entry.label.as_deref().unwrap()).collect();
    assert_eq!(labels, ["linux", "check", "vesa", "rescue", "memtest", "local", "returntomain"]);
    let default: Vec<_> = entries.iter().map(|entry| entry.default).collect();
    assert_eq!(default, [false, true, false, false, false, false, false]);
    assert_eq!(entries[1].title, "Test this media & install CentOS 7");
    assert_eq!(entries[3].submenus, ["Troubleshooting"]);
    assert_eq!(entries[3].kernel.as_deref(), Some("vmlinuz"));
    assert_eq!(entries[3].initrd.as_deref(), Some("initrd.img"));
    let expected =
        ["initrd=initrd.img", r"inst.stage2=hd:LABEL=CentOS\x207\x20x86_64", "rescue", "quiet"];
    assert_eq!(entries[3].arguments, expected);
    assert_eq!((entries[5].kernel.as_deref(), entries[6].kernel.as_deref()), (None, None));

    let after = super::entries(EXPECTED);
    assert_eq!(after[0].label.as_deref(), Some("trainyard"));
    assert_eq!(after[0].title, entry().title);
    assert_eq!(after.iter().filter(|entry| entry.default).count(), 1);
    assert!(after[0].default);
}

#[test]
fn a_default_that_is_a_label_is_replaced_and_a_menu_program_is_kept() {
    assert!(
        added(&format!("default linux\nprompt 1\n{MENU}"))
            .contains("\ndefault trainyard\nprompt 1\n")
    );
    let menu = format!("DEFAULT vesamenu.c32\n{MENU}");
    assert!(
        added(&menu)
            .starts_with("DEFAULT vesamenu.c32\n# trainyard: begin\ntimeout 50\nlabel trainyard\n")
    );
    let menu = format!("ui menu.c32\ndefault linux\n{MENU}");
    let edited = added(&menu);
    assert!(edited.contains("# trainyard: was: default linux\ndefault trainyard\n"));
    assert!(super::entries(&edited)[0].default);
    assert!(
        added(MENU)
            .starts_with("# trainyard: begin\ndefault trainyard\ntimeout 50\nlabel trainyard\n")
    );
    assert!(super::entries(MENU)[0].default, "`linux` starts where nothing else is said");
}

#[test]
fn whatever_else_would_start_something_is_left_out() {
    let text = format!(
        "default menu.c32\nontimeout local\n\tTimeOut 0\n{MENU}label local\n menu default\n localboot 0\n\
         menu begin tools\nmenu default\nmenu start\nlabel a\nmenu default\nkernel a\nmenu end\n"
    );
    let edited = added(&text);
    for line in ["ontimeout local", " menu default", "menu start"] {
        assert!(edited.contains(&format!("# trainyard: left out: {line}\n")), "{edited}");
    }
    assert!(edited.contains("\n\ttimeout 50\n"));
    assert!(edited.contains("label a\nmenu default\n"), "what a submenu marks is its own matter");
    assert_eq!(restore(&edited, "trainyard"), Some(text));
    assert_eq!(timeout("timeout 0\n"), None);
    assert_eq!(timeout(""), None);
}

#[test]
fn the_entry_copies_what_the_install_entry_inherits() {
    let text = "append initrd=a.img global\nlabel linux\n  linux /k\n  ipappend 2\nlabel x\n kernel y\n append -\n";
    let edited = added(text);
    let expected = "label trainyard\n  menu label Install CentOS 7 as `controller` (erases the disk)\n  menu default\n  \
                    linux /k\n  append initrd=a.img global inst.ks=hd:LABEL=CentOS\\x207\\x20x86_64:/ks.cfg inst.text\n  \
                    ipappend 2\n# trainyard: end\nlabel linux\n";
    assert!(edited.contains(expected), "{edited}");
    assert_eq!(super::entries(text)[1].arguments, [""; 0]);
    // A label is its own kernel, and `initrd` a directive of its own.
    let edited = added("label vmlinuz\n initrd a.img\n");
    assert!(edited.contains("  kernel vmlinuz\n  initrd a.img\n  append inst.ks="), "{edited}");
}

#[test]
fn a_text_is_not_taken_for_directives() {
    let text = format!("default menu.c32\n{MENU}text help\nlabel trainyard\ntimeout 7\nendtext\n");
    let edited = added(&text);
    assert!(edited.ends_with("text help\nlabel trainyard\ntimeout 7\nendtext\n"));
}

#[test]
fn line_ends_stay() {
    let text = MENU.replace('\n', "\r\n");
    let edited = added(&text);
    assert!(
        edited.lines().count() > 5
            && edited.matches('\n').count() == edited.matches("\r\n").count()
    );
    assert_eq!(restore(&edited, "trainyard"), Some(text));
}

#[test]
fn what_is_refused() {
    let refused = |text: &str| add(text).unwrap_err().to_string();
    assert!(
        refused(EXPECTED)
            .starts_with("the boot menu was customised already (it has an entry of trainyard)")
    );
    assert!(refused(&format!("label trainyard\n{MENU}")).contains("customised already"));
    assert!(
        refused(&MENU.replace("quiet", "inst.ks=cdrom:/ks.cfg"))
            .contains("`linux` has an argument `inst.ks`")
    );
    assert!(refused("label a\n kernel memtest\n").contains("its entries are: `a`; is it"));
    assert!(refused("").contains("its entries are: none"));
    let long = UnattendedEntry { extra_arguments: vec!["x".repeat(2100)], ..entry() };
    let error = add_unattended(MENU, &long, "trainyard").unwrap_err().to_string();
    assert!(error.contains("would be 2143 bytes long, and the kernel takes 2047"), "{error}");
    for (title, problem) in [("a\nb", "line break"), (" ", "empty"), ("a^b", "hot key")] {
        let entry = UnattendedEntry { title: title.into(), ..entry() };
        let error = add_unattended(MENU, &entry, "trainyard").unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    for argument in ["", "a b", "a\nb", "a'b", "a\"b", r"a\b", "a\u{a0}b"] {
        let entry = UnattendedEntry { extra_arguments: vec![argument.into()], ..entry() };
        assert!(
            matches!(add_unattended(MENU, &entry, "m"), Err(BootMenuError::BadArgument { .. })),
            "{argument}"
        );
    }
    for marker in ["", "a b", "a\n"] {
        assert!(matches!(
            add_unattended(MENU, &entry(), marker),
            Err(BootMenuError::BadMarker { .. })
        ));
    }
    let entry = UnattendedEntry { timeout_seconds: 3600, ..entry() };
    assert_eq!(add_unattended(MENU, &entry, "m"), Err(BootMenuError::BadTimeout { seconds: 3600 }));
}

#[test]
fn the_limit_counts_what_the_kernel_gets() {
    // Everything but the added argument: `initrd=initrd.img quiet `, ` BOOT_IMAGE=vmlinuz`, the zero.
    let left = 2048 - 24 - 19 - 1;
    for (length, fits) in [(left, true), (left + 1, false)] {
        let entry = UnattendedEntry { extra_arguments: vec!["x".repeat(length)], ..entry() };
        assert_eq!(add_unattended(MENU, &entry, "m").is_ok(), fits, "{length}");
    }
}

/// Menus made of lines that matter, in any order.
fn menus() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        4 => Just("label linux"),
        4 => Just("  kernel vmlinuz"),
        4 => Just("append initrd=initrd.img quiet"),
        2 => Just("  menu default"),
        1 => Just("menu begin ^Sub"),
        1 => Just("menu end"),
        1 => Just("MENU start"),
        1 => Just("default linux"),
        1 => Just("default vesamenu.c32"),
        1 => Just("timeout 600"),
        1 => Just("ontimeout a"),
        1 => Just("append -"),
        1 => Just("append rescue"),
        1 => Just("text help"),
        1 => Just("endtext"),
        1 => Just("label check"),
        1 => Just("menu separator"),
        1 => Just("ui menu.c32"),
        1 => Just("# comment"),
        1 => Just(""),
    ];
    let end = prop_oneof![4 => Just("\n"), 1 => Just("\r\n"), 1 => Just("\n\n")];
    let lines = prop::collection::vec((line, end), 0..25);
    (lines, any::<bool>()).prop_map(|(lines, cut)| {
        let mut text: String = lines.into_iter().flat_map(|(line, end)| [line, end]).collect();
        if cut {
            text.truncate(text.trim_end().len());
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_menu_keeps_its_entries_and_starts_the_new_one(text in menus()) {
        let before = super::entries(&text);
        if let Ok(edited) = add(&text) {
            let after = super::entries(&edited);
            prop_assert!(after[0].default && after[0].title == entry().title);
            prop_assert_eq!(timeout(&edited), Some(Duration::from_secs(5)));
            let kept: Vec<_> = after[1..].to_vec();
            let undecided = before.into_iter().map(|entry| BootEntry { default: false, ..entry });
            prop_assert_eq!(kept, undecided.collect::<Vec<_>>());
            prop_assert_eq!(restore(&edited, "trainyard"), Some(text));
            prop_assert!(add(&edited).is_err());
        }
    }

    #[test]
    fn any_text_is_read(text: String) {
        let _ = super::entries(&text);
        let _ = timeout(&text);
        if let Ok(edited) = add(&format!("{text}\n{MENU}")) {
            prop_assert_eq!(restore(&edited, "trainyard"), Some(format!("{text}\n{MENU}")));
        }
    }
}
