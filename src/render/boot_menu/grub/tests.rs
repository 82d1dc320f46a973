use proptest::prelude::*;

use super::*;
use crate::render::boot_menu::restore;

const STOCK: &str = include_str!("../../../../tests/fixtures/boot_menu/grub.cfg");
const EXPECTED: &str = include_str!("../../../../tests/fixtures/boot_menu/grub.unattended.cfg");

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

const MENU: &str = "menuentry 'Install' {\n\tlinux /k quiet\n\tinitrd /i\n}\n";

#[test]
fn the_published_menu() {
    assert_eq!(added(STOCK), EXPECTED);
    assert_eq!(restore(EXPECTED, "trainyard").as_deref(), Some(STOCK));
    let changed: Vec<_> =
        STOCK.lines().filter(|line| !EXPECTED.lines().any(|kept| kept == *line)).collect();
    assert_eq!(changed, ["set default=\"1\"", "set timeout=60"]);
    assert_eq!(timeout(STOCK).map(|time| time.as_secs()), Some(60));
    assert_eq!(timeout(EXPECTED), Some(Duration::from_secs(5)));
}

#[test]
fn arguments_are_left_out() {
    let removed = |words: &str, removed: &[&str]| {
        let removed_arguments = removed.iter().map(|&name| name.to_owned()).collect();
        let entry = UnattendedEntry { removed_arguments, ..entry() };
        let text = MENU.replace("quiet", words);
        let text = add_unattended(&text, &entry, "trainyard").unwrap();
        assert_eq!(restore(&text, "trainyard").as_deref(), Some(&*MENU.replace("quiet", words)));
        entries(&text)[0].arguments.join(" ")
    };
    let rest = r"inst.ks=hd:LABEL=CentOS\x207\x20x86_64:/ks.cfg inst.text";
    assert_eq!(removed("a=1  quiet\tb=2", &["quiet"]), format!("a=1 b=2 {rest}"));
    assert_eq!(removed("a=1 quiet b=2", &["a", "b=2"]), format!("quiet {rest}"));
    assert_eq!(removed("quiet", &["quiet", "/k"]), rest, "and the kernel stays");
    assert_eq!(removed("'a=1 2' quiet", &["a=2"]), format!("a=1 2 quiet {rest}"));
}

#[test]
fn the_published_entries() {
    let entries = entries(STOCK);
    let titles: Vec<_> = entries.iter().map(|entry| entry.title.as_str()).collect();
    let expected = [
        "Install CentOS 7",
        "Test this media & install CentOS 7",
        "Install CentOS 7 in basic graphics mode",
        "Rescue a CentOS system",
    ];
    assert_eq!(titles, expected);
    assert_eq!(
        entries.iter().map(|entry| entry.default).collect::<Vec<_>>(),
        [false, true, false, false]
    );
    assert_eq!(entries[3].submenus, ["Troubleshooting -->"]);
    assert_eq!(entries[3].kernel.as_deref(), Some("/images/pxeboot/vmlinuz"));
    assert_eq!(entries[3].initrd.as_deref(), Some("/images/pxeboot/initrd.img"));
    assert_eq!(
        entries[3].arguments,
        [r"inst.stage2=hd:LABEL=CentOS\x207\x20x86_64", "rescue", "quiet"]
    );
    let after = super::entries(EXPECTED);
    assert_eq!(
        after.iter().map(|entry| entry.default).collect::<Vec<_>>(),
        [true, false, false, false, false]
    );
}

#[test]
fn defaults_by_number_and_title() {
    for (default, expected) in [
        ("0", [true, false, false]),
        ("\"1\"", [false, true, false]),
        ("Two", [false, true, false]),
        ("\"2>0\"", [false, false, true]),
        ("'Sub>Three'", [false, false, true]),
        ("2", [false, false, false]),
        ("\"${saved_entry}\"", [false, false, false]),
    ] {
        let text = format!(
            "set default={default}\nmenuentry One {{ linux /k }}\nmenuentry Two {{ true }}\n\
             submenu Sub {{ menuentry Three {{ true }}\n}}\n"
        );
        let found: Vec<_> = super::entries(&text).iter().map(|entry| entry.default).collect();
        assert_eq!(found, expected, "{default}");
    }
    assert!(super::entries(MENU)[0].default);
}

#[test]
fn missing_settings_are_added_and_conditional_ones_replaced() {
    let edited = added(MENU);
    let start =
        "# trainyard: begin\nset default=\"0\"\nset timeout=5\nmenuentry 'Install CentOS 7 as";
    assert!(edited.starts_with(start), "{edited}");
    let text = format!(
        "if [ x = y ]; then set default=2; set timeout=-1; fi\nfalse && set timeout=9\n{MENU}"
    );
    let edited = added(&text);
    assert!(
        edited.contains("\nif [ x = y ]; then set default=\"0\"; set timeout=5; fi\n"),
        "{edited}"
    );
    assert!(edited.contains("\nfalse && set timeout=5\n"), "{edited}");
    assert!(edited.contains("# trainyard: begin\nset default=\"0\"\nset timeout=5\n"), "{edited}");
    assert_eq!(restore(&edited, "trainyard"), Some(text));
    let edited = added(&format!("default='1>0'; timeout=1 # why\n{MENU}"));
    assert!(
        edited.contains("\ndefault=\"0\"; timeout=5 # why\n# trainyard: begin\nmenuentry "),
        "{edited}"
    );
}

