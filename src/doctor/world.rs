//! The world: which mirrors still carry what a lab needs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use reqwest::blocking::Client;
use reqwest::header::{AGE, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap};
use serde::Serialize;

use super::{Check, Kind, State};
use crate::base_image::{FetchError, Network, Small, small};
use crate::interrupt;
use crate::report::without_userinfo;

/// Requests on the way at the same time.
const PARALLEL: usize = 24;

/// What an index is looked at for: its first bytes tell whether it is one.
const HEAD: u64 = 4096;

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
    /// Whether it carries all that it was asked for of these.
    #[must_use]
    pub fn carries_all(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.carries.iter().any(|carried| carried == name))
    }
}

/// Asks all mirrors for all things at the same time.
///
/// # Errors
/// The person asked to stop, or the network cannot be used at all.
pub fn ask(asked: &[(String, Vec<Thing>)], network: &Network) -> Result<Vec<Mirror>, FetchError> {
    let client = network.client()?;
    // Mirror after mirror for the first thing, then for the next: a dead one does not hold up all others.
    let most = asked.iter().map(|(_, things)| things.len()).max().unwrap_or(0);
    let of =
        |n: usize| asked.iter().enumerate().filter_map(move |(i, (_, t))| Some((i, t.get(n)?)));
    let jobs: Vec<(usize, &Thing)> = (0..most).flat_map(of).collect();
    let mirror = |(name, _): &(String, Vec<Thing>)| Mirror {
        mirror: without_userinfo(name.split('?').next().unwrap_or(name)).into_owned(),
        carries: Vec::new(),
        lacks: BTreeMap::new(),
        ahead: None,
    };
    let mirrors: Mutex<Vec<Mirror>> = Mutex::new(asked.iter().map(mirror).collect());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..PARALLEL.min(jobs.len()) {
            scope.spawn(|| {
                while let Some((i, thing)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if interrupt::check().is_err() {
                        return;
                    }
                    let (answer, ahead) = has(&client, network, thing);
                    let mut mirrors = mirrors.lock().unwrap_or_else(PoisonError::into_inner);
                    let mirror = &mut mirrors[*i];
                    mirror.ahead = ahead.or(mirror.ahead);
                    match answer {
                        Ok(()) => mirror.carries.push(thing.name.clone()),
                        Err(what) => drop(mirror.lacks.insert(thing.name.clone(), what)),
                    }
                }
            });
        }
    });
    interrupt::check()?;
    let mut mirrors = mirrors.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (mirror, (_, things)) in mirrors.iter_mut().zip(asked) {
        // In the order of the question, not of the answers.
        mirror.carries.sort_by_key(|name| things.iter().position(|thing| thing.name == *name));
    }
    Ok(mirrors)
}

/// What the answers mean for somebody who needs these repositories, and this image.
#[must_use]
pub fn judge(mirrors: &[Mirror], repositories: &[&str], image: Option<&str>) -> Vec<Check> {
    let all = repositories.len();
    let packages = carried(
        "mirrors of packages",
        mirrors,
        repositories,
        &format!("all {all} repositories"),
        "name one that does (`mirror` in the lab file), or look at this machine's network and proxy",
    );
    let mut checks = vec![packages];
    if let Some(image) = image {
        let fix = "name one that does (`image: {mirrors: [URL]}` in the lab file), or a file (`--image ISO`)";
        checks.push(carried("mirrors of the image", mirrors, &[image], &format!("`{image}`"), fix));
    }
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
fn carried(about: &str, mirrors: &[Mirror], names: &[&str], what: &str, fix: &str) -> Check {
    let of_it = |mirror: &&Mirror| {
        let asked = |name: &&str| mirror.lacks.contains_key(*name) || mirror.carries_all(&[name]);
        names.iter().all(asked)
    };
    let asked: Vec<&Mirror> = mirrors.iter().filter(of_it).collect();
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

/// Whether a mirror has it, and by how many seconds its clock is ahead. What may pass is asked for again.
fn has(client: &Client, network: &Network, thing: &Thing) -> (Result<(), String>, Option<i64>) {
    let mut ahead = None;
    let mut answer = Err("was not asked".to_owned());
    for _ in 0..=network.retries {
        // Of an image not a byte is wanted.
        let most = if thing.begins.is_some() { HEAD } else { 0 };
        let found = small(client.get(&thing.url), most, network.stall_time);
        let found = found.unwrap_or_else(|interrupted| Err(interrupted.to_string()));
        ahead = found.as_ref().map_or(ahead, |found| ahead_of(&found.headers));
        let passes = found.as_ref().is_ok_and(|found| found.status.is_server_error());
        answer = found.and_then(|found| is(&found, thing));
        if !passes || interrupt::check().is_err() {
            break;
        }
        thread::sleep(network.retry_delay);
    }
    (answer, ahead)
}

fn is(found: &Small, thing: &Thing) -> Result<(), String> {
    if !found.status.is_success() {
        return Err(format!("answers {}", found.status));
    }
    let header = |name| found.headers.get(name).and_then(|value| value.to_str().ok());
    if header(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html")) {
        return Err("sends a web page instead".into());
    }
    let length = header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if let (Some(size), Some(length)) = (thing.size, length)
        && size != length
    {
        return Err(format!("carries another file: {length} bytes, not {size}"));
    }
    match thing.begins {
        Some(words) if !String::from_utf8_lossy(&found.body).contains(words) => {
            Err(format!("sends something else: no `{words}` in it"))
        }
        _ => Ok(()),
    }
}

fn ahead_of(headers: &HeaderMap) -> Option<i64> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // What a cache has kept bears the date of then, and its age (RFC 9111, section 5.1).
    let age = text(AGE).map_or(Some(0), |age| age.parse::<u32>().ok())?;
    let theirs = httpdate::parse_http_date(text(DATE)?).ok()? + Duration::from_secs(age.into());
    let seconds = match theirs.duration_since(SystemTime::now()) {
        Ok(ahead) => i64::try_from(ahead.as_secs()).ok()?,
        Err(behind) => -i64::try_from(behind.duration().as_secs()).ok()?,
    };
    Some(seconds)
}
