//! A file is brought from whichever mirrors do it, until it has the digest that it must have.
//!
//! All mirrors have the same bytes, so each goes on where the last one ended. The mirrors are gone through again and again,
//! with longer and longer pauses, as long as one of them may still do better. Where the whole has another digest than it must
//! have and was put together from several answers, nobody knows who was wrong: from then on each mirror sends all of it alone.

use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::blocking::Client;

use super::answer::{Next, Trouble};
use super::client::{LONGEST, shown, wait};
use super::part::Part;
use super::transfer::{Failed, Transfer};
use super::{Event, FetchError, Network, Place, Told, Tried};
use crate::digest::Digest;

/// How often one mirror may break off in one round. That is more than lines do, and ends what is sent byte by byte.
const PIECES: u32 = 1000;

/// What to bring.
pub(super) struct Download<'a> {
    pub client: &'a Client,
    pub network: &'a Network,
    pub urls: &'a [Url],
    pub sha256: Digest,
    pub size: Option<u64>,
    /// Where it goes.
    pub place: &'a Place,
}

/// What is known about a mirror.
struct Mirror<'a> {
    url: &'a Url,
    /// The last that went wrong.
    trouble: Option<Trouble>,
    /// It asked to be left alone until then.
    not_before: Option<Instant>,
}

impl Mirror<'_> {
    fn may_do_better(&self) -> bool {
        self.trouble.as_ref().is_none_or(|trouble| trouble.next != Next::Elsewhere)
    }

    fn is_ready(&self) -> bool {
        self.may_do_better() && self.not_before.is_none_or(|then| then <= Instant::now())
    }

    fn failed(&mut self, trouble: Trouble, tell: &mut Told) {
        tell(Event::Trouble { url: &shown(self.url), what: &trouble.what });
        self.not_before = match trouble.next {
            Next::Again(Some(after)) => Some(Instant::now() + after.min(LONGEST)),
            _ => None,
        };
        self.trouble = Some(trouble);
    }
}

/// What came of a mirror.
enum Came {
    /// The right file.
    Right,
    /// A whole file, and another one.
    Wrong,
    /// Less than all.
    Trouble(Trouble),
}

impl Download<'_> {
    /// Brings the file. What is told is the URL that ended it.
    pub fn run(&self, tell: &mut Told) -> Result<String, FetchError> {
        let mut part = Part::open(self.place)?;
        match self.fill(&mut part, tell) {
            Ok(from) => part.finish().map(|()| from),
            Err(error) => {
                // That it cannot be tidied up is not why it failed.
                let _ = part.leave();
                Err(error)
            }
        }
    }

    fn fill(&self, part: &mut Part, tell: &mut Told) -> Result<String, FetchError> {
        if self.size.is_some_and(|size| part.length() > size) {
            part.clear()?;
        }
        let mirror = |url| Mirror { url, trouble: None, not_before: None };
        let mut mirrors: Vec<Mirror> = self.urls.iter().map(mirror).collect();
        // Whose the part is, once each mirror has to send all of it alone.
        let mut owner: Option<usize> = None;
        let mut alone = false;
        let mut round = 0;
        for _ in 0..PIECES {
            let (before, was_alone) = (part.length(), alone);
            for (i, mirror) in mirrors.iter_mut().enumerate() {
                if !mirror.is_ready() {
                    continue;
                }
                if alone && owner.replace(i) != Some(i) {
                    part.clear()?;
                }
                match self.from(mirror.url, alone, part, tell)? {
                    Came::Right => return Ok(shown(mirror.url)),
                    Came::Trouble(trouble) => mirror.failed(trouble, tell),
                    Came::Wrong if alone || part.notes.pieces == 1 => {
                        let what = self.other_file(part);
                        part.clear()?;
                        mirror.failed(Trouble::elsewhere(what), tell);
                    }
                    Came::Wrong => {
                        tell(Event::Mixed { found: part.digest() });
                        part.clear()?;
                        (alone, owner) = (true, None);
                        break;
                    }
                }
            }
            if !was_alone && (alone || !mirrors.iter().any(Mirror::may_do_better)) {
                // What was there may be why they refused: once more, from the beginning.
                let doubted =
                    mirrors.iter_mut().filter(|m| m.trouble.as_ref().is_some_and(|t| t.is_doubt));
                for mirror in doubted {
                    (mirror.trouble, alone) = (None, true);
                }
            }
            if !mirrors.iter().any(Mirror::may_do_better) {
                break;
            }
            if !mirrors.iter().any(Mirror::is_ready) {
                // All of them asked for time.
                let then =
                    mirrors.iter().filter(|m| m.may_do_better()).filter_map(|m| m.not_before).min();
                wait(then.map_or(Duration::ZERO, |then| then - Instant::now()), tell)?;
            }
            // Whoever begins anew, or was not asked, has not failed.
            let not_asked = mirrors.iter().all(|m| m.trouble.is_none() || !m.may_do_better());
            if alone != was_alone || not_asked {
                continue;
            }
            // Whoever still sends something is not given up.
            round = if part.length() > before { 0 } else { round + 1 };
            if round > self.network.retries {
                break;
            }
            wait(self.network.pause(round.max(1)), tell)?;
        }
        Err(self.failed(&mirrors))
    }

    fn other_file(&self, part: &Part) -> String {
        let found = part.digest();
        match self.size {
            Some(_) => format!("sent another file: its SHA-256 is {found}"),
            None => format!(
                "sent another file: its SHA-256 is {found}, after {} bytes (if it was cut, `--size` tells)",
                part.length()
            ),
        }
    }

    /// Takes all of it from one mirror, as long as that sends anything at all.
    fn from(
        &self,
        url: &Url,
        alone: bool,
        part: &mut Part,
        tell: &mut Told,
    ) -> Result<Came, FetchError> {
        let Self { client, network, size, .. } = *self;
        let transfer = Transfer { client, network, size, alone };
        for _ in 0..PIECES {
            let before = part.length();
            tell(Event::Mirror { url: &shown(url), from: before });
            let taken = transfer.take(url, part, tell);
            if part.is(self.sha256) {
                // Whatever was said of it.
                return Ok(Came::Right);
            }
            let trouble = match taken {
                Ok(()) => return Ok(Came::Wrong),
                Err(Failed::Fetch(error)) => return Err(error),
                Err(Failed::Mirror(trouble)) => trouble,
            };
            if part.length() <= before || trouble.next == Next::Elsewhere {
                return Ok(Came::Trouble(trouble));
            }
            tell(Event::Trouble { url: &shown(url), what: &trouble.what });
            wait(self.network.pause(1), tell)?;
        }
        Ok(Came::Trouble(Trouble::elsewhere(format!("broke off {PIECES} times"))))
    }

    fn failed(&self, mirrors: &[Mirror]) -> FetchError {
        let tried = mirrors.iter().map(|mirror| Tried {
            url: shown(mirror.url),
            what: mirror.trouble.as_ref().map_or_else(String::new, |t| t.what.clone()),
        });
        FetchError::NoMirror { file: super::file_name(&self.place.image), tried: tried.collect() }
    }
}