#[test]
fn what_an_entry_or_a_submenu_sets_stays() {
    let text =
        format!("{MENU}submenu Sub {{\nset timeout=9\nmenuentry X {{\nset default=3\n}}\n}}\n");
    let edited = added(&text);
    assert!(edited.contains("\nset timeout=9\n") && edited.contains("\nset default=3\n"));
    assert_eq!(timeout(&text), None);
}

#[test]
fn the_install_entry_may_stand_anywhere() {
    // Inside a condition, on one line, with comments, an id of its own and a nested block.
    let text = "if true; then\n  menuentry \"In\\\"st\" --id one --class a --unrestricted {\n    if x; then\n      \
                linux /k a # last\n    else linux /k b; fi\n    initrd /i\n  }\nfi\n";
    let edited = added(text);
    let expected = "menuentry 'Install CentOS 7 as `controller` (erases the disk)' --class a --unrestricted {\n    \
                    if x; then\n      linux /k a inst.ks=hd:LABEL=CentOS\\x207\\x20x86_64:/ks.cfg inst.text # last\n    \
                    else linux /k b inst.ks=hd:LABEL=CentOS\\x207\\x20x86_64:/ks.cfg inst.text; fi\n    initrd /i\n  }\n\
                    # trainyard: end\nif true; then\n";
    assert!(edited.contains(expected), "{edited}");
    assert_eq!(restore(&edited, "trainyard").as_deref(), Some(text));
    let edited = added("submenu 'More' { menuentry 'I' { linux /k a; initrd /i; }; }");
    assert!(edited.contains("(erases the disk)' { linux /k a inst.ks="), "{edited}");
}

#[test]
fn titles_and_arguments_are_quoted() {
    let entry = UnattendedEntry {
        title: "it's $HOME; # {1}".into(),
        extra_arguments: vec!["ds=nocloud;s=http://x/".into(), "a=${b}&c#".into()],
        removed_arguments: Vec::new(),
        timeout_seconds: 0,
    };
    let edited = add_unattended(MENU, &entry, "m").unwrap();
    assert!(edited.contains(r"menuentry 'it'\''s $HOME; # {1}' {"), "{edited}");
    assert!(
        edited.contains("\tlinux /k quiet ds=nocloud';'s=http://x/ a='${'b'}&'c'#'\n"),
        "{edited}"
    );
    let found = &super::entries(&edited)[0];
    assert_eq!(found.title, entry.title);
    assert_eq!(found.arguments[1..], entry.extra_arguments);
}

#[test]
fn grub_itself_accepts_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("grub.cfg");
    let title = "it's \"$HOME\"; # {1} \\".into();
    let extra_arguments = vec!["a=;$&|<>{}#*?[~!()`".into(), r"b=\x20;\x7b".into()];
    let odd = UnattendedEntry { title, extra_arguments, timeout_seconds: 1, ..entry() };
    let conditional = format!("if [ a = b ]; then set default=1; else set timeout=2; fi\n{MENU}");
    for (text, entry) in [(STOCK, &entry()), (STOCK, &odd), (&conditional, &odd)] {
        std::fs::write(&file, add_unattended(text, entry, "trainyard").unwrap()).unwrap();
        let output = std::process::Command::new("grub-script-check").arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_is_refused() {
    let refused = |text: &str| add(text).unwrap_err().to_string();
    assert!(refused(EXPECTED).contains("customised already (it has an entry of trainyard)"));
    assert!(refused(&MENU.replace("quiet", "ks=x")).contains("`Install` has an argument `ks`"));
    assert!(refused("menuentry a { chainloader /x }").contains("its entries are: `a`"));
    let error = refused(&format!("echo 'two\nlines'; set default=1\n{MENU}"));
    assert_eq!(
        error,
        "line 2 of the boot menu cannot be edited: it begins inside quotes or goes on from the line before"
    );
    assert!(refused(&format!("set default='a\nb'\n{MENU}")).contains("line 1 of the boot menu"));
    assert!(refused(&format!("if x; then\ny; fi; {MENU}")).contains("another block ends"));
    let error = add_unattended(
        MENU,
        &UnattendedEntry { extra_arguments: vec!["x".repeat(2100)], ..entry() },
        "m",
    );
    assert_eq!(error, Err(BootMenuError::CommandLineTooLong { length: 11 + 8 + 2101 }));
}

/// Menus made of pieces that matter, in any order.
fn menus() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => Just("menuentry 'Install' --class os {\n\tlinux /k quiet\n\tinitrd /i\n}\n"),
        3 => Just("set default=\"1\"\n"),
        3 => Just("set timeout=60\n"),
        2 => Just("submenu 'S' {\n"),
        2 => Just("}\n"),
        1 => Just("menuentry 'Rescue' { linux /k rescue; initrd /i; }\n"),
        1 => Just("if [ a = b ]; then\n"),
        1 => Just("fi\n"),
        1 => Just("function f {\n"),
        1 => Just("; "),
        1 => Just("default=3 "),
        1 => Just("timeout=1;"),
        1 => Just("'"),
        1 => Just("\""),
        1 => Just("\\\n"),
        1 => Just("# it's {\n"),
        1 => Just("\r\n"),
        1 => Just("$x ${y} \n"),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_menu_keeps_its_entries_and_starts_the_new_one(text in menus()) {
        let before = super::entries(&text);
        if let Ok(edited) = add(&text) {
            let after = super::entries(&edited);
            prop_assert!(after[0].default && after[0].title == entry().title && after[0].submenus.is_empty());
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
