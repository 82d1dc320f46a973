//! The world: which mirrors still carry what a lab needs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Check, Kind, State};

/// Clocks that differ by more, in seconds, make certificates and signatures fail.
const CLOCK: i64 = 300;

/// What a mirror is asked for.
#[derive(Clone, Debug)]
pub struct Thing {
    /// What it is: a repository's id, or an image's name.
    pub name: String,
    /// Where.
    pub url: String,
    /// Its size, where it is known.
    pub size: Option<u64>,
    /// Words that are among its first bytes.
    pub begins: Option<&'static str>,
}

/// A mirror, and what it answered.
#[derive(Clone, Debug, Serialize)]
pub struct Mirror {
    /// Its base URL.
    pub mirror: String,
    /// What it carries.
    pub carries: Vec<String>,
    /// What it does not carry, and what it answered.
    pub lacks: BTreeMap<String, String>,
    /// By how many seconds its clock is ahead of this machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<i64>,
}

impl Mirror {
    /// Its base URL without a name and a password, where it was asked with one.
    #[must_use]
    pub fn without_password(&self) -> Option<String> {
        let (scheme, rest) = self.mirror.split_once("://")?;
        let (_, host) = rest.split_once('@')?;
        Some(format!("{scheme}://{host}"))
    }

    /// Whether it carries all that it was asked for of these.
    #[must_use]
    pub fn carries_all(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.carries.iter().any(|carried| carried == name))
    }
}

/// An image that mirrors were asked for.
#[derive(Clone, Debug)]
pub struct AskedImage {
    /// What its mirrors are called.
    pub about: &'static str,
    /// Its name.
    pub name: String,
    /// Those that should have it, by their numbers and in the order in which they are asked.
    pub order: Vec<usize>,
    /// What to do where none has it.
    pub fix: &'static str,
}

/// What the answers mean for somebody who needs these repositories and these images.
#[must_use]
pub fn judge(mirrors: &[Mirror], repositories: &[&str], images: &[AskedImage]) -> Vec<Check> {
    let all = repositories.len();
    let packages = carried(
        "mirrors of packages",
        &mirrors.iter().collect::<Vec<_>>(),
        repositories,
        &format!("all {all} repositories"),
        "name one that does (`mirror` in the lab file), or look at this machine's network and proxy",
    );
    let mut checks = vec![packages];
    checks.extend(images.iter().map(|AskedImage { about, name, order, fix }| {
        let in_order: Vec<&Mirror> = order.iter().filter_map(|i| mirrors.get(*i)).collect();
        carried(about, &in_order, &[name], &format!("`{name}`"), fix)
    }));
    let ahead = usual(mirrors.iter().filter_map(|m| m.ahead).collect());
    if let Some(ahead) = ahead.filter(|ahead| ahead.abs() > CLOCK) {
        let way = if ahead > 0 { "behind" } else { "ahead of" };
        checks.push(Check::not(
            Kind::Machine,
            "time",
            State::Bad,
            format!("this machine's clock is {} s {way} the mirrors'", ahead.abs()),
            "set it (`timedatectl set-ntp true`): certificates and signatures depend on it",
        ));
    } else if ahead.is_some() {
        checks.push(Check::good(
            Kind::Machine,
            "time",
            "this machine's clock agrees with the mirrors'",
        ));
    }
    checks
}

/// The middle of these, or of two the smaller: one mirror whose clock is wrong says nothing about this machine's.
fn usual(mut all: Vec<i64>) -> Option<i64> {
    all.sort_unstable_by_key(|ahead| ahead.abs());
    all.get(all.len().saturating_sub(1) / 2).copied()
}

/// Whether a mirror carries all of these.
fn carried(about: &str, mirrors: &[&Mirror], names: &[&str], what: &str, fix: &str) -> Check {
    let of_it = |mirror: &&Mirror| {
        let asked = |name: &&str| mirror.lacks.contains_key(*name) || mirror.carries_all(&[name]);
        names.iter().all(asked)
    };
    let asked: Vec<&Mirror> = mirrors.iter().copied().filter(of_it).collect();
    let whole: Vec<&&Mirror> = asked.iter().filter(|mirror| mirror.carries_all(names)).collect();
    match whole.first() {
        Some(first) => {
            let seen =
                format!("{} of {} carry {what}, first {}", whole.len(), asked.len(), first.mirror);
            Check::good(Kind::Mirrors, about, seen)
        }
        None => Check::not(
            Kind::Mirrors,
            about,
            State::Bad,
            format!("none of {} carries {what}", asked.len()),
            fix,
        ),
    }
}
