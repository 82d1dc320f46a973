//! How mirrors are asked: many at the same time, and none again that is not there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use reqwest::blocking::Client;
use reqwest::header::{AGE, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap};

use super::{Mirror, Thing};
use crate::base_image::{FetchError, Network, NotSent, Small, small};
use crate::interrupt::{self, Interrupted};
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
/// be reached is asked for nothing more.
///
/// # Errors
/// The person asked to stop, or the network cannot be used at all.
pub fn ask(
    asked: &[(String, Vec<Thing>)],
    network: &Network,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<Mirror>, FetchError> {
    let client = network.client()?;
    let questions: usize = asked.iter().map(|(_, things)| things.len()).sum();
    let work = Work::new(asked);
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

impl<'a> Work<'a> {
    fn new(asked: &'a [(String, Vec<Thing>)]) -> Self {
        let mirror = |(name, _): &(String, Vec<Thing>)| Mirror {
            mirror: without_private(name).into_owned(),
            carries: Vec::new(),
            lacks: BTreeMap::new(),
            ahead: None,
        };
        let with_first = asked.iter().enumerate().filter(|(_, (_, things))| !things.is_empty());
        let state = Questions {
            ready: with_first.map(|(i, _)| (i, 0)).collect(),
            open: 0,
            done: 0,
            mirrors: asked.iter().map(mirror).collect(),
        };
        Self { asked, state: Mutex::new(state), changed: Condvar::new() }
    }

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
        if n == 0 {
            state.ready.extend((1..things.len()).map(|n| (i, n)));
        }
        let mut lacks = Vec::new();
        match came.answer {
            Ok(()) => state.mirrors[i].carries.push(things[n].name.clone()),
            Err(what) => lacks.push((n, what)),
        }
        if !came.is_there {
            // It would say the same of everything, after the same time.
            let what = lacks.first().map(|(_, what)| what.clone()).unwrap_or_default();
            let (its, others): (VecDeque<Question>, _) =
                state.ready.drain(..).partition(|(of, _)| *of == i);
            state.ready = others;
            state.done += its.len();
            lacks.extend(its.into_iter().map(|(_, n)| (n, what.clone())));
        }
        let mirror = &mut state.mirrors[i];
        mirror.ahead = came.ahead.or(mirror.ahead);
        mirror.lacks.extend(lacks.into_iter().map(|(n, what)| (things[n].name.clone(), what)));
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
        let stopped = |asked: Interrupted| Err(NotSent { what: asked.to_string(), is_there: true });
        let found = found.unwrap_or_else(stopped);
        came.is_there = found.as_ref().map_or_else(|error| error.is_there, |_| true);
        came.ahead = found.as_ref().map_or(came.ahead, |found| ahead_of(&found.headers));
        let passes = found.as_ref().is_ok_and(|found| found.status.is_server_error());
        came.answer = found.map_err(|error| error.what).and_then(|found| is(&found, thing));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_there_is_asked_for_nothing_more() {
        let thing =
            |name: &str| Thing { name: name.into(), url: String::new(), size: None, begins: None };
        let things = ["a", "b", "c", "d"].map(thing).to_vec();
        let asked = [("http://m".to_owned(), things.clone()), ("http://n".to_owned(), things)];
        let work = Work::new(&asked);
        let came = |answer: Result<(), &str>, is_there| Came {
            answer: answer.map_err(str::to_owned),
            is_there,
            ahead: None,
        };
        let next = || work.next(&|_| ());
        assert_eq!((next(), next()), (Some((0, 0)), Some((1, 0))));
        work.came(0, 0, came(Ok(()), true));
        work.came(1, 0, came(Err("is gone"), false));
        assert_eq!((next(), next()), (Some((0, 1)), Some((0, 2))));
        work.came(0, 1, came(Err("is gone"), false));
        work.came(0, 2, came(Ok(()), true));
        assert_eq!(next(), None);
        let state = work.state();
        assert_eq!(state.done, 8);
        assert_eq!(state.mirrors[0].carries, ["a", "c"]);
        assert_eq!(state.mirrors[0].lacks.keys().collect::<Vec<_>>(), ["b", "d"]);
        assert!(state.mirrors[1].lacks.values().eq(["is gone"; 4].iter()));
    }
}
