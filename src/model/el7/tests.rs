use super::*;
use crate::template::quote::is_plain_word;

#[test]
fn every_list_is_sorted_and_of_plain_words() {
    for (names, least) in [(&TIMEZONES, 500), (&LANGUAGES, 200), (&KEYBOARDS, 500)] {
        assert!(names.len() > least, "{}", names.len());
        assert!(names.is_sorted_by(|a, b| a < b));
        assert!(names.iter().all(|name| is_plain_word(name)));
    }
}

#[test]
fn what_every_name_of_the_lists_becomes_is_that_name() {
    let same = |names: &Names, check: fn(&str) -> Result<String, Wrong>| {
        names.iter().all(|name| check(name).is_ok_and(|checked| checked == *name))
    };
    assert!(same(&TIMEZONES, timezone) && same(&LANGUAGES, language) && same(&KEYBOARDS, keyboard));
}

#[test]
fn what_people_here_and_elsewhere_write() {
    for name in ["Asia/Seoul", "UTC", "Etc/UTC", "Asia/Calcutta", "ROK", "EST5EDT", "Etc/GMT-9"] {
        assert!(timezone(name).is_ok(), "{name}");
    }
    for name in ["us", "kr", "gb", "uk", "jp106", "de-nodeadkeys", "us-dvorak", "fr-latin9"] {
        assert!(keyboard(name).is_ok(), "{name}");
    }
    for (name, becomes) in [
        ("ko_KR", "ko_KR.UTF-8"),
        ("ko_KR.utf8", "ko_KR.UTF-8"),
        ("en_US.utf-8", "en_US.UTF-8"),
        ("sr_RS@latin", "sr_RS.UTF-8@latin"),
    ] {
        assert_eq!(language(name).ok().as_deref(), Some(becomes));
    }
}

#[test]
fn what_there_is_in_place_of_a_newer_time_zone_is_known() {
    for (name, instead, _) in NEWER_TIMEZONES {
        assert!(!has(&TIMEZONES, name) && has(&TIMEZONES, instead), "{name}");
    }
    assert!(COUNTRIES.iter().all(|(code, name)| !has(&KEYBOARDS, code) && has(&KEYBOARDS, name)));
}

#[test]
fn what_is_no_name_is_refused() {
    let long = "x".repeat(100_000);
    for text in ["", " ", "us\n", "localtime", "Factory", "posix/UTC", "right/UTC", "..", &long] {
        assert!(timezone(text).is_err() && language(text).is_err() && keyboard(text).is_err());
    }
}
