//! The time zones, languages and keyboards that CentOS 7.9 has. Others are refused here, because nothing else would tell:
//! the installer takes `America/New_York` for a time zone and `en_US.UTF-8` for a language that it does not know, and fails
//! on an unknown keyboard with a `-` in its name.
//!
//! Each list is a file of names, sorted by bytes:
//! - `timezones.txt` is sure. It is what both anaconda and cloud-init set: the names of pytz 2016.10, whose list anaconda
//!   asks, links of old names such as `Asia/Calcutta` included (its dialogue offers the common names only, but since 2017 a
//!   kickstart may say any: change "timezone: for kickstart allow also timezones not offered by GUI" of its RHEL 7 branch), as far as tzdata 2020 has a file for them. It equals today's tzdata without
//!   [`NEWER_TIMEZONES`] and `Factory`.
//! - `languages.txt` is nearly sure. It is the UTF-8 locales that a published message of a system with CentOS 7's glibc 2.17
//!   lists, and six with a modifier, without those for which langtable, which anaconda asks for the best match, gives
//!   another one (`iw_IL`, `nan_TW@latin`, …); that was seen with langtable 0.0.44, where CentOS 7 has 0.0.31. `C` and
//!   `POSIX` are none of langtable's, and glibc 2.17 has no `C.UTF-8`.
//! - `keyboards.txt` is generous. Most of it is a published list of keymaps that fits kbd 1.15.5 on RHEL 7: the package's own,
//!   and those made of xkeyboard-config's layouts (`layout` or `layout-variant`). That list has no layouts newer than
//!   xkeyboard-config 2.17 or so; about thirty that seem to have come until 2.24, which is RHEL 7.9's, are added.
//!   Only console keymaps are in it: what works as a layout of X alone is not what cloud-init's `localectl` sets.

pub mod shell;

use std::sync::LazyLock;

use super::settle::Wrong;
use crate::report::{Rule, nearest};

type Names = LazyLock<Vec<&'static str>>;

static TIMEZONES: Names = LazyLock::new(|| include_str!("timezones.txt").lines().collect());
static LANGUAGES: Names = LazyLock::new(|| include_str!("languages.txt").lines().collect());
static KEYBOARDS: Names = LazyLock::new(|| include_str!("keyboards.txt").lines().collect());

/// Time zones that came after the installer's list (in which release of tzdata), and what there is in their place. Where a
/// zone was split off, that is one with the same time by CentOS 7.9's own data too.
const NEWER_TIMEZONES: [(&str, &str, &str); 7] = [
    ("America/Nuuk", "America/Godthab", FORMER),     // 2020a
    ("Europe/Kyiv", "Europe/Kiev", FORMER),          // 2022b
    ("Pacific/Kanton", "Pacific/Enderbury", FORMER), // 2021b
    ("America/Ciudad_Juarez", "America/Denver", ALIKE), // 2022g
    ("America/Coyhaique", "Antarctica/Palmer", ALIKE), // 2025b
    ("America/Punta_Arenas", "Antarctica/Palmer", ALIKE), // 2017a
    ("Asia/Qostanay", "Asia/Qyzylorda", ALIKE),      // 2018h
];
const FORMER: &str = "its former name";
const ALIKE: &str = "which has the same time";

/// Codes of languages that are taken for the name of a keyboard, which has that of a country.
const COUNTRIES: [(&str, &str); 8] = [
    ("cs", "cz"),
    ("da", "dk"),
    ("el", "gr"),
    ("en", "us"),
    ("ja", "jp"),
    ("ko", "kr"),
    ("sv", "se"),
    ("zh", "cn"),
];

/// Whether CentOS 7 has a time zone of that name.
#[must_use]
pub fn is_timezone(text: &str) -> bool {
    has(&TIMEZONES, text)
}

/// A time zone.
pub(super) fn timezone(text: &str) -> Result<String, Wrong> {
    if has(&TIMEZONES, text) {
        return Ok(text.to_owned());
    }
    if let Some((_, instead, why)) =
        NEWER_TIMEZONES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(text))
    {
        let help = format!("use `{instead}`, {why}");
        return Err(Wrong::of(Rule::Timezone, "is newer than the time zones of CentOS 7.9", help));
    }
    let city = |name: &&str| name.rsplit('/').next().is_some_and(|c| c.eq_ignore_ascii_case(text));
    // From the end, so that `utc` is `UTC` and not `Etc/UTC`.
    let guess = TIMEZONES.iter().copied().rfind(city).or_else(|| meant(&TIMEZONES, text));
    Err(Wrong::of(
        Rule::Timezone,
        "is no time zone of CentOS 7.9",
        did_you_mean(guess).unwrap_or_else(|| {
            "a name of the time zone database, such as `Asia/Seoul`, `Europe/Berlin` or `UTC`"
                .into()
        }),
    ))
}

