//! One answer of one mirror, taken as far as it goes.

use std::io::{self, Read as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT_ENCODING, IF_RANGE, RANGE};

use super::answer::{Answer, Trouble};
use super::client::{TICK, root_cause, send, shown};
use super::part::Part;
use super::{Event, FetchError, Network, Told};
use crate::interrupt;

/// Bytes that are read, hashed and written at a time, and how many of such may wait: 4 MiB in all.
const BUFFER: usize = 1 << 18;
const WAITING: usize = 16;

/// The largest file that is taken where nobody but a mirror says how large it is: the largest image of CentOS 7.9 has 9.5 GiB.
const LARGEST: u64 = 16 << 30;

/// What counts as nothing, in bytes a second: at this rate the Minimal medium takes eleven days.
const SLOWEST: u64 = 1 << 10;

/// Why an answer was not taken to its end.
pub(super) enum Failed {
    /// The mirror's doing.
    Mirror(Trouble),
    /// Ours.
    Fetch(FetchError),
}

impl From<FetchError> for Failed {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Self::Mirror(trouble)
    }
}

/// How the file is asked for.
pub(super) struct Transfer<'a> {
    pub client: &'a Client,
    pub network: &'a Network,
    /// The size that the file must have, where it is known.
    pub size: Option<u64>,
    /// Whether the mirror has to send all of it, so that what is there must be of the same file by its own word.
    pub alone: bool,
}

impl Transfer<'_> {
    /// Takes what is missing from a mirror, or the whole where it does not send parts. Done, the part is as long as the file is.
    pub fn take(&self, url: &Url, part: &mut Part, tell: &mut Told) -> Result<(), Failed> {
        let (have, size) = (part.length(), self.size);
        part.catch_up(&mut |done| tell(Event::Read { done, of: have }))?;
        let have = part.length();
        if size == Some(have) {
            return Ok(());
        }
        let name = shown(url);
        let validator = (have > 0).then(|| part.notes.validators.get(&name)).flatten();
        let mut response = self.ask(url, have, validator)?;
        let mut answer = Answer::read(response.status(), response.headers(), have, size)?;
        if validator.is_some() && answer.at < have && !self.alone {
            // It says that it has another file now, as one does behind which many stand that do not agree about validators. Nothing
            // is thrown away for that: the digest of the whole decides. Whoever sends no more then may still send all of it.
            drop(response);
            response = self.ask(url, have, None)?;
            answer = Answer::read(response.status(), response.headers(), have, size)
                .map_err(|trouble| Trouble { is_doubt: true, ..trouble })?;
        }
        self.check_room(answer.size, have, part)?;
        part.begin(&name, answer.at, answer.validator.as_deref())?;
        let size = size.or(answer.size);
        self.body(response, size, part, tell)?;
        match size {
            Some(size) if part.hashed() < size => {
                let what = format!("ended early, after {} of {size} bytes", part.hashed());
                Err(Trouble::again(what).into())
            }
            _ => Ok(part.end()?),
        }
    }

    /// Asks for what comes after so many bytes; with a validator, for all of it where it is another file.
    fn ask(&self, url: &Url, have: u64, validator: Option<&String>) -> Result<Response, Failed> {
        let mut request = self.client.get(url.clone()).header(ACCEPT_ENCODING, "identity");
        if have > 0 {
            request = request.header(RANGE, format!("bytes={have}-"));
        }
        if let Some(validator) = validator {
            request = request.header(IF_RANGE, validator);
        }
        // The client's own limits are for a connection and for an answer.
        let limit = (self.network.connect_time + self.network.stall_time) * 2;
        let late = || Trouble::again(format!("did not answer for {limit:?}"));
        let response = send(request, limit).map_err(FetchError::from)?.ok_or_else(late)?;
        response.map_err(|error| self.not_answered(&error).into())
    }

    /// There is room for what is missing. Where only the mirror says how much that is, it may be wrong.
    fn check_room(&self, told: Option<u64>, have: u64, part: &Part) -> Result<(), Failed> {
        let Some(size) = self.size.or(told) else { return Ok(()) };
        let needed = size.saturating_sub(have);
        let free = part.free();
        if self.size.is_some() && free < needed {
            let folder = part.path().parent().unwrap_or(part.path()).to_owned();
            return Err(FetchError::NoSpace { folder, free, needed }.into());
        }
        if free < needed || size > LARGEST {
            let what = format!(
                "says that the file has {} MiB; {} MiB are free, and {} MiB is the most that is taken without `--size`",
                size >> 20,
                free >> 20,
                LARGEST >> 20
            );
            return Err(Trouble::elsewhere(what).into());
        }
        Ok(())
    }

    fn not_answered(&self, error: &reqwest::Error) -> Trouble {
        if error.is_timeout() && !error.is_connect() {
            return Trouble::again(format!("did not answer for {:?}", self.network.stall_time));
        }
        let cause = root_cause(error);
        if error.is_redirect() || error.is_builder() {
            return Trouble::elsewhere(format!("leads elsewhere: {cause}"));
        }
        if is_tls(error) {
            return Trouble::elsewhere(format!("cannot prove who it is: {cause}"));
        }
        Trouble::again(format!("cannot be reached: {cause}"))
    }

    /// Reads in a thread of its own, so that reading, and hashing and writing, take place at the same time.
    fn body(
        &self,
        response: Response,
        size: Option<u64>,
        part: &mut Part,
        tell: &mut Told,
    ) -> Result<(), Failed> {
        let (filled, take) = sync_channel(WAITING);
        let (give, empty) = channel();
        // It ends by itself within the stall time when nobody takes any more.
        thread::spawn(move || read(response, &filled, &empty));
        let mut watch = Watch::new(self.network.stall_time);
        while size != Some(part.hashed()) {
            interrupt::check().map_err(FetchError::from)?;
            let (buffer, count) = match next(&take) {
                Some(Ok(Some(read))) => read,
                Some(Ok(None)) => break,
                Some(Err(error)) => {
                    let what = format!("broke off: {}", root_cause(&error));
                    return Err(Trouble::again(what).into());
                }
                None => {
                    watch.check(0)?;
                    continue;
                }
            };
            if size.is_none() && part.hashed() > LARGEST {
                part.clear()?;
                return Err(Trouble::elsewhere("sends without end").into());
            }
            let left = size.map_or(u64::MAX, |size| size - part.hashed());
            let count = count.min(usize::try_from(left).unwrap_or(usize::MAX));
            match part.write(&buffer[..count]) {
                // Whoever does not say how much it is may go on for ever.
                Err(FetchError::Full { .. }) if size.is_none() => {
                    part.clear()?;
                    let what = "sends more than there is room for, and did not say how much it is";
                    return Err(Trouble::elsewhere(what).into());
                }
                written => written?,
            }
            // The reader may be gone.
            let _ = give.send(buffer);
            tell(Event::Got { done: part.hashed(), of: size });
            watch.check(count)?;
        }
        Ok(())
    }
}

