use super::*;
use crate::render::boot_menu::restore;
use crate::render::boot_menu::samples::{choice, entry, menu, password, stage2, with};

const STOCK: &str = include_str!("../../../../tests/fixtures/boot_menu/isolinux.cfg");
const EXPECTED: &str = include_str!("../../../../tests/fixtures/boot_menu/isolinux.unattended.cfg");

fn add(text: &str) -> Result<String, BootMenuError> {
    edit(text, &menu(), "trainyard")
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
fn the_entry_alone() {
    let text = alone(STOCK, &menu(), "trainyard").unwrap();
    assert_eq!(
        text,
        r"say Install CentOS 7 as `controller` (erases the disk)
say It starts by itself. Enter starts it now; any other key makes it wait.
default trainyard
prompt 1
timeout 50
label trainyard
  menu label Install CentOS 7 as `controller` (erases the disk)
  menu default
  kernel vmlinuz
  append initrd=initrd.img inst.stage2=hd:LABEL=CentOS\x207\x20x86_64 quiet inst.ks=hd:LABEL=CentOS\x207\x20x86_64:/ks.cfg inst.text
"
    );
    let entries = entries(&text);
    assert!(entries.len() == 1 && entries[0].default, "{entries:?}");
    let at_once = alone(STOCK, &Menu { timeout: Some(0), ..menu() }, "trainyard");
    assert_eq!(timeout(&at_once.unwrap()), Some(Duration::from_millis(100)));
    for (text, title) in [("label local\n  localboot 0\n", "x"), (STOCK, "^x"), (EXPECTED, "x")] {
        let entry = UnattendedEntry { title: title.into(), ..entry() };
        assert!(alone(text, &with(entry), "trainyard").is_err(), "{title}");
    }
}

#[test]
fn arguments_are_left_out() {
    let removed = |removed: &[&str]| {
        let removed_arguments = removed.iter().map(|&name| name.to_owned()).collect();
        let entry = UnattendedEntry { removed_arguments, ..entry() };
        let text = MENU.replace("quiet", "a=1  quiet  b=2");
        let text = edit(&text, &with(entry), "trainyard").unwrap();
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
fn a_label_that_is_called_as_a_program_is_the_default() {
    let text = format!("default menu.c32\n{MENU}label menu.c32\nkernel memtest\n");
    assert!(entries(&text)[1].default);
    let edited = added(&text);
    assert!(edited.starts_with("# trainyard: was: default menu.c32\ndefault trainyard\n"));
    assert!(entries(&edited)[0].default);
}

#[test]
fn a_menu_that_repeats_much_ends_in_time_and_memory() {
    let many = |piece: &str| piece.repeat(200_000 / piece.len());
    let start = std::time::Instant::now();
    for text in [
        // Submenus in submenus, and labels in all of them.
        many("menu begin\n") + &many("label a\n"),
        format!("menu begin {}\n{}", "a".repeat(100_000), many("label a\n")),
        format!("append {}\n{}", many("a "), many("label a\n")),
    ] {
        let size = |entry: &BootEntry| 1 + entry.submenus.len() + entry.arguments.len();
        let found: usize = entries(&text).iter().map(size).sum();
        assert!(found < 600_000, "{found}");
        let error = add(&format!("{text}{MENU}")).unwrap_err().to_string();
        assert!(error.contains(TOO_INTRICATE), "{error}");
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let error = add(&many("label a\n")).unwrap_err().to_string();
    assert!(error.ends_with("`a` and 24960 more; is it an installation medium?"), "{error}");
}

#[test]
fn whatever_else_would_start_something_is_left_out() {
    let text = format!(
        "default menu.c32\nontimeout local\ntotaltimeout 900\n\tTimeOut 0\n{MENU}label local\n menu default\n localboot 0\n\
         menu begin tools\nmenu default\nmenu start\nlabel a\nmenu default\nkernel a\nmenu end\n"
    );
    let edited = added(&text);
    for line in ["ontimeout local", "totaltimeout 900", " menu default", "menu start"] {
        assert!(edited.contains(&format!("# trainyard: left out: {line}\n")), "{edited}");
    }
    assert!(edited.contains("\n\ttimeout 50\n"));
    assert!(edited.contains("label a\nmenu default\n"), "what a submenu marks is its own matter");
    assert_eq!(restore(&edited, "trainyard"), Some(text));
    assert_eq!(timeout("timeout 0\n"), None);
    assert_eq!(timeout(""), None);
}

#[test]
fn several_entries_wait_for_a_person() {
    let edited = edit(STOCK, &choice(), "trainyard").unwrap();
    assert!(edited.contains("\n# trainyard: was: timeout 600\ntimeout 0\n"), "{edited}");
    let entries = super::entries(&edited);
    let labels: Vec<_> =
        entries.iter().take(4).map(|entry| entry.label.as_deref().unwrap()).collect();
    assert_eq!(labels, ["trainyard", "trainyard-2", "trainyard-3", "linux"]);
    let stage2 = r"inst.stage2=hd:LABEL=CentOS\x207\x20x86_64";
    assert_eq!(entries[2].arguments, ["initrd=initrd.img", stage2, "n=3"]);
    assert_eq!(entries.iter().filter(|entry| entry.default).count(), 1);
    assert_eq!(edited.matches("\n  menu default\n").count(), 1);
    assert_eq!(timeout(&edited), None);
    assert_eq!(restore(&edited, "trainyard").as_deref(), Some(STOCK));
    let hidden = format!("default menu.c32\nmenu hidden\nmenu shiftkey\n{MENU}");
    let edited = edit(&hidden, &choice(), "m").unwrap();
    assert!(edited.contains("# m: left out: menu hidden\n# m: left out: menu shiftkey\n"));
    assert!(added(&hidden).contains("\nmenu hidden\nmenu shiftkey\n"));
    let taken = format!("{MENU}label m-2\n");
    let error = edit(&taken, &choice(), "m").unwrap_err();
    assert!(matches!(error, BootMenuError::AlreadyEdited { .. }));
}

#[test]
fn the_title_of_the_main_menu_is_replaced() {
    let titled = Menu { title: Some(" Lab #1 (rack 2) ".into()), ..menu() };
    let edited = edit(STOCK, &titled, "trainyard").unwrap();
    let replaced =
        "\n# trainyard: was: menu title CentOS 7\nmenu title Lab #1 (rack 2)\nmenu vshift 8\n";
    assert!(edited.contains(replaced), "{edited}");
    assert!(edited.contains("\n  menu title Troubleshooting\n"), "a submenu's is its own");
    assert_eq!(restore(&edited, "trainyard").as_deref(), Some(STOCK));
    let untitled = format!("ui menu.c32\n{MENU}");
    let edited = edit(&untitled, &titled, "m").unwrap();
    assert!(edited.contains("# m: begin\ntimeout 50\nmenu title Lab #1 (rack 2)\nlabel m\n"));
    assert_eq!(edit(MENU, &titled, "m"), Err(BootMenuError::NoMenu { what: "a title" }));
    for (title, allowed) in [("x".repeat(56), true), ("x".repeat(57), false), ("a^b".into(), false)]
    {
        let titled = Menu { title: Some(title), ..menu() };
        assert_eq!(edit(STOCK, &titled, "m").is_ok(), allowed);
    }
}

#[test]
fn another_label_everywhere() {
    let label = Some(("CentOS 7 x86_64".to_owned(), "Lab 1".to_owned()));
    let labelled = Menu { label, ..menu() };
    let edited = edit(STOCK, &labelled, "trainyard").unwrap();
    let entries = super::entries(&edited);
    for entry in entries.iter().filter(|entry| entry.initrd.is_some()) {
        assert!(entry.arguments.contains(&stage2("Lab 1")), "{entry:?}");
    }
    assert_eq!(edited.matches(r"LABEL=Lab\x201 ").count(), 5);
    assert!(edited.contains("\nmenu title CentOS 7\n"));
    assert_eq!(restore(&edited, "trainyard").as_deref(), Some(STOCK));
    let same = Menu { label: Some(("Lab".into(), "Lab".into())), ..menu() };
    assert_eq!(edit(STOCK, &same, "trainyard").as_deref(), Ok(EXPECTED));
    let kept = "  text help\n LABEL=CentOS 7 x86_64\n  endtext\nsay x=CentOS 7 x86_64\n";
    assert!(edit(&format!("{MENU}{kept}"), &labelled, "m").unwrap().ends_with(kept));
    let odd = MENU.replace("quiet", r"medium=CentOS\x207\x20x86_64");
    let error = edit(&odd, &labelled, "m").unwrap_err().to_string();
    assert!(
        error.starts_with("line 3 of the boot menu cannot be edited: it names the volume's label")
    );
    for (new, problem) in [
        ("", "empty"),
        (&*"x".repeat(33), "32 bytes"),
        ("Lab ", "ends with a blank"),
        ("a:b", "`hd:LABEL=`"),
        ("é", "`hd:LABEL=`"),
    ] {
        let label = Some(("CentOS 7 x86_64".to_owned(), new.to_owned()));
        let error = edit(STOCK, &Menu { label, ..menu() }, "m").unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn whatever_is_not_ours_asks_for_the_password() {
    let locked = Menu { password: Some(password()), ..choice() };
    let edited = edit(STOCK, &locked, "trainyard").unwrap();
    let start = format!(
        "# trainyard: begin\nnoescape 1\nprompt 0\nmenu master passwd {}\nlabel trainyard\n",
        password().isolinux
    );
    assert!(edited.contains(&start), "{edited}");
    assert_eq!(asking(&edited), ["linux", "check", "vesa", "rescue", "memtest", "local"]);
    assert_eq!(restore(&edited, "trainyard").as_deref(), Some(STOCK));
    assert_eq!(
        super::entries(&edited)[3..],
        super::entries(&edit(STOCK, &choice(), "m").unwrap())[3..]
    );

    let open = format!(
        "ui menu.c32\nPROMPT 1\nnoescape 0\nmenu hiddenkey F2 x\n{MENU}label quit\nmenu quit\n"
    );
    let edited = edit(&open, &locked, "m").unwrap();
    for line in ["PROMPT 1", "noescape 0", "menu hiddenkey F2 x"] {
        assert!(edited.contains(&format!("# m: left out: {line}\n")), "{edited}");
    }
    assert_eq!(asking(&edited), ["linux", "quit"]);

    let refused = |text: &str| edit(text, &locked, "m").unwrap_err().to_string();
    assert!(refused(MENU).starts_with("ISOLINUX shows no menu that could have a password"));
    for (line, problem) in [
        ("menu passwd x", "the medium has a password of its own"),
        ("menu master passwd x", "the medium has a password of its own"),
        ("include other.cfg", "the other file's entries"),
        ("menu include other.cfg", "the other file's entries"),
    ] {
        let error = refused(&format!("ui menu.c32\n{MENU}{line}\n"));
        assert!(error.starts_with("line 5 of the boot menu cannot be edited: "), "{error}");
        assert!(error.contains(problem), "{error}");
    }
    assert!(refused(&format!("ui menu.c32\n{MENU}label x")).contains("not even a line's end"));
}

/// The labels whose entries ask for the master password.
fn asking(text: &str) -> Vec<&str> {
    let mut label = "";
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("label ") {
            label = name;
        } else if line == "menu passwd" {
            found.push(label);
        }
    }
    found
}

#[test]
fn the_serial_console_comes_first() {
    let serial = Menu { serial: Some(Serial { unit: 1, speed: 115_200 }), ..menu() };
    let edited = edit(STOCK, &serial, "trainyard").unwrap();
    let start = "# trainyard: begin\nserial 1 115200\n# trainyard: end\ndefault vesamenu.c32\n";
    assert!(edited.starts_with(start), "{edited}");
    assert_eq!(restore(&edited, "trainyard").as_deref(), Some(STOCK));
    let edited = edit(&format!("Serial 0 9600\n{MENU}"), &serial, "m").unwrap();
    assert!(
        edited.starts_with("# m: begin\nserial 1 115200\n# m: end\n# m: left out: Serial 0 9600\n")
    );
    let edited = edit(MENU, &serial, "m").unwrap();
    assert!(edited.starts_with("# m: begin\nserial 1 115200\ndefault m\ntimeout 50\nlabel m\n"));
    for (unit, speed) in [(4, 9600), (0, 9601), (0, 0)] {
        let serial = Menu { serial: Some(Serial { unit, speed }), ..menu() };
        let error = edit(MENU, &serial, "m").unwrap_err().to_string();
        assert!(error.ends_with("from 0 to 3, and 9600, 19200, 38400, 57600 or 115200"), "{error}");
    }
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
    let error = edit(MENU, &with(long), "trainyard").unwrap_err().to_string();
    assert!(error.contains("would be 2143 bytes long, and the kernel takes 2047"), "{error}");
    for (title, problem) in
        [("a\nb", "line break"), (" ", "empty"), ("a^b", "hot key"), ("é", "beyond ASCII")]
    {
        let entry = UnattendedEntry { title: title.into(), ..entry() };
        let error = edit(MENU, &with(entry), "trainyard").unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    for argument in ["", "a b", "a\nb", "a'b", "a\"b", r"a\b", "a\u{a0}b"] {
        let entry = UnattendedEntry { extra_arguments: vec![argument.into()], ..entry() };
        assert!(
            matches!(edit(MENU, &with(entry), "m"), Err(BootMenuError::BadArgument { .. })),
            "{argument}"
        );
    }
    for marker in ["", "a b", "a\n"] {
        assert!(matches!(edit(MENU, &menu(), marker), Err(BootMenuError::BadMarker { .. })));
    }
    let long = Menu { timeout: Some(3600), ..menu() };
    assert_eq!(edit(MENU, &long, "m"), Err(BootMenuError::BadTimeout { seconds: 3600 }));
    let none = Menu { entries: Vec::new(), ..menu() };
    assert_eq!(edit(MENU, &none, "m"), Err(BootMenuError::NoEntries));
}

/// Entries of the medium's own, of which a longer label makes more than the kernel takes.
#[test]
fn the_limit_holds_for_the_mediums_own_entries() {
    let own =
        format!("label own\n  kernel k\n  append inst.stage2=hd:LABEL=L {}\n", "x".repeat(2011));
    let text = format!("{MENU}{own}");
    let labelled = |new: &str| Menu { label: Some(("L".into(), new.into())), ..menu() };
    assert!(edit(&text, &labelled("M"), "m").is_ok());
    let error = edit(&text, &labelled("LONGER"), "m");
    assert_eq!(error, Err(BootMenuError::CommandLineTooLong { length: 2047 + 5 }));
}

#[test]
fn the_limit_counts_what_the_kernel_gets() {
    // Everything but the added argument: `initrd=initrd.img quiet `, ` BOOT_IMAGE=vmlinuz`, the zero.
    let left = 2048 - 24 - 19 - 1;
    for (length, fits) in [(left, true), (left + 1, false)] {
        let entry = UnattendedEntry { extra_arguments: vec!["x".repeat(length)], ..entry() };
        assert_eq!(edit(MENU, &with(entry), "m").is_ok(), fits, "{length}");
    }
}
