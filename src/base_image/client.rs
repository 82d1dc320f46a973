//! How servers are spoken to.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, ClientBuilder, RequestBuilder, Response};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, StatusCode, Url};

use super::{Event, FetchError, Told};
use crate::interrupt::{self, Interrupted};
use crate::report::without_private;

/// How many redirects are followed for one request.
const REDIRECTS: usize = 5;

/// The longest pause, whoever asks for it.
pub(super) const LONGEST: Duration = Duration::from_secs(120);

/// Shorter pauses are not told.
const WORTH_TELLING: Duration = Duration::from_millis(500);

/// How often is looked whether the person asked to stop.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// What the person says about the network. Proxies are taken from `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`.
#[derive(Clone, Debug)]
pub struct Network {
    /// Certificates (PEM) that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// How long a connection may take to stand.
    pub connect_time: Duration,
    /// How long a server may send next to nothing.
    pub stall_time: Duration,
    /// How often a mirror is tried again without having sent anything in between.
    pub retries: u32,
    /// The pause before it is tried again the first time; it doubles every time.
    pub retry_delay: Duration,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            ca_file: None,
            connect_time: Duration::from_secs(20),
            stall_time: Duration::from_secs(30),
            retries: 3,
            retry_delay: Duration::from_secs(1),
        }
    }
}

impl Network {
    /// A client that does as it is told here.
    pub(crate) fn client(&self) -> Result<Client, FetchError> {
        // Fails where somebody has installed one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = match &self.ca_file {
            Some(path) => self.builder().tls_certs_merge(certificates(path)?).build(),
            // A system without any certificates fails. Mirrors without TLS work all the same, and no other can prove who it is.
            None => self
                .builder()
                .build()
                .or_else(|error| self.builder().tls_certs_only([]).build().map_err(|_| error)),
        };
        client.map_err(|error| FetchError::Network(root_cause(&error)))
    }

    fn builder(&self) -> ClientBuilder {
        Client::builder()
            .user_agent(concat!("trainyard/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect_time)
            // Of each read, not of the whole.
            .timeout(self.stall_time)
            // Where somebody comes from may hold a token, and is nobody's business.
            .referer(false)
            .redirect(Policy::custom(redirect))
    }

    /// The pause before the next round, counted from 1: longer every time, and never quite as long as for others who were thrown
    /// out at the same time.
    pub(super) fn pause(&self, round: u32) -> Duration {
        let doubled = self.retry_delay.saturating_mul(1 << (round - 1).min(16));
        doubled.min(LONGEST).mul_f64(0.5 + random() / 2.0)
    }
}

/// Does nothing for so long, unless the person asks to stop.
pub(super) fn wait(pause: Duration, tell: &mut Told) -> Result<(), Interrupted> {
    if pause >= WORTH_TELLING {
        tell(Event::Pause(pause));
    }
    let until = Instant::now() + pause;
    loop {
        interrupt::check()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(TICK));
    }
}

/// From 0 to 1.
fn random() -> f64 {
    f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX)
}

/// The certificates of a file in PEM.
pub(crate) fn certificates(path: &Path) -> Result<Vec<Certificate>, FetchError> {
    let pem = std::fs::read(path).map_err(FetchError::io(path))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(FetchError::Certificates(path.to_owned())),
    }
}

fn redirect(attempt: Attempt) -> reqwest::redirect::Action {
    if attempt.previous().len() > REDIRECTS {
        return attempt.error(format!("more than {REDIRECTS} redirects"));
    }
    // To what is neither HTTP nor HTTPS nobody goes: the answer itself is what is read then.
    attempt.follow()
}

/// Does something with the network in a thread of its own, so that the person can stop it while nothing comes. The thread ends by itself
/// within the client's time limits. Nothing comes of what took longer than `limit`.
fn aside<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Option<T>, Interrupted> {
    let (done, answer) = channel();
    // Whoever has given up is told nothing.
    thread::spawn(move || drop(done.send(work())));
    let until = Instant::now() + limit;
    loop {
        interrupt::check()?;
        match answer.recv_timeout(TICK) {
            Ok(answer) => return Ok(Some(answer)),
            Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
            Err(_) => return Ok(None),
        }
    }
}

/// Sends a request; nothing comes of one that is not answered within `limit`.
pub(super) fn send(
    request: RequestBuilder,
    limit: Duration,
) -> Result<Option<reqwest::Result<Response>>, Interrupted> {
    aside(limit, || request.send())
}

/// The head of a small file's answer, and its first bytes.
pub(crate) struct Small {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Why a small file did not come.
pub(crate) struct NotSent {
    pub what: String,
    /// Whether anybody answered.
    pub is_there: bool,
}

/// Asks for a small file and reads at most so many bytes of it. Who sends them one by one is not waited for.
pub(crate) fn small(
    request: RequestBuilder,
    most: u64,
    limit: Duration,
) -> Result<Result<Small, NotSent>, Interrupted> {
    let answer = aside(limit, move || read_small(request, most, limit))?;
    let late = || NotSent { what: format!("did not answer within {limit:?}"), is_there: false };
    Ok(answer.unwrap_or_else(|| Err(late())))
}

fn read_small(request: RequestBuilder, most: u64, limit: Duration) -> Result<Small, NotSent> {
    let until = Instant::now() + limit;
    let response = request.header(ACCEPT_ENCODING, "identity").send();
    let failed = |what: &str, error: &dyn std::error::Error, is_there| NotSent {
        what: format!("{what}: {}", root_cause(error)),
        is_there,
    };
    let response = response.map_err(|error| failed("cannot be reached", &error, false))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let (mut body, mut buffer, mut response) = (Vec::new(), [0; 8192], response.take(most));
    loop {
        match response.read(&mut buffer).map_err(|error| failed("broke off", &error, true))? {
            0 => break,
            count => body.extend_from_slice(&buffer[..count]),
        }
        // Who sends it byte by byte would hold this thread for ever.
        if Instant::now() > until {
            return Err(NotSent { what: format!("did not end within {limit:?}"), is_there: true });
        }
    }
    Ok(Small { status, headers, body })
}

/// A URL without what it may say of a person: names and passwords, and what goes with a query.
pub(crate) fn shown(url: &Url) -> String {
    without_private(url.as_str()).into_owned()
}

/// The innermost cause, which says most; the outer ones repeat the URL.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
