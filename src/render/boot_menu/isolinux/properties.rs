//! What holds for any menu that there may be, and any that may be asked for.

use proptest::prelude::*;

use super::*;
use crate::render::boot_menu::restore;
use crate::render::boot_menu::samples::{any_menu, assert_entries, assert_timeout, menu};

const MENU: &str = "label linux\n  kernel vmlinuz\n  append initrd=initrd.img quiet\n";

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
        1 => Just("totaltimeout 3"),
        1 => Just("  menu title T"),
        1 => Just("serial 0 300"),
        1 => Just("prompt 1"),
        1 => Just("menu exit"),
        1 => Just("menu hidden"),
        1 => Just("append -"),
        1 => Just("append rescue"),
        2 => Just(r" append initrd=i inst.stage2=hd:LABEL=CentOS\x207\x20x86_64 quiet"),
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
    fn any_menu_becomes_what_was_asked_for(text in menus(), menu in any_menu()) {
        let before = super::entries(&text);
        if let Ok(edited) = edit(&text, &menu, "trainyard") {
            assert_entries(&super::entries(&edited), before, &menu);
            assert_timeout(timeout(&edited), &menu, Duration::from_millis(100));
            let lines = lines(&edited);
            let config = Config::read(&lines);
            let in_force = |what| config.lines(what).map(|line| lines[line].text.trim()).collect::<Vec<_>>();
            if let Some(title) = &menu.title {
                let titles = in_force(Noted::Title);
                prop_assert!(!titles.is_empty() && titles.iter().all(|line| line[11..] == **title));
            }
            let asks = in_force(Noted::Password).len();
            let theirs = config.labels.iter().skip(menu.entries.len()).filter(|label| !label.leads_on);
            let expected = menu.password.as_ref().map(|_| theirs.count() + 1);
            prop_assert_eq!(asks, expected.unwrap_or_default());
            if let Some(Serial { unit, speed }) = menu.serial {
                prop_assert_eq!(in_force(Noted::Serial), [format!("serial {unit} {speed}")]);
                prop_assert_eq!(config.lines(Noted::Serial).next(), Some(1), "after `begin`");
            }
            prop_assert_eq!(restore(&edited, "trainyard"), Some(text));
            prop_assert!(edit(&edited, &menu, "trainyard").is_err());
        }
    }

    #[test]
    fn any_text_is_read(text: String) {
        let _ = super::entries(&text);
        let _ = timeout(&text);
        if let Ok(edited) = edit(&format!("{text}\n{MENU}"), &menu(), "trainyard") {
            prop_assert_eq!(restore(&edited, "trainyard"), Some(format!("{text}\n{MENU}")));
        }
    }
}