/// A language, with its encoding: `ko_KR` and `ko_KR.utf8` are `ko_KR.UTF-8`, as they are to the installer.
/// (To cloud-init, `ko_KR` would be EUC-KR.)
pub(super) fn language(text: &str) -> Result<String, Wrong> {
    let (rest, modifier) = text.split_once('@').map_or((text, None), |(r, m)| (r, Some(m)));
    let (name, encoding) = rest.split_once('.').unwrap_or((rest, "UTF-8"));
    let plain = format!("{name}.UTF-8");
    let full = modifier.map_or_else(|| plain.clone(), |m| format!("{plain}@{m}"));
    let utf8 = ["UTF-8", "UTF8"].iter().any(|e| e.eq_ignore_ascii_case(encoding));
    if utf8 && has(&LANGUAGES, &full) {
        return Ok(full);
    }
    let instead = if ["C", "POSIX"].iter().any(|n| n.eq_ignore_ascii_case(name)) {
        Some("en_US.UTF-8")
    } else {
        [full.as_str(), plain.as_str()].into_iter().find(|n| has(&LANGUAGES, n))
    };
    if let Some(instead) = instead {
        return Err(Wrong::of(
            Rule::Language,
            "is no UTF-8 language of CentOS 7.9",
            format!("use `{instead}`, which the installer would set in its place"),
        ));
    }
    let names: Vec<&str> = LANGUAGES.iter().filter_map(|n| n.strip_suffix(".UTF-8")).collect();
    let mut of_language = names.iter().copied().filter(|n| n.split('_').next() == Some(name));
    let only = of_language.next().filter(|_| of_language.next().is_none());
    let british = Some("en_GB").filter(|_| name == "en_UK");
    let guess = british.or(only).or_else(|| meant(&names, name)).map(|n| format!("{n}.UTF-8"));
    Err(Wrong::of(
        Rule::Language,
        "is no language of CentOS 7.9",
        did_you_mean(guess.as_deref()).unwrap_or_else(|| {
            "a language, a country and UTF-8, such as `en_US.UTF-8` or `ko_KR.UTF-8`".into()
        }),
    ))
}

/// A keyboard: a keymap of the console.
pub(super) fn keyboard(text: &str) -> Result<String, Wrong> {
    if has(&KEYBOARDS, text) {
        return Ok(text.to_owned());
    }
    // The name of a layout of X, `us (dvorak)`; a locale's country; a language.
    let variant = text.trim_end_matches(')').replace(" (", "-").replace('(', "-");
    let locale = text.split('.').next().unwrap_or(text).to_ascii_lowercase();
    let country = locale.split_once(['_', '-']).map(|(_, country)| country);
    let of_language = COUNTRIES.iter().find(|(code, _)| *code == locale).map(|(_, name)| *name);
    let guess = [Some(variant.as_str()), country.filter(|c| c.len() == 2), of_language]
        .into_iter()
        .flatten()
        .find(|name| has(&KEYBOARDS, name));
    Err(Wrong::of(Rule::Keyboard,
        "is no keyboard of CentOS 7.9",
        did_you_mean(guess.or_else(|| meant(&KEYBOARDS, text))).unwrap_or_else(|| {
            "a console keymap, such as `us`, `kr` or `gb`; `localectl list-keymaps` on CentOS 7 lists all".into()
        }),
    ))
}

fn has(names: &[&str], name: &str) -> bool {
    names.binary_search(&name).is_ok()
}

/// The name that differs in case only, or the nearest. Every short text is near to something: nothing is guessed for it,
/// and nothing for what is longer than any name.
fn meant<'a>(names: &[&'a str], text: &str) -> Option<&'a str> {
    names.iter().copied().find(|name| name.eq_ignore_ascii_case(text)).or_else(|| {
        (5..=64).contains(&text.len()).then(|| nearest(text, names.iter().copied())).flatten()
    })
}

fn did_you_mean(name: Option<&str>) -> Option<String> {
    name.map(|name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests;
