//! What holds for any menu that there may be, and any that may be asked for.

use proptest::prelude::*;

use super::tests::unrestricted;
use super::*;
use crate::render::boot_menu::restore;
use crate::render::boot_menu::samples::{any_menu, assert_entries, assert_timeout, menu};

const MENU: &str = "menuentry 'Install' {\n\tlinux /k quiet\n\tinitrd /i\n}\n";

/// Menus made of pieces that matter, in any order.
fn menus() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => Just("menuentry 'Install' --class os {\n\tlinux /k quiet\n\tinitrd /i\n}\n"),
        3 => Just("set default=\"1\"\n"),
        3 => Just("set timeout=60\n"),
        2 => Just("menuentry 'I' { linux /k inst.stage2=hd:LABEL=CentOS\\x207\\x20x86_64 quiet; initrd /i; }\n"),
        1 => Just("search -l 'CentOS 7 x86_64'\n"),
        2 => Just("submenu 'S' {\n"),
        2 => Just("}\n"),
        1 => Just("menuentry 'Rescue' --unrestricted { linux /k rescue; initrd /i; }\n"),
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
    fn any_menu_becomes_what_was_asked_for(text in menus(), menu in any_menu()) {
        let before = super::entries(&text);
        if let Ok(edited) = edit(&text, &menu, "trainyard") {
            assert_entries(&super::entries(&edited), before, &menu);
            assert_timeout(timeout(&edited), &menu, Duration::ZERO);
            if menu.password.is_some() {
                let open = unrestricted(&edited);
                prop_assert!(open.iter().enumerate().all(|(i, open)| *open == (i < menu.entries.len())));
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
