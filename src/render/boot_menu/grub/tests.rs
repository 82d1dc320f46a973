use super::*;
use crate::render::boot_menu::restore;
use crate::render::boot_menu::samples::{choice, entry, menu, password, stage2, with};

const STOCK: &str = include_str!("../../../../tests/fixtures/boot_menu/grub.cfg");
const EXPECTED: &str = include_str!("../../../../tests/fixtures/boot_menu/grub.unattended.cfg");

fn add(text: &str) -> Result<String, BootMenuError> {
    edit(text, &menu(), "trainyard")
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
fn the_entry_alone() {
    let added = alone(STOCK, &menu(), "trainyard", "A B").unwrap();
    let (_, end) = added.split_once("set gfxpayload=keep\n").unwrap();
    assert_eq!(
        end,
        r"insmod part_gpt

search --no-floppy --set=root -l A' 'B

menuentry 'Install CentOS 7 as `controller` (erases the disk)' --class fedora --class gnu-linux --class gnu --class os {
	linuxefi /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=CentOS\x207\x20x86_64 quiet inst.ks=hd:LABEL=CentOS\x207\x20x86_64:/ks.cfg inst.text
	initrdefi /images/pxeboot/initrd.img
}
"
    );
    assert_eq!(timeout(&added), Some(Duration::from_secs(5)));
    let entries = entries(&added);
    assert!(entries.len() == 1 && entries[0].default, "{entries:?}");
    // What comes before is the medium's own.
    let before = STOCK.lines().skip_while(|line| !line.starts_with("function")).take(10);
    assert!(added.contains(&before.collect::<Vec<_>>().join("\n")), "{added}");
    for text in ["menuentry 'Disk' {\n\texit\n}\n", EXPECTED] {
        assert!(alone(text, &menu(), "trainyard", "OEMDRV").is_err(), "{text}");
    }
}

#[test]
fn arguments_are_left_out() {
    let removed = |words: &str, removed: &[&str]| {
        let removed_arguments = removed.iter().map(|&name| name.to_owned()).collect();
        let entry = UnattendedEntry { removed_arguments, ..entry() };
        let text = MENU.replace("quiet", words);
        let text = edit(&text, &with(entry), "trainyard").unwrap();
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
    };
    let edited = edit(MENU, &with(entry.clone()), "m").unwrap();
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
fn several_entries_wait_for_a_person() {
    let edited = edit(STOCK, &choice(), "trainyard").unwrap();
    assert!(edited.contains("\n# trainyard: was: set timeout=60\nset timeout=-1\n"), "{edited}");
    assert_eq!(edited.matches("# trainyard: begin\n").count(), 1);
    let entries = super::entries(&edited);
    let titles: Vec<_> = entries.iter().take(4).map(|entry| entry.title.as_str()).collect();
    assert_eq!(titles, [&entry().title, "Second", "Third", "Install CentOS 7"]);
    let stage2 = r"inst.stage2=hd:LABEL=CentOS\x207\x20x86_64";
    assert_eq!(entries[2].arguments, [stage2, "n=3"]);
    assert_eq!(timeout(&edited), None);
    assert_eq!(restore(&edited, "trainyard").as_deref(), Some(STOCK));
    let hidden = format!("set timeout_style=hidden\n{MENU}");
    assert!(edit(&hidden, &choice(), "m").unwrap().contains("\nset timeout_style=menu\n"));
    assert!(
        added(&hidden).contains("set timeout_style=hidden\n"),
        "with a timeout it starts by itself"
    );
}

#[test]
fn a_title_leaves_it_as_it_is() {
    let titled = Menu { title: Some("Lab".into()), ..menu() };
    assert_eq!(edit(STOCK, &titled, "trainyard").as_deref(), Ok(EXPECTED));
}

#[test]
fn another_label_everywhere() {
    let label = Some(("CentOS 7 x86_64".to_owned(), "Lab 1".to_owned()));
    let labelled = Menu { label, ..menu() };
    let edited = edit(STOCK, &labelled, "trainyard").unwrap();
    let entries = super::entries(&edited);
    assert!(entries.iter().all(|entry| entry.arguments.contains(&stage2("Lab 1"))), "{entries:?}");
    assert!(edited.contains("\nsearch --no-floppy --set=root -l 'Lab 1'\n"), "{edited}");
    assert_eq!(restore(&edited, "trainyard").as_deref(), Some(STOCK));

    let changed = |line: &str| {
        let edited = edit(&format!("{line}\n{MENU}"), &labelled, "m");
        edited.map(|edited| edited.lines().find(|line| !line.starts_with('#')).unwrap().to_owned())
    };
    for (line, expected) in [
        ("search.fs_label \"CentOS 7 x86_64\" root", "search.fs_label 'Lab 1' root"),
        ("if search -nl 'CentOS 7 x86_64'; then true; fi", "if search -nl 'Lab 1'; then true; fi"),
        (r"set a=CDLABEL=CentOS\x207\x20x86_64", r"set a=CDLABEL=Lab\x201"),
        (
            "set a=\"$b root=live:LABEL=CentOS\\x207\\x20x86_64 quiet\" # why",
            "set a=\"$b root=live:LABEL=Lab\\x201 quiet\" # why",
        ),
    ] {
        assert_eq!(changed(line).as_deref(), Ok(expected));
    }
    for line in [
        "search --label Other --set=root",
        "search --file 'CentOS 7 x86_64'",
        "echo 'x=CentOS 7 x86_64'",
    ] {
        assert_eq!(changed(line).as_deref(), Ok(line));
    }
    for line in [
        "search --set=root -l $label",
        "set label='CentOS 7 x86_64'",
        r"set a=hd:LABEL=CentOS\\x207\\x20x86_64",
        r"set a='hd:LABEL=CentOS'\x207\x20x86_64",
        r"set a=LABEL=CentOS\x207\x20x86_64,LABEL=CentOS\\x207\\x20x86_64",
        "set a='x\nhd:LABEL=CentOS\\x207\\x20x86_64'",
    ] {
        let error = changed(line).unwrap_err().to_string();
        assert!(error.starts_with("line 1 of the boot menu cannot be edited: "), "{error}");
    }
}

#[test]
fn whatever_is_not_ours_asks_for_the_password() {
    let locked = Menu { password: Some(password()), ..choice() };
    let edited = edit(STOCK, &locked, "trainyard").unwrap();
    let start = format!(
        "# trainyard: begin\nset superusers=\"root\"\nexport superusers\npassword_pbkdf2 root {}\nmenuentry",
        password().grub
    );
    assert!(edited.contains(&start), "{edited}");
    assert_eq!(unrestricted(&edited), [true, true, true, false, false, false, false]);
    assert_eq!(restore(&edited, "trainyard").as_deref(), Some(STOCK));

    let open = "menuentry 'I' --unrestricted --class os {\nlinux /k\ninitrd /i\n}\nsubmenu S {\n\
                menuentry X --unrestricted { true; }; menuentry Y --unrestricted {\n}\n}\n";
    let edited = edit(open, &locked, "m").unwrap();
    assert_eq!(unrestricted(&edited), [true, true, true, false, false, false]);
    assert_eq!(edited.matches("(erases the disk)' --class os --unrestricted {").count(), 1);
    assert_eq!(restore(&edited, "m").as_deref(), Some(open));
    assert_eq!(unrestricted(&edit(open, &choice(), "m").unwrap()), [true; 6]);

    for line in [
        "set superusers=admin",
        "superusers=''",
        "password admin secret",
        "if true; then password_pbkdf2 admin grub.pbkdf2.x; fi",
    ] {
        let error = edit(&format!("{line}\n{MENU}"), &locked, "m").unwrap_err().to_string();
        let expected =
            "line 1 of the boot menu cannot be edited: the medium has a password of its own";
        assert_eq!(error, expected);
    }
}

/// Which entries start without a password.
pub(super) fn unrestricted(text: &str) -> Vec<bool> {
    Script::read(text).entries.iter().map(|entry| !entry.unrestricted.is_empty()).collect()
}

#[test]
fn a_serial_console() {
    let serial = |unit| Menu { serial: Some(Serial { unit, speed: 9600 }), ..menu() };
    let edited = edit(STOCK, &serial(0), "trainyard").unwrap();
    let expected = "# trainyard: begin\nserial --unit=0 --speed=9600\nterminal_input serial console\n\
                    terminal_output serial console\nmenuentry 'Install CentOS 7 as";
    assert!(edited.contains(expected), "{edited}");
    assert_eq!(restore(&edited, "trainyard").as_deref(), Some(STOCK));
    for (unit, line) in [(1, "--unit=1"), (2, "--port=0x3e8"), (3, "--port=0x2e8")] {
        let edited = edit(MENU, &serial(unit), "m").unwrap();
        assert!(edited.contains(&format!("\nserial {line} --speed=9600\n")), "{edited}");
    }
    assert!(edit(&format!("terminal_output gfxterm\n{MENU}"), &serial(0), "m").is_ok());
    let error = edit(&format!("{MENU}terminal_output gfxterm\n"), &serial(0), "m").unwrap_err();
    let expected =
        "line 5 of the boot menu cannot be edited: it changes the terminal after the menu";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn grub_itself_accepts_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("grub.cfg");
    let title = "it's \"$HOME\"; # {1} \\".into();
    let extra_arguments = vec!["a=;$&|<>{}#*?[~!()`".into(), r"b=\x20;\x7b".into()];
    let odd = with(UnattendedEntry { title, extra_arguments, ..entry() });
    let conditional = format!("if [ a = b ]; then set default=1; else set timeout=2; fi\n{MENU}");
    for (text, menu) in [(STOCK, &menu()), (STOCK, &choice()), (STOCK, &odd), (&conditional, &odd)]
    {
        std::fs::write(&file, edit(text, menu, "trainyard").unwrap()).unwrap();
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
    let long = UnattendedEntry { extra_arguments: vec!["x".repeat(2100)], ..entry() };
    assert_eq!(
        edit(MENU, &with(long), "m"),
        Err(BootMenuError::CommandLineTooLong { length: 11 + 8 + 2101 })
    );
}

/// Entries of the medium's own, of which a longer label makes more than the kernel takes.
#[test]
fn the_limit_holds_for_the_mediums_own_entries() {
    let own =
        format!("menuentry own {{ linuxefi /k inst.stage2=hd:LABEL=L {} }}\n", "x".repeat(2010));
    let text = format!("{MENU}\n{own}");
    let labelled = |new: &str| Menu { label: Some(("L".into(), new.into())), ..menu() };
    assert!(edit(&text, &labelled("M"), "m").is_ok());
    let error = edit(&text, &labelled("LONGER"), "m");
    assert_eq!(error, Err(BootMenuError::CommandLineTooLong { length: 2047 + 5 }));
}

#[test]
fn what_is_never_closed_is_not_copied_alone() {
    let told = |text: &str| alone(text, &menu(), "m", "L").unwrap_err().to_string();
    let entry = "menuentry Install {\nlinuxefi /k inst.stage2=hd:LABEL=L";
    for open in [format!("{entry}\n"), format!("{entry} 'quiet }}\n")] {
        assert!(
            told(&open).ends_with("a quote or a brace that it opens is never closed"),
            "{open}"
        );
    }
}

#[test]
fn an_entry_inside_an_entry_is_none_of_the_menu() {
    let text =
        "menuentry 'Install' {\n\tlinux /k\n\tinitrd /i\n\tmenuentry 'Later' { linux /l }\n}\n";
    let titles = |text: &str| -> Vec<String> {
        super::entries(text).into_iter().map(|entry| entry.title).collect()
    };
    assert_eq!(titles(text), ["Install"]);
    assert_eq!(titles(&added(text)), [&entry().title, "Install"]);
}

#[test]
fn what_is_never_closed_is_not_copied() {
    for (text, line) in [
        ("menuentry 'Install' {\n\tlinux /k\n\tinitrd /i\n", 1),
        ("menuentry 'Install' {\n\tlinux /k quiet\n\tinitrd '/i\n}\n", 3),
        ("menuentry 'Install' {\n\tlinux /k\n\tinitrd /i\n}\necho \"x\n", 5),
        ("menuentry 'Install' {\n\tlinux /k\n\tinitrd /i\n}\necho ${x\n", 5),
    ] {
        let expected = format!("line {line} of the boot menu cannot be edited: a quote or a brace");
        let error = add(text).unwrap_err().to_string();
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn a_menu_that_repeats_much_ends_in_time_and_memory() {
    let many = |piece: &str| piece.repeat(200_000 / piece.len());
    let start = std::time::Instant::now();
    for (text, refused) in [
        // Submenus in submenus, and entries in all of them.
        (many("submenu a {") + &many("menuentry b {}"), true),
        (format!("submenu {} {{{}", "a".repeat(100_000), many("menuentry b {}")), true),
        (many("{") + &many(";a"), true),
        (format!("set default={}\n{}{MENU}", many(">"), many("menuentry a{}\n")), false),
        (format!("{MENU}{}", many("default=1;")), false),
        (format!("{MENU}{}", many("default=1\n")), false),
        (MENU.replace("\tinitrd", &format!("{}\tinitrd", many("\tlinux /k quiet\n"))), false),
    ] {
        let found: usize = super::entries(&text).iter().map(|e| 1 + e.submenus.len()).sum();
        assert!(found < 100_000, "{found}");
        let _ = timeout(&text);
        let added = add(&format!("{MENU}{text}"));
        assert_eq!(added.is_err_and(|error| error.to_string().contains(TOO_INTRICATE)), refused);
        let entry = UnattendedEntry { removed_arguments: vec!["quiet".into()], ..entry() };
        let _ = edit(&text, &with(entry), "m");
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