/// Whether the server could not prove who it is, or does not speak TLS.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    // What an I/O error holds is not its source.
    let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<rustls::Error>()
        || held.is_some_and(|held| is_tls(held))
        || error.source().is_some_and(is_tls)
}

/// A buffer with so many bytes; nothing at the end of the body.
type Filled = io::Result<Option<(Vec<u8>, usize)>>;

fn read(mut response: Response, filled: &SyncSender<Filled>, empty: &Receiver<Vec<u8>>) {
    loop {
        let mut buffer = empty.try_recv().unwrap_or_default();
        buffer.resize(BUFFER, 0);
        let read = response.read(&mut buffer).map(|n| (n > 0).then_some((buffer, n)));
        let ended = !matches!(read, Ok(Some(_)));
        if filled.send(read).is_err() || ended {
            return;
        }
    }
}

/// The next piece of the body; nothing where none comes for a while.
fn next(take: &Receiver<Filled>) -> Option<Filled> {
    match take.recv_timeout(TICK) {
        Ok(filled) => Some(filled),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => {
            Some(Err(io::Error::other("the reader of the connection ended")))
        }
    }
}

/// Whether a mirror still sends.
struct Watch {
    window: Duration,
    since: Instant,
    bytes: u64,
}

impl Watch {
    fn new(window: Duration) -> Self {
        Self { window, since: Instant::now(), bytes: 0 }
    }

    /// So many bytes came.
    fn check(&mut self, count: usize) -> Result<(), Trouble> {
        self.bytes += count as u64;
        let time = self.since.elapsed();
        if time < self.window {
            return Ok(());
        }
        let least = SLOWEST * time.as_secs().max(1);
        self.since = Instant::now();
        if std::mem::take(&mut self.bytes) < least {
            let what = format!("sent next to nothing for {:?}", self.window);
            return Err(Trouble::again(what));
        }
        Ok(())
    }
}
