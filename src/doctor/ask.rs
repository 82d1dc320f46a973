//! How mirrors are asked: many at the same time, and none again that is not there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use reqwest::blocking::Client;
use reqwest::header::{AGE, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap};

use super::{Mirror, Thing};
use crate::base_image::{FetchError, Network, Small, small};
use crate::interrupt;
use crate::report::without_private;

/// Requests on the way at the same time.
const PARALLEL: usize = 24;

/// What an index is looked at for: its first bytes tell whether it is one.
const HEAD: u64 = 4096;

/// How often is looked whether the person asked to stop, while there is nothing to ask.
const TICK: Duration = Duration::from_millis(100);

/// How far the questions are.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The mirror that is asked.
    pub mirror: &'a str,
    /// What it is asked for.
    pub thing: &'a str,
    /// Questions that are done with.
    pub done: usize,
}

/// Asks all mirrors for all things at the same time: each for its first thing, and for the others once it has answered. One that cannot
/// be reached is not asked for them.
///
/// # Errors
/// The person asked to stop, or the network cannot be used at all.
pub fn ask(
    asked: &[(String, Vec<Thing>)],
    network: &Network,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<Mirror>, FetchError> {
    let client = network.client()?;
    let mirror = |(name, _): &(String, Vec<Thing>)| Mirror {
        mirror: without_private(name).into_owned(),
        carries: Vec::new(),
        lacks: BTreeMap::new(),
        ahead: None,
    };
    let first =
        |(i, (_, things)): (usize, &(String, Vec<Thing>))| (!things.is_empty()).then_some((i, 0));
    let questions = asked.iter().map(|(_, things)| things.len()).sum();
    let work = Work {
        asked,
        state: Mutex::new(Questions {
            ready: asked.iter().enumerate().filter_map(first).collect(),
            open: 0,
            done: 0,
            mirrors: asked.iter().map(mirror).collect(),
        }),
        changed: Condvar::new(),
    };
    thread::scope(|scope| {
        for _ in 0..PARALLEL.min(questions) {
            scope.spawn(|| {
                while let Some((i, n)) = work.next(tell) {
                    let came = has(&client, network, &asked[i].1[n]);
                    work.came(i, n, came);
                }
            });
        }
    });
    interrupt::check()?;
    let state = work.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut mirrors = state.mirrors;
    for (mirror, (_, things)) in mirrors.iter_mut().zip(asked) {
        // In the order of the question, not of the answers.
        mirror.carries.sort_by_key(|name| things.iter().position(|thing| thing.name == *name));
    }
    Ok(mirrors)
}

/// A question: the number of a mirror, and of a thing that it is asked for.
type Question = (usize, usize);

/// What is left to ask, and what came.
struct Work<'a> {
    asked: &'a [(String, Vec<Thing>)],
    state: Mutex<Questions>,
    changed: Condvar,
}

struct Questions {
    ready: VecDeque<Question>,
    /// How many are on the way.
    open: usize,
    done: usize,
    mirrors: Vec<Mirror>,
}

impl Work<'_> {
    fn state(&self) -> MutexGuard<'_, Questions> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next question; nothing once all are answered, or the person asked to stop.
    fn next(&self, tell: &dyn Fn(Progress)) -> Option<Question> {
        let mut state = self.state();
        loop {
            interrupt::check().ok()?;
            if let Some((i, n)) = state.ready.pop_front() {
                state.open += 1;
                let (mirror, thing) = (&*state.mirrors[i].mirror, &*self.asked[i].1[n].name);
                tell(Progress { mirror, thing, done: state.done });
                return Some((i, n));
            }
            if state.open == 0 {
                return None;
            }
            let waited = self.changed.wait_timeout(state, TICK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn came(&self, i: usize, n: usize, came: Came) {
        let things = &self.asked[i].1;
        let mut state = self.state();
        state.open -= 1;
        state.done += 1;
        let mirror = &mut state.mirrors[i];
        mirror.ahead = came.ahead.or(mirror.ahead);
        match came.answer {
            Ok(()) => mirror.carries.push(things[n].name.clone()),
            // It would say the same of everything, after the same time.
            Err(what) if n == 0 && !came.is_there => {
                let all = things.iter().map(|thing| (thing.name.clone(), what.clone()));
                mirror.lacks.extend(all);
            }
            Err(what) => drop(mirror.lacks.insert(things[n].name.clone(), what)),
        }
        if n == 0 {
            if came.is_there {
                state.ready.extend((1..things.len()).map(|n| (i, n)));
            } else {
                state.done += things.len() - 1;
            }
        }
        drop(state);
        self.changed.notify_all();
    }
}

/// What came of a question.
struct Came {
    /// The mirror has it, or what it answered.
    answer: Result<(), String>,
    /// Whether anybody answered at all.
    is_there: bool,
    /// By how many seconds its clock is ahead.
    ahead: Option<i64>,
}

/// Asks a mirror for a thing. What may pass is asked for again.
fn has(client: &Client, network: &Network, thing: &Thing) -> Came {
    let mut came = Came { answer: Err("was not asked".to_owned()), is_there: true, ahead: None };
    for _ in 0..=network.retries {
        // Of an image not a byte is wanted.
        let most = if thing.begins.is_some() { HEAD } else { 0 };
        let found = small(client.get(&thing.url), most, network.stall_time);
        let found = found.unwrap_or_else(|interrupted| Err(interrupted.to_string()));
        came.is_there = found.is_ok();
        came.ahead = found.as_ref().map_or(came.ahead, |found| ahead_of(&found.headers));
        let passes = found.as_ref().is_ok_and(|found| found.status.is_server_error());
        came.answer = found.and_then(|found| is(&found, thing));
        if !passes || interrupt::check().is_err() {
            break;
        }
        thread::sleep(network.retry_delay);
    }
    came
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
